"""
What a gateway must say, foretold by plain lists and dictionaries from the documented rules.

Rules kept here: nothing of the library; slow and simple.
"""

from __future__ import annotations

from typing import Any

from tests.laws.key_oracle import NEVER, Cache, KeyOracle, Outcome, Verdict
from tests.laws.live_script import LAYERS, SHAPE_OF, Bearer, Entry, Plan, Server


class Oracle(KeyOracle):
    """
    Foretells a gateway.

    Args:
        script: Its issuers.

        pace: The figures of its key caches.

        now: The monotonic clock.

        wall: The wall clock.

        is_raced: Whether fetches in the background land at any time before the next step, rather than at its end.

        global_first: Whether key managers that serve all go first.
    """

    def __init__(
        self,
        script: dict[str, Server],
        pace: dict[str, Any],
        now: int,
        wall: int,
        *,
        is_raced: bool = False,
        global_first: bool = False,
    ) -> None:
        super().__init__(script, pace, now, wall)
        self.is_raced, self.global_first = is_raced, global_first
        self.layers: dict[str, list[Plan]] = {layer: [] for layer in LAYERS}
        self.caches: dict[Plan, Cache] = {}
        self.bars: dict[tuple[str, str | None], set[Any]] = {}

    def change(self, layer: str, plans: list[Plan]) -> bool:
        """Configure a layer; tell whether that is allowed."""
        for place, plan in enumerate(plans):
            for other in plans[:place]:
                alike = plan.name == other.name or set(plan.issuers) & set(other.issuers)
                if plan.organization == other.organization and alike:
                    return False
        self.layers[layer] = plans
        configured = [plan for those in self.layers.values() for plan in those]
        self.caches = {plan: self.caches.get(plan) or self._cache(plan) for plan in configured}
        return True

    def _cache(self, plan: Plan) -> Cache:
        cache = Cache(plan, barred=self.bars.setdefault((plan.name, plan.organization), set()))
        if plan.pinned:
            cache.bar(list(plan.pinned))
            cache.keys = cache.unbarred(list(plan.pinned))
            cache.soft_at = cache.hard_at = float("inf")
        return cache

    def in_effect(self, organization: str | None) -> list[tuple[Plan, str]]:
        """Return which key managers of exactly that organization answer, and for which issuer."""
        found: list[tuple[Plan, str]] = []
        for layer in LAYERS:
            above = list(found)
            for plan in self.layers[layer]:
                if plan.organization != organization or plan.name in [other.name for other, _ in above]:
                    continue
                found += [(plan, issuer) for issuer in plan.issuers if issuer not in [taken for _, taken in above]]
        return found

    def answers(self, organization: str | None, issuer: str) -> Plan | None:
        """Return who answers for an issuer in an organization."""
        shared = self.in_effect(None)
        own = [] if organization is None else self.in_effect(organization)
        first, second = (shared, own) if self.global_first else (own, shared)
        for plan, answered in first:
            if answered == issuer:
                return plan
        for plan, answered in second:
            if answered == issuer and plan.name not in [other.name for other, _ in first]:
                return plan
        return None

    def present(self, bearer: Bearer, organization: str | None) -> list[Outcome]:
        """Return how that may end, the usual way first."""
        plan = self.answers(organization, bearer.issuer)
        if plan is None:
            return [("refused", "UNKNOWN_ISSUER", None)]
        cache, in_the_air = self.caches[plan], list(self.air)
        outcomes = [self._verdict(bearer, plan, cache)]
        if self.is_raced and [fetch for fetch in self.air if fetch not in in_the_air]:
            self.settle()
            outcomes.append(self._judged(bearer, plan, cache.keys or []))
        return outcomes

    def _verdict(self, bearer: Bearer, plan: Plan, cache: Cache) -> Outcome:
        if bearer.alg not in SHAPE_OF:
            return ("refused", "ALGORITHM_NOT_ALLOWED", plan.name)
        try:
            keys = self.usable(cache)
            if not plan.pinned and self._chosen(bearer, plan, keys) is None:
                keys = self.newer(cache, bearer.kid or "no kid")
        except Verdict as verdict:
            return verdict.outcome
        return self._judged(bearer, plan, keys)

    def _judged(self, bearer: Bearer, plan: Plan, keys: list[Entry]) -> Outcome:
        try:
            key = self._chosen(bearer, plan, keys)
        except Verdict as verdict:
            return verdict.outcome
        reason = "UNKNOWN_KEY" if key is None else self._flaw(bearer, plan, key)
        return ("refused", reason, plan.name) if reason else ("accepted", plan.name, plan.organization, bearer.issuer)

    def _chosen(self, bearer: Bearer, plan: Plan, keys: list[Entry]) -> Entry | None:
        named = [key for key in keys if bearer.kid is None or key[0] == bearer.kid]
        fitting = [key for key in named if key[2] == SHAPE_OF[bearer.alg]]
        if len({key[1:] for key in fitting}) > 1:
            raise Verdict("refused", "AMBIGUOUS_KEY", plan.name)
        if named and not fitting and bearer.kid is not None:
            raise Verdict("refused", "UNSUITABLE_KEY", plan.name)
        return fitting[0] if fitting else None

    def _flaw(self, bearer: Bearer, plan: Plan, key: Entry) -> str | None:
        if bearer.is_tampered or key[1] != bearer.owner:
            return "BAD_SIGNATURE"
        if self.wall >= bearer.expires + plan.leeway_s:
            return "EXPIRED"
        if bearer.starts > self.wall + plan.leeway_s:
            return "NOT_YET_VALID"
        if bearer.issued > self.wall + plan.leeway_s:
            return "ISSUED_IN_THE_FUTURE"
        if plan.max_age_s is not None and self.wall - bearer.issued > plan.max_age_s + plan.leeway_s:
            return "TOO_OLD"
        return None if bearer.audience == plan.audience else "WRONG_AUDIENCE"

    def _named(self, name: str, organization: str | None) -> list[Cache]:
        plans = [plan for layer in LAYERS for plan in self.layers[layer]]
        plans = [plan for plan in plans if (plan.name, plan.organization) == (name, organization)]
        return [self.caches[plan] for plan in dict.fromkeys(plans)]

    def drop_key(self, name: str, organization: str | None, key: Any) -> bool:
        """Bar a key, a kid or the key itself; tell whether there is somebody of that name."""
        caches = self._named(name, organization)
        known = {entry[1:] for cache in caches for entry in cache.keys or [] if key in (entry[0], entry[1:])}
        if caches:
            caches[0].barred |= known or {key}  # they share it
        for cache in caches:
            if cache.keys is not None:
                cache.bar(cache.keys)
                cache.keys = cache.unbarred(cache.keys)
        return bool(self._named(name, organization))

    def drop_keys(self, name: str, organization: str | None) -> bool:
        for cache in self._named(name, organization):
            if not cache.plan.pinned:
                cache.keys, cache.asked, cache.fetch = None, {}, None
                cache.round += 1
                cache.failures, cache.retry_at = 0, NEVER
                for fetch in self.air:
                    fetch.is_forgotten |= fetch.cache is cache
        return bool(self._named(name, organization))

    def refresh(self, name: str, organization: str | None) -> Outcome:
        """Fetch the keys of who answers by that name, or if nobody does, of those who would."""
        named = self._named(name, organization)
        for cache in [cache for cache in self._all_in_effect() if cache in named] or named:
            cache.fetch = None
            cache.round += 1
            if not cache.plan.pinned and not self.fly(cache):
                return ("unavailable", name)
        return ("done",) if named else ("nobody",)

    def _all_in_effect(self) -> list[Cache]:
        """Return those that answer for somebody, the highest layer first."""
        organizations = {plan.organization for layer in LAYERS for plan in self.layers[layer]}
        answering = [plan for organization in organizations for plan, _ in self.in_effect(organization)]
        plans = [plan for layer in LAYERS for plan in self.layers[layer] if plan in answering]
        return [self.caches[plan] for plan in dict.fromkeys(plans)]

    def warm(self) -> None:
        """Fetch for everybody at once, then wait for each."""
        caches = [cache for cache in self._all_in_effect() if not cache.plan.pinned]
        for cache in caches:
            if not self.aloft(cache) and self.is_due(cache):
                self.launch(cache)
        for cache in caches:
            try:
                self.waited(cache)
            except Verdict:
                continue

    def healths(self) -> dict[Any, Outcome]:
        """Return how each of those is."""
        return {
            (cache.plan.name, cache.plan.organization): (cache.plan.issuers[0], *self.health(cache))
            for cache in self._all_in_effect()
        }
