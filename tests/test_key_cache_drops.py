"""Keys dropped by hand: what is barred, what may come back, and what an earlier fetch may still bring."""

import threading

import pytest

from kmvalidate import KeyManagerUnavailable
from kmvalidate.events import Status
from kmvalidate.keys import read_jwks
from kmvalidate.ports import run
from tests.caches import Cached, hasty, kids, kinds, outage
from tests.fakes import KEYS, WAIT_S, FakeTransport, HeldTransport, answer, ec_jwk, in_threads, key_set


def thumbprint(owner: str) -> str:
    return read_jwks(key_set(owner)).keys[0].thumbprint


@pytest.fixture
def cached():
    """Return a cache that has the keys of two owners."""
    cached = Cached(FakeTransport({KEYS: key_set("old", "new")}))
    cached.wait()
    return cached


# One key


@pytest.mark.parametrize("name", ["old", thumbprint("old")], ids=["kid", "thumbprint"])
def test_a_dropped_key_is_gone_at_once(cached, name):
    """By its key id or its thumbprint, a key is dropped at once, and the others stay as old as they are."""
    before = cached.keys.snapshot
    cached.drop_key(name)
    assert cached.kids == ["new"]
    assert (cached.keys.snapshot.fetched_at, cached.keys.snapshot.hard_at) == (before.fetched_at, before.hard_at)
    assert (kids(before), cached.hits) == (["old", "new"], 1)


@pytest.mark.parametrize("name", ["old", thumbprint("old")], ids=["kid", "thumbprint"])
def test_a_dropped_key_does_not_come_back(cached, name):
    """However often it is published again, under its key id, under another or under none, a dropped key is not used."""
    cached.drop_key(name)
    anew = [ec_jwk("old"), ec_jwk("old", kid="renamed"), {k: v for k, v in ec_jwk("old").items() if k != "kid"}]
    for entry in anew:
        cached.ports.transport = FakeTransport({KEYS: {"keys": [entry, ec_jwk("new")]}})
        cached.refresh()
        assert cached.kids == ["new"]
    cached.keys.drop_keys()
    cached.wait()
    assert cached.kids == ["new"]


def test_another_key_under_the_id_of_a_dropped_one_is_used(cached):
    """What was dropped was the key: another one that the issuer publishes under its id is accepted."""
    cached.drop_key("old")
    replaced = ec_jwk("other", kid="old")
    cached.ports.transport = FakeTransport({KEYS: {"keys": [replaced, ec_jwk("new")]}})
    cached.refresh()
    assert cached.kids == ["old", "new"]
    assert cached.keys.snapshot.key_set.keys[0].thumbprint == thumbprint("other")


@pytest.mark.parametrize("fetched", [True, False])
@pytest.mark.parametrize("name", ["next", thumbprint("next")], ids=["kid", "thumbprint"])
def test_a_key_that_is_not_known_is_barred_by_its_name(cached, name, fetched):
    """A name that no key has is barred as it is: a key published under it later is not used."""
    if not fetched:
        cached = Cached()
    cached.drop_key(name)
    cached.publish("next", "new")
    cached.refresh()
    assert cached.kids == ["new"]


def test_a_name_that_is_barred_becomes_the_key_that_is_published_under_it(cached):
    """Once there was a key under a barred id, that key is barred under any, and another one under the id is used."""
    cached.drop_key("next")
    cached.publish("next", "new")
    cached.refresh()
    renamed = [ec_jwk("next", kid="renamed"), ec_jwk("other", kid="next")]
    cached.ports.transport = FakeTransport({KEYS: {"keys": renamed}})
    cached.refresh()
    assert [key.thumbprint for key in cached.keys.snapshot.key_set.keys] == [thumbprint("other")]
    assert cached.kids == ["next"]


