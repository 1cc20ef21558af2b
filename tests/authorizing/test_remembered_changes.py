"""What changes between two calls counts from the next one on, however often the verdict was remembered before."""

import msgspec
import pytest

from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.revocation import signed_digest
from kmvalidate.validator import TokenValidator
from tests.authorizing.world import APP, CLIENT, MAPPING, ORDERS, SHOP, SUBSCRIPTION, World, backend_key
from tests.concurrency.callers import Crowd
from tests.estate import LOW, count_signatures, issuer_of, pinned, token_of
from tests.introspecting.scenes import Endpoint, key_manager
from tests.signing import NOW

BOTH = pytest.mark.parametrize("remember", [0, 100], ids=["nothing remembered", "remembered"])
OTHER = "other-uuid"


def put(*records):
    return lambda world: world.store.put_all(records)


def changed(record, **changes):
    """Return a change of the store that puts *record* there with these *changes*."""
    return put(msgspec.structs.replace(record, **changes))


def revocations(method, *names, **of_whom):
    return lambda world: getattr(world.registry.revocations, method)(*names, **of_whom)


def state(name):
    return changed(SUBSCRIPTION, state=name)


A = {"key_manager": "a"}
BACK = put(SUBSCRIPTION)

#: What is changed, what a call hears then, and what undoes it; None where nothing does.
STORE = {
    "subscription removed": (lambda world: world.store.remove_subscription(SHOP, ORDERS), "NOT_SUBSCRIBED", BACK),
    "subscription blocked": (state("BLOCKED"), "SUBSCRIPTION_BLOCKED", BACK),
    "production blocked": (state("PROD_ONLY_BLOCKED"), "SUBSCRIPTION_BLOCKED", state("UNBLOCKED")),
    "subscription on hold": (state("ON_HOLD"), "SUBSCRIPTION_INACTIVE", state("TIER_UPDATE_PENDING")),
    "mapping removed": (lambda w: w.store.remove_key_mapping(None, "a", CLIENT), "NOT_SUBSCRIBED", put(MAPPING)),
    "mapping moved": (changed(MAPPING, application=OTHER), "NOT_SUBSCRIBED", put(MAPPING)),
    "application removed": (
        lambda world: world.store.remove_application(SHOP),
        "NOT_SUBSCRIBED",
        put(APP, MAPPING, SUBSCRIPTION),
    ),
    "store emptied": (lambda world: world.store.replace(), "NOT_SUBSCRIBED", put(APP, MAPPING, SUBSCRIPTION)),
    "store replaced": (
        lambda world: world.store.replace(applications=[APP], key_mappings=[MAPPING]),
        "NOT_SUBSCRIBED",
        BACK,
    ),
}

REVOKED = {
    "jti": (revocations("revoke_token_id", "7f3a-11", **A), "REVOKED", None),
    "token": (lambda world: world.registry.revocations.revoke_token(world.bearer), "REVOKED", None),
    "digest": (
        lambda world: world.registry.revocations.revoke_digest(signed_digest(world.bearer).hex()),
        "REVOKED",
        None,
    ),
    "consumer key": (revocations("revoke_consumer_key", CLIENT, before=NOW, **A), "REVOKED", None),
    "subject": (revocations("revoke_subject", "alice", before=NOW, **A), "REVOKED", None),
    "client": (revocations("revoke_client", CLIENT, **A), "REVOKED", revocations("reinstate_client", CLIENT, **A)),
    "key": (revocations("revoke_key", "a", **A), "REVOKED", revocations("reinstate_key", "a", **A)),
    "issuer": (
        revocations("revoke_issuer", issuer_of("a")),
        "REVOKED",
        revocations("reinstate_issuer", issuer_of("a")),
    ),
}


def add(world, owner="a", **changes):
    world.registry.use(LOW, [pinned("a", owner, **changes)])


def later(world, seconds):
    world.clock._ahead += seconds


REGISTRY = {
    "key dropped": (lambda world: world.registry.drop_key("a", "a"), "UNKNOWN_KEY", None),
    "key manager removed": (lambda world: world.registry.remove(LOW, "a"), "UNKNOWN_ISSUER", add),
    "other audience": (lambda world: add(world, audience="x"), "WRONG_AUDIENCE", add),
    "other environments": (lambda world: add(world, environments="dev"), "WRONG_ENVIRONMENT", add),
    "no environments": (lambda world: add(world, environments=[]), "WRONG_ENVIRONMENT", add),
    "other keys": (lambda world: add(world, owner="b"), "UNKNOWN_KEY", add),
    "expired": (lambda world: later(world, 3600), "EXPIRED", lambda world: later(world, -3600)),
    "not yet": (lambda world: later(world, -3600), "ISSUED_IN_THE_FUTURE", lambda world: later(world, 3600)),
}


def made(remember):
    world = World(remember=remember)
    add(world)
    return world


