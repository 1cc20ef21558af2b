"""
Keys as they are at one moment, and what keeps them.

Rules kept here: whoever reads takes the current snapshot without a lock; it is never changed, only replaced. A key that
was dropped by hand does not come back.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import attrs

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.events import Health, KeysFetched, Status
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.discovery import Published
    from kmvalidate.key_bars import Bars
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet
    from kmvalidate.key_sources import Freshness
    from kmvalidate.ports import Ports

_log = logging.getLogger("kmvalidate.keys")
_REPLACING = OwnLock()
_AT_A_TIME = 32


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

        number: Which fetch of these keys it came from; 0 if it came from none.
    """

    key_set: KeySet
    fetched_at: float = 0.0
    soft_at: float = float("inf")
    idle_at: float = float("inf")
    hard_at: float = float("inf")
    number: int = 0

    @classmethod
    def dated(
        cls, published: Published, freshness: Freshness, began: float, spread: float, number: int = 0
    ) -> Snapshot:
        """
        Return the snapshot of what a fetch brought.

        Args:
            published: What it brought.

            freshness: For how long that may be used.

            began: When it began, on the monotonic clock.

            spread: A number of 0 to 1, which makes the soft TTLs of many issuers fall apart.

            number: Which fetch of these keys it was.
        """
        soft_s = freshness.ttl_s(published.max_age_s) * (1 + freshness.jitter * (2 * spread - 1))
        soft_s = min(soft_s, freshness.hard_ttl_s)
        return cls(
            published.key_set,
            fetched_at=began,
            soft_at=began + soft_s,
            idle_at=began + freshness.idle_factor * soft_s,
            hard_at=began + freshness.hard_ttl_s,
            number=number,
        )


class KeySource(Protocol):
    """
    Where a key manager's keys come from.

    Its *snapshot* may be used as it is before its ``soft_at``; after that `ready` tells.
    """

    @property
    def snapshot(self) -> Snapshot | None:
        """The keys as they are, None if there are none."""
        ...  # pragma: no cover

    def ready(self, ports: Ports, /) -> Snapshot | None:
        """Return keys that may be used now, without waiting; None if there are none."""
        ...  # pragma: no cover

    def begin(self, ports: Ports, /) -> None:
        """Let the keys be fetched, if they are not here or due, without waiting."""
        ...  # pragma: no cover

    async def wait(self, ports: Ports, /) -> Snapshot:
        """Return keys that may be used now, waiting for them if need be; or raise KeyManagerUnavailable."""
        ...  # pragma: no cover

    async def newer(self, seen: Snapshot, missing: str, ports: Ports, /) -> Snapshot:
        """Return newer keys than *seen*, which lack *missing*, or *seen*; or raise KeyManagerUnavailable."""
        ...  # pragma: no cover

    async def refresh(self, ports: Ports, /) -> None:
        """Fetch the keys now, whatever was fetched before; or raise KeyManagerUnavailable."""
        ...  # pragma: no cover

    def bar(self, bars: Bars, /) -> None:
        """Use no key from now on that *bars* bars."""
        ...  # pragma: no cover

    def drop_keys(self) -> None:
        """Forget the keys that were fetched."""
        ...  # pragma: no cover

    def health(self, ports: Ports, /) -> Health:
        """Tell how the keys are."""
        ...  # pragma: no cover


async def fetch_all(sources: Iterable[KeySource], ports: Ports) -> None:
    """Wait until each of *sources* has its keys or failed to fetch them; at most 32 fetch at a time."""
    begun: deque[KeySource] = deque()
    for source in sources:
        source.begin(ports)
        begun.append(source)
        if len(begun) == _AT_A_TIME:
            await _settled(begun.popleft(), ports)
    for source in begun:
        await _settled(source, ports)


async def _settled(source: KeySource, ports: Ports) -> None:
    with suppress(KeyManagerUnavailable):  # its health says so
        await source.wait(ports)


def fetched_event(manager: KeyManager, after: Snapshot, before: KeySet | None) -> KeysFetched:
    """Return the event of keys of *manager* that were fetched, where *before* is what there was."""
    return KeysFetched(
        added=names_missing(before, after.key_set),
        removed=names_missing(after.key_set, before),
        fresh_for_s=after.soft_at - after.fetched_at,
        **manager.identity,
    )


def names_missing(key_set: KeySet | None, other: KeySet | None) -> tuple[str, ...]:
    """Return what people call the keys that *other* has and *key_set* has not, be it under that name."""
    known = frozenset(key_set.keys if key_set else ())
    return tuple(dict.fromkeys(key.name for key in (other.keys if other else ()) if key not in known))


def report_skipped(name: str, key_set: KeySet, before: KeySet | None) -> None:
    """
    Log why keys of the key manager *name* were not used, or not wholly; once, until it is something else.

    Keys for encryption lie beside the others in many sets, so only a private key among them is a warning.
    """
    for skip in key_set.skipped if before is None or before.skipped != key_set.skipped else ():
        level = logging.WARNING if skip.key_used else logging.INFO
        _log.log(level, "key manager %s: key %s (entry %d): %s", name, skip.kid or "without kid", skip.place, skip.why)


class FixedKeys:
    """
    A `KeySource` of keys that nothing but a drop changes.

    Args:
        manager: Whose keys.

        key_set: The keys.

    """

    __slots__ = ("_manager", "snapshot")

    def __init__(self, manager: KeyManager, key_set: KeySet) -> None:
        self._manager = manager
        self.snapshot = Snapshot(key_set)
        report_skipped(manager.name, key_set, None)

    def ready(self, _: Ports, /) -> Snapshot:
        """Return the keys."""
        return self.snapshot

    def begin(self, _: Ports, /) -> None:
        """Do nothing: they are here."""

    async def wait(self, _: Ports, /) -> Snapshot:
        """Return the keys."""
        return self.snapshot

    async def newer(self, _seen: Snapshot, _missing: str, _: Ports, /) -> Snapshot:
        """Return the keys."""
        return self.snapshot

    async def refresh(self, _: Ports, /) -> None:
        """Do nothing: there is nothing to fetch."""

    def bar(self, bars: Bars, /) -> None:
        """See `KeySource.bar`."""
        with _REPLACING:
            self.snapshot = Snapshot(bars.applied_to(self.snapshot.key_set))

    def drop_keys(self) -> None:
        """Do nothing: they are configuration, and replacing the key manager replaces them."""

    def health(self, _: Ports, /) -> Health:
        """Tell that they are fresh."""
        names = self.snapshot.key_set.names
        issuer = self._manager.issuer
        return Health(issuer=issuer, status=Status.FRESH, usable=bool(names), key_ids=names, **self._manager.identity)
