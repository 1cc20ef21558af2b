"""
A PingOne environment. Versions: ``at+jwt`` as always from 2 March 2027 on, and tokens without ``typ`` as before.

Rules kept here: an application's token has no session, and its ``sub`` is the client's or left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_HOME = "https://auth.pingone.eu"
_ENVIRONMENT = "5a473c78-29c6-4ce3-ac6a-d41dd13e4fe8"
_PATH = f"/{_ENVIRONMENT}/as"


def _header(wish: Wish) -> dict[str, Any]:
    return {"typ": "at+jwt"} if wish.version == "at+jwt" else {}


def _claims(wish: Wish) -> dict[str, Any]:
    session = {"sid": "0a3c1f6e-7d4b-4bfa-9d55-0f8f3b1b6c2a", "auth_time": wish.issued_at, "acr": "Single_Factor"}
    return {
        "client_id": wish.client_id,
        "iss": wish.issuer,
        "jti": wish.token_id,
        **wish.times,
        "aud": list(wish.audience),
        "scope": wish.scope,
        **({} if wish.application and wish.version == "no typ" else {"sub": wish.subject}),
        **({} if wish.application else session),
        "env": _ENVIRONMENT,
        "org": "d3c9d2ae-5ad1-4ac2-a4b6-9d6a9a3b4ad9",
        "p1.rid": "b1d2f7c4-2f0f-4a4c-8d0a-5f4f8b0f6f3e",
    }


def _id_token(**changes: Any) -> Callable[[Wish, dict[str, Any], dict[str, Any]], Made]:
    def make(wish: Wish, _: dict[str, Any], __: dict[str, Any]) -> Made:
        who = {"iss": wish.issuer, "sub": wish.subject, "aud": wish.aud, **wish.times, "amr": ["pwd"]}
        return {}, {**who, "env": _ENVIRONMENT, "preferred_username": "al", **changes}

    return make


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    issuer = base + _PATH
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "response_types_supported": ["code", "id_token", "token id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
    }
    return {_PATH + DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    if base == _HOME:
        return providers.ping_one(_ENVIRONMENT, region="eu", **options)
    return providers.ping_one(issuer=base + _PATH, **options)


KIND = ProviderKind(
    name="ping_one",
    home=_HOME,
    versions=("at+jwt", "no typ"),
    issuer=lambda base, _: base + _PATH,
    header=_header,
    claims=_claims,
    documents=_documents,
    jwks_path=f"{_PATH}/jwks",
    manager=_manager,
    introspection_path=f"{_PATH}/introspect",
    jwt_answer=lambda _, __, claims: {**claims, "token_type": "Bearer"},
    stand_ins={"access": lambda _, header, claims: (header, claims)},
    tells=frozenset({"consumer_key", "scopes"}),
    look_alikes={
        "ID token": LookAlike(make=_id_token(at_hash="MTIzNDU2Nzg5MA"), reason=Reason.WRONG_TOKEN_KIND),
        "ID token with nonce": LookAlike(make=_id_token(nonce="n-0S6"), reason=Reason.WRONG_TOKEN_KIND),
        "ID token with nothing of its own": LookAlike(make=_id_token(), reason=Reason.WRONG_TOKEN_KIND),
    },
)
