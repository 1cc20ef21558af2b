"""Opaque tokens of a real provider: what is known of good ones, how others are refused, and what is remembered."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from kmvalidate import ConfigurationError, KeyManager, KMValidateError, Reason, Refused, Status
from tests.e2e.gateway import SettableClock, eventually
from tests.e2e.introspection_gates import BREAKER_FAILURES, INACTIVE_TTL_S, LEEWAY_S, TTL_S, asking, reason
from tests.e2e.live import WAYS, Live, Way
from tests.e2e.opaque import (
    ENDPOINT,
    RESOURCE,
    introspect,
    opaque_token,
    plant,
    refresh_token,
    revoke,
    token_for_no_resource,
    user_token,
)
from tests.e2e.provider import Issuer, Provider

pytestmark = pytest.mark.e2e

THREADS, TASKS = 8, 1000
WAIT_S = 60


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Live]:
    """Makes a gateway of one issuer that is asked in each way; the other arguments are those of `asking`."""
    return lambda issuer, **how: Live(way, clock, [asking(issuer, **how)])


def test_a_client_token(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """An active token of a client is as known as a JWT, from one request."""
    token = opaque_token(issuer, scope="read write", ttl_s=200)
    said = introspect(issuer, token)
    issuer.reset()
    gate = gate_of(issuer)
    for _ in range(3):
        verified = gate.accept(token)
        assert (verified.key_manager, verified.issuer, verified.key_id) == (issuer.name, issuer.url, None)
        assert (verified.consumer_key, verified.scopes) == ("m2m", {"read", "write"})
        assert (verified.audience, verified.expires_at) == ((f"{RESOURCE}:ttl200",), said["exp"])
        assert (verified.subject, verified.claims) == (said.get("sub"), said)
    assert (issuer.hits(ENDPOINT), issuer.hits("/jwks")) == (1, 0)
    assert gate.health(issuer.name).introspection is Status.FRESH


def test_a_user_token(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """An active token of a user names the user and the client."""
    token = user_token(issuer, sub="bob", scope="read admin")
    verified = gate_of(issuer).accept(token)
    assert (verified.subject, verified.consumer_key, verified.scopes) == ("bob", "web", {"read", "admin"})
    assert (verified.audience, verified.issuer) == ((RESOURCE,), issuer.url)
    assert verified.claims["tenant"] == issuer.name


def test_revoked(gate_of: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """A token that is revoked is good for as long as its answer is, and not a second longer."""
    gate, token = gate_of(issuer), opaque_token(issuer)
    gate.accept(token)
    revoke(issuer, token)
    clock.advance(TTL_S - 1)
    gate.accept(token)
    assert issuer.hits(ENDPOINT) == 1
    clock.advance(2)
    assert reason(gate, token) == "INACTIVE"
    assert (issuer.hits(ENDPOINT), gate.health(issuer.name).introspection) == (2, Status.FRESH)


@pytest.mark.parametrize("ttl_s", [0, 5])
def test_revoked_with_a_shorter_memory(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock, ttl_s) -> None:
    """How long a revoked token is good is for the configuration to say."""
    gate, token = gate_of(root, ttl_s=ttl_s), opaque_token(root)
    gate.accept(token)
    revoke(root, token)
    clock.advance(ttl_s)
    assert reason(gate, token) == "INACTIVE"


def test_dropped(gate_of: Callable[..., Live], root: Issuer) -> None:
    """Whoever has all answers forgotten sees a revocation at once."""
    gate, token = gate_of(root), opaque_token(root)
    gate.accept(token)
    revoke(root, token)
    gate.registry.drop_tokens("root")
    assert reason(gate, token) == "INACTIVE"


def test_expired(gate_of: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """A token whose time is over is not active, and a remembered one is asked about again."""
    gate, token = gate_of(issuer), opaque_token(issuer)
    gate.accept(token)
    issuer.expire(token)
    assert reason(gate_of(issuer), token) == "INACTIVE"
    gate.accept(token)
    clock.advance(TTL_S)
    assert reason(gate, token) == "INACTIVE"


def test_an_answer_ends_with_its_token(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """No answer is remembered beyond the token's time, which is looked at each time."""
    gate, token = gate_of(root, ttl_s=3600), opaque_token(root, ttl_s=20)
    expires_at = gate.accept(token).expires_at
    clock.advance(18)
    gate.accept(token)
    assert root.hits(ENDPOINT) == 1
    clock.set_wall(expires_at + LEEWAY_S + 1)
    assert (reason(gate, token), root.hits(ENDPOINT)) == ("EXPIRED", 1)
    clock.set_wall(expires_at - 1)
    clock.advance(2)
    gate.accept(token)
    assert root.hits(ENDPOINT) == 2


