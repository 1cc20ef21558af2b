"""A provider that fails, through a whole outage, on a clock that is set."""

import asyncio

import pytest

from kmvalidate import ANY_OPAQUE_TOKEN, ClientSecretBasic, Introspection, KeyManagerRegistry, TokenValidator
from kmvalidate.asking import Breaker
from kmvalidate.events import Status
from kmvalidate.introspecting._call_budget import Call, CallBudget
from kmvalidate.testing import SimulatedProvider
from tests.concurrency.callers import verdict
from tests.introspecting.scenes import Laned, Scene, outage


def down():
    return outage("status 503")


def broken(**options):
    """Return a scene whose provider has just failed often enough."""
    scene = Scene(**options)
    scene.issue()
    scene.endpoint.outage = down
    for turn in range(5):
        assert scene.says(f"t-{turn}") == "KeyManagerUnavailable"
    return scene


def test_a_minute_of_outage():
    """Few calls are made while it lasts, whoever waits as told gets in, and remembered tokens stay good."""
    scene = Scene(ttl_s=60)
    scene.issue()
    scene.issue("known")
    assert scene.says("known") == "GOOD"
    scene.endpoint.outage = down
    calls = []
    for _ in range(240):
        before = len(scene.endpoint.asked)
        error = scene.unavailable()
        assert 0 < error.retry_after_s <= 30
        assert error.why == "status 503"
        calls += [scene.clock.monotonic()] * (len(scene.endpoint.asked) - before)
        assert (scene.says("known") == "GOOD") == (scene.clock.monotonic() < 60)
        scene.clock.advance(0.25)
    assert 9 <= len(calls) <= 12
    assert calls[:5] == [0, 0.25, 0.5, 0.75, 1.0]
    scene.endpoint.outage = None
    scene.clock.advance(error.retry_after_s)
    assert [scene.says(), scene.says("known"), asyncio.run(scene.asays("x"))] == ["GOOD", "GOOD", "INACTIVE"]
    (unreachable,) = scene.told("IntrospectionUnreachable")
    assert (unreachable.why, 0.9 <= unreachable.retry_in_s <= 1) == ("status 503", True)
    assert len(scene.told("IntrospectionReachable")) == 1
    assert [event.failures for event in scene.told("IntrospectionFailed")] == list(range(1, len(calls) + 1))


def test_health_through_an_outage():
    """Health tells how asking goes: nobody did, answered, failed, left alone, and answered again."""
    scene = Scene()
    scene.issue()

    def health():
        (found,) = scene.registry.health()
        assert found.usable is (found.introspection is not Status.UNREACHABLE)
        return found.introspection

    told = [health()]
    assert scene.says() == "GOOD"
    told.append(health())
    scene.endpoint.outage = down
    scene.says("x")
    told.append(health())
    for _ in range(4):
        scene.says("x")
    told.append(health())
    scene.endpoint.outage = None
    scene.clock.advance(1)
    told.append(health())
    assert scene.says("x") == "INACTIVE"
    told.append(health())
    expected = ["UNFETCHED", "FRESH", "STALE", "UNREACHABLE", "STALE", "FRESH"]
    assert told == [Status[name] for name in expected]


def test_a_failed_probe_says_when_the_next_goes():
    """Whoever failed hears of the same wait as those who come after."""
    scene = broken()
    scene.clock.advance(1)
    error = scene.unavailable()
    assert 1.8 <= error.retry_after_s <= 2
    assert scene.unavailable("other").retry_after_s == error.retry_after_s
    assert scene.calls() == 1


def test_an_outage_keeps_no_places():
    """Calls that are not made while it is left alone count for nothing."""
    scene = broken(calls_per_minute=8)
    for turn in range(100):
        assert scene.says(f"u-{turn}") == "KeyManagerUnavailable"
    scene.endpoint.outage = None
    scene.clock.advance(1)
    assert [scene.says(), scene.says("x"), scene.says("y")] == ["GOOD", "INACTIVE", "KeyManagerUnavailable"]


