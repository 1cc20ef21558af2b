"""Processes that are forked in the middle of something: the child waits for nobody who is not there."""

import asyncio
import os
import sys
import threading
from functools import partial

import pytest

from kmvalidate.events import KeysFetched
from kmvalidate.own_lock import OwnLock
from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Site, fetch_threads_end, remote
from tests.concurrency.forks import ends_well, forked
from tests.fakes import KEYS, FakeTransport, key_set, signed_by

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
SOFT_S = 600.0
OTHER = "https://other.example"


@pytest.fixture
def idp():
    return Gated({KEYS: key_set("old"), OTHER: key_set("old")}, is_open=True)


@pytest.fixture
def site(idp):
    return Site(idp)


def both_serve(site, owner="old"):
    """Tell whether a blocking caller and an asyncio one are served, one after the other."""
    blocking = site.says(signed_by(owner, jti="blocking"))
    return [blocking, asyncio.run(site.asays(signed_by(owner, jti="asyncio")))] == ["GOOD"] * 2


def both_serve_first(site, kind):
    """Tell whether a caller of that *kind* is served, and then callers of both kinds."""
    bearer = signed_by("old", jti="first")
    first = site.says(bearer) if kind == "blocking" else asyncio.run(site.asays(bearer))
    return first == "GOOD" and both_serve(site)


