"""Keys fetched by hand, pinned ones dropped, and what of a key set stays the same object."""

import pytest

from kmvalidate.key_bars import Bars
from kmvalidate.key_snapshots import FixedKeys, names_missing
from kmvalidate.keys import read_jwks
from kmvalidate.ports import run
from tests.caches import Cached, drop_key, hasty, kids, outage
from tests.fakes import KEYS, WAIT_S, FakeTransport, HeldTransport, answer, ec_jwk, in_threads, key_set
from tests.signing import manager


@pytest.fixture
def cached():
    """Return a cache that has the keys of two owners."""
    cached = Cached(FakeTransport({KEYS: key_set("old", "new")}))
    cached.wait()
    return cached


# Fetched by hand


def test_a_refresh_by_hand_asks_whatever_the_cool_down(cached):
    """Keys that are fresh are fetched again at once when somebody says so, each time."""
    cached.publish("newest")
    for turn in range(3):
        cached.refresh()
        assert (cached.kids, cached.hits) == (["newest"], turn + 1)


def test_a_refresh_by_hand_asks_whatever_the_back_off(cached):
    """While nobody else would ask, a refresh by hand does, and ends the back-off when it succeeds."""
    cached.fail()
    for _ in range(5):
        outage(cached.refresh)
    assert cached.hits == 5
    cached.publish("newest")
    cached.refresh()
    assert (cached.kids, cached.health.failures) == (["newest"], 0)


def test_a_refresh_by_hand_that_fails_keeps_the_keys(cached):
    """A refresh by hand that fails is an outage that says why, and the keys there were go on being used."""
    before = cached.keys.snapshot
    cached.fail(502)
    assert (outage(cached.refresh).why, cached.keys.snapshot is before) == ("key set: status 502", True)
    assert cached.keys.ready(cached.ports) is before


def test_a_refresh_by_hand_does_not_take_an_earlier_fetch(cached):
    """A fetch under way began before the refresh was asked for: another is made, and the earlier one is too late."""
    cached.pass_s(600)
    stale = cached.ports.transport = HeldTransport({KEYS: key_set("stolen")})
    cached.keys.ready(cached.ports)
    assert stale.asked.wait(WAIT_S)
    cached.publish("newest")
    cached.refresh()
    assert (cached.kids, stale.let_go.is_set()) == (["newest"], False)
    stale.let_go.set()
    cached.ports.settle()
    assert cached.kids == ["newest"]


def test_who_comes_during_a_refresh_by_hand_shares_it(cached):
    """Whoever needs keys while they are refreshed by hand waits for that fetch and makes none."""
    held = cached.ports.transport = HeldTransport({KEYS: key_set("newest")})
    cached.pass_s(10)
    old, got = cached.keys.snapshot, []
    threads = in_threads(1, cached.refresh)
    assert held.asked.wait(WAIT_S)
    threads += in_threads(3, lambda: got.append(kids(run(cached.keys.newer(old, "newest", cached.ports)))))
    for _ in threads:
        assert cached.ports.waiting.acquire(timeout=WAIT_S)
    held.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert (got, held.hits[KEYS]) == ([["newest"]] * 3, 1)


def test_a_refresh_by_hand_that_nothing_can_fly_is_an_outage(cached):
    """Where no thread can be started, a refresh by hand says so and keeps the keys."""
    cached.ports.refusing = RuntimeError("can't start new thread")
    assert outage(cached.refresh).why == "can't start new thread"
    assert (cached.kids, cached.health.failures) == (["old", "new"], 1)


def test_a_refresh_by_hand_that_shares_a_flight_without_a_fetch_makes_its_own(cached):
    """Where the flight that it shares had nothing to do, a refresh by hand goes on until the keys were fetched."""
    launch = cached.keys._flights.launch
    idle = []

    def launch_late(*args):
        cached.keys._flights.launch = launch
        idle.append(cached.launch_idle())
        return launch(*args)

    cached.keys._flights.launch = launch_late
    cached.publish("newest")
    threads = in_threads(1, cached.refresh)
    assert cached.ports.waiting.acquire(timeout=WAIT_S)  # the one that fetched them first
    assert cached.ports.waiting.acquire(timeout=WAIT_S)
    assert cached.hits == 0
    idle[0].set()
    threads[0].join(WAIT_S)
    assert (cached.kids, cached.hits) == (["newest"], 1)


