"""How the keys of a key manager are, at every moment of their life, and all of them fetched at once."""

import threading

import pytest

from kmvalidate import KeyManagerUnavailable, RemoteKeys
from kmvalidate.events import Health, Status
from kmvalidate.flights import Flights
from kmvalidate.key_bars import Bars
from kmvalidate.key_cache import KeyCache
from kmvalidate.key_health import NO_FAILURES, Failures
from kmvalidate.key_snapshots import FixedKeys, fetch_all
from kmvalidate.key_sources import Freshness
from kmvalidate.keys import read_jwks
from kmvalidate.ports import run
from tests.caches import Cached, drop_key, outage
from tests.fakes import KEYS, WAIT_S, HeldTransport, SettableClock, WatchedPorts, answer, in_threads, key_set
from tests.signing import ISSUER, NOW, manager

BAD = "key set: status 503"


def health(status, *, usable=True, key_ids=("old",), **rest):
    """Return the health of the key manager of these tests."""
    who = {"key_manager": "Test", "organization": None, "issuer": ISSUER}
    return Health(**who, status=status, usable=usable, key_ids=key_ids, **rest)


@pytest.fixture
def cached():
    return Cached(jitter=0)


def test_keys_that_nobody_needed_are_unfetched(cached):
    """Before the first token there are no keys, and nothing is wrong."""
    assert cached.health == health(Status.UNFETCHED, usable=False, key_ids=())
    assert cached.hits == 0


def test_keys_are_fresh_until_they_are_due(cached):
    """Keys are fresh from their fetch to their soft TTL."""
    cached.wait()
    cached.pass_s(599.9)
    assert cached.health == health(Status.FRESH)


def test_keys_that_are_due_are_stale_since_then(cached):
    """Keys past their soft TTL are stale since the very moment they were due, told in seconds since the epoch."""
    cached.wait()
    cached.clock.now += 600
    assert cached.health == health(Status.STALE, stale_since=NOW + 600)
    cached.clock.now += 1000
    assert cached.health == health(Status.STALE, stale_since=NOW + 600)
    cached.refresh_in_background()
    assert cached.wait()
    assert cached.health == health(Status.FRESH)


def test_looking_at_the_health_asks_nobody(cached):
    """Health tells what is known and has nothing fetched, however due that is."""
    cached.wait()
    cached.pass_s(10_000)
    assert cached.health.status is Status.STALE
    assert (cached.hits, cached.ports.flown[1:]) == (1, [])


def test_a_few_failures_leave_keys_what_they_are(cached):
    """While keys are good, failures too few to be unreachable show beside their status."""
    cached.wait()
    cached.fail()
    for failures in (1, 2):
        outage(cached.refresh)
        assert cached.health == health(Status.FRESH, failures=failures, why=BAD)
    cached.clock.now += 600
    assert cached.health == health(Status.STALE, failures=2, why=BAD, stale_since=NOW + 600)


def test_many_failures_are_unreachable_and_the_keys_still_usable(cached):
    """After so many failures in a row the issuer is unreachable, and its keys are good until their hard limit."""
    cached.wait()
    cached.fail()
    for _ in range(3):
        outage(cached.refresh)
    assert cached.health == health(Status.UNREACHABLE, failures=3, why=BAD)
    cached.clock.now += 86_399
    assert cached.health == health(Status.UNREACHABLE, failures=3, why=BAD, stale_since=NOW + 600)
    cached.clock.now += 1
    assert cached.health == health(Status.UNREACHABLE, usable=False, failures=3, why=BAD, stale_since=NOW + 600)
    cached.publish("new")
    cached.refresh()
    assert cached.health == health(Status.FRESH, key_ids=("new",))


def test_without_keys_one_failure_is_unreachable(cached):
    """Where there are no keys to use, one failure is enough to say that it is unreachable."""
    cached.fail()
    outage(cached.wait)
    assert cached.health == health(Status.UNREACHABLE, usable=False, key_ids=(), failures=1, why=BAD)


def test_keys_past_their_hard_limit_are_not_usable(cached):
    """Keys that nobody needed for a day are stale and not usable, and one failure makes their issuer unreachable."""
    cached.wait()
    cached.clock.now += 86_400
    assert cached.health == health(Status.STALE, usable=False, stale_since=NOW + 600)
    cached.fail()
    outage(cached.wait)
    assert cached.health.status is Status.UNREACHABLE


def test_how_many_failures_are_unreachable_is_configured():
    """The configured number of failures in a row decides."""
    cached = Cached(breaker_failures=5)
    cached.wait()
    cached.fail()
    statuses = []
    for _ in range(6):
        outage(cached.refresh)
        statuses.append(cached.health.status)
    assert statuses == [Status.FRESH] * 4 + [Status.UNREACHABLE] * 2


