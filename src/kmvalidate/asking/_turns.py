"""
Whose turn it is to ask an endpoint.

Rules kept here: whoever may not ask now, or finds too many before them, is told at once. A turn that comes too late, or
while the endpoint is left alone, is given back, so that it holds up nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from kmvalidate.asking._messages import Unanswered
from kmvalidate.flights import Failed
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from kmvalidate.asking._lanes import Lane
    from kmvalidate.flights import Job
    from kmvalidate.ports import Ports

_BUSY = "too many tokens are waiting to be asked about"
_LEFT_ALONE = "it asked to be left alone for a while"
_TOO_LATE = "its turn to be asked about did not come in time"
_TOLD_EVERY_S = 60.0


@attrs.frozen
class HeldBack(Failed):
    """What becomes of a call that is not made since there are too many."""


class _Pauses(Protocol):
    """What knows when an endpoint is left alone, as a `Breaker` does."""

    def wait_s(self, now: float, let_through_at: float | None = None) -> float:
        """See `Breaker.wait_s`."""
        ...  # pragma: no cover

    def not_called(self, let_through_at: float) -> None:
        """See `Breaker.not_called`."""
        ...  # pragma: no cover


@attrs.define(eq=False)
class Turn:
    """
    One call, to be made when its turn comes.

    Args:
        breaker: What knows when the endpoint is left alone.

        lane: Where the call waits for its turn.

    Attributes:
        given_at: When it was let through, on the monotonic clock.

        began_at: When it was made.
    """

    breaker: _Pauses
    lane: Lane
    given_at: float = attrs.field(default=0.0, init=False)
    began_at: float = attrs.field(default=0.0, init=False)

    def give(self, now: float) -> HeldBack | None:
        """Let the call through, or say why there is one too many already."""
        self.given_at = now
        return None

    def begin(self, now: float) -> None:
        """Note that the call is made."""
        self.began_at = now

    def give_back(self) -> None:
        """Note that the call that was let through is not made."""
        self.breaker.not_called(self.given_at)


class Turns:
    """
    Who may ask one endpoint, and when.

    Args:
        patience_s: Seconds after which a turn that comes is too late.

        where: What stands before what is said of it.

    Attributes:
        last: Why it was not answered last, for those whose calls are not made after that; None if there is nothing.
    """

    def __init__(self, patience_s: float, where: str = "") -> None:
        self._patience_s, self._where = patience_s, where
        self.last: str | None = None

    def start(self, turn: Turn, job: Job, ports: Ports) -> Failed | None:
        """
        Let a call be made as soon as its turn comes, if it may be made.

        Args:
            turn: The call's.

            job: Makes it; it begins with `begin`.

            ports: The caller's.

        Returns:
            Why it is not made, as `HeldBack` if there are too many; None if it will be.
        """
        now = ports.clock.monotonic()
        if wait_s := turn.breaker.wait_s(now):
            return Failed(self._left_alone(), retry_after_s=wait_s)
        if held := turn.give(now):
            turn.breaker.not_called(now)
            return held
        is_let_in = False
        try:
            is_let_in = turn.lane.submit(job, ports)
        finally:
            if not is_let_in:
                turn.give_back()
        return None if is_let_in else HeldBack(self._where + _BUSY)

    def begin(self, turn: Turn, now: float) -> None:
        """
        Note that a call's turn has come, and that it is made.

        Raises:
            Unanswered: It is not made: it waited for too long, or the endpoint is left alone by now.
        """
        is_late = now - turn.given_at > self._patience_s
        wait_s = 0.0 if is_late else turn.breaker.wait_s(now, turn.given_at)
        if is_late or wait_s:
            turn.give_back()
            raise Unanswered(self._where + _TOO_LATE if is_late else self._left_alone(), wait_s=wait_s)
        turn.begin(now)

    def _left_alone(self) -> str:
        return self.last or self._where + _LEFT_ALONE


class Seldom:
    """Tells when to say again what would be said too often: once in a minute."""

    def __init__(self) -> None:
        self._told_at = float("-inf")
        self._telling = OwnLock()

    def is_due(self, now: float) -> bool:
        """Tell whether nothing was said for a minute; asking counts as saying it."""
        with self._telling:
            if now - self._told_at < _TOLD_EVERY_S:
                return False
            self._told_at = now
            return True
