"""What becomes of one user does not close a userinfo endpoint for the others; an endpoint that is down is found out."""

from collections import Counter
from itertools import pairwise

import pytest

from kmvalidate import KeyManagerUnavailable
from kmvalidate.ports import AnswerTooLarge
from kmvalidate.tokens import parse_claims, recognise
from tests.fakes import FakeTransport
from tests.introspecting.asking_helpers import said
from tests.signing import with_claims
from tests.test_userinfo import ENDPOINT, Desk

DOWN = KeyManagerUnavailable.__name__
TOO_LARGE = {
    "beyond the cap": lambda sub: said({"sub": sub, "x": "x" * 200_000}),
    "cut off by the transport": lambda _: AnswerTooLarge("the answer is larger than the cap"),
}
FAILURES = {
    "500": lambda _: said(b"", 500),
    "503": lambda _: said(b"", 503),
    "404": lambda _: said(b"", 404),
    "302": lambda _: said(b"", 302),
    "cut off": lambda _: KeyManagerUnavailable("the connection broke off"),
    "transport error": lambda _: OSError("x"),
    "no response": lambda _: None,
}


class Users(FakeTransport):
    """An endpoint that knows every user by name; `said_of` has what it answers about some of them instead."""

    def __init__(self):
        super().__init__()
        self.said_of, self.asked_about = {}, Counter()

    def send(self, request, /):
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        sub = parse_claims(recognise(bearer, len(bearer)))["sub"]
        self.asked_about[sub] += 1
        known = self.said_of.get(sub, lambda sub: said({"sub": sub, "name": sub}))
        self.answers[ENDPOINT] = known(sub)
        return super().send(request)


class Town(Desk):
    """A desk that is asked about many users."""

    def __init__(self, **options):
        super().__init__(transport=Users(), **options)
        self.counter = 0

    def fails_for(self, how, *users):
        self.transport.said_of |= dict.fromkeys(users, how)

    def works(self):
        self.transport.said_of.clear()

    def of(self, sub, jti=None):
        """Return the name that is told of a user, or how asking ends, once nothing is under way."""
        found = self.says(with_claims(sub=sub, **({} if jti is None else {"jti": jti})))
        self.ports.settle()
        return found["name"] if not isinstance(found, str) else found

    def hammer(self, sub, times, new_tokens=True):
        """Return how asking about a user ends so many times, each with a token of their own, or always with one."""
        self.counter += times
        return {self.of(sub, f"{self.counter}-{turn}" if new_tokens else "same") for turn in range(times)}


