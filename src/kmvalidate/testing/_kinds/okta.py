"""
A custom authorization server of Okta, as every organization has one.

Rules kept here: tokens have the claims of Okta's documentation, and no `typ` in their header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._answers import only, scope_of, user
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_SERVER = "/oauth2/default"
_DEVICE = "q4SZgrA9sOeHkfst5uaa"


def _user_id(wish: Wish) -> str:
    return f"00u{wish.subject}"


def _claims(wish: Wish) -> dict[str, Any]:
    who = {} if wish.application else {"uid": _user_id(wish), "auth_time": wish.issued_at}
    return {
        "ver": 1,
        "jti": f"AT.{wish.token_id}",
        "iss": wish.issuer,
        "aud": wish.aud,
        **wish.times,
        "cid": wish.client_id,
        **who,
        "scp": list(wish.scopes),
        "sub": wish.subject,
        **({"groups": list(wish.roles)} if wish.roles else {}),
    }


def _id_token(wish: Wish, _: dict[str, Any], __: dict[str, Any]) -> Made:
    said = {"sub": wish.subject, "ver": 1, "iss": wish.issuer, "aud": wish.aud, "jti": f"ID.{wish.token_id}"}
    how = {"amr": ["pwd"], "idp": "00oid", "auth_time": wish.issued_at, "preferred_username": wish.subject}
    return {}, {**said, **wish.times, **how}


def _id_token_dressed_up(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    """Custom claims may be named like those of access tokens; `jti` is Okta's own."""
    return {}, {**claims, "jti": f"ID.{wish.token_id}"}


def _assertion_grant(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> Made:
    return {"typ": "oauth-id-jag+jwt"}, claims


def _logout_token(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    said = {"iss": wish.issuer, "sub": wish.subject, "aud": wish.aud, **wish.times, "jti": claims["jti"]}
    return {"typ": "logout+jwt"}, {**said, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}


def _jwt_answer(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    said = only(claims, "exp", "iat", "sub", "aud", "iss", "jti", "uid")
    scope = {"scope": scope_of(claims["scp"])} if "scp" in claims else {}
    return {"token_type": "Bearer", "client_id": claims.get("cid", wish.client_id), **scope, **user(wish), **said}


def _refresh_answer(wish: Wish) -> dict[str, Any]:
    said = {"token_type": "Bearer", "scope": wish.scope, "client_id": wish.client_id, **user(wish)}
    return {**said, "exp": wish.expires_at, "sub": wish.subject, "device_id": _DEVICE}


def _device_answer(wish: Wish) -> dict[str, Any]:
    return {"client_id": wish.client_id, "sub": wish.subject, "device_id": _DEVICE, "iss": wish.issuer, **wish.times}


def _documents(base: str, algorithms: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    issuer = base + _SERVER
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/v1/authorize",
        "token_endpoint": f"{issuer}/v1/token",
        "userinfo_endpoint": f"{issuer}/v1/userinfo",
        "registration_endpoint": f"{base}/oauth2/v1/clients",
        "jwks_uri": f"{issuer}/v1/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "code token", "id_token token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "scopes_supported": ["openid", "profile", "email", "offline_access", "device_sso"],
        "introspection_endpoint": f"{issuer}/v1/introspect",
        "revocation_endpoint": f"{issuer}/v1/revoke",
    }
    return {_SERVER + DISCOVERY_PATH: document, f"{_SERVER}/.well-known/oauth-authorization-server": document}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.okta(base + _SERVER, **options)


KIND = ProviderKind(
    name="okta",
    home="https://acme.okta.com",
    issuer=lambda base, _: base + _SERVER,
    header=lambda _: {},
    claims=_claims,
    manager=_manager,
    documents=_documents,
    jwks_path=f"{_SERVER}/v1/keys",
    introspection_path=f"{_SERVER}/v1/introspect",
    jwt_answer=_jwt_answer,
    refresh_answer=_refresh_answer,
    device_answer=_device_answer,
    stand_ins={"access": lambda _, header, claims: (header, claims)},
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "ID token with claims of access tokens": LookAlike(make=_id_token_dressed_up, reason=Reason.WRONG_TOKEN_KIND),
        "identity assertion grant": LookAlike(make=_assertion_grant, reason=Reason.WRONG_TOKEN_KIND),
        "logout token": LookAlike(make=_logout_token, reason=Reason.WRONG_TOKEN_KIND),
    },
    tells=frozenset({"consumer_key", "scopes"}),
)
