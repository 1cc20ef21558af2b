"""Secrets come from where operators keep them, rotate there, and are never shown."""

import asyncio
import copy
import functools
import pickle
import traceback
from pathlib import Path

import attrs
import pytest

from kmvalidate.client_auth._secrets import MAX_SECRET_BYTES, FromEnvironment, FromFile, Secret, to_secret
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Reason, Refused
from kmvalidate.fields import is_async

HUSH = "h!dden-Pa55"
VARIABLE = "KMVALIDATE_TEST_SECRET"
TOO_LARGE = HUSH * 6000


@pytest.fixture
def variable(monkeypatch):
    """Return a function that sets the variable."""
    return functools.partial(monkeypatch.setenv, VARIABLE)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(HUSH)
    return path


def raising(error):
    def source():
        raise error

    return source


async def coroutine_function():
    return HUSH


async def async_generator():
    yield HUSH


def hidden_coroutine():
    return coroutine_function()


class AsyncCallable:
    async def __call__(self):
        return HUSH


def failure(secret):
    """Return the outage that reading ends with, once nothing of the secret was found in it."""
    with pytest.raises(KeyManagerUnavailable, match=r"^the secret cannot be read: ") as caught:
        secret.read()
    error = caught.value
    assert (error.__context__, error.__cause__) == (None, None)
    shown = "".join(traceback.format_exception(error)) + str(error) + repr(error) + repr(pickle.dumps(error))
    assert HUSH not in shown
    return error


