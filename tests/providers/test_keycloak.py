"""Keycloak: realms old and new, the tokens of each kind of client, and what must not be taken for them."""

import pytest

from kmvalidate import (
    ANY_AUDIENCE,
    ClientIdInstead,
    Demands,
    KeyManagerRegistry,
    Reason,
    TokenValidator,
)
from kmvalidate.providers import keycloak
from tests.signing import (
    ABSENT,
    NOW,
    NoNetwork,
    SetClock,
    changed,
    reason,
    refusal,
    static_keys,
    token,
)

ISSUER = "https://sso.example/realms/acme"
LEGACY = "https://sso.example/auth/realms/acme"

#: An access token of a user, as Keycloak writes it.
USER = {
    "exp": NOW + 300,
    "iat": NOW - 10,
    "auth_time": NOW - 20,
    "jti": "onrtac:3f5c",
    "iss": ISSUER,
    "aud": ["orders", "account"],
    "sub": "f:12:alice",
    "typ": "Bearer",
    "azp": "web-shop",
    "sid": "4f0c2b9d",
    "acr": "1",
    "allowed-origins": ["/*"],
    "realm_access": {"roles": ["offline_access", "default-roles-acme", "manager"]},
    "resource_access": {
        "orders": {"roles": ["cook"]},
        "billing": {"roles": ["payer"]},
        "account": {"roles": ["manage-account"]},
    },
    "scope": "openid profile menu:read",
    "preferred_username": "alice",
}
SERVICE = {
    "azp": "till",
    "sub": "2b1f",
    "preferred_username": "service-account-till",
    "clientHost": "192.0.2.1",
    "clientAddress": "192.0.2.1",
    "client_id": "till",
    "aud": "orders",
}


def checks(**options):
    """Return what checks tokens of a realm with static keys."""
    keys = static_keys("RSA", "P-256", "Ed25519")
    manager = keycloak(**{"issuer": ISSUER, "audience": "orders", "keys": keys, **options})
    return TokenValidator(KeyManagerRegistry([manager], transport=NoNetwork(), clock=SetClock())).authenticate


def of(alg="RS256", header_type="JWT", /, **claims):
    """Return a token with the claims of a user's but for these."""
    kid = {"RS256": "RSA", "ES256": "P-256"}.get(alg, "Ed25519")
    header = changed({"alg": alg, "typ": header_type, "kid": kid}, {})
    return token(changed(USER, claims), header, alg)


def test_a_users_token_is_read():
    """The client, scopes, realm roles and the roles of the API's own client are read, and a user is no application."""
    read = checks()(of())
    assert (read.consumer_key, read.subject, read.is_application) == ("web-shop", "f:12:alice", False)
    assert read.scopes == {"openid", "profile", "menu:read"}
    assert read.roles == {"offline_access", "default-roles-acme", "manager", "cook"}
    assert (read.key_manager, read.tenant) == ("Keycloak", None)


@pytest.mark.parametrize("change", [{}, {"client_id": ABSENT, "clientId": "till"}], ids=["new", "older"])
def test_a_service_accounts_token_is_an_applications(change):
    """A service account has its own user name and client id, which older versions write as clientId."""
    read = checks()(of(**{**SERVICE, **change}))
    assert (read.consumer_key, read.is_application) == ("till", True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"preferred_username": "alice", "client_id": "till"}, False),
        ({"preferred_username": "my-service-account-x", "client_id": "till"}, False),
        ({"preferred_username": "service-account-till", "client_id": ABSENT}, None),
        ({"preferred_username": ABSENT, "client_id": "till"}, None),
        ({"preferred_username": None}, None),
        ({"preferred_username": ["service-account-till"]}, None),
        ({"preferred_username": {"service-account-": 1}}, None),
    ],
    ids=str,
)
def test_a_user_may_call_himself_a_service(change, expected):
    """A user name alone makes no application, and what a token does not say is not guessed."""
    assert checks()(of(**change)).is_application is expected


def test_legacy_realms_and_tokens_are_accepted():
    """Up to Keycloak 16 the issuer has /auth, and tokens have nbf and auth_time 0, session_state and a nonce."""
    old = {"iss": LEGACY, "nbf": 0, "auth_time": 0, "session_state": "x", "nonce": "n-1", "sid": ABSENT}
    for _ in range(2):
        assert checks(issuer=LEGACY)(of(**old)).issuer == LEGACY
    assert reason(checks(), of(nbf=0, nonce="n")) == "GOOD"


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_realms_may_sign_with_curves(alg):
    """Realms whose keys are elliptic curves, Ed25519 included, need no configuration."""
    assert checks()(of(alg)).subject == "f:12:alice"


