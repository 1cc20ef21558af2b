"""A userinfo endpoint that fails: who waits for it, when it is tried again, and what an operator hears."""

import logging

import pytest

from kmvalidate import KeyManagerUnavailable
from kmvalidate.ports import run
from kmvalidate.userinfo import _endpoint
from tests.concurrency.callers import Crowd, Gated
from tests.introspecting.asking_helpers import said
from tests.signing import with_claims
from tests.test_userinfo import ALICE, BEARER, ENDPOINT, OTHER, USER, Desk

DOWN = KeyManagerUnavailable.__name__
BEARERS = [with_claims(jti=str(number)) for number in range(40)]
USERS = [with_claims(sub=f"user-{number}") for number in range(40)]


def broken(desk, answer=None, times=3):
    """Let so many calls in a row, each about another user, find out that the endpoint is down."""
    desk.answers(answer or KeyManagerUnavailable("connection refused"))
    for bearer in USERS[:times]:
        desk.says(bearer)
        desk.ports.settle()
    return desk


@pytest.mark.parametrize("answer", [None, said(ALICE, 500), said(ALICE, 302), said(ALICE, 404), OSError()], ids=repr)
def test_an_outage_keeps_nobody_waiting(answer):
    """Once three calls in a row failed nobody asks for a second, and all are told so at once."""
    desk = broken(Desk(), answer)
    outages = [desk.outage(bearer) for bearer in BEARERS]
    assert desk.asked == 3
    assert {outage.key_manager for outage in outages} == {"Test"}
    assert all(0.9 <= outage.retry_after_s <= 1 for outage in outages)
    assert len({outage.why for outage in outages}) == 1


def test_two_failures_keep_nobody_away():
    """Fewer failures in a row are those of their own tokens."""
    desk = broken(Desk(), times=2)
    desk.answers(said(ALICE))
    assert desk.says() == USER


def test_remembered_answers_outlast_an_outage():
    """Whoever is remembered has user claims while the endpoint is down."""
    desk = Desk()
    assert desk.says() == USER
    broken(desk)
    assert [desk.says(), desk.says(BEARERS[9])] == [USER, DOWN]


def test_one_caller_at_a_time_finds_out_whether_it_is_back():
    """After each pause of a second one call is made; the first that is answered lets everybody ask."""
    desk = broken(Desk())
    for pause in range(1, 4):
        desk.clock.pass_s(1)
        assert {desk.outage(bearer).why for bearer in USERS} == {"connection refused"}
        assert desk.asked == 3 + pause
    desk.clock.pass_s(1)
    desk.answers(said(ALICE))
    assert [desk.says(bearer) for bearer in BEARERS] == [USER] * len(BEARERS)


@pytest.mark.parametrize("status", [401, 403])
def test_a_no_shows_that_it_is_back(status):
    """An endpoint that refuses a token answers again."""
    desk = broken(Desk())
    desk.clock.pass_s(1)
    desk.answers(said(b"", status))
    assert desk.says() in {"INACTIVE", "INSUFFICIENT_SCOPE"}
    desk.answers(said(ALICE))
    assert desk.says(BEARERS[0]) == USER


@pytest.mark.parametrize("status", [429, 503])
def test_it_is_left_alone_for_as_long_as_it_asks(status):
    """From the first answer that says so on, nobody asks for the seconds of Retry-After."""
    desk = Desk(said(b"", status, retry_after="20"))
    assert desk.outage().retry_after_s == 20
    desk.clock.pass_s(19.5)
    desk.answers(said(ALICE))
    outage = desk.outage(BEARERS[0])
    assert (outage.retry_after_s, f"status {status}" in outage.why, desk.asked) == (0.5, True, 1)
    desk.clock.pass_s(0.5)
    assert desk.says() == USER


@pytest.mark.parametrize(
    "answer",
    [
        said(ALICE | {"sub": "mallory"}),
        said(b"x"),
        said(ALICE, content_type="text/html"),
        said(b"", 400),
    ],
    ids=["sub", "JSON", "type", "400"],
)
def test_what_is_about_one_token_keeps_nobody_else_away(answer):
    """However often an endpoint says of some tokens what does not count, the others are asked about."""
    desk = broken(Desk(), answer, times=20)
    desk.answers(said(ALICE))
    assert (desk.says(), desk.asked) == (USER, 21)


