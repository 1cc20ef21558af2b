"""
Where a key manager is asked: its introspection and token endpoints.

Rules kept here: an endpoint comes from the configuration, or from the issuer's own document, held to the rules of
`kmvalidate.discovery`. One that was found is used for an hour, and for a day if it cannot be looked up again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.discovery import Exchange, allowed_origins, check_named, usable_url
from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.flights import Failed

if TYPE_CHECKING:
    from kmvalidate.flights import Flights
    from kmvalidate.introspection import Introspection
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Ports

_FRESH_S = 3600.0
_USED_S = 86_400.0
_RETRY_S = 30.0


@attrs.frozen
class _Found:
    """A document, where it was, when it is due again and until when it may be used, on the monotonic clock."""

    at: str
    document: dict[str, Any]
    due_at: float
    used_until: float


class Endpoints:
    """
    The endpoints of one key manager.

    Args:
        manager: The key manager.

        strategy: How it is asked.

        flights: The fetches under way.
    """

    def __init__(self, manager: KeyManager, strategy: Introspection, flights: Flights) -> None:
        self._manager = manager
        self._strategy = strategy
        self._flights = flights
        self._found: _Found | None = None
        self.network = manager.introspection_network

    def exchange(self, ends_at: float) -> Exchange:
        """Return how they are reached until *ends_at*, on the monotonic clock."""
        return Exchange(network=self.network, ends_at=ends_at, max_bytes=self._strategy.max_bytes)

    async def introspection(self, ends_at: float, ports: Ports) -> tuple[str, ...]:
        """
        Return where tokens are introspected, looking it up until *ends_at* if need be.

        Raises:
            KeyManagerUnavailable: The document cannot be had, or names no usable URL.
        """
        return self._strategy.endpoint or (await self._named("introspection_endpoint", ends_at, ports),)

    async def token(self, configured: str | None, ends_at: float, ports: Ports) -> str:
        """
        Return where tokens are obtained: at *configured*, or where the document says, looking it up until *ends_at*.

        Raises:
            KeyManagerUnavailable: As `introspection` does.
        """
        return configured or await self._named("token_endpoint", ends_at, ports)

    async def _named(self, name: str, ends_at: float, ports: Ports) -> str:
        found = await self._look(ends_at, ports)
        allowed = allowed_origins((*self._manager.document_issuers, found.at), self.network)
        aliases = found.document.get("mtls_endpoint_aliases")
        if self._strategy.needs_certificate and isinstance(aliases, dict) and name in aliases:
            return usable_url(aliases, name, allowed, self.network)  # RFC 8705 section 5
        return usable_url(found.document, name, allowed, self.network)

    async def _look(self, ends_at: float, ports: Ports) -> _Found:
        found, now = self._found, ports.clock.monotonic()
        if found is not None and now < found.due_at:
            return found
        usable = found if found is not None and now < found.used_until else None
        left_s = ends_at - now if usable is None else (ends_at - now) / 2  # the rest is for asking
        flight = self._flights.launch((self, "document"), partial(self._fetch, now + left_s), ports, left_s)
        outcome = await flight.outcome(ports)
        if not isinstance(outcome, Failed):
            return outcome.value
        if usable is None:
            raise KeyManagerUnavailable(outcome.why)
        self._found = attrs.evolve(usable, due_at=now + _RETRY_S)
        return usable

    async def _fetch(self, ends_at: float, ports: Ports) -> _Found:
        now = ports.clock.monotonic()
        at, document = await self.exchange(ends_at).get_first(self._manager.discovery_urls(), ports)
        check_named(document, self._manager.document_issuers)
        self._found = found = _Found(at, document, now + _FRESH_S, now + _USED_S)
        return found
