"""
A Thunder server.

Rules kept here: refresh and ID tokens may look as much like access tokens as a configuration of the server allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._answers import only
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]
    Made = tuple[Members, Members]


_TOLD = ("scope", "client_id", "username", "exp", "iat", "nbf", "sub", "aud", "iss", "jti")


def _claims(wish: Wish) -> Members:
    return {
        "sub": wish.subject,
        "iss": wish.issuer,
        "aud": wish.aud,
        **wish.times,
        "nbf": wish.issued_at,
        "jti": wish.token_id,
        "scope": wish.scope,
        "client_id": wish.client_id,
        "grant_type": "client_credentials" if wish.application else "authorization_code",
        **({"roles": list(wish.roles), "groups": list(wish.roles)} if wish.roles else {}),
    }


def _refresh_token(wish: Wish, _: Members, claims: Members) -> Made:
    granted = {"access_token_sub": wish.subject, "access_token_aud": wish.aud}
    return {"typ": "JWT"}, {**claims, "sub": wish.client_id, "client_id": None, **granted}


def _id_token(wish: Wish, _: Members, claims: Members) -> Made:
    return {"typ": "JWT"}, {**claims, "scope": None, "client_id": None, "grant_type": None, "auth_time": wish.issued_at}


def _with_attributes(wish: Wish, _: Members, claims: Members) -> Made:
    return {"typ": "JWT"}, {**claims, "auth_time": wish.issued_at}


def _assertion(_: Wish, __: Members, claims: Members) -> Made:
    return {"typ": "JWT"}, {**claims, "client_id": None, "authorized_permissions": claims["scope"]}


def _jwt_answer(_: Wish, __: Members, claims: Members) -> Members:
    return {**only(claims, *_TOLD), "token_type": "Bearer"}


def _refresh_answer(wish: Wish) -> Members:
    return _jwt_answer(wish, *_refresh_token(wish, {}, _claims(wish)))


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.thunder(base, **options)


_REFUSED = {
    "refresh token": _refresh_token,
    "ID token": _id_token,
    "ID token with such attributes": _with_attributes,
    "flow assertion": _assertion,
    "untyped token": lambda _, __, claims: ({}, claims),
}

KIND = ProviderKind(
    name="thunder",
    home="https://thunder.example:8090",
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "at+jwt"},
    claims=_claims,
    jwks_path="/oauth2/jwks",
    manager=_manager,
    introspection_path="/oauth2/introspect",
    jwt_answer=_jwt_answer,
    refresh_answer=_refresh_answer,
    stand_ins={"access": lambda _, header, claims: (header, claims), "refresh": _refresh_token},
    look_alikes={name: LookAlike(make=make, reason=Reason.WRONG_TOKEN_KIND) for name, make in _REFUSED.items()},
)
