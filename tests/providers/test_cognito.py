"""Cognito: the audience is a resource or a client, and `token_use` tells the kind."""

import attrs
import pytest

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, KeyManagerRegistry, TokenValidator, providers
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.providers._cognito import PROFILE
from kmvalidate.testing import ProviderLaws, SimulatedProvider
from kmvalidate.testing._kinds.cognito import KIND
from tests.fakes import FakeTransport
from tests.signing import ABSENT, SetClock, good_claims, good_header, jwks, reason, refusal, token

POOL = "eu-west-1_AbC123dEf"
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"
UPDATED = f"https://issuer-cognito-idp.eu-west-1.amazonaws.com/{POOL}"
WELL_KNOWN = "/.well-known/openid-configuration"
CLIENTS = {"orders": ("web-shop", "shop")}


def by_client(base, *, audience, **options):
    """Return a key manager that names the clients of an API in place of its audience."""
    clients = [client for name in to_names(audience) for client in CLIENTS.get(name, (name,))]
    return KIND.manager(base, audience=(), client_ids=clients, **options)


def to_names(audience):
    """Return what an audience names; one that is waived names the clients of the API."""
    return ("orders",) if audience is ANY_AUDIENCE else (audience,) if isinstance(audience, str) else audience


class TestUnboundTokens(ProviderLaws):
    """The laws hold as well for tokens that name no audience, by their clients."""

    kind = attrs.evolve(
        KIND,
        claims=lambda wish: KIND.claims(attrs.evolve(wish, audience=())),
        manager=by_client,
        look_alikes={name: one for name, one in KIND.look_alikes.items() if name != "ID token"},
    )


@pytest.mark.parametrize(
    ("pool", "issuer"),
    [
        (POOL, ISSUER),
        ("us-gov-west-1_Z9", "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Z9"),
        ("ap-southeast-2_a", "https://cognito-idp.ap-southeast-2.amazonaws.com/ap-southeast-2_a"),
        ("cn-north-1_B7", "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_B7"),
    ],
)
def test_the_issuer_follows_from_the_pool(pool, issuer):
    """The region is in the id of a pool, and China has a domain of its own."""
    assert providers.cognito(pool, client_ids="shop").issuer == issuer


@pytest.mark.parametrize(
    "pool",
    [
        "AbC123",
        "eu-west-1",
        "eu-west-1_",
        "eu-west-1_Ab/../C",
        "eu-west-1_Ab C",
        "eu-west-1_Ab\n",
        "EU-WEST-1_AbC",
        "us-iso-east-1_AbC",
        "eu-west-1.evil.example/x-1_AbC",
        "eu-west-1@x_AbC",
        "eu-west-1_" + "a" * 56,
        ISSUER,
        "",
        7,
    ],
)
def test_other_pools_are_configuration_errors(pool):
    """What is no pool's id is refused, and never built into a URL."""
    with pytest.raises(ConfigurationError, match="REGION_ID"):
        providers.cognito(pool, client_ids="shop")


@pytest.mark.parametrize(
    "arguments",
    [
        {"issuer": "https://cognito-idp.eu-west-1.amazonaws.com"},
        {"issuer": ISSUER + "/"},
        {"issuer": "https://cognito-idp.eu-west-1.amazonaws.com/x/" + POOL},
        {"pool": "eu-west-1_Other", "issuer": ISSUER},
        {"pool": 7, "issuer": ISSUER},
    ],
)
def test_other_issuers_are_configuration_errors(arguments):
    """An issuer ends with the id of its pool, and that is the pool that was named."""
    with pytest.raises(ConfigurationError, match="the issuer of a user pool"):
        providers.cognito(**arguments, client_ids="shop")


def test_a_pool_is_named_somehow():
    """Without a pool, an issuer and a document there is nothing to go by."""
    with pytest.raises(ConfigurationError, match="issuer="):
        providers.cognito(client_ids="shop")


@pytest.mark.parametrize(
    "arguments",
    [
        {"pool": POOL},
        {"issuer": ISSUER},
        {"pool": POOL, "issuer": ISSUER},
        {"discovery_url": ISSUER + WELL_KNOWN},
        {"pool": POOL, "discovery_url": "https://internal.example/cognito.json"},
    ],
)
def test_a_pool_can_be_named_in_each_way(arguments):
    """Its id, its issuer, its document: each is enough."""
    assert providers.cognito(**arguments, client_ids="shop").issuer == ISSUER


