"""How long answers about users are remembered, how many, and of whom."""

import pytest

from kmvalidate import KeyManagerUnavailable
from kmvalidate.introspecting import MAX_KEPT_BYTES
from kmvalidate.ports import run
from tests.concurrency.callers import Crowd, Gated
from tests.introspecting.asking_helpers import said
from tests.signing import NOW, with_claims
from tests.test_userinfo import ALICE, BEARER, ENDPOINT, OTHER, USER, Desk, verified


def test_an_answer_is_used_for_as_long_as_it_says():
    """An answer is used until its time is over, counted from when it was asked for, and not a moment longer."""
    desk = Desk(ttl_s=60)
    desk.answers(lambda: desk.clock.pass_s(3) or said(ALICE))
    assert desk.claims() == USER
    desk.clock.pass_s(56.5)
    assert (desk.claims(), desk.asked) == (USER, 1)
    desk.clock.pass_s(0.5)
    assert (desk.claims(), desk.asked) == (USER, 2)


@pytest.mark.parametrize("ttl_s", [0, 0.0])
def test_nothing_is_remembered_for_no_time(ttl_s):
    """Where answers are good for no time every call asks."""
    desk = Desk(ttl_s=ttl_s)
    assert [desk.claims() for _ in range(3)] == [USER] * 3
    assert desk.asked == 3
    assert len(desk.userinfo._memory) == 0


def test_an_answer_ends_with_its_token():
    """However long answers are remembered, one about a token is not used beyond that token's end."""
    bearer, desk = with_claims(exp=NOW + 20), Desk(ttl_s=3600)
    assert desk.claims(bearer) == USER
    desk.clock.pass_s(19.5)
    assert (desk.claims(bearer), desk.asked) == (USER, 1)
    desk.clock.pass_s(0.5)
    assert (desk.claims(bearer), desk.asked) == (USER, 2)


def test_a_token_within_the_leeway_is_asked_about_each_time():
    """A token that is good only by the leeway is asked about, and nothing of it is remembered."""
    bearer, desk = with_claims(exp=NOW - 20), Desk()
    assert [desk.claims(bearer), desk.claims(bearer)] == [USER] * 2
    assert desk.asked == 2
    assert len(desk.userinfo._memory) == 0


@pytest.mark.parametrize(("status", "reason"), [(401, "INACTIVE"), (403, "INSUFFICIENT_SCOPE")])
@pytest.mark.parametrize(("ttl_s", "kept_s"), [(300, 10), (4, 4)])
def test_a_no_is_remembered_briefly(status, reason, ttl_s, kept_s):
    """A token that the endpoint refuses is not asked about for ten seconds, or as long as answers are good."""
    desk = Desk(said(b"", status), ttl_s=ttl_s)
    assert [desk.says(), desk.says()] == [reason] * 2
    desk.answers(said(ALICE))
    desk.clock.pass_s(kept_s - 0.5)
    assert (desk.says(), desk.asked) == (reason, 1)
    desk.clock.pass_s(0.5)
    assert (desk.says(), desk.asked) == (USER, 2)


def test_a_no_ends_with_its_token():
    """A token whose end is near is not refused for longer than that by what is remembered."""
    bearer, desk = with_claims(exp=NOW + 4), Desk(said(b"", 401))
    assert desk.says(bearer) == "INACTIVE"
    desk.clock.pass_s(4)
    assert (desk.says(bearer), desk.asked) == ("INACTIVE", 2)


def test_a_no_is_no_claims_where_none_are_required():
    """A refusal that is remembered is no claims, each time, for whoever requires none."""
    desk = Desk(said(b"", 403), required=False)
    assert [desk.claims() for _ in range(3)] == [None] * 3
    assert desk.asked == 1


def test_no_failure_is_remembered():
    """After an answer that does not count the next call asks again."""
    desk = Desk(said(ALICE | {"sub": "mallory"}))
    assert [desk.says(), desk.says()] == ["KeyManagerUnavailable"] * 2
    desk.answers(said(ALICE))
    assert (desk.says(), desk.asked) == (USER, 3)


