"""
How often a key manager is asked about tokens.

Rules kept here: a provider that fails is left alone and tried again by one caller at a time; one that says how often it
may be asked is not asked more often. Tokens that were never seen wait in a lane of their own, leave room for those that
are known, and fail for themselves.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.asking import Breaker, HeldBack, Lane, Seldom, Turn, Turns
from kmvalidate.events import (
    IntrospectionFailed,
    IntrospectionHeldBack,
    IntrospectionReachable,
    IntrospectionUnreachable,
    Status,
    tell,
)
from kmvalidate.introspecting._call_budget import Call, CallBudget, per_worker

if TYPE_CHECKING:
    from kmvalidate.asking import Unanswered
    from kmvalidate.events import Listener
    from kmvalidate.flights import Failed, Job
    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Ports

_OTHER_REQUESTS = 4  # two documents and the keys, and a bearer token to ask with
_USED_UP = "as many calls were made as it answers in a minute"


@attrs.define(eq=False)
class CountedTurn(Turn):
    """
    A call that is counted, to be made when its turn comes.

    Args:
        breaker: See `Turn`.

        lane: See `Turn`.

        budget: What counts it.

        is_known: Whether the token was found active before.
    """

    budget: CallBudget
    is_known: bool
    _call: Any = attrs.field(default=None, init=False)

    def give(self, now: float) -> HeldBack | None:
        """See `Turn.give`."""
        self._call = self.budget.admit(now, self.is_known)
        if isinstance(self._call, Call):
            return super().give(now)
        return HeldBack(_USED_UP, retry_after_s=self._call)

    def begin(self, now: float) -> None:
        """See `Turn.begin`."""
        super().begin(now)
        self.budget.made(self._call, now)

    def give_back(self) -> None:
        """See `Turn.give_back`."""
        self.budget.give_back(self._call)
        super().give_back()

    def active(self) -> None:
        """Say that the answer was active."""
        self._call.active()


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
        self._turns = Turns(strategy.deadline_s)
        probe_s = 2 * strategy.deadline_s  # it may wait for its turn, and then for the answer
        breaker = partial(Breaker, strategy.breaker_failures, strategy.max_backoff_s, probe_s=probe_s)
        self._breakers = {is_known: breaker() for is_known in (False, True)}
        lane = (strategy.at_once, strategy.waiting, strategy.deadline_s)
        self._lanes = {is_known: Lane(*lane) for is_known in (False, True)}
        self._was_asked = self._knows_it_answers = False
        self._news = Seldom()

    def turn(self, *, is_known: bool) -> CountedTurn:
        """Return a call that is to be made about a token that was found active before, or never."""
        return CountedTurn(self._breakers[is_known], self._lanes[is_known], self._budget, is_known)

    def start(self, turn: CountedTurn, job: Job, ports: Ports) -> Failed | None:
        """Do what `Turns.start` does, and tell of calls that are held back."""
        held = self._turns.start(turn, job, ports)
        if isinstance(held, HeldBack) and self._news.is_due(ports.clock.monotonic()):
            tell(self._listener, IntrospectionHeldBack(why=held.why, **self._manager.identity))
        return held

    def begin(self, turn: CountedTurn, now: float) -> None:
        """
        Do what `Turns.begin` does.

        Raises:
            Unanswered: As there.
        """
        self._turns.begin(turn, now)

    def succeeded(self, turn: CountedTurn) -> None:
        """Note that a call was answered."""
        self._was_asked, self._turns.last = True, None
        self._knows_it_answers = self._knows_it_answers or turn.is_known
        were_open = [breaker.succeeded() for breaker in self._breakers.values()]
        if any(were_open):
            tell(self._listener, IntrospectionReachable(**self._manager.identity))

    def failed(self, flaw: Unanswered, turn: CountedTurn, now: float) -> float:
        """
        Note that a call was not answered, and return the seconds after which to ask again.

        What becomes of tokens that were never seen keeps no known token from being asked about: whoever sends them may
        have chosen them for it.
        """
        known, others = self._breakers[True], self._breakers[False]
        if flaw.wait_s:
            known.hold(now, flaw.wait_s)
            others.hold(now, flaw.wait_s)
        if not flaw.is_outage:
            self.succeeded(turn)  # it is there
        self._turns.last = flaw.why
        if flaw.is_outage and turn.is_known:
            self._knows_it_answers = False
            known.failed(now, turn.began_at)
        opened = flaw.is_outage and others.failed(now, turn.began_at)
        who = self._manager.identity
        tell(self._listener, IntrospectionFailed(why=flaw.why, failures=others.failures, **who))
        if opened:
            tell(self._listener, IntrospectionUnreachable(why=flaw.why, retry_in_s=others.left_s(now), **who))
        return max(self._breakers[turn.is_known].left_s(now), flaw.retry_after_s)

    def health(self, now: float) -> Status:
        """Tell how asking goes; what becomes of never-seen tokens counts while nothing speaks against it."""
        if self._breakers[False].is_open(now) and not self._knows_it_answers:
            return Status.UNREACHABLE
        if self._turns.last is not None:
            return Status.STALE
        return Status.FRESH if self._was_asked else Status.UNFETCHED
