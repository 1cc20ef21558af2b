"""
Asks the introspection endpoints of one key manager (RFC 7662).

Rules kept here: a token goes into the body of a POST and nowhere else, to an address of the configuration or of the
issuer's own document. An answer has status 200 and the one media type that was asked for. Of several endpoints one that
failed is asked last for a while; they share the deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.asking import Unanswered, form_request, media_type, told_of, unanswered
from kmvalidate.client_auth import ClientCredentials
from kmvalidate.discovery import as_object
from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.introspecting._answers import checked_answer
from kmvalidate.introspecting._bearer import BearerTokens
from kmvalidate.introspecting._endpoints import Endpoints
from kmvalidate.introspecting._signed import ANSWER_TYPE, read_signed

if TYPE_CHECKING:
    from kmvalidate.client_auth import Attachment
    from kmvalidate.discovery import Exchange
    from kmvalidate.flights import Flights
    from kmvalidate.introspection import Introspection
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import HttpResponse, Ports

_OK = 200
_REFUSED = {401, 403}  # django-oauth-toolkit says the latter of a token that it does not know
_WHAT = "introspection endpoint"
_MAX_DOUBLINGS = 16


@attrs.frozen
class _Failure:
    """How often an endpoint failed, each time after it was left alone, and until when it is, on the monotonic clock."""

    count: int
    until: float


_NEVER = _Failure(0, float("-inf"))


class IntrospectionClient:
    """
    Asks about tokens of one key manager.

    Args:
        manager: The key manager.

        strategy: How it is asked.

        source: Its keys, which verify signed answers.

        flights: The fetches under way.
    """

    def __init__(self, manager: KeyManager, strategy: Introspection, source: KeySource, flights: Flights) -> None:
        self._manager = manager
        self._strategy = strategy
        self._source = source
        self._issuer = manager.document_issuers[-1]
        self._media_type = f"application/{ANSWER_TYPE}" if strategy.signed else "application/json"
        self._endpoints = Endpoints(manager, strategy, flights)
        self._bearer: BearerTokens | None = None
        if isinstance(strategy.client, ClientCredentials):
            self._bearer = BearerTokens(strategy.client, self._issuer, self._endpoints, flights)
        self._failed: dict[str, _Failure] = {}

    async def ask(self, token: str, ports: Ports, /) -> dict[str, Any]:
        """
        Return what an endpoint answers.

        Args:
            token: The token.

            ports: What reaches the world.

        Raises:
            KeyManagerUnavailable: None answers as it should.
        """
        ends_at = ports.clock.monotonic() + self._strategy.deadline_s
        urls = self._in_order(await self._endpoints.introspection(ends_at, ports), ports)
        if self._bearer is not None:
            await self._bearer.current(ends_at, ports)  # without it no endpoint is to blame
        flaws: list[Unanswered] = []
        for place, url in enumerate(urls):
            began = ports.clock.monotonic()
            exchange = self._endpoints.exchange(began + (ends_at - began) / (len(urls) - place))
            outcome = await self._outcome(url, token, exchange, ports)
            if not isinstance(outcome, Unanswered):
                self._failed.pop(url, None)
                return outcome
            flaws.append(outcome)
            self._remember_failure(url, outcome, began, ports)
            if not outcome.is_outage and not outcome.wait_s:
                break  # it is about the token, and another one would say the same
        flaw = min(flaws, key=lambda flaw: (flaw.wait_s, flaw.is_outage))  # one that is there speaks for all
        raise Unanswered(flaw.why, is_outage=flaw.is_outage, wait_s=flaw.wait_s)  # not *flaw*: this frame holds it

    def _in_order(self, urls: tuple[str, ...], ports: Ports) -> list[str]:
        now = ports.clock.monotonic()
        return sorted(urls, key=lambda url: now < self._failed.get(url, _NEVER).until)

    def _remember_failure(self, url: str, flaw: Unanswered, began: float, ports: Ports) -> None:
        if not flaw.is_outage and not flaw.wait_s:
            return
        last = self._failed.get(url, _NEVER)
        is_new = began >= last.until  # else it was asked while it was known to fail
        backoff_s = min(2.0 ** min(last.count, _MAX_DOUBLINGS), self._strategy.max_backoff_s) if is_new else 0.0
        until = ports.clock.monotonic() + max(backoff_s, flaw.wait_s)
        self._failed[url] = _Failure(last.count + is_new, max(last.until, until))

    async def _outcome(self, url: str, token: str, exchange: Exchange, ports: Ports) -> dict[str, Any] | Unanswered:
        """Return the answer, or why there is none: as a new value, in whose frames there is no token."""
        try:
            return await self._answer(url, token, exchange, ports)
        except Unanswered as error:
            return Unanswered(error.why, is_outage=error.is_outage, wait_s=error.wait_s)
        except KeyManagerUnavailable as error:
            return Unanswered(error.why)

    async def _answer(self, url: str, token: str, exchange: Exchange, ports: Ports) -> dict[str, Any]:
        who = await self._who(url, exchange, ports)
        response = await self._asked(url, token, who, exchange, ports)
        if response.status in _REFUSED and self._bearer is not None and self._bearer.forget(who, ports):
            who = await self._who(url, exchange, ports)
            response = await self._asked(url, token, who, exchange, ports)
        if response.status != _OK:
            raise unanswered(_WHAT, response)
        if media_type(response) != self._media_type:
            raise Unanswered(f"{_WHAT}: its answer is not {self._media_type}")
        if not self._strategy.signed:
            return checked_answer(as_object(response, _WHAT))
        client_id = getattr(self._strategy.client, "client_id", None)
        return checked_answer(await read_signed(response.body, self._manager, self._source, client_id, ports))

    async def _asked(self, url: str, token: str, who: Attachment, exchange: Exchange, ports: Ports) -> HttpResponse:
        hint = {"token_type_hint": self._strategy.token_type_hint} if self._strategy.token_type_hint else {}
        form = {**self._strategy.parameters, **hint, **who.form, "token": token}
        request = form_request(url, form, {**who.headers, "accept": self._media_type})
        try:
            return await exchange.send(request, ports)
        except KeyManagerUnavailable as error:
            flaw = told_of(error, request)
        raise flaw

    async def _who(self, url: str, exchange: Exchange, ports: Ports) -> Attachment:
        if self._bearer is not None:
            return await self._bearer.current(exchange.ends_at, ports)
        client: Any = self._strategy.client
        attached: Attachment = client.attach(endpoint=url, issuer=self._issuer, now=ports.clock.wall())
        return attached
