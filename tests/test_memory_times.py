"""Remembered tokens and the time: to the last fraction of a second what a fresh verification would say."""

import math
from functools import partial
from itertools import chain

import pytest

from tests.estate import Estate, count_signatures, pinned, token_of
from tests.signing import ABSENT, NOW

TIMES = [
    {},
    {"exp": NOW + 1},
    {"exp": NOW + 0.5},
    {"exp": NOW + 0.1 + 0.2},
    {"exp": NOW + 1e-6},
    {"exp": NOW - 0.1},
    {"exp": 10**15},
    {"exp": 1e300, "nbf": -1e300, "iat": -5},
    {"nbf": ABSENT, "iat": ABSENT},
    {"nbf": ABSENT},
    {"iat": ABSENT},
    {"nbf": NOW + 0.3, "iat": NOW - 5.7},
    {"nbf": NOW - 7.9, "iat": NOW + 0.7},
    {"nbf": NOW - 1, "iat": NOW - 1, "exp": NOW},
    {"nbf": 0, "iat": 0},
]
RULES = [
    {"leeway_s": 0},
    {"leeway_s": 60},
    {"leeway_s": 0.1},
    {"leeway_s": 59.9},
    {"leeway_s": 300},
    {"leeway_s": 1, "max_age_s": 30},
    {"leeway_s": 0.1, "max_age_s": 5.7},
    {"leeway_s": 60, "max_lifetime_s": 310},
    {"leeway_s": 0.3, "max_age_s": 11.1, "max_lifetime_s": 1e6},
]


def at(estate, bearer, *times):
    """Return what a token gets at each of these times."""
    found = []
    for now in times:
        estate.clock.wall = partial(float, now)
        found += estate.verdicts(bearer)
    return found


def moments(claims, rules):
    """Return the times at which something may change, each with its neighbours, there and back again."""
    leeway_s, age_s = rules["leeway_s"], rules.get("max_age_s", 0)
    times = {"exp": NOW + 300, "nbf": NOW - 10, "iat": NOW - 10} | claims
    ends = [
        times[name] + change
        for name in times
        for change in (leeway_s, -leeway_s, age_s + leeway_s, 0)
        if times[name] is not ABSENT
    ]
    near = chain.from_iterable(
        (end - 1, math.nextafter(end, -math.inf), end, math.nextafter(end, math.inf), end + 1)
        for end in ends
        if 0 <= end < 1e12
    )
    forth = sorted({NOW, NOW + 0.5, NOW - 0.25, *near})
    return [*forth, *reversed(forth), *forth[::3]]


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("claims", TIMES, ids=lambda claims: str(claims).replace("Ellipsis", "-"))
def test_a_remembered_token_is_judged_like_a_fresh_one(claims, rules):
    """At every boundary, on both sides of it, forwards and backwards, a remembered token gets the fresh verdict."""
    estate, fresh = Estate(pinned("a", **rules)), Estate(pinned("a", **rules), remember=0)
    bearer, times = token_of("a", **claims), moments(claims, rules)
    assert list(zip(times, at(estate, bearer, *times), strict=True)) == list(
        zip(times, at(fresh, bearer, *times), strict=True)
    )


@pytest.mark.parametrize("rules", [{}, {"max_age_s": 3600}], ids=str)
def test_a_token_stays_remembered_while_it_is_good(rules, monkeypatch):
    """While a token is good it is verified once, wherever the clock steps; while it is not it is not forgotten."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(pinned("a", leeway_s=60, **rules)), token_of("a")
    assert at(estate, bearer, NOW, NOW + 359.5, NOW - 69.5, NOW + 300, NOW - 70) == ["a"] * 5
    assert counted == ["a"]
    assert at(estate, bearer, NOW + 360, NOW - 70.5, NOW) == ["EXPIRED", "NOT_YET_VALID", "a"]


def test_a_remembered_token_grows_too_old():
    """A remembered token is refused from the moment it is too old, and with the fresh one's reason."""
    estate, bearer = Estate(pinned("a", max_age_s=60, leeway_s=0)), token_of("a", iat=NOW, nbf=NOW)
    assert at(estate, bearer, NOW, NOW + 60, NOW + 60.001, NOW + 59) == ["a", "a", "TOO_OLD", "a"]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf], ids=repr)
def test_a_clock_that_tells_no_time_grants_nothing(odd):
    """With a clock that shows no number a remembered token is refused like a fresh one."""
    for bearer in (token_of("a"), token_of("a", nbf=ABSENT, iat=ABSENT)):
        estate = Estate(pinned("a"))
        assert estate.verdict(bearer) == "a"
        estate.clock.wall = lambda: odd
        assert estate.verdict(bearer) != "a"


def test_a_token_that_was_early_becomes_good():
    """A token that was refused because it was not valid yet is accepted later, and refused again before that."""
    estate, bearer = Estate(pinned("a", leeway_s=0)), token_of("a", nbf=NOW + 10)
    early, times = "NOT_YET_VALID", (NOW, NOW + 9.999, NOW + 10, NOW + 9.999, NOW + 300)
    assert at(estate, bearer, *times) == [early, early, "a", early, "EXPIRED"]


def test_a_verified_token_tells_its_times():
    """The times of a verified token are its claims', remembered or not; the later of nbf and iat is its start."""
    estate = Estate(pinned("a"))
    for claims, starts_at in (
        ({}, NOW - 10),
        ({"nbf": NOW - 1}, NOW - 1),
        ({"iat": NOW - 2.5}, NOW - 2.5),
        ({"nbf": ABSENT}, NOW - 10),
        ({"nbf": ABSENT, "iat": ABSENT}, 0),
    ):
        for _ in range(3):
            verified = estate.validator.authenticate(token_of("a", **claims))
            assert (verified.starts_at, verified.expires_at) == (starts_at, NOW + 300)
