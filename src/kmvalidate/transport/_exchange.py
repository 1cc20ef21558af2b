"""
One exchange over requests, with the guards built in where bytes move.

Rules kept here:

- requests is the door, without its `Session`: nothing here could follow a redirect, keep a cookie, read ~/.netrc or
  the environment's proxies. An adapter and its connection serve one exchange and are closed with it, so that what a
  peer sends unasked is never anybody's answer.
- Sockets come from `dial`, bytes from `GuardedReader`, answers from `StrictAnswer`; what is sent goes in pieces, each
  with what is left of the deadline.
- TLS is spoken by `TlsChannel`: Python's own sockets would leave deadline and cap to OpenSSL, which has neither.
- requests would add certifi's authorities to every context it verifies with (`HTTPAdapter.cert_verify`): not here.
- Nothing is decompressed: an encoded answer is refused.
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING, Any, cast

import attrs
import requests
import urllib3.connection
from requests.adapters import HTTPAdapter

from kmvalidate.ports import HttpRequest, HttpResponse, Network
from kmvalidate.transport._answer import StrictAnswer
from kmvalidate.transport._dial import dial
from kmvalidate.transport._guard import Guard, Refusal
from kmvalidate.transport._tls_channel import GuardedContext

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from urllib3.connectionpool import HTTPConnectionPool

_PIECE_BYTES = 16_384


def exchange(request: HttpRequest, headers: Mapping[str, str], context: ssl.SSLContext, guard: Guard) -> HttpResponse:
    """
    Do one exchange and return the whole answer.

    Args:
        request: What to ask, checked.

        headers: The header fields to send, complete.

        context: The TLS context to use.

        guard: The guard of the exchange.

    Raises:
        Exception: Of any kind that requests, urllib3, `http.client`, `ssl` or `socket` raise, and `Refusal`.
    """
    prepared = requests.Request(request.method, request.url, headers=dict(headers), data=request.body).prepare()
    proxy = request.network.proxy
    adapter = _OneExchange(request.network, context, guard)
    try:
        answer = adapter.send(
            prepared,
            stream=True,
            timeout=guard.remaining_s(),
            proxies={"http": proxy, "https": proxy} if proxy else None,
        )
        return _taken(answer.raw, guard)
    finally:
        adapter.close()


def _taken(raw: urllib3.HTTPResponse, guard: Guard) -> HttpResponse:
    try:
        if raw.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
            raise Refusal("the answer is compressed, though that was not asked for")
        return HttpResponse(
            status=raw.status,
            headers={name.lower(): value for name, value in raw.headers.itermerged()},
            body=_body(raw, guard.max_bytes),
        )
    finally:
        raw.close()


def _body(raw: urllib3.HTTPResponse, max_bytes: int) -> bytes:
    body = bytearray()
    # Before the first byte: what is announced. Then: what comes.
    too_much = (raw.length_remaining or 0) > max_bytes
    while not too_much and (piece := raw.read(_PIECE_BYTES, decode_content=False)):
        body += piece
        too_much = len(body) > max_bytes
    if too_much:
        raise Refusal("the answer is larger than the cap")
    return bytes(body)


@attrs.frozen
class _Line:
    """What a connection has to know of its exchange."""

    network: Network
    guard: Guard

    def dial(self, host: str, port: int) -> socket.socket:
        """Connect: to a proxy wherever it is, since the operator named it and it does the connecting."""
        return dial(
            host.strip("[]"),
            port,
            self.guard,
            anywhere=self.network.proxy is not None,
            private_addresses=self.network.private_addresses,
        )


class _GuardedHttp(urllib3.connection.HTTPConnection):
    """A connection that waits under a guard only."""

    def __init__(self, *args: Any, line: _Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line
        self.response_class = functools.partial(StrictAnswer, guard=line.guard)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        return self._line.dial(self.host, self.port)

    def _tunnel(self) -> None:
        super()._tunnel()
        self._line.guard.arm(cast("socket.socket", self.sock))

    def send(self, data: Any) -> None:
        """Send *data* piece by piece: over TLS each piece could wait for the whole time-out."""
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE_BYTES):
            self._line.guard.arm(cast("socket.socket", self.sock))
            super().send(data[start : start + _PIECE_BYTES])


class _GuardedHttps(_GuardedHttp, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


class _OneExchange(HTTPAdapter):
    """An adapter whose only connection is a guarded one."""

    def __init__(self, network: Network, context: ssl.SSLContext, guard: Guard) -> None:
        self._context = GuardedContext(context, guard)
        self._line = _Line(network, guard)
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
