"""Changes in any order: the store is what a plain dictionary would be that saw them in the order of their times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.subscriptions import Application, InMemorySubscriptions, KeyMapping, SubscriptionPolicy
from tests.subscriptions.made import app, found, mapping, orders, subscription

RANGE = {"context": "/a", "version_range": "v1"}

names = st.sampled_from(["a", "b"])
records = st.one_of(
    st.builds(lambda id_, name: app(id_, name=name), names, names),
    st.builds(
        lambda whose, key, name, kind: mapping(organization=whose, consumer_key=key, application=name, key_type=kind),
        st.sampled_from([None, "acme"]),
        names,
        names,
        st.sampled_from(["PRODUCTION", "SANDBOX"]),
    ),
    st.builds(
        lambda name, api, state, ranged: subscription(application=name, api=api, state=state, **ranged),
        names,
        names,
        names,
        st.sampled_from([{}, RANGE]),
    ),
    st.builds(lambda name, count: SubscriptionPolicy(name=name, rate_limit_count=count), names, st.integers(1, 2)),
)
puts = st.tuples(st.just("put"), records)
removals = st.tuples(st.just("remove"), records)
snapshots = st.tuples(st.just("replace"), st.lists(records, max_size=4))
changes = st.lists(st.one_of(puts, puts, removals, removals, snapshots), max_size=14)


def of_kind(given_records, *kinds):
    return [record for record in given_records if isinstance(record, kinds)]


def make(store, change, at):
    """Make a change to the store."""
    what, subject = change
    if what != "replace":
        getattr(store, what)(subject, at)
        return
    subscriptions = [record for record in subject if hasattr(record, "state")]
    store.replace(
        applications=of_kind(subject, Application),
        key_mappings=of_kind(subject, KeyMapping),
        subscriptions=subscriptions,
        policies=of_kind(subject, SubscriptionPolicy),
        as_of=at,
    )


def expected(ordered):
    """Return what a dictionary holds that sees these changes one after the other."""
    state = {}
    for what, subject in ordered:
        if what == "put":
            state[subject.identity] = subject
        elif what == "replace":
            state = {record.identity: record for record in subject}
        elif isinstance(subject, Application):
            state = {
                identity: record
                for identity, record in state.items()
                if identity != subject.identity and getattr(record, "application", None) != subject.id
            }
        else:
            state.pop(subject.identity, None)
    return state


def held(store):
    return {kept.record.identity: kept.record for kept in store._content.everything()}


def check(store, state):
    """Check that a store holds exactly *state*, that it is found, and that its parts lead to each other."""
    assert held(store) == state
    mappings = {identity for identity, record in state.items() if isinstance(record, KeyMapping)}
    accounts = [account for shard in store._content._accounts for account in shard.values()]
    clients = [(account, client) for account in accounts for client in account.clients]
    assert len(clients) == len(mappings)
    assert {client.mapping.identity for _, client in clients} == mappings
    assert all(client.application is account.application and client.held is account.held for account, client in clients)
    assert not any(account.is_empty for account in accounts)
    ranged = {(r.application, r.api) for r in state.values() if getattr(r, "version_range", None)}
    in_ranges = [
        (r.application, r.api) for a in accounts for some in getattr(a.held, "ranges", {}).values() for r in some
    ]
    assert sorted(in_ranges) == sorted(ranged)
    for identity in mappings:
        record = state[identity]
        grant = found(store, organizations=(record.organization,), client=record.consumer_key)
        known = state.get(app(record.application).identity)
        assert (grant.application, grant.key_type) == (known, record.key_type)
        for api in ("a", "b"):
            grant = found(store, orders(id=api), (record.organization,), record.consumer_key)
            subscribed = state.get(subscription(application=record.application, api=api).identity)
            assert grant.subscription == (subscribed if known else None)


@pytest.mark.law
@given(st.data())
def test_the_order_in_which_changes_come_does_not_matter(data):
    """Changes of different times leave the same content in whatever order they come."""
    made = [(at, change) for at, change in enumerate(data.draw(changes), start=1)]
    store = InMemorySubscriptions()
    for at, change in data.draw(st.permutations(made)):
        make(store, change, at)
    check(store, expected(change for _, change in made))


@pytest.mark.law
@given(changes, st.sampled_from([None, 7]))
def test_of_changes_of_one_time_the_last_counts(made, at):
    """Changes of the same time, or of none, are made one after the other."""
    store = InMemorySubscriptions()
    for change in made:
        make(store, change, at)
    check(store, expected(made))


@pytest.mark.law
@given(changes, st.integers(1, 3))
def test_removals_that_are_remembered_are_bounded(made, most):
    """However much is removed, no more removals are remembered than were asked for, and nothing fails."""
    store = InMemorySubscriptions(remember_removed=most)
    for at, change in enumerate(made):
        make(store, change, at)
        assert len(store._content._removed) <= most
