"""
The bearer token with which a key manager is asked, obtained by client credentials (RFC 6749 section 4.4) and renewed.

Rules kept here: it is renewed before it expires, and at once when it is refused; one that cannot be renewed is used
until it expires. Those who need it at the same time share one request. It is in no repr and no error.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import attrs

from kmvalidate.asking import Unanswered, form_request, told_of, unanswered
from kmvalidate.client_auth import Attachment
from kmvalidate.discovery import as_object
from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.flights import Failed

if TYPE_CHECKING:
    from kmvalidate.client_auth import ClientCredentials
    from kmvalidate.flights import Flights
    from kmvalidate.introspecting._endpoints import Endpoints
    from kmvalidate.ports import Ports

_OK = 200
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}={0,16}")  # RFC 6750 section 2.1, bounded
_USUAL_LIFE_S = 60.0
_LONGEST_LIFE_S = 86_400.0
_USED_SHARE = 0.8
_YOUNG_S = 10.0
_RETRY_S = 10.0


@attrs.frozen
class _Held:
    """A token, when it was obtained, when it is renewed and when it expires, on the monotonic clock."""

    attached: Attachment
    obtained_at: float
    due_at: float
    expires_at: float


class BearerTokens:
    """
    The token of one client.

    Args:
        client: Who obtains it, and where.

        issuer: The key manager's issuer.

        endpoints: The endpoints of the key manager.

        flights: The fetches under way.
    """

    def __init__(self, client: ClientCredentials, issuer: str, endpoints: Endpoints, flights: Flights) -> None:
        self._client = client
        self._issuer = issuer
        self._endpoints = endpoints
        self._flights = flights
        self._held: _Held | None = None

    async def current(self, ends_at: float, ports: Ports) -> Attachment:
        """
        Return what a request carries of the token, obtaining it until *ends_at* if need be.

        Raises:
            KeyManagerUnavailable: It cannot be obtained.
        """
        held, now = self._held, ports.clock.monotonic()
        if held is not None and now < held.due_at:
            return held.attached
        usable = held if held is not None and now < held.expires_at else None
        left_s = ends_at - now if usable is None else (ends_at - now) / 2  # the rest is for asking
        flight = self._flights.launch((self, "bearer"), partial(self._obtain, now + left_s), ports, left_s)
        outcome = await flight.outcome(ports)
        found = Unanswered(outcome.why) if isinstance(outcome, Failed) else outcome.value
        if isinstance(found, _Held):
            return found.attached
        if usable is None:
            raise Unanswered(found.why, wait_s=found.wait_s)
        self._held = attrs.evolve(usable, due_at=now + max(found.wait_s, _RETRY_S))
        return usable.attached

    def forget(self, refused: Attachment, ports: Ports) -> bool:
        """Forget a token that was refused; tell whether another may fare better: not one that was just obtained."""
        held = self._held
        if held is None or held.attached is not refused:
            return True  # somebody else saw that it is refused
        if ports.clock.monotonic() - held.obtained_at < _YOUNG_S:
            return False
        self._held = None
        return True

    async def _obtain(self, ends_at: float, ports: Ports) -> _Held | Unanswered:
        began = ports.clock.monotonic()
        url = await self._endpoints.token(self._client.token_endpoint, ends_at, ports)
        who = self._client.client.attach(endpoint=url, issuer=self._issuer, now=ports.clock.wall())
        scope = {"scope": self._client.scope} if self._client.scope else {}
        form = {"grant_type": "client_credentials", **scope, **who.form}
        request = form_request(url, form, {"accept": "application/json", **who.headers})
        try:
            response = await self._endpoints.exchange(ends_at).send(request, ports)
        except KeyManagerUnavailable as error:
            return told_of(error, request)
        if response.status != _OK:
            return unanswered("token endpoint", response)
        answer = as_object(response, "token endpoint")
        text, kind, lives_s = (answer.get(name) for name in ("access_token", "token_type", "expires_in"))
        if not isinstance(text, str) or not _TOKEN.fullmatch(text) or str(kind).lower() != "bearer":
            raise Unanswered("token endpoint: its answer has no bearer token")
        life_s = _life_s(lives_s)
        attached = Attachment({"authorization": f"Bearer {text}"}, {})
        self._held = held = _Held(attached, began, began + _USED_SHARE * life_s, began + life_s)
        return held


def _life_s(said: object) -> float:
    """RFC 6749 section 5.1; some say 0 or less of tokens that never expire."""
    is_number = isinstance(said, int | float) and not isinstance(said, bool) and said > 0
    return min(float(said), _LONGEST_LIFE_S) if is_number else _USUAL_LIFE_S  # type: ignore[arg-type]