def test_somebody_must_be_named():
    """Without an audience and without clients it is an error; so are no clients at all."""
    with pytest.raises(ConfigurationError, match="client_ids="):
        providers.cognito(POOL)
    for nobody in ([], [""], 7):
        with pytest.raises(ConfigurationError):
            providers.cognito(POOL, client_ids=nobody)


@pytest.mark.parametrize(
    ("arguments", "waived"),
    [
        ({"client_ids": "shop"}, True),
        ({"audience": ClientIdInstead("shop")}, True),
        ({"audience": "orders"}, False),
        ({"audience": "orders", "client_ids": "shop"}, False),
    ],
)
def test_clients_in_place_of_the_audience_are_said_aloud(arguments, waived):
    """Where the clients count in place of the audience, that is one of the waivers."""
    said = providers.cognito(POOL, **arguments).waivers()
    assert ("the client id is checked in place of the audience" in said) is waived


def pool_of(**options):
    """Return a simulated pool whose tokens name no audience, and a validator for it."""
    idp = SimulatedProvider("cognito", audience=())
    return idp, idp.validator(**options)


@pytest.mark.parametrize("arguments", [{"client_ids": "shop"}, {"audience": ClientIdInstead({"shop"})}])
def test_clients_count_in_place_of_the_audience(arguments):
    """With clients named, their tokens are accepted and those of other clients refused."""
    idp, validator = pool_of(**arguments)
    for _ in range(2):
        assert validator.authenticate(idp.token(client_id="shop")).consumer_key == "shop"
        assert reason(validator.authenticate, idp.token(client_id="other")) == "WRONG_AUDIENCE"
        assert reason(validator.authenticate, idp.token(claims={"client_id": None})) == "WRONG_AUDIENCE"


@pytest.mark.parametrize("audience", ["https://billing.example", ["shop", "billing"], [], "other"])
def test_tokens_bound_to_a_resource_are_not_taken_for_unbound_ones(audience):
    """A token of a known client for another API is refused, and says how that API would be named."""
    idp, validator = pool_of(client_ids=["shop", "other"])
    refused = refusal(validator.authenticate, idp.token(client_id="shop", claims={"aud": audience}))
    assert refused.reason is Reason.WRONG_AUDIENCE
    assert "audience=" in (refused.hint or "")


@pytest.mark.parametrize("audience", ["shop", ["shop"]])
def test_a_token_may_name_its_own_client(audience):
    """A pool that writes the client into `aud` says nothing new by it."""
    idp, validator = pool_of(client_ids="shop")
    assert reason(validator.authenticate, idp.token(client_id="shop", claims={"aud": audience})) == "GOOD"


def test_audience_and_clients_must_both_hold():
    """With a resource and clients named, a token needs the one and be of one of the others."""
    idp = SimulatedProvider("cognito")
    validator = idp.validator(client_ids=["shop", "web-shop"])
    assert reason(validator.authenticate, idp.token()) == "GOOD"
    assert reason(validator.authenticate, idp.token(client_id="other")) == "CLAIM_MISMATCH"
    assert reason(validator.authenticate, idp.token(audience="billing")) == "WRONG_AUDIENCE"


def test_clients_are_named_once():
    """Two lists of clients are an error: neither quietly replaces the other."""
    with pytest.raises(ConfigurationError, match="says itself what client_id"):
        providers.cognito(POOL, audience="orders", client_ids="shop", claim_in={"client_id": ["other"]})
    assert providers.cognito(POOL, audience="orders", claim_in={"client_id": ["other"]})
    with pytest.raises(ConfigurationError, match="names"):
        providers.cognito(POOL, audience="orders", client_ids="shop", claim_in=7)


def test_a_missing_audience_is_explained():
    """A token without `aud` says how Cognito comes to name one, and what to do if it does not."""
    idp = SimulatedProvider("cognito")
    refused = refusal(idp.validator().authenticate, idp.token(audience=()))
    assert refused.reason is Reason.MISSING_CLAIM
    assert "client_ids=" in (refused.hint or "")
    assert refusal(idp.validator().authenticate, idp.token(audience="billing")).hint is None


