"""Unknown key ids: what is asked for them, how rarely, and what is remembered of those that nobody has."""

import pytest

from kmvalidate.ports import run
from tests.caches import Cached, kids, outage
from tests.fakes import KEYS, WAIT_S, FakeTransport, HeldTransport, answer, in_threads, key_set


@pytest.fixture
def cached():
    """Return a cache whose keys were fetched, and whose cool-down is over."""
    cached = Cached()
    cached.wait()
    cached.pass_s(10)
    return cached


@pytest.mark.parametrize("cooldown_s", [0.5, 10, 3600])
def test_the_cool_down_is_configured(cooldown_s):
    """Within the configured cool-down after a fetch nothing is fetched for an unknown key id, and then one fetch is."""
    cached = Cached(cooldown_s=cooldown_s, soft_ttl_s=7200)
    cached.wait()
    cached.pass_s(cooldown_s * 0.99)
    assert {cached.newer(f"invented-{n}") is cached.keys.snapshot for n in range(20)} == {True}
    assert cached.hits == 1
    cached.pass_s(cooldown_s * 0.02)
    cached.newer("invented")
    assert cached.hits == 2


def test_a_flood_of_invented_kids_is_one_fetch_in_a_cool_down(cached):
    """Whatever key ids come, and however many, there is one fetch in a cool-down and not one more."""
    for turn in range(10):
        for n in range(100):
            cached.newer(f"invented-{turn}-{n}")
        cached.pass_s(10)
    assert cached.hits == 11


def test_a_flood_during_an_outage_is_one_fetch_in_a_cool_down(cached):
    """Where those fetches fail, there is still one in a cool-down, and each unknown key id is an outage."""
    cached.fail()
    for turn in range(10):
        for n in range(100):
            assert outage(cached.newer, f"invented-{turn}-{n}").key_manager == "Test"
        cached.pass_s(10)
    assert cached.hits <= 10


def test_a_kid_that_a_fetch_did_not_bring_causes_no_other_for_its_time():
    """A key id that a fetch was made for in vain causes none for the configured time; another key id does."""
    cached = Cached(unknown_kid_ttl_s=100)
    cached.wait()
    cached.pass_s(10)
    cached.newer("nobody")
    for _ in range(9):
        cached.pass_s(10)
        assert cached.newer("nobody") is cached.keys.snapshot
    assert cached.hits == 2
    cached.newer("somebody")
    assert cached.hits == 3
    cached.pass_s(10)
    cached.newer("nobody")
    assert cached.hits == 4


def test_an_outage_says_nothing_of_a_kid():
    """A key id that a fetch was made for and failed is fetched for again after the cool-down."""
    cached = Cached(unknown_kid_ttl_s=10_000, soft_ttl_s=10_000)
    cached.wait()
    cached.pass_s(10)
    cached.fail()
    outage(cached.newer, "new")
    cached.publish("old", "new")
    cached.pass_s(10)
    assert kids(cached.newer("new")) == ["old", "new"]


def test_a_changed_key_set_clears_the_kids_that_nobody_had():
    """When the issuer publishes other keys, a key id that was not there before is fetched for again."""
    cached = Cached(unknown_kid_ttl_s=10_000)
    cached.wait()
    cached.pass_s(10)
    cached.newer("late")
    cached.pass_s(600)
    cached.publish("old", "other")
    cached.refresh_in_background()
    cached.publish("old", "other", "late")
    cached.pass_s(10)
    assert kids(cached.newer("late")) == ["old", "other", "late"]


def test_an_unchanged_key_set_clears_none_of_them():
    """When the issuer publishes the same keys again, a key id that it does not have still causes no fetch."""
    cached = Cached(unknown_kid_ttl_s=10_000)
    cached.wait()
    cached.pass_s(10)
    cached.newer("nobody")
    cached.pass_s(600)
    cached.refresh_in_background()
    cached.pass_s(10)
    cached.newer("nobody")
    assert cached.hits == 3


def test_dropped_keys_clear_them_too():
    """After all keys were dropped, what was not among them is fetched for again."""
    cached = Cached(unknown_kid_ttl_s=10_000)
    cached.wait()
    cached.pass_s(10)
    cached.newer("late")
    cached.keys.drop_keys()
    cached.wait()
    cached.publish("old", "late")
    cached.pass_s(10)
    assert kids(cached.newer("late")) == ["old", "late"]


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_no_more_of_them_are_remembered_than_configured(most):
    """However many key ids fetches are made for, no more than configured are remembered, the last among them."""
    cached = Cached(cooldown_s=0, unknown_kid_ttl_s=10_000, max_unknown_kids=most)
    cached.wait()
    for n in range(2 * most + 1):
        cached.newer(f"invented-{n}")
        assert len(cached.keys._asked) <= most
        assert f"invented-{n}" in cached.keys._asked


