"""WSO2 Identity Server and the key manager inside API Manager: issuers, both generations of tokens, look-alikes."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, Network, Reason, StaticKeys, TokenValidator
from kmvalidate.attributes import text_at
from kmvalidate.providers import asgardeo, wso2_is
from kmvalidate.providers._wso2_is import PROFILE
from kmvalidate.rules import RFC9068_ACCESS_TOKENS
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import ABSENT, AUDIENCE, NOW, SetClock, good_claims, good_header, public_jwk, reason, refusal, token
from tests.vectors import support

HOST = "https://is.example:9443"
ISSUER = f"{HOST}/oauth2/token"
SAMPLES = "samples/wso2is"


def published(issuer=ISSUER, **keys):
    keys = {"keys": [public_jwk("RSA", kid=kid, alg=alg) for kid, alg in (keys or {"is": "RS256"}).items()]}
    document = {"issuer": issuer, "jwks_uri": f"{HOST}/oauth2/jwks"}
    return {f"{issuer}/.well-known/openid-configuration": document, document["jwks_uri"]: keys}


def validator(*managers, answers=None):
    managers = managers or (wso2_is(HOST, audience=AUDIENCE),)
    transport = FakeTransport(answers or published())
    return TokenValidator(KeyManagerRegistry(managers, transport=transport, clock=SetClock()))


def signed(typ="JWT", alg="RS256", kid="is", **claims):
    """Return a token of an older server with these claims, or with another header type."""
    said = {"iss": ISSUER, "client_id": ABSENT, "azp": "shop", "aut": "APPLICATION_USER", **claims}
    return token(good_claims(**said), good_header(alg, kid=kid, typ=typ, x5t="ZDcyZWU5OTJj"), alg)


@pytest.mark.parametrize(
    ("given", "issuer"),
    [
        ({"issuer": HOST}, ISSUER),
        ({"issuer": HOST, "tenant": "acme.com"}, f"{HOST}/t/acme.com/oauth2/token"),
        ({"issuer": "https://is.example", "tenant": "acme"}, "https://is.example/t/acme/oauth2/token"),
        ({"issuer": ISSUER}, ISSUER),
        ({"issuer": f"{HOST}/t/acme.com/o/7e98b86f/oauth2/token"}, f"{HOST}/t/acme.com/o/7e98b86f/oauth2/token"),
        ({"issuer": f"{ISSUER}/.well-known/openid-configuration"}, ISSUER),
        ({"discovery_url": f"{ISSUER}/.well-known/openid-configuration"}, ISSUER),
        ({"discovery_url": f"{HOST}/oauth2/oidcdiscovery/.well-known/openid-configuration"}, ISSUER),
        (
            {"issuer": f"{HOST}/t/acme.com/oauth2/oidcdiscovery/.well-known/openid-configuration"},
            f"{HOST}/t/acme.com/oauth2/token",
        ),
        ({"issuer": "localhost", "discovery_url": f"{ISSUER}/.well-known/openid-configuration"}, "localhost"),
        (
            {"issuer": HOST, "discovery_url": "https://10.0.0.7:9443/oauth2/token/.well-known/openid-configuration"},
            ISSUER,
        ),
    ],
)
def test_an_issuer_follows_from_few_facts(given, issuer):
    """A host and a tenant, an issuer, or the URL of either discovery document is enough."""
    manager = wso2_is(**given, audience=AUDIENCE)
    assert (manager.name, manager.issuer) == ("WSO2 IS", issuer)


@pytest.mark.parametrize(
    "given",
    [
        {},
        *(
            {"issuer": HOST, "tenant": tenant}
            for tenant in ("", "Acme", "a/b", "..", "a..b", "a b", "me@acme.com", "acme.com\n", "carbon.super", 5)
        ),
        *(
            {"issuer": HOST + path}
            for path in (
                "/",
                "/oauth2",
                "/oauth2/",
                "/oauth2/token/",
                "/oauth2/jwks",
                "/oauth2/oidcdiscovery",
                "/carbon",
            )
        ),
        {"issuer": ISSUER, "tenant": "acme.com"},
        {"tenant": "acme.com"},
        {"discovery_url": f"{ISSUER}/.well-known/openid-configuration", "tenant": "acme.com"},
        {"issuer": "http://is.example:9763"},
        {"issuer": f"{HOST}?a=b"},
        {"issuer": "localhost"},
        {"issuer": ""},
    ],
)
def test_malformed_arguments_are_refused(given):
    """Nothing that is no host, issuer or tenant becomes part of a URL, and the super tenant is none."""
    with pytest.raises(ConfigurationError):
        wso2_is(**given, audience=AUDIENCE)


def test_the_samples_work_together():
    """The sample claims are accepted by way of the sample document, under both key ids of the sample key set."""
    document = support.load(f"{SAMPLES}/discovery-is.json")
    kids = {key["kid"]: key["alg"] for key in support.load(f"{SAMPLES}/jwks-is-dual-alg.json")["keys"]}
    jwks = {"keys": [public_jwk("RSA", kid=kid, alg=alg) for kid, alg in kids.items()]}
    where = f"{document['issuer']}/.well-known/openid-configuration"
    answers = {where: document, document["jwks_uri"]: jwks}
    said = support.load(f"{SAMPLES}/access-token-user.claims.json") | {"iat": NOW, "nbf": NOW, "exp": NOW + 300}
    checks = validator(wso2_is("https://localhost:9443", audience="platform-api-server"), answers=answers)
    for kid, alg in kids.items():
        read = checks.authenticate(token(said, {"alg": alg, "kid": kid}, alg))
        assert (read.consumer_key, read.scopes, read.groups) == (said["azp"], {"openid", "organization"}, {"…"})
        (other,) = set(kids) - {kid}
        assert reason(checks.authenticate, token(said, {"alg": alg, "kid": other}, alg)) == "UNSUITABLE_KEY"


def test_the_sample_key_set_is_one_key_under_two_names():
    """Both entries of the published key set are used, and they are one key."""
    keys = StaticKeys.from_jwks(support.load(f"{SAMPLES}/jwks-is-dual-alg.json")).key_set.keys
    assert sorted(key.alg for key in keys) == ["PS256", "RS256"]
    assert len({key.thumbprint for key in keys}) == 1


@pytest.mark.parametrize("typ", ["JWT", "jwt", ABSENT, "at+jwt"])
def test_tokens_of_every_generation_are_accepted(typ):
    """A token with `aut` is an access token whatever of these its header type is, and `azp` names its client."""
    assert validator().authenticate(signed(typ)).consumer_key == "shop"


def test_newer_tokens_need_no_aut():
    """The header type of RFC 9068 tells an access token by itself, and both claims that name the client are read."""
    read = validator().authenticate(signed("at+jwt", aut=ABSENT, client_id="newer"))
    assert (read.consumer_key, read.is_application) == ("newer", None)
    assert reason(validator().authenticate, signed("at+jwt", aut="ANYBODY")) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize("typ", ["JWT", ABSENT])
def test_older_tokens_need_aut(typ):
    """Without it a token is refused although it has scopes and a client, and it is said what it may be."""
    found = refusal(validator().authenticate, signed(typ, aut=ABSENT, client_id="shop"))
    assert found.reason is Reason.WRONG_TOKEN_KIND
    assert "ID token" in found.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"may_act": {"sub": "admin"}},
        {"may_act": None},
        {"token_type": "refresh_token"},
        {"token_type": "Refresh"},
        {"token_type": "InternalKey"},
        {"token_type": "apiKey"},
        {"token_type": None},
        {"events": {}},
        {"at_hash": "x"},
        {"http://wso2.org/claims/subscriber": "admin"},
    ],
)
def test_marks_of_other_kinds_refuse(changes):
    """A token with a mark of another kind is refused, `aut` or not, new or old."""
    for typ in ("JWT", "at+jwt"):
        assert reason(validator().authenticate, signed(typ, **changes)) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize("application", [{"id": 1, "uuid": "4f0c"}, None])
def test_api_keys_are_no_access_tokens(application):
    """An API key of an API Manager is refused: what it has of an access token is all but `aut`."""
    assert reason(validator().authenticate, signed(aut=ABSENT, application=application)) == "WRONG_TOKEN_KIND"


def test_the_environment_of_a_resident_key_manager_can_be_asked_for():
    """Tokens of an API Manager's own key manager say their environment, and one can be demanded."""
    resident = wso2_is(HOST, audience=AUDIENCE, name="Resident Key Manager", claim_in={"keytype": ["PRODUCTION"]})
    assert validator().authenticate(signed(keytype="SANDBOX")).claims["keytype"] == "SANDBOX"
    assert reason(validator(resident).authenticate, signed(keytype="PRODUCTION")) == "GOOD"
    assert reason(validator(resident).authenticate, signed(keytype="SANDBOX")) == "CLAIM_MISMATCH"


