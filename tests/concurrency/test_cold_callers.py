"""A hundred callers who all need the same keys that nobody has fetched yet."""

import asyncio
import threading
from functools import partial

import pytest

from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Site, all_of
from tests.fakes import KEYS, key_set, signed_by

CALLERS = 100
pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def idp():
    return Gated({KEYS: key_set("old")})


@pytest.fixture
def site(idp):
    return Site(idp)


def tokens(count):
    """Return so many tokens, each of them another one."""
    return [signed_by("old", jti=str(turn)) for turn in range(count)]


def threads_of(site, bearers):
    return [partial(site.says, bearer) for bearer in bearers]


def loop_of(site, bearers):
    return all_of(lambda: [site.asays(bearer) for bearer in bearers])


def flat(results):
    return [one for result in results for one in (result if isinstance(result, list) else [result])]


CROWDS = {
    "threads": threads_of,
    "tasks of one loop": lambda site, bearers: [loop_of(site, bearers)],
    "two loops": lambda site, bearers: [loop_of(site, bearers[:50]), loop_of(site, bearers[50:])],
    "threads and tasks": lambda site, bearers: [*threads_of(site, bearers[:40]), loop_of(site, bearers[40:])],
    "threads and two loops": lambda site, bearers: [
        *threads_of(site, bearers[:20]),
        *(loop_of(site, bearers[start : start + 40]) for start in (20, 60)),
    ],
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_hundred_cold_callers_share_one_fetch(crowd, site, idp, waiters):
    """However callers come, all wait for one and the same fetch, and all are served by it."""
    callers = Crowd()
    callers.start(*CROWDS[crowd](site, tokens(CALLERS)))
    waiters.come(CALLERS)
    idp.is_asked()
    assert idp.hits == {KEYS: 1}
    idp.open()
    assert flat(callers.done()) == ["GOOD"] * CALLERS
    assert idp.hits == {KEYS: 1}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_hundred_callers_hear_of_one_failed_fetch(crowd, site, idp, waiters):
    """When the one fetch fails, every caller hears of the outage, and nobody fetches again within the back-off."""
    idp.answers = {}
    callers = Crowd()
    callers.start(*CROWDS[crowd](site, tokens(CALLERS)))
    waiters.come(CALLERS)
    idp.open()
    assert flat(callers.done()) == ["KeyManagerUnavailable"] * CALLERS
    assert site.says(signed_by("old")) == "KeyManagerUnavailable"
    assert idp.hits == {KEYS: 1}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_hundred_callers_with_a_new_key_share_one_forced_fetch(crowd, site, idp, waiters):
    """Callers whose tokens name a key that was published since share the fetch that brings it."""
    idp.open()
    assert site.says(signed_by("old")) == "GOOD"
    waiters.come(1)
    idp.close()
    idp.answers = {KEYS: key_set("old", "new")}
    site.clock.pass_s(10)
    callers = Crowd()
    callers.start(*CROWDS[crowd](site, [signed_by("new", jti=str(turn)) for turn in range(CALLERS)]))
    waiters.come(CALLERS)
    idp.open()
    assert flat(callers.done()) == ["GOOD"] * CALLERS
    assert idp.hits == {KEYS: 2}


def test_a_blocking_call_on_the_thread_of_a_loop_that_waits(site, idp, waiters):
    """A plain call on a thread whose loop has a task waiting for the same keys is served: the fetch needs neither."""

    async def mixed():
        task = asyncio.create_task(site.asays(signed_by("old")))
        await asyncio.sleep(0)
        waiters.come(1)
        opener = threading.Thread(target=lambda: (waiters.come(1), idp.open()), daemon=True)
        opener.start()
        blocking = site.says(signed_by("old", jti="blocking"))
        return blocking, await asyncio.wait_for(task, PATIENCE_S)

    assert asyncio.run(mixed()) == ("GOOD", "GOOD")
    assert idp.hits == {KEYS: 1}


def test_blocking_and_asyncio_views_of_one_server(site, idp, waiters):
    """Views that block on an executor's threads, and tasks of the loop that runs them, share one fetch."""

    async def serve():
        loop = asyncio.get_running_loop()
        blocking = [loop.run_in_executor(None, site.says, bearer) for bearer in tokens(4)]
        tasks = [asyncio.create_task(site.asays(bearer)) for bearer in tokens(20)]
        await asyncio.sleep(0)
        await loop.run_in_executor(None, waiters.come, 1)  # the threads may be fewer than the blocking views
        idp.open()
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(*blocking, *tasks)

    assert asyncio.run(serve()) == ["GOOD"] * 24
    assert idp.hits == {KEYS: 1}


def test_a_loop_inside_a_thread_of_a_loop(site, idp, waiters):
    """A blocking view that runs asyncio code of its own, on a loop of a moment, shares the fetch of the outer loop."""

    async def serve():
        loop = asyncio.get_running_loop()
        outer = asyncio.create_task(site.asays(signed_by("old")))
        inner = loop.run_in_executor(None, lambda: asyncio.run(site.asays(signed_by("old"))))
        await loop.run_in_executor(None, waiters.come, 2)
        idp.open()
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(inner, outer)

    assert asyncio.run(serve()) == ["GOOD", "GOOD"]
    assert idp.hits == {KEYS: 1}


def test_warming_while_callers_come(idp, waiters):
    """Whoever warms a registry waits for the fetch that callers wait for, and starts no other."""
    site, callers = Site(idp), Crowd()
    callers.start(*threads_of(site, tokens(10)), site.registry.warm, lambda: asyncio.run(site.registry.awarm()))
    waiters.come(12)
    idp.open()
    results = callers.done()
    assert results.count("GOOD") == 10
    assert all(health[0].usable for health in results if isinstance(health, tuple))
    assert idp.hits == {KEYS: 1}


def test_an_async_transport_serves_all_callers(idp, waiters):
    """With a transport whose send is a coroutine function, threads and tasks share one fetch as well."""

    class Async:
        async def send(self, request, /):
            await asyncio.sleep(0)
            return idp.send(request)

    site, callers = Site(Async()), Crowd()
    callers.start(*threads_of(site, tokens(2)), loop_of(site, tokens(20)))
    waiters.come(22)
    idp.open()
    assert flat(callers.done()) == ["GOOD"] * 22
    assert idp.hits == {KEYS: 1}
