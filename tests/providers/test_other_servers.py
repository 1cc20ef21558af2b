"""Servers without a provider of their own, for which `providers.oidc` does with the right arguments."""

import json

import pytest

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, KeyManagerRegistry, Network, TokenValidator, providers
from kmvalidate.errors import ConfigurationError
from kmvalidate.testing import ProviderLaws, SimulatedProvider
from tests.fakes import FakeTransport
from tests.providers.other_kinds import AUTHENTIK, CURITY, CURITY_WITH_CLIENT, DUENDE, HYDRA, PROJECT_ROLES, ZITADEL
from tests.signing import NOW, SetClock, good_header, jwks, reason, refusal, token
from tests.vectors.support import load


class TestCurity(ProviderLaws):
    kind = CURITY


class TestCurityWithClient(ProviderLaws):
    kind = CURITY_WITH_CLIENT


class TestHydra(ProviderLaws):
    kind = HYDRA


class TestZitadel(ProviderLaws):
    kind = ZITADEL


class TestAuthentik(ProviderLaws):
    kind = AUTHENTIK


class TestDuende(ProviderLaws):
    kind = DUENDE


@pytest.mark.parametrize("kind", [CURITY, HYDRA, ZITADEL, AUTHENTIK, DUENDE], ids=lambda kind: kind.name)
def test_they_are_played_over_http_too(kind):
    """Each is found by its issuer alone over real HTTP: discovery, keys, tokens."""
    with SimulatedProvider(kind, http=True) as idp:
        validator = idp.validator()
        assert validator.authenticate(idp.token()).issuer == idp.issuer
        assert set(idp.hits.values()) == {1}
        for name, look_alike in kind.look_alikes.items():
            assert reason(validator.authenticate, idp.look_alike(name)) == look_alike.reason.name, name


def test_a_client_that_stands_in_the_audience_can_count():
    """Curity names the client in `aud` where no claim is added: it is the consumer key if that is configured."""
    idp = SimulatedProvider(CURITY, audience="web-shop")
    read = idp.validator(consumer_key_claims="aud").authenticate(idp.token())
    assert (read.consumer_key, read.audience) == ("web-shop", ("web-shop",))


def test_an_empty_audience_is_nobodys():
    """Hydra writes an empty array if no audience was asked for, which passes only where audiences are waived."""
    idp = SimulatedProvider(HYDRA)
    empty = idp.token(audience=())
    assert reason(idp.validator().authenticate, empty) == "WRONG_AUDIENCE"
    assert idp.validator(audience=ANY_AUDIENCE).authenticate(empty).audience == ()
    assert idp.validator(audience=ClientIdInstead("web-shop")).authenticate(empty).consumer_key == "web-shop"
    assert reason(idp.validator(audience=ClientIdInstead("other")).authenticate, empty) == "WRONG_AUDIENCE"


def test_scopes_are_names_and_no_patterns():
    """A scope with a star in it, as Hydra's wildcards have one, is a scope of that name and stands for no others."""
    idp = SimulatedProvider(HYDRA)
    assert idp.validator().authenticate(idp.token(scopes={"menu.*"})).scopes == {"menu.*"}


def test_the_sample_of_hydra_is_for_local_use_only():
    """Hydra's sample document is all http: that has to be said, and then its keys are found."""
    document = load("samples/ory-hydra/discovery.json")
    issuer = document["issuer"]
    with pytest.raises(ConfigurationError, match="insecure_http"):
        providers.oidc(issuer, audience="orders")
    transport = FakeTransport({f"{issuer}/.well-known/openid-configuration": document, document["jwks_uri"]: jwks()})
    manager = providers.oidc(issuer, audience="orders", network=Network(insecure_http=True))
    validator = TokenValidator(KeyManagerRegistry([manager], transport=transport, clock=SetClock()))
    claims = {"iss": issuer, "aud": ["orders"], "client_id": "shop", "scp": ["menu.read"], "sub": "al", "exp": NOW + 60}
    read = validator.authenticate(token(claims, good_header(typ="JWT")))
    assert (read.key_manager, read.consumer_key, read.scopes) == ("hydra.localhost", "shop", {"menu.read"})


def test_the_sample_of_zitadel_is_read():
    """Roles are the keys of an object, each with the organizations that granted it."""
    sample = load("samples/zitadel/claims-shape.json")["access_token_or_introspection"]
    idp = SimulatedProvider(ZITADEL, audience="<project id>")
    read = idp.validator().authenticate(idp.token(claims={**sample, "iss": idp.issuer, "client_id": None}))
    assert (read.roles, read.consumer_key) == ({"user"}, "<client id (JWT)>")
    assert "<project id>" in read.audience


@pytest.mark.parametrize(("roles", "found"), [({}, frozenset()), (None, frozenset()), (5, None), ([1], None)])
def test_roles_that_cannot_be_told_are_unknown(roles, found):
    """An empty object has no roles; of what is no roles at all nothing is said."""
    idp = SimulatedProvider(ZITADEL)
    assert idp.validator().authenticate(idp.token(claims={PROJECT_ROLES: roles})).roles == found


def test_a_token_for_all_clients_of_a_project_is_for_the_project():
    """Zitadel names every client of a project as audience, so that the id of the project is what to configure."""
    idp = SimulatedProvider(ZITADEL, audience="200000000000000002")
    assert idp.validator().authenticate(idp.token()).audience == ("web-shop@acme", "web-shop", "200000000000000002")
    assert reason(idp.validator().authenticate, idp.token(audience="another project")) == "WRONG_AUDIENCE"


def test_the_slash_of_authentik_is_part_of_its_issuer():
    """Without its slash the issuer of authentik is another one, and the refusal says so."""
    idp = SimulatedProvider(AUTHENTIK)
    refused = refusal(idp.validator().authenticate, idp.token(claims={"iss": idp.issuer.removesuffix("/")}))
    assert (refused.reason.name, "slash" in refused.hint) == ("UNKNOWN_ISSUER", True)


def test_tokens_signed_with_a_client_secret_are_refused():
    """An authentik provider without signing key signs with HS256, whose key nobody but its client may have."""
    idp = SimulatedProvider(AUTHENTIK)
    signed = idp.token(header={"alg": "HS256", "kid": None}, key=b"client secret")
    assert reason(idp.validator().authenticate, signed) == "ALGORITHM_NOT_ALLOWED"


def test_one_role_of_duende_is_a_string():
    """Duende writes one role as a string and several as an array; both are roles."""
    idp = SimulatedProvider(DUENDE)
    validator = idp.validator(any_role="chef")
    for roles in ({"chef"}, {"chef", "cook"}):
        assert validator.authenticate(idp.token(roles=roles)).roles == roles
    assert isinstance(validator.authenticate(idp.token(roles={"chef"})).claims["role"], str)


def test_a_machine_of_duende_has_no_subject():
    """A client's own token of Duende has no `sub`, and is good without one unless it is required."""
    idp = SimulatedProvider(DUENDE)
    machine = idp.token(application=True)
    assert idp.validator().authenticate(machine).subject is None
    assert reason(idp.validator(required_claims="sub").authenticate, machine) == "MISSING_CLAIM"


def test_scopes_of_an_array_are_not_split():
    """A blank inside a member of an array is part of a scope's name."""
    idp = SimulatedProvider(DUENDE)
    read = idp.validator().authenticate(idp.token(scopes={"menu read", "x"}))
    assert read.scopes == {"menu read", "x"}
    assert json.dumps(read.claims["scope"]) == '["menu read", "x"]'
