"""How often a provider is asked, on a clock that is set: floods, repeats, and providers that ask for a pause."""

from collections import Counter

import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    Introspection,
    KeyManagerRegistry,
    TokenValidator,
)
from kmvalidate.testing import SimulatedProvider
from tests.concurrency.callers import verdict
from tests.introspecting.scenes import Laned, Scene, outage

FLOOD, KNOWN = 10_000, 20


class Asgardeo:
    """A provider that answers two hundred requests in a minute, and a gateway that is told its workers."""

    def __init__(self, workers=1, **options):
        self.idp = SimulatedProvider("asgardeo", audience="orders", algorithms=("ES256",))
        asking = Introspection(
            client=ClientSecretBasic(*self.idp.client), tokens=ANY_OPAQUE_TOKEN, workers=workers, **options
        )
        self.clock, self.outages = self.idp.clock, []
        self.registries = [
            KeyManagerRegistry([self.idp.key_manager(introspection=asking)], transport=self.idp, clock=self.clock)
            for _ in range(workers)
        ]
        self.validators = [TokenValidator(registry) for registry in self.registries]
        self.calls_at = []
        for validator in self.validators:
            verdict(validator.authenticate, "finds-the-endpoint")
        self.clock.advance(120)

    def issue(self, count):
        return [self.idp.opaque_token(expires_in_s=3600) for _ in range(count)]

    def says(self, token, worker=0):
        before = self.idp.hits[self.idp.kind.introspection_path]
        said = verdict(self.validators[worker].authenticate, token)
        made = self.idp.hits[self.idp.kind.introspection_path] - before
        self.calls_at += [self.clock.monotonic()] * made
        return said

    def most_in_a_minute(self):
        times = self.calls_at
        return max(sum(start <= at < start + 60 for at in times) for start in set(times))


@pytest.mark.parametrize("workers", [1, 4])
def test_a_flood_beside_known_tokens(workers):
    """Known tokens are served all along a flood of ten thousand, and the provider is never over its rate."""
    site = Asgardeo(workers)
    known = site.issue(KNOWN)
    for worker in range(workers):
        assert [site.says(token, worker) for token in known] == ["GOOD"] * KNOWN
    site.clock.advance(1)
    said = Counter()
    for turn in range(FLOOD):
        site.clock.advance(300 / FLOOD)
        said[site.says(f"{turn:08x}-flood", turn % workers)] += 1
        if turn % 200 == 0:
            for worker in range(workers):
                assert [site.says(token, worker) for token in known] == ["GOOD"] * KNOWN
    assert site.idp.throttled == 0
    assert site.most_in_a_minute() <= 200
    assert said["INACTIVE"] >= 300 if workers == 1 else said["INACTIVE"] >= 100
    assert set(said) == {"INACTIVE", "KeyManagerUnavailable"}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_cold_start_stays_within_the_rate(workers):
    """The first minute of all processes together has room for the document, the keys and the client's own token."""
    idp = SimulatedProvider("asgardeo", audience="orders")
    client = ClientCredentials(ClientSecretPost(*idp.client))
    strategy = Introspection(client=client, tokens=ANY_OPAQUE_TOKEN, workers=workers)
    said = Counter()
    for _ in range(workers):
        validator = idp.validator(introspection=strategy)
        validator.authenticate(idp.token())
        said += Counter(verdict(validator.authenticate, idp.opaque_token()) for _ in range(250))
    assert idp.throttled == 0
    assert said["GOOD"] == 200 - 5 * workers  # and one place is kept for whoever comes again


def test_repeats_of_good_tokens():
    """A thousand good tokens that come again and again stay within the rate; the rest hears when to come back."""
    site = Asgardeo(ttl_s=30)
    tokens = site.issue(1000)
    said = Counter()
    for _ in range(6):
        said += Counter(site.says(token) for token in tokens)
        site.clock.advance(25)
    assert site.idp.throttled == 0
    assert site.most_in_a_minute() <= 200
    assert said["GOOD"] >= 400
    assert set(said) == {"GOOD", "KeyManagerUnavailable"}


def test_what_whoever_is_held_back_hears():
    """Whoever would be one too many hears at once when to come back, and gets in then."""
    scene = Scene(calls_per_minute=3)
    for turn in range(3):
        assert scene.says(f"bad-{turn}") == "INACTIVE"
        scene.clock.advance(1)
    error = scene.unavailable(scene.issue())
    assert (error.key_manager, error.retry_after_s) == ("Test", 57.0)
    assert error.why == "as many calls were made as it answers in a minute"
    scene.clock.advance(error.retry_after_s)
    assert scene.says() == "GOOD"


def test_held_back_is_told_once_a_minute():
    """That calls are held back is told once in a minute, however many are."""
    scene = Scene(calls_per_minute=1, inactive_ttl_s=0)
    scene.says("x")
    for _ in range(50):
        scene.clock.advance(1)
        assert scene.says("y") == "KeyManagerUnavailable"
    assert len(scene.told("IntrospectionHeldBack")) == 1
    scene.clock.advance(10)
    assert scene.says("y") == "INACTIVE"
    for _ in range(3):
        assert scene.says("z") == "KeyManagerUnavailable"
    scene.clock.advance(1)
    assert scene.says("z") == "KeyManagerUnavailable"
    assert [event.why for event in scene.told("IntrospectionHeldBack")] == [scene.unavailable("z").why] * 2


