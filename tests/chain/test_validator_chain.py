"""The chain that every call has to pass: its order, what may stand in it, and what may not."""

import asyncio
import functools

import pytest

from kmvalidate.chain import (
    DEFAULT_CHECKS,
    AllOf,
    AnyOf,
    Not,
    ReportOnly,
    ResourceCheck,
    ScopeCheck,
    SubscriptionCheck,
    ValidatorChain,
)
from kmvalidate.demands import Demands
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.subscriptions import NO_GRANT
from kmvalidate.trace import Trace
from tests.chain.making import BLOCKED, PASSES, REVOKED, api, called, case, grant, verdict
from tests.signing import with_claims


def test_the_usual_checks_in_their_order():
    """Without arguments a chain is that of a gateway."""
    assert ValidatorChain().checks == DEFAULT_CHECKS
    assert repr(ValidatorChain()) == (
        "ValidatorChain(ResourceCheck, KeyManagerCheck, EnvironmentCheck, TokenTypeCheck, SubscriptionCheck, "
        "KeyTypeCheck, ScopeCheck, AudienceCheck, DemandsCheck)"
    )


def test_everything_wrong_is_told_in_the_order_of_the_checks():
    """A call with everything against it is refused for the first of all, and mended step by step for the next."""
    wrong = {
        "key_managers": ("Other",),
        "environment": "dev",
        "audiences": "x",
        "demands": Demands(any_role="cook"),
        "status": "BLOCKED",
    }
    said = []
    for mended in ("status", "key_managers", "environment"):
        said.append(verdict(ValidatorChain(), case(called(**wrong), NO_GRANT, {"environments": []})))
        del wrong[mended]
    for known in (NO_GRANT, grant("ON_HOLD"), grant("BLOCKED"), grant()):
        said += [verdict(ValidatorChain(), case(called(**wrong), known))]
    said.append(verdict(ValidatorChain(), case(called(demands=wrong["demands"]), aud="orders")))
    assert said == [
        *("API_BLOCKED", "WRONG_KEY_MANAGER", "WRONG_ENVIRONMENT", "NOT_SUBSCRIBED", "SUBSCRIPTION_INACTIVE"),
        *("SUBSCRIPTION_BLOCKED", "AUDIENCE_NOT_ALLOWED", "MISSING_ROLE"),
    ]


def test_the_first_that_refuses_gives_the_reason():
    """Checks are asked in their order, whichever it is."""
    assert verdict(ValidatorChain([REVOKED, BLOCKED])) == "REVOKED"
    assert verdict(ValidatorChain([BLOCKED, REVOKED])) == "API_BLOCKED"


def test_checks_are_added_at_the_end():
    """A chain that is followed by others is a new one, and the old one stays."""
    chain = ValidatorChain()
    longer = chain.followed_by(REVOKED, PASSES)
    assert (longer.checks, chain.checks) == ((*DEFAULT_CHECKS, REVOKED, PASSES), DEFAULT_CHECKS)
    assert (verdict(chain), verdict(longer)) == ("GOOD", "REVOKED")
    assert verdict(longer, case(api().call("GET", "/other"))) == "NO_MATCHING_RESOURCE"
    assert chain.followed_by().checks == DEFAULT_CHECKS
    assert verdict(ValidatorChain([]).followed_by(PASSES)) == "GOOD"


@pytest.mark.parametrize("checks", [[], (), iter(()), set(), frozenset()], ids=repr)
def test_an_empty_chain_refuses_everything(checks):
    """A chain of no checks refuses also the best call."""
    assert verdict(ValidatorChain(checks)) == "FORBIDDEN"


async def later(_):
    """Return nothing, later."""


class Later:
    async def check(self, _):
        """Return nothing, later."""


class Calling:
    async def __call__(self, _):
        """Return nothing, later."""


class Named:
    check = "check"


NO_CHECKS = [None, "ScopeCheck", "", b"x", 0, 5, True, 1.5, {}, {"check": PASSES}, [], [PASSES], (PASSES,), object()]
NO_CHECKS += [ScopeCheck, Demands, int, ValidatorChain, Later, later, Later(), Later().check, Calling(), Named()]
NO_CHECKS += [functools.partial(later), Refused(Reason.REVOKED), Reason.REVOKED, DEFAULT_CHECKS]