def test_endpoints_fail_each_for_itself():
    """While one key manager's endpoint is down those of others are asked."""
    desk = broken(Desk(endpoints={"Test": ENDPOINT, ("acme", "Test"): OTHER}))
    desk.transport.answers[OTHER] = said(ALICE)
    assert [desk.says(), desk.says(organization="acme")] == [DOWN, USER]


def test_a_slow_endpoint_takes_no_more_than_the_deadline():
    """What an exchange is given is the time that is left."""
    desk = Desk(deadline_s=2)
    desk.answers(lambda: desk.clock.pass_s(desk.transport.requests[-1].deadline_s) or KeyManagerUnavailable("too late"))
    assert desk.outage().why == "too late"
    assert desk.transport.requests[0].deadline_s == 2


def test_a_caller_waits_no_longer_than_a_call_may_take():
    """A call that never lands is given up, and is no claims where none are required."""
    desk = Desk(transport=Gated({ENDPOINT: said(ALICE)}), required=False)
    desk.ports.patience_s = 0
    assert desk.claims() is None
    desk.transport.open()
    desk.ports.settle()


def test_without_a_thread():
    """A call for which no thread can be started is a failure, and the next one is made, also if it would be a probe."""
    desk = broken(Desk())
    desk.clock.pass_s(1)
    desk.answers(said(ALICE))
    desk.ports.refusing = RuntimeError("can't start new thread")
    assert desk.outage().why == "can't start new thread"
    desk.ports.refusing = None
    assert desk.says() == USER


def test_an_answer_begins_the_count_anew():
    """Failures count only in a row: what an endpoint says of one token shows that it is there."""
    desk = broken(Desk(), times=2)
    broken(desk, said(b"", 400), times=1)
    broken(desk, times=2)
    desk.answers(said(ALICE))
    assert desk.says() == USER


def test_a_caller_waits_for_its_turn_and_for_the_answer(monkeypatch):
    """A question may wait for as long as an answer may take, and its caller waits for both, and a second longer."""
    desk, waited_s = Desk(deadline_s=7), []
    join = desk.ports.join

    async def counted(landed, deadline_s):
        waited_s.append(deadline_s)
        return await join(landed, deadline_s)

    monkeypatch.setattr(desk.ports, "join", counted)
    assert (desk.says(), waited_s) == (USER, [15])


class Kept:
    """A desk whose calls begin when a test says so, and whose callers do not wait for them."""

    def __init__(self, desk):
        self.desk, self.jobs = desk, []
        desk.ports.spawn, desk.ports.patience_s = self.jobs.append, 0

    def asks(self, bearer=BEARER):
        """Let a caller ask, and return whether a call was let through for it."""
        before = len(self.jobs)
        assert self.desk.says(bearer) == DOWN
        return len(self.jobs) > before

    def begin(self):
        run(self.jobs.pop(0)(self.desk.ports))


def test_a_probe_that_does_not_come_back():
    """While one caller finds out whether an endpoint is back no other does, until it has been gone for too long."""
    kept = Kept(broken(Desk()))
    kept.desk.clock.pass_s(1)
    assert [kept.asks(bearer) for bearer in BEARERS] == [True] + [False] * 39
    kept.desk.clock.pass_s(9.9)
    assert not kept.asks(BEARERS[1])
    kept.desk.clock.pass_s(0.1)
    assert [kept.asks(bearer) for bearer in BEARERS[1:]] == [True] + [False] * 38


def test_a_probe_whose_turn_comes_too_late():
    """A probe that is not made since it came too late makes room for the next at once."""
    kept = Kept(broken(Desk()))
    kept.desk.clock.pass_s(1)
    assert kept.asks()
    kept.desk.clock.pass_s(5.5)
    kept.begin()
    assert (kept.desk.asked, kept.asks(BEARERS[0])) == (3, True)


