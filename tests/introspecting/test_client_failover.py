"""Several introspection endpoints of one key manager: who is asked first, for how long, and what is remembered."""

import pytest

from kmvalidate import KeyManagerUnavailable
from tests.introspecting.asking_helpers import ACTIVE, Asker, said

A, B, C = (f"https://{name}.example/introspect" for name in "abc")
GOOD, DOWN, HTML = said(ACTIVE), said({}, 500), said(ACTIVE, content_type="text/html")
TOKEN_SAID = said({}, 400)
RESET = KeyManagerUnavailable("connection reset")


def busy(wait_s, status=429):
    return said({}, status, retry_after=str(wait_s))


def pair(a=GOOD, b=GOOD, **configuration):
    return Asker({A: a, B: b}, endpoint=(A, B), **configuration)


def test_the_first_is_asked_and_no_other():
    """As long as the first endpoint answers, no other one sees a token."""
    asker = pair(b=AssertionError())
    assert [asker.ask(), asker.ask()] == [ACTIVE] * 2
    assert asker.transport.hits == {A: 2}


def test_the_answer_that_a_token_is_not_active_is_an_answer():
    """Another endpoint is not asked for a second opinion."""
    asker = pair(said({"active": False}))
    assert (asker.ask(), asker.transport.hits) == ({"active": False}, {A: 1})


@pytest.mark.parametrize(
    "failure",
    [
        RESET,
        OSError(),
        None,
        DOWN,
        said({}, 307, location=B),
        HTML,
        busy(5),
    ],
    ids=["reset", "raises", "nothing", "500", "307", "html", "429"],
)
def test_the_next_one_answers_for_one_that_does_not(failure):
    """One that hangs up or answers anything else is followed by the next one, within the same call."""
    asker = pair(failure)
    assert asker.urls() == [A, B]
    assert asker.ask() == ACTIVE


def test_they_share_the_deadline():
    """One that lets us wait gets its share of the deadline, and what it leaves is for the others."""
    asker = Asker({C: GOOD}, endpoint=(A, B, C), deadline_s=6)
    asker.answers |= {A: asker.slow(), B: asker.slow(1.0)}
    assert [(request.url, request.deadline_s) for request in asker.asked()] == [(A, 2.0), (B, 2.0), (C, 3.0)]
    asker.answers[C] = asker.slow()
    asker.clock.pass_s(10)
    began = asker.clock.now
    assert [request.url for request in asker.asked()] == [A, B, C]
    assert asker.clock.now - began == 6.0


def test_nothing_is_sent_when_the_deadline_is_over():
    """Where a transport keeps no deadline, no further endpoint is asked once it is over."""
    asker = pair()
    asker.answers[A] = asker.slow(5.0)
    assert asker.urls() == [A]


def test_one_that_failed_is_asked_last_for_longer_and_longer():
    """After each failure an endpoint is left alone twice as long, up to the longest time, and is then first again."""
    asker = pair(RESET, max_backoff_s=20)
    for wait_s in (1, 2, 4, 8, 16, 20, 20):
        assert asker.urls() == [A, B]
        asker.clock.pass_s(wait_s - 0.5)
        assert asker.urls() == [B]
        asker.clock.pass_s(0.5)


def test_one_that_comes_back_is_forgiven():
    """An endpoint that answers is first again, and its next failure is a first one."""
    asker = pair(RESET)
    asker.ask()
    asker.clock.pass_s(1)
    assert asker.urls() == [A, B]
    asker.clock.pass_s(2)
    asker.answers[A] = GOOD
    assert asker.urls() == [A]
    asker.answers[A] = RESET
    assert asker.urls() == [A, B]
    asker.clock.pass_s(1)
    assert asker.urls() == [A, B]


def test_one_that_never_comes_back_does_not_overflow():
    """However often an endpoint fails, the longest time stays the longest."""
    asker = pair(RESET)
    for _ in range(1100):
        asker.ask()
        asker.clock.pass_s(30)
    assert asker.urls() == [A, B]


def test_while_all_fail_all_are_asked_in_order():
    """When none answers it is an outage; meanwhile each is asked, in order, and one success is enough."""
    asker = pair(RESET, DOWN)
    for _ in range(5):
        assert asker.urls() == [A, B]
    asker.answers[B] = GOOD
    assert asker.ask() == ACTIVE
    assert asker.urls() == [B]
    asker.clock.pass_s(1)
    assert asker.urls() == [A, B]


def test_calls_that_fail_together_are_one_failure():
    """A burst of calls that were under way when an endpoint died lets it be left alone no longer than one would."""
    asker = pair()
    left = [1] * 20

    def dies():
        if left:
            left.pop()
            asker.ask()
        return RESET

    asker.answers[A] = dies
    asker.ask()
    assert asker.transport.hits == {A: 21, B: 21}
    asker.clock.pass_s(1)
    assert asker.urls() == [A, B]


def test_one_that_asks_for_it_is_left_alone_for_longer():
    """Retry-After counts where it is longer than our own time, even if it comes while the endpoint is known to fail."""
    asker = pair(busy(20))
    asker.ask()
    asker.clock.pass_s(19)
    assert asker.urls() == [B]
    asker.clock.pass_s(1)
    asker.answers |= {A: RESET, B: RESET}
    asker.outage()
    asker.answers[A] = busy(30, 503)
    asker.outage()
    asker.answers[B] = GOOD
    asker.clock.pass_s(29)
    assert asker.urls() == [B]
    asker.clock.pass_s(1)
    assert asker.urls() == [A, B]


def test_a_bad_request_is_not_held_against_an_endpoint():
    """What is said of one token is not asked of the next endpoint, moves none behind another, and forgives nothing."""
    asker = pair(TOKEN_SAID)
    assert [asker.urls(), asker.urls()] == [[A]] * 2
    asker = pair(RESET)
    asker.ask()
    asker.answers |= {A: TOKEN_SAID, B: TOKEN_SAID}
    assert asker.urls() == [B]
    asker.answers |= {A: GOOD, B: GOOD}
    assert asker.urls() == [B]


@pytest.mark.parametrize(
    ("one", "other", "status", "is_outage", "wait_s"),
    [
        (DOWN, said({}, 502), 500, True, 0),
        (TOKEN_SAID, DOWN, 400, False, 0),
        (TOKEN_SAID, busy(7), 400, False, 0),
        (TOKEN_SAID, said({}, 404), 400, False, 0),
        (busy(7), DOWN, 500, True, 0),
        (busy(7), busy(3), 429, False, 3),
        (busy(7), busy(3, 503), 503, True, 3),
        (busy(5), busy(5, 503), 429, False, 5),
    ],
    ids=["500 502", "400 500", "400 429", "400 404", "429 500", "429 429", "429 503", "even"],
)
def test_failures_of_different_kinds(one, other, status, is_outage, wait_s):
    """Whoever fails first: one that is there speaks for all, and all are left alone only if all asked for it."""
    for answers in ((one, other), (other, one)):
        flaw = pair(*answers).outage()
        assert (flaw.is_outage, flaw.wait_s) == (is_outage, wait_s)
        assert flaw.why == f"introspection endpoint: status {status}" or status == 500


def test_a_dying_endpoint_is_nobodys_outage():
    """Over a minute in which the first endpoint dies and comes back no call goes unanswered."""
    asker = pair()
    for second in range(60):
        asker.answers[A] = asker.slow() if 10 <= second < 40 else GOOD
        assert asker.ask() == ACTIVE
        asker.clock.pass_s(1)
    assert asker.urls() == [A]
