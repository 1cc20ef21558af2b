"""What a person says beside a provider takes nothing away from it unseen."""

import pytest

from kmvalidate import (
    RFC9068_ACCESS_TOKENS,
    ClientIdInstead,
    KeyManagerRegistry,
    StaticKeys,
    TokenKinds,
    providers,
)
from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.testing import SimulatedProvider
from tests.signing import reason

KINDS = [
    *("adfs", "asgardeo", "auth0", "azure_ad_b2c", "cognito", "entra_id", "forgerock", "github_actions", "gitlab_ci"),
    *("keycloak", "okta", "ping_federate", "ping_one", "thunder", "wso2_is"),
]


def is_lenient(manager):
    """Return whether the waivers of a key manager tell that it is content with less."""
    return any("token_kinds" in said for said in manager.waivers())


@pytest.mark.parametrize("kind", KINDS)
def test_less_than_a_provider_asks_for_is_a_waiver(kind):
    """Generic kinds in place of a provider's own let look-alikes in, and are told aloud; its own kinds are not."""
    idp = SimulatedProvider(kind)
    usual = idp.key_manager()
    assert not is_lenient(usual)
    assert not is_lenient(idp.key_manager(token_kinds=usual.token_kinds))
    assert is_lenient(idp.key_manager(token_kinds=TokenKinds()))


@pytest.mark.parametrize("kind", ["asgardeo", "keycloak", "thunder", "wso2_is"])
def test_more_than_a_provider_asks_for_is_none(kind):
    """Where ``at+jwt`` tells an access token, asking for it alone waives nothing."""
    assert not is_lenient(SimulatedProvider(kind).key_manager(token_kinds=RFC9068_ACCESS_TOKENS))


@pytest.mark.parametrize(
    "kinds",
    [
        TokenKinds(required_signs="azp"),
        TokenKinds(required_signs="azp", type_may_be_absent=False),
        TokenKinds(required_signs={"azp", "client_id"}, required_markers="typ", prefixes={"jti": "x"}),
    ],
)
def test_fewer_signs_are_stricter(kinds):
    """A sign less that counts, or a demand more, waives nothing."""
    assert not is_lenient(SimulatedProvider("auth0").key_manager(token_kinds=kinds))


def test_a_telling_type_more_is_a_waiver():
    """Where a type tells less of a provider's tokens than somebody says, the signs it stands in for are missed."""
    kinds = TokenKinds(required_signs="azp", telling_types="jwt")
    assert is_lenient(SimulatedProvider("auth0").key_manager(token_kinds=kinds))


def test_further_issuers_are_held_to_what_the_issuer_is():
    """An issuer that a provider refuses is refused among the further ones too."""
    with pytest.raises(ConfigurationError, match="ID tokens"):
        providers.adfs("adfs.example", audience="orders", extra_issuers="https://adfs.example/adfs")
    with pytest.raises(ConfigurationError, match="org authorization server"):
        providers.okta("https://a.okta.com/oauth2/default", audience="orders", extra_issuers=["https://a.okta.com"])
    with pytest.raises(ConfigurationError, match="org authorization server"):
        providers.okta(
            "https://a.okta.com/oauth2/default", audience="a", extra_issuers=(one for one in ["https://a.okta.com"])
        )
    assert providers.okta(
        "https://a.okta.com/oauth2/default",
        audience="orders",
        extra_issuers=(one for one in ["https://a.okta.com/oauth2/aus1"]),
    ).issuers == ("https://a.okta.com/oauth2/default", "https://a.okta.com/oauth2/aus1")


@pytest.mark.parametrize(
    "manager",
    [
        lambda **how: providers.github_actions(enterprise="acme", **how),
        lambda **how: providers.gitlab_ci("https://gitlab.acme.example", **how),
    ],
    ids=["GitHub", "GitLab"],
)
def test_the_public_issuer_among_the_further_ones_is_open_to_all(manager):
    """Whoever adds the issuer that serves everybody is told so, unless somebody is named."""
    public = ("https://token.actions.githubusercontent.com", "https://gitlab.com")
    assert not any("is accepted" in said for said in manager(audience="orders").waivers())
    open_to_all = manager(audience="orders", extra_issuers=public)
    assert any("is accepted" in said for said in open_to_all.waivers())
    named = manager(audience="orders", extra_issuers=public, claim_in={"sub": ["me"]})
    assert not any("is accepted" in said for said in named.waivers())


@pytest.mark.parametrize("claim", ["actor", "job_workflow_ref", "runner_id", "job_project_id"])
def test_claims_that_restrict_nobody_leave_the_waiver(claim):
    """A bot, a public workflow and a shared runner are everybody's."""
    for provider in (providers.github_actions, providers.gitlab_ci):
        assert any("is accepted" in said for said in provider(audience="orders", claim_in={claim: ["x"]}).waivers())


