"""
The waits of an exchange that shares its thread with an event loop.

Rules kept here:

- Every wait is under `asyncio.timeout` with what is left of the deadline.
- A peer whose bytes are always there already would never let go of the thread: others go on between any two steps.
- Sockets belong to the exchange and never to the loop, so that closing one ends it, whenever that is.
- The default executor is used for nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from _typeshed import ReadableBuffer

    from kmvalidate.transport._guard import Guard

T = TypeVar("T")


class AsyncWaits:
    """
    Waits on the running event loop.

    Args:
        guard: The guard of the exchange.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._loop = asyncio.get_running_loop()

    async def joined(self, landed: Future[T]) -> T:
        """Return what another thread lands."""
        return await self._within(lambda: asyncio.wrap_future(landed))

    async def connect(self, sock: socket.socket, sockaddr: tuple[object, ...], timeout_s: float) -> None:
        """Connect a new *sock*."""
        sock.settimeout(0)  # the loop waits
        async with asyncio.timeout(timeout_s):
            await self._loop.sock_connect(sock, sockaddr)

    async def send(self, sock: socket.socket, data: ReadableBuffer) -> None:
        """Send *data*."""
        await self._within(lambda: self._loop.sock_sendall(sock, data))

    async def receive(self, sock: socket.socket, most: int) -> bytes:
        """Return what has come."""
        return await self._within(lambda: self._loop.sock_recv(sock, most))

    async def turn(self) -> None:
        """Let other tasks go on."""
        await asyncio.sleep(0)

    async def _within(self, step: Callable[[], Awaitable[T]]) -> T:
        await self.turn()
        async with asyncio.timeout(self.guard.remaining_s()):
            return await step()
