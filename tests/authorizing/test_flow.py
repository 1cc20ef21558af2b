"""From a token and a call to an answer: who may, who may not, and what comes with it."""

import asyncio

import pytest

from kmvalidate.apis import ApiCall, AuthType, Resource
from kmvalidate.authorized import AuthorizedCall
from kmvalidate.chain import ValidatorChain
from kmvalidate.errors import ConfigurationError, Reason, Refusal, Refused
from kmvalidate.subscriptions import NO_GRANT, InMemorySubscriptions, KeyMapping
from kmvalidate.validator import TokenValidator
from tests.authorizing.world import APP, CLIENT, MAPPING, SHOP, SUBSCRIPTION, TELLING, World, claims_of, orders, outcome
from tests.estate import Estate, pinned, token_of
from tests.signing import ABSENT, NOW, refusal


def test_what_was_found_out_comes_with_the_call():
    """A call that is allowed says who came, for what, as which application, and takes a backend JWT along."""
    world = World()
    made = world.validator.validate(world.bearer, world.menu)
    assert (made.token.key_manager, made.call, made.api) == ("a", world.menu, world.api)
    assert (made.application, made.subscription, made.key_type) == (APP, SUBSCRIPTION, "PRODUCTION")
    assert made.grant.subscription == SUBSCRIPTION
    assert made.backend_headers == {"X-JWT-Assertion": made.backend_jwt}
    said = claims_of(made.backend_jwt)
    assert (said["aud"], said["sub"], said["application"]["id"]) == ("orders-backend", "alice", APP.id)
    assert made


def test_without_stores_a_call_carries_scopes():
    """Without subscriptions, APIs and backend JWTs a call can ask for scopes, and nothing else comes with it."""
    estate = Estate(pinned("a"))
    made = estate.validator.validate(token_of("a"), ApiCall("menu:read"))
    assert (made.api, made.application, made.subscription, made.key_type) == (None, None, None, None)
    assert (made.grant, made.backend_jwt, made.backend_headers) == (NO_GRANT, None, {})
    assert outcome(estate.validator.validate, token_of("a"), ApiCall("menu:delete")) == "INSUFFICIENT_SCOPE"
    assert outcome(estate.validator.validate, token_of("a"), ApiCall(key_managers="b")) == "WRONG_KEY_MANAGER"


def test_without_subscriptions_nobody_is_subscribed():
    """A validator without a store lets through only to APIs that ask for no subscription."""
    world = World(subscriptions=None)
    assert world.says() == "NOT_SUBSCRIBED"
    assert world.says(call=orders(validate_subscriptions=False).call("GET", "/menu")) == "GOOD"


def test_the_twins_say_the_same():
    """Blocking and asyncio callers, by exception or by value, are told the same, first or later."""
    for call in (("GET", "/menu"), ("DELETE", "/menu"), ("GET", "/x")):
        world = World(remember=0)
        said = outcome(world.validator.validate, world.bearer, asked := world.api.call(*call))
        assert outcome(world.validator.avalidate, world.bearer, asked) == said
        for decided in (
            world.validator.decide(world.bearer, asked),
            asyncio.run(world.validator.adecide(world.bearer, asked)),
        ):
            assert bool(decided) is (said == "GOOD")
            assert type(decided) is (AuthorizedCall if said == "GOOD" else Refusal)
            assert said == "GOOD" or decided.reason is Reason[said]


def test_a_value_says_what_the_error_says():
    """A refusal as a value has the facts of the one that is raised."""
    world = World()
    call = world.api.call("DELETE", "/menu")
    refused = refusal(world.validator.validate, world.bearer, call)
    value = world.validator.decide(world.bearer, call)
    assert (value.reason, value.expected, value.got) == (refused.reason, refused.expected, refused.got)
    assert (value.key_manager, str(value)) == ("a", str(refused))


NO_TOKENS = [None, "", "x", "a.b.c", 5, b"x", [], True]


@pytest.mark.parametrize("bearer", NO_TOKENS, ids=repr)
def test_no_token_gets_through(bearer):
    """Neither no token nor what is none gets to a resource, and only the former is missing."""
    assert World().says(bearer) == (
        "MISSING_TOKEN" if bearer is None else "OPAQUE_TOKEN" if bearer == "x" else "MALFORMED_TOKEN"
    )


