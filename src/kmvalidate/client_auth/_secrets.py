"""
Secrets, from where operators keep them: a value, an environment variable, a file or a callable.

Rules kept here: a secret is read anew for each use, so that it rotates without a restart. What is said of one is where
it comes from, never what it is; no exception with its bytes in it is under way when ours is raised. A secret is text:
not empty, UTF-8, at most 64 KiB. What can be checked when a configuration is made is checked then.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, shown
from kmvalidate.fields import is_async, non_empty

MAX_SECRET_BYTES = 65_536

_UNREADABLE = "the secret cannot be read"


@attrs.frozen
class _Flaw:
    """Why a secret cannot be read, in words that repeat nothing of it."""

    why: str


@attrs.frozen
class FromEnvironment:
    """
    A secret in an environment variable, which is looked up for each use.

    Args:
        name: The variable's name.

    Raises:
        ConfigurationError: It is not set, or is no secret.
    """

    name: str = attrs.field(validator=non_empty)

    def __attrs_post_init__(self) -> None:
        _refuse_now(_from_environment(self.name))


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return where the file lies whatever becomes of the working directory; links stay, for they may change."""
    try:
        named = os.fspath(path)
        if isinstance(named, str) and named:
            return os.path.abspath(named)  # noqa: PTH100  # resolves no links
    except (TypeError, OSError):  # OSError: it is relative to a directory that is gone
        pass
    raise ConfigurationError("a secret is read from a file with a path")


@attrs.frozen
class FromFile:
    """
    A secret in a file, as orchestrators mount them; it is read for each use. One newline at its end is not part of it.

    Args:
        path: Where it lies.

    Raises:
        ConfigurationError: It is not there, cannot be read, or is no secret.
    """

    path: str = attrs.field(converter=_absolute)

    def __attrs_post_init__(self) -> None:
        _refuse_now(_from_file(self.path))


#: Where a secret may come from; a callable returns it.
SecretSource = str | FromEnvironment | FromFile | Callable[[], str]


class Secret:
    """
    A secret that can be read and is never shown; see `to_secret`. Two are equal if they come from the same source.

    Args:
        source: Where it comes from.
    """

    __slots__ = ("_source",)
    _source: SecretSource

    def __init__(self, source: SecretSource) -> None:
        object.__setattr__(self, "_source", source)

    def read(self) -> str:
        """
        Return the secret as it is now.

        Raises:
            KeyManagerUnavailable: It cannot be read now, or there is none.
        """
        found = _read(self._source)
        if isinstance(found, _Flaw):
            raise KeyManagerUnavailable(f"{_UNREADABLE}: {found.why}")
        return found

    def __repr__(self) -> str:
        return "Secret()"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return type(self._source) is type(other._source) and self._source == other._source

    def __hash__(self) -> int:
        try:
            return hash((Secret, self._source))
        except TypeError:  # a callable that can be compared and not hashed
            return hash((Secret, type(self._source)))

    def __setattr__(self, name: str, value: object) -> None:
        raise attrs.exceptions.FrozenInstanceError

    def __delattr__(self, name: str) -> None:
        raise attrs.exceptions.FrozenInstanceError

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, (self._source,))


def to_secret(value: SecretSource | Secret) -> Secret:
    """
    Return the secret that comes from *value*, as an attrs converter.

    Args:
        value: The secret itself, `FromEnvironment`, `FromFile`, or a callable that returns it and does not await.

    Raises:
        ConfigurationError: It is none of these, or a value that is no secret.
    """
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        _refuse_now(_checked(value))
    elif is_async(value):
        raise ConfigurationError("a secret is read by a callable that returns it, not by an async one")
    elif not isinstance(value, FromEnvironment | FromFile) and not callable(value):
        raise ConfigurationError("a secret is a string, FromEnvironment, FromFile, or a callable that returns a string")
    return Secret(value)


def is_utf8(text: str) -> bool:
    """Tell whether UTF-8 can write *text*: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_now(found: str | _Flaw) -> None:
    if isinstance(found, _Flaw):
        raise ConfigurationError(f"{_UNREADABLE}: {found.why}")


def _read(source: SecretSource) -> str | _Flaw:
    if isinstance(source, str):
        return source
    if isinstance(source, FromEnvironment):
        return _from_environment(source.name)
    if isinstance(source, FromFile):
        return _from_file(source.path)
    return _from_callable(source)


def _from_environment(name: str) -> str | _Flaw:
    try:
        value = os.environ.get(name)
    except ValueError:  # no name of a variable: it cannot be encoded
        value = None
    if value is None:
        return _Flaw(f"the environment variable {shown(name)} is not set")
    return _checked(value, f"the environment variable {shown(name)}")


def _from_file(path: str) -> str | _Flaw:
    where = f"the file {shown(path)}"
    try:
        if not Path(path).is_file():  # anything else may block, or never end
            return _Flaw(f"{where} is not there, or is no file")
        with Path(path).open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + len(b"\r\n") + 1)
    except OSError as error:
        return _Flaw(f"{where}: {error.strerror or type(error).__name__}")
    if raw.endswith(b"\n"):
        raw = raw[:-1].removesuffix(b"\r")
    return _checked(raw.decode("utf-8", "surrogateescape"), where)


def _from_callable(source: Callable[[], str]) -> str | _Flaw:
    try:
        value: object = source()
    except KMValidateError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, nobody can ask the key manager now
        return _Flaw(f"its callable raised {type(error).__name__}")
    if inspect.iscoroutine(value):
        value.close()  # or Python warns that nobody awaited it
    if not isinstance(value, str):
        return _Flaw(f"its callable returned {type(value).__name__}, not a string")
    return _checked(value, "what its callable returned")


def _checked(text: str, where: str = "it") -> str | _Flaw:
    if not text:
        return _Flaw(f"{where} is empty")
    if len(text) > MAX_SECRET_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_SECRET_BYTES:
        return _Flaw(f"{where} is larger than {MAX_SECRET_BYTES} bytes")
    if not is_utf8(text):
        return _Flaw(f"{where} is not UTF-8")
    return text
