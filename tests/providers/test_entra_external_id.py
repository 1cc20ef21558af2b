"""Entra External ID: the issuer under the tenant's GUID, the documents under its name."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, StaticKeys, TokenValidator
from kmvalidate.providers import entra_external_id, entra_id
from kmvalidate.providers._entra_external_id import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.providers.microsoft import API, KID, NOW, OTHER, SUFFIX, TENANT, sample_keys, signed, v1, v2
from tests.signing import ABSENT, SetClock, reason, refusal

ISSUER = f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0"
BY_NAME = f"https://contoso.ciamlogin.com/{TENANT}/v2.0{SUFFIX}"
KEYS = f"https://contoso.ciamlogin.com/{TENANT}/discovery/v2.0/keys"


def check(*managers, **answers):
    """Return what authenticates, and the transport under it."""
    found = {BY_NAME: {"issuer": ISSUER, "jwks_uri": KEYS}, KEYS: sample_keys("2.0", {KID: ISSUER})}
    transport = FakeTransport(found | answers)
    registry = KeyManagerRegistry(managers, transport=transport, clock=SetClock(NOW))
    return TokenValidator(registry).authenticate, transport


def of(**claims):
    return signed("2.0", **({"iss": ISSUER} | claims))


@pytest.mark.parametrize(
    "place",
    [
        {"tenant": TENANT, "tenant_name": "contoso"},
        {"tenant": TENANT.upper(), "discovery_url": BY_NAME},
        {"discovery_url": BY_NAME},
        {"issuer": BY_NAME},
        {"issuer": ISSUER, "tenant_name": "contoso"},
    ],
    ids=str,
)
def test_documents_lie_under_the_name_and_name_the_guid(place):
    """However a tenant is given, its document is fetched under its name, and its tokens have its GUID for a host."""
    authenticate, transport = check(entra_external_id(audience=API, **place))
    read = authenticate(of(roles=["r"]))
    assert (read.issuer, read.tenant, read.consumer_key, read.roles) == (ISSUER, TENANT, API, {"r"})
    assert (read.scopes, read.is_application) == ({"access_as_user"}, False)
    assert set(transport.hits) == {BY_NAME, KEYS}


def test_without_a_name_the_guid_is_asked():
    """A tenant whose name is not given is looked for under its GUID."""
    assert entra_external_id(TENANT, audience=API).keys.discovery_url == ISSUER + SUFFIX


def test_a_custom_domain_is_where_the_document_lies():
    """At a custom URL domain the issuer stays the tenant's own, unless another is given."""
    url = f"https://login.contoso.com/{TENANT}/v2.0{SUFFIX}"
    own = entra_external_id(audience=API, discovery_url=url)
    assert (own.issuer, own.keys.discovery_url) == (ISSUER, url)
    other = entra_external_id(audience=API, discovery_url=url, issuer=f"https://login.contoso.com/{TENANT}/v2.0")
    assert other.issuer == f"https://login.contoso.com/{TENANT}/v2.0"
    named = f"https://login.contoso.com/contoso.onmicrosoft.com/v2.0{SUFFIX}"
    assert entra_external_id(TENANT, audience=API, discovery_url=named).issuer == ISSUER


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"tid": ABSENT}, "MISSING_CLAIM"),
        ({"tid": OTHER}, "CLAIM_MISMATCH"),
        ({"Tid": OTHER}, "CLAIM_MISMATCH"),
        ({"ver": "1.0"}, "CLAIM_MISMATCH"),
        ({"azp": ABSENT}, "WRONG_TOKEN_KIND"),
        ({"azp": ABSENT, "appid": API}, "WRONG_TOKEN_KIND"),
        ({"aud": "https://graph.microsoft.com"}, "WRONG_AUDIENCE"),
        ({"aud": f"api://{API}"}, "GOOD"),
    ],
    ids=str,
)
def test_tokens_are_those_of_entra(claims, expected):
    """Tenant, version and client are held to as for Entra ID, however often good tokens came before."""
    authenticate, _ = check(entra_external_id(TENANT, audience=API, tenant_name="contoso"))
    for _ in range(3):
        assert reason(authenticate, of()) == "GOOD"
        assert reason(authenticate, of(**claims)) == expected


def test_other_forms_of_its_issuer_are_explained():
    """A v1 token and one from another host of the same tenant get a hint; another tenant's token gets none."""
    authenticate, _ = check(entra_external_id(TENANT, audience=API))
    for issuer in (v1(), v2(), f"https://contoso.ciamlogin.com/{TENANT}/v2.0"):
        refused = refusal(authenticate, of(iss=issuer))
        assert (refused.reason.name, "ciamlogin.com" in refused.hint) == ("UNKNOWN_ISSUER", True)
    assert refusal(authenticate, of(iss=v2(OTHER))).hint is None
    assert PROFILE.family("https://contoso.ciamlogin.com/contoso/v2.0") is None


def test_it_stands_beside_entra_id():
    """The same tenant may be configured as a tenant of Entra ID too, and each takes its own tokens."""
    keys = StaticKeys.from_jwks(sample_keys("1.0"))
    external = entra_external_id(TENANT, audience=API, keys=keys)
    authenticate, transport = check(entra_id(TENANT, audience=API, keys=keys), external)
    found = [authenticate(bearer).key_manager for bearer in (of(), signed("2.0"), signed("1.0"))]
    assert (found, not transport.hits) == (["Entra External ID", "Entra ID", "Entra ID"], True)
    assert external == entra_external_id(issuer=ISSUER, audience=[API], keys=keys)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "name one tenant"),
        ({"tenant": "contoso"}, "GUID"),
        ({"tenant": 5}, "GUID"),
        ({"tenant": OTHER, "issuer": ISSUER}, "name one tenant"),
        ({"issuer": ISSUER + "/"}, "issuer: "),
        ({"issuer": v1()}, "there are no v1 tokens"),
        ({"issuer": ISSUER.upper()}, "issuer: "),
        ({"issuer": 5}, "issuer: "),
        ({"discovery_url": ISSUER}, "discovery_url: "),
        ({"discovery_url": f"https://contoso.ciamlogin.com/../v2.0{SUFFIX}", "tenant": TENANT}, "discovery_url: "),
        ({"discovery_url": f"https://contoso.ciamlogin.com/contoso.com/v2.0{SUFFIX}"}, "name one tenant"),
        ({"tenant": TENANT, "tenant_name": "Contoso"}, "tenant_name"),
        ({"tenant": TENANT, "tenant_name": "contoso.ciamlogin.com"}, "tenant_name"),
        ({"tenant": TENANT, "tenant_name": "a/b"}, "tenant_name"),
        ({"tenant": TENANT, "tenant_name": 5}, "tenant_name"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_told(options, match):
    """A tenant or a name that is none, and v1 issuers, are a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=match):
        entra_external_id(audience=API, **options)


def test_over_http():
    """A simulated external tenant on loopback keeps its issuer, and its tokens pass."""
    with SimulatedProvider("entra_external_id", http=True) as idp:
        read = idp.validator().authenticate(idp.token())
        assert read.issuer == idp.issuer == f"https://{read.tenant}.ciamlogin.com/{read.tenant}/v2.0"
