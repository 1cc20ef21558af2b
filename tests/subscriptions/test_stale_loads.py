"""Loads that answer what was once so: they never undo what is known to have changed, and bring what nobody removed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.subscriptions import NO_GRANT, Application, InMemorySubscriptions, KeyMapping
from tests.subscriptions.made import (
    CLIENT,
    KEY_MANAGER,
    ORDERS,
    SHOP,
    app,
    everything,
    found,
    mapping,
    orders,
    subscription,
)
from tests.subscriptions.test_changes_laws import check, make, puts, records, removals
from tests.subscriptions.test_loading import WHOLE, Scene

BLOCKED = subscription(state="BLOCKED")

REMOVALS = {
    "subscription": lambda store, at: store.remove_subscription(SHOP, ORDERS, at),
    "mapping": lambda store, at: store.remove_key_mapping(None, KEY_MANAGER, CLIENT, at),
    "application": lambda store, at: store.remove_application(SHOP, at),
}
each_removal = pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)


@pytest.fixture
def scene():
    """Return a store with everything as of second 100, whose loader goes on to say that."""
    scene = Scene()
    scene.inner.put_all(everything(), 100)
    return scene


def is_whole(grant):
    return grant.application is not None and grant.subscription is not None


@pytest.mark.parametrize("at", [200, None])
def test_a_load_replaces_nothing_that_is_there(scene, at):
    """What an event blocked stays blocked when a load for another API answers what was so before."""
    scene.inner.put(BLOCKED, at)
    other = subscription(api="other")
    scene.answer = lambda: [app(name="old"), mapping(key_type="SANDBOX"), subscription(), other]
    grant = scene.tried(api=orders(id="other", name="other"))
    assert (grant.application, grant.key_type, grant.subscription) == (app(), "PRODUCTION", other)
    assert found(scene.store).subscription == BLOCKED


@pytest.mark.parametrize("at", [300, None])
@each_removal
def test_a_load_does_not_bring_back_what_was_removed(scene, remove, at):
    """A record that was removed, at a time or without one, stays away, and that is remembered as a miss."""
    remove(scene.inner, at)
    assert [is_whole(scene.tried()), is_whole(scene.tried()), len(scene.calls)] == [False, False, 1]


@pytest.mark.parametrize("at", [300, None])
@each_removal
def test_what_was_removed_before_it_was_loaded_stays_away(remove, at):
    """A removal of what is not there counts for the loads that come after it."""
    scene = Scene()
    remove(scene.inner, at)
    assert not is_whole(scene.tried())


@pytest.mark.parametrize("at", [300, None])
@each_removal
def test_what_is_put_again_is_there_again(scene, remove, at):
    """After a removal an event brings back what loads do not."""
    remove(scene.inner, at)
    scene.tried()
    scene.inner.put_all(everything(), at)
    assert found(scene.store) == WHOLE


def test_parts_of_an_application_that_is_back_are_not_loaded(scene):
    """What the application had before it was removed does not come with a load when the application is put again."""
    scene.inner.remove_application(SHOP, 300)
    scene.inner.put(app(), 400)
    assert scene.tried() is NO_GRANT
    scene.inner.put(mapping(), 400)
    assert scene.tried().subscription is None


def test_once_forgotten_a_removal_keeps_no_load_away():
    """Only as many removals as the store remembers count."""
    store = InMemorySubscriptions([app(), mapping()], remember_removed=1)
    with store.journal() as journal:
        pass
    store.remove_subscription(SHOP, ORDERS)
    store.put_loaded([subscription()], journal)
    assert found(store).subscription is None
    store.remove_subscription(SHOP, "another")
    store.put_loaded([subscription()], journal)
    assert found(store) == WHOLE


@each_removal
def test_a_snapshot_does_not_forget_what_was_removed(scene, remove):
    """What was removed before a snapshot, and is not in it, is not loaded after it either."""
    remove(scene.inner, 300)
    scene.inner.replace(as_of=400)
    assert not is_whole(scene.tried())


@each_removal
def test_what_a_snapshot_brings_back_is_loaded_as_well(scene, remove):
    """What was removed before a snapshot, and is in it, is no longer known as removed."""
    remove(scene.inner, 300)
    scene.inner.replace(applications=[app()], key_mappings=[mapping()], as_of=400)
    assert scene.tried() == (WHOLE if remove is not REMOVALS["subscription"] else WHOLE.__class__(app(), "PRODUCTION"))


@pytest.mark.parametrize("as_of", [None, 400])
def test_what_no_snapshot_had_is_loaded(as_of):
    """What is not in a snapshot was not removed by it."""
    scene = Scene(lambda: (everything(), as_of))
    scene.inner.replace(as_of=350)
    assert scene.tried() == WHOLE


def test_a_content_without_a_time_begins_anew(scene):
    """A replacement without a time forgets the removals too."""
    scene.inner.remove_application(SHOP, 300)
    scene.inner.replace()
    assert scene.tried() == WHOLE


@pytest.mark.parametrize(("as_of", "comes"), [(299, False), (300, True), (301.5, True)])
@each_removal
def test_a_load_that_says_as_of_when_it_is_is_as_new_as_that(scene, remove, as_of, comes):
    """What was removed stays away from a load that is older, and comes back with one that is not."""
    remove(scene.inner, 300)
    scene.answer = lambda: (everything(), as_of)
    assert is_whole(scene.tried()) is comes


@pytest.mark.parametrize(("as_of", "state"), [(199, "BLOCKED"), (201, "UNBLOCKED")])
def test_a_load_replaces_what_is_older_than_it(scene, as_of, state):
    """With a time what was loaded takes the place of what is older, and of nothing newer."""
    scene.inner.put(BLOCKED, 200)
    scene.answer = lambda: ([*everything(), subscription(api="other")], as_of)
    scene.tried(api=orders(id="other", name="other"))
    assert found(scene.store).subscription.state == state


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda store: store.put(BLOCKED, 50), "UNBLOCKED"),
        (lambda store: store.put(BLOCKED, 900), "BLOCKED"),
        (lambda store: store.put(BLOCKED), "BLOCKED"),
        (lambda store: store.remove_application(SHOP, 50), "UNBLOCKED"),
        (lambda store: store.remove_application(SHOP, 900), None),
        (lambda store: store.remove_application(SHOP), None),
        (lambda store: store.replace(as_of=50), "UNBLOCKED"),
        (lambda store: store.replace(as_of=900), None),
        (lambda store: store.replace(), None),
    ],
    ids=[f"{what}-{at}" for what in ("put", "removed", "replaced") for at in (50, 900, None)],
)
def test_changes_during_a_load_with_a_time(change, state):
    """Times decide between a load and what changed meanwhile; what changed without one is newer than the load."""
    scene = Scene()
    scene.inner.put_all([app(), mapping()])

    def meanwhile():
        change(scene.inner)
        return everything(), 500

    scene.answer = meanwhile
    held = scene.tried().subscription
    assert (None if held is None else held.state) == state


def test_what_was_dropped_for_a_change_meanwhile_is_loaded_again():
    """When everything was replaced during a load nothing is remembered as missing, since it may well be there."""
    scene = Scene()

    def meanwhile():
        scene.inner.replace()
        return everything()

    scene.answer = meanwhile
    assert scene.tried() is NO_GRANT
    scene.answer = everything
    assert (scene.tried(), len(scene.calls)) == (WHOLE, 2)


def test_parts_of_an_application_removed_during_a_load_are_not_put():
    """When an application goes during a load, nothing of it is left that would count when it comes back."""
    scene = Scene()

    def meanwhile():
        scene.inner.remove_application(SHOP)
        return everything(), 500

    scene.answer = meanwhile
    scene.tried()
    scene.inner.put(app())
    assert found(scene.store) is NO_GRANT
    scene.inner.put(mapping())
    assert found(scene.store).subscription is None


@pytest.mark.parametrize("answer", [(None, 500), ([], 500), (iter(()), None)], ids=str)
def test_nothing_as_of_a_time_is_a_miss(answer):
    """That nothing was there at a time is remembered like any other miss."""
    scene = Scene(lambda: answer)
    assert (scene.tried(), scene.tried(), len(scene.calls)) == (NO_GRANT, NO_GRANT, 1)


def test_two_records_are_no_pair():
    """A tuple of two records is an answer of two records."""
    scene = Scene(lambda: (app(), mapping()))
    assert scene.tried().application == app()


@pytest.mark.parametrize("as_of", [-1, True, "500", float("nan"), 1_700_000_000_000], ids=str)
def test_a_time_that_is_none_is_an_outage(as_of):
    """A wrong time is said to the operator, and nothing of the answer is put."""
    scene = Scene(lambda: (everything(), as_of))
    assert "in seconds since the epoch" in scene.tried()
    assert found(scene.store) is NO_GRANT


def expected(changes, loaded):
    """Return what a dictionary holds after these changes and loads that only fill gaps."""
    state, removed = {}, set()
    for what, record in changes:
        if what == "put":
            state[record.identity] = record
            removed -= set() if isinstance(record, Application) else {record.identity}
            continue
        removed.add(record.identity)
        for identity, part in list(state.items()):
            if isinstance(record, Application) and getattr(part, "application", None) == record.id:
                removed |= {identity} if isinstance(part, KeyMapping) else set()
                del state[identity]
        state.pop(record.identity, None)
    for record in loaded:
        owner = app(getattr(record, "application", "nobody")).identity
        if not removed & {record.identity, owner}:
            state.setdefault(record.identity, record)
    return state


@pytest.mark.law
@given(st.lists(st.one_of(puts, removals), max_size=12), st.lists(records, max_size=8), st.booleans())
def test_loads_only_fill_gaps(changes, loaded, timed):
    """Whatever changed before, a load without a time changes no record that is there and brings back none."""
    store = InMemorySubscriptions()
    with store.journal() as journal:
        pass
    for at, change in enumerate(changes, start=1):
        make(store, change, at if timed else None)
    store.put_loaded(loaded, journal)
    check(store, expected(changes, loaded))
