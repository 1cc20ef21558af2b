"""Introspection endpoints that fail, one or all of them: nobody's "no", and known tokens go on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kmvalidate import IntrospectionFailed, IntrospectionUnreachable, Status
from tests.e2e.gateway import SettableClock, eventually
from tests.e2e.introspection_gates import (
    BREAKER_FAILURES,
    LONGEST_BACKOFF_S,
    TTL_S,
    asking,
    both_endpoints,
    ports_asked,
    reason,
)
from tests.e2e.live import Live, Way
from tests.e2e.opaque import ENDPOINT, opaque_token, plant, revoke
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

WAIT_S = 60
ACTIVE = '{"active": true, "aud": "urn:api:opaque", "exp": 9999999999, "client_id": "m2m"}'
OUTAGES: dict[str, dict[str, Any]] = {
    "status 503": {"status": 503},
    "status 500": {"status": 500, "body": ACTIVE},
    "status 404": {"status": 404},
    "status 201": {"status": 201, "body": ACTIVE},
    "hang-up": {"hangup": True},
    "hang-up mid-body": {"cut": 5},
    "an error page": {"status": 200, "body": "<html>oops</html>", "headers": {"content-type": "text/html"}},
    "another media type": {"status": 200, "body": ACTIVE, "headers": {"content-type": "text/plain"}},
    "no media type": {"status": 200, "body": ACTIVE, "headers": {}},
    "garbage": {"status": 200, "body": "\x00garbage"},
    "nothing": {"status": 200, "body": ""},
    "an array": {"status": 200, "body": f"[{ACTIVE}]"},
    "a word for true": {"status": 200, "body": ACTIVE.replace("true", '"true"')},
    "nothing of active": {"status": 200, "body": "{}"},
    "active twice": {"status": 200, "body": ACTIVE.replace("{", '{"active": false, ')},
}

each_outage = pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES)


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Live]:
    """Makes a gateway of one issuer that is asked in each way; the other arguments are those of `asking`."""
    return lambda issuer, **how: Live(way, clock, [asking(issuer, **how)])


@pytest.fixture
def pair(gate_of: Callable[..., Live], root: Issuer) -> Live:
    """A gateway of an issuer that has two endpoints."""
    return gate_of(root, endpoint=both_endpoints(root), deadline_s=WAIT_S)


@each_outage
def test_an_outage(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock, fault: dict[str, Any]) -> None:
    """Whatever an endpoint does in place of answering is no verdict, is not remembered, and spares known tokens."""
    gate, known, new = gate_of(root), opaque_token(root), opaque_token(root)
    gate.accept(known)
    root.reset()
    root.fault(ENDPOINT, **fault)
    for token in (new, "never-given"):
        unavailable = gate.unavailable(token)
        assert (unavailable.key_manager, 1 <= unavailable.retry_after_s <= LONGEST_BACKOFF_S) == ("root", True)
        assert gate.accept(known).consumer_key == "m2m"
    assert gate.health().introspection is Status.STALE
    assert [event.failures for event in gate.told(IntrospectionFailed)] == [1, 2]
    root.reset()
    assert gate.accept(new).consumer_key == "m2m"
    assert reason(gate, "never-given") == "INACTIVE"
    assert (root.hits(ENDPOINT), gate.health().introspection) == (2, Status.FRESH)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(gate_of: Callable[..., Live], root: Issuer, path: Issuer, status: int) -> None:
    """Nobody is sent elsewhere with a token: not to another host, not to the same."""
    gate, token = gate_of(root), opaque_token(root)
    for target in (path.url + ENDPOINT, root.second_url + ENDPOINT, root.url + ENDPOINT):
        root.fault(ENDPOINT, status=status, headers={"location": target}, times=1)
        assert str(status) in str(gate.unavailable(token))
    assert (ports_asked(root), path.hits("")) == (["first"] * 3, 0)
    assert gate.accept(token).consumer_key == "m2m"


def test_told_to_wait(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """An endpoint that says when to come back is left alone until then, and known tokens go on."""
    gate, known, token = gate_of(root), opaque_token(root), opaque_token(root)
    gate.accept(known)
    root.fault(ENDPOINT, status=429, headers={"retry-after": "7"}, times=1)
    assert gate.unavailable(token).retry_after_s == pytest.approx(7)
    clock.advance(6)
    assert gate.unavailable(token).retry_after_s == pytest.approx(1)
    gate.accept(known)
    assert root.hits(ENDPOINT) == 2
    clock.advance(1)
    gate.accept(token)
    assert "IntrospectionUnreachable" not in gate.story


def test_a_long_outage(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """An endpoint that keeps failing is asked once for each back-off, and known tokens last while answers do."""
    gate, known, token = gate_of(root), opaque_token(root), opaque_token(root)
    gate.accept(known)
    root.reset()
    root.fault(ENDPOINT, status=503)
    for _ in range(BREAKER_FAILURES + 3):
        unavailable = gate.unavailable(token)
        gate.accept(known)
    assert (root.hits(ENDPOINT), gate.health().introspection) == (BREAKER_FAILURES, Status.UNREACHABLE)
    assert 0.9 <= unavailable.retry_after_s <= 1
    for probes, backoff_s in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        clock.advance(backoff_s)
        for _ in range(3):
            assert gate.unavailable(token).retry_after_s <= LONGEST_BACKOFF_S
        assert root.hits(ENDPOINT) == BREAKER_FAILURES + probes
    assert gate.unavailable(known).key_manager == "root"
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    gate.accept(token)
    assert gate.accept(known).consumer_key == "m2m"
    assert (root.hits(ENDPOINT), gate.health().introspection) == (2, Status.FRESH)
    assert len(gate.told(IntrospectionUnreachable)) == 1
    assert (gate.story[-1], gate.story.count("IntrospectionReachable")) == ("IntrospectionReachable", 1)


def test_an_outage_outlasts_an_answer(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A known token of which nobody can tell any more is neither accepted nor refused, until somebody can."""
    gate, token = gate_of(root), opaque_token(root)
    gate.accept(token)
    revoke(root, token)
    root.fault(ENDPOINT, hangup=True)
    clock.advance(TTL_S - 1)
    gate.accept(token)
    clock.advance(1)
    gate.unavailable(token)
    root.reset()
    assert reason(gate, token) == "INACTIVE"