@pytest.mark.parametrize("how", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("count", [1, 9])
def test_answers_that_are_too_large_keep_nobody_away(how, count):
    """However many users there are of whom an endpoint says too much, and however often, the others are asked about."""
    town, users = Town(), [f"mallory-{number}" for number in range(count)]
    town.fails_for(how, *users)
    for user in users:
        assert town.hammer(user, 5) == town.hammer(user, 5, new_tokens=False) == {DOWN}
        assert town.of(f"after-{user}") == f"after-{user}"
    assert town.transport.asked_about[users[0]] == 10


@pytest.mark.parametrize("how", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("new_tokens", [False, True])
def test_a_user_for_whom_it_fails_is_alone_with_it(how, new_tokens):
    """An endpoint that fails for one user alone, with one token or many, is asked about the others all along."""
    town = Town()
    town.fails_for(how, "mallory")
    for turn in range(10):
        assert town.hammer("mallory", 10, new_tokens) == {DOWN}
        assert town.of(f"bob-{turn}") == f"bob-{turn}"
        town.clock.pass_s(0.7)


def test_nobody_else_asks_between():
    """However long nobody but that user asks, the endpoint is open to whoever comes then."""
    town = Town()
    town.fails_for(FAILURES["500"], "mallory")
    for _ in range(60):
        town.clock.pass_s(1)
        town.hammer("mallory", 3)
    assert town.of("bob") == "bob"


def test_that_user_is_left_alone_too():
    """A user for whom it failed three times in a row is not asked about for a second, then ever more, up to five."""
    town, asked = Town(), []
    town.fails_for(FAILURES["500"], "mallory")
    for _ in range(200):
        before = town.transport.asked_about["mallory"]
        town.hammer("mallory", 1)
        asked += [town.clock.monotonic()] * (town.transport.asked_about["mallory"] - before)
        town.clock.pass_s(0.125)
    pauses = [later - sooner for sooner, later in pairwise(asked)]
    assert pauses[:2] == [0.125, 0.125]
    assert [0.9 <= pauses[2] <= 1.125, 1.8 <= pauses[3] <= 2.125, 3.6 <= pauses[4] <= 4.125] == [True] * 3
    assert all(4.5 <= pause <= 5.125 for pause in pauses[5:])
    town.works()
    town.clock.pass_s(5)
    assert town.hammer("mallory", 3) == {"mallory"}


def test_an_answer_begins_a_users_count_anew():
    """Failures for a user count only in a row: what is about one answer ends it, as an answer does."""
    town = Town()
    for between in (None, TOO_LARGE["beyond the cap"]):
        for _ in range(5):
            town.fails_for(FAILURES["500"], "mallory")
            assert town.hammer("mallory", 2) == {DOWN}
            town.works()
            if between:
                town.fails_for(between, "mallory")
            assert town.hammer("mallory", 1) == ({DOWN} if between else {"mallory"})
    assert town.transport.asked_about["mallory"] == 30


@pytest.mark.parametrize("how", FAILURES.values(), ids=FAILURES)
def test_three_users_show_that_it_is_down(how):
    """An endpoint that fails for three users in a row is left alone by all, and is found again."""
    town = Town()
    everybody = ["alice", "bob", "carol", "dave"]
    town.fails_for(how, *everybody)
    assert [town.of(user) for user in everybody] == [DOWN] * 4
    assert town.transport.asked_about == dict.fromkeys(everybody[:3], 1)
    town.works()
    assert town.of("eve") == DOWN
    town.clock.pass_s(1)
    assert [town.of(user) for user in ["eve", *everybody]] == ["eve", *everybody]


def test_two_users_do_not():
    """An endpoint that fails for two users, in whatever order, is asked about a third."""
    town = Town()
    town.fails_for(FAILURES["500"], "mallory", "mallet")
    for turn in range(12):
        town.clock.pass_s(turn)
        assert town.hammer("mallory", 2) == town.hammer("mallet", 1) == {DOWN}
    assert town.of("bob") == "bob"


def test_the_one_whom_it_still_fails_does_not_keep_it_closed():
    """When an endpoint is back for all but one, who never stops asking, the others are not kept away for long."""
    town = Town()
    town.fails_for(FAILURES["500"], "mallory", "bob", "carol")
    for user in ("mallory", "mallory", "mallory", "bob", "carol"):
        town.of(user)
    assert town.of("dave") == DOWN
    town.works()
    town.fails_for(FAILURES["500"], "mallory")
    came = []
    for turn in range(60):
        town.clock.pass_s(0.1)
        assert town.hammer("mallory", 3) == {DOWN}
        if town.of(f"dave-{turn}") != DOWN:
            came.append(turn)
    assert came[0] <= 30
    assert came == list(range(came[0], 60))


def test_a_user_is_told_of_the_longer_wait():
    """Who is left alone while the endpoint asked to be, too, is told of the longer of both."""
    town = Town()
    town.fails_for(FAILURES["500"], "mallory")
    town.hammer("mallory", 3)
    town.fails_for(lambda _: said(b"", 429, retry_after="30"), "bob")
    town.of("bob")
    assert town.outage(with_claims(sub="mallory")).retry_after_s == 30
    assert town.transport.asked_about["mallory"] == 3


def test_a_users_turn_while_the_endpoint_is_left_alone():
    """A user whose turn it is to try, while the endpoint is left alone by all, may try once it no longer is."""
    town = Town()
    town.fails_for(FAILURES["500"], "mallory")
    town.hammer("mallory", 3)
    town.fails_for(lambda _: said(b"", 429, retry_after="3"), "bob")
    town.of("bob")
    town.works()
    town.clock.pass_s(1)
    assert town.of("mallory") == DOWN
    town.clock.pass_s(2)
    assert town.of("mallory") == "mallory"


def test_users_are_told_apart_by_issuer():
    """Two users of one name, of two issuers, fail each for themselves."""
    town = Town()
    breakers = town.userinfo._places[None, "Test"].breakers
    for _ in range(3):
        breakers.of(("https://a.example", "sam")).failed(1000.0, 1000.0)
    assert breakers.of(("https://a.example", "sam")).wait_s(1000.0) > 0
    assert breakers.of(("https://b.example", "sam")).wait_s(1000.0) == 0
