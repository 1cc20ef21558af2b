"""Any provider that follows the specifications: found by its issuer, by its document, or by its keys."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, Network, RemoteKeys, TokenValidator
from kmvalidate.key_manager import DEFAULT_ALGORITHMS
from kmvalidate.profiles import ANY_PROVIDER
from kmvalidate.providers import oidc
from kmvalidate.rules import ACCESS_TOKENS
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import (
    NoNetwork,
    SetClock,
    good_claims,
    good_header,
    jwks,
    reason,
    refusal,
    static_keys,
    token,
    with_claims,
)
from tests.vectors.support import load

ISSUER = "https://idp.example/realms/acme"
SUFFIX = f"{ISSUER}/.well-known/openid-configuration"
INSERTED = "https://idp.example/.well-known/oauth-authorization-server/realms/acme"
CERTS = "https://idp.example/certs"


def checks(manager, transport=None):
    registry = KeyManagerRegistry([manager], transport=transport or NoNetwork(), clock=SetClock())
    return TokenValidator(registry).authenticate


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"issuer": ISSUER}, RemoteKeys()),
        ({"issuer": SUFFIX}, RemoteKeys(discovery_url=SUFFIX)),
        ({"issuer": INSERTED}, RemoteKeys(discovery_url=INSERTED)),
        ({"discovery_url": SUFFIX}, RemoteKeys(discovery_url=SUFFIX)),
        (
            {"issuer": ISSUER, "discovery_url": "https://meta.example/d"},
            RemoteKeys(discovery_url="https://meta.example/d"),
        ),
        ({"issuer": ISSUER, "jwks_url": CERTS}, RemoteKeys(jwks_url=CERTS)),
        ({"issuer": SUFFIX, "jwks_url": CERTS}, RemoteKeys(jwks_url=CERTS)),
        ({"discovery_url": SUFFIX, "jwks_url": CERTS}, RemoteKeys(jwks_url=CERTS)),
    ],
)
def test_a_provider_is_found_by_what_is_known_of_it(given, expected):
    """The issuer, the URL of its document in either form, or the place of its keys is enough."""
    made = oidc(**given, audience="orders")
    assert (made.issuer, made.keys, made.name) == (ISSUER, expected, "idp.example")


def test_nothing_is_known_of_it_but_the_specifications():
    """It has the rules that every key manager has unless others are said."""
    made = oidc(ISSUER, audience="orders")
    assert (made.token_kinds, made.profile, made.algorithms) == (ACCESS_TOKENS, ANY_PROVIDER, DEFAULT_ALGORITHMS)
    other = oidc(ISSUER, audience=["a", "b"], name="Partner", algorithms="RS256", leeway_s=5, organization="acme")
    assert (other.name, other.algorithms, other.leeway_s, other.organization) == ("Partner", ("RS256",), 5, "acme")


@pytest.mark.parametrize(
    ("issuer", "name"),
    [("https://IDP.example:8443/x", "idp.example"), ("urn:acme", "urn:acme"), ("acme", "acme")],
)
def test_its_name_is_its_host(issuer, name):
    """A provider without a name is called by its host, and an issuer without one by itself."""
    assert oidc(issuer, audience="orders", jwks_url=CERTS).name == name


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        *({"issuer": issuer} for issuer in ("", "urn:acme", "http://idp.example", "https://idp.example?a=b", 5)),
        {"discovery_url": "https://idp.example/doc"},
        {"discovery_url": "http://idp.example/.well-known/openid-configuration"},
        {"issuer": ISSUER, "jwks_url": "http://idp.example/certs"},
        {"issuer": ISSUER, "jwks_url": ""},
        {"issuer": ISSUER, "jwks_url": CERTS, "algorithms": "none"},
        {"issuer": ISSUER, "audience": ()},
        {"issuer": ISSUER, "name": 5},
        {"issuer": ISSUER, "keys": static_keys("P-256"), "network": Network()},
        {"issuer": ISSUER, "keys": static_keys("P-256"), "jwks_url": CERTS},
        {"issuer": SUFFIX, "keys": static_keys("P-256")},
    ],
    ids=str,
)
def test_what_leads_nowhere_is_a_configuration_error(wrong):
    """Arguments that name no provider, or two places for its keys, are told when it is made."""
    with pytest.raises(ConfigurationError):
        oidc(**{"audience": "orders", **wrong})


def test_an_audience_is_required():
    """A provider without an audience cannot be made."""
    with pytest.raises(TypeError, match="audience"):
        oidc(ISSUER)


def test_a_document_elsewhere_must_name_the_issuer():
    """A document at another address gives keys only if it is the issuer's own."""
    meta = "https://meta.example/d"
    for named, expected in ((ISSUER, "GOOD"), ("https://meta.example", "unavailable")):
        document = {"issuer": named, "jwks_uri": CERTS}
        transport = FakeTransport({meta: document, CERTS: jwks("P-256")})
        manager = oidc(ISSUER, discovery_url=meta, audience="orders")
        try:
            found = reason(checks(manager, transport), token())
        except Exception as error:  # noqa: BLE001  # the outage is told by its type
            found = "unavailable" if type(error).__name__ == "KeyManagerUnavailable" else repr(error)
        assert found == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "GOOD"),
        ({"client_id": ..., "azp": "shop"}, "GOOD"),
        ({"scope": ..., "scp": ["a", "b"]}, "GOOD"),
        ({"nonce": "n"}, "GOOD"),
        ({"at_hash": "x"}, "WRONG_TOKEN_KIND"),
        ({"events": {}}, "WRONG_TOKEN_KIND"),
        ({"token_use": "id"}, "WRONG_TOKEN_KIND"),
        ({"typ": "Refresh"}, "WRONG_TOKEN_KIND"),
        ({"aud": []}, "WRONG_AUDIENCE"),
        ({"aud": ...}, "MISSING_CLAIM"),
        ({"cnf": {"jkt": "x"}}, "PROOF_REQUIRED"),
    ],
    ids=str,
)
def test_any_providers_tokens_are_told_by_the_generic_rules(change, expected):
    """What an access token is follows from the specifications alone."""
    assert reason(checks(oidc(ISSUER, audience="orders", keys=static_keys("P-256"))), with_claims(**change)) == expected


