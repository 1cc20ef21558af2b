"""Changes that a signal handler interrupts: whatever readers can see of them has another version."""

import pytest

from kmvalidate.subscriptions import (
    InMemorySubscriptions,
    SubscriptionPolicy,
    _accounts,
    _clients,
    _content,
    _held,
    _memory,
)
from tests.interrupted.interrupting import interruptions
from tests.subscriptions.made import SHOP, app, everything, found, mapping, orders, subscription

FILES = [module.__file__ for module in (_accounts, _clients, _content, _held, _memory)]
BLOCKED = subscription(state="BLOCKED")
RANGE = {"context": "/orders", "version_range": "v1"}
NEXT = orders(id="next", version="v1.9.0", context="/orders/v1.9.0")


def in_range(api, **changes):
    """Return a subscription to that API and to others of its range."""
    return subscription(api=api, **RANGE, **changes)


def in_part(store):
    """Put records of which some are there already."""
    store.put_all([app(name="other"), mapping(consumer_key="client-2"), mapping(organization="acme"), BLOCKED], 30)


def with_journal(store):
    """Put what was loaded while something else changed."""
    with store.journal() as journal:
        store.put(app(name="other"))
        store.put_loaded([app(), mapping(), BLOCKED], journal, 30)


CHANGES = {
    "put": lambda store: store.put(BLOCKED, 30),
    "several": in_part,
    "loaded": with_journal,
    "moved": lambda store: store.put_all([app("other"), mapping(application="other")]),
    "in a range": lambda store: store.put(in_range("two", state="BLOCKED"), 30),
    "newest of a range": lambda store: store.put(in_range("one"), 30),
    "out of a range": lambda store: store.put(subscription(api="one", state="BLOCKED"), 30),
    "policy": lambda store: store.put(SubscriptionPolicy(name="Gold", quota_type="other")),
    "removed": lambda store: store.remove(subscription(), 30),
    "application removed": lambda store: store.remove_application(SHOP),
    "mapping removed": lambda store: store.remove(mapping(), 30),
}


def filled():
    """Return a store of an application with subscriptions of which two are of one range."""
    store = InMemorySubscriptions([*everything(), SubscriptionPolicy(name="Gold")])
    store.put(in_range("one"), 10)
    store.put(in_range("two", policy="Gold"), 20)
    return store


def seen(store):
    """Return all that readers find."""
    calls = [(client, who) for client in ("client-1", "client-2") for who in ((None,), ("acme",))]
    return [found(store, api, who, client) for api in (orders(), NEXT) for client, who in calls]


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_seen_of_an_interrupted_change_has_another_version(name):
    """Wherever a change is interrupted, and when it is made again, no two contents are seen under one version."""
    times = 0
    change = CHANGES[name]
    sights = seen(filled())

    def make():
        store = filled()
        return store, store.version

    for store, version in interruptions(make, lambda made: change(made[0]), *FILES):
        times += 1
        now, current = seen(store), store.version
        assert now == sights or current is not version
        change(store)
        assert seen(store) == now or store.version is not current
    assert times > 1


def test_a_snapshot_that_is_interrupted_has_another_version_if_it_is_seen():
    """Wherever it is interrupted that everything is replaced, what is seen has its own version."""
    rows = {"applications": [app()], "key_mappings": [mapping()], "subscriptions": [BLOCKED]}
    sights, times = seen(filled()), 0

    def make():
        store = filled()
        return store, store.version

    for store, version in interruptions(make, lambda made: made[0].replace(**rows), _memory.__file__):
        times += 1
        assert seen(store) == sights or store.version is not version
    assert times > 1


def test_what_becomes_the_newest_of_a_range_has_another_version():
    """Putting the same record again with a newer time is a change where that lets it count before others."""
    store = InMemorySubscriptions([app(), mapping()])
    store.put(in_range("one", state="BLOCKED"), 10)
    store.put(in_range("two"), 20)
    assert found(store, NEXT).subscription.state == "UNBLOCKED"
    version = store.version
    store.put(in_range("one", state="BLOCKED"), 30)
    assert found(store, NEXT).subscription.state == "BLOCKED"
    assert store.version is not version
