"""Keycloak realms: where they are, what they are called, and how they are reached."""

import asyncio

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, Network, Reason, TokenValidator
from kmvalidate.providers import keycloak
from kmvalidate.providers._keycloak import KINDS, PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.providers.test_keycloak import ISSUER, LEGACY, USER, checks, of
from tests.signing import SetClock, private_key, public_jwk, reason, refusal, token


@pytest.mark.parametrize(
    "issuer",
    [
        "http://keycloak:8080/realms/acme",
        LEGACY,
        "https://sso.example:8443/realms/acme",
        "https://sso.example/iam/realms/acme",
    ],
)
def test_a_realm_at_another_address_is_recognised(issuer):
    """A token of a realm of that name at another address is refused with the hint to the address."""
    refused = refusal(checks(), of(iss=issuer))
    assert refused.reason is Reason.UNKNOWN_ISSUER
    assert "configured at another address" in refused.hint


@pytest.mark.parametrize(
    "issuer", ["https://sso.example/realms/other", "https://sso.example", "", "/realms/acme", "x" * 9000]
)
def test_another_realm_is_no_relative(issuer):
    """A token of another realm, or of nobody, is refused without a hint."""
    assert refusal(checks(), of(iss=issuer)).hint is None


@pytest.mark.parametrize(
    ("issuer", "discovery_url", "found"),
    [
        (ISSUER, None, (ISSUER, None)),
        (LEGACY, None, (LEGACY, None)),
        (f"{ISSUER}/.well-known/openid-configuration", None, (ISSUER, f"{ISSUER}/.well-known/openid-configuration")),
        (None, f"{LEGACY}/.well-known/openid-configuration", (LEGACY, f"{LEGACY}/.well-known/openid-configuration")),
        (ISSUER, "https://keycloak.internal/d", (ISSUER, "https://keycloak.internal/d")),
    ],
)
def test_a_realm_is_named_by_its_issuer_or_its_document(issuer, discovery_url, found):
    """The issuer or the URL of the discovery document name the realm, and both an internal address."""
    made = keycloak(issuer, discovery_url=discovery_url, audience="orders")
    assert (made.issuer, made.keys.discovery_url) == found
    assert (made.name, made.token_kinds, made.profile, made.waivers()) == ("Keycloak", KINDS, PROFILE, ())


@pytest.mark.parametrize(
    "wrong",
    [
        *({"issuer": issuer} for issuer in (None, "", "https://sso.example", "https://sso.example/realms/", 5, "acme")),
        *(
            {"issuer": f"{ISSUER}{more}"}
            for more in ("/", "/protocol/openid-connect", "?a=b", "#a", " ", "/../x", "\n")
        ),
        *({"issuer": issuer} for issuer in ("http://sso.example/realms/acme", "https://a@b.example/realms/acme")),
        *({"audience": audience} for audience in (None, "", [], 5)),
        *({"client_roles": clients} for clients in (5, [""], "", [None])),
        {"discovery_url": "internal"},
        {"algorithms": "HS256"},
        {"name": ""},
    ],
    ids=str,
)
def test_what_is_no_realm_is_a_configuration_error(wrong):
    """An issuer that is no realm's, and an argument that cannot be right, are told when it is made."""
    with pytest.raises(ConfigurationError):
        keycloak(**{"issuer": ISSUER, "audience": "orders", **wrong})


def test_keys_come_from_an_internal_address():
    """With hostname-backchannel-dynamic document and keys are fetched inside, and the issuer stays the public one."""
    inside = "http://keycloak:8080/realms/acme"
    document, certs = f"{inside}/.well-known/openid-configuration", f"{inside}/protocol/openid-connect/certs"
    encryption = public_jwk("RSA", "other", kid="enc", use="enc", alg="RSA-OAEP")
    keys = {"keys": [encryption, public_jwk("RSA")]}
    transport = FakeTransport({document: {"issuer": ISSUER, "jwks_uri": certs}, certs: keys})
    network = Network(insecure_http=True, private_addresses=True)
    manager = keycloak(ISSUER, discovery_url=document, audience="orders", network=network)
    check = TokenValidator(KeyManagerRegistry([manager], transport=transport, clock=SetClock())).authenticate
    assert check(of()).issuer == ISSUER
    header = {"alg": "RS256", "kid": "enc", "typ": "JWT"}
    assert reason(check, token(USER, header, "RS256", private_key("RSA", "other"))) == "UNKNOWN_KEY"
    assert set(transport.hits) == {document, certs}


@pytest.mark.parametrize("algorithms", [("RS256",), ("ES256", "EdDSA"), ("EdDSA",)], ids=str)
def test_the_simulated_realm_is_a_realm(algorithms):
    """Tokens of each version are accepted in process, whatever the realm signs with, and its look-alikes never are."""
    idp = SimulatedProvider("keycloak", algorithms=algorithms)
    check = idp.validator().authenticate
    for version in ("26", "at+jwt"):
        read = check(idp.token(version=version, roles={"cook"}, application=True))
        assert (read.is_application, "cook" in read.roles) == (True, True)
        for name in idp.look_alikes:
            assert reason(check, idp.look_alike(name, version=version)) in {"WRONG_TOKEN_KIND", "WRONG_AUDIENCE"}


def test_a_realm_over_http():
    """The same holds over real HTTP, for blocking and asyncio callers, with one fetch of each document."""
    with SimulatedProvider("keycloak", algorithms=("ES256",), http=True) as idp:
        validator = idp.validator()
        assert validator.authenticate(idp.token()).issuer == f"{idp.base}/realms/acme"
        assert asyncio.run(validator.aauthenticate(idp.token())).consumer_key == "web-shop"
        assert reason(validator.authenticate, idp.look_alike("ID token")) == "WRONG_TOKEN_KIND"
        assert set(idp.hits.values()) == {1}


def test_answers_about_tokens_may_be_faults():
    """Introspection says inactive of its own faults too, and of a token that names no kind nobody knows what it is."""
    assert PROFILE.answers.errors_look_inactive
    said = [{"typ": kind, "token_type": kind} for kind in ("Bearer", "Refresh")] + [{"token_type": "Bearer"}]
    found = [reason(PROFILE.answers.check, {"active": True, **kinds}) for kinds in said]
    assert found == ["GOOD", "WRONG_TOKEN_KIND", "WRONG_TOKEN_KIND"]
