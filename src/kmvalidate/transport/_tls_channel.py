"""
TLS as urllib3, `http.client` and httpcore2 ask for it.

Rules kept here:

- What is not encrypted cannot be sent: a channel has the few methods that urllib3 and `http.client` ask for, and
  none that leads past TLS.
- The context that they are given is nobody's but theirs: what they set does not reach the shared one.
"""

from __future__ import annotations

import io
import ssl
from typing import TYPE_CHECKING, Literal

from kmvalidate.ports import run
from kmvalidate.transport._tls_records import TlsRecords
from kmvalidate.transport._waits import BlockingWaits

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from _typeshed import ReadableBuffer, WriteableBuffer

    from kmvalidate.transport._guard import Guard


class GuardedContext:
    """
    What urllib3 and httpcore2 take for an `ssl.SSLContext`: a shared one, used under the guard of one exchange.

    What they set stays here: other threads may be connecting with the shared context.

    Args:
        context: The shared context.

        guard: The guard of the exchange.
    """

    verify_mode = ssl.CERT_REQUIRED
    check_hostname = True

    def __init__(self, context: ssl.SSLContext, guard: Guard) -> None:
        self._context = context
        self._guard = guard

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Do nothing: the shared context says the same."""

    def wrap_socket(self, sock: socket.socket, *, server_hostname: str) -> TlsChannel:
        """Shake hands over *sock* with a server that proves to be *server_hostname*."""
        return TlsChannel(sock, self._context, server_hostname, self._guard)


class TlsChannel:
    """
    What urllib3 and `http.client` take for an `ssl.SSLSocket`; hands have been shaken.

    Args:
        sock: A connected socket.

        context: Whom to trust, and who we are.

        server_hostname: Who the server has to be.

        guard: The guard of the exchange.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_hostname: str, guard: Guard) -> None:
        self._sock = sock
        self._records = TlsRecords(sock, context, server_hostname, BlockingWaits(guard))
        run(self._records.shake_hands())

    def settimeout(self, timeout_s: float | None) -> None:
        """Let the next call wait no longer than that."""
        self._sock.settimeout(timeout_s)

    def sendall(self, data: ReadableBuffer) -> None:
        """Send *data*."""
        run(self._records.send(data))

    def recv_into(self, buffer: memoryview) -> int:
        """Read what has come, as far as it fits into *buffer*; nothing has when TLS has ended."""
        received = run(self._records.receive(len(buffer)))
        buffer[: len(received)] = received
        return len(received)

    def makefile(self, _mode: str, *, buffering: Literal[0]) -> io.RawIOBase:
        """Return an unbuffered file to read from; the socket stays open until it is closed as well."""
        return _Plaintext(self, self._sock.makefile("rb", buffering=buffering))

    def close(self) -> None:
        """Let go of the socket."""
        self._sock.close()


class _Plaintext(io.RawIOBase):
    """What a channel decrypts."""

    def __init__(self, channel: TlsChannel, held: io.RawIOBase) -> None:
        self._channel = channel
        self._held = held

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as room:
            return self._channel.recv_into(room)

    def close(self) -> None:
        self._held.close()
        super().close()