def test_a_probe_that_finds_no_call_left():
    """A caller who may try and has no call left in the budget leaves that to the next."""
    scene = broken(calls_per_minute=5, ttl_s=5)
    scene.endpoint.outage = None
    scene.clock.advance(55)
    assert scene.unavailable().why.startswith("as many calls")
    scene.clock.advance(5)
    assert scene.says() == "GOOD"


@pytest.mark.parametrize("how", ["late", "no thread"])
def test_a_probe_that_does_not_go(how):
    """A probe for which there is no time or no thread holds nobody up: the next one is it."""
    laned = Laned(at_once=1, waiting=0)
    scene = laned.scene
    scene.issue()
    scene.endpoint.outage = down
    for turn in range(5):
        assert laned.says(f"t-{turn}") == "KeyManagerUnavailable"
    scene.endpoint.outage = None
    scene.clock.advance(1)
    if how == "no thread":
        scene.ports.refusing = RuntimeError("can't start new thread")
        assert laned.says("probe") == "KeyManagerUnavailable"
        scene.ports.refusing = None
    else:
        laned.wait_in_vain("probe")
        scene.clock.advance(5.5)
        laned.run()
    assert scene.endpoint.calls["probe"] == 0
    assert laned.says("good") == "GOOD"


def test_a_probe_for_which_the_lane_is_full():
    """A probe that finds its lane full leaves it to a known token, which has a lane of its own."""
    laned = Laned(at_once=1, waiting=0, breaker_failures=1)
    scene = laned.scene
    scene.issue()
    assert laned.says("good") == "GOOD"
    scene.clock.advance(60)
    assert laned.wait_in_vain("stuck").startswith("no answer")
    scene.endpoint.outage = down
    assert laned.says("good") == "KeyManagerUnavailable"
    scene.endpoint.outage = None
    scene.clock.advance(1)
    assert laned.wait_in_vain("new").startswith("too many")
    assert laned.says("good") == "GOOD"
    assert len(scene.told("IntrospectionReachable")) == 1


def test_calls_that_wait_when_it_opens():
    """Calls that wait for their turn when the others fail are not made; nobody but the probe is let through."""
    laned = Laned(waiting=20, breaker_failures=2)
    scene = laned.scene
    scene.endpoint.outage = down
    for turn in range(10):
        laned.wait_in_vain(f"t-{turn}")
    laned.run()
    assert scene.endpoint.asked == ["t-0", "t-1"]
    assert len(scene.told("IntrospectionFailed")) == 2
    scene.clock.advance(1)
    for turn in range(3):
        scene.unavailable(f"u-{turn}")
    scene.endpoint.outage = None
    laned.run()
    assert scene.endpoint.asked == ["t-0", "t-1", "u-0"]
    assert laned.says("v") == "INACTIVE"


def test_calls_that_wait_when_it_asks_for_a_pause():
    """Calls that wait for their turn are held back, too, when the provider asks to be left alone."""
    laned = Laned(waiting=20)
    scene = laned.scene
    scene.endpoint.outage = lambda: outage("status 429", is_outage=False, wait_s=30.0)
    for turn in range(10):
        laned.wait_in_vain(f"t-{turn}")
    laned.run()
    assert scene.endpoint.asked == ["t-0"]


def test_a_waiting_call_may_be_the_probe():
    """One that waited while it was closed may try when it is time to."""
    made = Breaker(failures=1, spread=lambda: 0.0)
    assert made.wait_s(100.0) == 0.0
    assert made.failed(100.0)
    assert made.wait_s(100.5, 100.0) == 0.5
    assert made.wait_s(101.0, 100.0) == 0.0
    assert made.wait_s(101.5, 101.0) == 0.0
    assert made.wait_s(101.5, 100.0) > 0
    made.hold(101.5, 4.0)
    assert made.wait_s(102.0, 101.0) == 3.5
    made.not_called(100.0)
    assert made.left_s(102.0) == 9.0
    made.not_called(101.0)
    assert made.left_s(102.0) == 3.5
    assert made.wait_s(105.5) == 0.0


