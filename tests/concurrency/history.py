"""
What a token may be told, worked out from what happened to its key.

Rules kept here: the oracle knows nothing of caches. It knows in which order things happened, by the ticks of one
counter: a verdict is wrong if no moment between the beginning and the end of its call could have given it.
"""

from __future__ import annotations

import itertools
from math import inf
from typing import Any

import attrs


@attrs.define
class Span:
    """
    A time that begins and ends somewhere between two ticks each.

    Args:
        may_begin: From when on it may have begun.

        has_begun: From when on it has begun for certain.

        may_end: From when on it may have ended.

        has_ended: From when on it has ended for certain.
    """

    may_begin: float = inf
    has_begun: float = inf
    may_end: float = inf
    has_ended: float = inf

    def touches(self, began: float, ended: float) -> bool:
        """Tell whether it may have been for a moment between *began* and *ended*."""
        return self.may_begin < ended and began < self.has_ended

    def covers(self, began: float, ended: float) -> bool:
        """Tell whether it was all the time between them."""
        return self.has_begun < began and ended < self.may_end


@attrs.define
class Call:
    """One call: whose token, when it began and ended, and what it was told."""

    key: str
    began: float
    ended: float
    told: str


class History:
    """What happened, in one order for all threads."""

    def __init__(self) -> None:
        self._ticks = itertools.count(1)
        self.served: dict[str, list[Span]] = {}
        self.outages: list[Span] = []
        self.keyless: list[Span] = []

    def tick(self) -> float:
        """Return when it is."""
        return next(self._ticks)

    def serve(self, key: str) -> Span:
        """Begin a time in which tokens of *key* are good, as soon as its *has_begun* is set."""
        span = Span(may_begin=self.tick())
        self.served.setdefault(key, []).append(span)
        return span

    def begin(self, spans: list[Span]) -> Span:
        """Begin an outage, or a time without keys."""
        span = Span(may_begin=self.tick())
        spans.append(span)
        return span

    def admissible(self, call: Call) -> set[str]:
        """Return what a call may be told."""
        key, began, ended = call.key, call.began, call.ended
        if key == "forged":
            return {"BAD_SIGNATURE", "UNKNOWN_KEY"} | self._excuses(began, ended)
        if key.startswith("tenant"):
            return self._of(key, began, ended, "UNKNOWN_ISSUER")
        if any(span.covers(began, ended) for span in self.keyless):
            return {"KeyManagerUnavailable"}
        if any(span.touches(began, ended) for span in self.keyless):
            return self._of(key, began, ended, "UNKNOWN_KEY") | {"KeyManagerUnavailable"}
        told = self._of(key, began, ended, "UNKNOWN_KEY")
        return told if told == {"GOOD"} else told | self._excuses(began, ended)

    def _of(self, key: str, began: float, ended: float, otherwise: str) -> set[str]:
        spans = self.served.get(key, [])
        if any(span.covers(began, ended) for span in spans):
            return {"GOOD"}
        return {"GOOD", otherwise} if any(span.touches(began, ended) for span in spans) else {otherwise}

    def _excuses(self, began: float, ended: float) -> set[str]:
        return {"KeyManagerUnavailable"} if any(span.touches(began, ended) for span in self.outages) else set()

    def wrong(self, calls: list[Call]) -> list[tuple[Call, Any]]:
        """Return the calls that were told what they may not be told, with what they may."""
        judged = ((call, self.admissible(call)) for call in calls)
        return [(call, allowed) for call, allowed in judged if call.told not in allowed]
