"""The key cache by itself: jitter, snapshots, and the answers a `KeySource` gives."""

import pytest

from kmvalidate import KeyManager, KeyManagerUnavailable, RemoteKeys
from kmvalidate.flights import Flights
from kmvalidate.issuer_state import IssuerState
from kmvalidate.key_cache import KeyCache
from kmvalidate.key_sets import KeySet
from kmvalidate.key_snapshots import FixedKeys, Snapshot
from kmvalidate.ports import run
from tests.fakes import FakeTransport, SettableClock, WatchedPorts, answer, key_set, published
from tests.signing import AUDIENCE, ISSUER, manager, static_keys


@pytest.fixture
def ports():
    return WatchedPorts(FakeTransport(published("old")), SettableClock())


def cache(spread=0.5, **source):
    remote = RemoteKeys(**source)
    owner = KeyManager(name="Test", issuer=ISSUER, audience=AUDIENCE, keys=remote)
    return KeyCache(owner, Flights(), lambda: spread)


def kids(snapshot):
    return [key.kid for key in snapshot.key_set.keys]


def test_an_empty_cache_has_nothing_ready_and_starts_nothing(ports):
    """Asking for keys without waiting for them fetches none."""
    assert cache().ready(ports) is None
    assert ports.flown == []


def test_waiting_brings_keys(ports):
    """Whoever waits gets what was fetched, and then it is ready for everybody."""
    keys = cache()
    snapshot = run(keys.wait(ports))
    assert (kids(snapshot), keys.ready(ports) is snapshot) == (["old"], True)


def test_waiting_for_keys_that_are_there_fetches_nothing(ports):
    """A caller that comes to wait just after the keys have landed takes them."""
    keys = cache()
    assert run(keys.wait(ports)) is run(keys.wait(ports))
    assert sum(ports.transport.hits.values()) == 2


@pytest.mark.parametrize(("spread", "soft_s"), [(0.0, 540.0), (0.5, 600.0), (1.0, 660.0)])
def test_the_soft_ttl_is_spread(ports, spread, soft_s):
    """Soft TTLs are 10 % apart at most, so that many issuers are not fetched at once."""
    snapshot = run(cache(spread).wait(ports))
    assert snapshot.soft_at - snapshot.fetched_at == pytest.approx(soft_s)
    assert snapshot.idle_at - snapshot.fetched_at == pytest.approx(2 * soft_s)


def test_a_soft_ttl_never_exceeds_the_hard_one(ports):
    """Jitter does not carry the refresh past the hard TTL, where the keys would be neither usable nor due."""
    keys = cache(1.0, soft_ttl_s=100, hard_ttl_s=100)
    old = run(keys.wait(ports))
    ports.clock.pass_s(100)
    assert run(keys.wait(ports)) is not old


def test_keys_past_their_hard_ttl_are_not_used_within_a_back_off(ports):
    """While the provider may not be asked again, keys past their hard TTL serve nobody all the same."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.transport.answers = {}
    ports.clock.pass_s(86_399.5)
    assert run(keys.wait(ports)) is old
    assert keys.ready(ports) is old
    ports.clock.pass_s(0.5)
    assert keys.ready(ports) is None
    with pytest.raises(KeyManagerUnavailable):
        run(keys.wait(ports))


@pytest.mark.parametrize(("spread", "backoff_s"), [(0.0, 30.0), (1.0, 27.0)])
def test_the_back_off_is_spread_below_its_limit(ports, spread, backoff_s):
    """Jitter shortens the back-off and never carries it beyond its limit."""
    ports.transport.answers = {}
    keys = cache(spread)
    for _ in range(30):
        with pytest.raises(KeyManagerUnavailable) as caught:
            run(keys.wait(ports))
        ports.clock.pass_s(30)
    assert caught.value.retry_after_s == pytest.approx(backoff_s)


def test_a_success_ends_the_back_off_at_once(ports):
    """Keys that a late flight brings after a newer one has failed end the back-off: they may be fetched again."""
    url = "https://idp.example/jwks"
    keys = cache(jwks_url=url, cooldown_s=0)

    def overtaken():
        ports.transport.answers[url] = answer({}, 503)
        ports.clock.pass_s(7)  # past the deadline and its grace
        with pytest.raises(KeyManagerUnavailable, match="503"):
            run(keys.wait(ports))
        ports.transport.answers[url] = key_set("new")
        return key_set("old")

    ports.transport.answers[url] = overtaken
    old = run(keys.wait(ports))
    ports.settle()
    assert (kids(old), kids(run(keys.newer(old, "x", ports)))) == (["old"], ["new"])


def test_a_fetch_dates_from_its_beginning(ports):
    """Keys are as old as the request for them, not as its answer."""
    began = ports.clock.now
    ports.transport.answers["https://idp.example/jwks"] = lambda: ports.clock.pass_s(2) or key_set("old")
    snapshot = run(cache(jwks_url="https://idp.example/jwks").wait(ports))
    assert (snapshot.fetched_at, snapshot.hard_at) == (began, began + 86_400)


def test_a_refresh_replaces_the_snapshot_whole(ports):
    """After a refresh no old key is left."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.transport.answers = published("new")
    ports.clock.pass_s(10)
    new = run(keys.newer(old, "x", ports))
    assert (kids(old), kids(new)) == (["old"], ["new"])