def test_a_refresh_by_hand_during_which_all_keys_are_dropped_fetches_again(cached):
    """What a refresh by hand brought before a drop is not used, and it does not return before there is something."""
    held = cached.ports.transport = HeldTransport({KEYS: key_set("stolen")})
    threads = in_threads(1, cached.refresh)
    assert held.asked.wait(WAIT_S)
    cached.keys.drop_keys()
    cached.publish("newest")
    held.let_go.set()
    threads[0].join(WAIT_S)
    assert (cached.kids, cached.hits) == (["newest"], 1)


def test_refreshes_by_hand_at_once_have_all_fetched(cached):
    """However many refresh by hand at once, each returns after a fetch that began after it was asked for."""
    begun, late = [], []
    cached.ports.transport = FakeTransport({KEYS: lambda: begun.append(None) or answer(key_set("old"))})

    def work():
        for _ in range(20):
            so_far = len(begun)
            cached.refresh()
            late.append(len(begun) > so_far)

    with hasty():
        for thread in in_threads(6, work):
            thread.join(4 * WAIT_S)
    assert late == [True] * 120


def test_an_equal_key_set_stays_the_same_object(cached):
    """A fetch that brings what there was brings the same object, so that what was learnt with it lives on."""
    before = cached.keys.snapshot
    cached.pass_s(10)
    cached.refresh()
    assert cached.keys.snapshot is not before
    assert cached.keys.snapshot.key_set is before.key_set
    cached.drop_key("old")
    dropped = cached.keys.snapshot.key_set
    cached.refresh()
    assert cached.keys.snapshot.key_set is dropped
    cached.publish("new")
    cached.refresh()
    assert cached.keys.snapshot.key_set is dropped


# Pinned keys


def test_a_pinned_key_is_dropped_too():
    """Of pinned keys one can be dropped by either name, a name that none has drops none, nothing else changes them."""
    fixed, bars = FixedKeys(manager(), read_jwks(key_set("a", "b", "c"))), Bars()
    for name in ("a", read_jwks(key_set("b")).keys[0].thumbprint, "nobody"):
        drop_key(fixed, bars, name)
    fixed.drop_keys()
    assert kids(fixed.snapshot) == ["c"]


def test_pinned_keys_have_nothing_to_fetch():
    """Of pinned keys nothing is begun, refreshed or waited for; what is ready is there."""
    cached, fixed = Cached(), FixedKeys(manager(), read_jwks(key_set("a")))
    fixed.begin(cached.ports)
    run(fixed.refresh(cached.ports))
    assert fixed.ready(cached.ports) is run(fixed.wait(cached.ports)) is fixed.snapshot
    assert (cached.hits, cached.ports.flown) == (0, [])


def test_drops_of_pinned_keys_of_many_threads_are_all_kept():
    """However many pinned keys are dropped at once, none of them is lost."""
    owners = [f"owner-{n}" for n in range(64)]
    fixed, bars, left = FixedKeys(manager(), read_jwks(key_set("kept", *owners))), Bars(), iter(owners)
    with hasty():
        for thread in in_threads(16, lambda: [drop_key(fixed, bars, next(left)) for _ in range(4)]):
            thread.join(WAIT_S)
    assert kids(fixed.snapshot) == ["kept"]


def test_what_differs_between_two_sets_is_named_once():
    """Keys that only one of two sets has are named in their order, once each; one replaced under its id too."""
    old = read_jwks({"keys": [ec_jwk("a"), ec_jwk("b"), ec_jwk("b2", kid="b")]})
    new = read_jwks({"keys": [ec_jwk("c"), ec_jwk("other", kid="a"), ec_jwk("b"), ec_jwk("b3", kid="b")]})
    assert names_missing(old, new) == ("c", "a", "b")
    assert names_missing(new, old) == ("a", "b")
    assert (names_missing(None, old), names_missing(old, None), names_missing(old, old)) == (("a", "b"), (), ())
