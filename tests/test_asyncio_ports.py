"""The ports of asyncio callers: who waits holds nobody up, and who stops waiting takes nothing from anybody."""

import asyncio
import contextvars
import logging
import threading
from concurrent.futures import Future

import pytest

from kmvalidate import ConfigurationError, HttpRequest, KeyManagerUnavailable
from kmvalidate.asyncio_ports import AsyncioPorts, OnOwnLoop, OnThreads
from kmvalidate.discovery import Exchange
from kmvalidate.ports import BlockingPorts, Network, run
from tests.fakes import KEYS, WAIT_S, FakeTransport, HeldTransport, SettableClock, WatchedPorts, answer, in_threads

REQUEST = HttpRequest(url=KEYS)


class Async:
    """An async transport of a plain one; it suspends once, as a real one does."""

    def __init__(self, transport):
        self.transport, self.loops = transport, []

    async def send(self, request, /):
        self.loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return self.transport.send(request)


@pytest.fixture
def transport():
    return FakeTransport({KEYS: {"keys": []}})


@pytest.fixture
def ports(transport):
    return AsyncioPorts(Async(transport), WatchedPorts(transport, SettableClock()))


@pytest.fixture
def quiet(caplog):
    """See to it that nothing was logged by anybody."""
    yield
    records = caplog.get_records("call")
    assert [record.getMessage() for record in records if record.levelno >= logging.WARNING] == []


def begun(work):
    """Return a task that has begun to wait."""

    async def begin():
        task = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        return task

    return begin()


# Waiting


def test_what_has_landed_is_there(ports):
    """A wait for what is there already ends at once, with the value."""
    landed = Future()
    landed.set_result(7)
    assert asyncio.run(ports.join(landed, WAIT_S)) == 7


def test_what_lands_on_another_thread_wakes_who_waits(ports):
    """A value that another thread lands ends the wait, and meanwhile the loop does other things."""
    landed, others = Future(), []

    async def main():
        waiting = await begun(ports.join(landed, WAIT_S))
        others.append("done meanwhile")
        in_threads(1, lambda: landed.set_result(7))
        return await waiting

    assert (asyncio.run(main()), others) == (7, ["done meanwhile"])


def test_what_lands_as_an_exception_is_raised(ports):
    """Where an exception lands, who waits for it gets that one."""
    landed = Future()
    landed.set_exception(KeyManagerUnavailable("status 503"))
    with pytest.raises(KeyManagerUnavailable, match="503"):
        asyncio.run(ports.join(landed, WAIT_S))


def test_a_wait_ends_with_its_time(ports, quiet):
    """What does not land in time is a TimeoutError, and its landing afterwards disturbs nobody, loop closed or not."""
    for lands_in_loop in (True, False):
        landed = Future()

        async def main(landed=landed, lands_in_loop=lands_in_loop):
            with pytest.raises(TimeoutError):
                await ports.join(landed, 0.01)
            if lands_in_loop:
                landed.set_result(7)
                await asyncio.sleep(0)

        asyncio.run(main())
        if not lands_in_loop:
            landed.set_result(7)
        assert landed.result() == 7


def test_who_is_cancelled_only_stops_waiting(ports, quiet):
    """A cancelled caller takes the value from nobody: another task, a thread and another loop all get it."""
    landed, got = Future(), []

    async def main():
        leader = await begun(ports.join(landed, WAIT_S))
        follower = await begun(ports.join(landed, WAIT_S))
        threads = in_threads(1, lambda: got.append(asyncio.run(ports.join(landed, WAIT_S))))
        threads += in_threads(1, lambda: got.append(landed.result(WAIT_S)))
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        landed.set_result(7)
        got.append(await follower)
        await asyncio.to_thread(lambda: [thread.join(WAIT_S) for thread in threads])

    asyncio.run(main())
    assert (got, landed.cancelled()) == ([7, 7, 7], False)