def test_a_refresh_that_brings_the_same_keys_is_newer(ports):
    """An unchanged key set counts as fetched: it says that an unknown key does not exist."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.clock.pass_s(10)
    new = run(keys.newer(old, "x", ports))
    assert (new is old, new.key_set == old.key_set) == (False, True)


def test_what_is_newer_already_is_taken(ports):
    """A caller whose snapshot was replaced meanwhile gets the new one without a fetch."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.clock.pass_s(10)
    new = run(keys.newer(old, "x", ports))
    assert run(keys.newer(old, "x", ports)) is new
    ports.clock.pass_s(10)
    assert run(keys.newer(old, "x", ports)) is new
    assert sum(ports.transport.hits.values()) == 4


def test_keys_within_the_cool_down_are_new_enough(ports):
    """Within the cool-down the same snapshot comes back, and nothing is fetched."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.clock.pass_s(9.9)
    assert run(keys.newer(old, "x", ports)) is old


def test_no_cool_down_means_a_fetch_each_time(ports):
    """A cool-down of zero has every unknown key fetched for."""
    keys = cache(cooldown_s=0)
    old = run(keys.wait(ports))
    assert run(keys.newer(old, "x", ports)) is not old


def test_a_failed_forced_fetch_is_an_outage_until_the_cool_down_ends(ports):
    """An outage that an unknown key meets says when the provider will be asked again."""
    keys = cache()
    old = run(keys.wait(ports))
    ports.transport.answers = {}
    ports.clock.pass_s(10)
    for waited_s, left_s in ((0, 10.0), (4, 6.0), (5.5, 1.0)):
        ports.clock.pass_s(waited_s)
        with pytest.raises(KeyManagerUnavailable) as caught:
            run(keys.newer(old, "x", ports))
        assert caught.value.retry_after_s == pytest.approx(left_s)
    assert keys.ready(ports) is old


def test_snapshots_are_told_apart_by_identity():
    """Two snapshots of equal keys are two: what is remembered with one is not with the other."""
    key_set = KeySet(())
    assert Snapshot(key_set) != Snapshot(key_set)


def test_fixed_keys_are_always_ready(ports):
    """Pinned keys never age, are never waited for, and have nothing newer."""
    ports.clock.pass_s(1e9)
    fixed = FixedKeys(manager(), KeySet(()))
    snapshot = fixed.ready(ports)
    assert run(fixed.wait(ports)) is snapshot
    assert run(fixed.newer(snapshot, "x", ports)) is snapshot
    assert ports.transport.requests == []


def test_a_state_takes_its_keys_from_its_configuration():
    """Remote keys make a cache, pinned keys are taken as they are, and each state has its own."""
    flights, clock = Flights(), SettableClock()
    remote, pinned = manager(keys=RemoteKeys()), manager(keys=static_keys("P-256"))
    sources = [IssuerState.of(each, flights, clock).source for each in (remote, remote, pinned)]
    assert [type(source) for source in sources] == [KeyCache, KeyCache, FixedKeys]
    assert sources[0]._key != sources[1]._key
