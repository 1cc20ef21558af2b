"""
How one exchange waits: by blocking its thread, or by letting the event loop turn.

Rules kept here: name look-up, connecting and TLS are written once, as coroutines that await nothing but `Waits`. For
blocking callers each of its methods does its work without suspending, so that `kmvalidate.ports.run` drives them.
Whatever is awaited ends with what is left of the deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import socket
    from concurrent.futures import Future

    from _typeshed import ReadableBuffer

    from kmvalidate.transport._guard import Guard

T = TypeVar("T")


class Waits(Protocol):
    """
    What an exchange waits for. Each method raises `TimeoutError`, or `Refusal`, when the deadline has come.

    Args:
        guard: The guard of the exchange.
    """

    guard: Guard

    async def joined(self, landed: Future[T]) -> T:
        """Return what another thread lands."""
        ...  # pragma: no cover

    async def connect(self, sock: socket.socket, sockaddr: tuple[object, ...], timeout_s: float) -> None:
        """Connect a new *sock*, within *timeout_s* seconds."""
        ...  # pragma: no cover

    async def send(self, sock: socket.socket, data: ReadableBuffer) -> None:
        """Send *data*."""
        ...  # pragma: no cover

    async def receive(self, sock: socket.socket, most: int) -> bytes:
        """Return what has come, at most *most* bytes; nothing when the peer has ended."""
        ...  # pragma: no cover

    async def turn(self) -> None:
        """Let others go on who share this thread."""
        ...  # pragma: no cover


class BlockingWaits:
    """
    Waits by blocking the thread.

    Args:
        guard: The guard of the exchange.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def joined(self, landed: Future[T]) -> T:
        """Return what another thread lands."""
        return landed.result(self.guard.remaining_s())

    async def connect(self, sock: socket.socket, sockaddr: tuple[object, ...], timeout_s: float) -> None:
        """Connect a new *sock*."""
        sock.settimeout(timeout_s)
        sock.connect(sockaddr)

    async def send(self, sock: socket.socket, data: ReadableBuffer) -> None:
        """Send *data*."""
        self.guard.arm(sock)
        sock.sendall(data)

    async def receive(self, sock: socket.socket, most: int) -> bytes:
        """Return what has come."""
        self.guard.arm(sock)
        return sock.recv(most)

    async def turn(self) -> None:
        """Do nothing: this thread is the caller's own."""