def test_a_loop_that_was_closed_is_not_woken(ports, quiet):
    """What lands after the loop of a waiting caller was closed raises nothing and logs nothing."""
    landed = Future()

    async def main():
        await begun(ports.join(landed, WAIT_S))  # asyncio.run cancels it

    asyncio.run(main())
    landed.set_result(7)
    assert landed.result() == 7


@pytest.mark.parametrize("kind", ["join", "send"])
def test_a_loop_that_was_closed_around_a_waiting_caller_is_not_woken(kind, ports, quiet):
    """Nor does it where nobody cancelled that caller before the loop was closed."""
    landed, held = Future(), HeldTransport()
    works = {"join": lambda: ports.join(landed, WAIT_S), "send": lambda: OnThreads(held).send(REQUEST)}
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(begun(works[kind]()))
    loop.close()
    held.let_go.set()
    landed.set_result(7)
    for thread in threading.enumerate():
        if thread.name == "kmvalidate-send":
            thread.join(WAIT_S)
    assert not task.done()
    task._log_destroy_pending = False


def test_detached_work_runs_where_blocking_callers_run_theirs(ports):
    """What callers share is spawned on the background ports, with ports that block, and no loop has a part in it."""
    landed = Future()

    async def job(own):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            landed.set_result((own, threading.current_thread().name))

    async def main():
        ports.spawn(job)
        return await ports.join(landed, WAIT_S)

    assert asyncio.run(main()) == (ports._background, "kmvalidate-fetch")
    assert ports.clock is ports._background.clock


def test_the_ports_of_one_registry_serve_many_loops(ports):
    """Callers on several loops at once send and wait through the same ports, each exchange on its caller's loop."""
    landed, got = Future(), []

    async def main():
        response = await ports.send(REQUEST)
        return response.status, await ports.join(landed, WAIT_S)

    threads = in_threads(4, lambda: got.append(asyncio.run(main())))
    threading.Timer(0, landed.set_result, [7]).start()
    for thread in threads:
        thread.join(WAIT_S)
    assert (got, len(set(map(id, ports._transport.loops)))) == ([(200, 7)] * 4, 4)


# Transports of the other colour


