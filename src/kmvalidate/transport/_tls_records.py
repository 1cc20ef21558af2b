"""
TLS over a guarded socket.

Rules kept here:

- OpenSSL is given buffers, never the socket. With the socket in its hands one call reads on for as long as records
  come that hold nothing for us, such as tickets for later sessions: no deadline and no cap would ever be asked.
- Every byte of the handshake and of the records is received under the guard: the time is what is left of the deadline,
  and the bytes are paid from a budget of their own, beside what they hold.
- Only TLS's own end is an end: a connection that just ends is an error, since anybody could have ended it.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, TypeVar

from kmvalidate.transport._guard import PIECE_BYTES, Refusal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

    from kmvalidate.transport._waits import Waits

T = TypeVar("T")


class TlsRecords:
    """
    One side of a TLS connection: ours.

    Args:
        sock: A connected socket; whoever connected it closes it.

        context: Whom to trust, and who we are.

        server_hostname: Who the server has to be.

        waits: How the exchange waits.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_hostname: str, waits: Waits) -> None:
        self._sock = sock
        self._waits = waits
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    async def shake_hands(self) -> None:
        """Find that the server is the one it has to be."""
        await self._done(self._tls.do_handshake)

    async def send(self, data: ReadableBuffer) -> None:
        """Send *data*."""
        left = memoryview(data)
        while left:
            left = left[await self._done(lambda: self._tls.write(left)) :]  # noqa: B023  # called before left changes

    async def receive(self, most: int) -> bytes:
        """Return what has come, at most *most* bytes; nothing has when TLS has ended."""
        return await self._done(lambda: self._tls.read(most))

    async def _done(self, step: Callable[[], T]) -> T:
        """Do a step of TLS, and move the bytes that it takes."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._send()
                await self._receive()
            except ssl.SSLError:
                with contextlib.suppress(OSError, Refusal):
                    await self._send()  # tells the server what was wrong
                raise
            else:
                await self._send()
                return result

    async def _send(self) -> None:
        if self._outgoing.pending:
            await self._waits.send(self._sock, self._outgoing.read())

    async def _receive(self) -> None:
        records = self._waits.guard.records
        received = await self._waits.receive(self._sock, min(PIECE_BYTES, records.room()))
        records.pay(len(received))
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
