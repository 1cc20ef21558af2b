"""
Who is given more may do no less, and who is given less no more.

More is: one scope more in the claim that a token's scopes are read from; a subscription of its own, in a state that
lets calls pass; the missing record of an application; a key mapping of a client that no organization has one of. The
keys of an unknown client count as those for production; so a mapping of sandbox keys is more only where no deployment
for production is called. Of two worlds that differ by one of these, the larger allows what the smaller does; read from
the larger one, that is what taking it away does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.laws.calls_oracle import GOOD
from tests.laws.calls_plans import App, Bearer, Mapping, Sub, World
from tests.laws.calls_strategies import mappings, revocations, subs, worlds
from tests.laws.calls_world import Gate

pytestmark = pytest.mark.law

PASSING = ("UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED")


def verdicts(world: World) -> dict[tuple[int, int], str]:
    """Return what becomes of each token with each call."""
    gate = Gate(world)
    return {
        (bearer, asked): gate.ask(bearer, asked)
        for bearer in range(len(world.bearers))
        for asked in range(len(world.asked))
    }


def assert_no_less(smaller: World, larger: World, is_meant: Any = lambda _: True) -> None:
    """Assert that the larger world allows what the smaller one does, in those of its calls that are meant."""
    before, after = verdicts(smaller), verdicts(larger)
    for pair, verdict in before.items():
        if is_meant(smaller.asked[pair[1]]):
            assert verdict != GOOD or after[pair] == GOOD
            event(f"{verdict} -> {after[pair]}")


def with_scope(bearer: Bearer, scope: str) -> Bearer:
    """Return a token with one scope more."""
    claims = bearer.all()
    name = "scp" if "scp" in claims and "scope" not in claims else "scope"
    have = claims.get(name, "")
    if isinstance(have, str):
        return bearer.changed(**{name: f"{have} {scope}"})
    return bearer.changed(**{name: [*have, scope]}) if isinstance(have, list) else bearer


@given(worlds(), st.sampled_from(["read", "write", "READ", "more", "x"]))
def test_a_scope_more(world: World, scope: str) -> None:
    """Tokens with one scope more may do no less; with one less, no more."""
    assert_no_less(world, replace(world, bearers=tuple(with_scope(one, scope) for one in world.bearers)))


def same(one: Sub, other: Sub) -> bool:
    """Tell whether two subscriptions are one and the same, or to the same range of versions."""
    if one.application != other.application:
        return False
    if one.ranged is not None or other.ranged is not None:
        return one.ranged == other.ranged
    return one.api == other.api and (one.api is not None or one.named == other.named)


@given(worlds(), subs(), st.sampled_from(PASSING), st.integers(0, 9))
def test_a_subscription_more(world: World, more: Sub, state: str, place: int) -> None:
    """With one subscription more that lets calls pass, nobody may do less; with one less, no more."""
    more = replace(more, state=state)
    kept = tuple(one for one in world.records if not (isinstance(one, Sub) and same(one, more)))
    at = place % (len(kept) + 1)
    assert_no_less(replace(world, records=kept), replace(world, records=(*kept[:at], more, *kept[at:])))


@given(worlds(), subs())
def test_a_subscription_is_nobody_elses(world: World, more: Sub) -> None:
    """A subscription, whatever its state, changes nothing for those who have another application."""
    kept = tuple(one for one in world.records if not (isinstance(one, Mapping) and one.application == more.application))
    world = replace(world, records=kept)
    assert verdicts(world) == verdicts(replace(world, records=(*kept, more)))


@given(worlds(), mappings())
def test_a_mapping_more(world: World, more: Mapping) -> None:
    """When an unknown client becomes known, it may do no less; when it is forgotten, no more."""
    who = (more.key_manager, more.consumer_key)
    kept = tuple(
        one for one in world.records if not (isinstance(one, Mapping) and (one.key_manager, one.consumer_key) == who)
    )

    def is_meant(asked: Any) -> bool:
        is_production = asked.plan is not None and asked.plan.gateway_type == "PRODUCTION"
        return more.key_type == "PRODUCTION" or not is_production

    assert_no_less(replace(world, records=kept), replace(world, records=(*kept, more)), is_meant)


@given(worlds(), st.sampled_from(["app-1", "app-2"]))
def test_an_application_more(world: World, name: str) -> None:
    """When the record of an application comes, nobody may do less; when it goes, no more."""
    kept = tuple(one for one in world.records if one != App(name))
    assert_no_less(replace(world, records=kept), replace(world, records=(*kept, App(name))))


@given(worlds(), revocations())
def test_a_revocation_more(world: World, more: tuple[Any, ...]) -> None:
    """With one revocation more nobody may do more, and who may do less is told that the token was revoked."""
    before, after = verdicts(world), verdicts(replace(world, revocations=(*world.revocations, more)))
    for pair, verdict in after.items():
        assert verdict in (before[pair], "REVOKED")
