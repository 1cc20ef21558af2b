"""
Introspection at work for one key manager.

Rules kept here: whoever waits for the same token shares one call, which belongs to none of them. An answer is good for
no longer than it was fetched for, nor beyond the token's own end, and everything local is looked at each time. An
outage is not remembered, and is nobody's "no". Tokens that were never seen do not take the provider from known ones.
"""

from __future__ import annotations

import json
from hashlib import sha256
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.asking import Unanswered
from kmvalidate.errors import KeyManagerUnavailable, KMValidateError, Refused
from kmvalidate.flights import Failed
from kmvalidate.introspecting._answers import AnswerChecks, read_answer
from kmvalidate.introspecting._client import IntrospectionClient
from kmvalidate.introspecting._limits import AskingLimits
from kmvalidate.introspecting._memory import INACTIVE, Answered, AnswerMemory
from kmvalidate.introspection import Introspection
from kmvalidate.ports import run
from kmvalidate.verified import read_claims

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kmvalidate.events import Listener, Status
    from kmvalidate.flights import Flights, Job
    from kmvalidate.introspecting._limits import CountedTurn
    from kmvalidate.introspecting._memory import Round
    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import Clock, Ports

_FOREVER = float("inf")


@attrs.define(eq=False, repr=False)
class _Asking:
    """One token that is to be asked about, and when its turn was given; or what was remembered of it meanwhile."""

    token: str
    digest: bytes
    begun_in: Round
    turn: CountedTurn | None = None
    told: Answered | None = None


class Introspector:
    """
    Asks about the tokens of one key manager, and remembers what was answered.

    Args:
        manager: The key manager.

        strategy: How it is asked.

        source: Its keys, which verify signed answers.

        flights: The fetches under way.

        clock: What tells the time.

        listener: What is told what happens.
    """

    def __init__(
        self,
        manager: KeyManager,
        strategy: IntrospectionStrategy,
        source: KeySource,
        flights: Flights,
        clock: Clock,
        *,
        listener: Listener | None = None,
    ) -> None:
        self._manager = manager
        self._strategy = strategy
        self._flights = flights
        self._client: Any = strategy
        if isinstance(strategy, Introspection):
            self._client = IntrospectionClient(manager, strategy, source, flights)
        self._memory = AnswerMemory(strategy, clock)
        self._limits = AskingLimits(manager, strategy, listener)
        self.checks = AnswerChecks.of(manager, strategy.requires)

    @property
    def round(self) -> Round:
        """The time since everything was forgotten last."""
        return self._memory.round

    def forget(self) -> None:
        """Forget every answer; what is being asked is not remembered either."""
        self._memory.clear()

    def health(self, now: float) -> Status:
        """Tell how asking goes at *now*, on the monotonic clock."""
        return self._limits.health(now)

    async def answer(self, token: str, ports: Ports) -> Answered:
        """
        Return what the key manager says of a token it stands behind, asking it if need be.

        Args:
            token: The token.

            ports: The caller's.

        Raises:
            Refused: The token is not active, no access token, or one of the rules is broken.
            KeyManagerUnavailable: Nobody can tell now.
        """
        digest, begun_in = sha256(token.encode()).digest(), self.round
        try:
            answered = self._memory.recall(digest)
            if answered is None:
                self.checks.check_token(token)
                answered = await self._fetched(token, digest, begun_in, ports)
            return self._checked(answered, digest, ports.clock.wall())
        except Refused as refused:
            refused.told(self._manager.name, self._manager.profile.explain(refused, {}))
            raise

    def _checked(self, answered: Answered, digest: bytes, now: float) -> Answered:
        if answered.issuer is not None and self.checks.hold(answered, now):
            return answered
        claims = read_claims(answered.payload)
        issuer = self.checks.check(claims, now)
        starts_at = max(claims.get("nbf", 0), claims.get("iat", 0))
        good = Answered(answered.payload, answered.good_until, issuer, claims.get("exp", _FOREVER), starts_at)
        self._memory.improve(digest, answered, good)
        return good

    async def _fetched(self, token: str, digest: bytes, begun_in: Round, ports: Ports) -> Answered:
        asking = _Asking(token, digest, begun_in)

        async def work(own: Ports) -> Answered:
            return asking.told or self._fetch(asking, own)

        def start(job: Job) -> Failed | None:
            asking.told = self._memory.recall(digest)
            if asking.told is not None:  # another call landed since the caller looked
                return run(job(ports))
            turn = asking.turn = self._limits.turn(is_known=self._memory.is_known(digest))
            return self._limits.start(turn, job, ports)

        deadline_s = 2 * self._strategy.deadline_s  # half of it may pass before its turn comes
        flight = self._flights.launch((self, begun_in, digest), work, ports, deadline_s, start)
        outcome = await flight.outcome(ports)
        if isinstance(outcome, Failed):
            who = self._manager.name
            raise KeyManagerUnavailable(outcome.why, key_manager=who, retry_after_s=outcome.retry_after_s)
        return outcome.value

    def _fetch(self, asking: _Asking, ports: Ports) -> Answered:
        now, began = ports.clock.wall(), ports.clock.monotonic()
        turn: Any = asking.turn
        self._limits.begin(turn, began)
        answer = self._asked(asking.token, ports)
        if isinstance(answer, Unanswered):
            wait_s = self._limits.failed(answer, turn, ports.clock.monotonic())
            raise Unanswered(answer.why, wait_s=wait_s)  # not *answer*: it would lead to this frame, and that to it
        self._limits.succeeded(turn)
        if answer["active"] is False:
            self._memory.keep_inactive(asking.digest, asking.begun_in, began)
            return INACTIVE
        turn.active()
        good_for_s = min(self._strategy.ttl_s, _left_s(answer.get("exp"), now))
        payload = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        answered = Answered(payload, began + good_for_s)
        return answered if self._memory.keep(asking.digest, answered, asking.begun_in, began) else INACTIVE

    def _asked(self, token: str, ports: Ports) -> dict[str, Any] | Unanswered:
        """Return the answer, or why there is none: as a new value, in whose frames there is no token."""
        try:
            answer = self._client.ask(token, ports)
            return read_answer(run(_awaited(answer)) if isawaitable(answer) else answer)
        except BaseException as error:  # noqa: BLE001  # a strategy of the user's own may raise anything
            error.__traceback__ = None  # whoever keeps it keeps no frame with a token
            return _flaw(error, token)


def _flaw(error: BaseException, token: str) -> Unanswered:
    said = BaseException.__str__(error) if isinstance(error, KMValidateError) else ""
    if not said or token in said:
        said = f"asking raised {type(error).__name__}"
    if isinstance(error, Unanswered):
        return Unanswered(said, is_outage=error.is_outage, wait_s=error.wait_s)
    return Unanswered(said)


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _left_s(expires: object, now: float) -> float:
    """Return the seconds until ``exp``; what is no number is refused later."""
    return expires - now if type(expires) in {int, float} else _FOREVER  # type: ignore[operator]
