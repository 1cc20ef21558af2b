"""
A Kubernetes cluster. Versions: tokens as the API server signs them, and as an external signer does, with ``typ``.

Rules kept here: ``aud`` is always an array, and what a token is bound to lies in one object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_NAMESPACE = "shop"
_KEYS = "/openid/v1/jwks"


def _header(wish: Wish) -> dict[str, Any]:
    return {"typ": "JWT"} if wish.version == "external signer" else {}


def _claims(wish: Wish) -> dict[str, Any]:
    bound = {
        "namespace": _NAMESPACE,
        "node": {"name": "node-1", "uid": "7a1b8f5e-0c1d-4e2f-9a3b-4c5d6e7f8091"},
        "pod": {"name": "web-7d9c6b8f5-x2x4v", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
        "serviceaccount": {"name": wish.subject, "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
        "warnafter": wish.issued_at + 3607,
    }
    return {
        "aud": list(wish.audience),
        **wish.times,
        "iss": wish.issuer,
        "jti": wish.token_id,
        "kubernetes.io": bound,
        "nbf": wish.issued_at,
        "sub": f"system:serviceaccount:{_NAMESPACE}:{wish.subject}",
    }


def _secret_token(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    prefix = "kubernetes.io/serviceaccount/"
    bound = {
        f"{prefix}namespace": _NAMESPACE,
        f"{prefix}secret.name": "web-token",
        f"{prefix}service-account.name": "w",
    }
    return header, {"iss": wish.issuer, "aud": list(wish.audience), **bound, "sub": claims["sub"]}


def _endless_token(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {name: value for name, value in claims.items() if name != "exp"}


def _api_token(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {**claims, "aud": ["https://kubernetes.default.svc.cluster.local"]}


def _unbound_token(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {name: value for name, value in claims.items() if name != "kubernetes.io"}


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    document = {
        "issuer": base,
        "jwks_uri": base + _KEYS,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
    }
    return {DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    options.setdefault("namespaces", _NAMESPACE)
    return providers.kubernetes(base, **options)


KIND = ProviderKind(
    name="kubernetes",
    home="https://kubernetes.default.svc.cluster.local",
    versions=("api server", "external signer"),
    issuer=lambda base, _: base,
    header=_header,
    claims=_claims,
    documents=_documents,
    jwks_path=_KEYS,
    manager=_manager,
    tells=frozenset(),
    always_application=True,
    look_alikes={
        "token of a secret": LookAlike(make=_secret_token, reason=Reason.MISSING_CLAIM),
        "token without end": LookAlike(make=_endless_token, reason=Reason.MISSING_CLAIM),
        "token for the API server": LookAlike(make=_api_token, reason=Reason.WRONG_AUDIENCE),
        "token that is bound to nothing": LookAlike(make=_unbound_token, reason=Reason.WRONG_TOKEN_KIND),
    },
)
