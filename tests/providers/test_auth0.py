"""Auth0: both token profiles are accepted, and the slash, the audience and the algorithm are explained."""

import pytest

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, KeyManagerRegistry, StaticKeys, TokenValidator, providers
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.providers._auth0 import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import NOW, SetClock, good_header, jwks, reason, refusal, token
from tests.vectors.support import load

DOMAIN = "my-domain.auth0.com"
ISSUER = f"https://{DOMAIN}/"
API = "https://example.com/health-api"
WELL_KNOWN = ".well-known/openid-configuration"
PROFILES = [("auth0", "JWT"), ("rfc9068", "at+jwt")]


def sample_token(profile, typ, **claims):
    """Return the sample token of a profile, signed with a key of the tests and valid now."""
    said = load(f"samples/auth0/access-token-{profile}-profile.claims.json")
    return token({**said, "iat": NOW - 10, "exp": NOW + 990, **claims}, good_header("RS256", typ=typ), "RS256")


def validator(**changes):
    """Return a validator for the domain of the samples, with the keys of the tests."""
    arguments = {"audience": API, "keys": StaticKeys.from_jwks(jwks("RSA")), **changes}
    return TokenValidator(KeyManagerRegistry([providers.auth0(DOMAIN, **arguments)], clock=SetClock()))


@pytest.mark.parametrize(
    "domain",
    [
        "https://my-domain.auth0.com/",
        "my-domain.auth0.com/",
        "My-Domain.auth0.com",
        "my-domain",
        "my domain.auth0.com",
        "al@my-domain.auth0.com",
        "my..auth0.com",
        "-my.auth0.com",
        "my-domain.auth0.com:443",
        "my-domain.auth0.com\n",
        "169.254.169.254",
        "a." * 130 + "com",
        "",
        7,
    ],
)
def test_a_domain_is_a_plain_host(domain):
    """What is no host in lower case is refused, and never built into a URL."""
    with pytest.raises(ConfigurationError, match="a host in lower case"):
        providers.auth0(domain, audience=API)


@pytest.mark.parametrize(
    "issuer",
    ["https://my-domain.auth0.com", "https://login.acme.com", ISSUER + "oauth2/", ISSUER + "?x", "my-domain.auth0.com"],
)
def test_an_issuer_has_its_slash_and_nothing_more(issuer):
    """An issuer without the slash, or with a path, is an error that says so, on custom domains too."""
    with pytest.raises(ConfigurationError, match="with the slash"):
        providers.auth0(issuer=issuer, audience=API)


def test_it_is_named_in_one_way():
    """A domain and an issuer together, or neither of them, are an error."""
    with pytest.raises(ConfigurationError, match="not by both"):
        providers.auth0(DOMAIN, issuer=ISSUER, audience=API)
    with pytest.raises(ConfigurationError, match="issuer="):
        providers.auth0(audience=API)
    with pytest.raises(ConfigurationError, match="no issuer follows"):
        providers.auth0(discovery_url="https://internal.example/auth0.json", audience=API)


@pytest.mark.parametrize(
    ("arguments", "issuer"),
    [
        ({"domain": DOMAIN}, ISSUER),
        ({"domain": "login.acme.com"}, "https://login.acme.com/"),
        ({"issuer": ISSUER}, ISSUER),
        ({"issuer": ISSUER + WELL_KNOWN}, ISSUER),
        ({"discovery_url": ISSUER + WELL_KNOWN}, ISSUER),
        ({"discovery_url": ISSUER + ".well-known/oauth-authorization-server"}, ISSUER),
        ({"domain": DOMAIN, "discovery_url": "https://internal.example/auth0.json"}, ISSUER),
    ],
)
def test_the_slash_is_added_where_it_follows(arguments, issuer):
    """By domain and by well-known URL the issuer gets its slash."""
    assert providers.auth0(**arguments, audience=API).issuer == issuer


