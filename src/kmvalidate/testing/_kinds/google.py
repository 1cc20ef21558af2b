"""
Google, with the ID tokens it makes for an API. Versions: ``current``, and ``old`` with an issuer that is no URL.

Its keys lie on its own host here; the real ones are on another.

Rules kept here: tokens have the claims of Google's documentation: service accounts have numbers, users may have `hd`.
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

_KEYS_PATH = "/oauth2/v3/certs"
_HASH = "MTIzNDU2Nzg5MDEyMzQ1Ng"


def _issuer(base: str, version: str) -> str:
    return base.partition("://")[2] if version == "old" else base


def _claims(wish: Wish) -> dict[str, Any]:
    email = f"{wish.client_id}@acme.iam.gserviceaccount.com" if wish.application else f"{wish.subject}@acme.example"
    return {
        "aud": wish.aud,
        "azp": wish.client_id,
        "email": email,
        "email_verified": True,
        **wish.times,
        **({} if wish.application else {"hd": "acme.example"}),
        "iss": wish.issuer,
        "sub": wish.subject,
    }


def _sign_in(claim: str, value: str) -> LookAlike:
    def make(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
        return header, {**claims, claim: value, "name": "Al", "picture": "https://example.com/al.png"}

    return LookAlike(make=make, reason=Reason.WRONG_TOKEN_KIND)


def _security_event(_: Wish, __: dict[str, Any], claims: dict[str, Any]) -> Made:
    events = {"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {"reason": "hijacking"}}
    return {"typ": "secevent+jwt"}, {**claims, "events": events}


def _security_event_without_type(_: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    return header, {**claims, "events": {"https://schemas.openid.net/secevent/risc/event-type/sessions-revoked": {}}}


def _documents(base: str, algorithms: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/o/oauth2/v2/auth",
        "device_authorization_endpoint": "https://oauth2.googleapis.com/device/code",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
        "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
        "jwks_uri": base + _KEYS_PATH,
        "response_types_supported": ["code", "id_token", "code id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "scopes_supported": ["openid", "email", "profile"],
    }
    return {DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.google(issuer=None if base == KIND.home else base, **options)


KIND = ProviderKind(
    name="google",
    home="https://accounts.google.com",
    versions=("current", "old"),
    issuer=_issuer,
    header=lambda _: {"typ": "JWT"},
    claims=_claims,
    manager=_manager,
    documents=_documents,
    jwks_path=_KEYS_PATH,
    look_alikes={
        "sign-in with a nonce": _sign_in("nonce", "n-0S6"),
        "sign-in with an access token": _sign_in("at_hash", _HASH),
        "sign-in with a code": _sign_in("c_hash", _HASH),
        "security event": LookAlike(make=_security_event, reason=Reason.WRONG_TOKEN_KIND),
        "security event without typ": LookAlike(make=_security_event_without_type, reason=Reason.WRONG_TOKEN_KIND),
    },
    tells=frozenset({"consumer_key"}),
)