ERRORS = {
    "ours": (KeyManagerUnavailable("status 503"), KeyManagerUnavailable, "status 503"),
    "a configuration": (ConfigurationError("ca_file cannot be used"), ConfigurationError, "ca_file"),
    "foreign": (ValueError("a secret"), KeyManagerUnavailable, "the transport raised ValueError"),
    "the end of an iterator": (StopIteration("a secret"), KeyManagerUnavailable, "the transport raised RuntimeError"),
    "out of time": (TimeoutError("a secret"), KeyManagerUnavailable, "the transport raised TimeoutError"),
    "no response": ("a secret", KeyManagerUnavailable, "the transport returned str"),
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("colour", ["async", "plain"])
def test_what_a_transport_does_wrong_is_told_by_its_kind(error, colour, transport):
    """Whatever a transport raises or returns for an asyncio caller, it is one of our errors and tells no secret."""
    wrong, kind, why = ERRORS[error]
    transport.answers[KEYS] = wrong
    adapted = Async(transport) if colour == "async" else OnThreads(transport)
    ports = AsyncioPorts(adapted, BlockingPorts(transport, SettableClock()))
    exchange = Exchange(network=Network(), ends_at=1005.0, max_bytes=1000)
    with pytest.raises(kind, match=why) as caught:
        asyncio.run(asyncio.wait_for(exchange.get(KEYS, ports), WAIT_S))
    assert "a secret" not in str(caught.value)


def test_plain_transports_send_for_asyncio_callers(transport):
    """A plain transport's answer comes to an asyncio caller from a thread that is not the loop's nor its executor's."""
    names = []
    transport.answers[KEYS] = lambda: names.append(threading.current_thread().name) or answer({"a": 1})
    assert asyncio.run(OnThreads(transport).send(REQUEST)).status == 200
    assert (names, transport.requests) == (["kmvalidate-send"], [REQUEST])


def test_many_slow_exchanges_keep_nobody_waiting(transport):
    """Forty exchanges that all hang at once hang side by side, and one more is done meanwhile."""
    crowd, slow = threading.Barrier(41), "https://slow.example/keys"
    transport.answers[slow] = lambda: answer({}, 200 + crowd.wait(WAIT_S) * 0)
    sender = OnThreads(transport)

    async def main():
        tasks = [asyncio.ensure_future(sender.send(HttpRequest(url=slow))) for _ in range(40)]
        quick = await sender.send(REQUEST)
        assert not any(task.done() for task in tasks)
        await asyncio.to_thread(crowd.wait, WAIT_S)
        return [quick.status, *(response.status for response in await asyncio.gather(*tasks))]

    assert asyncio.run(main()) == [200] * 41


def test_an_exchange_whose_caller_is_cancelled_ends_by_itself(quiet):
    """A cancelled caller leaves its exchange to end on its thread, unheard."""
    asked, let_go, done = (threading.Event() for _ in range(3))

    class Held:
        def send(self, _, /):
            asked.set()
            assert let_go.wait(WAIT_S)
            done.set()
            raise ValueError("a secret")

    async def main():
        task = await begun(OnThreads(Held()).send(REQUEST))
        await asyncio.to_thread(asked.wait, WAIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        let_go.set()
        assert await asyncio.to_thread(done.wait, WAIT_S)

    asyncio.run(main())


def test_async_transports_send_for_blocking_callers(transport):
    """An async transport's answer comes to a blocking caller, each exchange from a loop of its own."""
    inner = Async(transport)
    sender = OnOwnLoop(inner)
    assert [sender.send(REQUEST).status for _ in range(3)] == [200] * 3
    assert len(set(map(id, inner.loops))) == 3
    assert all(loop.is_closed() for loop in inner.loops)


def test_async_transports_send_while_a_loop_runs_in_the_calling_thread(transport):
    """A blocking call on a loop's own thread works: the exchange has a loop of its own elsewhere."""
    inner = Async(transport)

    async def main():
        return OnOwnLoop(inner).send(REQUEST).status, asyncio.get_running_loop()

    status, loop = asyncio.run(main())
    assert (status, loop in inner.loops) == (200, False)


@pytest.mark.parametrize(
    "error",
    [KeyManagerUnavailable("status 503"), ValueError("wrong"), asyncio.CancelledError(), SystemExit(3)],
    ids=repr,
)
def test_what_an_async_transport_raises_comes_to_the_blocking_caller(error, transport):
    """Whatever an async transport raises, who called gets it, and no thread is left with it."""
    transport.answers[KEYS] = error
    with pytest.raises(type(error)) as caught:
        OnOwnLoop(Async(transport)).send(REQUEST)
    assert caught.value.args == error.args


def test_a_thread_that_cannot_start_is_an_error_of_the_exchange(monkeypatch, transport):
    """Without a thread for it an exchange fails at once, for callers of both kinds."""

    def refused(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="new thread"):
        OnOwnLoop(Async(transport)).send(REQUEST)
    with pytest.raises(RuntimeError, match="new thread"):
        asyncio.run(OnThreads(transport).send(REQUEST))


def test_what_is_called_finds_the_context_of_its_caller(transport):
    """A function that is called, plain or async, by a blocking caller or on a loop, sees the caller's variables."""
    asked = contextvars.ContextVar("asked", default="nobody")

    async def later():
        return asked.get()

    blocking = BlockingPorts(transport, SettableClock())
    asked.set("blocking")
    assert [run(blocking.call(work)) for work in (asked.get, later)] == ["blocking"] * 2

    async def on_a_loop():
        asked.set("loop")
        ports = AsyncioPorts(Async(transport), blocking)
        return [await ports.call(work) for work in (asked.get, later)]

    assert asyncio.run(on_a_loop()) == ["loop"] * 2
