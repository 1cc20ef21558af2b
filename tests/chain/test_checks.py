"""What each check of a gateway holds against a call: the API, its key managers, environments and token types."""

import pytest

from kmvalidate.apis import ApiCall, AuthType
from kmvalidate.chain import (
    AudienceCheck,
    DemandsCheck,
    EnvironmentCheck,
    KeyManagerCheck,
    ResourceCheck,
    TokenTypeCheck,
    ValidatorChain,
)
from kmvalidate.demands import Demands
from tests.chain.making import DEFAULT, api, called, case, typed, verdict
from tests.signing import ABSENT, refusal

ALL = [type(check) for check in ValidatorChain().checks]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_a_good_call_has_nothing_against_it(check):
    """No check holds anything against the good call, nor against one that asks for a good token alone."""
    assert verdict(check()) == "GOOD"
    if check.__name__ != "ResourceCheck":
        assert verdict(check(), case(called(validate_subscriptions=False))) == "GOOD"
    assert verdict(check(), case(ApiCall())) == "GOOD"


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_checks_are_values(check):
    """Two checks of one kind are equal and hash alike, those of two kinds are not, and each says its name."""
    assert check() == check()
    assert hash(check()) == hash(check())
    assert [other() for other in ALL].count(check()) == 1
    assert repr(check()) == f"{check.__name__}()"


# The API


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/other"), ("POST", "/menu"), ("get", "/menu"), ("GET", "/menu/../menu"), ("GET", ""), (None, "/menu"),
    ("GET", None),
])  # fmt: skip
def test_what_matches_no_resource_is_refused(method, path):
    """A call of which the API has no resource is refused, and told why nothing matched."""
    call = api().call(method, path)
    refused = refusal(ResourceCheck().check, case(call))
    assert refused.reason.name == "NO_MATCHING_RESOURCE"
    assert refused.hint == call.target.hint is not None
    assert refused.key_manager == "Test"


@pytest.mark.parametrize(("status", "said"), [
    ("BLOCKED", "API_BLOCKED"), ("RETIRED", "NO_MATCHING_RESOURCE"), ("PUBLISHED", "GOOD"), ("CREATED", "GOOD"),
    ("PROTOTYPED", "GOOD"), ("DEPRECATED", "GOOD"),
])  # fmt: skip
def test_the_life_of_an_api_counts(status, said):
    """A blocked API is blocked and a retired one has nothing to call, all others can be called."""
    assert verdict(DEFAULT, case(called(status=status))) == said


def test_a_blocked_api_is_blocked_before_all_else():
    """A blocked API refuses also what it has no resource for, with its own reason."""
    assert verdict(ResourceCheck(), case(api(status="BLOCKED").call("GET", "/other"))) == "API_BLOCKED"


# Key managers


@pytest.mark.parametrize(("enabled", "said"), [
    (None, "GOOD"), ("Test", "GOOD"), (("Other", "Test"), "GOOD"), ("Other", "WRONG_KEY_MANAGER"),
    ("test", "WRONG_KEY_MANAGER"), ("Test ", "WRONG_KEY_MANAGER"), ("Tes", "WRONG_KEY_MANAGER"),
    (("Other", "Test2"), "WRONG_KEY_MANAGER"),
])  # fmt: skip
def test_only_the_key_managers_of_an_api_count(enabled, said):
    """A token counts if its key manager is one of those of the API, by its exact name, also without an API."""
    assert verdict(KeyManagerCheck(), case(called(key_managers=enabled))) == said
    assert verdict(KeyManagerCheck(), case(ApiCall(key_managers=enabled))) == said


def test_a_wrong_key_manager_is_named():
    """Who is refused for their key manager is told which ones count, and which it was."""
    refused = refusal(KeyManagerCheck().check, case(called(key_managers=("One", "Two"))))
    assert (refused.expected, refused.got, refused.key_manager) == ("[One, Two]", "Test", "Test")


# Environments

ENVIRONMENTS = [
    (None, "dev", "GOOD"),
    (None, None, "GOOD"),
    ([], "dev", "WRONG_ENVIRONMENT"),
    ([], None, "WRONG_ENVIRONMENT"),
    ("dev", "dev", "GOOD"),
    (["prod", "dev"], "dev", "GOOD"),
    ("prod", "dev", "WRONG_ENVIRONMENT"),
    ("dev", None, "WRONG_ENVIRONMENT"),
    ("Dev", "dev", "WRONG_ENVIRONMENT"),
    ("dev ", "dev", "WRONG_ENVIRONMENT"),
    ("de", "dev", "WRONG_ENVIRONMENT"),
]


@pytest.mark.parametrize(("environments", "environment", "said"), ENVIRONMENTS)
def test_a_key_manager_counts_in_its_environments(environments, environment, said):
    """A key manager without environments counts in all, with an empty list in none, else in exactly those."""
    of = case(called(environment=environment), manager={"environments": environments})
    assert verdict(EnvironmentCheck(), of) == said
    if said != "GOOD":
        refused = refusal(EnvironmentCheck().check, of)
        assert (refused.got, refused.key_manager) == (environment or "none", "Test")


