"""Eight threads and a thousand tasks through ten rotations and two outages: what they are told is never wrong."""

import asyncio
import itertools
import threading
import time
from collections import Counter

import pytest

from kmvalidate import TokenValidator
from kmvalidate.events import KeysFetched
from tests.concurrency.callers import PATIENCE_S, Site, fetch_threads_end, remote, verdict
from tests.concurrency.crowds import Callers
from tests.concurrency.history import Call, History
from tests.fakes import FakeTransport, answer, badly_signed, key_set, signed_by
from tests.signing import NOW

ROTATIONS, OUTAGES = 10, (4, 8)
SOFT_S, COOLDOWN_S, BACKOFF_S = 600.0, 10.0, 31.0
TENANT, TENANT_KEYS, IDP_KEYS = "https://tenant.example", "https://tenant.example/keys", "https://idp.example/keys"


class MovingClock:
    """A wall clock that stands still, and a monotonic one that is moved, and never shows the same time twice."""

    def __init__(self):
        self._moved = 1000.0
        self._reads = itertools.count()

    def wall(self):
        return NOW

    def monotonic(self):
        return self._moved + next(self._reads) * 1e-7

    def pass_s(self, seconds):
        self._moved += seconds


class Provider:
    """What the director makes of the provider, and how often it was asked."""

    def __init__(self):
        self.published, self.is_down = (), False
        self.asked = itertools.count(1)
        self.fetches = 0

    def send(self, request, /):
        self.fetches = next(self.asked)
        if request.url == TENANT_KEYS:
            return answer(key_set("tenant"))
        if self.is_down:
            return answer({}, 503)
        return FakeTransport({request.url: key_set(*self.published)}).send(request)


class Director:
    """Makes things happen, one after the other, and writes down between which ticks each of them did."""

    def __init__(self):
        self.provider, self.history, self.clock = Provider(), History(), MovingClock()
        self.fetched = threading.Semaphore(0)
        managers = [remote("Idp", url=IDP_KEYS), remote("Tenant", TENANT, TENANT_KEYS)]
        self.site = Site(self.provider, *managers, clock=self.clock, on_event=self._hear)
        self.registry, self.tenant = self.site.registry, managers[1]
        names = [f"key-{number}" for number in range(ROTATIONS + 2)]
        tokens = {name: [signed_by(name, jti=str(turn)) for turn in range(4)] for name in names}
        tokens["tenant"] = [signed_by("tenant", iss=TENANT, jti=str(turn)) for turn in range(4)]
        tokens["forged"] = [badly_signed(name) for name in names]
        forgetful = TokenValidator(self.registry, remember=0)
        self.callers = Callers(self.site, [self.site.validator, forgetful], self.history, tokens)
        self.served = {}

    def _hear(self, event):
        if isinstance(event, KeysFetched) and event.key_manager == "Idp":
            self.fetched.release()

    def open(self):
        """Begin with one key, which the first callers have fetched."""
        for name in ("key-0", "tenant"):
            span = self.served[name] = self.history.serve(name)
            span.has_begun = 0
        self.provider.published = ("key-0",)
        self.callers.keys = ["key-0", "key-1", "tenant", "forged"]
        self.callers.start()
        self.callers.phases.everybody_calls()

    def publish(self, number):
        """Publish a key beside the others; callers may know it from now on."""
        name = f"key-{number}"
        self.served[name] = self.history.serve(name)
        self.provider.published = (*self.provider.published, name)
        near = (number - 2, number - 1, number, number, number + 1)
        self.callers.keys = [f"key-{max(one, 0)}" for one in near] + ["tenant", "forged"]
        self.callers.phases.everybody_calls()

    def is_known(self, number):
        """Write down that the key is known by now."""
        self.served[f"key-{number}"].has_begun = self.history.tick()
        self.callers.phases.everybody_calls()

    def pick_up(self, number):
        """Let the key become known, each time in another way."""
        ways = (self._by_refreshing, self._by_an_unknown_kid, self._by_age, self._by_dropping, self._by_arefreshing)
        ways[number % len(ways)](number)
        self.is_known(number)

    def _by_refreshing(self, _):
        self.registry.refresh("Idp")

    def _by_arefreshing(self, _):
        asyncio.run(self.registry.arefresh("Idp"))

    def _by_dropping(self, number):
        self.registry.drop_keys("Idp")
        assert verdict(self.site.validator.authenticate, signed_by(f"key-{number}")) == "GOOD"

    def _by_an_unknown_kid(self, number):
        for _ in range(2):  # the first may find a fetch under way that was answered before
            self.clock.pass_s(COOLDOWN_S + 1)
            told = verdict(self.site.validator.authenticate, signed_by(f"key-{number}"))
        assert told == "GOOD"

    def _by_age(self, _):
        fetch_threads_end()
        while self.fetched.acquire(blocking=False):
            pass
        self.clock.pass_s(1.2 * SOFT_S)
        assert self.fetched.acquire(timeout=PATIENCE_S)
        self.registry.refresh("Idp")  # the one before may have been answered early

    def retire(self, number):
        """Let the key go: dropped by hand while it is published, or no longer published and then refreshed."""
        name = f"key-{number}"
        span = self.served[name]
        span.may_end = self.history.tick()
        if number % 2:
            self.registry.drop_key("Idp", name)
            span.has_ended = self.history.tick()
            self.registry.refresh("Idp")  # which still publishes it
            self.callers.phases.everybody_calls()
        self.provider.published = tuple(one for one in self.provider.published if one != name)
        self.registry.refresh("Idp")
        span.has_ended = min(span.has_ended, self.history.tick())
        self.callers.phases.everybody_calls()

    def outage(self, *, keyless):
        """Let the provider be down for a while, after a drop of all keys if *keyless*, and come back."""
        down = self.history.begin(self.history.outages)
        self.provider.is_down = True
        self.clock.pass_s(1.2 * SOFT_S)
        self.callers.phases.everybody_calls()
        if keyless:
            fetch_threads_end()
            without = self.history.begin(self.history.keyless)
            self.registry.drop_keys("Idp")
            fetch_threads_end()
            without.has_begun = self.history.tick()
            self.callers.phases.everybody_calls()
            without.may_end = self.history.tick()
        self.provider.is_down = False
        self.clock.pass_s(BACKOFF_S)
        self.registry.refresh("Idp")
        for span in (down, *self.history.keyless):
            span.has_ended = min(span.has_ended, self.history.tick())
        self.callers.phases.everybody_calls()

    def without_the_tenant(self):
        """Remove the other key manager, and add it again."""
        span = self.served["tenant"]
        span.may_end = self.history.tick()
        self.registry.remove("configuration", "Tenant")
        span.has_ended = self.history.tick()
        self.callers.phases.everybody_calls()
        span = self.served["tenant"] = self.history.serve("tenant")
        self.registry.add("configuration", self.tenant)
        span.has_begun = self.history.tick()
        self.callers.phases.everybody_calls()

    def play(self):
        """Let everything happen."""
        self.open()
        for number in range(1, ROTATIONS + 1):
            self.publish(number)
            if number in OUTAGES:
                self.outage(keyless=number == OUTAGES[-1])
            self.pick_up(number)
            if number % 3 == 0:
                self.without_the_tenant()
            self.retire(number - 1)
        self.callers.stop()
        fetch_threads_end()


