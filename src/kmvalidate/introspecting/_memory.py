"""
What a key manager answered about tokens, remembered.

Rules kept here: a token is known by the SHA-256 of the whole of it. An active one is remembered for as long as its
answer is good, and known for longer; those that are not active are remembered briefly, in a set of their own that a
flood of them can fill without an effect on the others. What was being asked when everything was forgotten is forgotten.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from cachetools import TTLCache

from kmvalidate.generations import Generations
from kmvalidate.own_lock import OwnLock
from kmvalidate.tokens import shows_nothing

if TYPE_CHECKING:
    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.ports import Clock


class Answered(msgspec.Struct, frozen=True, gc=False):
    """
    What was answered about a token.

    Args:
        payload: The members of the answer, as JSON.

        good_until: Until when it may be used, on the monotonic clock.

        issuer: The issuer of the token, if the answer was found good; None if it was refused, or nobody looked yet.

        expires_at: The token's ``exp``, infinite without one.

        starts_at: Its ``nbf`` or ``iat``, whichever is later; 0 if it has neither.
    """

    payload: bytes
    good_until: float
    issuer: str | None = None
    expires_at: float = float("inf")
    starts_at: float = 0.0

    def __repr__(self) -> str:
        return "Answered(...)"

    __rich_repr__ = shows_nothing


#: The largest answer that is remembered, in bytes.
MAX_KEPT_BYTES = 16_384

#: What was answered about every token that is not active.
INACTIVE = Answered(b'{"active":false}', float("-inf"))

_KNOWN = Answered(b"{}", float("-inf"))


class Round:
    """The time from when everything was forgotten until it is again; whoever begins in one tells whether it is over."""

    __slots__ = ("__weakref__", "is_over")

    def __init__(self) -> None:
        self.is_over = False


class AnswerMemory:
    """
    The answers of one key manager.

    Args:
        strategy: How many are remembered, and for how long.

        clock: What tells the time.
    """

    def __init__(self, strategy: IntrospectionStrategy, clock: Clock) -> None:
        self._strategy = strategy
        self._clock = clock
        self._writing = OwnLock()
        self.round = Round()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._writing:
            self._active: Generations[bytes, Answered] = Generations(self._strategy.remember)
            self._inactive: dict[int, TTLCache[bytes, float]] = {}
            self.round.is_over, self.round = True, Round()  # last: who sees the new one sees nothing older

    def recall(self, digest: bytes) -> Answered | None:
        """Return what was answered about a token, if it may still be used; `INACTIVE` if it is not active."""
        known = self._active.get(digest)
        if known is not None and self._clock.monotonic() < known.good_until:
            return known
        with self._writing:
            return INACTIVE if digest in self._not_active() else None

    def is_known(self, digest: bytes) -> bool:
        """Tell whether a token was active when it was last asked about, however long ago."""
        known = self._active.get(digest)
        return known is not None and known is not INACTIVE

    def keep(self, digest: bytes, answered: Answered, begun_in: Round, began: float) -> bool:
        """
        Remember what was answered about an active token, for as long as it may be used, and tell whether it stands.

        Args:
            digest: The token's.

            answered: What was answered; one that is large is not kept, only that the token is known.

            begun_in: The round in which it was asked about; if that is over, nothing is remembered.

            began: When it was asked about. If a later call found it not active, that stands.
        """
        is_kept = self._clock.monotonic() < answered.good_until and len(answered.payload) <= MAX_KEPT_BYTES
        with self._writing:
            if self._not_active().get(digest, began) > began:
                return False
            if not begun_in.is_over:
                self._not_active().pop(digest, None)
                self._active.put(digest, answered if is_kept else _KNOWN)
        return True

    def improve(self, digest: bytes, before: Answered, after: Answered) -> None:
        """Remember *after* in place of *before*, if nothing else was remembered or forgotten meanwhile."""
        with self._writing:
            if self._active.get(digest) is before:
                self._active.put(digest, after)

    def keep_inactive(self, digest: bytes, begun_in: Round, began: float) -> None:
        """Remember that a token is not active, which was asked about then, if *begun_in* is not over."""
        with self._writing:
            if not begun_in.is_over:
                self._not_active()[digest] = began
                if self._active.get(digest) is not None:
                    self._active.put(digest, INACTIVE)

    def _not_active(self) -> TTLCache[bytes, float]:
        """Return the tokens that are not active; none yet in a child of a fork, which may have come in mid-change."""
        process = os.getpid()
        if process not in self._inactive:
            most, ttl_s = self._strategy.remember_inactive, self._strategy.inactive_ttl_s
            self._inactive = {process: TTLCache(most, ttl_s, self._clock.monotonic)}
        return self._inactive[process]
