"""
An Auth0 tenant. Versions: ``auth0``, its own token profile, and ``rfc9068``.

Rules kept here: tokens have the claims of Auth0's documentation, users are `CONNECTION|ID` and clients `ID@clients`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_RFC9068 = "rfc9068"


def _subject(wish: Wish) -> str:
    if wish.application:
        return f"{wish.client_id}@clients"
    return wish.subject if "|" in wish.subject else f"auth0|{wish.subject}"


def _audience(wish: Wish) -> str | list[str]:
    """Who signed in with the scope `openid` may also ask for the user's data."""
    signed_in = "openid" in wish.scopes and not wish.application
    return [*wish.audience, f"{wish.issuer}userinfo"] if signed_in else wish.aud


def _claims(wish: Wish) -> dict[str, Any]:
    said = {"iss": wish.issuer, "sub": _subject(wish), "aud": _audience(wish), **wish.times, "scope": wish.scope}
    permissions = {"permissions": list(wish.roles)} if wish.roles else {}
    if wish.version == _RFC9068:
        return {**said, "client_id": wish.client_id, "jti": wish.token_id, **permissions}
    grant = {"gty": "client-credentials"} if wish.application else {}
    return {**said, **grant, "azp": wish.client_id, **permissions}


def _id_token(wish: Wish, _: dict[str, Any], __: dict[str, Any]) -> Made:
    who = {"nickname": wish.subject, "name": wish.subject, "email": "al@example.com", "email_verified": True}
    said = {"iss": wish.issuer, "aud": wish.aud, **wish.times, "sub": _subject(wish), "sid": wish.token_id}
    return {"typ": "JWT"}, {**who, **said}


def _id_token_of_a_browser(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    header, said = _id_token(wish, header, claims)
    return header, {**said, "nonce": "n-0S6", "at_hash": "MTIzNDU2Nzg5MA"}


def _id_token_with_its_client(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    header, said = _id_token(wish, header, claims)
    return header, {**said, "nonce": "n-0S6", "azp": wish.client_id}


def _userinfo_token(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {**claims, "aud": [f"{wish.issuer}userinfo"]}


def _management_token(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {**claims, "aud": f"{wish.issuer}api/v2/"}


def _logout_token(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return {"typ": "logout+jwt"}, {**claims, "sid": wish.token_id, "events": events}


def _documents(base: str, algorithms: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    document = {
        "issuer": f"{base}/",
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "device_authorization_endpoint": f"{base}/oauth/device/code",
        "userinfo_endpoint": f"{base}/userinfo",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "registration_endpoint": f"{base}/oidc/register",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "scopes_supported": ["openid", "profile", "offline_access", "name", "email"],
        "response_types_supported": ["code", "token", "id_token", "code token", "code id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256", *algorithms],
    }
    return {DISCOVERY_PATH: document}


def _jwk(_: str, jwk: dict[str, Any]) -> dict[str, Any]:
    thumbprint = base64.urlsafe_b64encode(jwk["kid"].encode().ljust(20, b"."))[:27]
    return {**jwk, "x5t": thumbprint.decode()}


def _manager(base: str, **options: Any) -> KeyManager:
    if base == KIND.home:
        return providers.auth0(base.removeprefix("https://"), **options)
    return providers.auth0(issuer=f"{base}/", **options)


KIND = ProviderKind(
    name="auth0",
    home="https://acme.eu.auth0.com",
    versions=("auth0", _RFC9068),
    issuer=lambda base, _: f"{base}/",
    header=lambda wish: {"typ": "at+jwt" if wish.version == _RFC9068 else "JWT"},
    claims=_claims,
    manager=_manager,
    documents=_documents,
    jwks_path="/.well-known/jwks.json",
    jwk=_jwk,
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "ID token of a browser": LookAlike(make=_id_token_of_a_browser, reason=Reason.WRONG_TOKEN_KIND),
        "ID token with its client": LookAlike(make=_id_token_with_its_client, reason=Reason.WRONG_TOKEN_KIND),
        "token for /userinfo": LookAlike(make=_userinfo_token, reason=Reason.WRONG_AUDIENCE),
        "token for the Management API": LookAlike(make=_management_token, reason=Reason.WRONG_AUDIENCE),
        "logout token": LookAlike(make=_logout_token, reason=Reason.WRONG_TOKEN_KIND),
    },
    tells=frozenset({"consumer_key", "scopes"}),
)
