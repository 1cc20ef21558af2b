"""Asgardeo: its issuers, its claims, the tokens it must not be fooled by, and what it says of mistakes."""

import pytest

from kmvalidate import ClientIdInstead, ConfigurationError, KeyManagerRegistry, Network, Reason, TokenValidator
from kmvalidate.providers import asgardeo
from kmvalidate.providers._asgardeo import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import (
    ABSENT,
    AUDIENCE,
    SetClock,
    good_claims,
    good_header,
    private_key,
    public_jwk,
    reason,
    refusal,
    token,
)
from tests.vectors import support

ISSUER = "https://api.asgardeo.io/t/acme/oauth2/token"
CHILD = "12d1c4d2-2bb1-443b-aa4a-68f98a40d7c6"
KID = "OWJmNzgyNTNhMGNiMzE1NGQ3"
SAMPLES = "samples/asgardeo"
NO_HOSTS = (
    *("", "api.asgardeo.io", "http://api.asgardeo.io", "https://api.asgardeo.io/", "https://api.asgardeo.io/t"),
    *("https://api.asgardeo.io?a=b", "https://API.asgardeo.io", "https://me@api.asgardeo.io", 5),
)


def dual_keys():
    """Return a key set as WSO2 publishes it: one RSA key under a key id for each algorithm."""
    return {"keys": [public_jwk("RSA", kid=f"{KID}_{alg}", alg=alg) for alg in ("RS256", "PS256")]}


def published(issuer=ISSUER):
    home = issuer.removesuffix("/oauth2/token")
    document = {"issuer": issuer, "jwks_uri": f"{home}/oauth2/jwks"}
    return {f"{issuer}/.well-known/openid-configuration": document, f"{home}/oauth2/jwks": dual_keys()}


def validator(manager=None, answers=None):
    manager = manager or asgardeo("acme", audience=AUDIENCE)
    transport = FakeTransport(published() if answers is None else answers)
    return TokenValidator(KeyManagerRegistry([manager], transport=transport, clock=SetClock()))


def signed(alg="RS256", header=None, **claims):
    """Return a good token of Asgardeo, but for these header parameters and claims."""
    said = {"iss": ISSUER, "azp": "shop", "aut": "APPLICATION_USER", **claims}
    return token(good_claims(**said), good_header(alg, **{"kid": f"{KID}_{alg}", **(header or {})}), alg)


@pytest.mark.parametrize(
    ("given", "issuer", "keys"),
    [
        ({"org": "acme"}, ISSUER, None),
        ({"org": "acme.com"}, "https://api.asgardeo.io/t/acme.com/oauth2/token", None),
        ({"org": "acme", "sub_organization": CHILD}, f"https://api.asgardeo.io/t/acme/o/{CHILD}/oauth2/token", None),
        ({"org": "acme", "base_url": "https://id.acme.example"}, "https://id.acme.example/t/acme/oauth2/token", None),
        ({"issuer": ISSUER}, ISSUER, None),
        ({"org": "acme", "issuer": ISSUER}, ISSUER, None),
        ({"discovery_url": f"{ISSUER}/.well-known/openid-configuration"}, ISSUER, None),
        ({"issuer": "https://api.asgardeo.io/t/acme"}, "https://api.asgardeo.io/t/acme", "/t/acme/oauth2/jwks"),
        (
            {"org": "acme", "issuer": "https://mtls.asgardeo.io/t/acme/oauth2/token"},
            "https://mtls.asgardeo.io/t/acme/oauth2/token",
            "/t/acme/oauth2/jwks",
        ),
        ({"org": "acme", "issuer": "acme-entity"}, "acme-entity", "/t/acme/oauth2/jwks"),
        ({"org": "acme", "sub_organization": CHILD, "issuer": "x"}, "x", f"/t/acme/o/{CHILD}/oauth2/jwks"),
    ],
)
def test_an_issuer_follows_from_few_facts(given, issuer, keys):
    """Each form of issuer is built, and those without a document of their own get the keys of their organization."""
    manager = asgardeo(**given, audience=AUDIENCE)
    assert (manager.name, manager.issuer) == ("Asgardeo", issuer)
    assert manager.keys.jwks_url == (keys and f"https://api.asgardeo.io{keys}")


