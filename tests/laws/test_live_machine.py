"""
Whatever happens to a gateway, each token fares as a naive oracle foretells, with as many fetches.

Issuers rotate their keys and fail, clocks jump, key managers come, go and override each other, keys are dropped by
hand, callers block or await; fetches land at once, late, out of order, or while all of that goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.laws.live_script import DEADLINE_S, ISSUERS, LAYERS, OUTAGES, Bearer, Plan, servers
from tests.laws.live_strategies import (
    COMMON,
    MEMORIES,
    PACES,
    USUAL,
    issuers,
    layers,
    names,
    organizations,
    places,
    plans,
    presentations,
    signed,
    spans,
)
from tests.laws.live_world import START, WALL, World
from tests.laws.oracle import Oracle

pytestmark = pytest.mark.law

LONGEST_ALOFT_S = 20


class LiveGateway(RuleBasedStateMachine):
    """A gateway and the oracle, told the same."""

    world: World
    oracle: Oracle

    @initialize(
        pace=st.sampled_from(PACES),
        memory=st.sampled_from(MEMORIES),
        global_first=st.booleans(),
        is_raced=st.sampled_from([False, False, True]),
        is_last_first=st.booleans(),
    )
    def begin(
        self, pace: dict[str, Any], memory: dict[str, Any], *, global_first: bool, is_raced: bool, is_last_first: bool
    ) -> None:
        is_raced &= pace["cooldown_s"] > 0  # else it would matter which of two threads is first
        self.script, pace = servers(), COMMON | pace
        how: dict[str, Any] = {"global_first": global_first, "is_raced": is_raced}
        self.world = World(self.script, pace, **memory, **how)
        self.oracle = Oracle(self.script, pace, START, WALL, **how)
        self.is_raced, self.is_holding = is_raced, False
        self.oracle.is_last_first = self.world.ports.is_last_first = is_last_first
        self.bearers: list[Bearer] = []
        self._change("use", LAYERS[1], USUAL)

    # -- what issuers do

    @rule(
        issuer=issuers,
        place=places,
        how=st.sampled_from(["add", "add", "rotate", "drop", "replace", "double", "rename", "bring_back", "empty"]),
        shape=st.sampled_from(["P-256", "P-256", "P-384"]),
    )
    def publish(self, issuer: str, place: int, how: str, shape: str) -> None:
        """Change the keys of an issuer."""
        server = self.script[issuer]
        if how in {"add", "rotate"}:
            server.add(shape)
        if how in {"drop", "replace", "double", "rename"}:
            getattr(server, how)(place)
        elif how == "rotate":
            server.drop(0)
        elif how != "add":
            getattr(server, how)()

    @rule(
        issuer=issuers,
        outage=st.none() | st.sampled_from(OUTAGES),
        max_age_s=st.sampled_from([None, None, 0, 60, 90, 300, 86_400]),
        delay_s=st.sampled_from([0, 0, 2]),
        is_grounded=st.sampled_from([False, False, False, True]),
    )
    def answer(
        self, issuer: str, outage: str | None, max_age_s: int | None, delay_s: int, *, is_grounded: bool
    ) -> None:
        """Let an issuer answer otherwise or not at all, and threads be started or not."""
        server = self.script[issuer]
        server.outage = None if self.is_raced and outage == "hangs" else outage
        server.max_age_s, server.delay_s = max_age_s, 0 if self.is_raced else delay_s
        self.oracle.is_grounded = is_grounded
        self.world.ports.refusing = RuntimeError("can't start new thread") if is_grounded else None

    @rule()
    def recover(self) -> None:
        """Let everybody answer again."""
        for issuer in ISSUERS:
            self.answer(issuer, None, None, 0, is_grounded=False)

    # -- time

    @rule(seconds=spans, is_wall_kept=st.booleans())
    def wait(self, seconds: Any, *, is_wall_kept: bool) -> None:
        """Let time pass; whatever is in the air for too long lands before that."""
        seconds = self.oracle.pace[seconds[0]] * seconds[1] if isinstance(seconds, tuple) else seconds
        if self.oracle.air and self.oracle.now + seconds > self.oracle.air[0].began + LONGEST_ALOFT_S:
            self._settle()
        self.world.clock.now += seconds
        self.oracle.pass_s(seconds)
        if is_wall_kept:
            self.set_wall(-seconds)

    @rule(seconds=st.sampled_from([-3600, -300, -61, -1, 1, 59, 60, 61, 300, 3600]))
    def set_wall(self, seconds: int) -> None:
        self.world.clock._ahead += seconds
        self.oracle.wall += seconds

    # -- what is in the air

    @rule(place=places, is_holding=st.sampled_from([True, True, False]))
    def hold_or_land(self, place: int, *, is_holding: bool) -> None:
        """Let fetches that nobody waits for stay in the air, or no longer; one lands, perhaps before earlier ones."""
        self.is_holding = is_holding and not self.is_raced
        if self.oracle.air:
            place %= len(self.oracle.air)
            self.world.ports.land(place)
            self.oracle.land(self.oracle.air[place])

    def _settle(self) -> None:
        self.world.ports.settle()
        self.oracle.settle()

    # -- what operators do

    def _change(self, change: str, layer: str, given: Any, **keywords: Any) -> None:
        before = list(self.oracle.layers[layer])
        who = (given, keywords["organization"]) if change == "remove" else None
        if change == "use":
            after, arguments = list(given), [[self.world.manager(plan) for plan in given]]
        elif who:
            after, arguments = [plan for plan in before if (plan.name, plan.organization) != who], [given]
        else:
            who = (given.name, given.organization)
            kept = [given if (plan.name, plan.organization) == who else plan for plan in before]
            after, arguments = [*before, given] if change == "add" else kept, [self.world.manager(given)]
        is_there = change in {"use", "add"} or any((plan.name, plan.organization) == who for plan in before)
        foretold = is_there and self.oracle.change(layer, after)
        assert self.world.change(change, layer, *arguments, **keywords) == foretold

    @rule(layer=layers, given=st.lists(plans(), max_size=4) | st.just(USUAL), more=st.lists(plans(), max_size=1))
    def use(self, layer: str, given: list[Plan], more: list[Plan]) -> None:
        self._change("use", layer, [*given, *more])

    @rule(layer=layers, given=plans(), change=st.sampled_from(["add", "add", "replace"]))
    def add_or_replace(self, layer: str, given: Plan, change: str) -> None:
        self._change(change, layer, given)

    @rule(layer=layers, place=places, change=st.sampled_from(["same", "leeway", "remove"]))
    def change_one(self, layer: str, place: int, change: str) -> None:
        """Replace a key manager by itself, or by itself with another rule, or remove it."""
        if before := self.oracle.layers[layer]:
            plan = before[place % len(before)]
            if change == "remove":
                self._change("remove", layer, plan.name, organization=plan.organization)
            else:
                self._change(
                    "replace", layer, replace(plan, leeway_s=60 - plan.leeway_s) if change == "leeway" else plan
                )

    @rule(layer=layers, name=names, organization=organizations)
    def remove(self, layer: str, name: str, organization: str | None) -> None:
        self._change("remove", layer, name, organization=organization)

    @rule(place=places, issuer=issuers, other=places, is_known=st.booleans())
    def drop_key(self, place: int, issuer: str, other: int, *, is_known: bool) -> None:
        """Drop a key by its kid, or by its thumbprint."""
        name, organization = self._somebody(place)
        entries = self.script[issuer].entries
        entry = entries[other % len(entries)] if is_known and entries else (f"k{other}", "x", "P-256")
        key: Any = entry[1:] if place % 2 else entry[0]
        assert self.world.drop_key(name, organization, key) == self.oracle.drop_key(name, organization, key)

    @rule(place=places, is_async=st.booleans(), how=st.sampled_from(["drop", "refresh", "refresh", "warm"]))
    def fetch_anew(self, place: int, how: str, *, is_async: bool) -> None:
        """Drop all keys, refresh them, or warm everything up."""
        who = self._somebody(place)
        if how == "drop":
            assert self.world.drop_keys(*who) == self.oracle.drop_keys(*who)
        elif how == "refresh":
            foretold = self.oracle.refresh(*who)
            assert self.world.refresh(*who, is_async=is_async) == foretold
            event(f"refreshed: {foretold[0]}")
        else:
            self.oracle.warm()
            self.world.warm(is_async=is_async)

    def _somebody(self, place: int) -> tuple[str, str | None]:
        configured = [plan for layer in LAYERS for plan in self.oracle.layers[layer]]
        plan = configured[place] if place < len(configured) else USUAL[0]
        return plan.name, plan.organization

    # -- tokens

    @rule(given=st.lists(presentations, min_size=1, max_size=4))
    def present(self, given: list[tuple[Any, ...]]) -> None:
        """Present tokens, new ones and some that were presented before."""
        for issuer, kind, place, organization, is_async in given:
            if kind == "again" and self.bearers:
                bearer = self.bearers[-1 - place % len(self.bearers)]
            else:
                bearer = signed(self.script[issuer], kind, place, self.oracle.wall)
                self.bearers.append(bearer)
            self._present(bearer, organization, is_async=is_async)

    @rule(
        given=st.lists(presentations, min_size=1, max_size=3),
        seconds=spans,
        times=st.integers(1, 3),
        is_wall_kept=st.booleans(),
        is_rotating=st.booleans(),
    )
    def present_repeatedly(
        self, given: list[tuple[Any, ...]], seconds: Any, times: int, *, is_wall_kept: bool, is_rotating: bool
    ) -> None:
        """Present tokens, and the same ones again and again some time later."""
        self.present(given)
        shown = self.bearers[-len(given) :]
        for turn in range(times):
            self.wait(seconds, is_wall_kept=is_wall_kept)
            if is_rotating and turn:
                self.publish(shown[0].issuer, 0, "add", "P-256")
            for bearer, (*_, organization, is_async) in zip(shown, given, strict=False):
                self._present(bearer, organization, is_async=is_async)

    @rule(
        issuer=issuers,
        organization=organizations,
        how=st.sampled_from(["add", "rotate", "empty", "bring_back"]),
        meanwhile=st.sampled_from(["overdue", "overdue", "drop", "refresh"]),
    )
    def overtake(self, issuer: str, organization: str | None, how: str, meanwhile: str) -> None:
        """Let a fetch land that was overtaken: by a later one, as it is overdue, or by somebody's hand."""
        self._settle()
        self.present([(issuer, "good", 0, organization, False)])
        self.hold_or_land(0, is_holding=True)
        self.wait(("soft_ttl_s", 1), is_wall_kept=True)
        self.present([(issuer, "good", 0, organization, False)])
        self.publish(issuer, 0, how, "P-256")
        configured = [plan for layer in LAYERS for plan in self.oracle.layers[layer]]
        plan = self.oracle.answers(organization, issuer)
        if meanwhile == "overdue":
            self.wait(DEADLINE_S + 2, is_wall_kept=True)
            self.present([(issuer, "good", 0, organization, False)])
        elif plan:
            self.fetch_anew(configured.index(plan), meanwhile, is_async=False)
        for _ in range(2):
            self.hold_or_land(1, is_holding=True)
        self.present([(issuer, "good", 0, organization, False)])

    def _present(self, bearer: Bearer, organization: str | None, *, is_async: bool) -> None:
        hits = sum(self.oracle.hits.values())
        foretold = self.oracle.present(bearer, organization)
        assert self.world.present(bearer, organization, is_async=is_async) in foretold
        if not self.is_holding:
            self._settle()
        event(f"{foretold[0][0]}: {foretold[0][1] if foretold[0][0] == 'refused' else ''}")
        event(f"fetches for a token: {sum(self.oracle.hits.values()) - hits}")

    # -- what must be so after each of these

    @invariant()
    def all_is_as_foretold(self) -> None:
        """As many fetches, the same time, and everybody's keys and health."""
        if not self.is_holding:
            self._settle()
        assert self.world.transport.hits == self.oracle.hits
        assert (self.world.clock.monotonic(), self.world.clock.wall()) == (self.oracle.now, self.oracle.wall)
        assert self.world.healths() == self.oracle.healths()

    def teardown(self) -> None:
        if hasattr(self, "oracle"):
            self._settle()


class TestALiveGateway(LiveGateway.TestCase):
    """Every token fares as the oracle foretells."""

    settings = settings(max_examples=settings.default.max_examples, stateful_step_count=50)