class TestCallsThatWait:
    """The budget counts calls from when they are made."""

    def test_made_later(self):
        """A call that waited counts for a minute from then on, and others before it only from theirs."""
        budget = CallBudget(2)
        first, second = budget.admit(0.0, known=False), budget.admit(1.0, known=False)
        budget.made(first, 5.0)
        assert budget.admit(60.5, known=False) == 0.5
        assert isinstance(budget.admit(61.0, known=False), Call)
        assert budget.admit(61.0, known=False) == 4.0
        assert second.made_at == 1.0

    def test_without_a_limit(self):
        """Without a limit nothing is counted, made or not."""
        budget = CallBudget(None)
        call = budget.admit(0.0, known=True)
        budget.made(call, 1.0)
        budget.give_back(call)
        assert isinstance(budget.admit(0.0, known=True), Call)

    def test_given_back(self):
        """A known token's call that was not made leaves the place that was kept for it, once."""
        budget = CallBudget(2)
        budget.admit(0.0, known=False).active()
        call = budget.admit(60.0, known=True)
        budget.give_back(call)
        budget.give_back(call)
        assert isinstance(budget.admit(60.0, known=False), Call)
        assert not isinstance(budget.admit(60.0, known=False), Call)
        assert isinstance(budget.admit(60.0, known=True), Call)


def test_the_simulated_outage():
    """A provider that is down, and back, as its introspection client sees it."""
    idp = SimulatedProvider("wso2_is", audience="orders", algorithms=("ES256",))
    asking = Introspection(client=ClientSecretBasic(*idp.client), tokens=ANY_OPAQUE_TOKEN)
    registry = KeyManagerRegistry([idp.key_manager(introspection=asking)], transport=idp, clock=idp.clock)
    validator, known, token = TokenValidator(registry, remember=0), idp.opaque_token(), idp.opaque_token()
    assert verdict(validator.authenticate, known) == "GOOD"
    idp.fail("error", at=idp.kind.introspection_path)
    assert [verdict(validator.authenticate, one) for one in (token, known)] == ["KeyManagerUnavailable", "GOOD"]
    idp.recover()
    assert verdict(validator.authenticate, token) == "KeyManagerUnavailable"  # it asked for a minute
    idp.clock.advance(60)
    assert [verdict(validator.authenticate, one) for one in (token, known)] == ["GOOD"] * 2


@pytest.mark.parametrize("calls", [5, 600])
def test_never_seen_tokens_take_the_provider_from_no_known_one(calls):
    """Tokens that the endpoint does not answer, chosen for it, leave those that are known asked about all along."""
    scene = Scene(ttl_s=5)
    scene.issue(exp=int(scene.clock.wall()) + 10_000)
    assert scene.says() == "GOOD"
    for turn in range(calls):
        scene.endpoint.said[f"poison-{turn}"] = outage("status 403")
        scene.says(f"poison-{turn}")
        scene.clock.advance(1)
        assert scene.says() == "GOOD"
        (health,) = scene.registry.health()
        assert health.usable


def test_known_tokens_that_fail_count_for_all():
    """Where known tokens get no answer, nobody does: neither they nor others are asked about for a while."""
    scene = Scene(ttl_s=5)
    bearers = [scene.issue(f"known-{n}") for n in range(5)]
    assert [scene.says(bearer) for bearer in bearers] == ["GOOD"] * 5
    scene.clock.advance(5)
    scene.endpoint.outage = outage()
    for bearer in bearers:
        scene.says(bearer)
    asked = len(scene.endpoint.asked)
    assert {scene.says("known-0"), scene.says("never-seen")} == {"KeyManagerUnavailable"}
    assert len(scene.endpoint.asked) == asked
