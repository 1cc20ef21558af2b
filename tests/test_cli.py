"""The command line: what it prints, what it never prints, and its exit codes."""

import importlib
import importlib.metadata
import re
import subprocess
import sys

import attrs
import pytest

from kmvalidate.cli import _demo, _discover, _table, main
from kmvalidate.cli._demo_tokens import CASES, Case
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Reason
from kmvalidate.testing import LocalIssuer
from kmvalidate.validator import TokenValidator

EXPECTED = [
    ("a good access token", "accepted", "-", "-"),
    ("expired ten minutes ago", "refused", "EXPIRED", "401"),
    ("for another API", "refused", "WRONG_AUDIENCE", "401"),
    ("from an unknown issuer", "refused", "UNKNOWN_ISSUER", "401"),
    ("an ID token", "refused", "WRONG_TOKEN_KIND", "401"),
    ("changed after signing", "refused", "BAD_SIGNATURE", "401"),
    ("signed with a stranger's key", "refused", "BAD_SIGNATURE", "401"),
    ('unsigned (alg "none")', "refused", "ALGORITHM_NOT_ALLOWED", "401"),
    ("HS256 with the public key", "refused", "ALGORITHM_NOT_ALLOWED", "401"),
]
LEAK_CHARS = 20
OPEN = ("--private-addresses", "--insecure-http")


@attrs.frozen
class Report:
    """A discovered provider whose report is *lines*."""

    lines: tuple[str, ...]

    def report(self):
        return self.lines


@pytest.fixture
def idp():
    with LocalIssuer(algorithms=("ES256",)) as issuer:
        yield issuer


@pytest.fixture
def sent(monkeypatch):
    """The tokens that were sent to a validator."""
    tokens = []
    authenticate = TokenValidator.authenticate

    def spy(self, token):
        tokens.append(token)
        return authenticate(self, token)

    monkeypatch.setattr(TokenValidator, "authenticate", spy)
    return tokens


def rows(output):
    """Return the first four cells of each row of the demo's table."""
    cells = [tuple(re.split(r" {2,}", line)[:4]) for line in output.splitlines()]
    return [row for row in cells if len(row) == 4 and row[1] in ("accepted", "refused", "unavailable")]


def kmvalidate(*arguments):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "kmvalidate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_demo_shows_what_becomes_of_nine_tokens(capsys):
    """The good token is accepted, and each of the eight bad ones is refused for its own reason."""
    assert main(["demo"]) == 0
    assert rows(capsys.readouterr().out) == EXPECTED


def test_the_demo_never_shows_a_token(capsys, sent):
    """No twenty characters of any segment of a token that was sent are in what is printed."""
    main(["demo"])
    output = "".join(capsys.readouterr())
    segments = [segment for token in sent for segment in token.split(".")]
    pieces = {segment[i : i + LEAK_CHARS] for segment in segments for i in range(len(segment) - LEAK_CHARS + 1)}
    assert len(sent) == 9
    assert len(pieces) > 1000
    assert [piece for piece in pieces if piece in output] == []


def test_the_demo_sends_what_its_rows_say(sent):
    """Each of the nine tokens is another one, made as its row says."""
    main(["demo"])
    assert len(set(sent)) == len(CASES)
    assert sent[7].endswith(".")  # unsigned


def test_the_demo_fits_a_terminal(capsys):
    """No line is wider than 110 columns, and nothing but printable ASCII is printed."""
    main(["demo"])
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 110
    assert re.fullmatch(r"[ -~\n]+", output)


def test_the_demo_tells_what_was_fetched(capsys):
    """Nine tokens take one look at the discovery document and one at the keys."""
    main(["demo"])
    output = capsys.readouterr().out
    assert "Fetched for all 9 tokens" in output
    assert "  1 x GET /.well-known/openid-configuration\n  1 x GET /jwks\n" in output


@pytest.mark.parametrize(
    ("reason", "make", "marked"),
    [
        (Reason.EXPIRED, lambda idp, _: idp.token(), "should be EXPIRED"),
        (Reason.EXPIRED, lambda idp, _: idp.token(aud="x"), "should be EXPIRED"),
        (None, lambda idp, _: idp.token(aud="x"), "should be accepted"),
    ],
    ids=["accepted", "another reason", "refused"],
)
def test_an_unexpected_answer_is_marked(capsys, monkeypatch, reason, make, marked):
    """A token that is not answered as it should be is marked in its row, counted, and makes the exit code 1."""
    monkeypatch.setattr(_demo, "CASES", [CASES[0], Case("odd", make, reason)])
    assert main(["demo"]) == 1
    output = " ".join(capsys.readouterr().out.split())
    assert f"NOT EXPECTED ({marked})" in re.sub(r" +", " ", output)
    assert "1 of 2 answers were not as expected." in output


def test_a_provider_that_cannot_be_asked_is_unavailable(idp):
    """A token whose key manager is down is neither accepted nor refused."""
    token = idp.token()
    idp.close()
    answer = _demo.answer(_demo._validator(idp.issuer), token)
    assert (answer.verdict, answer.reason, answer.status) == ("unavailable", "-", "503")
    assert answer.why.startswith("Demo issuer: ")