@pytest.mark.parametrize(
    "audience", [ISSUER + "userinfo", [API, ISSUER + "userinfo"], "https://a.eu.auth0.com/userinfo"]
)
def test_userinfo_is_no_audience(audience):
    """Who configures /userinfo would accept everybody who signs in anywhere, and is told so."""
    with pytest.raises(ConfigurationError, match="no audience of an API"):
        providers.auth0(DOMAIN, audience=audience)


@pytest.mark.parametrize("audience", [ANY_AUDIENCE, ClientIdInstead("shop"), iter([API]), (API, "b")])
def test_other_audiences_are_taken_as_they_are(audience):
    """A waiver stays one, and names are read once."""
    assert providers.auth0(DOMAIN, audience=audience).audience


@pytest.mark.parametrize(("profile", "typ"), PROFILES)
def test_the_sample_tokens_are_accepted(profile, typ):
    """The sample token of each profile is accepted, and its client, scopes and audiences are read."""
    read = validator().authenticate(sample_token(profile, typ, permissions=["read:patients"], org_id="org_9"))
    assert (read.key_manager, read.issuer, read.consumer_key) == ("Auth0", ISSUER, "my_client_id")
    assert (read.scopes, read.permissions) == ({"openid", "profile", "read:patients", "read:admin"}, {"read:patients"})
    assert (read.tenant, read.is_application, read.audience) == ("org_9", False, (API, ISSUER + "userinfo"))


@pytest.mark.parametrize(("profile", "typ"), PROFILES)
def test_a_token_without_a_client_is_an_id_token(profile, typ):
    """A token that names no client is refused in either profile, also where one like it was accepted before."""
    known = validator()
    bare = sample_token(profile, typ, azp="x", client_id="x")
    assert reason(known.authenticate, bare) == "GOOD"
    said = load(f"samples/auth0/access-token-{profile}-profile.claims.json")
    said = {name: value for name, value in said.items() if name not in {"azp", "client_id"}}
    bare = token({**said, "iat": NOW, "exp": NOW + 60}, good_header("RS256", typ=typ), "RS256")
    refused = refusal(known.authenticate, bare)
    assert refused.reason is Reason.WRONG_TOKEN_KIND
    assert "looks like an ID token" in (refused.hint or "")


def test_a_token_for_userinfo_alone_is_refused_before_its_key_is_looked_for():
    """A token that is only for /userinfo costs no fetch, and says that an audience must be asked for."""
    transport = FakeTransport()
    registry = KeyManagerRegistry([providers.auth0(DOMAIN, audience=API)], transport=transport, clock=SetClock())
    for audience in (ISSUER + "userinfo", [ISSUER + "userinfo"]):
        refused = refusal(TokenValidator(registry).authenticate, sample_token("auth0", "JWT", aud=audience))
        assert refused.reason is Reason.WRONG_AUDIENCE
        assert "parameter `audience`" in (refused.hint or "")
    assert transport.requests == []


def test_the_management_api_and_other_audiences_are_explained():
    """Tokens for another API say which one it was, or where the identifier is."""
    idp = SimulatedProvider("auth0")
    refused = refusal(idp.validator().authenticate, idp.look_alike("token for the Management API"))
    assert "Management API" in (refused.hint or "")
    for audience in ("https://orders/", None):
        refused = refusal(idp.validator().authenticate, idp.token(claims={"aud": audience}))
        assert "identifier of the API" in (refused.hint or "")
    late = refusal(idp.validator().authenticate, idp.token(expires_in_s=-300))
    assert (late.reason, late.hint) == (Reason.EXPIRED, None)


def test_apis_that_sign_with_a_secret_are_explained():
    """A token signed with HS256 is refused with the way to RS256; one without signature gets no such advice."""
    idp = SimulatedProvider("auth0")
    refused = refusal(idp.validator().authenticate, idp.token(header={"alg": "HS256"}, key=b"secret" * 8))
    assert refused.reason is Reason.ALGORITHM_NOT_ALLOWED
    assert "RS256 in Auth0" in (refused.hint or "")
    refused = refusal(idp.validator().authenticate, idp.token(header={"alg": "none"}, key=b""))
    assert refused.hint is None


