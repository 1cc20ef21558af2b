"""
When a provider that fails is left alone, and when it is tried again.

Rules kept here: failures in a row open the breaker, and one answer closes it. While it is open nobody is sent there;
then one caller at a time is, as a probe, and a probe that never comes back holds up the next for some seconds only.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

#: Most seconds for which an answer may keep everybody away.
MAX_HOLD_S = 60.0

_FIRST_BACKOFF_S = 1.0
_SPREAD = 0.1
_NEVER = float("-inf")


class Breaker:
    """
    What is known of one endpoint's health.

    Args:
        failures: How many calls in a row must fail before it opens.

        max_backoff_s: Longest time it stays open before the next probe; 1 second first, doubled with each failed probe.

        spread: Returns a number from 0 to 1: what part of a tenth each of these times is shorter.

        probe_s: Seconds after which a probe that was not heard of counts as lost, and the next caller is one.
    """

    __slots__ = (
        "_backoff_s",
        "_changed_at",
        "_failures",
        "_held_until",
        "_is_open",
        "_lock",
        "_max_backoff_s",
        "_most",
        "_probe_s",
        "_probe_until",
        "_retry_at",
        "_spread",
        "_whose",
    )

    def __init__(
        self,
        failures: int = 5,
        max_backoff_s: float = 30.0,
        spread: Callable[[], float] = random.random,
        probe_s: float = 10.0,
    ) -> None:
        self._most, self._max_backoff_s, self._spread, self._probe_s = failures, max_backoff_s, spread, probe_s
        self._lock = OwnLock()
        self._failures = 0
        self._whose: set[Hashable] = set()
        self._is_open = False
        self._backoff_s = 0.0
        self._changed_at = self._retry_at = self._probe_until = self._held_until = _NEVER

    @property
    def failures(self) -> int:
        """How many calls in a row failed, those that do not count left out."""
        return self._failures

    def is_open(self, now: float) -> bool:
        """Tell whether failures keep callers away at *now*; asking makes nobody the probe."""
        return self._is_open and now < max(self._retry_at, self._probe_until)

    def left_s(self, now: float) -> float:
        """Return the seconds for which nobody may call at *now*; asking makes nobody the probe."""
        return max(self._until() - now, 0.0)

    def wait_s(self, now: float, let_through_at: float | None = None) -> float:
        """
        Return 0.0 if the caller may call now, otherwise the seconds after which to ask again.

        Whoever gets 0.0 calls, and says how it ended, or that it did not call: it may be the probe others wait for.

        Args:
            now: The monotonic time.

            let_through_at: When the caller was let through and told to wait for its turn, if it was. What happened
                since then counts, but the probe does not wait for itself.
        """
        with self._lock:
            is_probe = self._is_probe(let_through_at)
            until = self._held_until if is_probe else self._until()
            if now < until:
                return until - now
            if self._is_open and not is_probe:
                self._changed_at, self._probe_until = now, now + self._probe_s
            return 0.0

    def not_called(self, let_through_at: float) -> None:
        """Note that whoever was let through then did not call after all: if it was the probe, the next caller is."""
        with self._lock:
            if self._is_probe(let_through_at):
                self._probe_until = _NEVER

    def failed(self, now: float, began_at: float | None = None, whose: Hashable = None) -> bool:
        """
        Count a call that failed, and tell whether that opened the breaker: from here on, it counts as unreachable.

        Args:
            now: The monotonic time.

            began_at: The time for which `wait_s` let the call through, by default now. One that began before the
                breaker last opened or sent a probe says nothing new, and does not count.

            whose: For whom it failed, None if that does not matter. Of several for the same one, in a row of failures,
                the first counts: more may say something of that one alone.
        """
        with self._lock:
            if (now if began_at is None else began_at) < self._changed_at:
                return False
            if self._is_open:
                self._probe_failed(now)
                return False
            if whose is not None:
                if whose in self._whose:
                    return False
                self._whose.add(whose)
            self._failures += 1
            if self._failures < self._most:
                return False
            self._is_open = True
            self._leave_alone(now, _FIRST_BACKOFF_S)
            return True

    def succeeded(self) -> bool:
        """Count a call that was answered, and tell whether that closed the breaker: it is reachable again."""
        with self._lock:
            was_open, self._is_open, self._failures = self._is_open, False, 0
            self._whose.clear()
            return was_open

    def hold(self, now: float, seconds: float) -> None:
        """
        Let nobody call for a time, as the endpoint asked for (429 and Retry-After, RFC 9110 section 10.2.3).

        That is no failure and no success; if it was the answer to a probe, say which of both it is, too.

        Args:
            now: The monotonic time.

            seconds: How long, from 0 to 60; what is outside is taken as the nearer of both.
        """
        with self._lock:
            self._held_until = max(self._held_until, now + min(max(0.0, seconds), MAX_HOLD_S))

    def _until(self) -> float:
        return max(self._held_until, self._retry_at, self._probe_until) if self._is_open else self._held_until

    def _is_probe(self, let_through_at: float | None) -> bool:
        return self._is_open and self._probe_until > _NEVER and let_through_at == self._changed_at

    def _probe_failed(self, now: float) -> None:
        if self._probe_until > _NEVER:
            self._failures += 1
            self._leave_alone(now, self._backoff_s * 2)

    def _leave_alone(self, now: float, seconds: float) -> None:
        self._backoff_s = min(seconds, self._max_backoff_s)
        self._changed_at, self._probe_until = now, _NEVER
        self._retry_at = now + self._backoff_s * (1 - _SPREAD * self._spread())
