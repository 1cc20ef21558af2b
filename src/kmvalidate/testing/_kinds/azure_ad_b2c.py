"""
An Azure AD B2C tenant. Versions: ``tfp`` as user flows issue it, ``acr`` as old ones do.

Rules kept here: each policy has its own documents, and all have one issuer. Access tokens have a ``nonce`` where the
client sent one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind
from kmvalidate.testing._kinds.entra_id import changed, document_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]

TENANT = "c64a4f7d-3091-4c73-a722-a3f069694230"
POLICY = "B2C_1_signupsignin1"
_DIRECTORY = "/contoso0926tenant.onmicrosoft.com"
_AT = f"{_DIRECTORY}/{POLICY}/v2.0{DISCOVERY_PATH}"
_KEYS = f"{_DIRECTORY}/{POLICY.lower()}/discovery/v2.0/keys"
_USER = "1558f87f-2f8b-4a0c-9f4a-1f8a9f1a7f0e"


def _issuer(base: str, _: str) -> str:
    return f"{base}/{TENANT}/v2.0/"


def _claims(wish: Wish) -> Members:
    user = {"oid": _USER, "name": "David", "nonce": "defaultNonce", "auth_time": wish.issued_at}
    return {
        "iss": wish.issuer,
        "exp": wish.expires_at,
        "nbf": wish.issued_at,
        "aud": wish.aud,
        "sub": wish.subject,
        **({} if wish.application else user),
        wish.version: POLICY,
        "scp": wish.scope,
        "azp": wish.client_id,
        "ver": "1.0",
        "iat": wish.issued_at,
    }


def _documents(base: str, _: tuple[str, ...]) -> Mapping[str, Members]:
    at = f"{base}{_DIRECTORY}/{POLICY.lower()}"
    return {_AT: document_of(at, "oauth2/v2.0", _issuer(base, ""), base, _KEYS)}


def _jwk(_: str, jwk: Members) -> Members:
    return {name: value for name, value in jwk.items() if name != "alg"}


def _of_another_policy(wish: Wish, header: Members, claims: Members) -> tuple[Members, Members]:
    return header, {**claims, wish.version: "B2C_1_passwordreset1"}


def _manager(base: str, **options: Any) -> KeyManager:
    placed: dict[str, Any] = {"issuer": _issuer(base, ""), "discovery_url": base + _AT, "policies": POLICY}
    return providers.azure_ad_b2c(**{**placed, **options})


KIND = ProviderKind(
    name="azure_ad_b2c",
    home="https://contoso0926tenant.b2clogin.com",
    versions=("tfp", "acr"),
    issuer=_issuer,
    header=lambda _: {"typ": "JWT"},
    claims=_claims,
    documents=_documents,
    jwks_path=_KEYS,
    jwk=_jwk,
    manager=_manager,
    look_alikes={
        "ID token": LookAlike(make=changed(azp=None, scp=None), reason=Reason.WRONG_TOKEN_KIND),
        "ID token without a nonce": LookAlike(
            make=changed(azp=None, scp=None, nonce=None), reason=Reason.WRONG_TOKEN_KIND
        ),
        "token of another policy": LookAlike(make=_of_another_policy, reason=Reason.CLAIM_MISMATCH),
        "token of no policy": LookAlike(make=changed(tfp=None, acr=None), reason=Reason.MISSING_CLAIM),
    },
    tells=frozenset({"consumer_key", "scopes"}),
)
