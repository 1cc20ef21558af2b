"""
The transport for blocking callers.

Rules kept here: requests and what it stands on are imported once something is sent, so whoever brings a transport of
their own never needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.ports import run
from kmvalidate.transport._sending import Sending

if TYPE_CHECKING:
    from kmvalidate.ports import HttpRequest, HttpResponse


class RequestsTransport:
    """
    A `kmvalidate.ports.Transport` over requests.

    It never follows a redirect, keeps no cookies and no connections, reads neither ~/.netrc nor the environment's
    proxies, decompresses nothing, and connects only to addresses that `Network` lets it. With `Network.proxy` it is
    the proxy that looks names up and connects: then addresses are the proxy's to restrict, and its own is not.

    Args:
        user_agent: The User-Agent to send, in place of ``kmvalidate/<version>``.

    Raises:
        ConfigurationError: *user_agent* cannot be sent.
    """

    def __init__(self, user_agent: str | None = None) -> None:
        self._sending = Sending(user_agent)

    def prepare(self) -> None:
        """
        Import what sending takes, rather than with the first exchange.

        A process that is forked in the middle of an import can never finish it.
        """
        from kmvalidate.transport import _exchange, _why  # noqa: F401, PLC0415

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange.

        Args:
            request: What to ask, of whom, for how long.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap.

            ConfigurationError: The request must not be sent: its method, URL, header fields or TLS files.
        """
        from kmvalidate.transport._exchange import exchange  # noqa: PLC0415

        return run(self._sending.send(request, exchange))
