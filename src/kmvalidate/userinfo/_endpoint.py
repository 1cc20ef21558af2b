"""
Asks one userinfo endpoint (OpenID Connect Core section 5.3).

Rules kept here: the token goes into the Authorization field of a GET and nowhere else. An answer counts only if it is
about the token's own subject (section 5.3.2). An endpoint that fails is left alone for a second at a time, in which
nobody waits for it; what it says of one user alone, or does not, keeps it from nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.asking import Lane, Seldom, Turn, Turns, Unanswered, media_type, told_of, unanswered
from kmvalidate.discovery import Exchange
from kmvalidate.errors import KeyManagerUnavailable, KMValidateError, Reason
from kmvalidate.flights import why
from kmvalidate.ports import AnswerTooLarge, HttpRequest
from kmvalidate.strict_json import Flaw, parse_object
from kmvalidate.userinfo._breakers import Breakers

if TYPE_CHECKING:
    from kmvalidate.flights import Failed, Job
    from kmvalidate.ports import HttpResponse, Network, Ports
    from kmvalidate.userinfo._breakers import BreakerOf

_WHAT = "userinfo endpoint"
_OK = 200
_JSON = "application/json"
_SIGNED = "application/jwt"
_SAYS_NO = {401: Reason.INACTIVE, 403: Reason.INSUFFICIENT_SCOPE}  # RFC 6750 section 3.1
_AT_ONCE = 32
_WAITING = 1000


@attrs.frozen(eq=False)
class Question:
    """
    What an endpoint is asked, once its turn comes; `Endpoint.question` makes it.

    Args:
        token: The token.

        subject: Its ``sub``.

        breaker: What is told how it ends.

        turn: Its turn.
    """

    token: str = attrs.field(repr=False)
    subject: str = attrs.field(repr=False)
    breaker: BreakerOf
    turn: Turn


class Endpoint:
    """
    One endpoint, and how it fares.

    Args:
        url: Where it is.

        network: How it may be reached.

        deadline_s: Seconds one answer may take.

        max_bytes: Largest answer accepted, in bytes.
    """

    def __init__(self, url: str, network: Network, deadline_s: float, max_bytes: int) -> None:
        self._url, self._network, self._deadline_s, self._max_bytes = url, network, deadline_s, max_bytes
        self.breakers = Breakers(probe_s=2 * deadline_s)  # it may wait, and then be answered
        self._lane = Lane(_AT_ONCE, _WAITING, deadline_s)
        self._turns = Turns(deadline_s, f"{_WHAT}: ")
        self._news = Seldom()

    def question(self, token: str, issuer: str, subject: str) -> Question:
        """Return what is to be asked about the user *subject* of *issuer*, with a token of theirs."""
        breaker = self.breakers.of((issuer, subject))
        return Question(token, subject, breaker, Turn(breaker, self._lane))

    def start(self, question: Question, job: Job, ports: Ports) -> Failed | None:
        """Do what `Turns.start` does, with a job that asks *question*."""
        return self._turns.start(question.turn, job, ports)

    async def ask(self, question: Question, ports: Ports) -> dict[str, Any] | Reason:
        """
        Return what the endpoint answers: the members about the user, or why it tells nothing to who has that token.

        Raises:
            Unanswered: It gives no answer that counts.
        """
        self._turns.begin(question.turn, ports.clock.monotonic())
        found = await self._answer(question, ports)
        if not isinstance(found, Unanswered):
            question.breaker.succeeded()
            return found
        self._failed(found, question, ports.clock.monotonic())
        raise Unanswered(found.why, wait_s=found.wait_s)  # not *found*: it would lead to this frame, and that to it

    def is_news(self, now: float) -> bool:
        """Tell whether nobody was told of its failures for a minute; asking counts as telling."""
        return self._news.is_due(now)

    def _failed(self, flaw: Unanswered, question: Question, now: float) -> None:
        if flaw.is_outage or flaw.wait_s:
            self._turns.last = flaw.why
        self.breakers.of_all.hold(now, flaw.wait_s)
        if flaw.is_outage:
            question.breaker.failed(now, question.turn.began_at)
        else:
            question.breaker.succeeded()  # it is there

    async def _answer(self, question: Question, ports: Ports) -> dict[str, Any] | Reason | Unanswered:
        ends_at = ports.clock.monotonic() + self._deadline_s
        exchange = Exchange(network=self._network, ends_at=ends_at, max_bytes=self._max_bytes)
        fields = {"authorization": f"Bearer {question.token}", "accept": _JSON}
        request = HttpRequest(url=self._url, headers=fields)
        try:
            return _read(await exchange.send(request, ports), question.subject)
        except AnswerTooLarge as error:
            return told_of(error, request, is_outage=False)  # it is about this user
        except KMValidateError as error:
            return told_of(KeyManagerUnavailable(why(error)), request)


def _read(response: HttpResponse, subject: str) -> dict[str, Any] | Reason | Unanswered:
    """Return what an answer holds; what is wrong with one that came whole is wrong for one user, as far as is known."""
    if response.status in _SAYS_NO:
        return _SAYS_NO[response.status]
    if response.status != _OK:
        return unanswered(_WHAT, response)
    kind = media_type(response)
    if kind != _JSON:
        told = "its answer is a JWT, which is not accepted" if kind == _SIGNED else f"its answer is not {_JSON}"
        return Unanswered(f"{_WHAT}: {told}", is_outage=False)
    members = parse_object(response.body)
    if isinstance(members, Flaw):
        return Unanswered(f"{_WHAT}: {members}", is_outage=False)
    if members.get("sub") != subject:
        return Unanswered(f"{_WHAT}: its answer is about somebody else than the token's subject", is_outage=False)
    return members
