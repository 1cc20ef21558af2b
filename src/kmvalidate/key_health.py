"""
How fetching a key manager's keys goes: failures in a row, and its health.

Rules kept here: everything is a plain function of its arguments, time included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.events import Health, Status

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_snapshots import Snapshot
    from kmvalidate.key_sources import Freshness
    from kmvalidate.ports import Clock

_MAX_DOUBLINGS = 16


@attrs.frozen
class Failures:
    """
    The fetches in a row that have failed.

    Args:
        count: How many.

        why: What went wrong with the last one.

        retry_at: When the next may be tried, on the monotonic clock.
    """

    count: int = 0
    why: str = "its keys could not be fetched in time"
    retry_at: float = float("-inf")

    def and_another(self, why: str, now: float, spread: float, freshness: Freshness) -> Failures:
        """Return them with one more, of *now*: each doubles the wait for the next, up to the longest."""
        backoff_s = min(2.0 ** min(self.count, _MAX_DOUBLINGS), freshness.max_backoff_s)
        return Failures(self.count + 1, why, now + backoff_s * (1 - freshness.jitter * spread))


NO_FAILURES = Failures()


def health_of(manager: KeyManager, snapshot: Snapshot | None, failures: Failures, clock: Clock) -> Health:
    """Tell how the keys of *manager* are, as far as they were fetched."""
    now = clock.monotonic()
    usable = snapshot is not None and now < snapshot.hard_at and bool(snapshot.key_set.keys)
    stale_s = now - snapshot.soft_at if snapshot is not None else -1.0
    is_stale = stale_s >= 0
    if failures.count >= (manager.keys.freshness.breaker_failures if usable else 1):
        status = Status.UNREACHABLE
    elif snapshot is None:
        status = Status.UNFETCHED
    else:
        status = Status.STALE if is_stale else Status.FRESH
    return Health(
        issuer=manager.issuer,
        status=status,
        usable=usable,
        key_ids=snapshot.key_set.names if snapshot else (),
        stale_since=clock.wall() - stale_s if is_stale else None,
        failures=failures.count,
        why=failures.why if failures.count else None,
        **manager.identity,
    )
