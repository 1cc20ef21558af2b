"""A Keycloak realm. Versions: ``26`` as it is installed, ``at+jwt`` for clients with the header type of RFC 9068."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_REALM = "/realms/acme"


def _header(wish: Wish) -> dict[str, Any]:
    return {"typ": "at+jwt" if wish.version == "at+jwt" else "JWT"}


def _claims(wish: Wish) -> dict[str, Any]:
    who = (
        {"preferred_username": f"service-account-{wish.client_id}"}
        if wish.application
        else {"preferred_username": "al"}
    )
    return {
        **wish.times,
        "jti": f"onrtro:{wish.token_id}",
        "iss": wish.issuer,
        "aud": wish.aud,
        "sub": wish.subject,
        "typ": "Bearer",
        "azp": wish.client_id,
        "sid": "4f0c2b9d-6f1c-4a51-8f7f-6f5c8a3c0b7e",
        "acr": "1",
        "allowed-origins": ["/*"],
        "realm_access": {"roles": ["offline_access", *wish.roles]},
        "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
        "scope": wish.scope,
        "email_verified": False,
        **who,
        **({"client_id": wish.client_id, "clientHost": "192.0.2.7"} if wish.application else {}),
    }


def _of_type(kind: str, **changes: Any) -> Callable[[Wish, dict[str, Any], dict[str, Any]], Made]:
    def make(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> Made:
        return {"typ": "JWT"}, {**claims, "typ": kind, **changes}

    return make


def _refresh(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    return {"typ": "JWT"}, {**claims, "typ": "Refresh", "aud": wish.issuer}


def _lightweight(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    left_out = {"realm_access", "resource_access", "preferred_username", "email_verified", "aud", "sub", "acr"}
    return header, {name: value for name, value in claims.items() if name not in left_out}


def _jwt_answer(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    named = {"client_id": claims.get("azp"), "username": claims.get("preferred_username")}
    return {**named, **claims, "token_type": claims.get("typ")}


def _refresh_answer(wish: Wish) -> dict[str, Any]:
    return _jwt_answer(wish, *_refresh(wish, {}, _claims(wish)))


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.keycloak(base + _REALM, **options)


KIND = ProviderKind(
    name="keycloak",
    home="https://sso.example",
    versions=("26", "at+jwt"),
    issuer=lambda base, _: base + _REALM,
    header=_header,
    claims=_claims,
    jwks_path=f"{_REALM}/protocol/openid-connect/certs",
    manager=_manager,
    introspection_path=f"{_REALM}/protocol/openid-connect/token/introspect",
    jwt_answer=_jwt_answer,
    refresh_answer=_refresh_answer,
    stand_ins={"access": _lightweight, "refresh": _refresh},
    look_alikes={
        "ID token": LookAlike(make=_of_type("ID", scope=None), reason=Reason.WRONG_TOKEN_KIND),
        "refresh token": LookAlike(make=_refresh, reason=Reason.WRONG_AUDIENCE),
        "offline token": LookAlike(make=_of_type("Offline"), reason=Reason.WRONG_TOKEN_KIND),
        "logout token": LookAlike(make=_of_type("Logout", events={}), reason=Reason.WRONG_TOKEN_KIND),
        "action token": LookAlike(make=_of_type("reset-credentials"), reason=Reason.WRONG_TOKEN_KIND),
        "registration token": LookAlike(make=_of_type("RegistrationAccessToken"), reason=Reason.WRONG_TOKEN_KIND),
    },
)
