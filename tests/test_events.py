"""What is told of a key manager and its keys, and in which order."""

import attrs
import pytest

from kmvalidate import KeyManagerRegistry, RemoteKeys
from kmvalidate.events import (
    Event,
    KeyManagerAdded,
    KeyManagerReachable,
    KeyManagerRemoved,
    KeyManagerUnreachable,
    KeysDropped,
    KeysExpired,
    KeysFetched,
    KeysNotFetched,
)
from kmvalidate.flights import Flights
from kmvalidate.key_cache import KeyCache
from kmvalidate.ports import run
from tests.caches import Cached, kinds, outage
from tests.fakes import KEYS, WAIT_S, FakeTransport, HeldTransport, ec_jwk, in_threads, key_set
from tests.signing import manager, static_keys

WHO = {"key_manager": "Test", "organization": None}
BAD = "key set: status 503"


def fetched(added=(), removed=(), fresh_for_s=600.0):
    return KeysFetched(added=added, removed=removed, fresh_for_s=fresh_for_s, **WHO)


def not_fetched(failures, retry_in_s, why=BAD):
    return KeysNotFetched(why=why, failures=failures, retry_in_s=retry_in_s, **WHO)


@pytest.fixture
def cached():
    return Cached(jitter=0)


# What is told


def test_a_fetch_is_told_with_what_it_changed(cached):
    """Each fetch is told once, with the keys that came and went, and for how long they are fresh."""
    cached.wait()
    cached.wait()
    assert cached.told == [fetched(added=("old",))]
    cached.publish("old", "new", **{"cache-control": "max-age=3600"})
    cached.refresh()
    cached.publish("new")
    cached.refresh()
    cached.refresh()
    assert cached.told[1:] == [fetched(added=("new",), fresh_for_s=3600.0), fetched(removed=("old",)), fetched()]


def test_another_key_under_the_same_id_is_told(cached):
    """A key that was replaced under its id has come and gone, though no id has changed."""
    cached.wait()
    cached.ports.transport = FakeTransport({KEYS: {"keys": [ec_jwk("other", kid="old")]}})
    cached.refresh()
    assert cached.told[1:] == [fetched(added=("old",), removed=("old",))]


def test_a_key_without_an_id_is_told_by_its_thumbprint(cached):
    """What is told of a key without an id is its thumbprint."""
    jwk = {name: value for name, value in ec_jwk("old").items() if name != "kid"}
    cached.ports.transport = FakeTransport({KEYS: {"keys": [jwk]}})
    thumbprint = cached.wait().key_set.keys[0].thumbprint
    assert cached.told == [fetched(added=(thumbprint,))]
    assert len(thumbprint) == 43


def test_failures_are_told_until_it_is_unreachable_and_then_that_once(cached):
    """Each failure is told with its number and its back-off, the configured one that it is unreachable, once."""
    cached.fail()
    for _ in range(5):
        cached.pass_s(outage(cached.wait).retry_after_s)
    assert cached.told == [
        not_fetched(1, 1.0),
        not_fetched(2, 2.0),
        not_fetched(3, 4.0),
        KeyManagerUnreachable(why=BAD, **WHO),
        not_fetched(4, 8.0),
        not_fetched(5, 16.0),
    ]


def test_that_it_answers_again_is_told_before_what_it_answered(cached):
    """After an outage that was told, the first success tells its end, then what came; the next failures count anew."""
    cached.fail()
    for _ in range(3):
        outage(cached.refresh)
    cached.publish("old")
    cached.refresh()
    cached.fail()
    outage(cached.refresh)
    assert cached.told[4:] == [KeyManagerReachable(**WHO), fetched(added=("old",)), not_fetched(1, 1.0)]


def test_a_short_outage_is_not_told_as_its_end(cached):
    """Failures too few to be unreachable end with a fetch like any other."""
    cached.fail()
    for _ in range(2):
        outage(cached.refresh)
    cached.publish("old")
    cached.refresh()
    assert kinds(cached.told) == ["KeysNotFetched", "KeysNotFetched", "KeysFetched"]


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_how_many_failures_count_is_configured(failures):
    """It is unreachable after as many failures in a row as configured."""
    cached = Cached(breaker_failures=failures)
    cached.fail()
    for _ in range(6):
        outage(cached.refresh)
    assert kinds(cached.told).index("KeyManagerUnreachable") == failures
    assert kinds(cached.told).count("KeyManagerUnreachable") == 1