def test_both_keys_of_one_id_are_dropped():
    """Where two keys have one id, dropping the id drops both."""
    twins = [ec_jwk("a", kid="twin"), ec_jwk("b", kid="twin"), ec_jwk("c")]
    cached = Cached(FakeTransport({KEYS: {"keys": twins}}))
    cached.wait()
    cached.drop_key("twin")
    cached.refresh()
    assert cached.kids == ["c"]


def test_a_key_dropped_while_a_fetch_is_under_way_does_not_land_with_it(cached):
    """A fetch that began before a key was dropped brings the others and not that one."""
    cached.pass_s(600)
    held = cached.ports.transport = HeldTransport({KEYS: key_set("old", "new", "newer")})
    cached.keys.ready(cached.ports)
    assert held.asked.wait(WAIT_S)
    cached.drop_key("old")
    held.let_go.set()
    cached.ports.settle()
    assert cached.kids == ["new", "newer"]


def test_when_all_keys_are_dropped_one_by_one_none_is_left(cached):
    """With its last key dropped a key manager has none, says so, and asks nobody for what was dropped."""
    for name in ("old", "new"):
        cached.drop_key(name)
    assert (cached.kids, cached.health.usable, cached.health.status) == ([], False, Status.FRESH)
    assert kids(cached.newer("old")) == []
    assert cached.hits == 1


def test_drops_of_many_threads_are_all_kept():
    """However many keys are dropped at once, while others are fetched, none of them is lost."""
    owners = [f"owner-{n}" for n in range(64)]
    cached = Cached(FakeTransport({KEYS: key_set("kept", *owners)}))
    cached.wait()
    left = iter(owners)
    with hasty():
        threads = in_threads(16, lambda: [cached.drop_key(next(left)) for _ in range(4)])
        cached.refresh()
        for thread in threads:
            thread.join(WAIT_S)
    assert cached.kids == ["kept"]
    cached.refresh()
    assert cached.kids == ["kept"]


# All keys


def test_dropped_keys_are_fetched_when_they_are_needed(cached):
    """After all keys were dropped there are none, nothing is asked for until somebody needs them, and then once."""
    cached.keys.drop_keys()
    assert (cached.keys.ready(cached.ports), cached.hits, cached.health.status) == (None, 1, Status.UNFETCHED)
    cached.publish("newest")
    assert kids(cached.wait()) == ["newest"]
    assert cached.hits == 1


def test_what_was_fetched_before_a_drop_does_not_land_after_it(cached):
    """A fetch that began before all keys were dropped lands nothing, and who waits for it gets what came after."""
    cached.pass_s(600)
    stale = cached.ports.transport = HeldTransport({KEYS: key_set("old", "stolen")})
    cached.keys.ready(cached.ports)
    assert stale.asked.wait(WAIT_S)
    got = []
    threads = in_threads(4, lambda: got.append(kids(run(cached.keys.wait(cached.ports)))))
    for _ in threads:
        assert cached.ports.waiting.acquire(timeout=WAIT_S)
    cached.keys.drop_keys()
    cached.publish("new")
    stale.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    cached.ports.settle()
    assert (got, cached.kids, cached.hits) == ([["new"]] * 4, ["new"], 1)


def test_what_was_fetched_before_a_drop_does_not_land_after_what_came_since(cached):
    """Nor does it land after new keys were fetched, however late it comes."""
    cached.pass_s(600)
    stale = cached.ports.transport = HeldTransport({KEYS: key_set("stolen")})
    cached.keys.ready(cached.ports)
    assert stale.asked.wait(WAIT_S)
    cached.keys.drop_keys()
    cached.publish("new")
    assert kids(cached.wait()) == ["new"]
    stale.let_go.set()
    cached.ports.settle()
    assert cached.kids == ["new"]


