"""
Laws of the call budget, whatever asks when.

The second one in full: while no more than half of the budget's calls are due at once, and every known token is asked
about 60 to 120 seconds after the last call that said it was active, every known token is admitted.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from kmvalidate.introspecting._call_budget import Call, CallBudget

pytestmark = pytest.mark.law

pauses = st.sampled_from([0.0, 0.0, 0.0, 0.1, 1.0, 7.3, 30.0, 59.9, 60.0, 61.0, 200.0, -5.0])
askings = st.lists(st.tuples(pauses, st.booleans(), st.booleans(), st.integers(1, 12)), max_size=60)
sizes = st.integers(1, 12)


def most_in_a_minute(times: list[float]) -> int:
    """Return how many of *times*, in their order, lie in the fullest minute."""
    return max((sum(start <= at < start + 60.0 for at in times) for start in times), default=0)


class TestTheLimit:
    """No minute sees more calls than agreed."""

    @given(sizes, askings)
    def test_no_minute_sees_more(self, per_minute, asking):
        """In no 60 seconds more calls are made, whoever asks when and whatever they are told; waits are positive."""
        budget, now, made, calls = CallBudget(per_minute), 0.0, [], []
        for pause, known, active, count in asking:
            now += pause
            for _ in range(count):
                call = budget.admit(now, known)
                if not isinstance(call, Call):
                    assert 0.0 < call < 60.001
                    event("turned away")
                    continue
                made.append(call.made_at)
                calls.append(call)
                if active:
                    calls[len(calls) // 2].active()  # an answer that comes late, and maybe twice
        assert made == sorted(made)
        assert most_in_a_minute(made) <= per_minute

    @given(sizes, askings)
    def test_it_is_not_stingy(self, per_minute, asking):
        """A known token is turned away only when the last minute is full, a new one when half of it is."""
        budget, now, made = CallBudget(per_minute), 0.0, []
        for pause, known, active, count in asking:
            now += abs(pause)
            for _ in range(count):
                recent = sum(now < at + 60.0 for at in made)
                call = budget.admit(now, known)
                if isinstance(call, Call):
                    made.append(now)
                    if active:
                        call.active()
                else:
                    assert recent >= (per_minute if known else per_minute - per_minute // 2)

    @given(sizes, askings)
    def test_whoever_waits_as_told_gets_in(self, per_minute, asking):
        """A known token that comes back after the seconds it was told, when nobody else did, is admitted."""
        budget, now = CallBudget(per_minute), 0.0
        for pause, known, active, count in asking:
            now += abs(pause)
            for _ in range(count):
                call = budget.admit(now, known)
                if isinstance(call, Call) and active:
                    call.active()
        call = budget.admit(now, known=True)
        if not isinstance(call, Call):
            assert isinstance(budget.admit(now + call + 1e-6, known=True), Call)
            event("waited")


class TestPlacesAreKept:
    """A flood of never-seen tokens leaves the known ones untouched."""

    @given(st.data())
    def test_known_tokens_come_back(self, data):
        """Known tokens, at most half the budget, asked about every 60 to 120 seconds, never find a place taken."""
        per_minute = data.draw(st.integers(2, 24))
        count = data.draw(st.integers(1, per_minute // 2))
        budget = CallBudget(per_minute)
        for name, begins_at, seconds in self.everybody(data, count):
            if name is None:
                for _ in range(per_minute + 1):
                    budget.admit(begins_at, known=False)
                continue
            call = budget.admit(begins_at, known=seconds > 0)
            assert isinstance(call, Call), f"token {name} was turned away at {begins_at}"
            call.active()

    @staticmethod
    def everybody(data, count):
        """Return who asks when, in order: tokens by number with the seconds since their last call, floods as None."""
        periods = st.floats(60.0, 119.0) | st.sampled_from([60.0, 61.0, 75.0, 90.0, 119.0])
        asked = []
        for name in range(count):
            at = data.draw(st.floats(0.0, 59.0))
            asked.append((name, at, 0.0))
            for period in data.draw(st.lists(periods, max_size=6)):
                at += period
                asked.append((name, at, period))
        first = max(at for _, at, seconds in asked if seconds == 0)
        times = sorted({at for _, at, _ in asked if at >= first})
        floods = set(times) | {(a + b) / 2 for a, b in pairwise(times)}
        floods |= {at + 60.0 for _, at, _ in asked} | set(data.draw(st.lists(st.floats(first, 600.0), max_size=20)))
        # A flood begins after the last token was first seen, and comes before and after every one that is due.
        before = [(None, at, -1.0) for at in floods if at > first]
        after = [(None, at, 1e9) for at in floods if at > first]
        return sorted([*before, *asked, *after], key=lambda one: (one[1], one[2]))

    @given(st.integers(12, 60), st.lists(st.sampled_from([5, 6, 10, 12, 15, 20, 30]), min_size=1, max_size=8))
    def test_tokens_remembered_for_less(self, per_minute, periods):
        """Known tokens that ask for no more than half get all they ask for once a flood's first minute is over."""
        budget, half = CallBudget(per_minute), per_minute // 2
        kept = [period for n, period in enumerate(periods) if sum(60 // other for other in periods[: n + 1]) <= half]
        for second in range(240):
            for _ in range(per_minute):
                budget.admit(second, known=False)
            for period in kept:
                if second % period == 0:
                    call = budget.admit(second, known=True)
                    assert isinstance(call, Call) or second < 60
                    if isinstance(call, Call):
                        call.active()
        event(f"{len(kept)} tokens")