def test_older_tokens_can_be_ruled_out():
    """Where every token is of a newer server, older ones are refused on request."""
    strict = wso2_is(HOST, audience=AUDIENCE, token_kinds=RFC9068_ACCESS_TOKENS)
    assert reason(validator(strict).authenticate, signed("at+jwt")) == "GOOD"
    assert reason(validator(strict).authenticate, signed()) == "WRONG_TOKEN_KIND"


def test_scopes_have_one_name():
    """A claim in which other providers have scopes is an attribute of a user here."""
    assert validator().authenticate(signed(scope=ABSENT, scp="menu:read")).scopes == frozenset()


def test_nothing_of_safety_is_waived():
    """What is accepted of older servers is no opting out."""
    assert wso2_is(HOST, audience=AUDIENCE).waivers() == ()


@pytest.mark.parametrize(("aut", "expected"), [("APPLICATION", True), ("application", True), ("AGENT", False)])
def test_aut_says_whose_token_it_is(aut, expected):
    """A client's own token is told from the others, however it is written."""
    assert validator().authenticate(signed(aut=aut)).is_application is expected


@pytest.mark.parametrize(
    ("claims", "tenant"),
    [
        ({"org_id": "7e98b86f", "realm": {"signing_tenant": "acme.com"}}, "7e98b86f"),
        ({"realm": {"signing_tenant": "acme.com"}}, "acme.com"),
        ({"realm": "acme.com"}, None),
        ({}, None),
    ],
)
def test_the_tenant_is_the_nearest(claims, tenant):
    """The organization is the tenant, or else the tenant whose key signed."""
    assert validator().authenticate(signed(**claims)).tenant == tenant


