"""How many calls a provider gets in a minute, and for whom places are kept."""

import threading

import pytest

from kmvalidate.errors import ConfigurationError
from kmvalidate.introspecting._call_budget import Call, CallBudget, per_worker
from tests.fakes import WAIT_S, in_threads


def is_admitted(budget, now, *, known=False, active=False):
    """Ask for one call, say what its answer was, and return whether it might be made."""
    call = budget.admit(now, known)
    if not isinstance(call, Call):
        assert 0 < call <= 60
        return False
    if active:
        call.active()
    return True


def flood(budget, now, count=500):
    """Return how many of so many never-seen tokens, none of them active, were asked about."""
    return sum(is_admitted(budget, now) for _ in range(count))


def known_again(budget, now, count):
    """Return how many of so many known tokens, active still, were asked about."""
    return sum(is_admitted(budget, now, known=True, active=True) for _ in range(count))


def good_ones(budget, now, count):
    """Ask about so many tokens for the first time, and learn that they are active."""
    assert all(is_admitted(budget, now, active=True) for _ in range(count))


class TestTheLimit:
    """No 60 seconds see more calls than agreed."""

    @pytest.mark.parametrize("known", [False, True])
    def test_so_many_and_no_more(self, known):
        """Of either kind so many are admitted; the next when the first no longer counts, as it is told."""
        budget = CallBudget(3)
        assert all(isinstance(budget.admit(now, known), Call) for now in (100.0, 110.0, 120.0))
        assert budget.admit(130.0, known) == 30.0
        assert budget.admit(159.5, known) == 0.5
        assert isinstance(budget.admit(160.0, known), Call)
        assert budget.admit(160.0, known) == 10.0

    def test_both_kinds_together(self):
        """A known token gets no more than what the never-seen ones have left."""
        budget = CallBudget(5)
        assert flood(budget, 0.0, 3) == 3
        assert known_again(budget, 0.0, 5) == 2
        assert not is_admitted(budget, 59.0)

    def test_without_a_limit(self):
        """A budget of None admits everything, and what becomes of a call can be said all the same."""
        budget = CallBudget(None)
        assert flood(budget, 0.0, 1000) == 1000
        assert known_again(budget, 0.0, 1000) == 1000

    def test_one_a_minute(self):
        """A budget of one serves whoever comes first once the minute is over: there is no half of it to keep."""
        budget = CallBudget(1)
        good_ones(budget, 0.0, 1)
        assert not is_admitted(budget, 59.0, known=True)
        assert is_admitted(budget, 60.0)
        assert not is_admitted(budget, 60.0, known=True)

    @pytest.mark.parametrize("per_minute", [0, -1])
    def test_less_than_one_is_none(self, per_minute):
        """A budget that would never admit anything is a configuration error."""
        with pytest.raises(ConfigurationError, match="at least once"):
            CallBudget(per_minute)

    def test_time_that_stands_still_or_goes_back(self):
        """A time before that of an earlier call is taken as that one, and the limit holds."""
        budget = CallBudget(4)
        assert is_admitted(budget, 100.0)
        assert flood(budget, 40.0, 2) == 2
        assert is_admitted(budget, 159.0)
        assert budget.admit(90.0, known=False) == 1.0
        assert flood(budget, 160.0) == 3

    def test_threads_share_it(self):
        """Many threads that ask at once are admitted as often as one would be."""
        budget, calls, lock = CallBudget(50), [], threading.Lock()

        def work():
            for _ in range(20):
                call = budget.admit(0.0, known=False)
                with lock:
                    calls.append(call)

        for thread in in_threads(8, work):
            thread.join(WAIT_S)
        assert len(calls) == 160
        assert sum(isinstance(call, Call) for call in calls) == 50


