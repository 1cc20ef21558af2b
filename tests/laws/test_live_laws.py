"""Laws of a gateway with many issuers, whatever happens to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from kmvalidate import TokenValidator
from tests.laws.live_script import ISSUERS, LAYERS, ORGANIZATIONS
from tests.laws.live_story import SUDDEN, Story, by_hand, changes, outages, rotations, shows, stories, waits
from tests.laws.live_strategies import PACES, issuers, organizations, places, plans, signed

pytestmark = pytest.mark.law

paces = st.sampled_from(PACES)
hows = st.fixed_dictionaries(
    {"pace": paces, "is_async": st.booleans(), "is_holding": st.booleans(), "global_first": st.booleans()}
)
MAX_BACKOFF_S = 30


def everybodys_tokens(story: Story) -> list[tuple[Any, str | None]]:
    """Return a good token of each issuer for each organization, and all that were shown before."""
    fresh = [signed(server, "good", 0, story.now) for server in story.script.values()]
    return [(bearer, organization) for bearer in [*story.bearers[-6:], *fresh] for organization in ORGANIZATIONS]


class TestBlockingAndAsyncioAgree:
    """Callers that block and callers that await are told the same."""

    @given(paces, st.booleans(), stories())
    def test_the_same_story_ends_alike(self, pace, is_holding, story):
        """Whatever happens, both get the same verdicts, cost as many fetches and leave the same keys and health."""
        with (
            Story(pace, is_holding=is_holding) as blocking,
            Story(pace, is_holding=is_holding, is_async=True) as asyncio,
        ):
            for happening in story:
                outcome = blocking.happen(*happening)
                assert asyncio.happen(*happening) == outcome
                assert asyncio.world.transport.hits == blocking.world.transport.hits
                event(f"{happening[0]}: {outcome[0] if isinstance(outcome, tuple) else ''}")
            assert asyncio.world.healths() == blocking.world.healths()


class TestAFailedFetchChangesNothing:
    """Good keys stay until their hard limit; an error is not a value that is remembered."""

    @given(
        paces,
        stories(shows, waits, rotations, by_hand, changes),
        st.lists(st.tuples(places, st.sampled_from(SUDDEN), issuers, st.integers(0, 40)), min_size=1, max_size=4),
    )
    def test_but_the_back_off(self, pace, story, failures):
        """After failed fetches every token fares as if nobody had fetched, during the outage and after it."""
        with Story(pace) as tried, Story(pace) as left_alone:
            assert tried.tell(story) == left_alone.tell(story)
            for place, outage, issuer, seconds in failures:
                for one in (tried, left_alone):
                    for server in one.script.values():
                        server.outage = outage
                    one.wait(seconds, is_wall_kept=False)
                event(f"by hand: {tried.happen('refresh', place)[0]}")
                event(f"for a kid: {tried.happen('show', issuer, 'invented kid', place, None)[0]}")
            tried.bearers = left_alone.bearers
            fates = [[one.present(*each) for each in everybodys_tokens(one)] for one in (tried, left_alone)]
            assert fates[0] == fates[1]
            for one in (tried, left_alone):
                for issuer in ISSUERS:
                    one.happen("answer", issuer, None)
                one.happen("wait", MAX_BACKOFF_S, False)
                one.happen("warm")
            assert [tried.present(*each) for each in everybodys_tokens(tried)] == [
                left_alone.present(*each) for each in everybodys_tokens(left_alone)
            ]
            assert tried.world.healths().keys() == left_alone.world.healths().keys()


class TestOneForcedFetchPerCoolDown:
    """Unknown key ids cause at most one fetch in a cool-down."""

    @given(
        st.sampled_from([1, 10, 59.5, 600]) | st.floats(0, 1000),
        st.sampled_from([0, 10, 1000]),
        st.integers(1, 4),
        st.lists(
            st.tuples(st.just("kid"), st.text(min_size=1, max_size=3) | st.sampled_from(["k1", "x"]))
            | st.tuples(st.just("wait"), st.integers(0, 700) | st.floats(0, 30))
            | st.tuples(st.just("outage"), st.none() | st.sampled_from(SUDDEN))
            | st.tuples(st.just("publish"), st.sampled_from(["add", "rotate", "replace", "empty"])),
            max_size=40,
        ),
    )
    def test_whatever_kids_are_invented(self, cooldown_s, unknown_kid_ttl_s, most, story):
        """Whatever kids come, when, and however the fetches fare, two fetches for them are a cool-down apart."""
        pace = {"soft_ttl_s": 10**6, "hard_ttl_s": 10**6, "cooldown_s": cooldown_s}
        gateway = Story(pace | {"unknown_kid_ttl_s": unknown_kid_ttl_s, "max_unknown_kids": most})
        issuer, clock, fetched_at = ISSUERS[1], gateway.world.clock, []
        for what, detail in [("kid", "k1"), *story]:
            if what == "wait":
                clock.pass_s(detail)
            elif what == "outage":
                gateway.script[issuer].outage = detail
            elif what == "publish":
                gateway.publish(issuer, detail, 0)
            else:
                bearer = signed(gateway.script[issuer], "good", 0, gateway.now)
                before = gateway.world.transport.hits[issuer]
                gateway.present(type(bearer)(**{**bearer.__dict__, "kid": detail}), None)
                fetched_at += [clock.monotonic()] * (gateway.world.transport.hits[issuer] - before)
        assert all(later >= earlier + cooldown_s for earlier, later in pairwise(fetched_at))
        event(f"fetches: {min(len(fetched_at), 5)}")


class TestRemovedMeansRefusedAtOnce:
    """What was removed answers for no token, remembered or not."""

    @given(hows, stories(), places, stories(shows, waits, rotations, outages, by_hand))
    def test_a_key_manager_that_is_removed(self, how, story, place, afterwards):
        """A key manager that is removed accepts nothing from that moment on, whatever happened and happens."""
        with Story(**how) as gateway:
            gateway.tell(story)
            accepted = [gateway.present(*each) for each in everybodys_tokens(gateway) * 2]
            name, organization = gateway._somebody(place)
            event(f"accepted before: {('accepted', name, organization) in [fate[:3] for fate in accepted]}")
            bearers = list(gateway.bearers)
            for layer in LAYERS:
                left = [
                    plan for plan in gateway.layers[layer] if (plan.name, plan.organization) != (name, organization)
                ]
                assert gateway.use(layer, left)
            told = [gateway.present(*each) for each in everybodys_tokens(gateway)]
            told += [fate for fate in gateway.tell(afterwards) if isinstance(fate, tuple)]
            gateway.bearers = bearers
            told += [gateway.present(*each) for each in everybodys_tokens(gateway)]
            assert ("accepted", name, organization) not in [fate[:3] for fate in told]

    @given(hows, stories(), issuers, st.booleans(), stories(shows, waits, rotations, outages, by_hand))
    def test_a_key_that_is_dropped(self, how, story, issuer, is_by_kid, afterwards):
        """What a dropped key signed is accepted by nobody whose key it was, remembered or published again or not."""
        with Story(**how) as gateway:
            gateway.tell(story)
            bearer = signed(gateway.script[issuer], "good", 0, gateway.now)
            fates = [gateway.present(bearer, organization) for organization in ORGANIZATIONS]
            event(f"accepted before: {'accepted' in [fate[0] for fate in fates]}")
            key: Any = bearer.kid if is_by_kid else (bearer.owner, {"ES256": "P-256", "ES384": "P-384"}[bearer.alg])
            droppers = {fate[1:3] for fate in fates if fate[0] == "accepted"}
            for who in droppers:
                assert gateway.world.drop_key(*who, key)
            told = [gateway.present(bearer, organization) for organization in ORGANIZATIONS]
            gateway.tell(afterwards)
            gateway.bearers.append(bearer)
            told += [gateway.present(*each) for each in everybodys_tokens(gateway) if each[0].owner == bearer.owner]
            assert not [fate for fate in told if fate[0] == "accepted" and fate[1:3] in droppers]


class TestOrganizationsStayApart:
    """One organization's verdict never serves another."""

    @given(
        st.booleans(),
        st.lists(plans(), max_size=5),
        st.lists(plans(), max_size=5),
        st.lists(st.tuples(issuers, places, organizations), min_size=1, max_size=12),
    )
    def test_each_is_told_what_it_would_be_told_alone(self, global_first, upper, lower, shown):
        """A token fares in an organization as in a gateway that knows no other organization and saw no other token."""
        gateway = Story(PACES[0], global_first=global_first)
        gateway.use(LAYERS[0], upper)
        gateway.use(LAYERS[1], lower)
        for issuer, place, organization in shown:
            bearer = signed(gateway.script[issuer], ("good", "pinned", "audience")[place % 3], place, gateway.now)
            fate = gateway.present(bearer, organization)
            alone = Story(PACES[0], global_first=global_first)
            for layer in LAYERS:
                alone.use(layer, [plan for plan in gateway.layers[layer] if plan.organization in {None, organization}])
            assert fate == alone.present(bearer, organization)
            assert fate[0] != "accepted" or fate[2] in {None, organization}
            event(f"{fate[0]} by {'nobody' if fate[0] != 'accepted' else 'its own' if fate[2] else 'one for all'}")


class TestRememberedIsAsStrictAsFresh:
    """A remembered verdict is what a fresh validator with the same registry would say."""

    @given(hows, stories())
    def test_at_any_time_and_after_any_change(self, how, story):
        """Whatever happens between, each token fares with a validator that knows it as with one that is new."""
        with Story(**how) as gateway:
            old, registry = gateway.world.validator, gateway.world.registry
            for happening in story:
                gateway.happen(*happening)
                tokens = everybodys_tokens(gateway)[::2]
                fates = [gateway.present(*each) for each in tokens]
                for each, fate in zip(tokens, fates, strict=True):
                    gateway.world.validator = TokenValidator(registry)
                    assert gateway.present(*each) == fate
                    event(fate[0])
                gateway.world.validator = old