@pytest.mark.parametrize(
    "given",
    [
        {},
        *({"org": org} for org in ("", "Acme", "a/b", "a b", "..", "a..b", ".a", "a.", "me@acme", "a\n", "a?x", 5)),
        *(
            {"org": "acme", "sub_organization": child}
            for child in ("", "branch", CHILD.upper(), CHILD[1:], f"{CHILD}/", 5)
        ),
        *({"org": "acme", "base_url": url} for url in NO_HOSTS),
        {"sub_organization": CHILD},
        {"issuer": ISSUER, "sub_organization": CHILD},
        {"issuer": ISSUER, "base_url": "https://id.acme.example"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": "https://api.asgardeo.io/t/acme/oauth2"},
        {"issuer": "https://api.asgardeo.io/t/acme/oauth2/jwks"},
        {"issuer": "acme-entity"},
        {"org": "acme", "issuer": ""},
        {"discovery_url": "https://api.asgardeo.io/t/acme"},
    ],
)
def test_malformed_arguments_are_refused(given):
    """Nothing that is no organization, id, host or issuer becomes part of a URL."""
    with pytest.raises(ConfigurationError):
        asgardeo(**given, audience=AUDIENCE)


def test_the_sample_of_the_developer_portal_says_the_same():
    """Issuer and key set of a key manager as WSO2's own portal stores it are those that are built."""
    sample = support.load(f"{SAMPLES}/apim-keymanager-registration.json")
    assert asgardeo("myorg", audience=AUDIENCE).issuer == sample["issuer"]
    assert asgardeo("myorg", audience=AUDIENCE, issuer="fapi").keys.jwks_url == sample["jwksURL"]


def test_the_sample_document_leads_to_the_keys():
    """A token is accepted by way of the published sample of a discovery document."""
    sample = support.load(f"{SAMPLES}/discovery-docs-partial.json")
    issuer = sample["issuer"]
    answers = {f"{issuer}/.well-known/openid-configuration": sample, sample["jwks_uri"]: dual_keys()}
    checks = validator(asgardeo("bifrost", audience=AUDIENCE), answers)
    assert checks.authenticate(signed(iss=issuer)).issuer == issuer


def test_fapi_applications_are_verified_with_the_keys_of_their_organization():
    """The issuer without /oauth2/token needs no document, and is not the usual issuer."""
    fapi = "https://api.asgardeo.io/t/acme"
    keys = {f"{fapi}/oauth2/jwks": dual_keys()}
    checks = validator(asgardeo(issuer=fapi, audience=AUDIENCE), keys)
    assert checks.authenticate(signed("PS256", iss=fapi)).issuer == fapi
    assert "Another issuer of that organization" in str(refusal(checks.authenticate, signed()))


def test_a_document_goes_before_the_keys_of_an_organization():
    """Where a document is named for an unusual issuer, its keys count."""
    where = f"{ISSUER}/.well-known/openid-configuration"
    for given in ({"org": "acme"}, {}):
        manager = asgardeo(**given, issuer="https://api.asgardeo.io/t/acme", discovery_url=where, audience=AUDIENCE)
        assert (manager.keys.jwks_url, manager.keys.discovery_url) == (None, where)


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_a_key_id_stands_for_one_algorithm(alg):
    """One RSA key has a key id for each algorithm, and under that key id serves no other."""
    checks = validator()
    assert checks.authenticate(signed(alg)).key_id == f"{KID}_{alg}"
    for other in {"RS256", "PS256", "RS384", "RS512"} - {alg}:
        crossed = signed(other, header={"kid": f"{KID}_{alg}"})
        assert reason(checks.authenticate, crossed) == "UNSUITABLE_KEY", other


def test_it_signs_with_rsa_alone_unless_configured():
    """Algorithms that Asgardeo does not sign with are refused until they are named."""
    curve = token(good_claims(iss=ISSUER), good_header("ES256", kid="ec"), "ES256", private_key("P-256"))
    keys = {"keys": [public_jwk("P-256", kid="ec")]}
    answers = {**published(), "https://api.asgardeo.io/t/acme/oauth2/jwks": keys}
    assert reason(validator(answers=answers).authenticate, curve) == "ALGORITHM_NOT_ALLOWED"
    named = asgardeo("acme", audience=AUDIENCE, algorithms="ES256")
    assert reason(validator(named, answers).authenticate, curve) == "GOOD"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "rt+jwt", "logout+jwt", "", ABSENT])
def test_only_access_tokens_say_so_in_the_header(typ):
    """Every other header type is refused whatever the claims say, with a hint what it may be."""
    found = refusal(validator().authenticate, signed(header={"typ": typ}))
    assert found.reason is Reason.WRONG_TOKEN_KIND
    assert found.hint


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_the_media_type_may_be_written_out(typ):
    """The header type is accepted in each way in which RFC 9068 lets it be written."""
    assert reason(validator().authenticate, signed(header={"typ": typ})) == "GOOD"


@pytest.mark.parametrize(
    ("aut", "is_application"),
    [("APPLICATION", True), ("Application", True), ("APPLICATION_USER", False), ("AGENT", False), (ABSENT, None)],
)
def test_aut_says_whose_token_it_is(aut, is_application):
    """A client's own token is told from a user's and an agent's, and without `aut` nothing is claimed."""
    assert validator().authenticate(signed(aut=aut)).is_application is is_application


