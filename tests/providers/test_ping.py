"""PingFederate, whose tokens are what a contract makes them, and PingOne, whose issuers follow from an id."""

import pytest

from kmvalidate import (
    ClientIdInstead,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    RemoteKeys,
    StaticKeys,
    TokenKinds,
    TokenValidator,
    providers,
)
from kmvalidate.errors import ConfigurationError
from kmvalidate.providers._ping_federate import PROFILE as PING_FEDERATE
from kmvalidate.providers._ping_one import PROFILE as PING_ONE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import NOW, SetClock, jwks, reason, refusal, token
from tests.vectors.support import load

SAMPLE = load("samples/ping/discovery-pingfederate-interop.json")
BASE = SAMPLE["issuer"]
ENVIRONMENT = "5a473c78-29c6-4ce3-ac6a-d41dd13e4fe8"
PING_ONE_ISSUER = f"https://auth.pingone.eu/{ENVIRONMENT}/as"


def of_base(**changes):
    """Return a token of the PingFederate of the samples, signed with a key of the tests."""
    claims = {"iss": BASE, "aud": "orders", "client_id": "shop", "scope": "menu:read", "exp": NOW + 60, "sub": "al"}
    return token({**claims, **changes}, {"alg": "RS256", "kid": "RSA"}, "RS256")


def at_base(answers, **options):
    """Return a validator for it over scripted answers."""
    manager = providers.ping_federate(BASE, audience="orders", **options)
    return TokenValidator(KeyManagerRegistry([manager], transport=FakeTransport(answers), clock=SetClock()))


def test_each_access_token_manager_may_have_keys_of_its_own():
    """Keys are fetched from where they are said to be, and a manager's tokens pass with no others."""
    place = f"{BASE}/ext/oauth/jwks"
    validator = at_base({place: jwks("RSA"), f"{BASE}/pf/JWKS": jwks("P-256")}, jwks_url=place)
    assert validator.authenticate(of_base()).key_manager == "PingFederate"
    others = at_base({place: jwks("RSA"), f"{BASE}/pf/JWKS": jwks("P-256")}, jwks_url=f"{BASE}/pf/JWKS")
    assert reason(others.authenticate, of_base()) == "UNKNOWN_KEY"


def test_the_sample_document_tells_no_keys():
    """An old PingFederate names no keys in its document: an outage, until it is said where they are."""
    well_known = f"{BASE}/.well-known/openid-configuration"
    keys = load("samples/ping/jwks-pingfederate-interop.json")
    answers = {well_known: SAMPLE, f"{BASE}/pf/JWKS": {"keys": [*keys["keys"], *jwks("RSA")["keys"]]}}
    with pytest.raises(KeyManagerUnavailable, match="jwks_uri"):
        at_base(answers).authenticate(of_base())
    assert at_base(answers, jwks_url=f"{BASE}/pf/JWKS").authenticate(of_base()).consumer_key == "shop"
    known = at_base(answers, jwks_url=f"{BASE}/pf/JWKS")
    forged = token({"iss": BASE}, {"alg": "RS256", "kid": "20am7"}, "RS256")
    assert reason(known.authenticate, forged) == "BAD_SIGNATURE"


def test_the_document_may_lie_elsewhere():
    """A document at an internal address is the place of the keys, and a well-known URL may stand for the issuer."""
    inside = "https://pf.internal:9031/.well-known/openid-configuration"
    assert providers.ping_federate(BASE, audience="a", discovery_url=inside).keys == RemoteKeys(discovery_url=inside)
    found = providers.ping_federate(f"{BASE}/.well-known/openid-configuration", audience="a")
    assert found.issuer == BASE
    with pytest.raises(ConfigurationError, match="issuer="):
        providers.ping_federate(audience="a", jwks_url=f"{BASE}/pf/JWKS")


def test_an_opaque_issuer_needs_the_place_of_its_keys():
    """The issuer that a contract names may be any string, if it is said where the keys are."""
    place = f"{BASE}/ext/oauth/jwks"
    assert providers.ping_federate("partners", audience="a", jwks_url=place).issuer == "partners"
    with pytest.raises(ConfigurationError, match="jwks_url"):
        providers.ping_federate("partners", audience="a")


