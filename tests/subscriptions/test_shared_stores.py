"""A store that threads and forked children share."""

import sys
import threading

import pytest

from kmvalidate.subscriptions import InMemorySubscriptions
from tests.concurrency.forks import ends_well, forked
from tests.fakes import WAIT_S, in_threads
from tests.subscriptions.made import SHOP, app, everything, found, mapping, subscription

STATES = ("UNBLOCKED", "BLOCKED", "REJECTED", "CREATED")
ROUNDS = 200


def test_readers_see_whole_records_while_writers_write():
    """While four threads put, remove and replace, four others find only what was put, and nobody fails."""
    store, seen, failed = InMemorySubscriptions(everything()), [], []
    turns = iter(STATES)

    def write():
        state = next(turns)
        for at in range(ROUNDS):
            store.put_all([app(name=state), mapping(), subscription(state=state)])
            store.remove_application(SHOP, at) if at % 3 else store.remove(subscription())
            if at % 20 == 0:
                rows = {"applications": [app(name=state)], "key_mappings": [mapping()]}
                store.replace(subscriptions=[subscription(state=state)], as_of=at, **rows)

    def read():
        seen.extend(found(store) for _ in range(5 * ROUNDS))

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # told by the assertion
                failed.append(error)

        return run

    for thread in [*in_threads(4, guarded(write)), *in_threads(4, guarded(read))]:
        thread.join(4 * WAIT_S)
    assert failed == []
    assert len(seen) == 20 * ROUNDS
    assert {grant.application.name for grant in seen if grant.application} <= {*STATES, "shop"}
    assert {grant.subscription.state for grant in seen if grant.subscription} <= set(STATES)


if sys.platform == "linux":

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_child_writes_while_a_thread_of_the_parent_holds_the_lock():
        """A child forked while another thread was writing puts and finds, and its parent does not see it."""
        store, is_held, go = InMemorySubscriptions([app(), mapping()]), threading.Event(), threading.Event()

        def hold():
            with store._writing:
                is_held.set()
                assert go.wait(WAIT_S)

        def put_and_find():
            store.put(subscription(state="BLOCKED"))
            store.replace(applications=[app()], key_mappings=[mapping()], subscriptions=[subscription()])
            return found(store).subscription == subscription()

        threads = in_threads(1, hold)
        assert is_held.wait(WAIT_S)
        assert ends_well(forked(put_and_find, among_threads=True))
        go.set()
        threads[0].join(WAIT_S)
        assert found(store).subscription is None
