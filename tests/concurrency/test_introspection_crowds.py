"""Many callers of the same tokens: each token is asked about once, and whoever goes harms nobody."""

import asyncio
import logging
import threading
from collections import Counter
from functools import partial

import pytest

from kmvalidate import KeyManagerUnavailable
from kmvalidate.flights import Failed, Flights
from kmvalidate.introspecting._limits import AskingLimits
from tests.concurrency.callers import PATIENCE_S, Crowd, all_of, fetch_threads_end
from tests.concurrency.test_own_exceptions import _share_nothing, all_troubles
from tests.fakes import WatchedPorts
from tests.introspecting.scenes import HeldEndpoint, Scene, outage
from tests.signing import NoNetwork

THREADS, LOOPS, TASKS_EACH = 8, 2, 500


@pytest.fixture
def scene():
    made = Scene(HeldEndpoint(), deadline_s=30)
    made.issue()
    return made


def everybody(scene, tokens):
    """Let eight threads and a thousand tasks ask about *tokens* in turn, and return the crowd."""
    crowd = Crowd()

    def each(count):
        return [tokens[turn % len(tokens)] for turn in range(count)]

    crowd.start(*(partial(lambda t: [scene.says(t)], token) for token in each(THREADS)))
    crowd.start(*(all_of(lambda: [scene.asays(t) for t in each(TASKS_EACH)]) for _ in range(LOOPS)))
    return crowd


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("what", ["active", "inactive"])
def test_one_call_for_each_token(scene, waiters, count, what):
    """Whoever waits for the same token shares one call, and whoever comes later needs none."""
    tokens = [f"token-{n}" for n in range(count)]
    if what == "active":
        for token in tokens:
            scene.issue(token)
    crowd = everybody(scene, tokens)
    waiters.come(THREADS + LOOPS * TASKS_EACH)
    scene.endpoint.open()
    said = Counter(one for some in crowd.done() for one in some)
    expected = "GOOD" if what == "active" else "INACTIVE"
    assert said == {expected: THREADS + LOOPS * TASKS_EACH}
    assert [asyncio.run(scene.asays(token)) for token in tokens] == [expected] * count
    assert scene.endpoint.calls == dict.fromkeys(tokens, 1)
    fetch_threads_end()


def test_one_call_however_they_come(scene, hasty):
    """Callers who come while the one call lands, before or after it, make no second one."""
    scene.endpoint.open()
    for turn in range(30):
        token = scene.issue(f"token-{turn}")
        crowd = Crowd()
        crowd.start(*(partial(scene.says, token) for _ in range(THREADS)))
        crowd.start(lambda t=token: asyncio.run(scene.asays(t)))
        assert set(crowd.done()) == {"GOOD"}
        assert scene.calls(token) == 1


@pytest.mark.parametrize("kind", ["active", "inactive"])
def test_a_call_that_lands_before_the_next_is_launched(kind, monkeypatch):
    """Whoever looked before the call landed, and comes to call after that, is told what it brought."""
    scene = Scene()
    if kind == "active":
        scene.issue()
    launch, first = Flights.launch, []

    def late(*args):
        if not first:
            first.append(1)
            first.append(scene.says())
        return launch(*args)

    monkeypatch.setattr(Flights, "launch", late)
    assert [scene.says(), first[1]] == ["GOOD" if kind == "active" else "INACTIVE"] * 2
    assert scene.calls() == 1


def test_a_failed_call_is_not_repeated(scene, waiters):
    """When a shared call fails, all who wait hear of it, each by an exception of their own, and nobody calls again."""
    scene.endpoint.outage = outage
    tokens = ["good"]
    crowd = everybody(scene, tokens)
    waiters.come(THREADS + LOOPS * TASKS_EACH)
    scene.endpoint.open()
    said = Counter(one for some in crowd.done() for one in some)
    assert said == {"KeyManagerUnavailable": THREADS + LOOPS * TASKS_EACH}
    assert scene.calls() == 1


@pytest.mark.parametrize("kind", ["threads", "tasks", "both"])
def test_each_waiter_has_an_exception_of_its_own(scene, waiters, kind):
    """Waiters of failed calls share no exception, no frame, and no way to each other's tokens."""
    scene.endpoint.outage = outage
    callers, found = all_troubles(scene, [f"token-{n}" for n in range(50)], kind)
    waiters.come(50)
    scene.endpoint.open()
    callers.done()
    assert {type(error) for error in found.values()} == {KeyManagerUnavailable}
    _share_nothing(found)
    assert len({id(error) for error in found.values()}) == 50


def test_cancelled_tasks(scene, waiters):
    """A task that is cancelled, the one that began the call among them, takes the answer from nobody."""

    async def serve():
        tasks = [asyncio.create_task(scene.asays()) for _ in range(10)]
        await asyncio.to_thread(waiters.come, 10)
        for task in tasks[::2]:
            task.cancel()
        scene.endpoint.open()
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(*tasks)

    assert asyncio.run(serve())[1::2] == ["GOOD"] * 5
    assert scene.calls() == 1