def test_the_contract_names_client_and_scopes():
    """Client and scopes are read from the claims that a contract names, which also tell access tokens then."""
    idp = SimulatedProvider("ping_federate")
    validator = idp.validator(consumer_key_claims="azp", scope_claims="rights")
    read = validator.authenticate(idp.token(claims={"azp": "shop", "rights": ["menu:read"]}))
    assert (read.consumer_key, read.scopes) == ("shop", {"menu:read"})
    assert reason(validator.authenticate, idp.token(claims={"azp": "shop"})) == "WRONG_TOKEN_KIND"
    lenient = idp.validator(token_kinds=TokenKinds())
    assert reason(lenient.authenticate, idp.token(claims={"client_id": None, "scope": None})) == "GOOD"


def test_a_header_of_rfc_9068_tells_the_kind():
    """A contract with the header type of access tokens needs no other sign."""
    idp = SimulatedProvider("ping_federate")
    bare = {"client_id": None, "scope": None}
    assert idp.validator().authenticate(idp.token(header={"typ": "at+jwt"}, claims=bare)).consumer_key is None
    refused = refusal(idp.validator().authenticate, idp.token(claims=bare))
    assert (refused.reason.name, "consumer_key_claims=" in refused.hint) == ("WRONG_TOKEN_KIND", True)


@pytest.mark.parametrize(
    ("claims", "application"),
    [
        ({}, True),
        ({"sub": "web-shop"}, True),
        ({"Username": "web-shop", "sub": "web-shop"}, True),
        ({"Username": "al", "sub": "web-shop"}, False),
        ({"sub": "al"}, False),
        ({"sub": ["web-shop"]}, False),
        ({"department": "x"}, None),
    ],
)
def test_an_application_of_ping_federate_has_no_user(claims, application):
    """Without a user a token is a client's own; a claim of a name that nobody knows leaves it open."""
    usual = {"iss": BASE, "aud": "orders", "exp": 1, "client_id": "web-shop", "scope": ""}
    assert PING_FEDERATE.is_application({**usual, **claims}) is application


@pytest.mark.parametrize(
    ("claims", "found", "hint"),
    [
        ({"aud": None}, "MISSING_CLAIM", "Audience Claim Value"),
        ({"aud": "other"}, "WRONG_AUDIENCE", None),
        ({"iss": "https://sso.example:9031/partners"}, "UNKNOWN_ISSUER", "may have its own"),
        ({"iss": "https://other.example:9031"}, "UNKNOWN_ISSUER", None),
        ({"iss": "partners"}, "UNKNOWN_ISSUER", None),
    ],
)
def test_ping_federate_says_what_is_wrong(claims, found, hint):
    """Who stumbles over a contract is told what to look for."""
    idp = SimulatedProvider("ping_federate")
    refused = refusal(idp.validator().authenticate, idp.token(claims=claims))
    assert refused.reason.name == found
    assert hint in refused.hint if hint else refused.hint is None


def test_reference_tokens_are_explained():
    """An opaque token gets the hint that PingFederate issues them where it is told to."""
    validator = SimulatedProvider("ping_federate").validator()
    assert "reference tokens" in refusal(validator.authenticate, "rTZ5oVHRbL0Cq1v").hint


@pytest.mark.parametrize("kind", ["ping_federate", "ping_one"])
def test_ping_over_http(kind):
    """Both are found over real HTTP: document, keys, tokens of each version, and their look-alikes are refused."""
    with SimulatedProvider(kind, http=True) as idp:
        validator = idp.validator()
        for version in idp.kind.versions:
            assert validator.authenticate(idp.token(version=version)).consumer_key == "web-shop"
        assert set(idp.hits.values()) == {1}
        for name, look_alike in idp.kind.look_alikes.items():
            assert reason(validator.authenticate, idp.look_alike(name)) == look_alike.reason.name, name