def test_every_audience_can_be_accepted_aloud():
    """With the audience waived, bound and unbound tokens pass alike."""
    idp = SimulatedProvider("cognito")
    validator = idp.validator(audience=ANY_AUDIENCE)
    assert {reason(validator.authenticate, idp.token(audience=name)) for name in ((), "a", "b")} == {"GOOD"}


def test_id_tokens_are_explained():
    """An ID token is called one whatever it is refused for."""
    idp, validator = pool_of(client_ids="web-shop")
    for name in idp.look_alikes[:2]:
        refused = refusal(validator.authenticate, idp.look_alike(name))
        assert "It is an ID token" in (refused.hint or ""), name


@pytest.mark.parametrize("use", ["id", "refresh", "ACCESS ", "", 7, ["access"]])
def test_only_access_tokens_pass(use):
    """A token is used for what it says it is for, and for nothing else."""
    idp = SimulatedProvider("cognito")
    assert reason(idp.validator().authenticate, idp.token(claims={"token_use": use})) == "WRONG_TOKEN_KIND"


def test_groups_are_those_of_the_pool():
    """The groups of a user can be demanded, and scopes keep their resource server."""
    idp = SimulatedProvider("cognito")
    validator = idp.validator(any_group="cooks")
    read = validator.authenticate(idp.token(roles={"cooks"}, scopes={"menu/read", "openid"}))
    assert (read.groups, read.scopes) == ({"cooks"}, {"menu/read", "openid"})
    assert reason(validator.authenticate, idp.token()) == "MISSING_ROLE"


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"sub": "shop", "client_id": "shop"}, True),
        ({"sub": "shop", "client_id": "shop", "username": "shop"}, False),
        ({"sub": "7a", "client_id": "shop"}, None),
        ({"sub": None}, None),
        ({}, None),
    ],
)
def test_applications_are_told_from_users(claims, found):
    """A client's own token names no user, and its client is its subject."""
    assert PROFILE.is_application(claims) is found


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, ["id"]])
def test_hostile_claims_are_explained_or_not(odd):
    """Claims of any type get a hint or none, and never an error."""
    claims = dict.fromkeys(("token_use", "aud", "sub", "client_id"), odd)
    assert PROFILE.explain(Refused(Reason.EXPIRED, claim="exp"), claims) is None


def test_the_other_issuer_of_a_pool_is_explained():
    """A pool has one of two issuers: a token of the other is refused with that hint, and accepted when it is named."""
    idp = SimulatedProvider("cognito")
    updated = idp.token(claims={"iss": UPDATED})
    refused = refusal(idp.validator().authenticate, updated)
    assert refused.reason is Reason.UNKNOWN_ISSUER
    assert "issuer-cognito-idp" in (refused.hint or "")
    other = idp.token(claims={"iss": UPDATED[:-1]})
    assert refusal(idp.validator().authenticate, other).hint is None


def test_the_updated_issuer_of_a_pool_is_accepted():
    """A pool with an updated issuer is configured by it, and has its document and its keys there."""
    keys = UPDATED + "/.well-known/jwks.json"
    answers = {UPDATED + WELL_KNOWN: {"issuer": UPDATED, "jwks_uri": keys}, keys: jwks("RSA")}
    manager = providers.cognito(POOL, issuer=UPDATED, client_ids="shop")
    registry = KeyManagerRegistry([manager], transport=FakeTransport(answers), clock=SetClock())
    claims = good_claims(iss=UPDATED, aud=ABSENT, token_use="access")
    bearer = token(claims, good_header("RS256", typ=ABSENT), "RS256")
    assert TokenValidator(registry).authenticate(bearer).issuer == UPDATED


def test_it_serves_over_http():
    """A simulated pool over real HTTP serves bound and unbound tokens."""
    with SimulatedProvider("cognito", http=True) as idp:
        assert reason(idp.validator().authenticate, idp.token()) == "GOOD"
        unbound = idp.validator(audience=(), client_ids="web-shop")
        assert reason(unbound.authenticate, idp.token(audience=())) == "GOOD"
