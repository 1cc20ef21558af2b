"""
One exchange over httpcore2, the core of httpx2, with the guards built in where bytes move.

Rules kept here:

- httpcore2 is the door, without the client of httpx2: nothing here could follow a redirect, keep a cookie, read
  ~/.netrc or the environment's proxies. A pool and its connection serve one exchange and are closed with it, so that
  what a peer sends unasked is never anybody's answer; HTTP/1.1 alone is spoken.
- Sockets come from `dial`, TLS is spoken by `TlsRecords`, and every byte of the answer is paid when it is received.
- httpcore2 says when the answer has come whole, `StrictAnswer` what it says. What either of them refuses is refused.
- The socket is closed with the exchange, also when its task is cancelled.
"""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpcore2
from requests.utils import get_auth_from_url

from kmvalidate.transport._async_waits import AsyncWaits
from kmvalidate.transport._dial import dial
from kmvalidate.transport._guard import PIECE_BYTES
from kmvalidate.transport._message import check_head, pieces, prepared, taken
from kmvalidate.transport._tape import Tape
from kmvalidate.transport._tls_channel import GuardedContext
from kmvalidate.transport._tls_records import TlsRecords

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Mapping

    import requests

    from kmvalidate.ports import HttpRequest, HttpResponse, Network
    from kmvalidate.transport._guard import Guard
    from kmvalidate.transport._waits import Waits


async def exchange(
    request: HttpRequest, headers: Mapping[str, str], context: ssl.SSLContext, guard: Guard
) -> HttpResponse:
    """
    Do one exchange and return the whole answer.

    Args:
        request: What to ask, checked.

        headers: The header fields to send, complete.

        context: The TLS context to use.

        guard: The guard of the exchange.

    Raises:
        Exception: Of any kind that requests, urllib3, `http.client`, httpcore2, `ssl`, `socket` or `asyncio` raise, and
            `Refusal`.
    """
    line = _Line(request.network, context, AsyncWaits(guard))
    try:
        async with _pool(request.network.proxy, line, GuardedContext(context, guard)) as pool:
            return await _answered(pool, prepared(request, headers), line)
    finally:
        line.close()


def _pool(proxy: str | None, line: _Line, context: GuardedContext) -> httpcore2.AsyncConnectionPool:
    return httpcore2.AsyncConnectionPool(
        ssl_context=cast("ssl.SSLContext", context),
        proxy=_proxy(proxy) if proxy else None,
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=line,
    )


def _proxy(url: str) -> httpcore2.Proxy:
    user, password = (part.encode("latin-1") for part in get_auth_from_url(url))
    return httpcore2.Proxy(_url(url), auth=(user, password) if user else None)


def _url(url: str) -> httpcore2.URL:
    parts = urlsplit(url)
    # httpcore2 writes the host as it is given: that of an IPv6 address in brackets.
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return httpcore2.URL(scheme=parts.scheme, host=host, port=parts.port, target=target)


async def _answered(
    pool: httpcore2.AsyncConnectionPool, request: requests.PreparedRequest, line: _Line
) -> HttpResponse:
    try:
        await _come(pool, request, line)
        proper = True
    except httpcore2.RemoteProtocolError:
        proper = False
    answer = await taken(line.tape.answer(str(request.method)), line.waits)  # says more exactly what is wrong
    if not proper:
        raise http.client.HTTPException
    return answer


async def _come(pool: httpcore2.AsyncConnectionPool, request: requests.PreparedRequest, line: _Line) -> None:
    """Send *request*, and see the answer come until it is whole; what is refused for its head comes no further."""
    method, guard = str(request.method), line.waits.guard
    given = cast("Mapping[str, str]", request.headers)
    fields = [(name.encode("ascii"), value.strip().encode("latin-1")) for name, value in given.items()]
    content = cast("bytes | None", request.body)
    async with pool.stream(method, _url(str(request.url)), headers=fields, content=content) as answer:
        check_head(line.tape.answer(method), guard)
        count = 0
        async with contextlib.aclosing(answer.aiter_stream()) as body:
            async for piece in body:
                count += len(piece)
                guard.check_body(count)


class _Plain:
    """What a connection sends and receives before there is TLS."""

    def __init__(self, sock: socket.socket, waits: Waits) -> None:
        self._sock = sock
        self._waits = waits

    async def send(self, data: bytes) -> None:
        await self._waits.send(self._sock, data)

    async def receive(self, most: int) -> bytes:
        return await self._waits.receive(self._sock, most)


class _Line(httpcore2.AsyncNetworkBackend, httpcore2.AsyncNetworkStream):
    """The only connection of an exchange, and what makes it."""

    def __init__(self, network: Network, context: ssl.SSLContext, waits: Waits) -> None:
        self.waits = waits
        self.tape = Tape()
        self._network = network
        self._context = context
        self._sock: socket.socket
        self._channel: _Plain | TlsRecords
        self._closing = contextlib.ExitStack()

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> _Line:
        self._sock = self._closing.enter_context(await dial(host, port, self._network, self.waits))
        self._channel = _Plain(self._sock, self.waits)
        return self

    async def start_tls(self, ssl_context: Any, server_hostname: str | None = None, *_: Any, **__: Any) -> _Line:
        _ = ssl_context  # a `GuardedContext`, which stands for ours
        if self._network.proxy is not None and self.tape.answer("CONNECT").status != http.client.OK:
            raise httpcore2.ProxyError
        self.tape = Tape()
        records = TlsRecords(self._sock, self._context, str(server_hostname).strip("[]"), self.waits)
        await records.shake_hands()
        self._channel = records
        return self

    async def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        for piece in pieces(buffer):
            await self._channel.send(piece)

    async def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        budget = self.waits.guard.answer
        received = await self._channel.receive(min(max_bytes, PIECE_BYTES, budget.room()))
        budget.pay(len(received))
        self.tape.record(received)
        return received

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket."""
        self._closing.close()

    def get_extra_info(self, info: str) -> Any:
        """Return None: nothing but HTTP/1.1 was agreed upon, and no idle connection is ever asked about."""