def test_a_header_that_says_access_token_is_enough():
    """With the header type of RFC 9068, switched on by client since 26.2, the payload need not say it too."""
    check = checks()
    assert [reason(check, of("RS256", "at+jwt", typ=typ)) for typ in (ABSENT, "Bearer")] == ["GOOD", "GOOD"]
    for typ in ("ID", "Refresh", None, "bearer token", ["Bearer"]):
        assert reason(check, of("RS256", "at+jwt", typ=typ)) == "WRONG_TOKEN_KIND"
    for header_type in ("JWT", ABSENT):
        assert reason(check, of("RS256", header_type, typ=ABSENT)) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize(
    "kind",
    [
        *("ID", "Refresh", "Offline", "Logout", "RegistrationAccessToken", "InitialAccessToken", "JWT", "at+jwt"),
        *("reset-credentials", "verify-email", "execute-actions", "Serialized-ID", "", "Bearer ", "backchannel-logout"),
    ],
)
def test_another_kind_is_refused_although_all_else_is_right(kind):
    """A token whose payload says another kind is refused with the right audience and all claims."""
    for header_type in ("JWT", "at+jwt", ABSENT):
        refused = refusal(checks(), of("RS256", header_type, typ=kind))
        assert (refused.reason, refused.claim) == (Reason.WRONG_TOKEN_KIND, "typ")


def test_a_bound_token_is_no_bearer_token():
    """A token of type DPoP is an access token, and is refused for the key it is bound to."""
    assert reason(checks(), of(typ="DPoP", cnf={"jkt": "x"})) == "PROOF_REQUIRED"
    assert reason(checks(), of(typ="DPoP")) == "GOOD"


@pytest.mark.parametrize("aud", ["account", ["account"], ["realm-management", "account"], ABSENT], ids=str)
def test_a_missing_mapper_is_explained(aud):
    """A token that names no API, as Keycloak's do without an audience mapper, is refused with that hint."""
    refused = refusal(checks(), of(aud=aud))
    assert refused.reason is (Reason.MISSING_CLAIM if aud is ABSENT else Reason.WRONG_AUDIENCE)
    assert "audience mapper" in refused.hint
    assert refusal(checks(), of(exp=1)).hint is None


def test_account_is_told_before_keys_are_fetched():
    """A token for account is refused whoever signed it, without a look at the keys."""
    forged = token(changed(USER, {"aud": "account"}), {"alg": "RS256", "kid": "z"}, "RS256")
    assert reason(checks(keys=static_keys("P-256")), forged) == "WRONG_AUDIENCE"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"cook"}),
        ({"client_roles": "billing"}, {"payer"}),
        ({"client_roles": ["billing", "orders"]}, {"payer", "cook"}),
        ({"client_roles": ()}, set()),
        ({"client_roles": "Orders"}, set()),
        ({"audience": ["orders", "billing"]}, set()),  # the roles at the one API must not count at the other
        ({"audience": iter(["orders"])}, {"cook"}),
        ({"audience": ANY_AUDIENCE}, set()),
        ({"audience": ClientIdInstead("web-shop")}, set()),
    ],
    ids=str,
)
def test_the_roles_of_named_clients_count(options, expected):
    """Beside the realm's roles only those of the clients that are named count, by default of the audience."""
    realm = {"offline_access", "default-roles-acme", "manager"}
    assert checks(**options)(of()).roles == realm | expected


def test_a_role_of_another_client_opens_nothing():
    """A role that another client grants is not taken for one of this API's, whatever it is called."""
    check = checks(any_role="admin")
    assert reason(check, of(resource_access={"billing": {"roles": ["admin"]}})) == "MISSING_ROLE"
    assert reason(check, of(resource_access={"orders": {"roles": ["admin"]}})) == "GOOD"
    assert reason(check, of(realm_access={"roles": ["admin"]})) == "GOOD"
    for odd in ("admin", ["admin"], {"orders": ["admin"]}, {"orders": {"roles": {"admin": True}}}, None):
        assert reason(check, of(resource_access=odd)) == "UNKNOWN_ROLES"


def test_a_lightweight_token_is_good_and_has_no_roles():
    """A lightweight access token lacks roles and profile: it is accepted, and a demand for a role explains."""
    bare = {"realm_access": ABSENT, "resource_access": ABSENT, "preferred_username": ABSENT, "allowed-origins": ABSENT}
    read = checks()(of(**bare))
    assert (read.roles, read.is_application) == (frozenset(), None)
    for refused in (refusal(Demands(any_role="a").check, read), refusal(checks(any_role="a"), of(**bare))):
        assert (refused.reason, "lightweight" in refused.hint) == (Reason.MISSING_ROLE, True)
    assert refusal(Demands(any_role="a").check, checks()(of())).hint is None
    assert refusal(Demands(any_group="a").check, read).hint is None