def test_a_missing_token_is_told_without_an_error_code():
    """Who brings no token is asked for one (401), without a word on a token there was not."""
    world = World()
    refused = refusal(world.validator.validate, None, world.menu)
    assert (refused.reason.status, refused.reason.error, refused.reason.code) == (401, None, 900902)
    assert world.says(None, ApiCall()) == world.says(None, world.api.call("GET", "/none")) == "MISSING_TOKEN"


# What is open


def test_what_is_open_needs_no_token_and_takes_no_bad_one():
    """A resource without authentication is open without a token, and one that is presented is verified all the same."""
    world = World()
    is_open = world.api.call("GET", "/open")
    made = world.validator.validate(None, is_open)
    assert (made.token, made.grant, made.backend_jwt, made.backend_headers) == (None, NO_GRANT, None, {})
    assert world.says(None, is_open) == world.says(call=is_open) == "GOOD"
    assert world.validator.validate(world.bearer, is_open).token.key_manager == "a"
    bad = {
        token_of("a", exp=NOW - 3600): "EXPIRED",
        token_of("a", "eve"): "UNKNOWN_KEY",
        token_of("b"): "UNKNOWN_ISSUER",
        "a.b.c": "MALFORMED_TOKEN",
        "": "MALFORMED_TOKEN",
    }
    assert {bearer: world.says(bearer, is_open) for bearer in bad} == bad


def test_operations_are_open_only_together():
    """Of several operations of GraphQL each must be open, or a token is needed, and the others are checked."""
    closed = Resource("QUERY", "menu", any_scope="menu:delete")
    api = orders(*(Resource("QUERY", name, auth_type=AuthType.NONE) for name in "ab"), closed, kind="GRAPHQL")
    world = World(api=api)
    for names, alone, together in (("ab", "GOOD", "GOOD"), (("a", "menu"), "MISSING_TOKEN", "INSUFFICIENT_SCOPE")):
        call = api.call("POST", "/", operations=[("QUERY", name) for name in names])
        assert (world.says(None, call), world.says(call=call)) == (alone, together)


def test_the_chain_is_not_asked_about_what_is_open():
    """What is open has nothing to check, not even by a chain that refuses everything."""
    world = World(chain=ValidatorChain([]), subscriptions=None)
    assert world.says(call=world.api.call("GET", "/open")) == "GOOD"
    assert world.says() == "FORBIDDEN"


def test_what_is_open_stays_with_its_key_managers():
    """A good token of a key manager that the API does not take is refused where none would have been needed."""
    world = World(pinned("a"), pinned("b"), api=orders(key_managers="b"))
    assert world.says(call=world.api.call("GET", "/open")) == "WRONG_KEY_MANAGER"


@pytest.mark.parametrize("status", ["BLOCKED", "RETIRED"])
def test_a_blocked_api_is_open_to_nobody(status):
    """A resource without authentication of an API that is blocked, or retired, is not open."""
    world = World(api=orders(status=status))
    is_open = world.api.call("GET", "/open")
    said = "API_BLOCKED" if status == "BLOCKED" else "NO_MATCHING_RESOURCE"
    assert world.says(call=is_open) == world.says() == said
    assert world.says(None, is_open) == ("API_BLOCKED" if status == "BLOCKED" else "MISSING_TOKEN")


def test_a_blocked_api_answers_503():
    """The refusal of a blocked API has WSO2's code and status."""
    world = World(api=orders(status="BLOCKED"))
    refused = refusal(world.validator.validate, world.bearer, world.menu)
    assert (refused.reason.code, refused.reason.status) == (700700, 503)


# What is no call, or of another organization


@pytest.mark.parametrize("call", [None, "GET /menu", ("GET", "/menu"), 5, orders(), Resource("GET", "/menu"), ApiCall])
@pytest.mark.parametrize("check", ["validate", "avalidate", "decide", "adecide", "explain", "aexplain"])
def test_what_is_no_call_is_a_mistake_of_the_caller(check, call):
    """Something else than a call is a ConfigurationError, with a token and without."""
    world = World()
    if call is not None or "explain" not in check:
        for bearer in (world.bearer, None, "bad"):
            assert outcome(getattr(world.validator, check), bearer, call) == "ConfigurationError"


