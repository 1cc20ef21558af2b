"""
The ports of asyncio callers, and the adapters for transports of the other colour.

Rules kept here: a caller's own exchanges run on its loop; what callers share runs detached on threads, and no loop owns
it, so that neither a cancelled caller nor a closed loop takes it from the others. Nothing runs on a loop's default
executor, where forty slow exchanges would keep everybody else waiting.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from kmvalidate.fields import is_async
from kmvalidate.own_threads import in_thread, on_own_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from kmvalidate.ports import AsyncTransport, BlockingPorts, HttpRequest, HttpResponse, Ports, Transport
    from kmvalidate.trace import Trace

T = TypeVar("T")


class AsyncioPorts:
    """
    Ports for callers on an event loop, whichever it is.

    Args:
        transport: What does their own exchanges.

        background: The ports of what callers share.
    """

    trace: Trace | None = None

    def __init__(self, transport: AsyncTransport, background: BlockingPorts) -> None:
        self.clock = background.clock
        self._transport = transport
        self._background = background

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """See `AsyncTransport.send`."""
        return await self._transport.send(request)

    async def call(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Call *function* on the loop if it is async, else on a daemon thread of its own."""
        if is_async(function):
            return await function(*arguments)
        result = await _landing(in_thread(lambda: function(*arguments)))
        return await result if hasattr(result, "__await__") else result

    async def join(self, landed: Future[T], deadline_s: float, /) -> T:
        """Wait for *landed* without blocking the loop or holding it: who is cancelled only stops waiting."""
        async with asyncio.timeout(deadline_s):
            return await _landing(landed)

    def spawn(self, job: Callable[[Ports], Coroutine[None, None, None]], /) -> None:
        """Run *job* where blocking callers run theirs."""
        self._background.spawn(job)


class OnThreads:
    """An `AsyncTransport` of a blocking one: each exchange on a daemon thread of its own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """See `AsyncTransport.send`."""
        return await _landing(in_thread(lambda: self._transport.send(request)))


class OnOwnLoop:
    """A `Transport` of an async one: each exchange on a loop of its own, on a thread that has no other."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """See `Transport.send`."""
        return on_own_loop(lambda: self._sent(request))

    async def _sent(self, request: HttpRequest) -> HttpResponse:
        async with asyncio.timeout(request.deadline_s):
            return await self.transport.send(request)


async def _landing(landed: Future[T]) -> T:
    """Wait for *landed* on the running loop; whoever stops waiting, or closes the loop, leaves it as it is."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # that loop was closed: nobody waits there any more
            loop.call_soon_threadsafe(wake)

    landed.add_done_callback(tell)
    await woken
    return landed.result()
