"""
Asks one userinfo endpoint (OpenID Connect Core section 5.3).

Rules kept here: the token goes into the Authorization field of a GET and nowhere else. An answer counts only if it is
about the token's own subject (section 5.3.2). An endpoint that fails is left alone for a second at a time, in which
nobody waits for it; what it says of one token alone keeps it from nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.discovery import Exchange
from kmvalidate.errors import KeyManagerUnavailable, KMValidateError, Reason
from kmvalidate.flights import Failed, why
from kmvalidate.introspecting._asking import Unanswered, media_type, told_of, unanswered
from kmvalidate.introspecting._breaker import Breaker
from kmvalidate.introspecting._lanes import Lane
from kmvalidate.own_lock import OwnLock
from kmvalidate.ports import HttpRequest
from kmvalidate.strict_json import Flaw, parse_object

if TYPE_CHECKING:
    from kmvalidate.flights import Job
    from kmvalidate.ports import HttpResponse, Network, Ports

_WHAT = "userinfo endpoint"
_OK = 200
_JSON = "application/json"
_SIGNED = "application/jwt"
_SAYS_NO = {401: Reason.INACTIVE, 403: Reason.INSUFFICIENT_SCOPE}  # RFC 6750 section 3.1
_FAILURES = 3  # one user's answer that is too large does not close it for the others
_PAUSE_S = 1.0
_AT_ONCE = 32
_WAITING = 1000
_TOLD_EVERY_S = 60.0
_LEFT_ALONE = f"{_WHAT}: it asked to be left alone for a while"
_BUSY = f"{_WHAT}: too many wait for it"
_TOO_LATE = f"{_WHAT}: the turn to ask it did not come in time"


@attrs.define(eq=False)
class Question:
    """
    What an endpoint is asked, once its turn comes.

    Args:
        token: The token.

        subject: Its ``sub``.

        given_at: When it was let through, on the monotonic clock.
    """

    token: str = attrs.field(repr=False)
    subject: str = attrs.field(repr=False)
    given_at: float = 0.0


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
        self._breaker = Breaker(_FAILURES, _PAUSE_S, probe_s=2 * deadline_s)  # it may wait, and then be answered
        self._lane = Lane(_AT_ONCE, _WAITING, deadline_s)
        self._last = _LEFT_ALONE
        self._told_at = float("-inf")
        self._telling = OwnLock()

    def start(self, question: Question, job: Job, ports: Ports) -> Failed | None:
        """
        Let *job*, which asks *question*, run as soon as its turn comes.

        Returns:
            Why it will not; None if it will.
        """
        now = ports.clock.monotonic()
        if wait_s := self._breaker.wait_s(now):
            return Failed(self._last, retry_after_s=wait_s)
        question.given_at, is_let_in = now, False
        try:
            is_let_in = self._lane.submit(job, ports)
        finally:
            if not is_let_in:
                self._breaker.not_called(now)
        return None if is_let_in else Failed(_BUSY)

    async def ask(self, question: Question, ports: Ports) -> dict[str, Any] | Reason:
        """
        Return what the endpoint answers: the members about the user, or why it tells nothing to who has that token.

        Raises:
            Unanswered: It gives no answer that counts.
        """
        began = ports.clock.monotonic()
        self._begin(question.given_at, began)
        found = await self._answer(question, ports)
        if not isinstance(found, Unanswered):
            self._breaker.succeeded()
            return found
        self._failed(found, began, ports.clock.monotonic())
        raise Unanswered(found.why, wait_s=found.wait_s)  # not *found*: it would lead to this frame, and that to it

    def is_news(self, now: float) -> bool:
        """Tell whether nobody was told of its failures for a minute; asking counts as telling."""
        with self._telling:
            if now - self._told_at < _TOLD_EVERY_S:
                return False
            self._told_at = now
            return True

    def _begin(self, given_at: float, now: float) -> None:
        is_late = now - given_at > self._deadline_s
        wait_s = 0.0 if is_late else self._breaker.wait_s(now, given_at)
        if is_late or wait_s:
            self._breaker.not_called(given_at)
            raise Unanswered(_TOO_LATE if is_late else self._last, wait_s=wait_s)

    def _failed(self, flaw: Unanswered, began: float, now: float) -> None:
        self._last = flaw.why
        self._breaker.hold(now, flaw.wait_s)
        if flaw.is_outage:
            self._breaker.failed(now, began)
        else:
            self._breaker.succeeded()  # it is there

    async def _answer(self, question: Question, ports: Ports) -> dict[str, Any] | Reason | Unanswered:
        ends_at = ports.clock.monotonic() + self._deadline_s
        exchange = Exchange(network=self._network, ends_at=ends_at, max_bytes=self._max_bytes)
        fields = {"authorization": f"Bearer {question.token}", "accept": _JSON}
        request = HttpRequest(url=self._url, headers=fields)
        try:
            return _read(await exchange.send(request, ports), question.subject)
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
