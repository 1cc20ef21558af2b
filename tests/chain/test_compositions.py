"""Checks made of checks: their truth tables, and who gives the reason."""

import itertools

import pytest

from kmvalidate.apis import AuthType
from kmvalidate.chain import AllOf, AnyOf, Not, ReportOnly, TokenTypeCheck, ValidatorChain
from kmvalidate.demands import Demands
from kmvalidate.errors import Reason, Refused
from tests.chain.making import PASSES, Says, case, typed, verdict
from tests.signing import refusal

#: What three members may say, each that refuses with a reason of its own.
REASONS = (Reason.REVOKED, Reason.API_BLOCKED, Reason.MISSING_ROLE)
ROWS = [row for size in range(4) for row in itertools.product([True, False], repeat=size)]


def members(row):
    return [Says(None if passes else reason) for passes, reason in zip(row, REASONS, strict=False)]


def first_of(row):
    """Return the reason of the first that refuses."""
    return next(reason.name for passes, reason in zip(row, REASONS, strict=False) if not passes)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("kind", [AllOf, lambda *checks: ValidatorChain(checks)], ids=["AllOf", "chain"])
def test_all_of_refuses_what_any_refuses(kind, row):
    """All of them must pass, the first that refuses gives the reason and ends it, and none at all refuse."""
    checks = members(row)
    said = "FORBIDDEN" if not row else "GOOD" if all(row) else first_of(row)
    assert verdict(kind(*checks)) == said
    asked = len(row) if all(row) else row.index(False) + 1
    assert [check.asked for check in checks] == [1] * asked + [0] * (len(row) - asked)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_any_of_refuses_what_all_refuse(row):
    """One that passes is enough and ends it, else the first gives the reason, and none at all refuse."""
    checks = members(row)
    said = "FORBIDDEN" if not row else "GOOD" if any(row) else REASONS[0].name
    assert verdict(AnyOf(*checks)) == said
    asked = row.index(True) + 1 if any(row) else len(row)
    assert [check.asked for check in checks] == [1] * asked + [0] * (len(row) - asked)


def test_not_turns_a_verdict_round():
    """What refuses lets pass under Not, and the other way round with a reason of its own and its hint."""
    assert verdict(Not(Says(Reason.REVOKED))) == "GOOD"
    assert verdict(Not(PASSES)) == "FORBIDDEN"
    refused = refusal(Not(PASSES, hint="Not on Sundays.").check, case())
    assert (refused.hint, refused.key_manager, refused.reason.status) == ("Not on Sundays.", "Test", 403)
    assert refusal(Not(PASSES).check, case()).hint is None


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("two", [True, False])
def test_the_laws_of_de_morgan_hold(one, two):
    """Not all is any not, and not any is all not."""
    checks = members([one, two])
    both = Not(AllOf(*checks)), AnyOf(*map(Not, checks))
    assert [verdict(check) for check in both] == ["FORBIDDEN" if one and two else "GOOD"] * 2
    none = Not(AnyOf(*checks)), AllOf(*map(Not, checks))
    assert [verdict(check) for check in none] == ["FORBIDDEN" if one or two else "GOOD"] * 2


@pytest.mark.parametrize("empty", [AllOf, AnyOf, lambda: ValidatorChain(())], ids=["AllOf", "AnyOf", "chain"])
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda empty: empty,
        AllOf,
        AnyOf,
        lambda empty: AllOf(PASSES, empty),
        lambda empty: AnyOf(empty, Says(Reason.REVOKED)),
        lambda empty: ValidatorChain([empty]),
        lambda empty: ValidatorChain([PASSES, AllOf(PASSES, AnyOf(empty))]),
    ],
    ids=["itself", "all", "any", "after one", "before one", "chain", "deep"],
)
def test_nothing_refuses_wherever_it_stands(empty, wrapped):
    """A composition of no checks refuses, and is not skipped where it is a member of another."""
    refused = refusal(wrapped(empty()).check, case())
    assert refused.reason is Reason.FORBIDDEN
    assert "there are no checks" in refused.hint


