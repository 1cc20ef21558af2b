"""
What every transport does before an exchange, and with how it ended.

Rules kept here:

- Every exchange ends within its deadline and its cap, and it ends in an `HttpResponse`, in `KeyManagerUnavailable`
  or, when it must not even be tried, in `ConfigurationError`.
- What failed below is dropped where it is caught: no error of ours leads to one whose frames hold a token.
- Nothing outlives an exchange but the TLS contexts, so nothing can be broken by a fork or by the end of an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import AnswerTooLarge
from kmvalidate.transport._asking import checked, checked_user_agent, headers_of
from kmvalidate.transport._guard import Guard
from kmvalidate.transport._tls import TlsContexts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any, TypeAlias

    from kmvalidate.ports import HttpRequest, HttpResponse

    _Failure: TypeAlias = tuple[type[KeyManagerUnavailable], str]

    # The request, its complete header fields, the TLS context to use, the guard.
    Exchange: TypeAlias = Callable[
        [HttpRequest, Mapping[str, str], ssl.SSLContext, Guard], Coroutine[Any, Any, HttpResponse]
    ]


class Sending:
    """
    What a transport knows from one exchange to the next.

    Args:
        user_agent: The User-Agent to send, in place of ``kmvalidate/<version>``.

    Raises:
        ConfigurationError: *user_agent* cannot be sent.
    """

    def __init__(self, user_agent: str | None) -> None:
        self._user_agent = checked_user_agent(user_agent)
        self._contexts = TlsContexts()

    async def send(self, request: HttpRequest, exchange: Exchange) -> HttpResponse:
        """
        Do one exchange.

        Args:
            request: What to ask, of whom, for how long.

            exchange: What does it.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap; beyond the cap it is
                `AnswerTooLarge`.

            ConfigurationError: The request must not be sent: its method, URL, header fields or TLS files.
        """
        host = checked(request).hostname
        outcome = await self._outcome(request, exchange)
        if isinstance(outcome, tuple):
            kind, sentence = outcome
            raise kind(f"{host}: {sentence}") from None
        return outcome

    async def _outcome(self, request: HttpRequest, exchange: Exchange) -> HttpResponse | _Failure:
        """Return the answer, or as what error there is none and why."""
        # Imported late: it knows the errors of urllib3.
        from kmvalidate.transport._why import is_too_large, why  # noqa: PLC0415

        headers = headers_of(request, self._user_agent)
        guard = Guard(request.deadline_s, request.max_bytes)
        try:
            return await exchange(request, headers, self._contexts.of(request.network), guard)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the bytes that came in
            return (AnswerTooLarge if is_too_large(error) else KeyManagerUnavailable), why(error)
