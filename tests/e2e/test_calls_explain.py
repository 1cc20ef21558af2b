"""What is told of live tokens step by step: by `explain`, and by the command line as a process of its own."""

import json
import subprocess
import sys

import pytest

from kmvalidate import BackendJwtGenerator, SigningKey
from tests.e2e.calling import Gate, each_caller, each_kind, known, orders, subscribed, subscription
from tests.e2e.gateway import SettableClock
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

OPEN = ("--private-addresses", "--insecure-http")
MENU = orders().call("GET", "/menu")
LEAK_CHARS = 20


@pytest.fixture
def gate(way: Way, clock: SettableClock, root: Issuer) -> Gate:
    generator = BackendJwtGenerator(SigningKey.generate())
    return Gate(way, clock, [known(root)], subscriptions=subscribed(), backend_jwt=generator)


def leaked(secret: str, shown: str) -> list[str]:
    """Return what of a secret is shown, in pieces."""
    pieces = (secret[at : at + LEAK_CHARS] for at in range(len(secret) - LEAK_CHARS + 1))
    return [piece for piece in pieces if piece in shown]


@each_caller
@each_kind
def test_allowed(gate: Gate, root: Issuer, kind: str) -> None:
    """The table of an allowed call names key manager and application, and says whether the token came before."""
    token = root.token(kind)
    first = gate.explain(token, MENU)
    assert (first.allowed, first.key_manager, first.status) == (True, "root", None)
    assert "the token is not known" in str(first)
    assert "Application of m2m" in str(first)
    assert str(first).splitlines()[-1].startswith("ALLOWED by root after ")
    gate.allow(token, MENU)
    again = gate.explain(token, MENU)
    assert (again.allowed, again.key_manager) == (True, "root")
    assert "known, with this verdict" in str(again)
    assert first.steps[0].name == again.steps[0].name == "memory"
    assert root.hits(ENDPOINT) == (1 if kind == "opaque" else 0)


@each_caller
@each_kind
def test_without_secrets(gate: Gate, root: Issuer, kind: str) -> None:
    """Neither the token nor the backend JWT is in what is told, as a table or as JSON."""
    token = root.token(kind)
    for _ in range(2):
        explained = gate.explain(token, MENU)
        shown = str(explained) + explained.to_json() + repr(explained)
        secrets = [*token.split("."), *(gate.allow(token, MENU).backend_jwt or "").split(".")]
        assert [leaked(secret, shown) for secret in secrets if len(secret) >= LEAK_CHARS] == [
            [] for secret in secrets if len(secret) >= LEAK_CHARS
        ]


@each_caller
def test_a_known_token_and_another_call(gate: Gate, root: Issuer) -> None:
    """Of a token that is known a new call is told to be decided anew, and why it is refused."""
    token = root.token("ES256")
    gate.allow(token, MENU)
    explained = gate.explain(token, orders().call("POST", "/menu"))
    assert "known as a good token" in str(explained)
    assert (explained.reason and explained.reason.name, explained.status) == ("INSUFFICIENT_SCOPE", 403)
    assert [step.name for step in explained.steps if not step.ok] == ["ScopeCheck"]


@each_caller
@each_kind
def test_each_step_that_refuses(gate: Gate, root: Issuer, path: Issuer, kind: str) -> None:
    """What refuses a call is what `explain` stops at, and its JSON has the code of the answer."""
    token = root.token(kind)
    store = subscribed()
    store.put(subscription("m2m", state="BLOCKED"))
    blocked = Gate(gate.way, gate.clock, [known(root)], subscriptions=store)
    said = json.loads(blocked.explain(token, MENU).to_json())
    assert (said["verdict"], said["reason"], said["code"], said["status"]) == (
        *("refused", "SUBSCRIPTION_BLOCKED"),
        *(900907, 401),
    )
    assert not said["steps"][-1]["ok"]
    unknown = gate.explain(path.token("ES256"), MENU)
    assert (unknown.reason and unknown.reason.name, unknown.key_manager) == ("UNKNOWN_ISSUER", None)
    assert gate.explain("a.b.c", MENU).allowed is gate.explain(None, MENU).allowed is False


@each_caller
def test_an_outage(gate: Gate, root: Issuer) -> None:
    """That nobody can tell is told as that, with the key manager that could not be asked."""
    token = root.token("opaque")
    root.fault("/", hangup=True)
    explained = gate.explain(token, MENU)
    assert (explained.verdict, explained.key_manager, explained.code) == ("unavailable", "root", 900900)
    assert str(explained).splitlines()[-2].startswith("UNAVAILABLE by root")
    root.reset()
    assert root.get("/jwks")["keys"]


def command(token: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``kmvalidate explain`` with *token* on standard input."""
    line = [sys.executable, "-W", "error", "-m", "kmvalidate", "explain", *options]
    return subprocess.run(line, input=token, capture_output=True, text=True, timeout=60, check=False)


def test_the_command(root: Issuer) -> None:
    """A live token on standard input is allowed, is refused for what is asked for, or cannot be told of."""
    token = root.token("ES256")
    usual = ("--issuer", root.url, "--audience", "urn:api:ES256", *OPEN)
    ran = command(f"Bearer {token}\n", *usual, "--any-scope", "read")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1].startswith("ALLOWED by 127.0.0.1")
    ran = command(token, *usual, "--all-scope", "admin", "--json")
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["reason"], said["got"]) == (1, "INSUFFICIENT_SCOPE", "[read]")
    root.fault("/.well-known/", status=503)
    ran = command(token, *usual)
    assert (ran.returncode, "UNAVAILABLE" in ran.stdout) == (3, True)
    assert leaked(token, ran.stdout + ran.stderr) == []


def test_the_command_with_a_gateway(root: Issuer, tmp_path, monkeypatch) -> None:
    """A gateway of one's own is asked about an opaque token at its provider, which says whether it was revoked."""
    lines = (
        "import kmvalidate as km",
        "network = km.Network(private_addresses=True, insecure_http=True)",
        "client = km.ClientSecretBasic('rs', 'rs-secret-0123456789')",
        "asked = km.Introspection(client=client, tokens=km.ANY_OPAQUE_TOKEN)",
        "keys = km.RemoteKeys(network=network)",
        f"manager = km.KeyManager(name='root', issuer={root.url!r}, audience='urn:api:opaque', keys=keys,",
        "    introspection=asked)",
        "gateway = km.TokenValidator(km.KeyManagerRegistry([manager]))",
    )
    (tmp_path / "live_gateway.py").write_text("\n".join(lines), "utf-8")
    monkeypatch.chdir(tmp_path)
    token = root.token("opaque")
    for given, code in ((token, 0), (token[::-1], 1)):
        ran = command(given, "--config", "live_gateway:gateway")
        assert ran.returncode == code, ran.stderr
        assert leaked(given, ran.stdout + ran.stderr) == []
    assert root.hits(ENDPOINT) == 2