def test_a_long_kid_is_not_remembered(cached):
    """Key ids of more than 256 characters take no memory; they are answered all the same."""
    cached.newer("x" * 256)
    cached.pass_s(10)
    cached.newer("y" * 257)
    cached.pass_s(10)
    cached.newer("z" * 16_000)
    assert (set(cached.keys._asked), cached.hits) == ({"x" * 256}, 4)


def test_an_unknown_kid_waits_for_a_fetch_under_way_whatever_the_cool_down(cached):
    """A fetch that is under way for another reason serves unknown key ids, and no other one is made for them."""
    cached.pass_s(590)
    held = cached.ports.transport = HeldTransport({KEYS: key_set("old", "new")})
    old, served = cached.keys.ready(cached.ports), []
    assert held.asked.wait(WAIT_S)
    threads = in_threads(8, lambda: served.append(kids(run(cached.keys.newer(old, "new", cached.ports)))))
    for _ in threads:
        assert cached.ports.waiting.acquire(timeout=WAIT_S)
    held.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert (served, cached.hits) == ([["old", "new"]] * 8, 1)


def test_an_unknown_kid_that_joins_a_flight_without_a_fetch_causes_one(cached):
    """A flight under way that had nothing to do says nothing of a key: who waited for it has the keys fetched."""
    old, let_go, got = cached.keys.snapshot, cached.launch_idle(), []
    cached.publish("old", "new")
    threads = in_threads(4, lambda: got.append(kids(run(cached.keys.newer(old, "new", cached.ports)))))
    for _ in range(5):  # the first of all is the one that fetched them before
        assert cached.ports.waiting.acquire(timeout=WAIT_S)
    assert cached.hits == 0
    let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert (got, cached.hits) == ([["old", "new"]] * 4, 1)


def test_a_key_dropped_just_before_is_no_fetch(cached):
    """A key that is dropped between a caller's look and its question makes no newer keys of those there are."""
    old = cached.keys.snapshot
    cached.drop_key("other")
    cached.drop_key("old")
    assert cached.keys.snapshot is not old
    cached.publish("old", "new")
    assert kids(run(cached.keys.newer(old, "new", cached.ports))) == ["new"]
    assert cached.hits == 1


def test_a_key_dropped_while_an_unknown_kid_is_fetched_for_is_no_fetch(cached):
    """Nor does one that is dropped while the fetch is under way and fails: that is an outage."""
    old = cached.keys.snapshot
    cached.ports.transport = FakeTransport({KEYS: lambda: cached.drop_key("old") or answer({}, 503)})
    assert outage(run, cached.keys.newer(old, "new", cached.ports)).why == "key set: status 503"
    assert cached.kids == []


def test_an_unknown_kid_within_a_back_off_is_an_outage(cached):
    """While the issuer may not be asked again, nobody can say that a key does not exist."""
    cached.fail()
    cached.pass_s(590)
    cached.refresh_in_background()
    assert outage(cached.newer).why == "key set: status 503"
    assert cached.hits == 1


def test_a_caller_that_comes_too_late_to_find_a_fetch_makes_no_second_one(cached):
    """A caller that was held up between its look and its launch, while another's fetch came and went, makes none."""
    old, launch = cached.keys.snapshot, cached.keys._flights.launch

    def launch_late(*args):
        cached.keys._flights.launch = launch
        cached.pass_s(0.5)
        assert kids(run(cached.keys.newer(old, "new", cached.ports))) == ["old", "new"]
        cached.pass_s(0.5)
        return launch(*args)

    cached.publish("old", "new")
    cached.keys._flights.launch = launch_late
    assert kids(run(cached.keys.newer(old, "new", cached.ports))) == ["old", "new"]
    assert cached.hits == 1


def test_a_caller_that_comes_too_late_for_a_failure_makes_no_second_one(cached):
    """Where that other fetch failed, the late caller shares its outage and asks nobody within the back-off."""
    old, launch = cached.keys.snapshot, cached.keys._flights.launch

    def launch_late(*args):
        cached.keys._flights.launch = launch
        outage(cached.newer, "new")
        return launch(*args)

    cached.fail()
    cached.keys._flights.launch = launch_late
    assert outage(cached.newer, "new").why == "key set: status 503"
    assert (cached.hits, cached.keys.snapshot is old) == (1, True)


def test_a_cold_caller_that_comes_too_late_makes_no_second_fetch():
    """The same holds where there are no keys yet: one fetch for all who come at once, however they are held up."""
    cached = Cached()
    launch = cached.keys._flights.launch

    def launch_late(*args):
        cached.keys._flights.launch = launch
        cached.wait()
        return launch(*args)

    cached.keys._flights.launch = launch_late
    assert kids(cached.wait()) == ["old"]
    assert cached.hits == 1
