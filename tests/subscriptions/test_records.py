"""Records: what they are is checked when they are made, and nobody changes them."""

import gc
import pickle

import pytest

from kmvalidate import ConfigurationError, Reason
from kmvalidate.subscriptions import (
    NO_GRANT,
    ApplicationPolicy,
    Grant,
    InMemorySubscriptions,
    SubscriptionPolicy,
    verdict_of,
)
from kmvalidate.subscriptions._states import PASSING_STATES
from tests.subscriptions.made import SHOP, app, mapping, subscription


@pytest.mark.parametrize(
    ("make", "changes", "why"),
    [
        (app, {"id": ""}, "id is a non-empty string"),
        (app, {"id": None}, "id is a non-empty string"),
        (app, {"name": 7}, "name is a non-empty string"),
        (app, {"organization": ""}, "organization is a non-empty string or None"),
        (app, {"tier": 7}, "tier is a non-empty string or None"),
        (app, {"owner": 7}, "owner is a string or None"),
        (app, {"number": "7"}, "number is a whole number or None"),
        (app, {"number": True}, "number is a whole number or None"),
        (app, {"attributes": [1]}, "attributes are strings by name"),
        (app, {"attributes": {"a": 1}}, "attributes are strings by name"),
        (app, {"groups": ["a", ""]}, "names are non-empty strings"),
        (mapping, {"organization": ""}, "organization is a non-empty string or None"),
        (mapping, {"key_manager": ""}, "key_manager is a non-empty string"),
        (mapping, {"consumer_key": ""}, "consumer_key is a non-empty string"),
        (mapping, {"application": None}, "application is a non-empty string"),
        (mapping, {"key_type": "production"}, "key_type is PRODUCTION or SANDBOX"),
        (mapping, {"key_type": None}, "key_type is PRODUCTION or SANDBOX"),
        (subscription, {"application": ""}, "application is a non-empty string"),
        (subscription, {"api": ""}, "api is a non-empty string or None"),
        (subscription, {"state": None}, "state is a non-empty string"),
        (subscription, {"api": None}, "a subscription names an API: api, or api_name and api_version, or a range"),
        (
            subscription,
            {"api": None, "api_name": "orders", "version_range": "v1"},
            "a subscription names an API: api, ",
        ),
        (SubscriptionPolicy, {"name": ""}, "name is a non-empty string"),
        (SubscriptionPolicy, {"name": "Gold", "stop_on_quota_reach": 1}, "stop_on_quota_reach is a bool"),
        (SubscriptionPolicy, {"name": "Gold", "graphql_max_depth": 1.5}, "graphql_max_depth is a whole number or None"),
        (ApplicationPolicy, {"name": "Gold", "quota_type": b"x"}, "quota_type is a string or None"),
    ],
    ids=str,
)
def test_what_a_record_must_not_hold_is_an_error(make, changes, why):
    """An empty identity or a wrong type is a configuration error that names the field."""
    with pytest.raises(ConfigurationError) as caught:
        make(**changes)
    assert str(caught.value).startswith(why)


def test_records_are_the_same_by_their_fields():
    """Two records with the same fields are equal, hash alike and survive pickling."""
    one, other = app(attributes={"a": "b"}, groups=("g",)), app(attributes={"a": "b"}, groups=["g"])
    assert (one, hash(one), pickle.loads(pickle.dumps(one))) == (other, hash(other), other)  # noqa: S301  # our own


def test_attributes_are_nobody_elses_to_change():
    """The attributes of an application are a copy, and refuse to be changed."""
    given = {"region": "eu"}
    made = app(attributes=given)
    given["region"] = "us"
    with pytest.raises(TypeError, match="not changed"):
        made.attributes["region"] = "us"
    with pytest.raises(AttributeError):
        made.name = "other"
    assert dict(made.attributes) == {"region": "eu"}
    assert app(attributes=None).attributes == {}


def test_the_garbage_collector_has_nothing_to_walk_through():
    """No record is tracked by the garbage collector, so that a million of them cost it nothing."""
    records = [app(), mapping(), subscription(), SubscriptionPolicy(name="Gold"), ApplicationPolicy(name="10"), Grant()]
    assert [gc.is_tracked(record) for record in records] == [False] * 6


def test_texts_that_many_records_have_are_there_once():
    """Records of a store that name the same API share the text."""
    one, other = (subscription(application=name, api=b"orders".decode(), state=b"BLOCKED".decode()) for name in "ab")
    assert one.api is not other.api
    InMemorySubscriptions([one, other])
    assert one.api is other.api
    assert one.state is other.state


def test_a_record_shares_its_texts_with_what_it_is_found_by():
    """The key of a subscription among others of its application is the text that the record has."""
    texts = [name.encode() for name in ("orders", "menu")]
    store = InMemorySubscriptions([subscription(api=text.decode()) for text in texts * 2])
    by_key = store._content._account(SHOP).held.by_key
    assert [key is one.api for key, one in by_key.items()] == [True, True]


def test_nothing_known_is_a_grant_without_parts():
    """A grant has no parts unless it is given some."""
    assert Grant(None, None, None, None, None) == NO_GRANT


@pytest.mark.parametrize("key_type", ["PRODUCTION", "SANDBOX", None])
@pytest.mark.parametrize("state", ["UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED"])
def test_states_that_pass(state, key_type):
    """A subscription that is in force lets calls pass with any key type."""
    assert (verdict_of(state, key_type), state in PASSING_STATES) == (None, True)


@pytest.mark.parametrize(
    ("state", "key_type", "why"),
    [
        ("BLOCKED", "PRODUCTION", Reason.SUBSCRIPTION_BLOCKED),
        ("BLOCKED", "SANDBOX", Reason.SUBSCRIPTION_BLOCKED),
        ("PROD_ONLY_BLOCKED", "PRODUCTION", Reason.SUBSCRIPTION_BLOCKED),
        ("PROD_ONLY_BLOCKED", None, Reason.SUBSCRIPTION_BLOCKED),
        ("PROD_ONLY_BLOCKED", "sandbox", Reason.SUBSCRIPTION_BLOCKED),
        ("PROD_ONLY_BLOCKED", "SANDBOX", None),
        ("ON_HOLD", "SANDBOX", Reason.SUBSCRIPTION_INACTIVE),
        ("REJECTED", "PRODUCTION", Reason.SUBSCRIPTION_INACTIVE),
        ("unblocked", "PRODUCTION", Reason.SUBSCRIPTION_INACTIVE),
        ("UNBLOCKED ", "PRODUCTION", Reason.SUBSCRIPTION_INACTIVE),
        ("ACTIVE", "SANDBOX", Reason.SUBSCRIPTION_INACTIVE),
        ("", None, Reason.SUBSCRIPTION_INACTIVE),
    ],
)
def test_states_that_do_not_pass(state, key_type, why):
    """A blocked subscription, one that is not in force, and one in an unknown state are refused each with its code."""
    assert verdict_of(state, key_type) is why
