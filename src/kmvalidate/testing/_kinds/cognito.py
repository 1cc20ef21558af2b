"""
A user pool of Amazon Cognito, whose clients ask for the resource that is the audience.

With ``audience=()`` they ask for none: its tokens then name no audience, as most of them do, and its key manager needs
``client_ids=``.

Rules kept here: tokens have the claims of Cognito's documentation, and no `typ` in their header.
"""

from __future__ import annotations

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

_POOL = "eu-west-1_AbC123dEf"
_KEYS_PATH = f"/{_POOL}/.well-known/jwks.json"


def _claims(wish: Wish) -> dict[str, Any]:
    session = {"origin_jti": f"origin-{wish.token_id}", "event_id": f"event-{wish.token_id}", "username": wish.subject}
    return {
        "sub": wish.client_id if wish.application else wish.subject,
        **({"cognito:groups": list(wish.roles)} if wish.roles else {}),
        "iss": wish.issuer,
        "version": 2,
        "client_id": wish.client_id,
        **({"aud": wish.aud} if wish.audience else {}),
        **({} if wish.application else session),
        "token_use": "access",
        "scope": wish.scope,
        "auth_time": wish.issued_at,
        **wish.times,
        "jti": wish.token_id,
    }


def _id_token(wish: Wish, _: dict[str, Any], claims: dict[str, Any]) -> Made:
    who = {"cognito:username": wish.subject, "email": "al@example.com", "email_verified": True}
    said = {name: claims[name] for name in ("sub", "iss", "auth_time", "exp", "iat", "jti")}
    return {}, {**said, "aud": wish.aud, "token_use": "id", **who}


def _id_token_with_its_client(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> Made:
    return {}, {**claims, "token_use": "id"}


def _without_use(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> Made:
    return {}, {**claims, "token_use": None}


def _documents(base: str, algorithms: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    domain = "https://acme.auth.eu-west-1.amazoncognito.com"
    document = {
        "issuer": f"{base}/{_POOL}",
        "authorization_endpoint": f"{domain}/oauth2/authorize",
        "token_endpoint": f"{domain}/oauth2/token",
        "userinfo_endpoint": f"{domain}/oauth2/userInfo",
        "revocation_endpoint": f"{domain}/oauth2/revoke",
        "end_session_endpoint": f"{domain}/logout",
        "jwks_uri": base + _KEYS_PATH,
        "id_token_signing_alg_values_supported": list(algorithms),
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    return {f"/{_POOL}{DISCOVERY_PATH}": document}


def _manager(base: str, **options: Any) -> KeyManager:
    options["audience"] = options["audience"] or None
    if base == KIND.home:
        return providers.cognito(_POOL, **options)
    return providers.cognito(_POOL, issuer=f"{base}/{_POOL}", **options)


KIND = ProviderKind(
    name="cognito",
    home="https://cognito-idp.eu-west-1.amazonaws.com",
    issuer=lambda base, _: f"{base}/{_POOL}",
    header=lambda _: {},
    claims=_claims,
    manager=_manager,
    documents=_documents,
    jwks_path=_KEYS_PATH,
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "ID token with its client": LookAlike(make=_id_token_with_its_client, reason=Reason.WRONG_TOKEN_KIND),
        "token without a use": LookAlike(make=_without_use, reason=Reason.WRONG_TOKEN_KIND),
    },
    tells=frozenset({"consumer_key", "scopes"}),
)