@pytest.mark.parametrize("value", NO_CHECKS, ids=lambda value: repr(value)[:40].split(" at ")[0])
def test_what_is_no_check_is_found_when_the_chain_is_made(value):
    """Classes, async functions, texts, containers and other values cannot stand in a chain or a composition."""
    kinds = (AllOf, AnyOf, Not, ReportOnly, lambda one: ValidatorChain([one]), ValidatorChain().followed_by)
    for kind in kinds:
        with pytest.raises(ConfigurationError, match="check is a"):
            kind(value)
    with pytest.raises(ConfigurationError):
        AllOf(PASSES, value)


@pytest.mark.parametrize(
    "checks",
    ["", "x", b"x", {}, {"a": PASSES}, None, 5, PASSES, ScopeCheck, len],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_a_chain_is_made_of_several(checks):
    """One check, a text or a mapping is no chain."""
    with pytest.raises(ConfigurationError):
        ValidatorChain(checks)


@pytest.mark.parametrize(
    "returned",
    [False, True, 0, "", "refused", [], Refused(Reason.REVOKED), object()],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
@pytest.mark.parametrize("kind", [AllOf, AnyOf, Not, ReportOnly, lambda one: ValidatorChain([one, PASSES])])
def test_a_check_that_returns_something_grants_nothing(kind, returned):
    """A check whose author meant to say something by returning it is an error when it is asked."""
    with pytest.raises(ConfigurationError, match=f"returned a {type(returned).__name__}"):
        kind(lambda _: returned).check(case())


def test_a_hidden_coroutine_grants_nothing():
    """A plain function that returns something to await is found when it is asked."""
    made = asyncio.sleep(0)
    with pytest.raises(ConfigurationError, match="returned a coroutine"):
        ValidatorChain([lambda _: made]).check(case())
    made.close()


def test_checks_of_all_kinds_are_asked():
    """Functions, bound methods, objects that can be called or have a check, and demands are checks."""

    class Called:
        def __call__(self, _):
            raise Refused(Reason.REVOKED)

    refusing = [Called(), Called().__call__, REVOKED, REVOKED.check, functools.partial(Called.__call__, None)]
    assert [verdict(ValidatorChain([one])) for one in refusing] == ["REVOKED"] * len(refusing)
    assert verdict(ValidatorChain([Demands(any_role="x")])) == "MISSING_ROLE"
    assert verdict(ValidatorChain([Demands(any_role="x")]), case(roles=["x"])) == "GOOD"


def test_what_may_be_asked_once():
    """Checks of one's own are asked each time; ours, compositions of ours and demands need not be."""
    own = (lambda _: None, PASSES, ReportOnly(ScopeCheck()), type("Mine", (ScopeCheck,), {})())
    ours = (Demands(any_role="x"), Not(ScopeCheck()), AnyOf(ScopeCheck(), AllOf(SubscriptionCheck())), ResourceCheck())
    for wrapped in (lambda one: one, AllOf, AnyOf, Not, lambda one: ValidatorChain([one])):
        assert [ValidatorChain([wrapped(one)]).is_repeatable for one in own] == [False] * len(own)
        assert [ValidatorChain([wrapped(one)]).is_repeatable for one in ours] == [True] * len(ours)
    assert ValidatorChain().is_repeatable
    assert not ValidatorChain().followed_by(PASSES).is_repeatable


def test_a_trace_is_told_what_each_check_finds():
    """Who asks for it is told of every check that was asked, and which one refused, and no check after that."""
    trace = Trace(lambda: 0.0, secret=with_claims())
    with pytest.raises(Refused):
        ValidatorChain([PASSES, AnyOf(PASSES), REVOKED, BLOCKED]).check(case(), trace)
    steps = trace.finish().steps
    assert [(step.name, step.ok) for step in steps] == [("Says", True), ("AnyOf", True), ("Says", False)]
    assert steps[-1].decided == Reason.REVOKED.sentence
