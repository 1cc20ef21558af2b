"""Items of WSO2's control plane: read as it documents them, with whatever else a release may bring."""

import pytest

from kmvalidate import ConfigurationError
from kmvalidate.subscriptions import (
    Application,
    ApplicationPolicy,
    KeyMapping,
    Subscription,
    SubscriptionPolicy,
    records_from_wso2,
)
from tests.subscriptions.made import app

APPLICATION = {
    "uuid": "shop-uuid",
    "id": 2,
    "name": "shop",
    "subName": "alice",
    "policy": "10PerMin",
    "tokenType": "JWT",
    "groupIds": [{"groupId": "g1", "applicationId": 2}, "g2"],
    "attributes": {"region": "eu", "empty": None},
    "organization": "acme",
    "brandNew": {"x": 1},
}
SUBSCRIPTION = {
    "subscriptionUUID": "sub-uuid",
    "subscriptionId": 5,
    "policyId": "Gold",
    "apiUUID": "orders-uuid",
    "apiId": 7,
    "applicationUUID": "shop-uuid",
    "appId": 2,
    "subscriptionState": "PROD_ONLY_BLOCKED",
    "apiName": "orders",
    "apiVersion": "v1.2.0",
    "apiOrganization": "acme",
    "applicationOrganization": "acme",
    "context": "/acme/orders",
    "versionRange": "v1",
    "billingCustomerId": None,
}
MAPPING = {
    "applicationId": 2,
    "applicationUUID": "shop-uuid",
    "consumerKey": "abc",
    "keyType": "SANDBOX",
    "keyManager": "PartnerIdp",
}
SUBSCRIPTION_POLICY = {
    "id": 1,
    "tenantId": -1234,
    "tenantDomain": "carbon.super",
    "name": "Gold",
    "quotaType": "requestCount",
    "graphQLMaxComplexity": 10,
    "graphQLMaxDepth": 3,
    "rateLimitCount": -1,
    "rateLimitTimeUnit": "sec",
    "stopOnQuotaReach": False,
    "defaultLimit": {"quotaType": "other"},
}
APPLICATION_POLICY = {
    "name": "10PerMin",
    "tenantDomain": "carbon.super",
    "defaultLimit": {"quotaType": "requestCount", "requestCount": {"requestCount": 10}},
    "burstLimit": {"rateLimitCount": 4, "rateLimitTimeUnit": "min"},
}
ITEMS = {
    "applications": APPLICATION,
    "subscriptions": SUBSCRIPTION,
    "application-key-mappings": MAPPING,
    "subscription-policies": SUBSCRIPTION_POLICY,
    "application-policies": APPLICATION_POLICY,
}
RECORDS = {
    "applications": Application(
        id="shop-uuid",
        name="shop",
        owner="alice",
        organization="acme",
        tier="10PerMin",
        number=2,
        attributes={"region": "eu"},
        groups=("g1", "g2"),
        token_type="JWT",
    ),
    "subscriptions": Subscription(
        application="shop-uuid",
        api="orders-uuid",
        api_name="orders",
        api_version="v1.2.0",
        api_organization="acme",
        state="PROD_ONLY_BLOCKED",
        policy="Gold",
        id="sub-uuid",
        context="/acme/orders",
        version_range="v1",
    ),
    "application-key-mappings": KeyMapping(
        organization="here", key_manager="PartnerIdp", consumer_key="abc", application="shop-uuid", key_type="SANDBOX"
    ),
    "subscription-policies": SubscriptionPolicy(
        name="Gold",
        organization="here",
        quota_type="requestCount",
        stop_on_quota_reach=False,
        rate_limit_count=-1,
        rate_limit_time_unit="sec",
        graphql_max_complexity=10,
        graphql_max_depth=3,
    ),
    "application-policies": ApplicationPolicy(
        name="10PerMin",
        organization="here",
        quota_type="requestCount",
        rate_limit_count=4,
        rate_limit_time_unit="min",
    ),
}


@pytest.mark.parametrize("resource", ITEMS)
def test_each_resource_is_read(resource):
    """Every documented field that a record keeps is read, from a bare array and from a page."""
    items = [ITEMS[resource]]
    page = {"count": 1, "list": items, "pagination": None}
    assert records_from_wso2(resource, items, organization="here") == [RECORDS[resource]]
    assert records_from_wso2(resource, page, organization="here") == [RECORDS[resource]]


@pytest.mark.parametrize("resource", ["subscription-policies", "application-policies"])
def test_a_policy_is_that_of_its_tenant_unless_told_otherwise(resource):
    """Without an organization a policy belongs to its tenant domain."""
    assert records_from_wso2(resource, [ITEMS[resource]])[0].organization == "carbon.super"


