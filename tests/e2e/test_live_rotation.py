"""Rotations as every kind of caller sees them: what each costs the issuer, and what becomes of remembered tokens."""

from collections.abc import Callable

import pytest

from kmvalidate import KeysFetched, Reason
from tests.e2e.gateway import SettableClock, altered, eventually, header_of
from tests.e2e.live import COOLDOWN_S, SOFT_TTL_S, Live, fetches
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e


def test_old_keys_kept(live: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """A rotation that keeps the old keys costs one fetch, and what was remembered is still remembered."""
    gate, old = live(issuer), issuer.token("ES256")
    remembered = gate.accept(old).payload
    before = set(gate.health(issuer.name).key_ids)
    published = issuer.rotate(keep_old=True)
    clock.advance(COOLDOWN_S)
    new = issuer.token("ES256")
    assert gate.accept(new).key_id == header_of(new)["kid"]
    assert fetches(issuer) == (2, 2)
    again = gate.accept(old)
    assert (again.payload is remembered, again.key_id) == (True, header_of(old)["kid"])
    assert gate.accept(new).key_id == header_of(new)["kid"]
    assert fetches(issuer) == (2, 2)
    first, second = gate.told(KeysFetched)
    assert (set(first.added), first.removed) == (before, ())
    assert (set(second.added), second.removed) == (set(published) - before, ())
    assert gate.health(issuer.name).key_ids == tuple(published)


def test_old_keys_dropped(live: Callable[..., Live], issuer: Issuer, clock: SettableClock) -> None:
    """After a rotation that drops the old keys a remembered token is refused, at the cost of one fetch a cool-down."""
    gate, old = live(issuer), issuer.token("ES256")
    gate.accept(old)
    published = issuer.rotate(keep_old=False)
    gate.accept(old)  # nobody has said so yet
    clock.advance(COOLDOWN_S)
    new = issuer.token("ES256")
    remembered = gate.accept(new).payload
    for expected in (2, 3, 4):
        for _ in range(3):
            refused = gate.refused(old)
            assert (refused.reason, refused.got) == (Reason.UNKNOWN_KEY, header_of(old)["kid"])
        assert fetches(issuer) == (expected, expected)
        clock.advance(COOLDOWN_S)
    assert gate.accept(new).payload is remembered
    assert set(gate.told(KeysFetched)[1].added) == set(published)
    assert header_of(old)["kid"] in gate.told(KeysFetched)[1].removed
    assert [(event.added, event.removed) for event in gate.told(KeysFetched)[2:]] == [((), ())] * 2


def test_unknown_within_the_cooldown(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A new key is refused until the cool-down is over, and then found by exactly one fetch."""
    gate = live(root)
    gate.accept(root.token("ES256"))
    root.rotate(keep_old=True)
    new = root.token("ES256")
    clock.advance(COOLDOWN_S - 1)
    for _ in range(3):
        assert gate.refused(new).reason is Reason.UNKNOWN_KEY
    assert fetches(root) == (1, 1)
    clock.advance(1.5)
    for _ in range(3):
        gate.accept(new)
    assert fetches(root) == (2, 2)


def test_a_flood_of_invented_key_ids(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """However many key ids are invented, an issuer is asked once a cool-down, and good tokens go on."""
    gate, token = live(root), root.token("ES256")
    remembered = gate.accept(token).payload
    for expected in (2, 3):
        clock.advance(COOLDOWN_S)
        for number in range(50):
            assert gate.refused(altered(token, header={"kid": f"{expected}-{number}"})).reason is Reason.UNKNOWN_KEY
        assert fetches(root) == (expected, expected)
    assert gate.accept(token).payload is remembered
    gate.accept(root.token("ES256"))
    assert fetches(root) == (3, 3)


def test_a_key_id_that_was_asked_for(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A key id that a fetch did not bring causes no other for as long as is configured, and another one does."""
    gate, token = live(root, unknown_kid_ttl_s=300), root.token("ES256")
    gate.accept(token)
    clock.advance(COOLDOWN_S)
    known_bad, other = (altered(token, header={"kid": kid}) for kid in ("bad", "other"))
    for _ in range(5):
        assert gate.refused(known_bad).reason is Reason.UNKNOWN_KEY
        clock.advance(COOLDOWN_S)
    assert fetches(root) == (2, 2)
    assert gate.refused(other).reason is Reason.UNKNOWN_KEY
    assert fetches(root) == (3, 3)


def test_refreshes_carry_over(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A refresh that brings the same keys forgets nothing, and a remembered token is what makes it begin."""
    gate, token = live(root), root.token("ES256")
    remembered = gate.accept(token).payload
    for expected in (2, 3, 4):
        clock.advance(SOFT_TTL_S - 1)
        assert gate.accept(token).payload is remembered
        assert len(gate.told(KeysFetched)) == expected - 1
        clock.advance(1.5)
        eventually(lambda: gate.accept(token).payload is remembered and len(gate.told(KeysFetched)) == expected)  # noqa: B023
        assert fetches(root) == (expected, expected)
    assert gate.story == ["KeyManagerAdded", *["KeysFetched"] * 4]
