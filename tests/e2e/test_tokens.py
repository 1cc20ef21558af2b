"""Tokens of a real OpenID provider are accepted, whatever they are signed with and whatever its URL looks like."""

import pytest

from tests.e2e.flows import log_in
from tests.e2e.gateway import gateway, header_of
from tests.e2e.provider import ALGORITHMS, Issuer, Provider

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm(issuer: Issuer, algorithm: str) -> None:
    """A client's token of every algorithm is accepted from every issuer, and says what it was given for."""
    token = issuer.token(algorithm, scope="read write")
    assert header_of(token)["alg"] == algorithm
    verified = gateway(issuer, audience=f"urn:api:{algorithm}").authenticate(token)
    assert verified.key_manager == issuer.name
    assert verified.issuer == verified.claims["iss"] == issuer.url
    assert verified.consumer_key == "m2m"
    assert verified.scopes == {"read", "write"}
    assert verified.audience == (f"urn:api:{algorithm}",)
    assert verified.key_id == header_of(token)["kid"]
    assert verified.expires_at == verified.claims["iat"] + 300
    assert verified.claims["tenant"] == issuer.name


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_user_tokens(issuer: Issuer, algorithm: str) -> None:
    """A user's token is accepted, with the user as its subject."""
    verified = gateway(issuer).authenticate(issuer.user_token(algorithm, sub="alice", scope="read"))
    assert (verified.subject, verified.consumer_key, verified.scopes) == ("alice", "web", {"read"})


def test_a_login(issuer: Issuer) -> None:
    """The access token of a login with code and PKCE is accepted."""
    verified = gateway(issuer).authenticate(log_in(issuer, "ES256")["access_token"])
    assert (verified.subject, verified.consumer_key) == ("alice", "web")


def test_all_issuers_in_one_gateway(provider: Provider) -> None:
    """One validator that knows three issuers verifies each one's tokens with its own keys."""
    issuers = provider.issuers.values()
    validator = gateway(*issuers)
    tokens = [(issuer, issuer.token(algorithm)) for issuer in issuers for algorithm in ALGORITHMS]
    for issuer, token in tokens * 2:  # the second time everything is remembered
        assert validator.authenticate(token).issuer == issuer.url
