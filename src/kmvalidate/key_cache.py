"""
The keys of one key manager, kept fresh.

Rules kept here: keys are fetched when first needed and again after their soft TTL, in the background; a failed fetch
changes nothing but the back-off; after the hard TTL they are not used. An unknown key id causes one fetch in the same
request, at most one in a cool-down; a bad signature never does. Readers take the current snapshot without a lock; a
fetched set replaces it whole, unless it is older than what is known or than a drop by hand.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.events import (
    KeyManagerReachable,
    KeyManagerUnreachable,
    KeysExpired,
    KeysNotFetched,
    tell,
)
from kmvalidate.flights import Failed, Fetched, why
from kmvalidate.key_bars import NO_BARS
from kmvalidate.key_fetching import fetch_keys
from kmvalidate.key_health import NO_FAILURES, health_of
from kmvalidate.key_snapshots import Snapshot, fetched_event, report_skipped
from kmvalidate.key_sources import StaticKeys
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.discovery import Published
    from kmvalidate.events import Health, Listener
    from kmvalidate.flights import Flight, Flights
    from kmvalidate.key_bars import Bars
    from kmvalidate.key_health import Failures
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet
    from kmvalidate.ports import Ports

_TRIES = 3
_NEVER = float("-inf")
_NOTHING: Mapping[str, float] = {}
_WRITING = OwnLock()  # one for all: it is held for moments only
_MAX_KID_CHARS = 256


class KeyCache:
    """
    A `KeySource` of keys that are fetched, or read from files.

    Args:
        manager: Whose keys.

        flights: The fetches under way.

        spread: Returns a number of 0 to 1; makes the soft TTLs of many issuers fall apart.

        listener: What is told what happens.
    """

    __slots__ = (
        *("_asked", "_bars", "_failures", "_fetches", "_flights", "_forced_at", "_freshness", "_listener", "_manager"),
        *("snapshot", "_landed_in", "_oldest_round", "_round", "_spread", "_told_expired"),
    )

    def __init__(
        self,
        manager: KeyManager,
        flights: Flights,
        spread: Callable[[], float] = random.random,
        listener: Listener | None = None,
    ) -> None:
        self._manager = manager
        self._freshness = manager.keys.freshness
        self._flights = flights
        self._spread = spread
        self._listener = listener
        self.snapshot: Snapshot | None = None
        self._told_expired: Snapshot | None = None
        self._failures = NO_FAILURES
        self._forced_at = _NEVER
        self._asked: Mapping[str, float] = _NOTHING
        self._bars = NO_BARS
        self._round = self._oldest_round = self._landed_in = self._fetches = 0

    def begin_with(self, published: Published, now: float) -> None:
        """Take keys that are at hand at *now*, on the monotonic clock; the first who uses them waits for a fetch."""
        dated = Snapshot.dated(published, self._freshness, now, 0.5)
        self.snapshot = attrs.evolve(dated, soft_at=now, idle_at=now)
        report_skipped(self._manager.name, published.key_set, None)

    def ready(self, ports: Ports, /) -> Snapshot | None:
        """
        Return the keys if they may be used without waiting; when they are due, let them be fetched in the background.

        After a long idle time one request has to wait for that; those that come meanwhile do not.
        """
        snapshot, now = self.snapshot, ports.clock.monotonic()
        if snapshot is None or now < snapshot.soft_at:
            return snapshot
        if not now < snapshot.hard_at:
            self._tell_expired(snapshot)
            return None
        if snapshot.idle_at <= snapshot.fetched_at and not self._failures.count:
            return None  # files that were not read since they were configured or dropped: everybody waits for that
        if now >= self._failures.retry_at and self._find(ports) is None:
            if now >= snapshot.idle_at and not self._failures.count:
                return None
            self._launch(ports, self._is_due)
        return snapshot

    def begin(self, ports: Ports, /) -> None:
        """Let the keys be fetched, if they are not here or due, without waiting."""
        self._launch_if_due(ports)

    async def wait(self, ports: Ports, /) -> Snapshot:
        """
        Return keys that may be used, waiting for a fetch if one is under way or due.

        Raises:
            KeyManagerUnavailable: They could not be fetched.
        """
        for _ in range(_TRIES):
            begun_in = self._round
            flight = self._find(ports) or self._launch_if_due(ports)
            if flight is not None:
                await self._land(flight, ports)
            snapshot = self.snapshot
            if snapshot is not None and ports.clock.monotonic() < snapshot.hard_at:
                return snapshot
            if begun_in == self._round:  # else somebody dropped the keys meanwhile, and what has landed with them
                break
        raise self._unavailable(ports)

    async def newer(self, seen: Snapshot, missing: str, ports: Ports, /) -> Snapshot:
        """
        Return keys fetched after *seen*, which lack *missing*; *seen* itself if they were fetched within the cool-down.

        Raises:
            KeyManagerUnavailable: They should be fetched and could not be.
        """
        now, cooldown_s = ports.clock.monotonic(), self._freshness.cooldown_s
        if self._is_latest(seen) and now >= max(seen.fetched_at + cooldown_s, self._asked.get(missing, _NEVER)):
            flight = self._find(ports)
            if flight is None or (isinstance(await self._land(flight, ports), Fetched) and self._is_latest(seen)):
                flight = self._forced(seen, now, ports)  # none was under way, or one that had nothing to do
                if flight is not None:
                    await self._land(flight, ports)
            if self._is_latest(seen):
                raise self._unavailable(ports, self._forced_at + cooldown_s)
            self._remember_asked(missing, now)
        return self.snapshot or await self.wait(ports)

    async def refresh(self, ports: Ports, /) -> None:
        """
        Fetch the keys now, whatever the cool-down, the back-off and fetches under way.

        Raises:
            KeyManagerUnavailable: They could not be fetched; those there were stay.
        """
        with _WRITING:
            self._round = mine = self._round + 1
        while self._landed_in < mine:  # it may share a flight that had nothing to do
            if isinstance(await self._land(self._launch(ports, lambda _: True), ports), Failed):
                raise self._unavailable(ports)

    def bar(self, bars: Bars, /) -> None:
        """Use no key that *bars* bars, from now on, even if it is published again."""
        with _WRITING:
            self._bars, before = bars, self.snapshot
            if before is not None:
                self.snapshot = attrs.evolve(before, key_set=bars.applied_to(before.key_set))

    def drop_keys(self) -> None:
        """Forget the keys, and what is being fetched; they are fetched anew, and those of files read, when needed."""
        with _WRITING:
            self._round += 1
            self._oldest_round = self._round
            self._asked, self._failures = _NOTHING, NO_FAILURES
            before, is_pinned = self.snapshot, isinstance(self._manager.keys, StaticKeys)
            due_at = before.fetched_at if before else _NEVER
            self.snapshot = attrs.evolve(before, soft_at=due_at, idle_at=due_at) if before and is_pinned else None

    def health(self, ports: Ports, /) -> Health:
        """Tell how the keys are."""
        return health_of(self._manager, self.snapshot, self._failures, ports.clock)

    def _key(self, begun_in: int) -> tuple[object, ...]:
        return (id(self), self._manager.organization, self._manager.name, self._manager.issuer, "keys", begun_in)

    def _find(self, ports: Ports) -> Flight[None] | None:
        return self._flights.find(self._key(self._round), ports)

    def _launch(self, ports: Ports, is_due: Callable[[float], bool]) -> Flight[None]:
        begun_in = self._round
        work = partial(self._fetch, begun_in, is_due)
        return self._flights.launch(self._key(begun_in), work, ports, self._freshness.deadline_s)

    def _launch_if_due(self, ports: Ports) -> Flight[None] | None:
        return self._launch(ports, self._is_due) if self._is_due(ports.clock.monotonic()) else None

    def _is_due(self, now: float) -> bool:
        snapshot = self.snapshot
        return (snapshot is None or now >= snapshot.soft_at) and now >= self._failures.retry_at

    def _forced(self, seen: Snapshot, now: float, ports: Ports) -> Flight[None] | None:
        """Launch a fetch if the cool-down allows one; another caller may have done so just now, and said it after."""
        if now < max(self._forced_at + self._freshness.cooldown_s, self._failures.retry_at):
            return self._find(ports)
        flight = self._launch(ports, lambda now: self._is_latest(seen) and now >= self._failures.retry_at)
        self._forced_at = now
        return flight

    def _remember_asked(self, missing: str, now: float) -> None:
        """Remember which key id a fetch was made for: if it did not bring it, another would not soon."""
        if len(missing) <= _MAX_KID_CHARS:
            with _WRITING:
                asked = self._asked if len(self._asked) < self._freshness.max_unknown_kids else _NOTHING
                self._asked = {**asked, missing: now + self._freshness.unknown_kid_ttl_s}

    async def _land(self, flight: Flight[None], ports: Ports) -> object:
        begun_in = self._round
        outcome = await flight.outcome(ports)
        if isinstance(outcome, Failed) and not outcome.flown:  # it never flew, or never came back: nobody else tells
            self._failed(outcome.why, flight.started_at, begun_in, ports, given_up=True)
        return outcome

    async def _fetch(self, begun_in: int, is_due: Callable[[float], bool], ports: Ports) -> None:
        began = ports.clock.monotonic()
        if not is_due(began):  # another landed between the caller's look and this launch
            return
        try:
            published = await fetch_keys(self._manager, ports)
        except BaseException as error:
            self._failed(why(error), began, begun_in, ports)
            raise
        self._keep(published, began, begun_in)

    def _keep(self, published: Published, began: float, begun_in: int) -> None:
        with _WRITING:
            if not self._is_news(began, begun_in):
                return
            self._oldest_round = self._landed_in = begun_in  # an earlier one has nothing to say any more
            before = self.snapshot.key_set if self.snapshot else None
            key_set = self._bars.applied_to(published.key_set)
            if before is not None and before == key_set:
                key_set = before  # the same object: what was learnt and remembered with it lives on
            else:
                self._asked = _NOTHING
            published = attrs.evolve(published, key_set=key_set)
            self._fetches += 1
            self.snapshot = after = Snapshot.dated(published, self._freshness, began, self._spread(), self._fetches)
            failures, self._failures = self._failures, NO_FAILURES
        self._tell_fetched(after, before, failures)

    def _failed(self, said: str, began: float, begun_in: int, ports: Ports, *, given_up: bool = False) -> None:
        with _WRITING:
            now = ports.clock.monotonic()
            if not self._is_news(began, begun_in) or (given_up and now < self._failures.retry_at):
                return  # it does not count any more, or another caller has told
            failures = self._failures = self._failures.and_another(said, now, self._spread(), self._freshness)
        retry_in_s = failures.retry_at - now
        tell(
            self._listener,
            KeysNotFetched(why=said, failures=failures.count, retry_in_s=retry_in_s, **self._manager.identity),
        )
        if failures.count == self._freshness.breaker_failures:
            tell(self._listener, KeyManagerUnreachable(why=said, **self._manager.identity))

    def _is_news(self, began: float, begun_in: int) -> bool:
        """Tell whether what began then is not older than what is known: a flight that was given up may still land."""
        return begun_in >= self._oldest_round and (self.snapshot is None or self.snapshot.fetched_at <= began)

    def _is_latest(self, seen: Snapshot) -> bool:
        """Tell whether nothing was fetched since *seen*, of which keys may have been barred."""
        return self.snapshot is not None and self.snapshot.number == seen.number

    def _tell_fetched(self, after: Snapshot, before: KeySet | None, failures: Failures) -> None:
        report_skipped(self._manager.name, after.key_set, before)
        if failures.count >= self._freshness.breaker_failures:
            tell(self._listener, KeyManagerReachable(**self._manager.identity))
        tell(self._listener, fetched_event(self._manager, after, before))

    def _tell_expired(self, snapshot: Snapshot) -> None:
        with _WRITING:
            is_new, self._told_expired = self._told_expired is not snapshot, snapshot
        if is_new:
            tell(self._listener, KeysExpired(**self._manager.identity))

    def _unavailable(self, ports: Ports, not_before: float = _NEVER) -> KeyManagerUnavailable:
        left_s = max(max(self._failures.retry_at, not_before) - ports.clock.monotonic(), 1.0)
        return KeyManagerUnavailable(self._failures.why, key_manager=self._manager.name, retry_after_s=left_s)