@pytest.mark.parametrize("beyond", [False, True])
def test_a_large_answer_is_used_and_not_remembered(beyond):
    """An answer whose claims need more room than is kept for one is asked for each time."""
    claims = {"x": "x" * (MAX_KEPT_BYTES - len('{"x":""}') + beyond)}
    desk = Desk(said({"sub": "alice"} | claims))
    assert [desk.claims(), desk.claims()] == [claims] * 2
    assert desk.asked == 1 + beyond


def test_what_is_kept_of_a_large_answer_counts():
    """A large answer of which few claims are kept is remembered, those alone."""
    desk = Desk(said(ALICE | {"photo": "x" * 50_000}), claims="email")
    assert [desk.claims(), desk.claims()] == [{"email": USER["email"]}] * 2
    assert desk.asked == 1


def test_so_many_answers_and_no_more():
    """Of more tokens than are remembered those that nobody asks for are forgotten, and asked about again."""
    desk = Desk(remember=10)
    bearers = [with_claims(jti=str(number)) for number in range(30)]
    assert [desk.claims(bearer) for bearer in bearers] == [USER] * 30
    assert len(desk.userinfo._memory) <= 10
    assert (desk.claims(bearers[-1]), desk.asked) == (USER, 30)
    assert (desk.claims(bearers[0]), desk.asked) == (USER, 31)


def test_each_token_has_an_answer_of_its_own():
    """What was answered for one token is used for no other, even of the same user."""
    desk, other = Desk(), with_claims(jti="other")
    assert desk.claims() == USER
    desk.answers(said({"sub": "alice", "email": "new"}))
    assert [desk.claims(other), desk.claims()] == [{"email": "new"}, USER]


def test_each_key_manager_has_answers_of_its_own():
    """One token that two key managers stand behind is asked about at the endpoint of each, even at one URL."""
    for url in (ENDPOINT, OTHER):
        desk = Desk(endpoints={"Test": ENDPOINT, ("acme", "Test"): url})
        desk.transport.answers[OTHER] = said(ALICE | {"email": "other"})
        desk.claims(), desk.claims(organization="acme")
        assert desk.asked == 2
        assert (desk.claims()["email"], desk.asked) == (USER["email"], 2)


def test_an_answer_is_for_one_subject():
    """One token that is found to be of another user by now is asked about again, and the old answer not used."""
    desk, bob = Desk(), verified(with_claims(sub="bob"))
    assert desk.claims() == USER
    with pytest.raises(KeyManagerUnavailable, match="somebody else"):
        run(desk.userinfo.claims_of(bob, BEARER, desk.ports, desk.flights))
    assert desk.asked == 2


def test_forgotten_answers():
    """What an operator lets be forgotten is asked again, a refusal too."""
    desk = Desk()
    assert desk.says() == USER
    desk.answers(said(b"", 401))
    desk.userinfo.forget()
    assert desk.says() == "INACTIVE"
    desk.answers(said(ALICE))
    desk.userinfo.forget()
    assert (desk.says(), desk.asked) == (USER, 3)


def test_answers_that_come_when_everything_was_forgotten():
    """A call that began before everything was forgotten is not waited for by who comes after, nor remembered."""
    desk = Desk(transport=Gated({ENDPOINT: said(ALICE)}), deadline_s=30)
    early, late = Crowd(), Crowd()
    early.start(desk.says)
    desk.transport.is_asked()
    desk.userinfo.forget()
    late.start(desk.says)
    desk.transport.is_asked()
    desk.userinfo.forget()
    desk.transport.open()
    assert [early.done(), late.done()] == [[USER], [USER]]
    desk.ports.settle()
    assert len(desk.userinfo._memory) == 0
    assert (desk.says(), desk.asked) == (USER, 3)


def test_an_answer_that_landed_meanwhile(monkeypatch):
    """Who looked before another call landed, and would ask after that, uses what the other was told."""
    desk = Desk()
    launch, turns = desk.flights.launch, []

    def late(*arguments):
        turns.append(None)
        if len(turns) == 1:
            assert desk.claims() == USER
            desk.ports.settle()
        return launch(*arguments)

    monkeypatch.setattr(desk.flights, "launch", late)
    assert (desk.claims(), desk.asked, len(turns)) == (USER, 1, 2)