@pytest.mark.parametrize(
    ("client", "scopes"), [("azp", ()), ("sub", ()), ((), ()), ((), "jti"), ("aud", ["exp", "nonce"])]
)
def test_ping_federate_needs_a_sign(client, scopes):
    """A contract under which nothing tells access tokens from ID tokens is an error, unless the kinds are given."""
    how = {"audience": "orders", "consumer_key_claims": client, "scope_claims": scopes}
    with pytest.raises(ConfigurationError, match="token_kinds="):
        providers.ping_federate("https://ping.example:9031", **how)
    kinds = TokenKinds(required_markers="typ")
    assert providers.ping_federate("https://ping.example:9031", token_kinds=kinds, **how).token_kinds == kinds


def test_ping_federate_takes_names_from_a_generator_once():
    """Names that can be read once only are signs and claims alike."""
    manager = providers.ping_federate(
        "https://ping.example:9031", audience="orders", consumer_key_claims=(name for name in ["cid"]), scope_claims="s"
    )
    assert (manager.consumer_key_claims, manager.token_kinds.required_signs) == (("cid",), {"cid", "s"})


@pytest.mark.parametrize("pool", ["eusc-de-east-1_AbC123", "us-iso-east-1_AbC123", "us-isob-east-1_AbC123"])
def test_pools_of_every_partition_are_found_by_their_issuer(pool):
    """A user pool outside the usual partitions is configured by its issuer."""
    issuer = f"https://cognito-idp.example/{pool}"
    assert providers.cognito(issuer=issuer, client_ids="shop").audience == ClientIdInstead("shop")
    with pytest.raises(ConfigurationError):
        providers.cognito(pool, client_ids="shop")


@pytest.mark.parametrize("make", [providers.asgardeo, providers.wso2_is])
def test_a_network_that_is_none_is_told(make):
    """Something else than a `Network` is a configuration error of those that look at it early, too."""
    facts = {"org": "acme"} if make is providers.asgardeo else {"issuer": "https://is.example:9443"}
    with pytest.raises(ConfigurationError):
        make(**facts, audience="orders", network="x")


@pytest.mark.parametrize("name", [None, 5, [], {}, b"okta"])
def test_a_provider_is_loaded_by_its_name(name):
    """What is no name loads nothing."""
    with pytest.raises(ConfigurationError, match="by its name"):
        providers.load(name)


def test_a_known_header_tells_of_a_bad_signature_what_a_new_one_tells():
    """The hint of a token with a bad signature does not depend on the tokens that came before it."""
    idp = SimulatedProvider("entra_id")
    used = idp.validator()
    used.authenticate(idp.token())
    forged = idp.token(key=SimulatedProvider("entra_id").key(), claims={"aud": "orders"})
    said = []
    for validator in (used, used, idp.validator()):
        with pytest.raises(Refused) as caught:
            validator.authenticate(forged)
        said.append((caught.value.reason, caught.value.key_manager, caught.value.hint, str(caught.value)))
    assert len(set(said)) == 1


def test_a_long_issuer_gets_no_hint():
    """An issuer longer than any of a provider costs no look at those that are like it."""
    manager = providers.keycloak("https://sso.example/realms/acme", audience="orders")
    table = KeyManagerRegistry([manager]).table
    assert table.unknown(None, "https://other.example/realms/acme").hint
    assert table.unknown(None, f"https://{'o' * 600}.example/realms/acme").hint is None


def test_keys_that_are_given_are_the_only_ones():
    """A place for the keys beside the keys is an error, and what a provider computes itself gives way."""
    keys = StaticKeys.from_jwks({"keys": [SimulatedProvider("adfs").key().public_jwk]})
    with pytest.raises(ConfigurationError, match="keys="):
        providers.oidc(issuer="urn:x", audience="a", keys=keys, jwks_url="https://idp.example/keys")
    assert providers.adfs("adfs.example", audience="a", keys=keys).keys == keys
    fapi = providers.asgardeo("acme", issuer="https://api.asgardeo.io/t/acme", audience="a", keys=keys)
    assert fapi.keys == keys


def test_roles_of_one_api_do_not_count_at_another():
    """With several audiences the roles of a client count only where it is named."""
    idp = SimulatedProvider("keycloak", audience=("orders", "billing"))
    token = idp.token(audience="orders", claims={"resource_access": {"billing": {"roles": ["admin"]}}})
    assert reason(idp.validator(any_role="admin").authenticate, token) == "MISSING_ROLE"
    assert reason(idp.validator(any_role="admin", client_roles="billing").authenticate, token) == "GOOD"


@pytest.mark.parametrize("grants", [{"a": {"x": 1}}, {"a": {"roles": ["b"]}}, {"a": {}}, {"a": "b"}, {"a": {"x": {}}}])
def test_an_object_of_other_objects_is_no_roles(grants):
    """Only roles with the domains of who granted them are names; a path that stops too early names nobody."""
    idp = SimulatedProvider("oidc")
    assert idp.validator().authenticate(idp.token(claims={"roles": grants})).roles is None
    assert reason(idp.validator(any_role="a").authenticate, idp.token(claims={"roles": grants})) == "UNKNOWN_ROLES"
