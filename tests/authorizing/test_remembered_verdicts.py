"""Verdicts that are remembered: the same as fresh ones, for exactly the token and the resource they were given for."""

import functools
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.apis import ApiCall, Resource
from kmvalidate.chain import DEFAULT_CHECKS, ReportOnly, ScopeCheck, ValidatorChain
from kmvalidate.demands import Demands
from kmvalidate.errors import ConfigurationError, Reason, Refused
from tests.authorizing.world import APP, MAPPING, ORDERS, SHOP, SUBSCRIPTION, World, asking_also, backend_key, orders
from tests.estate import pinned, token_of
from tests.signing import ABSENT

MANY = [Resource("GET", f"/r{number}") for number in range(200)]


def decided(world):
    """Return what is remembered on the one token that is."""
    (known,) = world.validator._memory._tokens.young.values()
    return known.decided.by or {}


def test_each_token_and_resource_has_a_verdict_of_its_own():
    """Of some tokens and resources each pair gets its own verdict, in whatever order, the first time or later."""
    world = World()
    tokens = {
        scope: token_of("a", scope=scope) for scope in ("menu:read", "menu:write", "menu:read menu:write", ABSENT)
    }
    calls = [("GET", "/menu"), ("POST", "/menu"), ("DELETE", "/menu"), ("GET", "/x")]
    needed = {"GET": {"menu:read"}, "POST": {"menu:read", "menu:write"}, "DELETE": {"menu:delete"}}
    pairs = list(itertools.product(tokens, calls))
    for scope, call in (*pairs, *pairs[::-1], *pairs[::3]):
        has = set() if scope is ABSENT else set(scope.split())
        said = "GOOD" if needed[call[0]] <= has else "INSUFFICIENT_SCOPE"
        said = "NO_MATCHING_RESOURCE" if call[1] == "/x" else said
        assert world.says(tokens[scope], world.api.call(*call)) == said


def test_a_remembered_verdict_is_used(monkeypatch):
    """A verdict that is remembered is given again without asking the chain."""
    seen = []
    monkeypatch.setattr(ScopeCheck, "check", lambda *_: seen.append(1))
    world = World()
    for _ in range(5):
        assert world.validator.validate(world.bearer, world.menu).token.subject == "alice"
    assert len(seen) == 1


def test_refusals_are_not_remembered():
    """A refusal is decided each time, and leaves nothing behind."""
    world = World()
    for _ in range(3):
        assert world.says(call=world.api.call("DELETE", "/menu")) == "INSUFFICIENT_SCOPE"
    assert decided(world) == {}


class Counting:
    def __init__(self):
        self.asked, self.against = 0, None

    def check(self, _):
        self.asked += 1
        if self.against is not None:
            raise Refused(self.against)


@pytest.mark.parametrize("wrap", [
    asking_also,
    lambda check: asking_also(check.check),
    lambda check: asking_also(functools.partial(check.check)),
    lambda check: ValidatorChain([ValidatorChain([*DEFAULT_CHECKS, check])]),
], ids=["object", "method", "function", "nested"])  # fmt: skip
def test_checks_of_ones_own_are_asked_on_every_call(wrap):
    """A check that somebody wrote is asked each time, and what it says now counts."""
    check = Counting()
    world = World(chain=wrap(check))
    for count in range(1, 4):
        assert world.validator.decide(world.bearer, world.menu)
        assert check.asked == count
    check.against = Reason.FORBIDDEN
    assert world.says() == "FORBIDDEN"
    check.against = None
    assert world.says() == "GOOD"
    assert not world.is_kept()


def test_a_chain_of_ones_own_is_asked_on_every_call():
    """A chain whose check somebody wrote anew is asked each time, and what it says now counts."""

    class Mine(ValidatorChain):
        against = None

        def check(self, case, /, trace=None):
            super().check(case, trace)
            if self.against is not None:
                raise Refused(self.against)

    chain = Mine()
    world = World(chain=chain)
    assert world.says() == "GOOD"
    chain.against = Reason.FORBIDDEN
    assert world.says() == "FORBIDDEN"


@pytest.mark.parametrize(
    "made",
    [
        lambda mine: Resource("GET", "/menu", demands=mine),
        lambda mine: orders(demands=mine),
        lambda mine: ApiCall(demands=mine),
    ],
    ids=["resource", "API", "call"],
)
def test_demands_of_ones_own_are_checks(made):
    """Demands whose check somebody wrote anew stand in the chain, where they are asked each time, and nowhere else."""

    class Mine(Demands):
        against = []  # noqa: RUF012

        def check(self, token):
            super().check(token)
            if self.against:
                raise Refused(Reason.CLAIM_NOT_ALLOWED)

    mine = Mine(claim_values={"sub": "alice"})
    with pytest.raises(ConfigurationError, match="demands"):
        made(mine)
    world = World(chain=ValidatorChain().followed_by(mine))
    assert world.says() == "GOOD"
    Mine.against.append("everybody")
    assert world.says() == "CLAIM_NOT_ALLOWED"
    Mine.against.clear()
    assert world.says() == "GOOD"


def test_a_trial_counts_every_call():
    """What is only reported is counted on each call, those of a known token too."""
    trial = ReportOnly(lambda _: Counting.check(REFUSING, _))
    world = World(chain=ValidatorChain().followed_by(trial))
    for _ in range(4):
        world.validator.validate(world.bearer, world.menu)
    assert trial.would_have_refused == {Reason.REVOKED: 4}