if sys.platform == "linux":

    @pytest.mark.parametrize("kind", ["blocking", "asyncio"])
    def test_a_fork_with_an_idle_registry(kind, site, idp):
        """A child of a process that has fetched nothing yet fetches for itself."""
        signed_by("old")

        def in_child():
            return both_serve_first(site, kind) and idp.hits == {KEYS: 1}

        assert ends_well(forked(in_child))
        assert not idp.requests
        assert both_serve(site)

    @pytest.mark.parametrize("kind", ["blocking", "asyncio"])
    def test_a_fork_with_a_fetch_in_flight(kind, site, idp, waiters):
        """A child forked while its parent fetches has a fetch of its own, and the parent's lands for the parent."""
        idp.close()
        callers = Crowd()
        callers.start(partial(site.says, signed_by("old")), lambda: asyncio.run(site.asays(signed_by("old", jti="2"))))
        waiters.come(2)
        idp.is_asked()

        def in_child():
            idp.open()
            return both_serve_first(site, kind) and idp.hits == {KEYS: 2}

        assert ends_well(forked(in_child))
        idp.open()
        assert callers.done() == ["GOOD"] * 2
        assert idp.hits == {KEYS: 1}

    def test_a_fork_in_the_middle_of_a_background_refresh(site, idp):
        """A child forked while a refresh is under way uses the keys it inherited, and refreshes for itself."""
        assert both_serve(site)
        idp.close()
        idp.is_asked()
        site.clock.pass_s(1.1 * SOFT_S)
        assert both_serve(site)
        idp.is_asked()

        def in_child():
            inherited = both_serve(site)
            idp.is_asked()
            idp.answers = {KEYS: key_set("new")}
            idp.open()
            fetch_threads_end()
            return inherited and both_serve(site, "new") and site.says(signed_by("old")) == "UNKNOWN_KEY"

        signed_by("new")
        assert ends_well(forked(in_child))
        idp.open()
        fetch_threads_end()
        assert both_serve(site)

    def test_a_child_of_a_child_in_mid_flight(site, idp, waiters):
        """A grandchild, forked while parent and child both fetch, waits for neither of them."""
        idp.close()
        callers = Crowd()
        callers.start(partial(site.says, signed_by("old")))
        waiters.come(1)

        def in_grandchild():
            idp.open()
            return both_serve(site)

        def in_child():
            own = Crowd()
            own.start(partial(site.says, signed_by("old")))
            waiters.come(1)
            grandchild_is_well = ends_well(forked(in_grandchild))
            idp.open()
            return grandchild_is_well and own.done() == ["GOOD"]

        assert ends_well(forked(in_child))
        idp.open()
        assert callers.done() == ["GOOD"]

    def test_a_lock_that_another_thread_holds_is_free_in_the_child():
        """A child forked while another thread is inside a lock can take it, and the parent's is still held."""
        lock, inside, let_go = OwnLock(), threading.Event(), threading.Event()

        def hold():
            with lock:
                inside.set()
                return let_go.wait(PATIENCE_S)

        def take():
            with lock:
                return True

        callers = Crowd()
        callers.start(hold)
        assert inside.wait(PATIENCE_S)
        assert ends_well(forked(take), forked(take))
        assert not lock._by_process[os.getpid()].acquire(blocking=False)
        let_go.set()
        callers.done()
        assert take()

    def test_a_fork_in_the_middle_of_a_change(site, idp):
        """A child forked while another thread changes the registry has it as it was, and can change it itself."""
        assert both_serve(site)
        changing, go_on = threading.Event(), threading.Event()

        def slowly():
            changing.set()
            assert go_on.wait(PATIENCE_S)
            yield remote("Other", OTHER, OTHER)

        callers = Crowd()
        callers.start(lambda: site.registry.use("control-plane", slowly()))
        assert changing.wait(PATIENCE_S)

        def in_child():
            assert site.says(signed_by("old", iss=OTHER)) == "UNKNOWN_ISSUER"
            site.registry.add("control-plane", remote("Other", OTHER, OTHER))
            return site.says(signed_by("old", iss=OTHER)) == "GOOD" and both_serve(site)

        assert ends_well(forked(in_child))
        go_on.set()
        callers.done()
        assert site.says(signed_by("old", iss=OTHER)) == "GOOD"

    def test_many_forks_among_busy_threads(hasty):
        """Whatever other threads were doing when a child was forked, it can do everything itself."""
        site = Site(FakeTransport({KEYS: key_set("old"), OTHER: key_set("old")}))  # which holds no lock of its own
        ending = threading.Event()
        plain = remote("Other", OTHER, OTHER)
        changed = remote("Other", OTHER, OTHER, soft_ttl_s=500)

        def again_and_again(*work):
            while not ending.is_set():
                for one in work:
                    one()

        def everything():
            """Do everything that takes a lock of the library."""
            site.registry.use("control-plane", [plain, remote("Third", OTHER + "/3", OTHER)])
            site.registry.drop_keys("Test")
            site.registry.refresh("Test")
            site.registry.drop_key("Other", "another")
            site.registry.warm()
            return both_serve(site) and site.says(signed_by("old", iss=OTHER)) == "GOOD"

        assert everything()
        busy = Crowd()
        busy.start(
            partial(again_and_again, lambda: site.says(signed_by("old"))),
            partial(again_and_again, partial(site.registry.refresh, "Test"), partial(site.registry.drop_keys, "Test")),
            partial(again_and_again, *(partial(site.registry.use, "control-plane", [m]) for m in (plain, changed))),
            partial(again_and_again, partial(site.registry.drop_key, "Test", "another"), site.registry.health),
        )
        try:
            assert all(ends_well(*(forked(everything, among_threads=True) for _ in range(2))) for _ in range(15))
        finally:
            ending.set()
        busy.done()
        assert everything()

    def test_workers_of_a_preloaded_gateway(idp):
        """Four workers forked after a warm-up serve with the inherited keys, and each refreshes them on its own."""
        fetched = threading.Semaphore(0)
        site = Site(idp, on_event=lambda event: fetched.release() if isinstance(event, KeysFetched) else None)
        assert site.registry.warm()[0].usable
        fetch_threads_end()
        assert fetched.acquire(timeout=PATIENCE_S)
        signed_by("new")

        def worker():
            assert both_serve(site)
            assert idp.hits == {KEYS: 1}
            idp.answers = {KEYS: key_set("old", "new")}
            site.clock.pass_s(1.1 * SOFT_S)
            assert both_serve(site)
            assert fetched.acquire(timeout=PATIENCE_S)
            return both_serve(site, "new") and idp.hits == {KEYS: 2}

        assert ends_well(*(forked(worker) for _ in range(4)))
        assert idp.hits == {KEYS: 1}
        assert both_serve(site)

    def test_workers_forked_before_any_fetch_under_load(idp):
        """Four workers forked cold each share one fetch among their own threads and tasks."""
        site = Site(idp)
        signed_by("old")

        def worker():
            callers = Crowd()
            idp.close()
            callers.start(*(partial(site.says, signed_by("old", jti=str(turn))) for turn in range(5)))
            callers.start(partial(asyncio.run, site.asays(signed_by("old"))))
            idp.is_asked()
            idp.open()
            return callers.done() == ["GOOD"] * 6

        assert ends_well(*(forked(worker) for _ in range(4)))

    def test_a_fork_inside_a_running_loop(site, idp):
        """A child forked by a task, as a supervisor does, serves callers on a loop of its own."""

        async def supervise():
            waiting = asyncio.create_task(site.asays(signed_by("old")))
            await asyncio.sleep(0)
            child = forked(lambda: in_a_thread(partial(both_serve, site)))
            return await asyncio.to_thread(ends_well, child), await waiting

        assert asyncio.run(supervise()) == (True, "GOOD")

    def in_a_thread(work):
        callers = Crowd()
        callers.start(work)
        return callers.done() == [True]

    def test_a_child_forgets_no_drop(site, idp):
        """A key dropped by hand before the fork stays dropped in the child, whatever it fetches."""
        assert both_serve(site)
        site.registry.drop_key("Test", "old")

        def in_child():
            site.registry.refresh("Test")
            return site.says(signed_by("old")) == asyncio.run(site.asays(signed_by("old"))) == "UNKNOWN_KEY"

        assert ends_well(forked(in_child))
        assert isinstance(site.registry.ports.transport, FakeTransport)