@pytest.mark.parametrize("aut", ["", "USER", "APPLICATION ", ["APPLICATION"], None, True, {"APPLICATION": 1}])
def test_no_other_aut_is_an_access_token(aut):
    """A value of `aut` that is none of the known ones is refused, of whatever type."""
    assert reason(validator().authenticate, signed(aut=aut)) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize(
    ("claims", "consumer_key"),
    [
        ({"client_id": "shop", "azp": "shop"}, "shop"),
        ({"client_id": "shop", "azp": "other"}, "shop"),
        ({"client_id": ABSENT, "azp": "older"}, "older"),
        ({"client_id": "newer", "azp": ABSENT}, "newer"),
        ({"client_id": ABSENT, "azp": ABSENT}, None),
    ],
)
def test_either_claim_names_the_client(claims, consumer_key):
    """The client id is read from `client_id`, and from `azp` where there is only that."""
    assert validator().authenticate(signed(**claims)).consumer_key == consumer_key


def test_names_are_read_in_both_forms():
    """Scopes, roles and groups are read from a string and from an array."""
    read = validator().authenticate(signed(scope=["a b", "c"], roles=["cook"], groups="Internal/everyone"))
    assert (read.scopes, read.roles, read.groups) == ({"a b", "c"}, {"cook"}, {"Internal/everyone"})


@pytest.mark.parametrize(
    ("claims", "tenant"),
    [
        ({"org_id": CHILD, "org_handle": "branch"}, CHILD),
        ({"org_handle": "branch", "org_name": "Branch"}, "branch"),
        ({"org_name": "Branch"}, None),
    ],
)
def test_the_tenant_is_the_organization(claims, tenant):
    """The organization of a token is named by its id or its handle, never by a name that is only shown."""
    assert validator().authenticate(signed(**claims)).tenant == tenant


@pytest.mark.parametrize("aud", ["shop", ["shop", "another"], ABSENT])
def test_a_missing_audience_is_explained(aud):
    """A token with the client id for its audience is refused, and it is said what to configure."""
    assert "audience=ClientIdInstead" in str(refusal(validator().authenticate, signed(aud=aud)))


def test_the_client_id_can_stand_for_the_audience():
    """Said aloud, the client id counts in place of the audience that an organization does not configure."""
    checks = validator(asgardeo("acme", audience=ClientIdInstead("shop")))
    assert reason(checks.authenticate, signed(aud="shop")) == "GOOD"
    assert reason(checks.authenticate, signed(aud=AUDIENCE, client_id="other")) == "WRONG_AUDIENCE"


def test_opaque_tokens_are_explained():
    """An opaque token is refused with what to change in Asgardeo."""
    found = refusal(validator().authenticate, "4f0c2b9d-6f1c-4a51-8f7f-6f5c8a3c0b7e")
    assert found.reason is Reason.OPAQUE_TOKEN
    assert "access token type is JWT" in str(found)


@pytest.mark.parametrize(
    ("issuer", "is_known"),
    [
        (f"https://api.asgardeo.io/t/acme/o/{CHILD}/oauth2/token", True),
        ("https://api.asgardeo.io/t/acme", True),
        ("https://mtls.asgardeo.io/t/acme/oauth2/token", True),
        ("https://api.asgardeo.io/t/acme2/oauth2/token", False),
        ("https://api.asgardeo.io/t/acme/oauth2/authorize", False),
        ("/t/acme", False),
        ("", False),
    ],
)
def test_other_issuers_of_the_organization_are_recognised(issuer, is_known):
    """A token of the same organization under another issuer is refused with a hint, a stranger's without."""
    found = refusal(validator().authenticate, signed(iss=issuer))
    assert found.reason is Reason.UNKNOWN_ISSUER
    assert bool(found.hint) is is_known


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("introspection-access-token", "GOOD"),
        ("introspection-suborg", "GOOD"),
        ("introspection-refresh-token", "WRONG_TOKEN_KIND"),
        ("introspection-inactive", "INACTIVE"),
    ],
)
def test_sample_answers_mean_what_they_say(answer, expected):
    """Of the sample answers only those about access tokens are good, although a refresh token is active."""
    assert reason(PROFILE.answers.check, support.load(f"{SAMPLES}/{answer}.json")) == expected


def test_what_is_published_of_its_endpoints_is_known():
    """Its limit of requests is known, and that its own faults look like a no."""
    assert (PROFILE.requests_per_minute, PROFILE.answers.errors_look_inactive) == (200, True)


@pytest.mark.parametrize("missing", ["client_id", "token_type"])
def test_answers_that_say_too_little_are_no_answers(missing):
    """An answer that names no client, no kind of token or no kind of user is not about an access token."""
    said = support.load(f"{SAMPLES}/introspection-access-token.json")
    del said[missing]
    assert refusal(PROFILE.answers.check, said).claim == missing


def test_it_works_over_http():
    """Discovery, keys and a verdict come from a real server."""
    with SimulatedProvider("asgardeo", http=True) as idp:
        checks = idp.validator(network=Network(insecure_http=True, private_addresses=True))
        assert checks.authenticate(idp.token()).tenant == "8763ba07-3e02-4b6b-8b04-9d5e4a6d1d3d"
        assert reason(checks.authenticate, idp.look_alike("ID token")) == "WRONG_TOKEN_KIND"