def test_tokens_of_no_audience_are_explained():
    """Opaque and encrypted tokens come where no audience was asked for, and both say so."""
    known = validator()
    refused = refusal(known.authenticate, "Yq2mGh3sTb0vQpZcW8kX_eRr1aLd")
    assert refused.reason is Reason.OPAQUE_TOKEN
    assert "ask for no `audience`" in (refused.hint or "")
    refused = refusal(known.authenticate, "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.Y2lwaGVy.dGFn")
    assert refused.reason is Reason.UNSUPPORTED_TOKEN
    assert "no audience" in (refused.hint or "")


def test_other_domains_of_the_tenant_are_explained_and_can_be_listed():
    """A custom domain is an issuer of its own: its tokens are refused with that hint, or accepted when it is listed."""
    idp = SimulatedProvider("auth0")
    custom = idp.token(claims={"iss": "https://login.acme.com/"})
    refused = refusal(idp.validator().authenticate, custom)
    assert refused.reason is Reason.UNKNOWN_ISSUER
    assert "extra_issuers=" in (refused.hint or "")
    assert reason(idp.validator(extra_issuers="https://login.acme.com/").authenticate, custom) == "GOOD"
    elsewhere = idp.token(claims={"iss": "https://login.acme.com/realms/a"})
    assert refusal(idp.validator().authenticate, elsewhere).hint is None


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"gty": "client-credentials", "sub": "shop@clients"}, True),
        ({"gty": "client-credentials", "sub": "agent_1"}, True),
        ({"sub": "shop@clients"}, True),
        ({"sub": "auth0|al"}, False),
        ({"sub": "my-db|mallory@clients"}, False),
        ({"sub": "agent_1"}, None),
        ({"gty": "password", "sub": "agent_1"}, None),
        ({"gty": ["client-credentials"], "sub": 7}, None),
        ({}, None),
    ],
)
def test_applications_are_told_from_users(claims, found):
    """A client is told by its grant or its subject, a user by a connection, and an agent not at all."""
    assert PROFILE.is_application(claims) is found


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, ["x"]])
def test_hostile_claims_are_explained_or_not(odd):
    """Claims of any type get a hint or none, and never an error."""
    claims = dict.fromkeys(("iss", "sub", "gty", "aud", "azp"), odd)
    assert PROFILE.explain(Refused(Reason.EXPIRED, claim="exp"), claims) is None
    assert PROFILE.is_application(claims) is None


def test_what_auth0_signs_with_is_accepted():
    """Tokens signed with each of Auth0's RSA algorithms pass, and no other ones."""
    idp = SimulatedProvider("auth0", algorithms=("PS256",))
    assert reason(idp.validator().authenticate, idp.token()) == "GOOD"
    idp = SimulatedProvider("auth0", algorithms=("ES256",))
    assert reason(idp.validator().authenticate, idp.token()) == "ALGORITHM_NOT_ALLOWED"


def test_simulated_users_may_ask_for_their_own_data_too():
    """With the scope `openid` a user's token is for /userinfo as well, and keeps a subject that has a connection."""
    idp = SimulatedProvider("auth0")
    read = idp.validator().authenticate(idp.token(scopes={"openid"}, subject="google-oauth2|7", roles={"read:menu"}))
    assert read.audience == ("orders", idp.issuer + "userinfo")
    assert (read.subject, read.permissions, read.is_application) == ("google-oauth2|7", {"read:menu"}, False)


def test_it_serves_over_http():
    """A simulated tenant over real HTTP serves both profiles."""
    with SimulatedProvider("auth0", http=True) as idp:
        for version in idp.kind.versions:
            assert idp.validator().authenticate(idp.token(version=version)).issuer == idp.base + "/"
        assert reason(idp.validator().authenticate, idp.look_alike("ID token")) == "WRONG_TOKEN_KIND"
