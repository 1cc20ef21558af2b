"""
The transport for asyncio callers.

Rules kept here:

- It has the guards of `RequestsTransport`, in the same words: both stand on the same parts.
- httpx2 and what it stands on are imported once something is sent; that it is missing is said when the transport is
  made, where an operator sees it.
- Nothing is kept for the next exchange but the TLS contexts, which belong to no event loop.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.transport._sending import Sending

if TYPE_CHECKING:
    from kmvalidate.ports import HttpRequest, HttpResponse


class HttpxTransport:
    """
    A `kmvalidate.ports.AsyncTransport` over httpx2, for asyncio.

    It never follows a redirect, keeps no cookies and no connections, reads neither ~/.netrc nor the environment's
    proxies, decompresses nothing, and connects only to addresses that `Network` lets it. With `Network.proxy` it is
    the proxy that looks names up and connects: then addresses are the proxy's to restrict, and its own is not.

    One serves any number of tasks, threads and event loops, one after the other or at once.

    Args:
        user_agent: The User-Agent to send, in place of ``kmvalidate/<version>``.

    Raises:
        ConfigurationError: *user_agent* cannot be sent, or httpx2 is not installed.
    """

    def __init__(self, user_agent: str | None = None) -> None:
        if not all(map(find_spec, ("httpx2", "httpcore2"))):  # where there are no sockets, the latter is not installed
            raise ConfigurationError('HttpxTransport needs httpx2: pip install "kmvalidate[async]"')
        self._sending = Sending(user_agent)

    def prepare(self) -> None:
        """
        Import what sending takes, rather than with the first exchange.

        A process that is forked in the middle of an import can never finish it.
        """
        from kmvalidate.transport import _async_exchange, _why  # noqa: F401, PLC0415

        with suppress(ImportError):
            import_module("anyio._backends._asyncio")  # which httpcore2 would import later

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange.

        Args:
            request: What to ask, of whom, for how long.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap.

            ConfigurationError: The request must not be sent: its method, URL, header fields or TLS files.

            asyncio.CancelledError: The task was cancelled; the connection is closed.
        """
        from kmvalidate.transport._async_exchange import exchange  # noqa: PLC0415

        return await self._sending.send(request, exchange)
