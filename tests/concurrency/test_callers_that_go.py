"""Callers who go before their answer comes: cancelled tasks, closed loops, a loop for each request."""

import asyncio
import logging
import subprocess
import sys
import threading

import pytest

from kmvalidate.events import KeysFetched
from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Site, all_of, fetch_threads_end
from tests.fakes import KEYS, key_set, signed_by

SOFT_S = 600.0


@pytest.fixture
def idp():
    return Gated({KEYS: key_set("old")})


@pytest.fixture
def landed():
    """A semaphore that is released whenever keys were fetched."""
    return threading.Semaphore(0)


@pytest.fixture
def site(idp, landed):
    return Site(idp, on_event=lambda event: landed.release() if isinstance(event, KeysFetched) else None)


async def waiting(site, bearer):
    """Return a task that waits for the keys by now."""
    task = asyncio.create_task(site.validator.aauthenticate(bearer))
    await asyncio.sleep(0)
    return task


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancelled_leader_fails_no_follower(site, idp):
    """When the task that caused the fetch is cancelled, the others are served by the fetch it caused."""

    async def serve():
        leader = await waiting(site, signed_by("old"))
        followers = [await waiting(site, signed_by("old", jti=str(turn))) for turn in range(5)]
        await cancelled(leader)
        idp.open()
        async with asyncio.timeout(PATIENCE_S):
            return [found.key_manager for found in await asyncio.gather(*followers)]

    assert asyncio.run(serve()) == ["Test"] * 5
    assert idp.hits == {KEYS: 1}


def test_a_cancelled_follower_fails_nobody(site, idp, waiters):
    """Tasks that are cancelled while they wait disturb neither the others on their loop nor a thread."""
    callers = Crowd()

    async def serve():
        tasks = [await waiting(site, signed_by("old", jti=str(turn))) for turn in range(10)]
        callers.start(lambda: site.says(signed_by("old")))
        await asyncio.to_thread(waiters.come, 11)
        for task in tasks[::2]:
            await cancelled(task)
        idp.open()
        async with asyncio.timeout(PATIENCE_S):
            return [found.key_manager for found in await asyncio.gather(*tasks[1::2])]

    assert asyncio.run(serve()) == ["Test"] * 5
    assert callers.done() == ["GOOD"]
    assert idp.hits == {KEYS: 1}


def test_a_fetch_nobody_waits_for_lands(site, idp, landed):
    """When all who waited are cancelled, the fetch goes on, and the next caller needs none."""

    async def serve():
        tasks = [await waiting(site, signed_by("old", jti=str(turn))) for turn in range(10)]
        for task in tasks:
            await cancelled(task)

    asyncio.run(serve())
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    assert site.says(signed_by("old")) == "GOOD"
    assert idp.hits == {KEYS: 1}


def test_a_caller_with_a_deadline_of_its_own(site, idp, landed):
    """A caller who gives up after a time of its own gets its own TimeoutError, and the fetch lands for the next."""

    async def serve():
        async with asyncio.timeout(0):
            await site.validator.aauthenticate(signed_by("old"))

    with pytest.raises(TimeoutError):
        asyncio.run(serve())
    idp.is_asked()
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    assert asyncio.run(site.asays(signed_by("old"))) == "GOOD"
    assert idp.hits == {KEYS: 1}


def test_cancelling_a_warm_up(site, idp, landed):
    """A warm-up that is cancelled leaves its fetches to land."""

    async def serve():
        task = asyncio.create_task(site.registry.awarm())
        await asyncio.sleep(0)
        await cancelled(task)

    asyncio.run(serve())
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    assert site.registry.health()[0].usable
    assert idp.hits == {KEYS: 1}


def test_a_loop_for_each_request(site, idp):
    """Requests that each run a loop of their own are all served by one fetch."""
    idp.open()
    assert [asyncio.run(site.asays(signed_by("old", jti=str(turn)))) for turn in range(20)] == ["GOOD"] * 20
    assert idp.hits == {KEYS: 1}


def test_a_background_refresh_outlives_the_loop_that_caused_it(site, idp, landed):
    """A refresh that a request's loop began lands after that loop has ended, and serves the loops that follow."""
    idp.open()
    assert asyncio.run(site.asays(signed_by("old"))) == "GOOD"
    assert landed.acquire(timeout=PATIENCE_S)
    idp.close()
    idp.answers = {KEYS: key_set("new")}
    site.clock.pass_s(1.1 * SOFT_S)
    assert [asyncio.run(site.asays(signed_by("old"))) for _ in range(10)] == ["GOOD"] * 10
    assert not landed.acquire(blocking=False)
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    assert asyncio.run(site.asays(signed_by("new"))) == "GOOD"
    assert asyncio.run(site.asays(signed_by("old"))) == "UNKNOWN_KEY"
    assert idp.hits == {KEYS: 2}


def test_a_loop_closed_while_its_task_waits(site, idp, landed, caplog):
    """A loop that is closed with a caller still waiting makes no noise when the fetch lands, and harms nobody."""
    caplog.set_level(logging.DEBUG)
    loop = asyncio.new_event_loop()
    task = loop.create_task(site.validator.aauthenticate(signed_by("old")))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    idp.is_asked()
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    fetch_threads_end()
    assert [record for record in caplog.records if record.name != "asyncio" or record.levelno > logging.DEBUG] == []
    assert site.says(signed_by("old")) == "GOOD"
    assert asyncio.run(site.asays(signed_by("old"))) == "GOOD"
    assert idp.hits == {KEYS: 1}
    task.get_coro().close()
    task._log_destroy_pending = False  # it is the test that leaves it behind


def test_a_loop_that_stops_waiting_and_goes_on_later(site, idp, landed):
    """A loop that stands still while the fetch lands finds its task served when it runs again."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(site.asays(signed_by("old")))
    loop.call_soon(loop.stop)
    loop.run_forever()
    idp.open()
    assert landed.acquire(timeout=PATIENCE_S)
    assert loop.run_until_complete(asyncio.wait_for(task, PATIENCE_S)) == "GOOD"
    loop.close()


def test_tasks_that_come_and_go_in_two_loops(site, idp, hasty):
    """While every second of many tasks in two loops is cancelled, every other one is served."""

    async def one(turn):
        task = await waiting(site, signed_by("old", jti=str(turn)))
        if turn % 2 and task.cancel():
            return (await asyncio.gather(task, return_exceptions=True))[0].__class__.__name__
        return (await task).key_manager

    callers = Crowd()
    callers.start(*(all_of(lambda: [one(turn) for turn in range(60)]) for _ in range(2)))
    idp.is_asked()
    idp.open()
    for results in callers.done():
        assert results[::2] == ["Test"] * 30
        assert set(results[1::2]) <= {"Test", "CancelledError"}


LEAVING = """
import sys, threading
from kmvalidate import KeyManager, KeyManagerRegistry, RemoteKeys
asked = threading.Event()

class Stuck:
    def send(self, request, /):
        asked.set()
        threading.Event().wait()

keys = RemoteKeys(jwks_url="https://idp.example/keys")
registry = KeyManagerRegistry([KeyManager(name="T", issuer="i", audience="a", keys=keys)], transport=Stuck())
threading.Thread(target=registry.warm, daemon=True).start()
assert asked.wait(60)
print("leaving")
"""


def test_a_process_ends_while_it_fetches():
    """A fetch that never comes back keeps no process from its end, and says nothing there."""
    command = [sys.executable, "-W", "error", "-c", LEAVING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "leaving\n", "")