@pytest.mark.parametrize("organization", ["", 5, b"acme", True, ["acme"]], ids=repr)
def test_an_organization_is_a_name(organization):
    """What is no name of an organization is a ConfigurationError, never a verdict."""
    world = World()
    assert world.says(organization=organization) == "ConfigurationError"
    with pytest.raises(ConfigurationError):
        world.validator.explain(world.bearer, world.menu, organization=organization)


def test_an_api_belongs_to_one_organization():
    """A call of an organization's API is asked within it or nowhere, and one of no organization within any."""
    for remember in (0, 100):
        world = World(api=orders(organization="acme"), remember=remember)
        assert [world.says(organization=name) for name in (None, "acme", "rival")] == [
            *("GOOD", "GOOD", "ConfigurationError")
        ]
        assert [World().says(organization=name) for name in (None, "acme", "rival")] == ["GOOD"] * 3


def test_tokens_of_another_organization_are_unknown():
    """A key manager of an organization stands behind calls within it alone, whoever asks first."""
    world = World(pinned("a", organization="acme"))
    world.store.put(KeyMapping(organization="acme", key_manager="a", consumer_key=CLIENT, application=SHOP))
    for name in ("rival", "acme", "rival", None, "acme"):
        assert world.says(organization=name) == ("GOOD" if name == "acme" else "UNKNOWN_ISSUER")


def test_names_of_key_managers_are_those_of_an_organization():
    """Neither a mapping nor a subscription of another organization's key manager of that name counts."""
    world = World(pinned("a", organization="acme"))
    assert world.says(organization="acme") == "NOT_SUBSCRIBED"
    world.store.put(KeyMapping(organization="rival", key_manager="a", consumer_key=CLIENT, application=SHOP))
    assert world.says(organization="acme") == "NOT_SUBSCRIBED"


def test_nothing_shows_a_token():
    """Neither what is allowed nor what is refused shows the token or the backend JWT."""
    world = World(pinned("a", profile=TELLING))
    made = world.validator.validate(world.bearer, world.menu)
    shown = [repr(made), str(made), repr(made.decision), repr(made.token), repr(made.grant)]
    shown += [
        str(world.validator.decide(world.bearer, world.api.call("DELETE", "/menu"))),
        repr(made.decision.backend_jwt),
    ]
    for secret in (world.bearer, made.backend_jwt):
        assert not [text for text in shown for part in secret.split(".")[1:] if part in text]


WRONG = [
    *({"chain": value} for value in ([], (), "x", 5, ValidatorChain)),
    *({"subscriptions": value} for value in ("x", 5, {}, object())),
    *({"self_contained": value} for value in ([""], [None], [5], [("", "a")], [("x", "")], [("x", "a", "b")], [()])),
]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda value: repr(value).split(" at 0x")[0])
def test_what_cannot_be_right_is_found_at_the_start(arguments):
    """A validator over something else than a chain, a store or names is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        TokenValidator(Estate(pinned("a")).registry, **arguments)


def test_an_empty_store_is_a_store():
    """A store without anything in it is asked, not taken for none."""
    store = InMemorySubscriptions()
    world = World(subscriptions=store)
    assert world.says() == "NOT_SUBSCRIBED"
    store.put_all([APP, MAPPING, SUBSCRIPTION])
    assert world.says() == "GOOD"


def test_a_token_without_a_client_is_nobody_s():
    """A token that names no client has no application, whatever is in the store."""
    assert World().says(token_of("a", client_id=ABSENT)) == "NOT_SUBSCRIBED"


def test_what_a_check_raises_reaches_the_caller():
    """An accident of somebody's check is told as it is, each time, and lets nothing through."""

    def fails(case):
        raise LookupError(case.api.name)

    world = World(chain=ValidatorChain().followed_by(fails))
    for _ in range(3):
        with pytest.raises(LookupError, match="orders"):
            world.validator.validate(world.bearer, world.menu)
        with pytest.raises(LookupError, match="orders"):
            world.validator.decide(world.bearer, world.menu)
    with pytest.raises(Refused):
        world.validator.validate(None, world.menu)
