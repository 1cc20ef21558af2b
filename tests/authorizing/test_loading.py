"""Subscriptions that are loaded when a call needs them: once, and an outage is nobody's "no"."""

import asyncio

import pytest

from kmvalidate.apis import ApiCall, GatewayType
from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.subscriptions import InMemorySubscriptions, KeyMapping, LoadingSubscriptions
from tests.authorizing.world import APP, CLIENT, MAPPING, ORDERS, SHOP, SUBSCRIPTION, World, orders
from tests.concurrency.callers import Crowd
from tests.estate import token_of
from tests.signing import ABSENT


class Loader:
    """Loads what is written in `found`, or raises `outage`; `asked` has what it was asked."""

    def __init__(self, *found, is_async=False):
        self.found, self.asked, self.outage = found, [], None
        self.load = self._later if is_async else self._now

    def _now(self, *asked):
        self.asked.append(asked)
        if self.outage is not None:
            raise self.outage
        return self.found

    async def _later(self, *asked):
        await asyncio.sleep(0)
        return self._now(*asked)


class LoadingWorld(World):
    def __init__(self, loader, *, kept=(), negative_ttl_s=10.0, **arguments):
        self.inner = InMemorySubscriptions()
        self.inner.put_all(kept)
        self.loader = loader
        store = LoadingSubscriptions(self.inner, loader.load, negative_ttl_s=negative_ttl_s)
        super().__init__(subscriptions=store, **arguments)

    def says(self, *args, **kwargs):
        try:
            return super().says(*args, **kwargs)
        finally:
            self.ports.settle()


EVERYTHING = (APP, MAPPING, SUBSCRIPTION)
both_kinds = pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
both_ways = pytest.mark.parametrize("remember", [0, 100], ids=["nothing remembered", "remembered"])


@both_kinds
@both_ways
def test_what_is_missing_is_loaded_once(is_async, remember):
    """The first call loads who the client is, and the others find it, callers of both colours and of all resources."""
    world = LoadingWorld(Loader(*EVERYTHING, is_async=is_async), remember=remember)
    assert [world.says(), world.says(), world.says(call=world.api.call("POST", "/menu"))] == ["GOOD"] * 3
    assert world.loader.asked == [((None,), "a", CLIENT, world.api)]


@both_kinds
def test_what_is_not_there_is_not_asked_for_each_time(is_async):
    """That nothing was found is remembered for a while, and then asked again."""
    world = LoadingWorld(Loader(is_async=is_async))
    assert [world.says() for _ in range(3)] == ["NOT_SUBSCRIBED"] * 3
    assert len(world.loader.asked) == 1
    world.clock.pass_s(11)
    world.loader.found = EVERYTHING
    assert (world.says(), len(world.loader.asked)) == ("GOOD", 2)


def test_a_change_ends_a_negative_answer():
    """Who is subscribed a moment after having been refused is let through by the next call."""
    world = LoadingWorld(Loader())
    assert world.says() == "NOT_SUBSCRIBED"
    world.inner.put_all(EVERYTHING)
    assert world.says() == "GOOD"
    world.inner.remove(SUBSCRIPTION)
    assert world.says() == "NOT_SUBSCRIBED"


OUTAGES = [OSError("secret"), ValueError(), KeyManagerUnavailable("down"), SystemExit(1), RecursionError()]


@both_ways
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda error: type(error).__name__)
def test_an_outage_is_no_verdict(outage, remember):
    """While nothing can be loaded nobody can tell, which is no grant and no refusal, and then all is well."""
    world = LoadingWorld(Loader(*EVERYTHING), remember=remember)
    world.loader.outage = outage
    for _ in range(3):
        assert world.says() == "KeyManagerUnavailable"
        with pytest.raises(KeyManagerUnavailable) as caught:
            world.validator.decide(world.bearer, world.menu)
        assert "secret" not in str(caught.value)
    assert world.validator.explain(world.bearer, world.menu).verdict == "unavailable"
    world.loader.outage = None
    world.clock.pass_s(2)
    assert world.says() == "GOOD"


@pytest.mark.parametrize(
    "found",
    [5, ["x"], [None], [APP, "x"], [[APP]], "text", {"a": 1}, object()],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_what_is_loaded_and_is_none_is_an_outage(found):
    """A function that returns something else than records subscribes nobody, and refuses nobody."""
    world = LoadingWorld(Loader())
    world.loader.found = found
    assert world.says() == "KeyManagerUnavailable"


def test_others_go_on_during_an_outage():
    """Who is known already is let through while nothing can be loaded."""
    world = LoadingWorld(Loader(), kept=EVERYTHING)
    world.loader.outage = OSError()
    assert (world.says(), world.says(token_of("a", client_id="other"))) == ("GOOD", "KeyManagerUnavailable")
    assert world.says() == "GOOD"


def test_what_is_removed_is_not_taken_from_what_was_decided():
    """A subscription that goes is looked for again, and found by the function, or not."""
    world = LoadingWorld(Loader(*EVERYTHING))
    assert world.says() == "GOOD"
    world.inner.remove_subscription(SHOP, ORDERS)
    world.loader.found = (APP, MAPPING)
    assert world.says() == "NOT_SUBSCRIBED"
    assert len(world.loader.asked) == 2


def test_nobody_is_asked_about_a_token_without_a_client():
    """A token that names no client is refused without a load: nobody has such a client."""
    world = LoadingWorld(Loader(*EVERYTHING))
    world.loader.outage = OSError()
    assert world.says(token_of("a", client_id=ABSENT)) == "NOT_SUBSCRIBED"
    assert world.loader.asked == []


def test_nobody_is_asked_where_no_subscription_is_needed():
    """Calls with scopes alone, without a token, or with a bad one, load nothing."""
    world = LoadingWorld(Loader(), backend_jwt=None)
    assert world.says(call=ApiCall()) == world.says(None, world.api.call("GET", "/open")) == "GOOD"
    assert world.says(None) == "MISSING_TOKEN"
    assert world.says(token_of("a", "eve")) == "UNKNOWN_KEY"
    assert world.loader.asked == []


def test_the_key_type_does_not_depend_on_what_others_loaded():
    """A sandbox key does not reach a production API without subscriptions because nobody has loaded whose it is yet."""
    sandbox = KeyMapping(key_manager="a", consumer_key=CLIENT, application=SHOP, key_type="SANDBOX")
    api = orders(validate_subscriptions=False, gateway_type=GatewayType.PRODUCTION)
    said = []
    for kept in ((), (APP, sandbox)):
        world = LoadingWorld(Loader(APP, sandbox), kept=kept)
        said.append(world.says(call=api.call("GET", "/menu")))
    assert said == ["WRONG_KEY_TYPE"] * 2


def test_a_crowd_shares_one_load():
    """Many threads and tasks that need the same load it once."""
    world, crowd = LoadingWorld(Loader(*EVERYTHING)), Crowd()

    async def tasks():
        made = [world.validator.adecide(world.bearer, world.menu) for _ in range(50)]
        return [bool(one) for one in await asyncio.gather(*made)]

    crowd.start(*[lambda: [bool(world.validator.decide(world.bearer, world.menu))]] * 8, lambda: asyncio.run(tasks()))
    assert all(one for many in crowd.done() for one in many)
    assert len(world.loader.asked) == 1