@pytest.mark.parametrize("wait_s", [1.0, 17.0, 60.0])
def test_a_provider_that_asks_for_a_pause(wait_s):
    """When it says how long it wants to be left alone, nobody asks it for that long, and it counts as reachable."""
    scene = Scene()
    scene.issue()
    scene.issue("known")
    assert scene.says("known") == "GOOD"
    scene.endpoint.outage = outage("status 429", is_outage=False, wait_s=wait_s)
    assert scene.unavailable("first").retry_after_s == wait_s
    scene.endpoint.outage = None
    assert scene.unavailable().retry_after_s == wait_s
    assert scene.says("known") == ("GOOD")
    scene.clock.advance(wait_s - 0.25)
    assert scene.unavailable().retry_after_s == 0.25
    assert scene.calls() == 0
    scene.clock.advance(0.25)
    assert scene.says() == "GOOD"
    assert scene.told("IntrospectionUnreachable") == []


def test_the_simulated_429():
    """A provider that answers 429 with Retry-After is left alone by everybody for that long."""
    site = Asgardeo(calls_per_minute=1000)
    for turn in range(200):
        assert site.says(f"{turn:08x}-flood") == "INACTIVE"
    assert [site.says(token) for token in site.issue(20)] == ["KeyManagerUnavailable"] * 20
    assert site.idp.throttled == 1
    site.clock.advance(60)
    assert site.says(*site.issue(1)) == "GOOD"


def test_tokens_that_the_endpoint_cannot_read():
    """However often a token makes the endpoint say "bad request", the others are served."""
    scene = Scene()
    scene.issue()
    scene.endpoint.said["odd"] = lambda: outage("status 400", is_outage=False)
    for _ in range(50):
        assert scene.says("odd") == "KeyManagerUnavailable"
    assert scene.says() == "GOOD"
    assert scene.told("IntrospectionUnreachable") == []
    assert scene.unavailable("odd").retry_after_s == 1.0


LATE = "no answer within the deadline"
FULL = "too many tokens are waiting to be asked about"


def test_a_full_lane():
    """Whoever does not fit into the lane hears at once, does not count, and known tokens have their own lane."""
    laned = Laned(calls_per_minute=10)
    scene = laned.scene
    scene.issue("known")
    assert laned.says("known") == "GOOD"
    scene.clock.advance(61)
    assert [laned.wait_in_vain(token) for token in "abcd"] == [LATE, LATE, FULL, FULL]
    assert scene.unavailable("e").retry_after_s == 1.0
    assert laned.wait_in_vain("known") == LATE
    assert len(laned.kept) == 2
    laned.run()
    assert scene.says("known") == "GOOD"
    assert scene.endpoint.calls == {"known": 2, "a": 1, "b": 1}
    assert scene.told("IntrospectionHeldBack")[0].why == FULL


def test_a_turn_that_comes_too_late():
    """A call whose turn does not come in time is not made, and does not count."""
    laned = Laned(calls_per_minute=2)
    laned.wait_in_vain("a")
    laned.scene.clock.advance(5.25)
    laned.run()
    assert laned.scene.endpoint.asked == []
    assert [laned.wait_in_vain(token) for token in "bcd"] == [
        LATE,
        LATE,
        "as many calls were made as it answers in a minute",
    ]


def test_calls_count_from_when_they_are_made():
    """A call that waited for its turn counts from then on, as the provider sees it."""
    laned = Laned(calls_per_minute=1)
    scene = laned.scene
    laned.wait_in_vain("a")
    scene.clock.advance(4)
    laned.run()
    assert scene.endpoint.asked == ["a"]
    scene.clock.advance(58)
    assert scene.unavailable("b").retry_after_s == 2.0
    scene.clock.advance(2)
    assert laned.wait_in_vain("b") == LATE


def test_no_thread_to_ask_on():
    """Without a thread nobody is asked: an outage that counts for nothing and keeps no place."""
    scene = Scene(calls_per_minute=1)
    scene.ports.refusing = RuntimeError("can't start new thread")
    assert [scene.unavailable(token).why for token in "abc"] == ["can't start new thread"] * 3
    scene.ports.refusing = None
    assert scene.says(scene.issue()) == "GOOD"


def test_places_that_were_not_used():
    """A known token that finds its lane full leaves the place that is kept for it."""
    laned = Laned(calls_per_minute=4, at_once=1, waiting=0)
    scene = laned.scene
    for token in ("k1", "k2"):
        scene.issue(token)
    assert [laned.says(token) for token in ("k1", "k2")] == ["GOOD"] * 2
    scene.clock.advance(60)
    assert [laned.wait_in_vain(token) for token in ("k1", "k2")] == [LATE, FULL]
    laned.run()
    assert [laned.says(token) for token in "abcd"] == ["INACTIVE"] * 2 + ["KeyManagerUnavailable"] * 2
    assert laned.says("k2") == "GOOD"
