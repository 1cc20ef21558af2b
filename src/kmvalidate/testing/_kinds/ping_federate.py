"""
PingFederate with access token managers of JSON web tokens. Versions: scopes as a string, scopes as an array, and the
client under the name that WSO2 API Manager expects.

Rules kept here: tokens have the claims of the contract and no others; the user is in ``Username``.
"""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._answers import scope_of
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]


_LETTERS = string.ascii_letters + string.digits
_REFERENCE_LENGTH = 28


def _claims(wish: Wish) -> dict[str, Any]:
    return {
        "scope": list(wish.scopes) if wish.version == "scope array" else wish.scope,
        "client_id_name" if wish.version == "client_id_name" else "client_id": wish.client_id,
        "iss": wish.issuer,
        "jti": wish.token_id,
        "aud": wish.aud,
        **({} if wish.application else {"Username": wish.subject, "roles": list(wish.roles)}),
        **wish.times,
    }


def _id_token(**changes: Any) -> Callable[[Wish, dict[str, Any], dict[str, Any]], Made]:
    def make(wish: Wish, _: dict[str, Any], __: dict[str, Any]) -> Made:
        who = {"sub": wish.subject, "aud": wish.aud, "jti": wish.token_id, "iss": wish.issuer}
        return {}, {**who, **wish.times, "acr": "urn:pingidentity:password", "pi.sri": "JGUMyJVcPFZ", **changes}

    return make


def _logout_token(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return {"typ": "logout+jwt"}, {**claims, "sub": wish.subject, "events": events}


def _jwt_answer(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    named = {"token_type": "Bearer", "client_id": wish.client_id}
    return {**claims, "scope": scope_of(claims.get("scope")), **named}


def _reference() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_REFERENCE_LENGTH))


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/as/authorization.oauth2",
        "token_endpoint": f"{base}/as/token.oauth2",
        "revocation_endpoint": f"{base}/as/revoke_token.oauth2",
        "introspection_endpoint": f"{base}/as/introspect.oauth2",
        "userinfo_endpoint": f"{base}/idp/userinfo.openid",
        "jwks_uri": f"{base}/pf/JWKS",
        "response_types_supported": ["code", "token", "id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["none", "HS256", *algorithms],
    }
    return {DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.ping_federate(base, **options)


KIND = ProviderKind(
    name="ping_federate",
    home="https://sso.example:9031",
    versions=("scope string", "scope array", "client_id_name"),
    issuer=lambda base, _: base,
    header=lambda _: {"pi.atm": "4n2h"},
    claims=_claims,
    documents=_documents,
    jwks_path="/pf/JWKS",
    manager=_manager,
    introspection_path="/as/introspect.oauth2",
    jwt_answer=_jwt_answer,
    refresh_answer=lambda _: {},  # nothing but that it is active
    new_token=_reference,
    look_alikes={
        "ID token": LookAlike(make=_id_token(), reason=Reason.WRONG_TOKEN_KIND),
        "ID token with nonce": LookAlike(make=_id_token(nonce="n-0S6"), reason=Reason.WRONG_TOKEN_KIND),
        "logout token": LookAlike(make=_logout_token, reason=Reason.WRONG_TOKEN_KIND),
    },
)