def test_a_closed_loop(scene, waiters, caplog):
    """A loop that is closed while its task waits makes no noise, and leaves the answer to the others."""
    caplog.set_level(logging.WARNING)
    loop = asyncio.new_event_loop()
    task = loop.create_task(scene.validator.aauthenticate("good"))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    waiters.come(1)
    crowd = Crowd()
    crowd.start(scene.says)
    waiters.come(1)
    scene.endpoint.open()
    assert crowd.done() == ["GOOD"]
    fetch_threads_end()
    assert caplog.records == []
    task.get_coro().close()
    task._log_destroy_pending = False


def test_a_loop_for_each_request(scene):
    """Requests that each run a loop of their own share what the first was told."""
    scene.endpoint.open()
    assert [asyncio.run(scene.asays()) for _ in range(20)] == ["GOOD"] * 20
    assert scene.calls() == 1


def test_a_blocking_call_on_a_running_loop(scene, waiters):
    """A blocking caller on a loop whose own task began the call is served, and so is the task."""

    async def serve():
        task = asyncio.create_task(scene.asays())
        await asyncio.sleep(0)
        scene.endpoint.open()
        return [scene.says(), await task]

    assert asyncio.run(serve()) == ["GOOD"] * 2
    assert scene.calls() == 1


def test_an_interrupted_waiter(scene, waiters):
    """A waiter who is interrupted gets out, and the call goes on for the others."""

    class Interrupted(WatchedPorts):
        async def join(self, *_):
            raise KeyboardInterrupt

    usual, scene.registry.ports = scene.registry.ports, Interrupted(NoNetwork(), scene.clock)
    with pytest.raises(KeyboardInterrupt):
        scene.validator.authenticate("good")
    scene.registry.ports = usual
    crowd = Crowd()
    crowd.start(scene.says)
    waiters.come(1)
    scene.endpoint.open()
    assert crowd.done() == ["GOOD"]
    assert scene.calls() == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_beginner(scene, when, monkeypatch):
    """Who is interrupted while the call is begun leaves no flight behind for which the others would wait."""
    start = AskingLimits.start

    def interrupted(*args, **kwargs):
        if when == "after":
            start(*args, **kwargs)
            scene.endpoint.is_asked()
        raise KeyboardInterrupt

    monkeypatch.setattr(AskingLimits, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.validator.authenticate("good")
    monkeypatch.undo()
    scene.endpoint.open()
    assert scene.says() == "GOOD"
    fetch_threads_end()
    assert 1 <= scene.calls() <= (1 if when == "before" else 2)


def test_who_waits_for_an_interrupted_beginner(monkeypatch):
    """Whoever shares a flight that was interrupted hears of it at once."""
    flights, ports = Flights(), WatchedPorts(NoNetwork(), Scene().clock)

    async def work(_):
        raise AssertionError

    def interrupted(_):
        shared.append(flights.find("key", ports))
        raise KeyboardInterrupt

    shared = []
    with pytest.raises(KeyboardInterrupt):
        flights.launch("key", work, ports, 5.0, interrupted)
    assert shared[0].landed.result(0) == Failed("whoever began it was interrupted")
    assert flights.find("key", ports) is None


def test_a_provider_that_never_answers(waiters):
    """Calls that never come back wedge nobody: others are made in their place when they are overdue."""
    scene = Scene(HeldEndpoint(), at_once=2, waiting=0, deadline_s=5)
    scene.issue()
    callers = Crowd()
    callers.start(*(partial(scene.says, token) for token in ("stuck-1", "stuck-2")))
    scene.endpoint.is_asked(2)
    assert scene.unavailable().why.startswith("too many")
    scene.clock.advance(6.5)
    callers.start(scene.says)
    scene.endpoint.is_asked()
    scene.endpoint.open()
    assert set(callers.done()) == {"GOOD", "INACTIVE"}
    fetch_threads_end()


def test_the_same_token_after_a_call_that_never_came_back(waiters):
    """A token whose call is overdue is asked about again."""
    scene = Scene(HeldEndpoint(), deadline_s=5)
    scene.issue()
    callers = Crowd()
    callers.start(scene.says)
    scene.endpoint.is_asked()
    scene.clock.advance(11.5)
    callers.start(scene.says)
    scene.endpoint.is_asked()
    scene.endpoint.open()
    assert callers.done() == ["GOOD"] * 2
    fetch_threads_end()


def test_no_more_at_once_than_configured(waiters, hasty):
    """No more calls are under way at a time than configured, and no thread is left when all are done."""
    most, busy, lock = [0], [0], threading.Lock()

    def ask(_, __):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        with lock:
            busy[0] -= 1
        return {"active": False}

    scene = Scene(ask, at_once=3)
    crowd = Crowd()
    crowd.start(all_of(lambda: [scene.asays(f"token-{n}") for n in range(300)]))
    assert Counter(crowd.done()[0]) == {"INACTIVE": 300}
    assert 1 <= most[0] <= 3
    fetch_threads_end()
    assert [t for t in threading.enumerate() if t.name.startswith("kmvalidate")] == []
