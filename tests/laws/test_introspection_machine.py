"""
Whatever happens to a key manager that is asked, each token fares as a naive oracle allows.

A provider issues, revokes and fails; time passes; callers block or await, with a memory in front and without. A token
is never granted for longer than it is remembered after it was revoked, nor beyond its end; it is never called inactive
while the provider says otherwise and nothing was found inactive a moment ago; and calls stay within their budget.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kmvalidate import TokenValidator
from tests.concurrency.callers import averdict, verdict
from tests.introspecting.scenes import INACTIVE, Scene, outage

pytestmark = pytest.mark.law

TOKENS = [f"token-{n}" for n in range(4)]
LEEWAY_S = 10
tokens = st.sampled_from(TOKENS)


class AskedGateway(RuleBasedStateMachine):
    """A gateway, a provider, and what the latter said when."""

    scene: Scene

    @initialize(
        ttl_s=st.sampled_from([0, 5, 60]),
        inactive_ttl_s=st.sampled_from([0, 10]),
        per_minute=st.sampled_from([None, 3, 12]),
        remember=st.sampled_from([2, 1000]),
    )
    def begin(self, ttl_s: int, inactive_ttl_s: int, per_minute: int | None, remember: int) -> None:
        self.ttl_s, self.inactive_ttl_s, self.per_minute = ttl_s, inactive_ttl_s, per_minute
        options: Any = {"ttl_s": ttl_s, "inactive_ttl_s": inactive_ttl_s, "calls_per_minute": per_minute}
        self.scene = Scene(remember=remember, remember_inactive=2, leeway_s=LEEWAY_S, **options)
        fronts = (0, 2, 1000)
        self.validators = [TokenValidator(self.scene.registry, remember=front) for front in fronts]
        self.called_at: list[float] = []
        self.inactive_at: dict[str, float] = {}
        self.active_until: dict[str, float] = {}
        self.ends_at: dict[str, float] = {}
        for token in TOKENS:
            self.scene.endpoint.said[token] = lambda token=token: self._asked(token)

    @property
    def now(self) -> float:
        return self.scene.clock.monotonic()

    def _asked(self, token: str) -> dict[str, Any]:
        """Return what the provider says, and write it down."""
        if not self._is_active(token):
            self.inactive_at[token] = self.now
            return INACTIVE
        return self.scene.answer(exp=self.ends_at[token] + self.scene.clock.wall() - self.now)

    def _is_active(self, token: str) -> bool:
        return self.now < min(self.active_until.get(token, 0.0), self.ends_at.get(token, 0.0))

    @rule(token=tokens, lifetime_s=st.sampled_from([1, 7, 30, 300]))
    def issue(self, token: str, lifetime_s: int) -> None:
        if token not in self.ends_at:
            self.ends_at[token] = self.now + lifetime_s
            self.active_until[token] = float("inf")

    @rule(token=tokens)
    def revoke(self, token: str) -> None:
        self.active_until[token] = min(self.active_until.get(token, float("inf")), self.now)

    @rule(token=tokens)
    def revive(self, token: str) -> None:
        """Let a token that was revoked be active again, as when a consent is given back."""
        if token in self.ends_at:
            self.active_until[token] = float("inf")

    @rule(fault=st.sampled_from([None, None, {}, {"is_outage": False}, {"is_outage": False, "wait_s": 5.0}]))
    def fail(self, fault: dict[str, Any] | None) -> None:
        """Let the provider fail, or answer again."""
        self.scene.endpoint.outage = None if fault is None else lambda: outage(**fault)  # type: ignore[assignment]

    @rule(seconds=st.sampled_from([0.25, 1, 4, 5, 10, 30, 59, 60]))
    def wait(self, seconds: float) -> None:
        self.scene.clock.advance(seconds)

    @rule(token=tokens, places=st.tuples(st.integers(0, 2), st.integers(0, 2)), is_async=st.booleans())
    def revoke_after_use(self, token: str, places: tuple[int, int], *, is_async: bool) -> None:
        """Revoke a token that was just used, and use it again when its time is over."""
        self.issue(token, 300)
        self.revive(token)
        self.present(token, places[0], 1, is_async=is_async)
        self.revoke(token)
        self.wait(self.ttl_s)
        self.present(token, places[1], 1, is_async=is_async)

    @rule()
    def drop(self) -> None:
        """Forget everything: from now on nothing that was answered before counts."""
        self.scene.registry.drop_tokens("Test")
        self.inactive_at.clear()
        for token, until in self.active_until.items():
            if until <= self.now:
                self.active_until[token] = float("-inf")

    @rule(token=tokens, place=st.integers(0, 2), is_async=st.booleans(), times=st.integers(1, 3))
    def present(self, token: str, place: int, times: int, *, is_async: bool) -> None:
        """Present a token to one of the validators."""
        validator = self.validators[place]
        for _ in range(times):
            before, inactive_at = len(self.scene.endpoint.asked), self.inactive_at.get(token, float("-inf"))
            asking = averdict(validator.aauthenticate, token) if is_async else None
            said = asyncio.run(asking) if asking else verdict(validator.authenticate, token)
            self.scene.ports.settle()
            calls = len(self.scene.endpoint.asked) - before
            assert calls <= 1
            self.called_at += [self.now] * calls
            event(f"{said}, {calls} calls")
            self._judge(token, said, inactive_at)

    def _judge(self, token: str, said: str, inactive_at: float) -> None:
        if said == "GOOD":
            assert self.now < self.ends_at[token] + LEEWAY_S
            assert self._is_active(token) or self.now < self.active_until[token] + self.ttl_s
        elif said == "INACTIVE":
            assert not self._is_active(token) or self.now < inactive_at + self.inactive_ttl_s
        else:
            assert said in {"KeyManagerUnavailable", "EXPIRED"}
            assert said != "EXPIRED" or self.now >= self.ends_at[token]

    @invariant()
    def calls_stay_within_their_budget(self) -> None:
        """In no minute more calls are made than agreed."""
        if hasattr(self, "scene") and self.per_minute is not None:
            assert sum(self.now - 60 < at for at in self.called_at) <= self.per_minute


class TestAnAskedGateway(AskedGateway.TestCase):
    """Every token fares as the oracle allows."""
