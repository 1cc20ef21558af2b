"""
How often a key manager is asked about tokens.

Rules kept here: a provider that fails is left alone and tried again by one caller at a time; one that says how often it
may be asked is not asked more often. Tokens that were never seen wait in a lane of their own, leave room for those that
are known, and fail for themselves.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from kmvalidate.events import (
    IntrospectionFailed,
    IntrospectionHeldBack,
    IntrospectionReachable,
    IntrospectionUnreachable,
    Status,
    tell,
)
from kmvalidate.flights import Failed
from kmvalidate.introspecting._asking import Unanswered
from kmvalidate.introspecting._breaker import Breaker
from kmvalidate.introspecting._call_budget import Call, CallBudget, per_worker
from kmvalidate.introspecting._lanes import Lane
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.events import Listener
    from kmvalidate.flights import Job
    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Ports

_OTHER_REQUESTS = 4  # two documents and the keys, and a bearer token to ask with
_TOLD_EVERY_S = 60.0
_BUSY = "too many tokens are waiting to be asked about"
_LEFT_ALONE = "it asked to be left alone for a while"
_USED_UP = "as many calls were made as it answers in a minute"
_TOO_LATE = "its turn to be asked about did not come in time"


@attrs.frozen(eq=False)
class Turn:
    """
    A call that may be made when its turn comes.

    Args:
        call: How it is counted.

        given_at: When it was let through.

        is_known: Whether the token was found active before.
    """

    call: Call
    given_at: float
    is_known: bool


def _calls_per_minute(manager: KeyManager, strategy: IntrospectionStrategy) -> int | None:
    """Return how many calls this process may make; a published limit counts whatever else is asked there, too."""
    if strategy.calls_per_minute is not None:
        return per_worker(strategy.calls_per_minute, strategy.workers)
    published = manager.profile.requests_per_minute
    return None if published is None else max(per_worker(published, strategy.workers) - _OTHER_REQUESTS, 1)


class AskingLimits:
    """
    What keeps a key manager from being asked too much.

    Args:
        manager: The key manager.

        strategy: How often it may be asked.

        listener: What is told what happens.
    """

    def __init__(self, manager: KeyManager, strategy: IntrospectionStrategy, listener: Listener | None) -> None:
        self._manager = manager
        self._listener = listener
        self._budget = CallBudget(_calls_per_minute(manager, strategy))
        self._patience_s = strategy.deadline_s
        probe_s = 2 * strategy.deadline_s  # it may wait for its turn, and then for the answer
        breaker = partial(Breaker, strategy.breaker_failures, strategy.max_backoff_s, probe_s=probe_s)
        self._breakers = {is_known: breaker() for is_known in (False, True)}
        lane = (strategy.at_once, strategy.waiting, strategy.deadline_s)
        self._lanes = {is_known: Lane(*lane) for is_known in (False, True)}
        self._last: str | None = None
        self._was_asked = self._knows_it_answers = False
        self._told_at = float("-inf")
        self._telling = OwnLock()

    def start(self, job: Job, ports: Ports, *, is_known: bool, given: Callable[[Turn], object]) -> Failed | None:
        """
        Let a call be made as soon as its turn comes, if it may be made.

        Args:
            job: Makes it.

            ports: The caller's.

            is_known: Whether the token was found active before.

            given: Is given its turn; `begin` is called with that before the call is made.

        Returns:
            Why it is not made; None if it will be.
        """
        now, breaker = ports.clock.monotonic(), self._breakers[is_known]
        if wait_s := breaker.wait_s(now):
            return Failed(self._last or _LEFT_ALONE, retry_after_s=wait_s)
        call = self._budget.admit(now, is_known)
        if not isinstance(call, Call):
            breaker.not_called(now)
            return self._held_back(_USED_UP, now, call)
        given(turn := Turn(call, now, is_known))
        is_let_in = False
        try:
            is_let_in = self._lanes[is_known].submit(job, ports)
        finally:
            if not is_let_in:
                self._not_made(turn)
        return None if is_let_in else self._held_back(_BUSY, now, 1.0)

    def begin(self, turn: Turn, now: float) -> None:
        """
        Note that the turn of a call has come, and that it is made.

        Raises:
            Unanswered: It is not made: it waited for too long, or the provider is left alone by now.
        """
        is_late = now - turn.given_at > self._patience_s
        wait_s = 0.0 if is_late else self._breakers[turn.is_known].wait_s(now, turn.given_at)
        if is_late or wait_s:
            self._not_made(turn)
            raise Unanswered(_TOO_LATE if is_late else self._last or _LEFT_ALONE, wait_s=wait_s)
        self._budget.made(turn.call, now)

    def succeeded(self, turn: Turn) -> None:
        """Note that a call was answered."""
        self._was_asked, self._last = True, None
        self._knows_it_answers = self._knows_it_answers or turn.is_known
        were_open = [breaker.succeeded() for breaker in self._breakers.values()]
        if any(were_open):
            tell(self._listener, IntrospectionReachable(**self._manager.identity))

    def failed(self, flaw: Unanswered, turn: Turn, began: float, now: float) -> float:
        """
        Note that a call that began then was not answered, and return the seconds after which to ask again.

        What becomes of tokens that were never seen keeps no known token from being asked about: whoever sends them may
        have chosen them for it.
        """
        known, others = self._breakers[True], self._breakers[False]
        if flaw.wait_s:
            known.hold(now, flaw.wait_s)
            others.hold(now, flaw.wait_s)
        if not flaw.is_outage:
            self.succeeded(turn)  # it is there
        self._last = flaw.why
        if flaw.is_outage and turn.is_known:
            self._knows_it_answers = False
            known.failed(now, began)
        opened = flaw.is_outage and others.failed(now, began)
        who = self._manager.identity
        tell(self._listener, IntrospectionFailed(why=flaw.why, failures=others.failures, **who))
        if opened:
            tell(self._listener, IntrospectionUnreachable(why=flaw.why, retry_in_s=others.left_s(now), **who))
        return max(self._breakers[turn.is_known].left_s(now), flaw.retry_after_s)

    def health(self, now: float) -> Status:
        """Tell how asking goes; what becomes of never-seen tokens counts while nothing speaks against it."""
        if self._breakers[False].is_open(now) and not self._knows_it_answers:
            return Status.UNREACHABLE
        if self._last is not None:
            return Status.STALE
        return Status.FRESH if self._was_asked else Status.UNFETCHED

    def _not_made(self, turn: Turn) -> None:
        self._budget.give_back(turn.call)
        self._breakers[turn.is_known].not_called(turn.given_at)

    def _held_back(self, why: str, now: float, wait_s: float) -> Failed:
        with self._telling:
            if is_news := now - self._told_at >= _TOLD_EVERY_S:
                self._told_at = now
        if is_news:
            tell(self._listener, IntrospectionHeldBack(why=why, **self._manager.identity))
        return Failed(why, retry_after_s=wait_s)