def test_a_call_without_an_api_is_in_no_environment():
    """A key manager that counts in some environments does not where none is known."""
    assert verdict(EnvironmentCheck(), case(ApiCall(), manager={"environments": "dev"})) == "WRONG_ENVIRONMENT"
    assert verdict(EnvironmentCheck(), case(ApiCall(), aud=["orders", "choreo:environment:dev"])) == "WRONG_ENVIRONMENT"


AUDIENCES = [
    ([], "dev", "GOOD"),
    (["choreo:environment:dev"], "dev", "GOOD"),
    (["choreo:environment:prod", "choreo:environment:dev"], "dev", "GOOD"),
    (["choreo:environment:prod"], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment:dev"], None, "WRONG_ENVIRONMENT"),
    (["choreo:environment:"], None, "WRONG_ENVIRONMENT"),
    (["choreo:environment:None"], None, "WRONG_ENVIRONMENT"),
    (["choreo:environment:"], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment:DEV"], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment:dev "], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment:dev,prod"], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment:*"], "dev", "WRONG_ENVIRONMENT"),
    (["choreo:environment", "dev"], "dev", "GOOD"),
    (["x choreo:environment:prod"], "dev", "GOOD"),
]


@pytest.mark.parametrize(("named", "environment", "said"), AUDIENCES)
def test_a_token_that_names_environments_is_good_in_these(named, environment, said):
    """A token whose audiences name environments is good in exactly these, and without any in all."""
    assert verdict(EnvironmentCheck(), case(called(environment=environment), aud=["orders", *named])) == said


def test_both_rules_of_environments_hold():
    """Neither the key manager's environments nor the token's stand in for the other."""
    for environments, named in (("dev", "prod"), ("prod", "dev"), ([], "dev")):
        of = case(
            called(environment="dev"),
            manager={"environments": environments},
            aud=["orders", f"choreo:environment:{named}"],
        )
        assert verdict(EnvironmentCheck(), of) == "WRONG_ENVIRONMENT"


# Token types

TOKEN_TYPES = {
    (AuthType.APPLICATION, "APPLICATION"): "GOOD",
    (AuthType.USER, "APPLICATION_USER"): "GOOD",
    **{(wanted, aut): "GOOD" for wanted in (AuthType.ANY, AuthType.NONE) for aut in ("APPLICATION", "x", ABSENT)},
    **{(AuthType.APPLICATION, aut): "WRONG_TOKEN_TYPE" for aut in ("APPLICATION_USER", "application", "x", ABSENT)},
    **{(AuthType.USER, aut): "WRONG_TOKEN_TYPE" for aut in ("APPLICATION", "application_user", "x", ABSENT)},
}


@pytest.mark.parametrize(("wanted", "aut"), TOKEN_TYPES, ids=str)
def test_a_resource_takes_tokens_of_its_type(wanted, aut):
    """A resource for users or applications takes only tokens that say that they are such."""
    assert verdict(TokenTypeCheck(), case(typed(wanted), aut=aut)) == TOKEN_TYPES[wanted, aut]


def test_a_wrong_token_type_says_which_is_wanted():
    """Who comes with the wrong type is told the right one."""
    refused = refusal(TokenTypeCheck().check, case(typed(AuthType.USER), aut="APPLICATION"))
    assert (refused.expected, refused.key_manager, refused.reason.code) == ("Application User", "Test", 900905)


# Audiences and demands


@pytest.mark.parametrize(("audiences", "aud", "said"), [
    ((), "orders", "GOOD"), ("orders", "orders", "GOOD"), (["x", "orders"], ["y", "orders"], "GOOD"),
    ("x", "orders", "AUDIENCE_NOT_ALLOWED"), ("Orders", "orders", "AUDIENCE_NOT_ALLOWED"),
    ("order", "orders", "AUDIENCE_NOT_ALLOWED"), ("orders ", "orders", "AUDIENCE_NOT_ALLOWED"),
    (["x", "y"], ["orders", "z"], "AUDIENCE_NOT_ALLOWED"), ("a", ["orders", "a,b"], "AUDIENCE_NOT_ALLOWED"),
])  # fmt: skip
def test_a_token_names_an_audience_of_the_api(audiences, aud, said):
    """A token is for an API with audiences if it names one of them exactly."""
    of = case(called(audiences=audiences), aud=aud)
    assert verdict(AudienceCheck(), of) == said
    if said != "GOOD":
        assert refusal(AudienceCheck().check, of).claim == "aud"


def test_the_api_and_each_resource_have_demands():
    """What the API demands is demanded of each call, what a resource demands of its own."""
    cook, chef = Demands(any_role="cook"), Demands(any_role="chef")
    for demands, said in ((None, "GOOD"), (cook, "GOOD"), (chef, "MISSING_ROLE")):
        assert verdict(DemandsCheck(), case(called(demands=demands), roles=["cook"])) == said
        assert verdict(DemandsCheck(), case(ApiCall(demands=demands), roles=["cook"])) == said
    of = case(ApiCall(demands=chef), roles=["cook"])
    assert refusal(DemandsCheck().check, of).reason.status == 403
