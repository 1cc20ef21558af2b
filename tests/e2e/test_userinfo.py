"""What a real userinfo endpoint says of users reaches the backend; what becomes of calls when it says nothing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kmvalidate import BackendJwtGenerator, Reason, SigningKey, UserInfo
from tests.e2e.calling import BACKEND, Gate, each_caller, known, orders, subscribed
from tests.e2e.gateway import SettableClock, claims_of
from tests.e2e.introspection_gates import TTL_S
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT, revoke, token_for_no_resource
from tests.e2e.provider import Issuer

pytestmark = [pytest.mark.e2e, each_caller]

ME = "/me"
PAUSE_S = 2
USERINFO_TTL_S = 300
TASKS, THREADS = 200, 8
MENU = orders().call("GET", "/menu")
OPENID = "openid email profile read"
FAULTS: dict[str, dict[str, Any]] = {
    "status 503": {"status": 503},
    "hang-up": {"hangup": True},
    "hang-up mid-body": {"cut": 10},
    "no object": {"status": 200, "body": "[]"},
    "half": {"status": 200, "body": '{"sub":"bob"'},
}


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Gate]:
    """Makes a gateway that asks an issuer about users; the other arguments are those of `UserInfo`."""

    def make(issuer: Issuer, **how: Any) -> Gate:
        userinfo = UserInfo({issuer.name: issuer.url + ME}, network=issuer.network, **how)
        generator = BackendJwtGenerator(SigningKey.generate(), user_claims=userinfo)
        manager = known(issuer, requires=("exp", "token_type"))
        return Gate(way, clock, [manager], subscriptions=subscribed(), backend_jwt=generator)

    return make


def told(gate: Gate, token: str) -> dict[str, Any]:
    """Return what the backend is told of a call that is allowed."""
    jwt = gate.allow(token, MENU).backend_jwt
    assert jwt is not None
    return claims_of(jwt)


def test_a_user(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """What userinfo says of a user is in the backend JWT, and is asked for once."""
    gate, token = gate_of(root), root.user_token(None, sub="bob", scope=OPENID)
    for _ in range(3):
        claims = told(gate, token)
        assert (claims["sub"], claims["aud"], claims["client_id"]) == ("bob", BACKEND, "web")
        assert (claims["email"], claims["email_verified"]) == ("bob@example.org", True)
        assert (claims["name"], claims["groups"]) == ("bob of the tests", ["staff", "bob"])
    assert (root.hits(ME), root.hits(ENDPOINT)) == (1, 1)
    [asked] = root.requests(ME)
    assert (asked["method"], asked["url"], asked["headers"]["authorization"]) == ("GET", ME, f"Bearer {token}")


def test_over_tls(gate_of: Callable[..., Gate], tls: Issuer) -> None:
    """An endpoint that speaks TLS is asked over it."""
    gate = gate_of(tls)
    call = orders(key_managers="tls").call("GET", "/menu")
    jwt = gate.allow(tls.user_token(None, sub="bob", scope=OPENID), call).backend_jwt
    assert jwt is not None
    assert claims_of(jwt)["email"] == "bob@example.org"


def test_scopes(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """What a user did not agree to tell is not told, and a gateway may keep less than it is told."""
    claims = told(gate_of(root), root.user_token(None, sub="bob", scope="openid email read"))
    assert ("email" in claims, "name" in claims) == (True, False)
    claims = told(gate_of(root, claims="name"), root.user_token(None, sub="bob", scope=OPENID))
    assert ("email" in claims, "name" in claims) == (False, True)


def test_each_user(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """Users of one client are told apart, whoever called before."""
    gate = gate_of(root)
    tokens = {sub: root.user_token(None, sub=sub, scope=OPENID) for sub in ("alice", "bob", "carol")}
    for _ in range(2):
        assert {sub: told(gate, token)["email"] for sub, token in tokens.items()} == {
            sub: f"{sub}@example.org" for sub in tokens
        }
    assert root.hits(ME) == 3


def test_misleading_claims(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """What userinfo says of what only a gateway may say, and of anybody but the token's user, does not count."""
    gate = gate_of(root)
    token = root.user_token(None, sub="eve", scope=OPENID)
    said = root.http.get(root.url + ME, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
    assert {"iss", "scope", "client_id", "application", "key_type"} <= said.keys()
    claims = told(gate, token)
    assert (claims["iss"], claims["sub"]) == ("urn:kmvalidate:gateway", "eve")
    assert claims["scope"] == "email openid profile read"
    assert (claims["client_id"], claims["key_type"]) == ("web", "PRODUCTION")
    assert claims["application"]["id"] == "app-web"
    assert claims["email"] == "eve@example.org"


def test_somebody_else(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """An answer about another user than the token's is none."""
    token = root.user_token(None, sub="mallory", scope=OPENID)
    root.fault(ME, status=200, body='{"sub": "alice", "email": "alice@example.org"}')
    assert "somebody else" in gate_of(root).cannot_tell(token, MENU).why
    assert "email" not in told(gate_of(root, required=False), token)


@pytest.mark.parametrize("scope", ["read", "read profile"])
def test_without_openid(gate_of: Callable[..., Gate], root: Issuer, scope: str) -> None:
    """A user's token without the scope openid is refused where user claims are required, and has none elsewhere."""
    token = root.user_token(None, sub="bob", scope=scope)
    gate = gate_of(root)
    for _ in range(2):
        refused = gate.deny(token, MENU)
        assert (refused.reason, refused.expected, refused.key_manager) == (Reason.INSUFFICIENT_SCOPE, "openid", "root")
    assert root.hits(ME) == 1
    claims = told(gate_of(root, required=False), token)
    assert (claims["sub"], "email" in claims) == ("bob", False)


def test_a_token_for_an_api(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """A token that the endpoint does not take, as it is for an API, is refused where user claims are required."""
    for token in (root.user_token("opaque", scope=OPENID), root.user_token("ES256", scope=OPENID)):
        assert gate_of(root).why(token, MENU) == "INACTIVE"
        assert "email" not in told(gate_of(root, required=False), token)


def test_clients(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """Nobody is asked about the user of a token that a client got for itself."""
    gate = gate_of(root)
    for token in (token_for_no_resource(root), root.token("ES256")):
        assert "email" not in told(gate, token)
    assert root.hits(ME) == 0


def test_revoked(gate_of: Callable[..., Gate], root: Issuer, clock: SettableClock) -> None:
    """A revoked token has its user claims for as long as it is remembered, and one that nobody asked for has none."""
    gate = gate_of(root)
    known_token, token = (root.user_token(None, sub="bob", scope=OPENID) for _ in range(2))
    told(gate, known_token)
    assert gate.accept(token).subject == "bob"
    for one in (known_token, token):
        revoke(root, one, client="web")
    assert told(gate, known_token)["email"] == "bob@example.org"
    assert gate.why(token, MENU) == "INACTIVE"
    clock.advance(TTL_S)
    for one in (known_token, token):
        assert gate.why(one, MENU) == "INACTIVE"
    assert (root.hits(ME), root.hits(ENDPOINT)) == (2, 4)


def test_claims_are_asked_for_again(gate_of: Callable[..., Gate], root: Issuer, clock: SettableClock) -> None:
    """What is known of a user is forgotten after a while, or when somebody says so."""
    gate, token = gate_of(root, ttl_s=30), root.user_token(None, sub="bob", scope=OPENID)
    for hits, seconds in ((1, 29), (1, 2), (2, 0)):
        told(gate, token)
        assert root.hits(ME) == hits
        clock.advance(seconds)
    userinfo: Any = gate.validator._backend_jwts.user_claims
    userinfo.forget()
    told(gate, token)
    assert root.hits(ME) == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_down(gate_of: Callable[..., Gate], root: Issuer, clock: SettableClock, fault: dict[str, Any]) -> None:
    """While the endpoint is down nobody can tell of new users, nobody is refused for it, and those known go on."""
    gate, lenient = gate_of(root), gate_of(root, required=False)
    before, token = (root.user_token(None, sub="bob", scope=OPENID) for _ in range(2))
    told(gate, before)
    root.fault(ME, **fault)
    assert gate.cannot_tell(token, MENU).key_manager == "root"
    explained = gate.explain(token, MENU)
    assert (explained.verdict, explained.status) == ("unavailable", 503)
    assert told(gate, before)["email"] == "bob@example.org"
    assert "email" not in told(lenient, token)
    root.reset()
    clock.advance(PAUSE_S)
    assert told(gate, token)["email"] == told(lenient, token)["email"] == "bob@example.org"


def test_it_is_left_alone(gate_of: Callable[..., Gate], root: Issuer, clock: SettableClock) -> None:
    """An endpoint that is down is not asked by everybody who comes."""
    gate = gate_of(root)
    tokens = [root.user_token(None, sub="bob", scope=OPENID) for _ in range(12)]
    root.reset()
    root.fault(ME, status=503)
    for token in tokens:
        gate.cannot_tell(token, MENU)
    assert root.hits(ME) == 3
    root.reset()
    clock.advance(PAUSE_S)
    for token in tokens:
        told(gate, token)


def test_the_kill_switch(gate_of: Callable[..., Gate], root: Issuer) -> None:
    """When all is forgotten that was remembered of tokens, the users behind them are asked about again."""
    gate, token = gate_of(root), root.user_token(None, sub="bob", scope=OPENID)
    told(gate, token)
    gate.registry.drop_tokens()
    told(gate, token)
    assert (root.hits(ENDPOINT), root.hits(ME)) == (2, 2)


def test_a_crowd(gate_of: Callable[..., Gate], root: Issuer, way: Way) -> None:
    """Callers with one token share one question about its user."""
    gate, token = gate_of(root), root.user_token(None, sub="bob", scope=OPENID)
    if way.on_loops:
        calls = asyncio.run(_together(gate, token))
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            calls = list(pool.map(lambda _: gate.validator.validate(token, MENU), range(TASKS)))
    assert {claims_of(call.backend_jwt)["email"] for call in calls} == {"bob@example.org"}
    assert (len(calls), root.hits(ME), root.hits(ENDPOINT)) == (TASKS, 1, 1)


async def _together(gate: Gate, token: str) -> list[Any]:
    return await asyncio.gather(*(gate.validator.avalidate(token, MENU) for _ in range(TASKS)))
