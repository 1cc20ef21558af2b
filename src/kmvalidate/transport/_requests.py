"""
The transport for blocking callers.

Rules kept here:

- Every exchange ends within its deadline and its cap, and it ends in an `HttpResponse`, in `KeyManagerUnavailable`
  or, when it must not even be tried, in `ConfigurationError`.
- What failed below is dropped where it is caught: no error of ours leads to one whose frames hold a token.
- Nothing outlives an exchange but the TLS contexts, so nothing can be broken by a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.transport._asking import checked, checked_user_agent, headers_of
from kmvalidate.transport._guard import Guard
from kmvalidate.transport._tls import TlsContexts

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
        self._user_agent = checked_user_agent(user_agent)
        self._contexts = TlsContexts()

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange.

        Args:
            request: What to ask, of whom, for how long.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap.

            ConfigurationError: The request must not be sent: its method, URL, header fields or TLS files.
        """
        host = checked(request).hostname
        outcome = self._outcome(request)
        if isinstance(outcome, str):
            raise KeyManagerUnavailable(f"{host}: {outcome}") from None
        return outcome

    def _outcome(self, request: HttpRequest) -> HttpResponse | str:
        """Return the answer, or why there is none."""
        # Imported late: whoever brings a transport of their own never needs requests.
        from kmvalidate.transport._exchange import exchange  # noqa: PLC0415
        from kmvalidate.transport._why import why  # noqa: PLC0415

        headers = headers_of(request, self._user_agent)
        guard = Guard(request.deadline_s, request.max_bytes)
        try:
            return exchange(request, headers, self._contexts.of(request.network), guard)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the bytes that came in
            return why(error)
