"""What changes while something is awaited: what was decided before is decided again."""

import asyncio
import threading

import msgspec
import pytest

from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.subscriptions import InMemorySubscriptions, LoadingSubscriptions
from tests.authorizing.world import (
    APP,
    CLIENT,
    MAPPING,
    SUBSCRIPTION,
    World,
    backend_key,
    claims_of,
    outcome,
    remote_key,
)
from tests.concurrency.callers import PATIENCE_S
from tests.estate import LOW, issuer_of, pinned, token_of
from tests.signing import NOW, private_key, sign


class Signer:
    """A key management service that does something before it signs; `signed` counts."""

    def __init__(self, *, is_async=False):
        self.meanwhile, self.signed = [], 0
        self.key = remote_key(self._later if is_async else self._now)

    def _now(self, data):
        self.signed += 1
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return sign("ES256", data, private_key("P-256", "gateway"))

    async def _later(self, data):
        await asyncio.sleep(0)
        return self._now(data)


def world_of(*, is_async=False, remember=100, **arguments):
    signer = Signer(is_async=is_async)
    world = World(pinned("a"), backend_jwt=BackendJwtGenerator(signer.key), remember=remember, **arguments)
    world.signer = signer
    return world


A = {"key_manager": "a"}
CHANGES = {
    "subscription removed": (lambda world: world.store.remove(SUBSCRIPTION), "NOT_SUBSCRIBED"),
    "subscription blocked": (
        lambda world: world.store.put(msgspec.structs.replace(SUBSCRIPTION, state="BLOCKED")),
        "SUBSCRIPTION_BLOCKED",
    ),
    "mapping moved": (
        lambda world: world.store.put(msgspec.structs.replace(MAPPING, application="x")),
        "NOT_SUBSCRIBED",
    ),
    "client revoked": (lambda world: world.registry.revocations.revoke_client(CLIENT, **A), "REVOKED"),
    "token revoked": (lambda world: world.registry.revocations.revoke_token(world.bearer), "REVOKED"),
    "issuer revoked": (lambda world: world.registry.revocations.revoke_issuer(issuer_of("a")), "REVOKED"),
    "subject revoked": (lambda w: w.registry.revocations.revoke_subject("alice", before=NOW, **A), "REVOKED"),
    "key manager removed": (lambda world: world.registry.remove(LOW, "a"), "UNKNOWN_ISSUER"),
    "key manager replaced": (lambda world: world.registry.use(LOW, [pinned("a", audience="x")]), "WRONG_AUDIENCE"),
    "environments taken": (lambda world: world.registry.use(LOW, [pinned("a", environments=[])]), "WRONG_ENVIRONMENT"),
    "keys replaced": (lambda world: world.registry.use(LOW, [pinned("a", "b")]), "UNKNOWN_KEY"),
    "key dropped": (lambda world: world.registry.drop_key("a", "a"), "UNKNOWN_KEY"),
    "token expired": (lambda world: setattr(world.clock, "_ahead", world.clock._ahead + 3600), "EXPIRED"),
}
colours = pytest.mark.parametrize("colour", ["validate", "avalidate"])
both_ways = pytest.mark.parametrize("remember", [0, 100], ids=["nothing remembered", "remembered"])


@both_ways
@colours
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_while_a_jwt_is_signed_counts(name, is_async, colour, remember):
    """What makes a call impossible while its backend JWT is signed refuses this very call."""
    change, said = CHANGES[name]
    world = world_of(is_async=is_async, remember=remember)
    world.signer.meanwhile.append(lambda: change(world))
    assert outcome(getattr(world.validator, colour), world.bearer, world.menu) == said
    assert world.says() == said
    assert not world.is_kept()


@both_ways
@colours
def test_a_kill_while_a_jwt_is_signed_is_no_refusal(colour, remember):
    """A good token whose traces are dropped while its backend JWT is signed is verified again, and good."""
    world = world_of(remember=remember)
    world.signer.meanwhile.append(world.registry.drop_tokens)
    assert outcome(getattr(world.validator, colour), world.bearer, world.menu) == "GOOD"
    assert world.says() == "GOOD"


@both_ways
def test_what_changes_and_still_allows_is_in_the_jwt(remember):
    """A client that changes its application while its backend JWT is signed gets one of the new application."""
    world = world_of(remember=remember)
    world.signer.meanwhile.append(lambda: world.store.put(msgspec.structs.replace(APP, name="New")))
    assert claims_of(world.jwt())["application"]["name"] == "New"
    assert world.signer.signed == 2
    assert claims_of(world.jwt())["application"]["name"] == "New"