@pytest.mark.parametrize(
    ("groups", "read"), [("admin", {"admin"}), (["a", "b"], {"a", "b"}), ([1], None), (ABSENT, set())]
)
def test_a_single_group_may_be_a_string(groups, read):
    """Groups and roles come as an array, or as a string if there is one."""
    found = validator().authenticate(signed(groups=groups, roles=groups))
    assert (found.groups, found.roles) == (read, read)


def test_audiences_are_explained():
    """A token whose audience is only its client is refused with what to configure."""
    assert "further audiences" in refusal(validator().authenticate, signed(aud="shop")).hint


def test_a_key_of_the_users_tenant_is_explained():
    """A token that another tenant's key signed is refused with the setting that is behind it, and others are not."""
    strange = signed(kid="other", realm={"signing_tenant": "acme.com"})
    assert "UseSPTenantDomain" in refusal(validator().authenticate, strange).hint
    assert refusal(validator().authenticate, signed(kid="other")).hint is None


@pytest.mark.parametrize("realm", [None, 5, [], "x", {}, {"signing_tenant": None}, {"signing_tenant": {"a": 1}}])
def test_hostile_realms_are_no_trouble(realm):
    """Whatever stands in `realm`, a token that its key did not sign is refused."""
    assert refusal(validator().authenticate, signed(kid="other", realm=realm)).hint is None
    assert text_at({"realm": realm}, PROFILE.tenant_claims) is None


@pytest.mark.parametrize(
    ("issuer", "is_known"),
    [
        ("https://localhost:9443/oauth2/token", True),
        ("https://is.example/oauth2/token", True),
        (f"{HOST}/t/acme.com/oauth2/token", True),
        (f"{HOST}/t/acme.com/o/7e98b86f/oauth2/token", True),
        ("https://api.asgardeo.io/t/acme/oauth2/token", False),
        ("https://sso.example/realms/acme", False),
        ("oauth2/token", False),
        ("", False),
    ],
)
def test_other_wso2_issuers_are_recognised(issuer, is_known):
    """A token of another host name, port or tenant is refused with a hint, that of another product without."""
    found = refusal(validator().authenticate, signed(iss=issuer))
    assert found.reason is Reason.UNKNOWN_ISSUER
    assert bool(found.hint) is is_known


def test_opaque_tokens_are_explained_for_each_product():
    """An opaque token is refused with what to change in each product that is configured."""
    both = validator(wso2_is(HOST, audience=AUDIENCE), asgardeo("acme", audience=AUDIENCE))
    said = str(refusal(both.authenticate, "4f0c2b9d-6f1c-4a51-8f7f-6f5c8a3c0b7e"))
    assert "WSO2 Identity Server issues JWTs only" in said
    assert "Asgardeo issues JWTs only" in said


def test_answers_about_access_tokens_are_good():
    """The sample answer is good, one about a refresh token is not, and a no may be a fault of the server."""
    said = support.load(f"{SAMPLES}/introspection-access-token.json")
    assert reason(PROFILE.answers.check, said) == "GOOD"
    assert reason(PROFILE.answers.check, {**said, "token_type": "Refresh"}) == "WRONG_TOKEN_KIND"
    assert PROFILE.answers.errors_look_inactive


def test_it_works_over_http():
    """Discovery, keys and verdicts on both generations come from a real server."""
    with SimulatedProvider("wso2_is", http=True) as idp:
        checks = idp.validator(network=Network(insecure_http=True, private_addresses=True))
        for version in idp.kind.versions:
            assert checks.authenticate(idp.token(version=version)).consumer_key == "web-shop"
        assert reason(checks.authenticate, idp.look_alike("internal key")) == "WRONG_TOKEN_KIND"