def test_the_demo_runs_as_a_process():
    """``python -m kmvalidate demo`` prints the table, nothing on stderr, and ends with 0."""
    done = kmvalidate("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(done.stdout) == EXPECTED


def test_a_reader_that_goes_away_is_no_error():
    """When nobody reads the output any more, the command ends quietly."""
    command = [sys.executable, "-m", "kmvalidate", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (141, b"")


def test_an_interrupted_command_ends_quietly(capsys, monkeypatch):
    """Ctrl-C ends a command without a traceback."""

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")


def test_the_version_is_the_installed_one(capsys, monkeypatch):
    """``--version`` prints the version of the package's metadata."""
    monkeypatch.setattr(importlib.metadata, "version", {"kmvalidate": "7.8.9"}.__getitem__)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "kmvalidate 7.8.9\n"


def test_no_command_shows_the_commands(capsys):
    """Without a command the help goes to stderr, with the exit code of wrong use."""
    assert main([]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "demo" in shown.err, "discover" in shown.err) == ("", True, True)


@pytest.mark.parametrize("arguments", [["nonsense"], ["discover"], ["demo", "--fast"]], ids=" ".join)
def test_wrong_arguments_are_wrong_use(arguments, capsys):
    """Arguments that cannot be understood end with 2 and say so on stderr."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: kmvalidate")


def test_importing_the_main_module_runs_nothing(monkeypatch):
    """Only ``python -m kmvalidate`` runs a command; a tool that imports every module does not."""
    monkeypatch.delitem(sys.modules, "kmvalidate.__main__", raising=False)
    assert importlib.import_module("kmvalidate.__main__").main is main


def test_discover_prints_what_a_provider_publishes(idp, capsys):
    """The report on a real provider names its issuer and where its keys lie."""
    assert main(["discover", idp.issuer, *OPEN]) == 0
    shown = capsys.readouterr()
    assert idp.issuer in shown.out
    assert f"{idp.issuer}/jwks" in shown.out
    assert shown.err == ""


def test_discover_refuses_http_unless_it_is_allowed(idp, capsys):
    """An http URL without ``--insecure-http`` is a configuration error, told in one line; nothing is fetched."""
    assert main(["discover", idp.issuer, "--private-addresses"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), shown.err[:12]) == ("", 1, "kmvalidate: ")
    assert not idp.hits


def test_discover_says_when_there_is_no_answer(idp, capsys):
    """A provider that cannot be asked ends with 3 and one line on stderr."""
    idp.close()
    assert main(["discover", idp.issuer, *OPEN]) == 3
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), shown.err[:12]) == ("", 1, "kmvalidate: ")


def test_discover_reaches_no_private_address_by_default(idp, capsys):
    """Without ``--private-addresses`` a loopback provider is not asked."""
    assert main(["discover", idp.issuer, "--insecure-http"]) == 3
    assert capsys.readouterr().out == ""
    assert not idp.hits


@pytest.mark.parametrize(("error", "code"), [(ConfigurationError("no\nway"), 2), (KeyManagerUnavailable("no\nway"), 3)])
def test_a_failure_is_one_line(error, code, capsys, monkeypatch):
    """Whatever an error says comes as one line of stderr."""

    def failing(*_, **__):
        raise error

    monkeypatch.setattr(_discover, "discover", failing)
    assert main(["discover", "https://idp.example"]) == code
    assert capsys.readouterr() == ("", "kmvalidate: no\\nway\n")


def test_the_options_become_the_network(monkeypatch, tmp_path):
    """Each option of ``discover`` says how the provider may be reached; the defaults are the safe ones."""
    asked = []
    monkeypatch.setattr(_discover, "discover", lambda url, *, network: asked.append((url, network)) or Report(()))
    url, ca_file = "https://idp.example", tmp_path / "ca.pem"
    ca_file.touch()
    main(["discover", url])
    main(["discover", url, *OPEN, "--allowed-host", "a", "--allowed-host", "b:1", "--ca-file", str(ca_file)])
    assert [asked_for for asked_for, _ in asked] == [url, url]
    safe, wide = (network for _, network in asked)
    assert (safe.private_addresses, safe.insecure_http, safe.allowed_hosts, safe.ca_file) == (False, False, (), None)
    assert (wide.private_addresses, wide.insecure_http, wide.ca_file) == (True, True, str(ca_file))
    assert wide.allowed_hosts == ("a", "b:1")


def test_no_document_speaks_to_the_terminal(capsys, monkeypatch):
    """Control characters and all that is not ASCII are escaped in what a provider is quoted with."""
    lines = ("issuer  https://idp.example", "name  \x1b[31m\u202eevil\n")
    monkeypatch.setattr(_discover, "discover", lambda *_, **__: Report(lines))
    assert main(["discover", "https://idp.example"]) == 0
    assert capsys.readouterr().out == "issuer  https://idp.example\nname  \\x1b[31m\\u202eevil\\n\n"


def test_a_table_wraps_its_last_column():
    """Columns are as wide as their widest cell, and the last is wrapped into the rest."""
    assert list(_table.table(("a", "b"), [("long", "one two"), ("x", "")], 10)) == [
        "a     b",
        "----  ----",
        "long  one",
        "      two",
        "x",
    ]
