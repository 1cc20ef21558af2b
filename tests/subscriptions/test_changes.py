"""Changes: what is newer counts in whatever order it comes, and readers are told of each change."""

import gc

import pytest

from kmvalidate import ConfigurationError
from kmvalidate.subscriptions import NO_GRANT, InMemorySubscriptions, SubscriptionPolicy
from tests.subscriptions.made import CLIENT, KEY_MANAGER, ORDERS, SHOP, app, everything, found, mapping, subscription

BLOCKED = subscription(state="BLOCKED")


@pytest.fixture
def store():
    return InMemorySubscriptions(everything())


def state(store):
    """Return the state of the one subscription, None if it is not there."""
    held = found(store).subscription
    return None if held is None else held.state


def test_what_is_older_does_not_take_the_place_of_what_is_newer(store):
    """A change with an older time is dropped, one with the same time or none is made."""
    store.put(BLOCKED, 10)
    store.put(subscription(state="REJECTED"), 9.5)
    assert state(store) == "BLOCKED"
    store.put(subscription(state="CREATED"), 10)
    assert state(store) == "CREATED"
    store.put(BLOCKED)
    assert state(store) == "BLOCKED"


def test_a_change_without_a_time_leaves_the_time_as_it_was(store):
    """What was put without a time counts as being as old as what it replaced."""
    store.put(BLOCKED, 10)
    store.put(subscription(state="CREATED"))
    store.put(subscription(state="REJECTED"), 9)
    assert state(store) == "CREATED"
    store.put(BLOCKED, 11)
    assert state(store) == "BLOCKED"


def test_what_was_removed_does_not_come_back(store):
    """An older change that comes after the removal is dropped, a newer one is made."""
    store.remove(BLOCKED, 10)
    assert state(store) is None
    store.put(BLOCKED, 9)
    assert state(store) is None
    store.put(BLOCKED, 10)
    assert state(store) == "BLOCKED"
    store.remove(BLOCKED, 9)
    assert state(store) == "BLOCKED"


def test_what_is_removed_without_a_time_keeps_the_time_it_had(store):
    """A removal without a time is made, and what is older than what was removed stays away."""
    store.put(BLOCKED, 10)
    store.remove(BLOCKED)
    store.put(BLOCKED, 9)
    assert state(store) is None
    store.put(BLOCKED, 11)
    store.remove(subscription())
    assert state(store) is None


def test_each_kind_is_removed_by_its_identity(store):
    """A mapping, a subscription, a policy and an application go by what they are known by."""
    policy = SubscriptionPolicy(name="Gold")
    store.put(policy)
    store.put(subscription(policy="Gold"))
    assert found(store).policy == policy
    store.remove(SubscriptionPolicy(name="Gold", quota_type="other"))
    assert found(store).policy is None
    store.remove_subscription(SHOP, ORDERS)
    assert found(store).subscription is None
    store.remove_key_mapping(None, KEY_MANAGER, CLIENT)
    assert found(store) is NO_GRANT


def test_an_application_goes_with_all_it_has(store):
    """The mappings and subscriptions of an application that was removed are not there when it comes back."""
    store.put(mapping(consumer_key="client-2"))
    store.remove_application(SHOP, 10)
    assert found(store) is NO_GRANT
    store.put(app(), 11)
    store.put(mapping(), 9)
    assert found(store) is found(store, client="client-2") is NO_GRANT
    store.put(mapping(), 11)
    store.put(BLOCKED, 9)
    assert found(store) == found(store).__class__(app(), "PRODUCTION")


def test_what_is_newer_than_the_removal_of_its_application_stays(store):
    """A removal that comes late takes what is older than it, and nothing else."""
    store.put(app(name="again"), 20)
    store.put(BLOCKED, 20)
    store.remove_application(SHOP, 10)
    assert found(store) is NO_GRANT
    store.put(mapping(), 20)
    assert (found(store).application, state(store)) == (app(name="again"), "BLOCKED")
    store.remove_application(SHOP, 9)
    assert state(store) == "BLOCKED"


def test_an_application_removed_without_a_time_takes_everything(store):
    """Whatever times its parts have, they go, and what is older than the newest of them stays away."""
    store.put(BLOCKED, 20)
    store.remove_application(SHOP)
    store.put_all(everything(), 19)
    assert found(store) is NO_GRANT
    store.put_all(everything(), 20)
    assert state(store) == "UNBLOCKED"


def test_a_mapping_that_moves_goes_with_its_new_application(store):
    """A consumer key given to another application stays when the first one goes."""
    store.put_all([app("other"), mapping(application="other")], 5)
    store.remove_application(SHOP, 10)
    assert found(store).application == app("other")
    store.remove_application("other", 10)
    assert found(store) is NO_GRANT


def test_only_so_many_removals_are_remembered():
    """Beyond the number that is kept the oldest removal is forgotten, and no other."""
    store = InMemorySubscriptions([app(), mapping()], remember_removed=2)
    for at, api in enumerate(("one", "two", "three", "two"), start=10):
        store.remove_subscription(SHOP, api, at)
    for api in ("one", "two", "three"):
        store.put(subscription(api=api), 9)
    assert {held.record.key for held in store._content.everything() if hasattr(held.record, "key")} == {"one"}
    assert len(store._content._removed) == 2


