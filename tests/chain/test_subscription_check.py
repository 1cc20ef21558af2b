"""Subscriptions and key types: WSO2's states, as a table."""

import pytest

from kmvalidate.apis import GatewayType
from kmvalidate.chain import KeyTypeCheck, SubscriptionCheck
from kmvalidate.subscriptions import NO_GRANT, Grant
from tests.chain.making import APP, DEFAULT, called, case, grant, verdict
from tests.signing import ABSENT, refusal

KEY_TYPES = ("PRODUCTION", "SANDBOX", None)
PASSING = ("UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED")
INACTIVE = ("ON_HOLD", "REJECTED")
UNKNOWN = ("unblocked", "Unblocked", "UNBLOCKED ", "ACTIVE", "TIER UPDATE PENDING", "PROD_ONLY", "0")
STATES = {
    **{(state, key_type): "GOOD" for state in PASSING for key_type in KEY_TYPES},
    **{("BLOCKED", key_type): "SUBSCRIPTION_BLOCKED" for key_type in KEY_TYPES},
    **{(state, key_type): "SUBSCRIPTION_INACTIVE" for state in (*INACTIVE, *UNKNOWN) for key_type in KEY_TYPES},
    ("PROD_ONLY_BLOCKED", "PRODUCTION"): "SUBSCRIPTION_BLOCKED",
    ("PROD_ONLY_BLOCKED", None): "SUBSCRIPTION_BLOCKED",
    ("PROD_ONLY_BLOCKED", "SANDBOX"): "GOOD",
}
CODES = {"SUBSCRIPTION_BLOCKED": 900907, "SUBSCRIPTION_INACTIVE": 900909}


@pytest.mark.parametrize(("state", "key_type"), STATES, ids=str)
def test_a_state_means_what_wso2_means(state, key_type):
    """Each state lets pass or refuses as WSO2's gateways do, and one that is not known is not active."""
    of, said = case(known=grant(state, key_type)), STATES[state, key_type]
    assert verdict(SubscriptionCheck(), of) == verdict(DEFAULT, of) == said
    if said != "GOOD":
        refused = refusal(SubscriptionCheck().check, of)
        assert (refused.got, refused.key_manager, refused.reason.code) == (state, "Test", CODES[said])


WITHOUT = {
    "no client": (NO_GRANT, {"client_id": ABSENT}, "names no client"),
    "no application": (NO_GRANT, {}, "No application has this client's key"),
    "a subscription of nobody": (grant(application=None), {}, "No application has this client's key"),
    "no subscription": (Grant(application=APP, key_type="PRODUCTION"), {}, "no subscription to this API"),
    "a key type alone": (Grant(key_type="PRODUCTION"), {}, "No application has this client's key"),
}


@pytest.mark.parametrize("known", WITHOUT)
def test_who_is_not_subscribed_is_told_what_is_missing(known):
    """Whatever is missing refuses with one code, and the hint says what it is."""
    known, claims, hint = WITHOUT[known]
    refused = refusal(SubscriptionCheck().check, case(known=known, **claims))
    assert (refused.reason.name, refused.reason.code) == ("NOT_SUBSCRIBED", 900908)
    assert hint in refused.hint


@pytest.mark.parametrize("known", [*(row[0] for row in WITHOUT.values()), grant("BLOCKED"), grant("REJECTED")])
def test_an_api_that_does_not_ask_asks_nobody(known):
    """An API without subscription validation takes every client, whatever is known of it."""
    assert verdict(SubscriptionCheck(), case(called(validate_subscriptions=False), known)) == "GOOD"


# Key types

GATEWAYS = {
    **{("HYBRID", key_type): ("GOOD", "GOOD") for key_type in KEY_TYPES},
    ("PRODUCTION", "PRODUCTION"): ("GOOD", "GOOD"),
    ("PRODUCTION", "SANDBOX"): ("WRONG_KEY_TYPE", "WRONG_KEY_TYPE"),
    ("PRODUCTION", None): ("WRONG_KEY_TYPE", "GOOD"),
    ("SANDBOX", "SANDBOX"): ("GOOD", "GOOD"),
    ("SANDBOX", "PRODUCTION"): ("WRONG_KEY_TYPE", "WRONG_KEY_TYPE"),
    ("SANDBOX", None): ("WRONG_KEY_TYPE", "WRONG_KEY_TYPE"),
}


@pytest.mark.parametrize(("gateway", "key_type"), GATEWAYS, ids=str)
def test_a_deployment_takes_its_own_keys(gateway, key_type):
    """A key is for the deployment of its type, and without a subscription an unknown one is for production."""
    for asks, said in zip((True, False), GATEWAYS[gateway, key_type], strict=True):
        call = called(gateway_type=GatewayType(gateway), validate_subscriptions=asks)
        of = case(call, grant(key_type=key_type))
        assert verdict(KeyTypeCheck(), of) == said
        if said != "GOOD":
            refused = refusal(KeyTypeCheck().check, of)
            got = key_type or ("none" if asks else "PRODUCTION")
            assert (refused.expected, refused.got, refused.key_manager) == (gateway, got, "Test")


def test_a_strange_key_type_fits_one_gateway_less_than_known_ones():
    """A key type that WSO2 does not have fits hybrid gateways alone, whatever its case."""
    for key_type in ("production", "Sandbox", "HYBRID", ""):
        for gateway, said in (("HYBRID", "GOOD"), ("PRODUCTION", "WRONG_KEY_TYPE"), ("SANDBOX", "WRONG_KEY_TYPE")):
            call = called(gateway_type=GatewayType(gateway), validate_subscriptions=False)
            assert verdict(KeyTypeCheck(), case(call, Grant(key_type=key_type))) == said
