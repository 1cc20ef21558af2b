"""
A WSO2 Identity Server. Versions: ``7``, and ``5`` as servers before it are.

Rules kept here: what only newer servers have is not in the tokens of older ones.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._answers import only, scope_of, user
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]
    Made = tuple[Members, Members]

_ISSUER = "/oauth2/token"
_JWKS = "/oauth2/jwks"
_THUMBPRINT = "ZDcyZWU5OTJjNWYyNTc4OTNjYTY2NzcwZmJlMjA2ZjkzODZkOTlkNQ"


def signed_as(kind: str | None) -> Members:
    """Return a header as WSO2 servers write it: the certificate's thumbprint, and a type unless it is None."""
    return {"x5t": _THUMBPRINT, **({"typ": kind} if kind else {})}


def said_of(wish: Wish) -> Members:
    """Return the claims that access tokens of all versions have."""
    return {
        "sub": wish.subject,
        "aut": "APPLICATION" if wish.application else "APPLICATION_USER",
        "iss": wish.issuer,
        "aud": wish.aud,
        "nbf": wish.issued_at,
        "azp": wish.client_id,
        "scope": wish.scope,
        **wish.times,
        "jti": wish.token_id,
    }


def published(base: str, home: str, issuer: str, algorithms: tuple[str, ...]) -> dict[str, Members]:
    """Return the discovery document of a WSO2 server by path, given below which path its endpoints are."""
    endpoints = {name: base + home + path for name, path in _ENDPOINTS.items()}
    lists = {
        "response_types_supported": ["code", "id_token", "code id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    return {issuer.removeprefix(base) + DISCOVERY_PATH: {"issuer": issuer, **endpoints, **lists}}


def like(kind: str | None, **changes: Any) -> Callable[[Wish, Members, Members], Made]:
    """Return a maker of a token with that header type and the access token's claims, changed."""

    def make(_: Wish, __: Members, claims: Members) -> Made:
        return signed_as(kind), {**claims, **changes}

    return make


def id_token(wish: Wish, _: Members, claims: Members) -> Made:
    """Return an ID token that no claim betrays."""
    names = ("iss", "sub", "aud", "azp", "iat", "exp", "nbf", "jti")
    said = {name: claims[name] for name in names if name in claims}
    return signed_as("JWT"), {**said, "amr": ["BasicAuthenticator"], "org_name": "acme", "sid": wish.token_id}


def subject_token(wish: Wish, _: Members, claims: Members) -> Made:
    """Return the token with which one user asks to act as another."""
    return signed_as("jwt"), {**claims, "aut": None, "client_id": wish.client_id, "may_act": {"sub": "admin"}}


def logout_token(_: Wish, __: Members, claims: Members) -> Made:
    """Return a logout token (OpenID Connect Back-Channel Logout section 2.4)."""
    events: Members = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return signed_as("JWT"), {**claims, "aut": None, "scope": None, "events": events}


def opaque() -> str:
    """Return a token that is no JWT."""
    return str(uuid.uuid4())


def answers(username: str, **further: Any) -> Members:
    """
    Return the fields of a kind that say what its introspection answers.

    Args:
        username: The user's name in answers, with ``{}`` for the subject.

        further: Members that its answers about opaque tokens have besides.
    """

    def about_opaque(wish: Wish) -> Members:
        said = only(said_of(wish), "aut", "nbf", "scope", "exp", "iat")
        return {**said, "token_type": "Bearer", **named(wish), **further}

    def about_jwt(wish: Wish, header: Members, claims: Members) -> Members:
        said = only(claims, "aut", "nbf", "exp", "iat", "iss", "sub", "aud", "jti")
        refreshes = header.get("typ") == "rt+jwt" or claims.get("token_type") == "refresh_token"
        kind = {"token_type": "Refresh" if refreshes else "Bearer"}
        client = {"client_id": claims.get("client_id", claims.get("azp"))}
        return {**said, **kind, "scope": scope_of(claims.get("scope")), **named(wish), **client}

    def about_refresh_token(wish: Wish) -> Members:
        return {**about_opaque(wish), "token_type": "Refresh", "aut": None}

    def named(wish: Wish) -> Members:
        return {"client_id": wish.client_id, **user(wish, username.format(wish.subject))}

    return {
        "answer": about_opaque,
        "jwt_answer": about_jwt,
        "refresh_answer": about_refresh_token,
        "new_token": opaque,
    }


_ENDPOINTS = {
    "authorization_endpoint": "/oauth2/authorize",
    "token_endpoint": "/oauth2/token",
    "userinfo_endpoint": "/oauth2/userinfo",
    "jwks_uri": _JWKS,
    "introspection_endpoint": "/oauth2/introspect",
    "revocation_endpoint": "/oauth2/revoke",
    "end_session_endpoint": "/oidc/logout",
    "registration_endpoint": "/api/identity/oauth2/dcr/v1.1/register",
}


def _header(wish: Wish) -> Members:
    return signed_as("at+jwt" if wish.version == "7" else None)


def _claims(wish: Wish) -> Members:
    names: Members = {"groups": list(wish.roles), "roles": list(wish.roles)}
    if len(wish.roles) == 1:
        names = dict.fromkeys(names, wish.roles[0])
    if wish.version == "5":
        return {**said_of(wish), **(names if wish.roles else {})}
    organization = {"org_id": "10084a8d-113f-4211-a0d5-efe36b082211", "org_name": "Super"}
    return {**said_of(wish), **(names if wish.roles else {}), "client_id": wish.client_id, **organization}


def _api_key(wish: Wish, _: Members, claims: Members) -> Made:
    application = {"id": 1, "uuid": wish.token_id, "owner": "admin", "name": "Shop"}
    return signed_as("JWT"), {**claims, "aut": None, "application": application, "keytype": "PRODUCTION"}


def _backend_jwt(_: Wish, __: Members, claims: Members) -> Made:
    named = {"http://wso2.org/claims/apicontext": "/orders/1.0.0", "http://wso2.org/claims/subscriber": "admin"}
    return signed_as("JWT"), {**claims, **named}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.wso2_is(base, **options)


def _refused(make: Callable[[Wish, Members, Members], Made], *versions: str) -> LookAlike:
    return LookAlike(make=make, reason=Reason.WRONG_TOKEN_KIND, versions=versions)


KIND = ProviderKind(
    name="wso2_is",
    home="https://is.example:9443",
    versions=("7", "5"),
    issuer=lambda base, _: base + _ISSUER,
    header=_header,
    claims=_claims,
    documents=lambda base, algorithms: published(base, "", base + _ISSUER, algorithms),
    jwks_path=_JWKS,
    introspection_path=_ENDPOINTS["introspection_endpoint"],
    **answers("{}@carbon.super"),
    manager=_manager,
    look_alikes={
        "ID token": _refused(id_token),
        "refresh token": _refused(like("rt+jwt"), "7"),
        "old refresh token": _refused(like(None, token_type="refresh_token"), "5"),  # noqa: S106  # a kind of token
        "subject token": _refused(subject_token),
        "logout token": _refused(logout_token),
        "API key": _refused(_api_key),
        "named API key": _refused(like("JWT", token_type="apiKey")),  # noqa: S106
        "internal key": _refused(like("JWT", token_type="InternalKey")),  # noqa: S106
        "backend JWT": _refused(_backend_jwt),
        "bound token": LookAlike(make=like("at+jwt", cnf={"x5t#S256": _THUMBPRINT}), reason=Reason.PROOF_REQUIRED),
    },
)