def test_an_id_token_is_told_by_its_nonce():
    """A token with a nonce, and nothing that speaks for access, is refused with the right audience."""
    check = checks(oidc(ISSUER, audience="orders", keys=static_keys("P-256")))
    claims = good_claims(nonce="n", scope=...)
    assert reason(check, token(claims, good_header(typ="JWT"))) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize("header_type", ["rt+jwt", "logout+jwt", "oauth-id-jag+jwt", "txntoken+jwt", "dpop+jwt", "JWE"])
def test_other_types_of_tokens_are_refused(header_type):
    """A header that says another kind is refused, whatever the claims."""
    check = checks(oidc(ISSUER, audience="orders", keys=static_keys("P-256")))
    assert reason(check, token(good_claims(), good_header(typ=header_type))) == "WRONG_TOKEN_KIND"


def test_a_published_document_serves_as_it_is():
    """A real provider's document, Ory Hydra's sample, leads to its keys and no others."""
    document = load("samples/ory-hydra/discovery.json")
    document = document.get("discovery", document)
    issuer, certs = document["issuer"], document["jwks_uri"]
    network = Network(insecure_http=True, private_addresses=True)
    manager = oidc(issuer, audience="orders", network=network)
    where = issuer.removesuffix("/") + "/.well-known/openid-configuration"
    transport = FakeTransport({where: document, certs: jwks("P-256")})
    assert reason(checks(manager, transport), with_claims(iss=issuer, aud=["orders"], scp=["a"])) == "GOOD"
    assert set(transport.hits) == {where, certs}


def test_an_issuer_in_process_and_over_http():
    """The simulated provider's tokens are accepted both ways, its ID and refresh tokens are not."""
    for http in (False, True):
        with SimulatedProvider("oidc", algorithms=("ES256",), http=http) as idp:
            check = idp.validator().authenticate
            assert check(idp.token(scopes={"a"}, roles={"cook"})).roles == {"cook"}
            assert [reason(check, idp.look_alike(name)) for name in idp.look_alikes] == ["WRONG_TOKEN_KIND"] * 2


@pytest.mark.parametrize(
    ("configured", "met"),
    [
        ("https://login.microsoftonline.com/{}/v2.0", "https://sts.windows.net/{}/"),
        ("https://sts.windows.net/{}/", "https://login.microsoftonline.com/{}/v2.0"),
        ("https://login.microsoftonline.com/{}/v2.0", "https://login.microsoftonline.us/{}/v2.0"),
    ],
)
def test_the_other_version_of_a_tenant_is_explained(configured, met):
    """A v1 token of a tenant whose v2 issuer is configured, or the other way round, is refused with what to do."""
    tenant, other = "2f4a9838-26b7-47ee-be60-ccc1fdec5953", "84c31ca0-ac3b-4eae-ad11-519d80233e6f"
    check = checks(oidc(configured.format(tenant), audience="orders", keys=static_keys("P-256")))
    refused = refusal(check, with_claims(iss=met.format(tenant)))
    assert (refused.reason.name, "requestedAccessTokenVersion" in refused.hint) == ("UNKNOWN_ISSUER", True)
    for stranger in (met.format(other), met.format(tenant + "0"), met.format("x/" + tenant), tenant):
        assert refusal(check, with_claims(iss=stranger)).hint is None