def test_a_caller_that_looks_for_an_unknown_kid_gets_what_came_after_a_drop(cached):
    """Who waits for a newer key while all are dropped gets the keys fetched after that."""
    cached.pass_s(10)
    old, got = cached.keys.snapshot, []
    stale = cached.ports.transport = HeldTransport({KEYS: key_set("stolen")})
    threads = in_threads(1, lambda: got.append(kids(run(cached.keys.newer(old, "stolen", cached.ports)))))
    assert stale.asked.wait(WAIT_S)
    cached.keys.drop_keys()
    cached.publish("new")
    stale.let_go.set()
    threads[0].join(WAIT_S)
    assert (got, cached.kids) == ([["new"]], ["new"])


def test_dropped_keys_of_an_issuer_that_is_down_are_an_outage(cached):
    """Keys that were dropped do not come back because there are no others."""
    cached.keys.drop_keys()
    cached.fail()
    assert outage(cached.wait).why == "key set: status 503"
    assert (cached.kids, cached.keys.ready(cached.ports)) == ([], None)


def test_a_failure_that_began_before_a_drop_counts_no_more(cached):
    """A fetch that fails after all keys were dropped is not told, and keeps nobody from fetching at once."""
    cached.pass_s(600)
    stale = cached.ports.transport = HeldTransport({})
    cached.keys.ready(cached.ports)
    assert stale.asked.wait(WAIT_S)
    cached.keys.drop_keys()
    told = len(cached.told)
    stale.let_go.set()
    cached.ports.settle()
    assert (cached.told[told:], cached.health.failures) == ([], 0)
    cached.publish("new")
    assert kids(cached.wait()) == ["new"]


def test_a_fetch_given_up_that_began_before_a_drop_counts_no_more(cached):
    """Nor does one that its callers gave up, having waited for it while all keys were dropped."""
    held = cached.ports.transport = HeldTransport({KEYS: key_set("old")})

    async def dropped_meanwhile(_, __):
        cached.keys.drop_keys()
        raise TimeoutError

    cached.keys.drop_keys()
    cached.ports.join, told = dropped_meanwhile, len(cached.told)
    assert outage(cached.wait).retry_after_s == 1.0
    assert (cached.told[told:], cached.health.failures) == ([], 0)
    held.let_go.set()
    cached.ports.settle()
    assert cached.kids == []


def test_a_drop_ends_the_back_off(cached):
    """After many failures a drop of all keys lets the next caller fetch at once, and failures count anew."""
    cached.fail()
    for _ in range(5):
        outage(cached.refresh)
    cached.keys.drop_keys()
    assert (cached.health.failures, cached.health.status) == (0, Status.UNFETCHED)
    assert outage(cached.wait).key_manager == "Test"
    assert cached.health.failures == 1
    cached.keys.drop_keys()
    cached.publish("new")
    assert kids(cached.wait()) == ["new"]


def test_keys_that_are_dropped_all_the_time_are_an_outage(cached):
    """A caller whose keys are dropped each time they come gives up after some tries, and never uses dropped ones."""

    def dropped_meanwhile():
        cached.keys.drop_keys()
        return answer(key_set("old"))

    cached.keys.drop_keys()
    cached.ports.transport = FakeTransport({KEYS: dropped_meanwhile})
    assert outage(cached.wait).key_manager == "Test"
    assert (cached.hits, cached.kids) == (3, [])


def test_everything_at_once_loses_nothing(cached):
    """Drops, refreshes and callers of many threads leave a key that was dropped gone, and raise nothing but outages."""
    foreign, done = [], threading.Event()

    def work():
        try:
            for _ in range(10):
                cached.refresh()
                is_dropped = done.is_set()
                assert not (is_dropped and "old" in kids(cached.wait()))
                cached.keys.drop_keys()
        except KeyManagerUnavailable:
            pass
        except BaseException as error:  # noqa: BLE001
            foreign.append(error)

    threads = in_threads(6, work)
    cached.drop_key("old")
    done.set()
    for thread in threads:
        thread.join(4 * WAIT_S)
    cached.ports.settle()
    assert (foreign, "old" in kids(cached.wait())) == ([], False)
    assert set(kinds(cached.told)) == {"KeysFetched"}
