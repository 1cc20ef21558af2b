"""
Whatever happens while one validator lives, each call fares as the oracle foretells from what is so at that moment.

Subscriptions come late and out of order, tokens are revoked and forgotten, key managers come, go and change, the keys
of backend JWTs rotate, clocks move.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kmvalidate import BackendJwtGenerator, SigningKey
from tests.estate import LOW
from tests.laws.calls_log import Log
from tests.laws.calls_oracle import GOOD, State, foretell, granted
from tests.laws.calls_plans import NOW, App, Manager, Mapping, Sub, World
from tests.laws.calls_strategies import apart, manager, mappings, revocations, subs, worlds
from tests.laws.calls_world import Gate, manager_of, record_of, revoke

pytestmark = pytest.mark.law

records = st.one_of(mappings(), subs(), subs(), st.sampled_from([App("app-1"), App("app-2")]))
times = st.none() | st.sampled_from([NOW - 3, NOW - 2, NOW - 1, NOW, NOW + 1])
places = st.integers(0, 30)
states = st.sampled_from(["UNBLOCKED", "BLOCKED", "ON_HOLD", "PROD_ONLY_BLOCKED"])
ways = st.lists(st.sampled_from(["decide", "decide", "validate", "adecide", "avalidate"]), min_size=3, max_size=3)


@cache
def signing_key(number: int) -> SigningKey:
    return SigningKey.generate("ES256", kid=f"s{number}")


class LivingGate(RuleBasedStateMachine):
    """A validator with all it rests on, and the oracle, told the same."""

    gate: Gate

    @initialize(world=worlds(), remember=st.sampled_from([100, 100, 100, 2, 0]), is_issuing=st.booleans())
    def begin(self, world: World, remember: int, *, is_issuing: bool) -> None:
        self.generator = BackendJwtGenerator([signing_key(0)], audience="service", ttl_s=60) if is_issuing else None
        self.gate = Gate(world, remember=remember, backend_jwt=self.generator)
        self.managers, self.log, self.now = list(world.managers), Log(world.records), NOW
        self.signed = [(one.issuer, one.claims) for one in world.bearers]
        self.revoked = [self._numbered(one) for one in world.revocations]
        self.latest, self.hows = NOW, ["decide"]

    # -- what the control plane tells

    @rule(plan=records, at=times)
    def put(self, plan: Any, at: float | None) -> None:
        self.gate.store.put(record_of(plan), at)
        self.log.change("put", plan, at)

    @rule(place=places, changes=st.lists(st.tuples(times, states), min_size=1, max_size=3))
    def change_one(self, place: int, changes: list[tuple[float | None, str]]) -> None:
        """Give a subscription that is there another state, or a client keys of the other type, and again."""
        there = self.log.records()
        for at, state in changes if there else []:
            plan = there[place % len(there)]
            if isinstance(plan, Sub):
                plan = replace(plan, state=state)
            elif isinstance(plan, Mapping):
                plan = replace(plan, key_type="SANDBOX" if state == "UNBLOCKED" else "PRODUCTION")
            self.put(plan, at)

    @rule(place=places, at=times)
    def remove(self, place: int, at: float | None) -> None:
        """Remove a record that is there."""
        there = [one for one in self.log.records() if not isinstance(one, App)]
        if there:
            plan = there[place % len(there)]
            self.gate.store.remove(record_of(plan), at)
            self.log.change("remove", plan, at)

    @rule(plan=mappings() | subs(), at=times)
    def remove_any(self, plan: Any, at: float | None) -> None:
        """Remove a record that is most likely not there."""
        self.gate.store.remove(record_of(plan), at)
        self.log.change("remove", plan, at)

    @rule(name=st.sampled_from(["app-1", "app-2"]), at=times)
    def remove_application(self, name: str, at: float | None) -> None:
        self.gate.store.remove_application(name, at)
        self.log.change("remove all", App(name), at)

    @rule(place=places, more=st.lists(records, max_size=3), as_of=times)
    def replace_all(self, place: int, more: list[Any], as_of: float | None) -> None:
        """Put another content in place: what is there but for one record, and some more."""
        there = self.log.records()
        given = [one for one in there if one is not there[place % len(there)]] + more
        kinds = {"applications": App, "key_mappings": Mapping, "subscriptions": Sub}
        sorted_out = {name: [record_of(one) for one in given if isinstance(one, kind)] for name, kind in kinds.items()}
        self.gate.store.replace(**sorted_out, as_of=as_of)  # type: ignore[arg-type]
        self.log.replace(given, as_of)

    # -- what operators do

    def _numbered(self, one: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a revocation with the number of the first of the same tokens."""
        is_token = one[0] == "token"
        return (one[0], self.signed.index(self.signed[one[1] % len(self.signed)])) if is_token else one

    @rule(one=revocations())
    def revoke(self, one: tuple[Any, ...]) -> None:
        revoke(self.gate.registry.revocations, one, self.gate.texts)
        self.revoked.append(self._numbered(one))

    @rule(place=places)
    def reinstate(self, place: int) -> None:
        """Take a revocation back, if it is of a kind that can be."""
        back = [one for one in self.revoked if one[0] in {"client", "key", "issuer"}]
        if back:
            one = back[place % len(back)]
            revoke(self.gate.registry.revocations, one, self.gate.texts, back=True)
            self.revoked = [other for other in self.revoked if other != one]

    @rule(place=places, is_all=st.booleans())
    def forget(self, place: int, *, is_all: bool) -> None:
        """Forget what was remembered, of all or of one key manager."""
        if is_all or not self.managers:
            self.gate.registry.drop_tokens()
        else:
            one = self.managers[place % len(self.managers)]
            self.gate.registry.drop_tokens(one.name, organization=one.organization)

    @rule(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
    def rotate(self, numbers: list[int]) -> None:
        """Sign with another key, and publish others."""
        if self.generator is not None:
            self.generator.use_keys([signing_key(number) for number in numbers])

    @rule(who=st.data())
    def add_manager(self, who: Any) -> None:
        """Add a key manager, if there is room for it."""
        names = [("a", None, "i"), ("a", "acme", "i"), ("a", "acme", "j"), ("b", None, "j"), ("b", "globex", "i")]
        one = self._told(who.draw(manager(*who.draw(st.sampled_from(names)))))
        if len(apart([*self.managers, one])) > len(self.managers):
            self.gate.registry.add(LOW, manager_of(one))
            self.managers.append(one)

    def _told(self, one: Manager) -> Manager:
        return replace(one, is_self_contained=(one.organization, one.name) in self.gate.self_contained)

    @rule(place=places, given=st.data())
    def change_manager(self, place: int, given: Any) -> None:
        """Put another key manager in the place of one."""
        if self.managers:
            place %= len(self.managers)
            before = self.managers[place]
            one = self._told(given.draw(manager(before.name, before.organization, before.issuer)))
            self.gate.registry.replace(LOW, manager_of(one))
            self.managers[place] = one

    @rule(place=places)
    def remove_manager(self, place: int) -> None:
        if self.managers:
            one = self.managers.pop(place % len(self.managers))
            self.gate.registry.remove(LOW, one.name, organization=one.organization)

    # -- time

    @rule(seconds=st.sampled_from([-100, -30, 1, 30, 53, 54, 60, 240]))
    def wait(self, seconds: int) -> None:
        """Move the wall clock, and the other one with it unless it goes back."""
        self.now += seconds
        self.latest = max(self.latest, self.now)
        if seconds > 0:
            self.gate.clock.now += seconds
        else:
            self.gate.clock._ahead += seconds

    @rule(hows=ways)
    def ask_otherwise(self, hows: list[str]) -> None:
        """Let the next calls be asked in other ways."""
        self.hows = hows

    # -- what must be so after each of these

    @invariant()
    def all_is_as_foretold(self) -> None:
        """Each token fares with each call as the oracle says."""
        state, turn = State(self.managers, self.log.records(), self.revoked, self.now), 0
        for asked, plan in enumerate(self.gate.world.asked):
            for number, bearer in enumerate(self.gate.world.bearers):
                turn += 1
                same = self.signed.index(self.signed[number])
                due = foretell(state, bearer, same, plan)
                verdict = self.gate.ask(number, asked, self.hows[turn % len(self.hows)])
                assert verdict == due
                if verdict == GOOD and self.generator is not None:
                    self._check_backend_jwt(self.gate.answer, bearer)
        event(f"good: {due == GOOD}")

    @invariant()
    def the_store_holds_what_the_log_says(self) -> None:
        """Each client is whose the log says, with the subscriptions it says."""
        there = self.log.records()
        for asked, call in zip(self.gate.world.asked, self.gate.calls, strict=True):
            if asked.plan is None or call.api is None:
                continue
            for mapping in [one for one in there if isinstance(one, Mapping)]:
                whose = dict.fromkeys((asked.organization, mapping.organization))
                grant = self.gate.store.find(tuple(whose), mapping.key_manager, mapping.consumer_key, call.api)
                state = None if grant.subscription is None else grant.subscription.state
                due = granted(there, mapping.key_manager, mapping.consumer_key, tuple(whose), asked.plan)
                assert (grant.application is not None, grant.key_type, state) == due

    def _check_backend_jwt(self, answer: Any, bearer: Any) -> None:
        """Assert that the backend JWT is of this token, of a key that is published, and lives."""
        if answer.backend_jwt is None:
            assert all(one.auth_type.name == "NONE" for one in answer.call.resources)
            return
        header, payload = (json.loads(urlsafe_b64decode(part + "==")) for part in answer.backend_jwt.split(".")[:2])
        assert header["kid"] in {key["kid"] for key in self.generator.jwks()["keys"]}
        assert self.now < payload["exp"] <= max(bearer.get("exp"), self.latest + 2)
        assert payload.get("sub") == bearer.get("sub") or "sub" not in bearer.all()


class TestALivingGate(LivingGate.TestCase):
    """No step lets a call through that the oracle refuses, and none keeps one from going through that it allows."""

    settings = settings(max_examples=settings.default.max_examples, stateful_step_count=20)