def test_a_call_that_begins_when_everything_was_forgotten():
    """A call that was let through before everything was forgotten, and begins after, is not remembered."""
    kept = Kept(Desk())
    assert kept.asks()
    kept.desk.userinfo.forget()
    kept.begin()
    assert kept.desk.asked == 1
    assert len(kept.desk.userinfo._memory) == 0


@pytest.fixture
def narrow(monkeypatch):
    """Endpoints that are asked one question at a time, while one more waits."""
    monkeypatch.setattr(_endpoint, "_AT_ONCE", 1)
    monkeypatch.setattr(_endpoint, "_WAITING", 1)


class Queue:
    """A desk that answers one question at a time: the first is asked, another one waits."""

    def __init__(self, **options):
        self.desk, self.crowd = Desk(transport=Gated({ENDPOINT: said(ALICE)}), deadline_s=30, **options), Crowd()
        for bearer in BEARERS[:2]:
            self.crowd.start(lambda bearer=bearer: self.desk.says(bearer))
            assert self.desk.ports.waiting.acquire(timeout=30)
        self.desk.transport.is_asked()

    def outage(self, bearer):
        """Return why a caller hears of an outage while the others wait."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.desk.claims(bearer)
        return caught.value.why

    def end(self):
        self.desk.transport.open()
        return sorted(map(str, self.crowd.done()))


@pytest.mark.usefixtures("narrow")
class TestCrowded:
    """A limited number of questions is asked at a time."""

    def test_too_many(self):
        """Whoever does not fit in is told at once, and those that wait get their answers."""
        queue = Queue()
        assert "too many tokens are waiting" in queue.outage(BEARERS[2])
        assert queue.end() == [str(USER)] * 2
        assert queue.desk.says(BEARERS[2]) == USER

    def test_a_turn_that_comes_too_late(self):
        """A question that waited for longer than an answer may take is not asked any more."""
        queue = Queue()
        queue.desk.clock.pass_s(30.5)
        assert queue.end() == [DOWN, str(USER)]
        assert queue.desk.asked == 1

    def test_an_endpoint_that_went_meanwhile(self):
        """A question whose turn comes when the endpoint asked to be left alone is not asked."""
        queue = Queue()
        queue.desk.answers(said(b"", 503, retry_after="9"))
        assert queue.end() == [DOWN] * 2
        queue.desk.ports.settle()
        assert (queue.desk.asked, queue.desk.outage().retry_after_s) == (1, 9)


class TestLog:
    """Who requires no user claims hears of failures in the log."""

    def lines(self, caplog):
        found = [record.getMessage() for record in caplog.records if record.name == "kmvalidate.userinfo"]
        caplog.clear()
        return found

    def test_one_line_in_a_minute_for_each_key_manager(self, caplog):
        """However many calls go without, one line a minute says so and why, for each key manager."""
        caplog.set_level(logging.DEBUG)
        line = "Test: no user claims: connection refused"
        desk = broken(Desk(required=False, endpoints={"Test": ENDPOINT, ("acme", "Test"): OTHER}), times=9)
        assert self.lines(caplog) == [line]
        desk.clock.pass_s(59.5)
        assert (desk.says(), self.lines(caplog)) == (None, [])
        desk.transport.answers[OTHER] = KeyManagerUnavailable("gone")
        assert desk.says(organization="acme") is None
        assert self.lines(caplog) == ["Test: no user claims: gone"]
        desk.clock.pass_s(0.5)
        assert (desk.says(), self.lines(caplog)) == (None, [line])

    @pytest.mark.parametrize("status", [200, 401, 403])
    def test_answers_are_no_news(self, status, caplog):
        """What is an answer, a refusal included, is not logged."""
        caplog.set_level(logging.DEBUG)
        Desk(said(ALICE, status), required=False).claims()
        assert self.lines(caplog) == []

    def test_who_requires_them_is_told_and_logs_nothing(self, caplog):
        """Where claims are required the error says it, and the log does not say it again."""
        caplog.set_level(logging.DEBUG)
        assert broken(Desk()).says(BEARER) == DOWN
        assert self.lines(caplog) == []