def test_others_do_not_notice(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> None:
    """The outage of one issuer is no failure of another, and costs no JWT of its own."""
    down, up, jwt = opaque_token(root), plant(path, "up-0123456789"), root.token("ES256")
    gate = Live(way, clock, [asking(root, tokens=".{43}"), asking(path, tokens="up-[0-9]{10}")])
    root.fault(ENDPOINT, hangup=True)
    for _ in range(BREAKER_FAILURES):
        gate.unavailable(down)
    assert gate.accept(up).key_manager == "path"
    assert gate.accept(jwt).key_manager == "root"
    assert (gate.health("root").introspection, gate.health("path").introspection) == (
        Status.UNREACHABLE,
        Status.FRESH,
    )


def test_no_document(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """Without a document there is no endpoint, which is no verdict; with it there is."""
    gate, token = gate_of(issuer), opaque_token(issuer)
    issuer.reset()
    issuer.fault("/.well-known/", status=503)
    assert gate.unavailable(token).key_manager == issuer.name
    assert issuer.hits(ENDPOINT) == 0
    issuer.reset()
    gate.accept(token)


def test_two_endpoints(pair: Live, root: Issuer) -> None:
    """Of two endpoints that work the first is asked, and it alone, for good tokens and others."""
    pair.accept(opaque_token(root))
    assert reason(pair, "never-given") == "INACTIVE"
    assert ports_asked(root) == ["first", "first"]


def test_one_dies_while_it_is_asked(pair: Live, root: Issuer, clock: SettableClock) -> None:
    """What an endpoint that dies was asked the other one answers; the dead one is asked last until it comes back."""
    tokens = [opaque_token(root) for _ in range(4)]
    root.fault(ENDPOINT, port="first", hold=True, hangup=True)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(pair.accept, tokens[0]) for _ in range(4)]
        eventually(lambda: root.hits(ENDPOINT) == 1)
        assert root.release() == 1
        assert [one.result(WAIT_S).consumer_key for one in asked] == ["m2m"] * 4
    assert ports_asked(root) == ["first", "second"]
    pair.accept(tokens[1])
    assert ports_asked(root)[2:] == ["second"]
    clock.advance(1)
    pair.accept(tokens[2])
    assert ports_asked(root)[3:] == ["first"]
    root.fault(ENDPOINT, port="second", hangup=True)
    pair.accept(tokens[3])
    assert (ports_asked(root)[4:], pair.told(IntrospectionFailed)) == (["first"], [])


@each_outage
def test_one_fails(pair: Live, root: Issuer, clock: SettableClock, fault: dict[str, Any]) -> None:
    """While one endpoint fails the other one answers, and the failing one is tried less and less often."""
    root.fault(ENDPOINT, port="first", **fault)
    for backoff_s in (1, 2, 4):
        assert pair.accept(opaque_token(root)).consumer_key == "m2m"
        assert reason(pair, f"never-given-{backoff_s}") == "INACTIVE"
        clock.advance(backoff_s - 0.5)
        pair.accept(opaque_token(root))
        clock.advance(0.5)
    assert ports_asked(root) == ["first", "second", "second", "second"] * 3
    root.fault(ENDPOINT, port="second", hangup=True)
    assert pair.unavailable(opaque_token(root)).key_manager == "root"
    assert ports_asked(root)[12:] == ["first", "second"]
    assert len(pair.told(IntrospectionFailed)) == 1


def test_one_fails_for_good_tokens_and_the_other_too(pair: Live, root: Issuer, clock: SettableClock) -> None:
    """Where both fail nobody can tell, both were asked, and whichever comes back first answers."""
    token = opaque_token(root)
    root.fault(ENDPOINT, status=503)
    pair.unavailable(token)
    assert ports_asked(root) == ["first", "second"]
    root.reset()
    root.fault(ENDPOINT, port="first", status=503)
    pair.accept(token)
    assert ports_asked(root) == ["first", "second"]


def test_one_is_too_slow(gate_of: Callable[..., Live], root: Issuer) -> None:
    """An endpoint that keeps silent has its share of the deadline and no more, so that the other one can answer."""
    gate, token = gate_of(root, endpoint=both_endpoints(root), deadline_s=1), opaque_token(root)
    root.fault(ENDPOINT, port="first", delay_ms=5000)
    assert gate.accept(token).consumer_key == "m2m"
    assert ports_asked(root) == ["first", "second"]


def test_a_jwt_that_neither_takes(gate_of: Callable[..., Live], root: Issuer) -> None:
    """What is wrong with one token, as both endpoints say, is no failure of theirs: the first stays the first."""
    gate = gate_of(root, endpoint=both_endpoints(root), manager={"self_validate_jwt": False})
    gate.unavailable(root.token("ES256"))
    gate.accept(opaque_token(root))
    assert ports_asked(root)[-1] == "first"
