"""A store from one document: JSON or TOML, and whatever is not understood is an error that says where."""

import json

import pytest

from kmvalidate import ConfigurationError
from kmvalidate.subscriptions import ApplicationPolicy, Grant, InMemorySubscriptions, SubscriptionPolicy
from tests.subscriptions.made import app, found, mapping, orders, subscription

DOCUMENT = {
    "applications": [{"id": "shop-uuid", "name": "shop", "tier": "10", "attributes": {"a": "b"}, "groups": ["g"]}],
    "key_mappings": [{"key_manager": "Resident", "consumer_key": "client-1", "application": "shop-uuid"}],
    "subscriptions": [{"application": "shop-uuid", "api": "orders-uuid", "policy": "Gold", "state": "BLOCKED"}],
    "subscription_policies": [{"name": "Gold", "rate_limit_count": 5}],
    "application_policies": [{"name": "10"}],
}
TOML = """
[[applications]]
id = "shop-uuid"
name = "shop"
tier = "10"
attributes = { a = "b" }
groups = ["g"]

[[key_mappings]]
key_manager = "Resident"
consumer_key = "client-1"
application = "shop-uuid"

[[subscriptions]]
application = "shop-uuid"
api = "orders-uuid"
policy = "Gold"
state = "BLOCKED"

[[subscription_policies]]
name = "Gold"
rate_limit_count = 5

[[application_policies]]
name = "10"
"""
GRANT = Grant(
    app(tier="10", attributes={"a": "b"}, groups=("g",)),
    mapping().key_type,
    subscription(policy="Gold", state="BLOCKED"),
    SubscriptionPolicy(name="Gold", rate_limit_count=5),
    ApplicationPolicy(name="10"),
)


@pytest.mark.parametrize(
    "store",
    [
        InMemorySubscriptions.from_json(json.dumps(DOCUMENT)),
        InMemorySubscriptions.from_json(json.dumps(DOCUMENT).encode()),
        InMemorySubscriptions.from_toml(TOML),
    ],
    ids=["text", "bytes", "TOML"],
)
def test_a_document_holds_every_kind(store):
    """The same content is read from JSON and from TOML."""
    assert found(store, orders()) == GRANT


def test_an_empty_document_is_an_empty_store():
    """No table has to be there."""
    assert found(InMemorySubscriptions.from_json("{}")) == found(InMemorySubscriptions.from_toml("")) == Grant()


def changed(table, **members):
    """Return the document with these members in the first row of a table."""
    return DOCUMENT | {table: [DOCUMENT[table][0] | members]}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (DOCUMENT | {"subscription": []}, "there is no table subscription; there are applications, "),
        (DOCUMENT | {"key_mappings": {}}, "key_mappings is a list of tables"),
        (DOCUMENT | {"key_mappings": [7]}, "key_mappings[0]: Expected `object`, got `int`"),
        (changed("applications", tenant="x"), "applications[0]: Object contains unknown field `tenant`"),
        (changed("applications", name=7), "applications[0]: Expected `str`, got `int` - at `$.name`"),
        (changed("applications", name=""), "applications[0]: name is a non-empty string"),
        (changed("applications", attributes={"a": 7}), "applications[0]: Expected `str`, got `int` - at `$.attributes"),
        (changed("key_mappings", consumer_key=None), "key_mappings[0]: Expected `str`, got `null`"),
        (changed("key_mappings", key_type="s3cret"), "key_mappings[0]: key_type is PRODUCTION or SANDBOX"),
        (
            changed("key_mappings", application="s3cret"),
            "key_mappings[0]: application is none of those in the document",
        ),
        (changed("subscriptions", application="s3cret"), "subscriptions[0]: application is none of those in the docum"),
        (changed("subscriptions", api=None), "subscriptions[0]: a subscription names an API"),
        (
            changed("subscription_policies", stop_on_quota_reach=1),
            "subscription_policies[0]: Expected `bool`, got `int`",
        ),
        (
            DOCUMENT | {"key_mappings": DOCUMENT["key_mappings"] * 2},
            "key_mappings[1] has the identity of key_mappings[0]",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_understood_is_an_error(document, why):
    """A wrong record is a configuration error that names its place and member, and shows no value."""
    with pytest.raises(ConfigurationError) as caught:
        InMemorySubscriptions.from_json(json.dumps(document))
    assert str(caught.value).startswith(why)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("read", "document", "why"),
    [
        ("from_json", '{"applications": [], "applications": []}', "the document is wrong: a member is given twice"),
        ("from_json", "[]", "the document is wrong: not a JSON object"),
        ("from_json", b"\xff", "the document is wrong: not JSON in UTF-8"),
        ("from_json", '{"\ud800": 1}', "the document is wrong: not JSON in UTF-8"),
        ("from_json", {}, "a JSON document is a str or bytes"),
        ("from_toml", b"", "a TOML document is a str"),
        ("from_toml", 'a = 1\ns3cret = "\n', "the document is not TOML (at line 2, column"),
        ("from_toml", "a = 1\na = 2", "the document is not TOML (at "),
        ("from_toml", "a = " + "[" * 100_000, "the document is not TOML"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else repr(value),
)
def test_what_is_no_document_is_an_error(read, document, why):
    """What is not strictly JSON or TOML is a configuration error that shows nothing of it."""
    with pytest.raises(ConfigurationError) as caught:
        getattr(InMemorySubscriptions, read)(document)
    assert str(caught.value).startswith(why)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_toml_error_without_a_place_shows_none(monkeypatch):
    """An error of the parser that names no place is told without one."""

    def fail(_):
        raise ValueError("s3cret")

    monkeypatch.setattr("tomllib.loads", fail)
    with pytest.raises(ConfigurationError, match=r"^the document is not TOML$"):
        InMemorySubscriptions.from_toml("")
