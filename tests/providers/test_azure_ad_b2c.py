"""Azure AD B2C: one issuer, documents by policy, and the policy in the token."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, StaticKeys, TokenValidator
from kmvalidate.providers import azure_ad_b2c
from kmvalidate.providers._azure_ad_b2c import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.providers.microsoft import SUFFIX, sample
from tests.signing import ABSENT, SetClock, changed, private_key, public_jwk, reason, refusal, token

GUID = "c64a4f7d-3091-4c73-a722-a3f069694230"
POLICY = "B2C_1_signupsignin1"
HOST = "https://contoso0926tenant.b2clogin.com"
ISSUER = f"{HOST}/{GUID}/v2.0/"
DIRECTORY = f"{HOST}/contoso0926tenant.onmicrosoft.com"
DOCUMENT = f"{DIRECTORY}/{POLICY}/v2.0{SUFFIX}"
KEYS = f"{HOST}/{GUID}/{POLICY.lower()}/discovery/v2.0/keys"
API, CLIENT = "f2a76e08-93f2-4350-833c-965c02483b11", "38307aee-303c-4fff-8087-d8d2751512cd"
NOW = 1549647500
TFP_ISSUER = f"{HOST}/tfp/{GUID}/b2c_1_signupsignin1/v2.0/"

NAMED = {"tenant": "contoso0926tenant", "tenant_id": GUID, "policies": POLICY}


def key_set():
    """Return keys as B2C publishes them: without ``alg`` and ``x5t``."""
    return {"keys": [public_jwk("RSA", "b2c", kid=sample("access-token-b2c.decoded")["header"]["kid"])]}


def check(*managers, issuer=ISSUER):
    """Return what authenticates, and the transport under it."""
    transport = FakeTransport({DOCUMENT: {"issuer": issuer, "jwks_uri": KEYS}, KEYS: key_set()})
    registry = KeyManagerRegistry(managers, transport=transport, clock=SetClock(NOW))
    return TokenValidator(registry).authenticate, transport


def signed(**claims):
    """Return the sample token, the parts filled in that its page leaves out, signed by the tests' own key."""
    document = sample("access-token-b2c.decoded")
    whole = {"iss": ISSUER, "aud": API, "azp": CLIENT, "oid": "1558f87f", "sub": "1558f87f", "nonce": "defaultNonce"}
    said = changed(document["payload"], whole | claims)
    return token(said, document["header"], "RS256", private_key("RSA", "b2c"))


@pytest.mark.parametrize(
    "place",
    [
        NAMED,
        {**NAMED, "tenant": "contoso0926tenant.onmicrosoft.com", "tenant_id": GUID.upper()},
        {"tenant": "contoso0926tenant", "policies": POLICY, "issuer": ISSUER},
        {"tenant_id": GUID, "discovery_url": DOCUMENT},
        {"tenant_id": GUID, "issuer": DOCUMENT, "policies": [POLICY.lower(), "B2C_1A_edit"]},
    ],
    ids=str,
)
def test_the_sample_is_accepted(place):
    """The published token, with its nonce, is accepted however its tenant and policy were given."""
    authenticate, transport = check(azure_ad_b2c(audience=API, **place))
    read = authenticate(signed())
    assert (read.issuer, read.consumer_key, read.scopes) == (ISSUER, CLIENT, {"read"})
    assert (read.tenant, read.is_application, read.subject) == (None, False, "1558f87f")
    assert set(transport.hits) == {DOCUMENT, KEYS}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"tfp": "B2C_1_passwordreset1"}, "CLAIM_MISMATCH"),
        ({"tfp": [POLICY]}, "CLAIM_MISMATCH"),
        ({"tfp": ""}, "CLAIM_MISMATCH"),
        ({"tfp": None, "acr": POLICY}, "CLAIM_MISMATCH"),
        ({"tfp": "B2C_1_other", "acr": POLICY}, "CLAIM_MISMATCH"),
        ({"tfp": ABSENT}, "MISSING_CLAIM"),
        ({"tfp": ABSENT, "acr": "1"}, "CLAIM_MISMATCH"),
        ({"tfp": ABSENT, "acr": POLICY}, "GOOD"),
        ({"tfp": POLICY.lower()}, "GOOD"),
        ({"tfp": "B2C_1A_Edit"}, "GOOD"),
    ],
    ids=str,
)
def test_the_policy_is_a_listed_one(claims, expected):
    """A token says by which listed policy it was issued, in any case of letters, or it is refused with a hint."""
    authenticate, _ = check(azure_ad_b2c(audience=API, **{**NAMED, "policies": [POLICY, "B2C_1A_edit"]}))
    for _ in range(3):
        assert reason(authenticate, signed()) == "GOOD"
        assert reason(authenticate, signed(**claims)) == expected
    if expected != "GOOD":
        assert "policies=" in refusal(authenticate, signed(**claims)).hint


