"""
Active Directory Federation Services, of Windows Server 2016 and later.

Rules kept here: access tokens name another issuer than ID tokens, over http; several names are an array, one is a
string. Its discovery document, which is that of ID tokens, is left out: nobody is to fetch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_HOST = "adfs.example"
_KEYS = "/adfs/discovery/keys"
_METHOD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def _trust(base: str) -> str:
    return f"http://{base.partition('://')[2]}/adfs/services/trust"


def _of_user(wish: Wish) -> dict[str, Any]:
    roles = {"role": wish.roles[0] if len(wish.roles) == 1 else list(wish.roles)} if wish.roles else {}
    names = {"upn": f"{wish.subject}@acme.example", "unique_name": f"ACME\\{wish.subject}"}
    return {**names, **roles, "authmethod": _METHOD, "scp": wish.scope}


def _claims(wish: Wish) -> dict[str, Any]:
    return {
        "aud": wish.aud,
        "iss": wish.issuer,
        "nbf": wish.issued_at,
        **wish.times,
        "apptype": "Confidential",
        "appid": wish.client_id,
        "auth_time": "2027-01-15T08:00:00.566Z",
        "ver": "1.0",
        **({} if wish.application else _of_user(wish)),
    }


def _id_token(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    own = {"iss": f"{wish.base}/adfs", "sub": "E8uMvTw4EzVtNJjAGGkn/HLxB5lsxPvUz9N8v2ONw6w=", "sid": "S-1-5-21-54956"}
    return header, {**claims, **own}


def _ws_token(wish: Wish, header: dict[str, Any], _: dict[str, Any]) -> Made:
    who = {"upn": f"{wish.subject}@acme.example", "role": list(wish.roles)}
    return header, {"aud": wish.aud, "iss": wish.issuer, **wish.times, **who, "authmethod": _METHOD}


def _jwk(_: str, jwk: dict[str, Any]) -> dict[str, Any]:
    return {**jwk, "x5t": jwk["kid"]}


def _manager(base: str, **options: Any) -> KeyManager:
    if base == f"https://{_HOST}":
        return providers.adfs(_HOST, **options)
    return providers.adfs(issuer=_trust(base), jwks_url=base + _KEYS, **options)


KIND = ProviderKind(
    name="adfs",
    home=f"https://{_HOST}",
    issuer=lambda base, _: _trust(base),
    header=lambda _: {"typ": "JWT", "x5t": "qN8ENOO1h0LwxMiAZny00jNpI1o"},
    claims=_claims,
    documents=lambda _, __: {},
    jwks_path=_KEYS,
    jwk=_jwk,
    manager=_manager,
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.UNKNOWN_ISSUER),
        "WS-Federation token": LookAlike(make=_ws_token, reason=Reason.WRONG_TOKEN_KIND),
    },
)