def test_health_names_the_organization_and_the_issuer():
    """Health says whose it is."""
    owner = manager(keys=RemoteKeys(jwks_url=KEYS), organization="acme")
    found = KeyCache(owner, Flights()).health(Cached().ports)
    assert (found.key_manager, found.organization, found.issuer) == ("Test", "acme", ISSUER)


def test_pinned_keys_are_fresh_as_long_as_there_are_any(cached):
    """Pinned keys are always fresh; with the last of them dropped they are not usable."""
    fixed = FixedKeys(manager(), read_jwks(key_set("old")))
    cached.pass_s(1e9)
    assert fixed.health(cached.ports) == health(Status.FRESH)
    drop_key(fixed, Bars(), "old")
    assert fixed.health(cached.ports) == health(Status.FRESH, usable=False, key_ids=())


def test_failures_double_the_wait_and_never_overflow():
    """Each failure doubles the wait up to its limit, a share of it taken off, and any number of them stays a number."""
    freshness = Freshness(jitter=0.5, max_backoff_s=30)
    failures = NO_FAILURES
    for count, wait_s in enumerate((0.5, 1, 2, 4, 8, 15, 15), start=1):
        failures = failures.and_another("why", 100.0, 1.0, freshness)
        assert failures == Failures(count, "why", 100.0 + wait_s)
    assert Failures(10**6).and_another("why", 0.0, 0.0, freshness).retry_at == 30.0


# All of them at once


class Crowd(HeldTransport):
    """A provider of many key managers that counts the most exchanges that were under way together."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.counting = threading.Lock()

    def send(self, request, /):
        with self.counting:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return super().send(request)
        finally:
            with self.counting:
                self.now -= 1


def sources(count: int) -> list[KeyCache]:
    flights = Flights()
    return [KeyCache(manager(keys=RemoteKeys(jwks_url=f"{KEYS}/{n}")), flights) for n in range(count)]


@pytest.mark.parametrize(("count", "most"), [(5, 5), (100, 32)])
def test_at_most_32_are_fetched_at_a_time(count, most):
    """Many key managers are fetched at once, 32 at most; every one is, and who fails keeps nobody."""
    crowd, some = Crowd(), sources(count)
    crowd.answers = {f"{KEYS}/{n}": answer(key_set("old"), 200 if n % 3 else 503) for n in range(count)}
    ports = WatchedPorts(crowd, SettableClock())
    threads = in_threads(1, lambda: run(fetch_all(some, ports)))
    assert ports.waiting.acquire(timeout=WAIT_S)
    assert len(ports.flown) == most
    crowd.let_go.set()
    threads[0].join(4 * WAIT_S)
    assert (sum(crowd.hits.values()), max(crowd.hits.values()), crowd.most <= 32) == (count, 1, True)
    assert [keys.snapshot is not None for keys in some] == [bool(n % 3) for n in range(count)]


def test_what_is_fresh_pinned_or_backing_off_is_not_fetched_again(cached):
    """Fetching all asks for what is missing or due, and for nothing else."""
    cached.wait()
    fixed = FixedKeys(manager(), read_jwks(key_set("a")))
    run(fetch_all([cached.keys, fixed], cached.ports))
    assert cached.hits == 1
    cached.pass_s(600)
    run(fetch_all([cached.keys, fixed, cached.keys], cached.ports))
    assert cached.hits == 2
    failing = Cached()
    failing.fail()
    outage(failing.wait)
    run(fetch_all([failing.keys], failing.ports))
    assert failing.hits == 1


def test_beginning_fetches_what_is_due_without_waiting(cached):
    """Keys begun are fetched in the background, once, and not while they are fresh."""
    for _ in range(3):
        cached.keys.begin(cached.ports)
    cached.ports.settle()
    cached.keys.begin(cached.ports)
    cached.ports.settle()
    assert (cached.kids, cached.hits) == (["old"], 1)


def test_an_error_of_ours_ends_fetching_all(cached):
    """Only outages are passed over: a bug is not hidden."""

    class Broken(FixedKeys):
        async def wait(self, _, /):
            raise AssertionError("a bug")

    with pytest.raises(AssertionError, match="a bug"):
        run(fetch_all([Broken(manager(), read_jwks(key_set("a")))], cached.ports))


def test_many_threads_see_one_health_after_another(cached):
    """Whoever looks at the health while keys are fetched, dropped and failing sees a whole one."""
    seen, done = [], threading.Event()

    def look():
        while not done.is_set():
            seen.append(cached.health)

    threads = in_threads(2, look)
    for _ in range(20):
        cached.publish("old")
        cached.refresh()
        cached.fail()
        with pytest.raises(KeyManagerUnavailable):
            cached.refresh()
        cached.keys.drop_keys()
    done.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert {found.key_ids for found in seen} <= {(), ("old",)}
    assert all((found.why is None) == (found.failures == 0) for found in seen)
