"""
The keys of one key manager, kept fresh.

Rules kept here: keys are fetched when first needed and again after their soft TTL, in the
background; a failed fetch changes nothing but the back-off; after the hard TTL they are not used. An unknown key id
causes one fetch in the same request, at most one in a cool-down; a bad signature never does. Readers take the current
snapshot without a lock; a fetched set replaces it whole.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Protocol

import attrs

from kmvalidate.discovery import Exchange, jwks_uri
from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.flights import Failed, why

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.flights import Flight, Flights
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet
    from kmvalidate.key_sources import RemoteKeys
    from kmvalidate.ports import Ports

_JITTER = 0.1

_log = logging.getLogger("kmvalidate.keys")


@attrs.frozen(eq=False)
class Snapshot:
    """
    A key set as it was at one time.

    Args:
        key_set: The keys.

        fetched_at: When its fetch began, on the monotonic clock.

        soft_at: When it should be fetched again.

        idle_at: When the first request waits for that fetch: nobody has asked for so long that nothing was fetched.

        hard_at: When it may no longer be used.
    """

    key_set: KeySet
    fetched_at: float = 0.0
    soft_at: float = float("inf")
    idle_at: float = float("inf")
    hard_at: float = float("inf")


class KeySource(Protocol):
    """Where a key manager's keys come from."""

    def ready(self, ports: Ports, /) -> Snapshot | None:
        """Return keys that may be used now, without waiting; None if there are none."""
        ...  # pragma: no cover

    async def wait(self, ports: Ports, /) -> Snapshot:
        """Return keys that may be used now, waiting for them if need be; or raise KeyManagerUnavailable."""
        ...  # pragma: no cover

    async def newer(self, seen: Snapshot, ports: Ports, /) -> Snapshot:
        """Return newer keys than *seen*, or *seen* if there can be none; or raise KeyManagerUnavailable."""
        ...  # pragma: no cover


def report_skipped(name: str, key_set: KeySet, before: KeySet | None) -> None:
    """
    Log why keys of the key manager *name* were not used, or not wholly; once, until it is something else.

    Keys for encryption lie beside the others in many sets, so only a private key among them is a warning.
    """
    for skip in key_set.skipped if before is None or before.skipped != key_set.skipped else ():
        level = logging.WARNING if skip.key_used else logging.INFO
        _log.log(level, "key manager %s: key %s (entry %d): %s", name, skip.kid or "without kid", skip.place, skip.why)


class FixedKeys:
    """A `KeySource` of keys that never change."""

    def __init__(self, name: str, key_set: KeySet) -> None:
        self._snapshot = Snapshot(key_set)
        report_skipped(name, key_set, None)

    def ready(self, _: Ports, /) -> Snapshot:
        """Return the keys."""
        return self._snapshot

    async def wait(self, _: Ports, /) -> Snapshot:
        """Return the keys."""
        return self._snapshot

    async def newer(self, seen: Snapshot, _: Ports, /) -> Snapshot:
        """Return *seen*."""
        return seen