def test_what_is_left_out_is_left_out():
    """Optional fields may be missing, null or empty, and the organization is the one that is given."""
    shop = records_from_wso2(
        "applications", [{"uuid": "a", "name": "b", "policy": "", "groupIds": None}], organization="x"
    )
    assert shop == [Application(id="a", name="b", organization="x")]
    item = {"applicationUUID": "a", "apiUUID": "b", "subscriptionState": "CREATED", "context": "", "apiName": None}
    subscribed = records_from_wso2("subscriptions", [item], organization="x")
    assert subscribed == [Subscription(application="a", api="b", state="CREATED", api_organization="x")]
    assert records_from_wso2("subscription-policies", [{"name": "G"}]) == [SubscriptionPolicy(name="G")]
    assert records_from_wso2("application-policies", [{"name": "G"}]) == [ApplicationPolicy(name="G")]


def test_old_items_name_applications_by_number():
    """A mapping or subscription with a number alone belongs to the application of that number."""
    old = {name: value for name, value in MAPPING.items() if name != "applicationUUID"}
    known = [app(number=2), app("other", number=3), app("none")]
    assert records_from_wso2("application-key-mappings", [old], applications=known)[0].application == "shop-uuid"
    item = {"appId": 3, "apiUUID": "b", "subscriptionState": "CREATED"}
    assert records_from_wso2("subscriptions", [item], applications=known)[0].application == "other"


def test_a_number_of_two_applications_is_an_error():
    """Numbers that say two things are a configuration error."""
    with pytest.raises(ConfigurationError, match="two applications have the number 2"):
        records_from_wso2("subscriptions", [], applications=[app(number=2), app("other", number=2)])


@pytest.mark.parametrize(
    ("resource", "changes", "why"),
    [
        ("applications", {"id": "2"}, "id is a whole number"),
        ("applications", {"id": True}, "id is a whole number"),
        ("applications", {"uuid": 2}, "uuid is a string"),
        ("applications", {"uuid": ""}, "id is a non-empty string"),
        ("applications", {"attributes": []}, "attributes is an object"),
        ("applications", {"attributes": {"a": 1}}, "attributes are strings by name"),
        ("applications", {"groupIds": "a,b"}, "groupIds is a list"),
        ("applications", {"groupIds": [{}]}, "names are non-empty strings"),
        ("subscriptions", {"appId": "2"}, "appId is a whole number"),
        ("subscriptions", {"subscriptionState": None}, "state is a non-empty string"),
        ("subscriptions", {"subscriptionState": 1}, "subscriptionState is a string"),
        ("subscriptions", {"applicationUUID": None}, "appId is the number of no application that is known"),
        ("subscriptions", {"applicationUUID": None, "appId": None}, "application is a non-empty string"),
        ("application-key-mappings", {"keyType": "s3cret"}, "key_type is PRODUCTION or SANDBOX"),
        ("application-key-mappings", {"keyType": None}, "key_type is PRODUCTION or SANDBOX"),
        ("application-key-mappings", {"consumerKey": ""}, "consumer_key is a non-empty string"),
        ("application-key-mappings", {"applicationId": 1.0}, "applicationId is a whole number"),
        ("subscription-policies", {"stopOnQuotaReach": "yes"}, "stopOnQuotaReach is a boolean"),
    ],
    ids=str,
)
def test_an_item_that_is_wrong_is_named(resource, changes, why):
    """An item with a wrong type or without an identity is a configuration error that names it and the field."""
    with pytest.raises(ConfigurationError) as caught:
        records_from_wso2(resource, [ITEMS[resource], ITEMS[resource] | changes])
    assert str(caught.value) == f"{resource}[1]: {why}"
    assert caught.value.__context__ is None


def test_a_part_that_is_wrong_is_named():
    """A wrong field of an object within an item is named with the way to it."""
    with pytest.raises(ConfigurationError, match=r"^application-policies\[0\]\.burstLimit: rateLimitCount is a whole"):
        records_from_wso2("application-policies", [{"name": "a", "burstLimit": {"rateLimitCount": "4"}}])


@pytest.mark.parametrize(
    ("resource", "answer", "why"),
    [
        ("keymanagers", [], "resource is one of applications, "),
        ("applications", {}, "applications is a list of items"),
        ("applications", None, "applications is a list of items"),
        ("applications", [7], r"applications\[0\]: an item is an object"),
    ],
    ids=str,
)
def test_an_answer_that_is_wrong_is_an_error(resource, answer, why):
    """An unknown resource or an answer of another form is a configuration error."""
    with pytest.raises(ConfigurationError, match=f"^{why}"):
        records_from_wso2(resource, answer)
