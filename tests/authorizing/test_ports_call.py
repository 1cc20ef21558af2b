"""Functions that users bring, plain or async: callers of both colours get what they return, or raise."""

import asyncio
import functools
import threading

import pytest

from kmvalidate.asyncio_ports import AsyncioPorts, OnThreads
from kmvalidate.ports import run
from tests.fakes import WAIT_S, FakeTransport, SettableClock, WatchedPorts

TRANSPORT = FakeTransport()
PORTS = WatchedPorts(TRANSPORT, SettableClock())


def blocking(function, *arguments):
    return run(PORTS.call(function, *arguments))


def on_a_loop(function, *arguments):
    return asyncio.run(AsyncioPorts(OnThreads(TRANSPORT), PORTS).call(function, *arguments))


both_colours = pytest.mark.parametrize("call", [blocking, on_a_loop], ids=["blocking", "asyncio"])


def plain(one, two):
    return one, two


async def later(one, two):
    await asyncio.sleep(0)
    return one, two


def hiding(one, two):
    return later(one, two)


class Methods:
    plain = staticmethod(plain)

    async def later(self, one, two):
        return await later(one, two)

    async def __call__(self, one, two):
        return await later(one, two)


class Awaitable:
    def __init__(self, work):
        self.work = work

    def __await__(self):
        return self.work.__await__()


FUNCTIONS = {
    "plain": plain,
    "async": later,
    "partial": functools.partial(plain),
    "partial of async": functools.partial(later),
    "partial of partial of async": functools.partial(functools.partial(later, 1)),
    "plain one of async": hiding,
    "own awaitable": lambda one, two: Awaitable(later(one, two)),
    "method": Methods().plain,
    "async method": Methods().later,
    "async object": Methods(),
    "future of a loop": lambda one, two: Awaitable(asyncio.wait_for(later(one, two), WAIT_S)),
}


@both_colours
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_kind_of_function_is_called(name, call):
    """Plain and async functions, partial ones, methods, and what returns something to await give their result."""
    arguments = (2,) if "partial of partial" in name else (1, 2)
    assert call(FUNCTIONS[name], *arguments) == (1, 2)


@both_colours
@pytest.mark.parametrize(
    "result",
    [None, 0, "", (), {"a": 1}, later, plain, ValueError("x")],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_results_come_back_as_they_are(result, call):
    """Whatever a function returns comes back itself, what could be called or raised too."""
    assert call(lambda: result) is result
    assert call(functools.partial(returning, result)) is result


async def returning(value):
    return value


@both_colours
@pytest.mark.parametrize("error", [ValueError("x"), KeyError(), SystemExit(1), asyncio.CancelledError()], ids=repr)
def test_errors_come_back_as_they_are(error, call):
    """What a function raises, at once or while it is awaited, is raised to who called."""

    def raising():
        raise error

    async def raising_later():
        await asyncio.sleep(0)
        raise error

    for function in (raising, raising_later, lambda: Awaitable(raising_later())):
        with pytest.raises(type(error)) as caught:
            call(function)
        assert caught.value.args == error.args


def test_a_plain_function_does_not_hold_up_a_loop():
    """For asyncio callers a plain function runs on another thread, and the loop goes on meanwhile."""
    go = threading.Event()

    def waits():
        assert go.wait(WAIT_S)
        return threading.current_thread()

    async def main():
        task = asyncio.ensure_future(AsyncioPorts(OnThreads(TRANSPORT), PORTS).call(waits))
        await asyncio.sleep(0)
        go.set()
        return await task

    assert asyncio.run(main()) is not threading.current_thread()


def test_an_async_function_runs_on_the_callers_loop():
    """For asyncio callers an async function runs on their loop, for blocking ones on one of its own, even on a loop."""

    async def where():
        return asyncio.get_running_loop()

    async def main():
        mine = await AsyncioPorts(OnThreads(TRANSPORT), PORTS).call(where)
        return asyncio.get_running_loop(), mine, blocking(where)

    here, mine, other = asyncio.run(main())
    assert mine is here
    assert other is not here
    assert other.is_closed()


def test_a_plain_function_runs_where_a_blocking_caller_is():
    """For blocking callers a plain function runs on their thread."""
    assert blocking(threading.current_thread) is threading.current_thread()
