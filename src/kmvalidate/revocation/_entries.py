"""
Tables of what is revoked, whose entries go when they are of no use any more.

Rules kept here: an entry only ever becomes stricter, and stays until any token that it refuses would be refused without
it. Readers look into the tables while they are written to: each change is one operation of a dictionary. Writers hold
one lock; a signal handler that writes in the middle of it loses nothing either, since between a look at an entry and
the change that follows from it nothing is called.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from kmvalidate.claims import MAX_LEEWAY_S

if TYPE_CHECKING:
    from kmvalidate.ports import Clock
    from kmvalidate.verified import VerifiedToken

#: By what is revoked: tokens issued before when are, and until when there may be such.
Table = dict[Any, tuple[float, float]]

ALWAYS, NEVER = float("inf"), float("-inf")
NOTHING = (NEVER, NEVER)

#: Seconds for which an entry is kept after its tokens expired: the largest leeway, and as much for clocks that differ.
KEPT_S = 2 * MAX_LEEWAY_S

_PURGED_AT_ONCE = 64
_NUMBERS = (int, float)


class Version:
    """
    What tables hold at one time: known by its identity.

    Args:
        generation: The generation it belongs to.
    """

    __slots__ = ("generation",)

    def __init__(self, generation: object) -> None:
        self.generation = generation


class Entries:
    """
    What writes into tables, and knows which of their entries expire when.

    Args:
        clock: What tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Table, Any]] = []
        self._numbers = count()

    def put(self, table: Table, key: Any, before: float, until: float) -> bool:
        """
        Revoke what *key* stands for; it takes microseconds, however large the table is.

        Args:
            table: The table.

            key: What it is known by.

            before: Tokens issued before this moment are revoked, in seconds since the epoch.

            until: When the last of them expires, in seconds since the epoch.

        Returns:
            Whether anything is revoked, or kept for longer, that was not before.
        """
        known = table[key] if key in table else NOTHING  # noqa: SIM401  # no call
        before = before if before > known[0] else known[0]  # noqa: FURB136  # no call
        until = until if until > known[1] else known[1]  # noqa: FURB136  # no call
        if (before, until) == known:
            return False
        table[key] = (before, until)
        if known[1] < until < ALWAYS:
            heappush(self._due, (until, next(self._numbers), table, key))
        return True

    def purge(self) -> None:
        """Forget what is of no use any more: a few entries at a time, more than one write adds."""
        latest, due = self._clock.wall() - KEPT_S, self._due
        for _ in range(_PURGED_AT_ONCE):
            if not due or due[0][0] > latest:
                break
            until, _, table, key = heappop(due)
            if key in table and table[key][1] <= until:  # it is not kept for longer since
                del table[key]


def cut_off(table: Table, verified: VerifiedToken, name: Any) -> float:
    """
    Return before which moment tokens are revoked: those of its own key manager's, or of any of its organization's.

    Args:
        table: Where to look.

        verified: The token.

        name: Its name there; where it is no string, nothing is revoked by it.
    """
    if name.__class__ is not str:
        return NEVER
    organization = verified.organization
    of_this = table.get((organization, verified.key_manager, name), NOTHING)
    of_any = table.get((organization, None, name), NOTHING)
    return max(of_this[0], of_any[0])


def issued_at(claims: dict[str, Any]) -> float:
    """Return when a token was issued, in seconds since the epoch; before any other time if it does not say."""
    issued = claims.get("iat", NEVER)
    return issued if issued.__class__ in _NUMBERS else NEVER
