"""
TLS over a guarded socket.

Rules kept here:

- OpenSSL is given buffers, never the socket. With the socket in its hands one call reads on for as long as records
  come that hold nothing for us, such as tickets for later sessions: no deadline and no cap would ever be asked.
- Every byte of the handshake and of the records is received under the guard: the time is what is left of the deadline,
  and the bytes are paid from a budget of their own, beside what they hold.
- Only TLS's own end is an end: a connection that just ends is an error, since anybody could have ended it.
- What is not encrypted cannot be sent: a channel has the few methods that urllib3 and `http.client` ask for, and
  none that leads past TLS.
"""

from __future__ import annotations

import contextlib
import io
import ssl
from typing import TYPE_CHECKING, Literal, TypeVar

from kmvalidate.transport._guard import Guard, Refusal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from _typeshed import ReadableBuffer, WriteableBuffer

T = TypeVar("T")

_RECEIVED_BYTES = 16_384


class GuardedContext:
    """
    What urllib3 takes for an `ssl.SSLContext`: a shared one, used under the guard of one exchange.

    What urllib3 sets stays here: other threads may be connecting with the shared context.

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
        self._guard = guard
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._done(self._tls.do_handshake)

    def settimeout(self, timeout_s: float | None) -> None:
        """Let the next call wait no longer than that."""
        self._sock.settimeout(timeout_s)

    def sendall(self, data: ReadableBuffer) -> None:
        """Send *data*."""
        left = memoryview(data)
        while left:
            left = left[self._done(lambda: self._tls.write(left)) :]  # noqa: B023  # called before left changes

    def recv_into(self, buffer: memoryview) -> int:
        """Read what has come, as far as it fits into *buffer*; nothing has when TLS has ended."""
        return self._done(lambda: self._tls.read(len(buffer), buffer))  # type: ignore[return-value]

    def makefile(self, _mode: str, *, buffering: Literal[0]) -> io.RawIOBase:
        """Return an unbuffered file to read from; the socket stays open until it is closed as well."""
        return _Plaintext(self, self._sock.makefile("rb", buffering=buffering))

    def close(self) -> None:
        """Let go of the socket."""
        self._sock.close()

    def _done(self, step: Callable[[], T]) -> T:
        """Do a step of TLS, and move the bytes that it takes."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._send()
                self._receive()
            except ssl.SSLError:
                with contextlib.suppress(OSError, Refusal):
                    self._send()  # tells the server what was wrong
                raise
            else:
                self._send()
                return result

    def _send(self) -> None:
        if self._outgoing.pending:
            self._guard.arm(self._sock)
            self._sock.sendall(self._outgoing.read())

    def _receive(self) -> None:
        self._guard.arm(self._sock)
        received = self._sock.recv(min(_RECEIVED_BYTES, self._guard.records.room()))
        self._guard.records.pay(len(received))
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()


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
