"""Tokens that say themselves what they are subscribed to: believed of key managers that are named, and no others."""

import pytest

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.subscriptions import InMemorySubscriptions, KeyMapping, LoadingSubscriptions
from tests.authorizing.world import CLIENT, SHOP, World, claims_of, orders
from tests.estate import pinned, token_of
from tests.signing import ABSENT

SAID = {
    "application": {"id": 7, "uuid": "said-uuid", "name": "Said", "owner": "ann", "tier": "Gold"},
    "subscribedAPIs": [{"name": "orders", "version": "1.0.0", "subscriptionTier": "Silver"}],
    "keytype": "SANDBOX",
}


def saying(**changes):
    return token_of("a", **(SAID | changes))


def test_a_named_key_manager_is_believed():
    """Of a key manager that is named the token says the application, the subscription and the key type."""
    world = World(subscriptions=None, self_contained=["a"])
    made = world.validator.validate(saying(), world.menu)
    assert (made.application.id, made.subscription.policy, made.key_type) == ("said-uuid", "Silver", "SANDBOX")
    assert claims_of(made.backend_jwt)["application"]["name"] == "Said"
    assert world.says(saying()) == world.says(saying()) == "GOOD"


@pytest.mark.parametrize("named", [(), ["b"], ["A"], ["a "], [("acme", "a")], [(None, "b")]], ids=repr)
def test_others_are_not_believed(named):
    """Whatever the token of a key manager that is not named says, it is subscribed to nothing by that."""
    world = World(subscriptions=InMemorySubscriptions(), self_contained=named)
    assert world.says(saying()) == "NOT_SUBSCRIBED"


PAIRS = [
    ([("acme", "a")], "GOOD", "NOT_SUBSCRIBED"),
    ([("rival", "a")], "NOT_SUBSCRIBED", "GOOD"),
    (["a"], "NOT_SUBSCRIBED", "NOT_SUBSCRIBED"),
    ([(None, "a")], "NOT_SUBSCRIBED", "NOT_SUBSCRIBED"),
    ([("acme", "a"), ("rival", "a")], "GOOD", "GOOD"),
]


@pytest.mark.parametrize(("named", "acme", "rival"), PAIRS)
def test_a_name_is_that_of_one_organization(named, acme, rival):
    """A key manager of an organization is named with it, and those of the same name elsewhere are not meant."""
    managers = [pinned("a", organization=name) for name in ("acme", "rival")]
    world = World(*managers, subscriptions=None, self_contained=named)
    for _ in range(2):
        assert world.says(saying(), organization="acme") == acme
        assert world.says(saying(), organization="rival") == rival


HOSTILE = [
    *({"subscribedAPIs": value} for value in ([], {}, None, "orders", 5, True, [[]], ["orders"], [None])),
    *({"subscribedAPIs": [entry]} for entry in ({}, {"name": "orders"}, {"version": "1.0.0"})),
    *(
        {"subscribedAPIs": [{"name": name, "version": "1.0.0"}]}
        for name in ("Orders", "order", "orders ", "*", ["orders"])
    ),
    *({"subscribedAPIs": [{"name": "orders", "version": version}]} for version in ("1.0", "1.0.0 ", 1, None, "*")),
    *({"application": value} for value in (ABSENT, None, "said-uuid", 7, [], {}, {"name": "x"}, {"uuid": "x"})),
]


@pytest.mark.parametrize("changes", HOSTILE, ids=repr)
def test_what_is_malformed_subscribes_to_nothing(changes):
    """A token that says something else than a list of APIs with this one is not subscribed, whatever the store has."""
    for stores in ({"subscriptions": None}, {}):
        world = World(self_contained="a", **stores)
        assert world.says(saying(**changes)) == "NOT_SUBSCRIBED"


def test_a_token_that_says_nothing_is_looked_up():
    """Without the claim the store counts, with it the token alone."""
    world = World(self_contained=["a"])
    assert world.says() == "GOOD"
    world.store.remove_application(SHOP)
    assert (world.says(), world.says(saying())) == ("NOT_SUBSCRIBED", "GOOD")


def test_nothing_is_loaded_for_a_token_that_says_it_itself():
    """A token that is believed in what it is not subscribed to is refused for it, without anybody being asked."""
    asked = []

    def load(*of_whom):
        asked.append(of_whom)
        raise OSError

    store = LoadingSubscriptions(InMemorySubscriptions(), load)
    world = World(subscriptions=store, self_contained=["a"])
    assert (world.says(saying(subscribedAPIs=[])), world.says(saying())) == ("NOT_SUBSCRIBED", "GOOD")
    assert asked == []
    assert world.says() == KeyManagerUnavailable.__name__


def test_key_types_that_are_none_are_for_production():
    """A key type that the token does not say, or says wrongly, is none."""
    world = World(subscriptions=None, self_contained=["a"])
    for said in (ABSENT, "production", 5, None, ["SANDBOX"]):
        assert world.validator.validate(saying(keytype=said), world.menu).key_type is None


def test_a_key_mapping_does_not_count_beside_it():
    """What the store knows of the client of such a token is not mixed into what the token says."""
    world = World(self_contained=["a"], api=orders())
    world.store.put(KeyMapping(key_manager="a", consumer_key=CLIENT, application=SHOP, key_type="PRODUCTION"))
    made = world.validator.validate(saying(), world.menu)
    assert (made.application.id, made.key_type) == ("said-uuid", "SANDBOX")


@pytest.mark.parametrize("wrong", [1, None, [1], [""], [("acme", "")], [("acme", "a", "b")]], ids=repr)
def test_who_is_believed_is_named(wrong):
    """What names no key managers is refused when the validator is made."""
    with pytest.raises(ConfigurationError, match="self_contained"):
        World(self_contained=wrong)