class TestPlacesAreKept:
    """A flood of never-seen tokens leaves the known ones untouched."""

    def test_nothing_is_kept_for_nobody(self):
        """As long as no token was active, never-seen ones get everything."""
        assert flood(CallBudget(200), 0.0) == 200

    @pytest.mark.parametrize("begins_at", [1.0, 59.0, 60.0, 60.5, 61.0, 75.0])
    def test_a_flood_before_good_tokens_come_back(self, begins_at):
        """Whenever a flood begins, a hundred good tokens of a budget of two hundred all come back."""
        budget = CallBudget(200)
        for n in range(100):
            good_ones(budget, n / 100, 1)
        flood(budget, begins_at)
        for n in range(100):
            now = 75.0 + n / 10
            assert is_admitted(budget, now, known=True, active=True)
            flood(budget, now)

    def test_more_than_half_are_not_kept(self):
        """However many good tokens may come back, half of the budget is for new ones."""
        budget = CallBudget(200)
        good_ones(budget, 0.0, 180)
        assert flood(budget, 60.0) == 100
        assert known_again(budget, 60.0, 180) == 100

    def test_a_known_token_takes_the_place_kept_for_it(self):
        """What known tokens have taken is not kept for them once more, and the rest is for new ones."""
        budget = CallBudget(10)
        good_ones(budget, 0.0, 4)
        assert known_again(budget, 60.0, 3) == 3
        assert flood(budget, 60.0) == 6
        assert known_again(budget, 60.0, 2) == 1

    def test_a_token_that_does_not_come_back(self):
        """A place is kept for 60 seconds after the call no longer counts, not longer; a flood is told when."""
        budget = CallBudget(10)
        good_ones(budget, 0.0, 5)
        assert flood(budget, 80.0) == 5
        assert budget.admit(119.0, known=False) == 1.0
        assert flood(budget, 120.0) == 5

    def test_a_token_that_was_revoked(self):
        """A known token that is active no more leaves its place to the others."""
        budget = CallBudget(10)
        good_ones(budget, 0.0, 5)
        assert all(is_admitted(budget, 60.0, known=True) for _ in range(5))
        assert flood(budget, 120.0) == 10

    def test_inactive_tokens_reserve_nothing(self):
        """Tokens that were not active keep no places, so a flood does not outlive its minute."""
        budget = CallBudget(10)
        assert flood(budget, 0.0) == 10
        assert flood(budget, 60.0) == 10

    def test_saying_it_twice_or_late(self):
        """An answer counts once however often it is said, and not at all once its call has aged."""
        budget = CallBudget(10)
        twice = budget.admit(0.0, known=False)
        twice.active()
        twice.active()
        late = budget.admit(0.0, known=False)
        assert flood(budget, 60.0) == 9
        late.active()
        assert not is_admitted(budget, 60.0)
        assert known_again(budget, 60.0, 2) == 1

    def test_tokens_that_come_back_out_of_step(self):
        """The place of a token that is due is not taken for that of another that was asked about just now."""
        budget = CallBudget(4)
        for name_at in (0.0, 10.0):
            good_ones(budget, name_at, 1)
        for back_at in (70.0, 80.0, 140.0, 150.0, 210.0, 220.0):
            flood(budget, back_at - 10)
            flood(budget, back_at - 5)
            assert is_admitted(budget, back_at, known=True, active=True)


class TestTokensThatComeBackEarly:
    """A token that is remembered for less than 60 seconds has no place of its own yet."""

    @pytest.mark.parametrize(("per_minute", "is_kept"), [(2, False), (3, True), (200, True)])
    def test_one_place_is_kept(self, per_minute, is_kept):
        """While any token is active, one place of three or more is kept; of two, a new token gets the other."""
        budget = CallBudget(per_minute)
        good_ones(budget, 0.0, 1)
        assert flood(budget, 1.0) == per_minute - 1 - is_kept
        assert is_admitted(budget, 10.0, known=True) is is_kept

    def test_answers_that_come_in_another_order(self):
        """The place is kept for the token that was asked about last, though an earlier one answered after it."""
        budget = CallBudget(10)
        first, second = budget.admit(0.0, known=False), budget.admit(30.0, known=False)
        second.active()
        first.active()
        assert is_admitted(budget, 60.0, known=True)
        assert flood(budget, 61.0) == 7
        assert is_admitted(budget, 62.0, known=True)

    def test_never_seen_ones_get_half_when_one_was_turned_away(self):
        """For two minutes after a known token was turned away, a flood gets no more than half."""
        budget = CallBudget(10)
        assert flood(budget, 0.0) == 10
        assert not is_admitted(budget, 30.0, known=True)
        assert flood(budget, 60.0) == 5
        assert flood(budget, 149.0) == 5
        assert flood(budget, 149.9) == 0
        assert flood(budget, 150.0) == 5

    def test_a_flood_that_was_there_first(self):
        """Tokens asked about every ten seconds all get their places when the flood's first minute is over."""
        budget = CallBudget(40)
        assert flood(budget, 0.0) == 40
        for second in range(600):
            flood(budget, float(second))
            back = 3 if second % 10 == 0 else 0
            assert known_again(budget, float(second), back) == (0 if second < 60 else back)


@pytest.mark.parametrize(("workers", "calls"), [(1, 200), (3, 66), (200, 1), (1000, 1)])
def test_processes_share_what_they_get_together(workers, calls):
    """Each of several processes gets its part, rounded down, and at least one call."""
    assert per_worker(200, workers) == calls
