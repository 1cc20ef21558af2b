"""
How the keys of a gateway must age, foretold by plain lists and dictionaries from the documented rules.

Rules kept here: nothing of the library; slow and simple. A moment is a number, a fetch in the air is a record, and
whatever lands is compared with what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.laws.live_script import DEADLINE_S, DISCOVERED, Entry, Plan, Server

NEVER = float("-inf")
GRACE_S = 1

Outcome = tuple[Any, ...]


class Verdict(Exception):
    """How it ends, when it does not end well."""

    def __init__(self, *outcome: Any) -> None:
        super().__init__(*outcome)
        self.outcome = outcome


@dataclass(eq=False)
class Fetch:
    """A fetch in the air; what it was answered first."""

    cache: Cache
    began: int
    answer: list[Entry] | None
    max_age_s: int | None
    takes_s: int
    round: int
    is_forgotten: bool = False


@dataclass(eq=False)
class Cache:
    """What is known of the keys of one configuration."""

    plan: Plan
    keys: list[Entry] | None = None
    fetched_at: float = NEVER
    soft_at: float = NEVER
    idle_at: float = NEVER
    hard_at: float = NEVER
    failures: int = 0
    retry_at: float = NEVER
    forced_at: float = NEVER
    turns: int = 0
    round: int = 0
    asked: dict[str, float] = field(default_factory=dict)
    barred: set[Any] = field(default_factory=set)
    fetch: Fetch | None = None

    def bar(self, entries: list[Entry]) -> None:
        """Bar the keys that lie under the ids that were dropped, in place of those ids."""
        for name in list(self.barred):
            lying = {entry[1:] for entry in entries if name in (entry[0], entry[1:])}
            if lying:
                self.barred.remove(name)
                self.barred |= lying

    def unbarred(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry[0] not in self.barred and entry[1:] not in self.barred]


class KeyOracle:
    """
    Foretells key caches.

    Args:
        script: The issuers.

        pace: The figures of the caches; there is no jitter.

        now: The monotonic clock.

        wall: The wall clock.
    """

    def __init__(self, script: dict[str, Server], pace: dict[str, Any], now: int, wall: int) -> None:
        self.script, self.pace, self.now, self.wall = script, pace, now, wall
        self.is_grounded = self.is_last_first = False
        self.air: list[Fetch] = []
        self.hits = dict.fromkeys(script, 0)

    def usable(self, cache: Cache) -> list[Entry]:
        if cache.keys is not None and self.now < cache.soft_at:
            return cache.keys
        if cache.keys is not None and self.now < cache.hard_at:
            if self.aloft(cache) or self.now < cache.retry_at:
                return cache.keys
            if self.now < cache.idle_at or cache.failures:  # whoever fails keeps nobody waiting for its next failure
                self.launch(cache)
                return cache.keys
        return self.waited(cache)

    def waited(self, cache: Cache) -> list[Entry]:
        if self.aloft(cache):
            self.settle()
        elif self.is_due(cache):
            self.fly(cache)
        if cache.keys is None or self.now >= cache.hard_at:
            raise Verdict("unavailable", cache.plan.name)
        return cache.keys

    def newer(self, cache: Cache, missing: str) -> list[Entry]:
        asked_at, seen = self.now, cache.turns
        if asked_at < max(cache.fetched_at + self.pace["cooldown_s"], cache.asked.get(missing, NEVER)):
            return cache.keys or []
        if self.aloft(cache):
            self.settle()
        elif asked_at >= max(cache.forced_at + self.pace["cooldown_s"], cache.retry_at):
            cache.forced_at = asked_at
            self.fly(cache)
        if cache.turns == seen:
            raise Verdict("unavailable", cache.plan.name)
        cache.asked[missing] = asked_at + self.pace["unknown_kid_ttl_s"]
        return cache.keys or []

    def is_due(self, cache: Cache) -> bool:
        return (cache.keys is None or self.now >= cache.soft_at) and self.now >= cache.retry_at

    def aloft(self, cache: Cache) -> Fetch | None:
        fetch = cache.fetch
        return None if fetch is None or self.now > fetch.began + DEADLINE_S + GRACE_S else fetch

    def launch(self, cache: Cache) -> bool:
        if self.is_grounded:
            return False
        server = self.script[cache.plan.issuers[0]]
        self.hits[server.issuer] += 1
        answer = list(server.entries) if server.entries and server.outage is None else None
        if server.issuer == DISCOVERED and server.outage in {None, "no keys"}:
            answer = []  # that is its discovery document; its keys are asked for when that has come
        cache.fetch = Fetch(cache, self.now, answer, server.max_age_s, server.took_s(), cache.round)
        self.air.append(cache.fetch)
        return True

    def fly(self, cache: Cache) -> bool:
        """Fetch and wait for it; tell whether that brought something."""
        if not self.launch(cache):
            if self.now >= cache.retry_at:
                self._fail(cache)
            return False
        fetch = cache.fetch
        brought = {id(landed) for landed in self.settle()}
        return id(fetch) in brought

    def settle(self) -> list[Fetch]:
        """Let everything land, one after the other; return what brought something."""
        brought = []
        while self.air:
            fetch = self.air[-1 if self.is_last_first else 0]
            brought += [fetch] * self.land(fetch)
        return brought

    def land(self, fetch: Fetch) -> bool:
        """Let a fetch land; tell whether it brought something."""
        self.air.remove(fetch)
        cache = fetch.cache
        if cache.fetch is fetch:
            cache.fetch = None
        self.pass_s(fetch.takes_s)
        if cache.plan.issuers[0] == DISCOVERED and fetch.answer is not None:
            self._second_exchange(fetch)
        is_news = cache.keys is None or cache.fetched_at <= fetch.began
        if is_news and not fetch.is_forgotten:
            if fetch.answer is None:
                self._fail(cache)
            else:
                self._keep(cache, fetch)
        return fetch.answer is not None

    def _second_exchange(self, fetch: Fetch) -> None:
        server = self.script[DISCOVERED]
        if self.now >= fetch.began + DEADLINE_S:
            fetch.answer = None
            return
        fetch.answer = list(server.entries) if server.entries and server.outage is None else None
        fetch.max_age_s = server.max_age_s
        self.pass_s(server.took_s())

    def _keep(self, cache: Cache, fetch: Fetch) -> None:
        entries = list(dict.fromkeys(fetch.answer or []))
        cache.bar(entries)
        keys = cache.unbarred(entries)
        for other in self.air:  # what took off before a refresh has nothing to say after it
            other.is_forgotten |= other.cache is cache and other.round < fetch.round
        if keys != cache.keys:
            cache.asked = {}
        pace, soft_s = self.pace, self.pace["soft_ttl_s"]
        if fetch.max_age_s is not None:
            soft_s = sorted((pace["min_ttl_s"], fetch.max_age_s, pace["max_ttl_s"]))[1]
        soft_s = min(soft_s, pace["hard_ttl_s"])
        cache.keys, cache.fetched_at = keys, fetch.began
        cache.soft_at, cache.hard_at = fetch.began + soft_s, fetch.began + pace["hard_ttl_s"]
        cache.idle_at = fetch.began + pace["idle_factor"] * soft_s
        cache.failures, cache.retry_at = 0, NEVER
        cache.turns += 1

    def _fail(self, cache: Cache) -> None:
        cache.retry_at = self.now + min(2**cache.failures, self.pace["max_backoff_s"])
        cache.failures += 1

    def pass_s(self, seconds: int) -> None:
        self.now += seconds
        self.wall += seconds

    def health(self, cache: Cache) -> Outcome:
        keys, names = cache.keys, tuple(entry[0] for entry in cache.keys or [])
        if cache.plan.pinned:
            return ("FRESH", bool(keys), names, 0, None)
        usable = bool(keys) and self.now < cache.hard_at
        stale_since = self.wall - (self.now - cache.soft_at) if keys is not None and self.now >= cache.soft_at else None
        status = "UNFETCHED" if keys is None else "FRESH" if stale_since is None else "STALE"
        if cache.failures >= (self.pace["breaker_failures"] if usable else 1):
            status = "UNREACHABLE"
        return (status, usable, names, cache.failures, stale_since)
