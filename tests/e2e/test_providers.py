"""A real OpenID provider, configured with `kmvalidate.providers` from the few facts a person knows."""

from typing import Any

import pytest

from kmvalidate import (
    ANY_AUDIENCE,
    Demands,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Reason,
    Refused,
    TokenValidator,
    discover,
    providers,
)
from tests.e2e.flows import log_in
from tests.e2e.gateway import AUDIENCE, refusal
from tests.e2e.provider import ALGORITHMS, Issuer

pytestmark = pytest.mark.e2e


def validator_of(manager: KeyManager) -> TokenValidator:
    """Return a validator that knows one key manager."""
    return TokenValidator(KeyManagerRegistry([manager]))


def asked(issuer: Issuer, /, *facts: Any, **options: Any) -> TokenValidator:
    """Return a validator for what `providers.oidc` makes of some facts."""
    return validator_of(providers.oidc(*facts, **{"audience": AUDIENCE, "network": issuer.network, **options}))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_issuer_is_enough(issuer: Issuer, algorithm: str) -> None:
    """The issuer alone is enough to verify tokens of every algorithm."""
    verified = asked(issuer, issuer.url).authenticate(issuer.token(algorithm))
    assert (verified.issuer, verified.consumer_key, verified.scopes) == (issuer.url, "m2m", {"read"})
    assert (verified.roles, verified.groups, verified.permissions, verified.tenant) == (set(), set(), set(), None)


@pytest.mark.parametrize("said", ["issuer", "discovery_url"])
def test_a_well_known_url_is_enough(issuer: Issuer, said: str) -> None:
    """The URL of the discovery document alone is enough too, whichever argument it is given as."""
    url = discover(issuer.url, network=issuer.network).discovery_url
    assert asked(issuer, **{said: url}).authenticate(issuer.token("ES256")).issuer == issuer.url


def test_the_id_token_of_a_login_is_refused(issuer: Issuer) -> None:
    """Of one login the access token is accepted, the ID token refused, and the refresh token nobody's."""
    tokens, validator = log_in(issuer, "ES256"), asked(issuer, issuer.url, audience=ANY_AUDIENCE)
    assert validator.authenticate(tokens["access_token"]).subject == "alice"
    assert refusal(validator, tokens["id_token"]).reason is Reason.WRONG_TOKEN_KIND
    assert refusal(validator, tokens["refresh_token"]).reason is Reason.OPAQUE_TOKEN


def test_claims_are_demanded(issuer: Issuer) -> None:
    """What a key manager or an API demands of a real token's claims is held against what the token says."""
    token = issuer.token("ES256")
    verified = asked(issuer, issuer.url, claim_in={"tenant": [issuer.name, "other"]}).authenticate(token)
    Demands(claim_values={"tenant": issuer.name}, claim_in={"client_id": {"m2m"}}).check(verified)
    with pytest.raises(Refused) as caught:
        Demands(any_role="admin").check(verified)
    assert (caught.value.reason, caught.value.key_manager) == (Reason.MISSING_ROLE, verified.key_manager)
    assert refusal(asked(issuer, issuer.url, claim_in={"tenant": "other"}), token).reason is Reason.CLAIM_MISMATCH
    assert refusal(asked(issuer, issuer.url, any_group="staff"), token).reason is Reason.MISSING_ROLE


def test_a_preset_refuses_what_it_does_not_know(issuer: Issuer) -> None:
    """A real token whose header does not say ``at+jwt`` is refused where a provider always says it."""
    manager = providers.thunder(issuer.url, audience=ANY_AUDIENCE, network=issuer.network)
    validator = validator_of(manager)
    assert validator.authenticate(issuer.token("ES256")).consumer_key == "m2m"
    assert refusal(validator, log_in(issuer, "ES256")["id_token"]).reason is Reason.WRONG_TOKEN_KIND


def test_an_outage_is_no_refusal(issuer: Issuer) -> None:
    """While the provider fails nobody can tell; afterwards the same token is accepted."""
    token, validator = issuer.token("ES256"), asked(issuer, issuer.url)
    issuer.fault("", status=503)
    with pytest.raises(KeyManagerUnavailable):
        validator.authenticate(token)
    issuer.reset()
    assert asked(issuer, issuer.url).authenticate(token).issuer == issuer.url