@pytest.mark.parametrize(
    ("arguments", "issuer"),
    [
        ({"environment": ENVIRONMENT}, f"https://auth.pingone.com/{ENVIRONMENT}/as"),
        ({"environment": ENVIRONMENT, "region": "com.au"}, f"https://auth.pingone.com.au/{ENVIRONMENT}/as"),
        ({"environment": ENVIRONMENT, "region": "sg", "discovery_url": "https://in.example/x"}, None),
        ({"issuer": "https://login.acme.example/as"}, "https://login.acme.example/as"),
        ({"issuer": f"{PING_ONE_ISSUER}/.well-known/openid-configuration"}, PING_ONE_ISSUER),
        ({"discovery_url": f"{PING_ONE_ISSUER}/.well-known/openid-configuration"}, PING_ONE_ISSUER),
    ],
)
def test_the_issuer_of_ping_one_follows(arguments, issuer):
    """Environment and region make the issuer, and a custom domain is an issuer."""
    manager = providers.ping_one(audience="orders", **arguments)
    assert manager.issuer == (issuer or f"https://auth.pingone.sg/{ENVIRONMENT}/as")
    assert (manager.name, manager.algorithms) == ("PingOne", ("RS256",))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "issuer="),
        *(({"environment": wrong}, "UUID") for wrong in (ENVIRONMENT.upper(), "", "acme", f"../{ENVIRONMENT}", 5)),
        *(({"environment": ENVIRONMENT + end}, "UUID") for end in ("\n", "/", "/as", "@evil.example")),
        *(
            ({"environment": ENVIRONMENT, "region": wrong}, "one of com, ca")
            for wrong in ("", "EU", "evil.example", "eu/x", 5)
        ),
        ({"issuer": PING_ONE_ISSUER, "region": "eu"}, "goes with environment="),
        ({"issuer": PING_ONE_ISSUER, "environment": ENVIRONMENT}, "not by both"),
        *(({"issuer": PING_ONE_ISSUER + end}, "/as, without") for end in ("/", "/token", "x")),
    ],
)
def test_ping_one_refuses_what_cannot_be_right(arguments, said):
    """Nothing but an id in lower case and a region there is becomes part of a URL."""
    with pytest.raises(ConfigurationError, match=said):
        providers.ping_one(audience="orders", **arguments)


def test_ping_one_tells_more_than_the_token_needs():
    """The environment is the tenant, the organization where there is none, and nothing where neither is told."""
    idp = SimulatedProvider("ping_one")
    validator = idp.validator()
    assert validator.authenticate(idp.token()).tenant == ENVIRONMENT
    assert validator.authenticate(idp.token(claims={"env": None})).tenant == "d3c9d2ae-5ad1-4ac2-a4b6-9d6a9a3b4ad9"
    assert validator.authenticate(idp.token(claims={"env": None, "org": None})).tenant is None


@pytest.mark.parametrize(
    ("claims", "application"),
    [
        ({"client_id": "a", "sub": "a"}, True),
        ({"client_id": "a"}, True),
        ({}, None),
        ({"client_id": "a", "sub": "b"}, False),
        ({"client_id": "a", "sub": "a", "sid": "s"}, False),
        ({"client_id": "a", "sub": {}}, False),
    ],
)
def test_an_application_of_ping_one_is_its_own_subject(claims, application):
    """A client's own token has no session and no other subject than the client."""
    assert PING_ONE.is_application(claims) is application


@pytest.mark.parametrize(
    ("claims", "found", "hint"),
    [
        ({"iss": f"https://auth.pingone.com/{ENVIRONMENT}/as"}, "UNKNOWN_ISSUER", "region's or a custom one"),
        ({"iss": f"https://auth.pingone.com/{ENVIRONMENT[:-1]}0/as"}, "UNKNOWN_ISSUER", None),
        ({"aud": ["https://api.pingone.eu"]}, "WRONG_AUDIENCE", "custom resource"),
        ({"aud": ["other"]}, "WRONG_AUDIENCE", None),
        ({"client_id": None}, "WRONG_TOKEN_KIND", "no ID token"),
    ],
)
def test_ping_one_says_what_is_wrong(claims, found, hint):
    """The wrong region, the platform's own API and ID tokens are named in the hint."""
    idp = SimulatedProvider("ping_one")
    refused = refusal(idp.validator().authenticate, idp.token(version="no typ", claims=claims))
    assert refused.reason.name == found
    assert hint in refused.hint if hint else refused.hint is None


def test_keys_and_waivers_are_the_users_own():
    """Keys can be brought along, and the client id can count in place of an audience that a contract leaves out."""
    keys = StaticKeys.from_jwks(jwks("RSA"))
    manager = providers.ping_federate(BASE, audience=ClientIdInstead("shop"), keys=keys)
    validator = TokenValidator(KeyManagerRegistry([manager], clock=SetClock()))
    claims = {"iss": BASE, "client_id": "shop", "exp": NOW + 60}
    assert validator.authenticate(token(claims, {"alg": "RS256", "kid": "RSA"}, "RS256")).audience == ()
    assert manager == providers.ping_federate(BASE, audience=ClientIdInstead("shop"), keys=keys)