REFUSING = Counting()
REFUSING.against = Reason.REVOKED


def test_operations_of_graphql_are_decided_each_time(monkeypatch):
    """Several operations together are decided on each call, and leave no verdict behind; one alone is remembered."""
    api = orders(Resource("QUERY", "a", any_scope="menu:read"), Resource("QUERY", "b"), kind="GRAPHQL")
    world = World(api=api)
    for _ in range(3):
        both = api.call("POST", "/", operations=[("QUERY", "a"), ("QUERY", "b")])
        assert world.says(call=both) == "GOOD"
        assert not world.is_kept(call=both)
    one = api.call("POST", "/", operations=[("QUERY", "b")])
    assert world.says(call=one) == "GOOD"
    assert world.is_kept(call=one)
    assert len([number for number in decided(world) if number > 0]) == 1


def test_a_call_within_an_organization_is_remembered_as_another():
    """An organization that is named with the call makes it another call, whose verdict is remembered for itself."""
    world = World()
    for name in ("acme", "rival"):
        assert not world.is_kept(call=world.menu.in_organization(name))
        assert world.says(organization=name) == "GOOD"
        assert world.is_kept(call=world.menu.in_organization(name))
    assert not world.is_kept()
    assert world.says() == "GOOD"
    assert world.is_kept()


def test_calls_with_scopes_are_remembered_as_well():
    """Two calls that ask for the same scopes share a verdict, one that asks for others has its own."""
    world = World(pinned("a"), backend_jwt=None)
    assert world.says(call=ApiCall("menu:read")) == "GOOD"
    assert world.is_kept(call=ApiCall(["menu:read"]))
    assert not world.is_kept(call=ApiCall("menu:delete"))
    assert world.says(call=ApiCall("menu:delete")) == "INSUFFICIENT_SCOPE"


# Bounds


def test_what_is_remembered_of_a_token_is_bounded():
    """However many resources a token calls, a bounded number of verdicts is remembered, the last one among them."""
    world = World(api=orders(*MANY))
    for number in range(len(MANY)):
        call = world.api.call("GET", f"/r{number}")
        assert world.validator.decide(world.bearer, call)
        assert world.is_kept(call=call)
        assert len(decided(world)) <= 65


@pytest.mark.parametrize("chain", [None, asking_also(lambda _: None)], ids=["usual checks", "own checks"])
def test_backend_jwts_of_a_token_are_bounded(chain):
    """However many APIs a token calls, a bounded number of backend JWTs is remembered, whatever the chain."""
    world = World(chain=chain)
    for _ in range(200):
        call = orders(validate_subscriptions=False).call("GET", "/menu")
        assert world.validator.decide(world.bearer, call)
        assert len(decided(world)) <= 66


@pytest.mark.parametrize("fill", [2000, 3500, 6000])
def test_a_large_token_works_and_is_not_remembered(fill):
    """A token of more than 4096 characters is verified and decided each time, with a backend JWT of its own."""
    world = World()
    world.bearer = token_of("a", fill="x" * fill)
    assert world.says() == world.says() == "GOOD"
    assert world.is_kept() is (len(world.bearer) <= 4096)
    assert (world.jwt() == world.jwt()) is (len(world.bearer) <= 4096)
    world.store.remove(SUBSCRIPTION)
    assert world.says() == "NOT_SUBSCRIBED"


# The same verdict, remembered or not

CHANGES = {
    "block": lambda world: world.store.put(blocked()),
    "restore": lambda world: world.store.put_all([APP, MAPPING, SUBSCRIPTION]),
    "unsubscribe": lambda world: world.store.remove_subscription(SHOP, ORDERS),
    "forget": lambda world: world.store.remove_application(SHOP),
    "revoke": lambda world: world.registry.revocations.revoke_client("shop", key_manager="a"),
    "reinstate": lambda world: world.registry.revocations.reinstate_client("shop", key_manager="a"),
    "kill": lambda world: world.registry.drop_tokens(),
    "rotate": lambda world: world.keys.use_keys(world.keys_to_come.pop()),
    "wait": lambda world: setattr(world.clock, "_ahead", world.clock._ahead + 100),
}
CALLS = [("GET", "/menu"), ("POST", "/menu"), ("DELETE", "/menu"), ("GET", "/open"), ("GET", "/x")]


def blocked():
    return msgspec.structs.replace(SUBSCRIPTION, state="BLOCKED")


def rotating(remember):
    world = World(remember=remember)
    world.keys_to_come = [[backend_key(f"key{number}")] for number in range(20)]
    return world


@given(st.lists(st.one_of(st.sampled_from(sorted(CHANGES)), st.sampled_from(CALLS)), min_size=2, max_size=14))
def test_remembered_or_not_the_verdict_is_the_same(story):
    """Whatever happens between calls, a validator that remembers says what one says that does not."""
    worlds = [rotating(remember) for remember in (0, 2, 100)]
    for event in story:
        if event in CHANGES:
            for world in worlds:
                CHANGES[event](world)
        else:
            heard = [str(world.validator.explain(world.bearer, world.api.call(*event)).reason) for world in worlds]
            said = [world.says(call=world.api.call(*event)) for world in worlds]
            assert len({*said}) == 1
            assert len({*heard}) == 1