def test_a_fetch_that_never_lands_is_told_once(cached):
    """However many callers give a fetch up, one failure is told; what it brings in the end is told like any other."""
    held = cached.ports.transport = HeldTransport({KEYS: key_set("old")})
    cached.ports.patience_s = 0.01
    threads = in_threads(6, lambda: outage(cached.wait))
    for thread in threads:
        thread.join(WAIT_S)
    assert cached.told == [not_fetched(1, 1.0, why="no answer within the deadline")]
    held.let_go.set()
    cached.ports.settle()
    assert cached.told[1:] == [fetched(added=("old",))]


def test_a_fetch_that_cannot_begin_is_told_once(cached):
    """A fetch for which no thread could be started is told as one failure."""
    cached.ports.refusing = RuntimeError("can't start new thread")
    outage(cached.wait)
    outage(cached.wait)
    assert cached.told == [not_fetched(1, 1.0, why="can't start new thread")]


def test_what_lands_too_late_is_not_told(cached):
    """A fetch that lands after newer keys or after a drop, well or badly, changes nothing and tells nothing."""
    cached.wait()
    for change in (cached.refresh, lambda: cached.keys.drop_keys() or cached.wait()):
        for answers in ({KEYS: key_set("stolen")}, {}):
            cached.pass_s(601)
            stale = cached.ports.transport = HeldTransport(answers)
            cached.keys.ready(cached.ports)
            assert stale.asked.wait(WAIT_S)
            cached.publish("old")
            cached.pass_s(1)
            change()
            told = len(cached.told)
            stale.let_go.set()
            cached.ports.settle()
            assert cached.told[told:] == []


def test_that_keys_expired_is_told_once(cached):
    """However many callers find keys past their hard limit, that is told once, and again when it happens again."""
    for turn in (1, 2):
        cached.refresh()
        cached.pass_s(86_400)
        for thread in in_threads(4, lambda: cached.keys.ready(cached.ports)):
            thread.join(WAIT_S)
        assert cached.told.count(KeysExpired(**WHO)) == turn


@pytest.mark.parametrize("kind", ["remote", "pinned", "both"])
def test_a_drop_is_told_each_time(kind):
    """Every drop is told once, with the name that was dropped, whether there was such a key or not, of every kind."""
    cached, told = Cached(), []
    layers = {
        "configuration": [manager(keys=static_keys("P-256"))] if kind != "remote" else [],
        "control-plane": [manager(keys=RemoteKeys(jwks_url=KEYS))] if kind != "pinned" else [],
    }
    registry = KeyManagerRegistry(transport=cached.ports.transport, clock=cached.clock, on_event=told.append)
    for layer, managers in layers.items():
        registry.use(layer, managers)
    registry.warm()
    told.clear()
    for name in ("old", "nobody", "P-256"):
        registry.drop_key("Test", name)
    registry.drop_keys("Test")
    assert told == [KeysDropped(key_id=name, **WHO) for name in ("old", "nobody", "P-256", None)]


def test_an_event_names_the_organization():
    """Of a key manager of an organization every event says which."""
    told, ports = [], Cached().ports
    owner = manager(keys=RemoteKeys(jwks_url=KEYS), organization="acme")
    keys = KeyCache(owner, Flights(), listener=told.append)
    run(keys.wait(ports))
    keys.drop_keys()
    ports.transport = FakeTransport()
    outage(run, keys.wait(ports))
    assert {(event.key_manager, event.organization) for event in told} == {("Test", "acme")}
    assert kinds(told) == ["KeysFetched", "KeysNotFetched"]


def test_a_registry_tells_of_key_managers_and_of_their_keys():
    """What is told begins with the key manager, goes on with its keys, and ends with it."""
    told: list[Event] = []
    owner = manager(keys=RemoteKeys(jwks_url=KEYS, jitter=0))
    cached = Cached()
    registry = KeyManagerRegistry([owner], transport=cached.ports.transport, clock=cached.clock, on_event=told.append)
    registry.warm()
    registry.remove("configuration", "Test")
    assert told == [
        KeyManagerAdded(layer="configuration", **WHO),
        fetched(added=("old",)),
        KeyManagerRemoved(layer="configuration", **WHO),
    ]


def test_an_event_is_a_value_without_key_material(cached):
    """Events are equal by what they say, cannot be changed, and show no key."""
    cached.wait()
    (event,) = cached.told
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.key_manager = "Other"
    assert {event, fetched(added=("old",))} == {event}
    assert ec_jwk("old")["x"] not in repr(event)