@pytest.mark.usefixtures("hasty")
def test_a_thousand_callers_through_ten_rotations_and_two_outages():
    """No caller sees a foreign exception or a verdict that its key's history does not allow, and nobody hangs."""
    director, began = Director(), time.monotonic()
    try:
        director.play()
    finally:
        director.callers.phases.end()
    calls = director.callers.calls
    print(f"{len(calls)} calls in {time.monotonic() - began:.1f} s, {director.provider.fetches} fetches")  # noqa: T201
    told = Counter(call.told for call in calls)
    assert set(told) == {"GOOD", "UNKNOWN_KEY", "UNKNOWN_ISSUER", "BAD_SIGNATURE", "KeyManagerUnavailable"}
    assert director.history.wrong(calls)[:5] == []
    assert told["GOOD"] > len(calls) // 4


def test_the_oracle_tells_wrong_from_right():
    """The oracle allows what may be and nothing else: it would find an accepted key that had gone."""
    history = History()
    span = history.serve("key")
    span.has_begun, span.may_end, span.has_ended = 10, 20, 30
    outage = history.begin(history.outages)
    outage.may_begin, outage.has_ended = 40, 50
    expected = {
        (0.1, 0.5): {"UNKNOWN_KEY"},
        (5, 12): {"GOOD", "UNKNOWN_KEY"},
        (11, 19): {"GOOD"},
        (11, 21): {"GOOD", "UNKNOWN_KEY"},
        (31, 32): {"UNKNOWN_KEY"},
        (41, 42): {"UNKNOWN_KEY", "KeyManagerUnavailable"},
    }
    assert {when: history.admissible(Call("key", *when, "")) for when in expected} == expected
    assert [call.told for call, _ in history.wrong([Call("key", 31, 32, "GOOD"), Call("key", 11, 12, "GOOD")])] == [
        "GOOD"
    ]
