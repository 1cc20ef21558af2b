"""
A realm of PingAM (ForgeRock) with client-based tokens.

Rules kept here: the issuer has its port in it, even the usual one; scopes are an array; ``aud`` is a string if it can.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._answers import only, scope_of
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_PATH = "/am/oauth2/realms/root/realms/alpha"
_REFERENCE_BYTES = 20
_TRACKING = "c9611769-cbb0-4f6f-89ab-cc971a9a4267-297791"


_TOLD = (
    "realm",
    "client_id",
    "token_type",
    "exp",
    "sub",
    "subname",
    "iss",
    "aud",
    "cts",
    "auth_level",
    "authGrantId",
    "auditTrackingId",
)


def _claims(wish: Wish) -> dict[str, Any]:
    return {
        "sub": f"(age!{wish.client_id})" if wish.application else f"(usr!{wish.subject})",
        "cts": "OAUTH2_STATELESS_GRANT",
        "auth_level": 0,
        "auditTrackingId": _TRACKING,
        "subname": wish.subject,
        "iss": wish.issuer,
        "tokenName": "access_token",
        "token_type": "Bearer",
        "authGrantId": "fpO7HNZXHhLW5ObvmIoYT7PMaHY",
        **({} if wish.application else {"nonce": "n-0S6"}),
        "client_id": wish.client_id,
        "aud": wish.aud,
        "nbf": wish.issued_at,
        "grant_type": "client_credentials" if wish.application else "authorization_code",
        "scope": list(wish.scopes),
        "auth_time": wish.issued_at,
        "realm": "/alpha",
        **wish.times,
        "expires_in": wish.expires_at - wish.issued_at,
        "jti": wish.token_id,
    }


def _id_token(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    left = {name: value for name, value in claims.items() if name not in {"cts", "token_type", "scope", "grant_type"}}
    return header, {**left, "tokenName": "id_token", "tokenType": "JWTToken"}


def _refresh_token(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {**claims, "tokenName": "refresh_token", "ops": "CRlGzQxkjPrz"}


def _unnamed(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {name: value for name, value in claims.items() if name != "tokenName"}


def _jwt_answer(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    said = only(claims, *_TOLD)
    who = dict.fromkeys(("user_id", "username"), wish.subject)
    return {**said, **who, "scope": scope_of(claims.get("scope"))}


def _answer(wish: Wish) -> dict[str, Any]:
    said = _jwt_answer(wish, {}, _claims(wish))
    return {name: value for name, value in said.items() if name not in {"cts", "aud"}}


def _refresh_answer(wish: Wish) -> dict[str, Any]:
    return {**_answer(wish), "token_type": "refresh_token"}


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    issuer = base + _PATH
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/access_token",
        "introspection_endpoint": f"{issuer}/introspect",
        "introspection_signing_alg_values_supported": list(algorithms),
        "revocation_endpoint": f"{issuer}/token/revoke",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/connect/jwk_uri",
        "response_types_supported": ["code", "token", "id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["HS256", *algorithms],
    }
    return {_PATH + DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.forgerock(base + _PATH, **options)


KIND = ProviderKind(
    name="forgerock",
    home="https://am.example:443",
    versions=("7",),
    issuer=lambda base, _: base + _PATH,
    header=lambda _: {"typ": "JWT"},
    claims=_claims,
    documents=_documents,
    jwks_path=f"{_PATH}/connect/jwk_uri",
    manager=_manager,
    introspection_path=f"{_PATH}/introspect",
    answer=_answer,
    jwt_answer=_jwt_answer,
    refresh_answer=_refresh_answer,
    new_token=lambda: secrets.token_urlsafe(_REFERENCE_BYTES),
    signed_answers=True,
    tells=frozenset({"consumer_key", "scopes"}),
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "refresh token": LookAlike(make=_refresh_token, reason=Reason.WRONG_TOKEN_KIND),
        "token without a name": LookAlike(make=_unnamed, reason=Reason.WRONG_TOKEN_KIND),
    },
)
