"""Subscriptions that a token brings along: read for what they are, and malformed ones allow nothing."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.subscriptions import Application, Grant, Subscription, SubscriptionPolicy, grant_from_claims
from tests.subscriptions.made import orders

ENTRY = {
    "name": "orders",
    "context": "/elsewhere/v1.2.0",
    "version": "v1.2.0",
    "publisher": "bob",
    "subscriptionTier": "Gold",
    "subscriberTenantDomain": "carbon.super",
}
SHOP = {"id": 2, "uuid": "shop-uuid", "name": "shop", "tier": "10PerMin", "owner": "alice", "tierQuotaType": None}
INFO = {
    "tierQuotaType": "requestCount",
    "graphQLMaxComplexity": 10,
    "graphQLMaxDepth": 3,
    "stopOnQuotaReach": False,
    "spikeArrestLimit": 5,
    "spikeArrestUnit": "sec",
}
CLAIMS = {"application": SHOP, "subscribedAPIs": [ENTRY], "tierInfo": {"Gold": INFO}, "keytype": "SANDBOX"}
APPLICATION = Application(
    id="shop-uuid", name="shop", owner="alice", organization="carbon.super", tier="10PerMin", number=2
)
SUBSCRIPTION = Subscription(
    application="shop-uuid", api="orders-uuid", api_name="orders", api_version="v1.2.0", policy="Gold"
)
POLICY = SubscriptionPolicy(
    name="Gold",
    quota_type="requestCount",
    stop_on_quota_reach=False,
    rate_limit_count=5,
    rate_limit_time_unit="sec",
    graphql_max_complexity=10,
    graphql_max_depth=3,
)


def granted(**changes):
    return grant_from_claims(CLAIMS | changes, orders())


def test_a_token_that_says_nothing_of_subscriptions_leaves_it_to_the_store():
    """Without the claim there is no grant, whatever else the token says."""
    assert grant_from_claims({"application": SHOP, "keytype": "SANDBOX"}, orders()) is None


def test_everything_is_read_from_the_token():
    """The application, the key type, the subscription by name and version, and its policy come from the claims."""
    assert granted() == Grant(APPLICATION, "SANDBOX", SUBSCRIPTION, POLICY)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        None,
        {},
        "orders",
        [ENTRY | {"version": "v1.2.1"}],
        [ENTRY | {"name": "Orders"}],
        [ENTRY | {"version": None}],
        [ENTRY, 7],
        [None],
        [[ENTRY]],
    ],
    ids=str,
)
def test_without_a_good_entry_there_is_no_subscription(entries):
    """A claim that is malformed, or does not name the API exactly, subscribes to nothing."""
    grant = granted(subscribedAPIs=entries)
    assert (grant.application.id, grant.key_type, grant.subscription, grant.policy) == (
        "shop-uuid",
        "SANDBOX",
        None,
        None,
    )


def test_one_of_several_entries_is_enough():
    """The entry of the API is found among others."""
    assert granted(subscribedAPIs=[ENTRY | {"name": "other"}, ENTRY]) == granted()


@pytest.mark.parametrize(
    "said", [None, [], "shop", {}, {"uuid": "a"}, {"name": "a"}, {"uuid": 7, "name": "a"}], ids=str
)
def test_without_an_application_there_is_no_subscription(said):
    """A token that names no application is subscribed to nothing."""
    assert granted(application=said) == Grant(None, "SANDBOX")


@pytest.mark.parametrize(
    ("said", "known_by", "number"),
    [
        ({"id": 2}, "2", 2),
        ({"id": "2"}, "2", 2),
        ({"id": "x", "uuid": "a"}, "a", None),
        ({"id": "9" * 5000, "uuid": "a"}, "a", None),
        ({"id": True, "uuid": "a"}, "a", None),
        ({"id": "\u0662", "uuid": "a"}, "a", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_application_is_known_by_its_uuid_or_else_its_number(said, known_by, number):
    """Older tokens have only the number, as a number or as a string."""
    application = granted(application={"name": "shop"} | said).application
    assert (application.id, application.number) == (known_by, number)


@pytest.mark.parametrize("said", ["production", "", None, 7, ["SANDBOX"], {}], ids=str)
def test_an_unknown_key_type_is_none(said):
    """Any other key type than the two is not known."""
    assert granted(keytype=said).key_type is None


@pytest.mark.parametrize("said", [None, [], {}, {"Gold": 7}, {"gold": INFO}], ids=str)
def test_a_tier_without_its_facts_is_no_policy(said):
    """Where the token says nothing of the tier there is no policy, and the subscription stands."""
    assert granted(tierInfo=said) == Grant(APPLICATION, "SANDBOX", SUBSCRIPTION)


def test_what_is_malformed_in_a_tier_is_left_out():
    """Facts of a wrong type are the defaults of a policy, and a tier without a name is none."""
    odd = {"tierQuotaType": 1, "stopOnQuotaReach": "no", "spikeArrestLimit": "5", "graphQLMaxDepth": True}
    assert granted(tierInfo={"Gold": odd}).policy == SubscriptionPolicy(name="Gold")
    nameless = granted(subscribedAPIs=[ENTRY | {"subscriptionTier": 7}], tierInfo={None: INFO})
    assert (nameless.subscription.policy, nameless.policy) == (None, None)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
odd_members = st.dictionaries(st.sampled_from([*ENTRY, *SHOP, "Gold"]), values)


@pytest.mark.law
@given(
    st.fixed_dictionaries(
        {"subscribedAPIs": values | st.lists(odd_members, max_size=2)},
        optional={"application": values | odd_members, "tierInfo": values | odd_members, "keytype": values},
    )
)
def test_no_claims_are_an_exception(claims):
    """Whatever the claims hold, there is a grant, and no subscription but of an entry with the name and version."""
    grant = grant_from_claims(claims, orders())
    assert grant is not None
    assert grant.subscription is None or grant.application is not None


def test_texts_of_tokens_are_not_kept():
    """What a token says is not among the texts that the process keeps, so that no stream of tokens makes it grow."""
    text = b"tier-of-one-token"
    entry = ENTRY | {"subscriptionTier": text.decode(), "subscriberTenantDomain": text.decode()}
    grant = granted(application=SHOP | {"tier": text.decode()}, subscribedAPIs=[entry])
    kept = sys.intern(text.decode())
    assert kept == grant.subscription.policy == grant.application.tier == grant.application.organization
    for said in (grant.subscription.policy, grant.application.tier, grant.application.organization):
        assert said is not kept
