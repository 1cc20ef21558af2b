"""
How many calls a provider gets in a minute.

Rules kept here: no 60 seconds see more calls than agreed, whatever asks for them. A call whose answer was active leaves
its place to the token that will be asked about again: never-seen tokens do not get that place, up to half of all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds in which so many calls may be made, and for which the place of an active token is kept after that.
WINDOW_S = 60.0


class Call:
    """
    One call that may be made.

    Args:
        made_at: When it was admitted, or made if it waited for its turn, on the monotonic clock.

        tell: Called with that time when the answer was active.
    """

    __slots__ = ("_tell", "made_at", "took_due_at", "was_active")

    def __init__(self, made_at: float, tell: Callable[[float], None]) -> None:
        self.made_at = made_at
        self.was_active = False
        self.took_due_at: float | None = None
        self._tell = tell

    def active(self) -> None:
        """Say that the answer was active. Said more than 60 seconds after the call, it reserves nothing any more."""
        self.was_active = True
        self._tell(self.made_at)


class CallBudget:
    """
    The calls that one provider gets from this process.

    A call counts for 60 seconds. If its answer was active, it is due after that: its place is kept for another 60
    seconds, or until a known token has taken it; known tokens take the oldest. So a token that is asked about again 60
    to 120 seconds after it was active finds a place, as long as no more than half of all calls are due at once.

    What comes back sooner has no place of its own yet. One is kept (of three or more) while any token is active; and
    for two minutes after a known one was turned away, in which all that come back get theirs, new ones get half.

    Args:
        per_minute: Calls in any 60 seconds, at least 1; None: as many as are asked for.

    Raises:
        ConfigurationError: It is less than 1.
    """

    __slots__ = ("_active_at", "_due", "_lock", "_now", "_per_minute", "_recent", "_turned_away_at")

    def __init__(self, per_minute: int | None) -> None:
        if per_minute is not None and per_minute < 1:
            raise ConfigurationError("a provider is called at least once in a minute, or never asked")
        self._per_minute = per_minute
        self._lock = OwnLock()
        self._recent: OrderedDict[Call, None] = OrderedDict()
        self._due: deque[float] = deque()
        self._now = self._active_at = self._turned_away_at = float("-inf")

    def admit(self, now: float, known: bool) -> Call | float:  # noqa: FBT001  # the two kinds there are
        """
        Return a call that may be made now and counts from now on, or the seconds after which to ask again.

        Args:
            now: The monotonic time; one that lies before that of an earlier call is taken as that one.

            known: Whether the token was active before and is asked about again.
        """
        if self._per_minute is None:
            return Call(now, self._learn)
        with self._lock:
            self._now = now = max(now, self._now)
            self._age(now)
            limit = self._per_minute if known else self._per_minute - self._reserve(self._per_minute, now)
            if len(self._recent) < limit:
                return self._counted(Call(now, self._learn), known=known)
            if known:
                self._turned_away_at = now
            return self._wait_s(now, known=known)

    def made(self, call: Call, now: float) -> None:
        """Count a call from *now* on, as it had to wait for its turn: that is when the provider sees it."""
        with self._lock:
            if self._per_minute is not None:
                self._now = call.made_at = max(now, self._now)
                self._recent.pop(call, None)
                self._recent[call] = None

    def give_back(self, call: Call) -> None:
        """Count a call no more, as it was not made after all, and keep the place that it took."""
        with self._lock:
            self._recent.pop(call, None)
            if call.took_due_at is not None:
                self._due.appendleft(call.took_due_at)
                call.took_due_at = None

    def _age(self, now: float) -> None:
        """Make the calls due that no longer count, and forget those that nobody came for."""
        while self._recent and next(iter(self._recent)).made_at + WINDOW_S <= now:
            call, _ = self._recent.popitem(last=False)
            if call.was_active:
                self._due.append(call.made_at)
        while self._due and self._due[0] + 2 * WINDOW_S <= now:
            self._due.popleft()

    def _reserve(self, per_minute: int, now: float) -> int:
        """Return how many places are kept for known tokens."""
        half = per_minute // 2
        if now < self._turned_away_at + 2 * WINDOW_S:
            return half
        spare = per_minute > 2 and now < self._active_at + WINDOW_S  # noqa: PLR2004  # of two it would take the other
        return min(max(len(self._due), int(spare)), half)

    def _counted(self, call: Call, *, known: bool) -> Call:
        self._recent[call] = None
        if known and self._due:
            call.took_due_at = self._due.popleft()
        return call

    def _wait_s(self, now: float, *, known: bool) -> float:
        """Return the seconds until a call no longer counts, or a place is no longer kept; some call is recent."""
        changes_at = next(iter(self._recent)).made_at + WINDOW_S
        if self._due and not known:
            changes_at = min(changes_at, self._due[0] + 2 * WINDOW_S)
        return changes_at - now

    def _learn(self, made_at: float) -> None:
        with self._lock:
            self._active_at = max(self._active_at, made_at)


def per_worker(per_minute: int, workers: int) -> int:
    """
    Return the calls in a minute that each of several processes gets of what they get together, at least one.

    Args:
        per_minute: What the provider allows all of them.

        workers: How many processes there are.
    """
    return max(1, per_minute // workers)
