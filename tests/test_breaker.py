"""When a provider that fails is left alone, on a clock that is set."""

import math

import pytest

from kmvalidate.asking import Breaker
from tests.fakes import WAIT_S, in_threads


def breaker(**arguments):
    """Return a breaker whose times are not spread."""
    return Breaker(**{"spread": lambda: 0.0} | arguments)


def opened(at=100.0, **arguments):
    """Return a breaker that opened after five failures."""
    made = breaker(**arguments)
    assert [made.failed(at) for _ in range(5)] == [False] * 4 + [True]
    return made


def probed(made, at):
    """Let a probe go and fail, and return the seconds until the next."""
    assert made.wait_s(at) == 0.0
    assert made.failed(at, at) is False
    return made.wait_s(at)


class TestClosed:
    """Everybody may call."""

    def test_nobody_waits(self):
        """Nobody waits as long as fewer calls in a row failed than it takes."""
        made = breaker()
        assert not any(made.failed(float(n)) for n in range(4))
        assert made.failures == 4
        assert made.wait_s(4.0) == 0.0
        assert not made.is_open(4.0)

    def test_an_answer_begins_the_count_anew(self):
        """Failures count only in a row; an answer of an endpoint that was reachable is no news."""
        made = breaker(failures=2)
        assert not made.failed(1.0)
        assert made.succeeded() is False
        assert made.failures == 0
        assert not made.failed(2.0)
        assert made.failed(3.0)

    def test_failures_for_one_count_once(self):
        """Of failures for the same one in a row the first counts, until there is an answer."""
        made = breaker(failures=3)
        for _ in range(2):
            assert not any(made.failed(1.0, 1.0, whose) for whose in ("a", "a", "b", "a", "b"))
            assert made.failures == 2
            made.succeeded()
        assert [made.failed(1.0, 1.0, whose) for whose in ("a", "b", "b", "c")] == [False] * 3 + [True]
        assert made.failures == 3

    def test_failures_for_nobody_count_each(self):
        """Where it does not matter for whom they are, failures count each."""
        made = breaker(failures=3)
        assert [made.failed(1.0, 1.0, whose) for whose in (None, "a", None)] == [False, False, True]

    def test_threads_share_it(self):
        """Of many threads that fail at once, exactly one opens it."""
        made, told = breaker(failures=100), []

        def work():
            told.extend([made.failed(1.0, 1.0) for _ in range(25)])

        for thread in in_threads(4, work):
            thread.join(WAIT_S)
        assert (len(told), sum(told)) == (100, 1)


class TestOpen:
    """Nobody may call for a time."""

    def test_everybody_waits(self):
        """It opens for one second at first, and says how long that is."""
        made = opened()
        assert made.failures == 5
        assert (made.wait_s(100.0), made.wait_s(100.75)) == (1.0, 0.25)
        assert made.is_open(100.99)
        assert not made.is_open(101.0)

    def test_it_stays_open_longer_with_each_failed_probe(self):
        """The times double up to the longest, and begin anew once it was reachable."""
        made, now, waits = opened(), 101.0, []
        for _ in range(6):
            waits.append(probed(made, now))
            now += waits[-1]
        assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        assert made.failures == 11
        assert made.wait_s(now) == 0.0
        assert made.succeeded() is True
        assert [made.failed(now) for _ in range(5)][-1] is True
        assert made.wait_s(now) == 1.0

    @pytest.mark.parametrize(("part", "wait"), [(0.0, 1.0), (0.5, 0.95), (1.0, 0.9)])
    def test_times_are_spread(self, part, wait):
        """Each time is shorter by up to a tenth, so that not all processes come back at once."""
        assert opened(spread=lambda: part).wait_s(100.0) == pytest.approx(wait)

    def test_it_is_spread_by_itself(self):
        """Without being told how, it spreads its times at random, between nine tenths and all of them."""
        made = Breaker(failures=1)
        assert made.failed(0.0)
        assert 0.9 <= made.wait_s(0.0) <= 1.0

    def test_a_shorter_longest_time(self):
        """No time is longer than the longest, the first included."""
        made = opened(max_backoff_s=0.5)
        assert made.wait_s(100.0) == 0.5
        assert probed(made, 100.5) == 0.5

    @pytest.mark.parametrize("began_at", [90.0, 100.0, None])
    def test_late_failures_do_not_prolong_it(self, began_at):
        """Calls that were on their way when it opened, and fail later, change nothing."""
        made = opened()
        assert made.failed(100.5, began_at) is False
        assert (made.failures, made.wait_s(100.5)) == (5, 0.5)

    def test_a_late_answer_closes_it(self):
        """An answer shows that the endpoint is reachable, whenever it was asked for."""
        made = opened()
        assert made.succeeded() is True
        assert made.succeeded() is False
        assert (made.failures, made.wait_s(100.5), made.is_open(100.5)) == (0, 0.0, False)
        assert made.failed(100.5, 99.0) is False
        assert made.failures == 0

    def test_failures_from_before_do_not_count_after_it(self):
        """Calls that began before an outage was over say nothing of what comes after it."""
        made = opened()
        assert made.wait_s(101.0) == 0.0
        assert made.succeeded()
        assert made.failed(102.0, 99.0) is False
        assert made.failures == 0
        assert made.failed(102.0, 101.5) is False
        assert made.failures == 1