@BOTH
@pytest.mark.parametrize("name", [*STORE, *REVOKED, *REGISTRY])
def test_a_change_counts_from_the_next_call_on(name, remember):
    """After a change the very next call is refused, callers of both colours alike, and allowed once it is undone."""
    change, said, undo = (STORE | REVOKED | REGISTRY)[name]
    world = made(remember)
    for _ in range(2):
        assert world.says() == world.says() == "GOOD"
        assert world.is_kept() is bool(remember)
        change(world)
        heard = [world.says(), world.says(), world.says(None), world.says()]
        assert heard[0] in ({said, "NOT_YET_VALID"} if name == "not yet" else {said})
        assert heard == [heard[0], heard[0], "MISSING_TOKEN", heard[0]]
        assert not world.is_kept()
        if undo is None:
            return
        undo(world)
    assert world.says() == "GOOD"


@BOTH
def test_one_change_after_the_other(remember):
    """Changes that come one by one, with calls in between, are each seen, and each undone is seen as well."""
    world, undone = made(remember), []
    for name in ("subscription blocked", "client", "other environments", "mapping moved", "issuer"):
        change, said, undo = (STORE | REVOKED | REGISTRY)[name]
        assert world.says() == "GOOD"
        change(world)
        assert world.says() == said
        undo(world)
        undone.append(world.says())
    assert undone == ["GOOD"] * 5


@pytest.mark.parametrize("name", [*STORE, *(name for name in REVOKED if REVOKED[name][2])])
def test_validators_of_one_store_see_the_same_change(name):
    """Every validator over a registry and a store hears of a change, whichever remembered what."""
    world = World()
    others = [TokenValidator(world.registry, subscriptions=world.store, remember=size) for size in (0, 2, 100)]
    change, said, undo = (STORE | REVOKED)[name]
    for turn, heard in ((change, said), (undo, "GOOD")):
        turn(world)
        for validator in others:
            world.validator = validator
            assert world.says() == world.says() == heard


def test_the_kill_switch_forgets_everything(monkeypatch):
    """After the kill switch nothing that was remembered is used, and good tokens are verified, and good, again."""
    counted = count_signatures(monkeypatch)
    world = World()
    first = world.jwt()
    assert (world.jwt(), len(counted)) == (first, 1)
    world.registry.drop_tokens()
    assert not world.is_kept()
    assert (world.says(), len(counted), world.jwt() != first) == ("GOOD", 2, True)
    assert world.is_kept()


def test_revocations_that_say_nothing_of_a_token_leave_it():
    """Revocations of others are seen, found to be of others, and change nothing."""
    world = World()
    first, list_ = world.jwt(), world.registry.revocations
    list_.revoke_token_id("7f3a-11", key_manager="b")
    list_.revoke_token_id("7f3a-11", key_manager="a", organization="acme")
    list_.revoke_consumer_key(CLIENT, key_manager="a", before=NOW - 3600)
    list_.revoke_client("Shop", key_manager="a")
    list_.revoke_issuer(issuer_of("b"))
    list_.revoke_token(token_of("a", jti="7f3a-12"))
    list_.revoke_key("A", key_manager="a")
    assert world.says() == world.says() == "GOOD"
    assert world.jwt() == first


# Tokens that a key manager is asked about


def asked(remember):
    """Return a world whose token is opaque, and the endpoint that answers for it."""
    endpoint = Endpoint()
    told = {"active": True, "aud": "orders", "exp": NOW + 300, "iat": NOW - 10, "sub": "alice", "client_id": CLIENT}
    endpoint.said["opaque"] = told | {"scope": "menu:read", "jti": "7f3a-11"}
    world = World(key_manager(endpoint, "a", issuer_of("a")), remember=remember)
    world.bearer = "opaque"
    return world, endpoint


@BOTH
@pytest.mark.parametrize("name", [*STORE, *(name for name in REVOKED if name != "key"), "killed"])
def test_an_opaque_token_is_no_exception(name, remember):
    """What changes counts for a token that a key manager answered for as well."""
    killed = (lambda world: world.registry.drop_tokens(), "INACTIVE", None)
    change, said, undo = (STORE | REVOKED | {"killed": killed})[name]
    world, endpoint = asked(remember)
    assert world.says() == world.says() == "GOOD"
    if name == "killed":
        endpoint.said.clear()
        assert world.says() == "GOOD"
    change(world)
    assert world.says() == world.says() == said
    if undo is not None:
        undo(world)
        assert world.says() == "GOOD"


def test_backend_keys_are_no_matter_of_other_validators():
    """A change of keys of one generator leaves what another validator remembers as it is."""
    world, other = World(), World(backend_jwt=BackendJwtGenerator(backend_key("second")))
    first = world.jwt(), other.jwt()
    world.keys.use_keys([backend_key("third")])
    assert other.jwt() == first[1]
    assert world.jwt() != first[0]


def test_a_crowd_sees_a_change_at_once():
    """Threads that go on calling are all refused once a change was made, and not one hears anything else."""
    world, crowd = World(), Crowd()
    assert world.says() == "GOOD"
    world.store.remove(SUBSCRIPTION)
    work = lambda: [world.validator.decide(world.bearer, world.menu).reason.name for _ in range(50)]  # noqa: E731
    crowd.start(*[work] * 8)
    assert {name for names in crowd.done() for name in names} == {"NOT_SUBSCRIBED"}
