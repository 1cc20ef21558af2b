"""Outages as every kind of caller sees them: tokens go on, what is wrong is told, and the end of it too."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from kmvalidate import KeysExpired, KeysFetched, KeysNotFetched, Status
from tests.e2e.gateway import SettableClock, altered, eventually
from tests.e2e.live import COOLDOWN_S, HARD_TTL_S, LONGEST_BACKOFF_S, SOFT_TTL_S, Live, fetches
from tests.e2e.provider import OIDC, Issuer

pytestmark = pytest.mark.e2e

BACKOFFS_S = (1, 2, 4, 8, 16, 30, 30)
FAULTS: dict[str, dict[str, Any]] = {
    "status 503": {"status": 503},
    "hang-up": {"hangup": True},
    "hang-up mid-body": {"cut": 100},
    "garbage": {"status": 200, "body": "\x00garbage"},
    "an error page": {"status": 200, "body": "<html>oops</html>", "headers": {"content-type": "text/html"}},
    "an empty set": {"status": 200, "body": '{"keys": []}'},
}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
each_document = pytest.mark.parametrize("document", ["/.well-known/", "/jwks"], ids=["metadata", "keys"])


@each_document
@each_fault
def test_an_outage(
    live: Callable[..., Live], root: Issuer, clock: SettableClock, document: str, fault: dict[str, Any]
) -> None:
    """While refreshes fail the keys stay, tokens go on and the health says so; the first that works ends it."""
    gate, token = live(root), root.token("ES256")
    gate.accept(token)
    began = time.time()
    clock.set_wall(began)
    key_ids = gate.health().key_ids
    root.reset()
    root.fault(document, **fault)
    clock.advance(SOFT_TTL_S)
    for failures, status in ((1, Status.STALE), (2, Status.STALE), (3, Status.UNREACHABLE)):
        eventually(lambda: _uses(gate, token) and len(gate.told(KeysNotFetched)) == failures)  # noqa: B023
        gate.accept(root.token("ES256"))
        health = gate.health()
        assert (health.status, health.failures, health.usable, health.key_ids) == (status, failures, True, key_ids)
        assert health.stale_since == pytest.approx(began - (failures - 1) * LONGEST_BACKOFF_S, abs=0.01)
        assert health.why == gate.told(KeysNotFetched)[-1].why
        assert root.hits(document) == failures
        clock.advance(LONGEST_BACKOFF_S)
    root.reset()
    eventually(lambda: _uses(gate, token) and len(gate.told(KeysFetched)) == 2)
    health = gate.health()
    assert (health.status, health.failures, health.why, health.stale_since) == (Status.FRESH, 0, None, None)
    assert fetches(root) == (1, 1)
    assert [(event.failures, event.retry_in_s) for event in gate.told(KeysNotFetched)] == [
        (count, pytest.approx(BACKOFFS_S[count - 1])) for count in (1, 2, 3)
    ]
    assert gate.story == [
        *("KeyManagerAdded", "KeysFetched"),
        *("KeysNotFetched", "KeysNotFetched", "KeysNotFetched", "KeyManagerUnreachable"),
        *("KeyManagerReachable", "KeysFetched"),
    ]


def _uses(gate: Live, token: str) -> bool:
    return gate.accept(token).key_manager == "root"


@each_document
def test_nobody_waits_for_a_refresh(
    live: Callable[..., Live], root: Issuer, clock: SettableClock, document: str
) -> None:
    """While a refresh is under way tokens are answered with the keys there are."""
    gate, token = live(root, deadline_s=60), root.token("ES256")
    remembered = gate.accept(token).payload
    root.hold(document)
    clock.advance(SOFT_TTL_S)
    for _ in range(5):
        assert gate.accept(token).payload is remembered
        gate.accept(root.token("ES256"))
    eventually(lambda: root.hits(document) == 2)
    assert (gate.health().status, gate.story) == (Status.STALE, ["KeyManagerAdded", "KeysFetched"])
    assert root.release() == 1
    eventually(lambda: len(gate.told(KeysFetched)) == 2)
    assert gate.accept(token).payload is remembered
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (2, 2))


@each_document
def test_slower_than_the_deadline(live: Callable[..., Live], root: Issuer, clock: SettableClock, document: str) -> None:
    """An issuer that does not answer within the deadline failed, and is asked again after the back-off."""
    gate, token = live(root, deadline_s=1), root.token("ES256")
    gate.accept(token)
    root.reset()
    root.hold(document)
    clock.advance(SOFT_TTL_S)
    eventually(lambda: _uses(gate, token) and len(gate.told(KeysNotFetched)) == 1)
    health = gate.health()
    assert (health.status, health.failures, root.hits(document)) == (Status.STALE, 1, 1)
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    eventually(lambda: _uses(gate, token) and len(gate.told(KeysFetched)) == 2)
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (1, 1))


@each_document
def test_cold_start(live: Callable[..., Live], root: Issuer, clock: SettableClock, document: str) -> None:
    """A gateway that starts in an outage says when to ask again, asks no sooner itself, and recovers by itself."""
    gate, token = live(root), root.token("ES256")
    assert gate.health().status is Status.UNFETCHED
    root.reset()
    root.fault(document, status=503)
    for failures, backoff_s in enumerate(BACKOFFS_S, start=1):
        told = gate.unavailable(token)
        assert (told.key_manager, told.retry_after_s) == ("root", pytest.approx(backoff_s))
        health = gate.health()
        assert (health.status, health.usable, health.failures) == (Status.UNREACHABLE, False, failures)
        clock.advance(backoff_s - 0.25)
        assert 1 <= gate.unavailable(token).retry_after_s <= backoff_s
        assert root.hits(document) == failures
        clock.advance(0.5)
    root.reset()
    gate.accept(token)
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (1, 1))
    assert gate.story[1:] == [
        *["KeysNotFetched"] * 3,
        "KeyManagerUnreachable",
        *["KeysNotFetched"] * 4,
        "KeyManagerReachable",
        "KeysFetched",
    ]


def test_past_the_hard_ttl(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """Past the hard TTL nobody can tell of any token, remembered or not, good or bad, until the keys are fetched."""
    gate, token = live(root), root.token("ES256")
    others = [root.token("ES256"), altered(token, claims={"sub": "root"}), altered(token, header={"kid": "invented"})]
    gate.accept(token)
    root.reset()
    root.fault("", hangup=True)
    clock.advance(HARD_TTL_S - 1)
    gate.accept(token)  # after a fetch that it waited for, as nobody had come for so long
    assert (gate.health().usable, root.hits("")) == (True, 1)
    clock.advance(1.5)
    for one in (token, *others) * 2:
        assert gate.unavailable(one).key_manager == "root"
    health = gate.health()
    assert (health.status, health.usable, health.failures) == (Status.UNREACHABLE, False, 2)
    assert (len(gate.told(KeysExpired)), root.hits("")) == (1, 2)
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    gate.accept(token)
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (1, 1))
    assert gate.story[2:] == ["KeysNotFetched", "KeysExpired", "KeysNotFetched", "KeysFetched"]


def test_a_new_key_in_an_outage(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """While a new key cannot be fetched nobody can tell of its tokens, one fetch a cool-down is tried; others go on."""
    gate, old = live(root), root.token("ES256")
    remembered = gate.accept(old).payload
    root.rotate(keep_old=True)
    new = root.token("ES256")
    root.reset()
    root.fault("/jwks", status=503)
    clock.advance(COOLDOWN_S)
    for _ in range(5):
        assert 1 <= gate.unavailable(new).retry_after_s <= LONGEST_BACKOFF_S
        assert gate.accept(old).payload is remembered
    clock.advance(2)  # the back-off is over, the cool-down is not
    assert gate.unavailable(new).retry_after_s == pytest.approx(COOLDOWN_S - 2)
    assert fetches(root) == (1, 1)
    clock.advance(COOLDOWN_S)
    gate.unavailable(new)
    assert (fetches(root), gate.health().failures) == ((2, 2), 2)
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    gate.accept(new)
    assert gate.accept(old).payload is remembered
    assert fetches(root) == (1, 1)


def test_keys_of_another_media_type(live: Callable[..., Live], root: Issuer) -> None:
    """What counts is the document, not what the server calls it."""
    for document in (OIDC, "/jwks"):
        body = json.dumps(root.get(document))
        root.fault(document, status=200, body=body, headers={"content-type": "text/html"})
    token = root.token("ES256")
    gate = live(root)
    gate.accept(token)
    assert gate.health().status is Status.FRESH


def test_others_do_not_notice(live: Callable[..., Live], root: Issuer, path: Issuer, clock: SettableClock) -> None:
    """The outage of one issuer is no failure of another, and costs it no request."""
    gate = live(root, path)
    down, up = root.token("ES256"), path.token("ES256")
    root.fault("", hangup=True)
    path.reset()
    for _ in range(3):
        gate.unavailable(down)
        gate.accept(up)
        clock.advance(LONGEST_BACKOFF_S)
    assert (gate.health("root").status, gate.health("path").status) == (Status.UNREACHABLE, Status.FRESH)
    assert (gate.health("root").failures, gate.health("path").failures) == (3, 0)
    assert fetches(path) == (1, 1)