class TestHalfOpen:
    """One caller at a time tries."""

    def test_one_probe(self):
        """When its time is over one caller may call, and everybody else waits for what comes of that."""
        made = opened()
        assert made.wait_s(103.0) == 0.0
        assert [made.wait_s(103.0), made.wait_s(105.0)] == [10.0, 8.0]
        assert made.is_open(105.0)
        assert made.succeeded() is True
        assert [made.wait_s(105.0)] * 3 == [0.0] * 3

    def test_one_of_many_threads_is_the_probe(self):
        """Of many threads that come at once, exactly one is let through."""
        made, waits = opened(), []
        for thread in in_threads(8, lambda: waits.append(made.wait_s(101.0))):
            thread.join(WAIT_S)
        assert sorted(waits) == [0.0] + [10.0] * 7

    def test_a_probe_counts_for_whomever_it_is(self):
        """A probe that fails, for one for whom calls failed before too, has the next wait longer."""
        made = breaker(failures=2)
        assert [made.failed(100.0, 100.0, whose) for whose in ("a", "b")] == [False, True]
        assert made.wait_s(101.0) == 0.0
        assert made.failed(101.0, 101.0, "a") is False
        assert (made.failures, made.wait_s(101.0)) == (3, 2.0)

    def test_a_lost_probe(self):
        """A probe that is not heard of is replaced; what it says after that does not count against the next."""
        made = opened(probe_s=3.0)
        assert made.wait_s(101.0) == 0.0
        assert made.wait_s(103.5) == 0.5
        assert made.wait_s(104.0) == 0.0
        assert made.failed(104.5, 101.0) is False
        assert made.failures == 5
        assert made.wait_s(104.5) == 2.5
        assert made.failed(105.0, 104.0) is False
        assert made.failures == 6
        assert made.wait_s(105.0) == 2.0

    def test_late_failures_are_not_the_probes(self):
        """While a probe is on its way, calls that began before it and fail leave it the last word."""
        made = opened()
        assert made.wait_s(101.0) == 0.0
        assert made.failed(101.5, 100.9) is False
        assert made.failures == 5
        assert made.succeeded() is True

    def test_a_short_outage(self):
        """Through sixty seconds of outage, with a call a second tried, few probes go, and the end is noticed soon."""
        made, calls, now = breaker(), [], 0.0
        while not (now >= 60.0 and made.failures == 0):
            if made.wait_s(now) == 0.0:
                calls.append(now)
                if now < 60.0:
                    made.failed(now, now)
                else:
                    made.succeeded()
            now += 1.0
        assert calls == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0, 65.0]


class TestHold:
    """An endpoint that asks for a pause gets one."""

    def test_everybody_waits(self):
        """Nobody calls for as long as it asked for, and that is no failure."""
        made = breaker()
        made.hold(100.0, 7.0)
        assert (made.wait_s(101.0), made.wait_s(107.0)) == (6.0, 0.0)
        assert made.failures == 0
        assert not made.is_open(101.0)

    @pytest.mark.parametrize(
        ("asked", "held"), [(-5.0, 0.0), (0, 0.0), (60, 60.0), (86400.0, 60.0), (math.inf, 60.0), (math.nan, 0.0)]
    )
    def test_within_reason(self, asked, held):
        """It is held for no longer than a minute, whatever was asked for."""
        made = breaker()
        made.hold(100.0, asked)
        assert made.wait_s(100.0) == held

    def test_the_longest_counts(self):
        """A shorter time asked for later does not end a longer one, and an answer does not either."""
        made = breaker()
        made.hold(100.0, 30.0)
        made.hold(101.0, 2.0)
        assert made.succeeded() is False
        assert made.wait_s(110.0) == 20.0

    def test_a_hold_sends_no_probe(self):
        """While an open one is held nobody is the probe; after that, one caller is."""
        made = opened()
        made.hold(100.0, 5.0)
        assert made.wait_s(102.0) == 3.0
        assert made.wait_s(105.0) == 0.0
        assert made.wait_s(105.0) == 10.0

    def test_a_hold_that_ends_before_it_is_tried(self):
        """A hold does not shorten the time for which it is open."""
        made = opened()
        made.hold(100.0, 0.25)
        assert made.wait_s(100.0) == 1.0