@pytest.mark.parametrize(
    "value",
    [
        *("", None, 5, b"bytes", bytearray(b"x"), ["x"], {"secret": "x"}, True, "\ud800", TOO_LARGE),
        *(coroutine_function, async_generator, AsyncCallable(), functools.partial(coroutine_function)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_secret_is_refused_when_it_is_made(value):
    """Nothing, bytes, other types, what UTF-8 cannot write, too much text and async callables are refused."""
    with pytest.raises(ConfigurationError) as caught:
        to_secret(value)
    assert HUSH not in str(caught.value)


def test_what_awaits_is_seen():
    """Coroutine functions and asynchronous generators are async, however they are wrapped; others are not."""
    lambdas = (lambda: HUSH, functools.partial(str, HUSH))
    assert [is_async(one) for one in (*lambdas, coroutine_function, AsyncCallable(), 5)] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("name", ["", None, 5, b"PATH", VARIABLE, "no\ud800name", "a\0b"], ids=ascii)
def test_a_variable_that_is_not_there_is_refused_when_it_is_named(name, monkeypatch):
    """A name that is none, and a variable that is not set, are ConfigurationErrors."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ConfigurationError):
        FromEnvironment(name)


@pytest.mark.parametrize("content", ["", "\udcff" + HUSH, TOO_LARGE], ids=["empty", "bytes", "large"])
def test_a_variable_without_a_secret_is_refused_when_it_is_named(content, variable):
    """An empty variable, one that is not UTF-8 and one too large are ConfigurationErrors that name it."""
    variable(content)
    with pytest.raises(ConfigurationError, match=VARIABLE) as caught:
        FromEnvironment(VARIABLE)
    assert HUSH not in str(caught.value)


@pytest.mark.parametrize("path", [None, 5, "", b"/etc/hostname", "/", "/no/such/file", "/dev/zero", "a\0b"], ids=ascii)
def test_a_file_that_is_none_is_refused_when_it_is_named(path):
    """No path, a directory, a device and a file that is not there are ConfigurationErrors."""
    with pytest.raises(ConfigurationError):
        FromFile(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\xff" + HUSH.encode(), TOO_LARGE.encode()], ids=len)
def test_a_file_without_a_secret_is_refused_when_it_is_named(content, file):
    """An empty file, one that is not UTF-8 and one too large are ConfigurationErrors that name it."""
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="secret") as caught:
        FromFile(file)
    assert HUSH not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError()], ids=repr)
def test_a_file_that_cannot_be_read_says_why(error, file, monkeypatch):
    """The kind of failure and the path are told, for an error of the system with a text and for one without."""
    secret, raise_it = to_secret(FromFile(file)), raising(error)
    monkeypatch.setattr(Path, "open", lambda *_: raise_it())
    assert str(file) in str(failure(secret))
    assert (error.strerror or "OSError") in str(failure(secret))


def test_a_path_is_kept_whatever_becomes_of_the_working_directory(file, tmp_path, monkeypatch):
    """A relative path means the file that it meant when it was named."""
    monkeypatch.chdir(tmp_path)
    secret = to_secret(FromFile("secret"))
    monkeypatch.chdir("/")
    assert (secret.read(), FromFile(file)) == (HUSH, FromFile(str(file)))


def test_a_path_relative_to_nothing_is_refused(tmp_path, monkeypatch):
    """In a working directory that is gone, a relative path is a ConfigurationError."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="with a path"):
        FromFile("secret")


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        *((b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b"x\r", "x\r"), (b"x\n\r\n", "x\n"), (b" x \t", " x \t")),
        *((b"\nx", "\nx"), ("\u00fc\u20ac".encode(), "\u00fc\u20ac"), (b"a\nb\n", "a\nb"), (b"\0", "\0")),
        (b"x" * MAX_SECRET_BYTES + b"\r\n", "x" * MAX_SECRET_BYTES),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_one_newline_at_the_end_of_a_file_is_not_the_secret(content, secret, file):
    """Exactly one newline is taken off, and nothing else, control characters included."""
    file.write_bytes(content)
    assert to_secret(FromFile(file)).read() == secret


def test_secrets_rotate(variable, file):
    """Each source is read anew for each use."""
    variable("old")
    values = ["newest", "newer"]
    sources = (FromEnvironment(VARIABLE), FromFile(file), values.pop, "fixed")
    secrets = [to_secret(source) for source in sources]
    assert [secret.read() for secret in secrets] == ["old", HUSH, "newer", "fixed"]
    variable("new")
    replacement = file.with_name("next")
    replacement.write_text("rotated")
    replacement.rename(file)
    assert [secret.read() for secret in secrets] == ["new", "rotated", "newest", "fixed"]


def test_a_secret_that_vanishes_is_an_outage(variable, file, monkeypatch):
    """A variable and a file that are gone at use are told by their names; when they are back, all is well."""
    variable(HUSH)
    secrets = [to_secret(FromEnvironment(VARIABLE)), to_secret(FromFile(file))]
    file.unlink()
    monkeypatch.delenv(VARIABLE)
    assert VARIABLE in str(failure(secrets[0]))
    assert str(file) in str(failure(secrets[1]))
    variable("back")
    file.write_text("back")
    assert [secret.read() for secret in secrets] == ["back", "back"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (raising(ValueError(HUSH)), "ValueError"),
        (raising(OSError(5, HUSH)), "OSError"),
        (HUSH.encode, "bytes"),
        (lambda: None, "NoneType"),
        (lambda: "", "empty"),
        (lambda: HUSH + "\ud800", "UTF-8"),
        (lambda: TOO_LARGE, "larger"),
        (lambda: "\u20ac" * (MAX_SECRET_BYTES // 2), "larger than"),
        (hidden_coroutine, "coroutine"),
        (lambda *_, must: must, "TypeError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_callable_that_has_no_secret_is_an_outage(source, kind):
    """What it raises is told by its type alone, what it returns by what is wrong with it."""
    assert kind in str(failure(to_secret(source)))


def test_our_own_errors_pass():
    """A callable may say in our terms what is wrong."""
    for error in (KeyManagerUnavailable("vault"), ConfigurationError("vault"), Refused(Reason.EXPIRED)):
        with pytest.raises(type(error)) as caught:
            to_secret(raising(error)).read()
        assert caught.value is error


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_stops_the_program_passes(stop):
    """An interrupt is no failure of the secret."""
    with pytest.raises(stop):
        to_secret(raising(stop())).read()


def test_a_secret_is_never_shown():
    """Neither repr, str, format, rich's protocols nor attrs' conversions of what holds it show it."""
    holder = attrs.make_class("Holder", {"secret": attrs.field(converter=to_secret)})(HUSH)
    secret = holder.secret
    everything = [repr(secret), str(secret), f"{secret}", f"{secret!s:>40}", repr(holder), repr(attrs.asdict(holder))]
    assert [text for text in everything if HUSH in text] == []
    assert repr(secret) == "Secret()"
    assert not {"__rich__", "__rich_repr__", "__dict__", "__attrs_attrs__"} & set(dir(secret))


def test_secrets_are_values(variable, file):
    """Secrets of one source are equal and hash alike, those of different sources are not, and none can be changed."""
    variable(HUSH)
    call, other = (lambda: HUSH), (lambda: HUSH)
    sources = [HUSH, "other", VARIABLE, FromEnvironment(VARIABLE), FromFile(file), call, other]
    secrets = [to_secret(source) for source in sources]
    assert len(set(secrets)) == len(sources)
    assert [to_secret(source) for source in sources] == secrets
    assert [hash(to_secret(source)) for source in sources] == [hash(secret) for secret in secrets]
    assert secrets[0] != HUSH
    assert to_secret(secrets[0]) is secrets[0]
    for change in (lambda: setattr(secrets[0], "_source", "x"), lambda: delattr(secrets[0], "_source")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            change()


def test_secrets_can_be_copied():
    """Copies, also pickled ones, are equal and read the same."""
    secret = to_secret(HUSH)
    for twin in (copy.copy(secret), copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):  # noqa: S301  # ours
        assert (twin, twin.read(), type(twin)) == (secret, HUSH, Secret)


def test_a_callable_that_cannot_be_hashed_still_makes_a_secret():
    """A callable with an equality of its own and no hash is compared by that."""

    class Vault:
        __hash__ = None

        def __eq__(self, other):
            return isinstance(other, Vault)

        def __call__(self):
            return HUSH

    assert len({to_secret(Vault()), to_secret(Vault())}) == 1
