"""
One exchange over requests, with the guards built in where bytes move.

Rules kept here:

- requests is the door, without its `Session`. An adapter and its connection serve one exchange and are closed with it,
  so that what a peer sends unasked is never anybody's answer.
- Sockets come from `dial`, bytes from `GuardedReader`, answers from `StrictAnswer`; what is sent goes in pieces, each
  with what is left of the deadline.
- TLS is spoken by `TlsChannel`: Python's own sockets would leave deadline and cap to OpenSSL, which has neither.
- requests would add certifi's authorities to every context it verifies with (`HTTPAdapter.cert_verify`): not here.
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING, Any

import attrs
import urllib3.connection
from requests.adapters import HTTPAdapter

from kmvalidate.ports import HttpRequest, HttpResponse, Network, run
from kmvalidate.transport._answer import StrictAnswer
from kmvalidate.transport._dial import dial
from kmvalidate.transport._guard import Guard, GuardedReader
from kmvalidate.transport._message import pieces, prepared, taken
from kmvalidate.transport._tls_channel import GuardedContext
from kmvalidate.transport._waits import BlockingWaits

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from urllib3.connectionpool import HTTPConnectionPool


async def exchange(
    request: HttpRequest, headers: Mapping[str, str], context: ssl.SSLContext, guard: Guard
) -> HttpResponse:
    """
    Do one exchange, without suspending, and return the whole answer.

    Args:
        request: What to ask, checked.

        headers: The header fields to send, complete.

        context: The TLS context to use.

        guard: The guard of the exchange.

    Raises:
        Exception: Of any kind that requests, urllib3, `http.client`, `ssl` or `socket` raise, and `Refusal`.
    """
    proxy = request.network.proxy
    waits = BlockingWaits(guard)
    adapter = _OneExchange(request.network, context, waits)
    try:
        answer = adapter.send(
            prepared(request, headers),
            stream=True,
            timeout=guard.remaining_s(),
            proxies={"http": proxy, "https": proxy} if proxy else None,
        )
        return await taken(answer.raw, waits)
    finally:
        adapter.close()


@attrs.frozen
class _Line:
    """What a connection has to know of its exchange."""

    network: Network
    waits: BlockingWaits

    def dial(self, host: str, port: int) -> socket.socket:
        """Connect."""
        return run(dial(host, port, self.network, self.waits))

    def arm(self, sock: Any) -> None:
        """Let the next call on *sock* wait no longer than what is left."""
        self.waits.guard.arm(sock)

    def answer(self, sock: socket.socket, *args: Any, **kwargs: Any) -> StrictAnswer:
        """Return the answer that comes from *sock*."""
        return StrictAnswer(GuardedReader(sock, self.waits.guard), *args, **kwargs)


class _GuardedHttp(urllib3.connection.HTTPConnection):
    """A connection that waits under a guard only."""

    def __init__(self, *args: Any, line: _Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line
        self.response_class = line.answer  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        return self._line.dial(self.host, self.port)

    def _tunnel(self) -> None:
        super()._tunnel()
        self._line.arm(self.sock)

    def send(self, data: Any) -> None:
        """Send *data* piece by piece, each with what is left of the deadline."""
        if self.sock is None:
            self.connect()
        for piece in pieces(data):
            self._line.arm(self.sock)
            super().send(piece)


class _GuardedHttps(_GuardedHttp, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


class _OneExchange(HTTPAdapter):
    """An adapter whose only connection is a guarded one."""

    def __init__(self, network: Network, context: ssl.SSLContext, waits: BlockingWaits) -> None:
        self._context = GuardedContext(context, waits.guard)
        self._line = _Line(network, waits)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the trust to the context."""
        _ = url, verify, cert
        conn.cert_reqs = ssl.CERT_REQUIRED

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _GuardedHttps if pool.scheme == "https" else _GuardedHttp
        pool.ConnectionCls = functools.partial(kind, line=self._line)  # type: ignore[assignment]
        return pool