@pytest.mark.parametrize("empty", [AllOf, AnyOf, lambda: ValidatorChain(())], ids=["AllOf", "AnyOf", "chain"])
def test_the_negation_of_nothing_refuses_too(empty):
    """Not of a composition that lost its checks lets nothing pass, however deep it is."""
    for check in (Not(empty()), Not(Not(empty())), Not(AnyOf(empty(), AllOf(empty()))), Not(ReportOnly())):
        assert verdict(check) == verdict(AllOf(check)) == verdict(AnyOf(check)) == "FORBIDDEN"
    assert [verdict(kind(ReportOnly())) for kind in (AllOf, AnyOf)] == ["FORBIDDEN"] * 2


@pytest.mark.parametrize("kind", [AllOf, AnyOf, Not, lambda check: ValidatorChain([check])])
@pytest.mark.parametrize("error", [ValueError("x"), KeyError(), RecursionError(), ZeroDivisionError()], ids=repr)
def test_what_a_member_raises_is_no_verdict(kind, error):
    """What is no refusal passes through every composition, and neither passes nor refuses anything."""

    def fails(_):
        raise error

    with pytest.raises(type(error)) as caught:
        kind(fails).check(case())
    assert caught.value is error


def test_any_of_does_not_go_on_after_an_error():
    """An accident of a member is not made good by one after it that passes."""

    def fails(_):
        raise LookupError

    with pytest.raises(LookupError):
        AnyOf(Says(Reason.REVOKED), fails, PASSES).check(case())


def test_members_may_be_of_every_kind():
    """Objects with a check, functions, demands and compositions stand side by side."""

    def named(of):
        if of.token.subject != "alice":
            raise Refused(Reason.FORBIDDEN, got=of.token.subject)

    every = AllOf(PASSES, named, Demands(any_role="cook"), AnyOf(Not(named), PASSES))
    assert verdict(every, case(roles=["cook"])) == "GOOD"
    assert verdict(every, case(roles=["chef"])) == "MISSING_ROLE"
    assert refusal(every.check, case(roles=["cook"], sub="eve")).got == "eve"
    assert repr(every) == "AllOf(Says, named, Demands, AnyOf)"
    assert every.checks[:2] == (PASSES, named)


UNDECIDED = Demands(any_group="suspended")
OF_NO_TYPE = TokenTypeCheck()


@pytest.mark.parametrize("groups", [{"suspended": 1}, [1, "suspended"], 7], ids=repr)
def test_what_cannot_be_told_is_refused_turned_round_too(groups):
    """Groups in a form they do not have are no groups that a token surely lacks."""
    unknown = case(groups=groups)
    for check in (UNDECIDED, Not(UNDECIDED), Not(AllOf(UNDECIDED)), Not(AnyOf(UNDECIDED))):
        assert verdict(ValidatorChain([check]), unknown) == "UNKNOWN_ROLES"


@pytest.mark.parametrize(
    "row", list(itertools.permutations([Says(Reason.REVOKED), UNDECIDED, Says(Reason.API_BLOCKED)]))
)
def test_any_of_says_that_somebody_could_not_tell(row):
    """Where all alternatives refuse and one could not tell, that is the reason, and is not turned round."""
    unknown = case(groups=7)
    assert verdict(AnyOf(*row), unknown) == "UNKNOWN_ROLES"
    assert verdict(Not(AnyOf(*row)), unknown) == "UNKNOWN_ROLES"


def test_a_token_of_no_known_type_is_of_neither():
    """A token that does not say whether it is an application's passes neither a check of its type nor the opposite."""
    for wanted in (AuthType.USER, AuthType.APPLICATION):
        assert verdict(OF_NO_TYPE, case(typed(wanted))) == "WRONG_TOKEN_TYPE"
        assert verdict(Not(OF_NO_TYPE), case(typed(wanted))) == "WRONG_TOKEN_TYPE"
    users = case(typed(AuthType.APPLICATION), aut="APPLICATION_USER")
    assert (verdict(OF_NO_TYPE, users), verdict(Not(OF_NO_TYPE), users)) == ("WRONG_TOKEN_TYPE", "GOOD")