@pytest.mark.parametrize("claims", [{}, {"nonce": ABSENT}, {"nonce": ABSENT, "at_hash": "x"}, {"scp": ABSENT}])
def test_an_id_token_names_no_client(claims):
    """A token without ``azp`` is an ID token, with a nonce or without; an access token needs no scope."""
    authenticate, _ = check(azure_ad_b2c(audience=API, **NAMED))
    assert reason(authenticate, signed(azp=ABSENT, **claims)) == "WRONG_TOKEN_KIND"
    assert reason(authenticate, signed(scp=ABSENT)) == "GOOD"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, False),
        ({"nonce": ABSENT, "name": ABSENT}, None),
        ({"nonce": ABSENT, "name": ABSENT, "sub": ABSENT}, None),
        ({"nonce": ABSENT, "name": ABSENT, "sub": ABSENT, "oid": ABSENT}, True),
        ({"nonce": ABSENT, "name": ABSENT, "sub": ABSENT, "oid": ABSENT, "emails": ["a@b.example"]}, False),
    ],
    ids=str,
)
def test_a_user_is_told_by_what_only_users_have(claims, expected):
    """Claims about a person tell a user, no subject at all a client; else the token does not say."""
    authenticate, _ = check(azure_ad_b2c(audience=API, **NAMED))
    assert authenticate(signed(**claims)).is_application is expected


def test_custom_roles_are_configured():
    """Roles are read from the attribute that a person names."""
    authenticate, _ = check(azure_ad_b2c(audience=API, role_claims="extension_Role", **NAMED))
    assert authenticate(signed(extension_Role="chef")).roles == {"chef"}


@pytest.mark.parametrize(
    "place",
    [
        {"issuer": TFP_ISSUER, "tenant": "contoso0926tenant", "policies": [POLICY]},
        {"issuer": TFP_ISSUER, "discovery_url": DOCUMENT},
        {"issuer": TFP_ISSUER, "discovery_url": f"{DIRECTORY}/v2.0{SUFFIX}?p={POLICY}"},
    ],
    ids=str,
)
def test_an_issuer_may_have_its_policy_in_it(place):
    """An issuer with ``/tfp/`` and a policy is one of its own, and tells the policy."""
    manager = azure_ad_b2c(audience=API, **place)
    assert manager.issuer == TFP_ISSUER
    assert manager == azure_ad_b2c(audience=API, **place)
    authenticate, transport = check(manager, issuer=TFP_ISSUER)
    transport.answers[f"{DIRECTORY}/v2.0{SUFFIX}?p={POLICY}"] = transport.answers[DOCUMENT]
    assert reason(authenticate, signed(iss=TFP_ISSUER)) == "GOOD"
    refused = refusal(authenticate, signed())
    assert (refused.reason.name, "/tfp/" in refused.hint) == ("UNKNOWN_ISSUER", True)


def test_the_policy_of_an_issuer_leads_to_its_document():
    """With nothing but an issuer that names its policy, the document lies under the tenant's GUID."""
    manager = azure_ad_b2c(audience=API, issuer=TFP_ISSUER)
    assert manager.keys.discovery_url == f"{HOST}/{GUID}/b2c_1_signupsignin1/v2.0{SUFFIX}"