def test_unknown(gate_of: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """A token that nobody gave is not active, which is remembered for a few seconds."""
    gate = gate_of(issuer)
    for hits in (1, 2):
        for _ in range(3):
            refused = gate.refused("never-given")
            assert (refused.reason.name, refused.key_manager) == ("INACTIVE", issuer.name)
        assert issuer.hits(ENDPOINT) == hits
        clock.advance(INACTIVE_TTL_S)


def test_inactive_and_then_active(gate_of: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """A token that is active later is accepted as soon as the "no" is forgotten, and refused again once it is over."""
    gate = gate_of(issuer)
    value = f"early-{issuer.name}-{uuid4().hex}"
    assert reason(gate, value) == "INACTIVE"
    assert plant(issuer, value) == value
    assert (reason(gate, value), issuer.hits(ENDPOINT)) == ("INACTIVE", 1)
    clock.advance(INACTIVE_TTL_S)
    assert gate.accept(value).subject == "alice"
    issuer.expire(value)
    clock.advance(TTL_S)
    assert (reason(gate, value), issuer.hits(ENDPOINT)) == ("INACTIVE", 3)


@pytest.mark.parametrize(("requires", "claim"), [(None, "aud"), (("exp", "token_type"), "token_type")])
def test_refresh_token(gate_of: Callable[..., Live], root: Issuer, requires: Any, claim: str) -> None:
    """A refresh token, of which the server says that it is active, is no access token."""
    gate, token = gate_of(root, requires=requires), refresh_token(root)
    for _ in range(2):
        refused = gate.refused(token)
        assert (refused.reason.name, refused.claim) == ("MISSING_CLAIM", claim)
    assert root.hits(ENDPOINT) == 1


def test_no_audience(gate_of: Callable[..., Live], root: Issuer) -> None:
    """A token without an audience is refused, unless somebody said that answers need none."""
    token = token_for_no_resource(root)
    refused = gate_of(root).refused(token)
    assert (refused.reason.name, refused.claim) == ("MISSING_CLAIM", "aud")
    lenient = gate_of(root, requires=("exp", "token_type"))
    assert lenient.accept(token).audience == ()
    assert "tokens are accepted of which introspection names no audience" in lenient.registry.managers[0].waivers()


def test_another_audience(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """A token for somebody else is refused, whatever answers need not say."""
    for how in ({}, {"requires": ("exp",)}):
        refused = gate_of(issuer, manager={"audience": "urn:api:other"}, **how).refused(opaque_token(issuer))
        assert (refused.reason.name, refused.claim) == ("WRONG_AUDIENCE", "aud")


def test_a_jwt_is_verified_here(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """An issuer that is asked about opaque tokens is not asked about its JWTs."""
    gate = gate_of(issuer)
    assert gate.accept(issuer.token("ES256")).key_id is not None
    assert issuer.hits(ENDPOINT) == 0


def test_a_jwt_where_none_is_introspected(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """An endpoint that takes no JWTs is no verdict on them, and goes on for opaque tokens however many there are."""
    gate = gate_of(issuer, manager={"self_validate_jwt": False})
    for number in range(7):
        unavailable = gate.unavailable(issuer.token("ES256"))
        assert (unavailable.key_manager, "status 400" in str(unavailable)) == (issuer.name, True)
        assert issuer.hits(ENDPOINT) == number + 1
    assert gate.accept(opaque_token(issuer)).consumer_key == "m2m"
    assert "IntrospectionUnreachable" not in gate.story
    assert (gate.health(issuer.name).introspection, issuer.hits("/jwks")) == (Status.FRESH, 0)


@pytest.mark.parametrize("way", [WAYS["blocking"], WAYS["blocking over httpx"]], ids=["own", "httpx"])
@pytest.mark.parametrize("verdict", ["VerifiedToken", "Refused", "KeyManagerUnavailable"])
def test_a_crowd_with_one_token(gate_of: Callable[..., Live], root: Issuer, verdict: str) -> None:
    """Eight threads and a thousand tasks with one token are one request, or a few where it has no answer."""
    token = "never-given" if verdict == "Refused" else opaque_token(root)
    gate = gate_of(root, endpoint=root.url + ENDPOINT, deadline_s=WAIT_S)
    ending = {"hangup": True} if verdict == "KeyManagerUnavailable" else {}
    root.fault(ENDPOINT, hold=True, **ending)
    if ending:
        root.fault(ENDPOINT, **ending)  # for those that come later
    start = Barrier(THREADS + 1)
    with ThreadPoolExecutor(THREADS + 1) as pool:
        coming = [pool.submit(_thread, gate, token, start) for _ in range(THREADS)]
        coming.append(pool.submit(asyncio.run, _tasks(gate, token, start)))
        eventually(lambda: root.hits(ENDPOINT) == 1)
        assert root.release() == 1
        said = [type(outcome).__name__ for done in coming for outcome in done.result(WAIT_S)]
    assert said == [verdict] * (THREADS + TASKS)
    most = BREAKER_FAILURES if verdict == "KeyManagerUnavailable" else 1
    assert 1 <= root.hits(ENDPOINT) <= most


def _thread(gate: Live, token: str, start: Barrier) -> list[object]:
    start.wait(WAIT_S)
    try:
        return [gate.validator.authenticate(token)]
    except KMValidateError as error:
        return [error]


async def _tasks(gate: Live, token: str, start: Barrier) -> list[object]:
    await asyncio.to_thread(start.wait, WAIT_S)
    coming = (gate.validator.aauthenticate(token) for _ in range(TASKS))
    return await asyncio.gather(*coming, return_exceptions=True)


def _claimed(issuer: Issuer, /, **manager: Any) -> KeyManager:
    return asking(issuer, tokens=f"{issuer.name}-.+", manager=manager)


def _planted(issuer: Issuer, text: object) -> str:
    return plant(issuer, f"{issuer.name}-{text}")


def test_each_gets_its_own(way: Way, clock: SettableClock, provider: Provider) -> None:
    """Of several issuers the one that claims a token is asked about it, and nobody else; nobody about others."""
    issuers = list(provider.issuers.values())
    gate = Live(way, clock, [_claimed(issuer) for issuer in issuers])
    for number, issuer in enumerate(issuers, start=1):
        token = _planted(issuer, uuid4().hex)
        assert gate.accept(token).key_manager == issuer.name
        assert [one.hits(ENDPOINT) for one in issuers] == [1] * number + [0] * (len(issuers) - number)
    assert reason(gate, opaque_token(issuers[0])) == "OPAQUE_TOKEN"
    assert reason(gate, "root-of-nobody") == "INACTIVE"
    assert [one.hits(ENDPOINT) for one in issuers] == [2, 1, 1]


def test_an_organization(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> None:
    """The key manager of an organization is asked for that one only, and nobody's answer is another's."""
    gate = Live(way, clock, [_claimed(root, organization="acme"), _claimed(path)])
    token, shared = _planted(root, uuid4().hex), _planted(path, uuid4().hex)
    for _ in range(2):
        assert gate.accept(token, "acme").organization == "acme"
        assert reason(gate, token) == reason(gate, token, "others") == "OPAQUE_TOKEN"
        assert gate.accept(shared, "acme").key_manager == "path"
    assert (root.hits(ENDPOINT), path.hits(ENDPOINT)) == (1, 1)


def test_key_managers_that_are_asked_for(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> None:
    """Where two claim a token, the first of those that are asked for is asked, and it alone."""
    with pytest.raises(ConfigurationError, match="claim the same tokens"):
        Live(way, clock, [asking(root), asking(path)])
    gate, token = Live(way, clock, [asking(root), asking(path)], overlapping_tokens=True), opaque_token(path)
    assert len(gate.registry.overlaps) == 1
    for named, expected in ((None, "root"), (["path", "root"], "path"), (["root"], "root"), (["path"], "path")):
        said = _said(gate, token, named)
        assert said == ("path" if expected == "path" else Reason.INACTIVE)
    assert (root.hits(ENDPOINT), path.hits(ENDPOINT)) == (1, 1)
    assert _said(gate, token, []) is Reason.WRONG_KEY_MANAGER
    assert _said(gate, path.token("ES256"), ["root"]) is Reason.WRONG_KEY_MANAGER
    assert (root.hits(ENDPOINT), path.hits(ENDPOINT)) == (1, 1)


def _said(gate: Live, token: str, named: list[str] | None) -> str | Reason:
    """Return who stands behind *token*, or why it is refused."""
    try:
        if gate.way.on_loops:
            return asyncio.run(gate.validator.aauthenticate(token, key_managers=named)).key_manager
        return gate.validator.authenticate(token, key_managers=named).key_manager
    except Refused as refused:
        return refused.reason


def test_unknown_issuers(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> None:
    """A JWT of nobody's issuer goes to a key manager only where that was said aloud."""
    token = path.token("ES256")
    assert reason(Live(way, clock, [asking(root)]), token) == "UNKNOWN_ISSUER"
    assert root.hits(ENDPOINT) == 0
    gate = Live(way, clock, [asking(root, unknown_issuers=True)])
    gate.unavailable(token)
    assert (root.hits(ENDPOINT), path.hits(ENDPOINT)) == (1, 0)
    assert any("unknown issuers" in said for said in gate.registry.managers[0].waivers())
