"""Any provider that follows RFC 9068."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish


def _claims(wish: Wish) -> dict[str, Any]:
    return {
        "iss": wish.issuer,
        "sub": wish.subject,
        "aud": wish.aud,
        "client_id": wish.client_id,
        **wish.times,
        "jti": wish.token_id,
        "scope": wish.scope,
        "roles": list(wish.roles),
    }


def _id_token(wish: Wish, _: dict[str, Any], __: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    said = {"iss": wish.issuer, "sub": wish.subject, "aud": wish.aud, "nonce": "n-0S6", "at_hash": "MTIzNDU2Nzg5MA"}
    return {"typ": "JWT"}, {**said, **wish.times}


def _refresh_token(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"typ": "rt+jwt"}, claims


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.oidc(base, **options)


KIND = ProviderKind(
    name="oidc",
    home="https://idp.example",
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "at+jwt"},
    claims=_claims,
    manager=_manager,
    introspection_path="/introspect",
    signed_answers=True,
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "refresh token": LookAlike(make=_refresh_token, reason=Reason.WRONG_TOKEN_KIND),
    },
)