def test_a_custom_domain_is_the_host_of_everything():
    """A custom domain is in the issuer and in the URL of the document, which then needs no name of a tenant."""
    manager = azure_ad_b2c(tenant_id=GUID, audience=API, policies=POLICY, domain="login.contoso.com")
    assert manager.issuer == f"https://login.contoso.com/{GUID}/v2.0/"
    assert manager.keys.discovery_url == f"https://login.contoso.com/{GUID}/{POLICY}/v2.0{SUFFIX}"
    named = azure_ad_b2c(audience=API, domain="login.contoso.com", **NAMED)
    assert named.issuer == manager.issuer
    authenticate, _ = check(azure_ad_b2c(audience=API, **NAMED))
    assert "a custom domain" in refusal(authenticate, signed(iss=manager.issuer)).hint
    assert PROFILE.family("https://idp.example/contoso/v2.0/") is None


def test_hints_say_what_to_do():
    """An audience, a key of another policy and an opaque token are explained; an expired token needs no hint."""
    authenticate, _ = check(azure_ad_b2c(audience="other", **NAMED))
    assert "client id of the API" in refusal(authenticate, signed()).hint
    authenticate, transport = check(azure_ad_b2c(audience=API, **NAMED))
    assert refusal(authenticate, signed(exp=NOW - 300)).hint is None
    assert "are JWTs" in refusal(authenticate, "opaque").hint
    transport.answers[KEYS] = {"keys": [public_jwk("RSA", "b2c", kid="another")]}
    authenticate, _ = check(azure_ad_b2c(audience=API, keys=StaticKeys.from_jwks(transport.answers[KEYS]), **NAMED))
    assert "first of policies=" in refusal(authenticate, signed()).hint


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "policies="),
        ({**NAMED, "policies": ()}, "policies="),
        ({**NAMED, "policies": "signin"}, "policies="),
        ({**NAMED, "policies": "B2C_1_a/../b"}, "policies="),
        ({**NAMED, "tenant_id": None}, "name one tenant"),
        ({**NAMED, "tenant_id": "contoso"}, "GUID"),
        ({**NAMED, "tenant": "Contoso"}, "tenant is NAME"),
        ({**NAMED, "tenant": "contoso.b2clogin.com"}, "tenant is NAME"),
        ({**NAMED, "tenant": 5}, "tenant is NAME"),
        ({**NAMED, "tenant": None}, "the host of the issuer"),
        ({**NAMED, "domain": "login.contoso.com/x"}, "domain is"),
        ({**NAMED, "domain": "Login.contoso.com"}, "domain is"),
        ({**NAMED, "domain": "login..com"}, "domain is"),
        ({**NAMED, "domain": 5}, "domain is"),
        ({**NAMED, "issuer": ISSUER[:-1]}, "with the slash"),
        ({**NAMED, "issuer": ISSUER.replace(GUID, "contoso")}, "with the slash"),
        ({**NAMED, "issuer": 5}, "with the slash"),
        ({**NAMED, "issuer": ISSUER.replace(GUID, CLIENT)}, "name one tenant"),
        ({**NAMED, "discovery_url": ISSUER}, "discovery_url: "),
        ({**NAMED, "discovery_url": DOCUMENT.replace(POLICY, "B2C_1_other")}, "different policies"),
        ({"issuer": TFP_ISSUER, "discovery_url": DOCUMENT.replace(POLICY, "B2C_1_other")}, "different policies"),
        ({**NAMED, "issuer": TFP_ISSUER, "policies": "B2C_1_other"}, "different policies"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_told(options, match):
    """A tenant, domain or policy that is none, and arguments that contradict each other, are a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=match):
        azure_ad_b2c(audience=API, **options)


def test_over_http():
    """A simulated tenant on loopback: tokens of both kinds of policy claim pass."""
    with SimulatedProvider("azure_ad_b2c", http=True) as idp:
        validator = idp.validator()
        assert [validator.authenticate(idp.token(version=one)).issuer for one in ("tfp", "acr")] == [idp.issuer] * 2