@both_ways
def test_what_changes_elsewhere_is_not_decided_again(remember):
    """Changes of other clients, however many, do not keep a call from being decided."""
    world = world_of(remember=remember)
    for number in range(10):
        record = msgspec.structs.replace(APP, id=f"other{number}")
        world.signer.meanwhile.append(lambda record=record: world.store.put(record))
    assert world.jwt()
    assert world.signer.signed == 1


def test_what_always_changes_is_an_outage():
    """A store whose records of the client change during each look ends a call as something nobody can tell."""
    world = world_of(remember=0)
    names = iter(range(1000))
    change = lambda: world.store.put(msgspec.structs.replace(APP, name=f"Shop {next(names)}"))  # noqa: E731
    world.signer.meanwhile += [change] * 100
    assert world.says() == "KeyManagerUnavailable"
    world.signer.meanwhile.clear()
    assert world.says() == "GOOD"


def test_key_managers_that_always_change_are_an_outage():
    """A key manager that is replaced during each look ends a call as something nobody can tell."""
    world = world_of(remember=0)
    change = lambda: world.registry.use(LOW, [pinned("a", leeway_s=next(seconds))])  # noqa: E731
    seconds = iter(range(1, 300))
    world.signer.meanwhile += [change] * 100
    assert world.says() == "KeyManagerUnavailable"
    world.signer.meanwhile.clear()
    assert world.says() == "GOOD"


@colours
def test_what_another_call_decided_meanwhile_is_used(colour):
    """A call that has to be decided again takes what another one decided meanwhile."""
    world, others = world_of(), []

    def decided():
        world.registry.drop_tokens()
        others.append(world.validator.validate(world.bearer, world.menu).backend_jwt)

    world.signer.meanwhile.append(decided)
    made = world.validator.validate(world.bearer, world.menu) if colour == "validate" else avalidated(world)
    assert ([made.backend_jwt], world.signer.signed) == (others, 2)


def avalidated(world):
    return asyncio.run(world.validator.avalidate(world.bearer, world.menu))


def test_keys_that_change_while_one_signs():
    """What was signed by a key that went meanwhile is signed again by the one that is published."""
    world = world_of()
    world.signer.meanwhile.append(lambda: world.keys.use_keys([backend_key("new")]))
    first = world.jwt()
    assert not world.is_kept()
    second = world.jwt()
    assert [claims_of(f".{jwt}")["kid"] for jwt in (first, second)] == ["new", "new"]
    assert (world.jwt(), world.signer.signed) == (second, 1)


def loading(change, remember=100):
    """Return a world in which *change* happens while subscriptions are loaded."""
    turns = [change]

    def load(*_):
        if turns:
            turns.pop()(world)
        return APP, MAPPING, SUBSCRIPTION

    inner = InMemorySubscriptions()
    world = World(pinned("a"), subscriptions=LoadingSubscriptions(inner, load), remember=remember)
    world.inner = inner
    return world


@both_ways
@colours
@pytest.mark.parametrize("name", [name for name in CHANGES if "subscription" not in name and "mapping" not in name])
def test_a_change_while_subscriptions_are_loaded_counts(name, colour, remember):
    """What makes a token bad while its subscription is loaded refuses this very call."""
    change, said = CHANGES[name]
    world = loading(change, remember)
    assert outcome(getattr(world.validator, colour), world.bearer, world.menu) == said
    world.ports.settle()
    assert world.says() == said


def test_what_is_removed_while_it_is_loaded_stays_removed():
    """A subscription that is removed while it is loaded does not come back by the load."""
    world = loading(lambda world: world.inner.remove(SUBSCRIPTION))
    assert outcome(world.validator.validate, world.bearer, world.menu) == "NOT_SUBSCRIBED"
    world.ports.settle()


def test_a_slow_signer_holds_up_nobody_else():
    """While one call waits for its signature others go on, and a change they see is seen by it as well."""
    came, go, world = threading.Event(), threading.Event(), world_of()
    heard = []

    def wait():
        came.set()
        assert go.wait(PATIENCE_S)

    known = token_of("a", jti="known")
    first = world.jwt(known)
    world.signer.meanwhile.append(wait)
    thread = threading.Thread(
        target=lambda: heard.append(outcome(world.validator.validate, world.bearer, world.menu)), daemon=True
    )
    thread.start()
    assert came.wait(PATIENCE_S)
    assert world.jwt(known) == first
    world.store.remove(SUBSCRIPTION)
    assert world.says(known) == "NOT_SUBSCRIBED"
    go.set()
    thread.join(PATIENCE_S)
    assert heard == ["NOT_SUBSCRIBED"]