def test_nothing_of_an_application_is_left_when_it_went(store):
    """What is held for an application that was removed is let go."""
    store.put(mapping(organization="acme"))
    store.remove_application(SHOP)
    assert [shard for where in (store._content._accounts, store._content._clients) for shard in where if shard] == []


def test_a_snapshot_replaces_everything(store):
    """Without a time a snapshot replaces all, and the times before are forgotten."""
    store.put(BLOCKED, 10)
    store.replace(applications=[app()], key_mappings=[mapping()], policies=[SubscriptionPolicy(name="Gold")])
    assert (found(store).application, state(store)) == (app(), None)
    store.put(BLOCKED, 1)
    assert state(store) == "BLOCKED"


def test_what_changed_after_a_snapshot_was_taken_stays(store):
    """What is newer than the snapshot is kept, present or removed; what is older comes in no more."""
    store.put_all([app("new"), mapping(consumer_key="new", application="new")], 20)
    store.remove_key_mapping(None, KEY_MANAGER, "gone", 20)
    late = mapping(consumer_key="gone")
    store.replace(applications=[app()], key_mappings=[mapping(), late], subscriptions=[BLOCKED], as_of=10)
    assert state(store) == "BLOCKED"
    assert found(store, client="new").application == app("new")
    assert found(store, client="gone") is NO_GRANT
    store.put(subscription(state="CREATED"), 9)
    store.put(subscription(api="other"), 9)
    assert len(list(store._content.everything())) == 5


def test_an_older_snapshot_changes_nothing(store):
    """A snapshot that was taken before the one in place, and came after it, is dropped."""
    store.replace(as_of=10)
    before = store.version
    store.replace(applications=[app()], key_mappings=[mapping()], as_of=9)
    assert (found(store), store.version) == (NO_GRANT, before)


@pytest.mark.parametrize("name", ["applications", "key_mappings", "subscriptions", "policies"])
def test_a_snapshot_takes_each_kind_by_its_name(store, name):
    """A record of another kind is a configuration error, and the content stays."""
    with pytest.raises(ConfigurationError, match="is not one of the records taken here"):
        store.replace(**{name: [BLOCKED if name != "subscriptions" else app()]})
    assert state(store) == "UNBLOCKED"


@pytest.mark.parametrize("at", [-1, float("nan"), float("inf"), "10", True, 1_700_000_000_000])
def test_times_are_seconds(store, at):
    """A time that is none, or is in milliseconds, is a configuration error, and nothing is changed."""
    changes = (lambda: store.put(BLOCKED, at), lambda: store.remove(BLOCKED, at), lambda: store.replace(as_of=at))
    for change in changes:
        with pytest.raises(ConfigurationError, match="in seconds since the epoch"):
            change()
    assert state(store) == "UNBLOCKED"


def test_each_change_makes_another_version(store):
    """The version is another one after each change that readers can see, and the same after one that they cannot."""
    seen = [store.version]
    for change in (
        lambda: store.put(BLOCKED, 10),
        lambda: store.remove_subscription(SHOP, ORDERS, 11),
        lambda: store.put(app(name="other")),
        store.replace,
    ):
        change()
        seen.append(store.version)
        store.put(BLOCKED, 5) if found(store).application else None
        store.remove_subscription(SHOP, "unknown")
        store.put_all([])
        assert store.version is seen[-1]
    assert len({id(version) for version in seen}) == 5


def test_what_is_put_again_is_no_change(store):
    """A record that is the same with a newer time leaves the version, and takes the time."""
    before = store.version
    store.put_all(everything(), 10)
    assert store.version is before
    store.put(BLOCKED, 9)
    assert state(store) == "UNBLOCKED"


def test_a_change_that_is_interrupted_makes_another_version(store, monkeypatch):
    """What readers can see of an interrupted change has another version, and what was left half done does no harm."""

    def interrupt(where, key, value):
        raise KeyboardInterrupt

    before = store.version
    with monkeypatch.context() as patched:
        patched.setattr("kmvalidate.subscriptions._clients.set_or_drop", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.put_all([app(name="seen"), mapping(consumer_key="half")])
    assert (found(store).application.name, store.version is before) == ("seen", False)
    store.remove_application(SHOP)
    assert found(store) is NO_GRANT


def test_very_much_that_changes_counts_as_everything(store):
    """Beyond what a journal notes, nothing that was loaded meanwhile is put, and it stays small."""
    with store.journal() as journal:
        store.put_all([app(str(number)) for number in range(10_001)])
        assert [store.put_loaded([BLOCKED], journal, as_of) for as_of in (None, 20)] == [False, False]
    assert (state(store), len(journal._changed), len(journal._untimed)) == ("UNBLOCKED", 0, 0)


def test_the_garbage_collector_walks_through_no_application(store):
    """Accounts, clients and the tables of them are not tracked, so that a million of them cost no pause."""
    store.put_all([mapping(organization="acme"), mapping(consumer_key="client-2"), subscription(api="other")])
    shards = [shard for where in (store._content._accounts, store._content._clients) for shard in where if shard]
    held = [*shards, *(value for shard in shards for value in shard.values())]
    assert len(held) > 4
    assert not any(map(gc.is_tracked, held))