class KeyCache:
    """
    A `KeySource` of keys that are fetched.

    Args:
        manager: Whose keys.

        source: Its `RemoteKeys`.

        flights: The fetches under way.

        spread: Returns a number of 0 to 1; makes the soft TTLs of many issuers fall apart.
    """

    def __init__(
        self,
        manager: KeyManager,
        source: RemoteKeys,
        flights: Flights,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._manager = manager
        self._source = source
        self._flights = flights
        self._spread = spread
        self._snapshot: Snapshot | None = None
        self._failures = 0
        self._retry_at = float("-inf")
        self._forced_at = float("-inf")
        self._why = "its keys could not be fetched in time"

    def ready(self, ports: Ports, /) -> Snapshot | None:
        """
        Return the keys if they may be used without waiting; when they are due, let them be fetched in the background.

        After twice the soft TTL one request has to wait for that; those that come meanwhile do not.
        """
        snapshot, now = self._snapshot, ports.clock.monotonic()
        if snapshot is None or not now < snapshot.hard_at:
            return None
        if now >= snapshot.soft_at and now >= self._retry_at:
            if now >= snapshot.idle_at and self._flights.find(self._key, ports) is None:
                return None
            self._launch(ports)
        return snapshot

    async def wait(self, ports: Ports, /) -> Snapshot:
        """
        Return keys that may be used, waiting for a fetch if one is under way or due.

        Raises:
            KeyManagerUnavailable: They could not be fetched.
        """
        flight = self._flights.find(self._key, ports)
        if flight is None and self._is_due(ports.clock.monotonic()):
            flight = self._launch(ports)
        if flight is not None:
            await self._land(flight, ports)
        snapshot = self._snapshot
        if snapshot is None or not ports.clock.monotonic() < snapshot.hard_at:
            raise self._unavailable(ports)
        return snapshot

    async def newer(self, seen: Snapshot, ports: Ports, /) -> Snapshot:
        """
        Return keys fetched after *seen*, which lack one; *seen* itself if they were fetched within the cool-down.

        Raises:
            KeyManagerUnavailable: They should be fetched and could not be.
        """
        now, cooldown_s = ports.clock.monotonic(), self._source.cooldown_s
        if self._snapshot is seen and now >= seen.fetched_at + cooldown_s:
            flight = self._flights.find(self._key, ports) or self._forced(now, ports)
            if flight is not None:
                await self._land(flight, ports)
            if self._snapshot is seen:
                raise self._unavailable(ports, self._forced_at + cooldown_s)
        return self._snapshot or seen

    def _forced(self, now: float, ports: Ports) -> Flight[None] | None:
        """Launch a fetch if the cool-down allows one; another caller may have done so just now, and said it after."""
        if now < max(self._forced_at + self._source.cooldown_s, self._retry_at):
            return self._flights.find(self._key, ports)
        flight = self._launch(ports)
        self._forced_at = now
        return flight

    @property
    def _key(self) -> object:
        return (id(self), self._manager.name, self._manager.issuer, "keys")

    def _launch(self, ports: Ports) -> Flight[None]:
        return self._flights.launch(self._key, self._refresh, ports, self._source.deadline_s)

    async def _land(self, flight: Flight[None], ports: Ports) -> None:
        outcome = await flight.outcome(ports)
        if isinstance(outcome, Failed) and self._is_news(flight.started_at):
            self._why = outcome.why
            if ports.clock.monotonic() >= self._retry_at:  # it never flew, or never came back: nobody else tells
                self._failed(ports, outcome.why)

    def _is_due(self, now: float) -> bool:
        return (self._snapshot is None or now >= self._snapshot.soft_at) and now >= self._retry_at

    async def _refresh(self, ports: Ports) -> None:
        began = ports.clock.monotonic()
        try:
            key_set = await self._fetch(ports, began)
        except BaseException as error:
            if self._is_news(began):
                self._failed(ports, why(error))
            raise
        if self._is_news(began):
            report_skipped(self._manager.name, key_set, self._snapshot.key_set if self._snapshot else None)
            self._failures, self._retry_at = 0, float("-inf")
            self._snapshot = self._dated(key_set, began)

    def _is_news(self, began: float) -> bool:
        """Tell whether what began then is not older than what is known: a flight that was given up may still land."""
        return self._snapshot is None or self._snapshot.fetched_at <= began

    def _dated(self, key_set: KeySet, began: float) -> Snapshot:
        hard_s = self._source.hard_ttl_s
        soft_s = min(self._source.soft_ttl_s * (1 + _JITTER * (2 * self._spread() - 1)), hard_s)
        return Snapshot(
            key_set, fetched_at=began, soft_at=began + soft_s, idle_at=began + 2 * soft_s, hard_at=began + hard_s
        )

    async def _fetch(self, ports: Ports, began: float) -> KeySet:
        source, manager = self._source, self._manager
        exchange = Exchange(network=source.network, ends_at=began + source.deadline_s, max_bytes=source.max_bytes)
        url = source.jwks_url
        if url is None:
            urls = source.discovery_urls(manager.issuer)
            found, document = await exchange.get_first(urls, ports)
            url = jwks_uri(document, manager.issuer, found, source.network)
        return await exchange.get_key_set(url, ports)

    def _failed(self, ports: Ports, said: str) -> None:
        self._failures += 1
        backoff_s = min(2.0 ** min(self._failures - 1, 16), self._source.max_backoff_s)
        self._retry_at = ports.clock.monotonic() + backoff_s * (1 - _JITTER * self._spread())
        self._why = said

    def _unavailable(self, ports: Ports, not_before: float = float("-inf")) -> KeyManagerUnavailable:
        left_s = max(max(self._retry_at, not_before) - ports.clock.monotonic(), 1.0)
        return KeyManagerUnavailable(self._why, key_manager=self._manager.name, retry_after_s=left_s)
