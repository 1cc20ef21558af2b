"""
Microsoft Entra ID: one tenant (``KIND``), and what it publishes for all (``COMMON``). Versions: those of its tokens.

Rules kept here: the keys are published as v2 does it, without ``alg`` and each with the issuer that it signs for, which
is the v2 one; v1 tokens are signed with the same keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.providers._entra_id import Cloud
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]
    Made = tuple[Members, Members]

HOME = "https://login.microsoftonline.com"
V1_ISSUER = "https://sts.windows.net"
TENANT = "2f4a9838-26b7-47ee-be60-ccc1fdec5953"
OTHER_TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
_FOREIGN_TENANT = "fa15d692-e9c7-4460-a743-29f2956fd429"
_USER = "690222be-ff1a-4d56-abd1-7e4f7d38e474"
_GRAPH = "00000003-0000-0000-c000-000000000000"


def issuer_of(base: str, version: str, tenant: str = TENANT) -> str:
    """Return the issuer of a tenant's tokens; that of v1 tokens is on a host of its own."""
    return f"{base}/{tenant}/v2.0" if version == "2.0" else f"{V1_ISSUER}/{tenant}/"


def _header(wish: Wish) -> Members:
    return {"typ": "JWT", **({"x5t": "i6lGk3FZzxRcUb2C3nEQ7syHJlY"} if wish.version == "1.0" else {})}


def claims_of(wish: Wish, tenant: str = TENANT) -> Members:
    """Return the claims of an access token."""
    return {
        "aud": wish.aud,
        "iss": wish.issuer,
        "iat": wish.issued_at,
        "nbf": wish.issued_at,
        "exp": wish.expires_at,
        "aio": "AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy/C3jDaNGxXd6w",
        **_client(wish),
        **(_own(wish) if wish.application else _of_a_user(wish)),
        **({"roles": list(wish.roles)} if wish.roles else {}),
        "rh": "0.ARoAv4j5cvGGr0GRqy180BHbR",
        "tid": tenant,
        "uti": wish.token_id,
        "ver": wish.version,
    }


def _client(wish: Wish) -> Members:
    how = "1" if wish.application else "0"
    if wish.version == "2.0":
        return {"azp": wish.client_id, "azpacr": how}
    return {"appid": wish.client_id, "appidacr": how, "acr": "1", "amr": ["pwd"]}


def _own(wish: Wish) -> Members:
    return {"oid": wish.subject, "sub": wish.subject}


def _of_a_user(wish: Wish) -> Members:
    name = "unique_name" if wish.version == "1.0" else "preferred_username"
    who = {"name": "Abe Lincoln", "oid": _USER, name: "abeli@example.com", "sub": wish.subject}
    return {**who, **({"scp": wish.scope} if wish.scopes else {})}


def id_token(_: Wish, __: Members, claims: Members) -> Made:
    """Make an ID token as dangerous as it gets: for the API itself, and of a client that sent no nonce."""
    access_only = {"azp", "azpacr", "appid", "appidacr", "acr", "scp"}
    return {"typ": "JWT"}, {name: value for name, value in claims.items() if name not in access_only}


def _id_token_with_nonce(wish: Wish, header: Members, claims: Members) -> Made:
    header, said = id_token(wish, header, claims)
    return header, {**said, "nonce": "12345", "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"}


def changed(**changes: Any) -> Callable[[Wish, Members, Members], Made]:
    """Return what makes an access token with other claims; one that is None is left out."""

    def make(_: Wish, header: Members, claims: Members) -> Made:
        return header, {name: value for name, value in {**claims, **changes}.items() if value is not None}

    return make


def _of_the_other_version(wish: Wish, header: Members, claims: Members) -> Made:
    """Make a token that has the issuer of one version and everything else of the other."""
    new = wish.version == "2.0"
    own, other = ("azp", "appid") if new else ("appid", "azp")
    said = {other if name == own else name: value for name, value in claims.items()}
    return header, {**said, "ver": "1.0" if new else "2.0"}


def _of_a_foreign_tenant(wish: Wish, header: Members, claims: Members) -> Made:
    issuer = issuer_of(wish.base, wish.version, _FOREIGN_TENANT)
    return header, {**claims, "iss": issuer, "tid": _FOREIGN_TENANT}


def _both_versions(base: str, directory: str, v1_issuer: str, v2_issuer: str) -> dict[str, Members]:
    """Return the documents of a directory; all of them lead to the same keys."""
    found = {}
    for path, issuer, marks in (("", v1_issuer, "oauth2"), ("/v2.0", v2_issuer, "oauth2/v2.0")):
        found[f"/{directory}{path}{DISCOVERY_PATH}"] = document_of(f"{base}/{directory}", marks, issuer, base)
    return found


def document_of(at: str, endpoints: str, issuer: str, base: str, keys: str = "/discovery/v2.0/keys") -> Members:
    """Return a discovery document with the members that the real ones have."""
    return {
        "token_endpoint": f"{at}/{endpoints}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": base + keys,
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "authorization_endpoint": f"{at}/{endpoints}/authorize",
        "end_session_endpoint": f"{at}/{endpoints}/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "tid", "ver"],
    }


def _tenant_documents(base: str, _: tuple[str, ...]) -> Mapping[str, Members]:
    return _both_versions(base, TENANT, issuer_of(base, "1.0"), issuer_of(base, "2.0"))


def _common_documents(base: str, _: tuple[str, ...]) -> Mapping[str, Members]:
    templates = tuple(issuer_of(base, version, "{tenantid}") for version in ("1.0", "2.0"))
    return {**_both_versions(base, "common", *templates), **_both_versions(base, "organizations", *templates)}


def published(jwk: Members, issuer: str) -> Members:
    """Return a key as v2 publishes it: any algorithm for RSA, for one issuer or for those of a template."""
    members = {name: value for name, value in jwk.items() if name != "alg"}
    return {**members, "x5t": jwk["kid"], "cloud_instance_name": "microsoftonline.com", "issuer": issuer}


def _manager(*tenants: str) -> Callable[..., KeyManager]:
    def manager(base: str, **options: Any) -> KeyManager:
        placed: dict[str, Any] = {"tenant": tenants, "cloud": Cloud(base, V1_ISSUER)}
        return providers.entra_id(**{**placed, **options})

    return manager


LOOK_ALIKES = {
    "ID token": LookAlike(make=id_token, reason=Reason.WRONG_TOKEN_KIND),
    "ID token with a nonce": LookAlike(make=_id_token_with_nonce, reason=Reason.WRONG_TOKEN_KIND),
    "Graph token": LookAlike(make=changed(aud=_GRAPH), reason=Reason.WRONG_AUDIENCE),
    "bound token": LookAlike(make=changed(cnf={"kid": "WBTrq4T2LFSNqfpSN1xqVw"}), reason=Reason.PROOF_REQUIRED),
    "token without a tenant": LookAlike(make=changed(tid=None), reason=Reason.MISSING_CLAIM),
    "token of two tenants": LookAlike(make=changed(Tid=OTHER_TENANT), reason=Reason.CLAIM_MISMATCH),
    "token of another tenant": LookAlike(make=changed(tid=_FOREIGN_TENANT), reason=Reason.CLAIM_MISMATCH),
}
_ENTRA_ONLY = {
    "token of the other version": LookAlike(make=_of_the_other_version, reason=Reason.CLAIM_MISMATCH),
    "token of a foreign tenant": LookAlike(make=_of_a_foreign_tenant, reason=Reason.UNKNOWN_ISSUER),
}

KIND = ProviderKind(
    name="entra_id",
    home=HOME,
    versions=("2.0", "1.0"),
    issuer=issuer_of,
    header=_header,
    claims=claims_of,
    documents=_tenant_documents,
    jwks_path="/discovery/v2.0/keys",
    jwk=lambda base, jwk: published(jwk, issuer_of(base, "2.0")),
    manager=_manager(TENANT),
    look_alikes={**LOOK_ALIKES, **_ENTRA_ONLY},
)

COMMON = ProviderKind(
    name="entra_id_common",
    home=HOME,
    versions=("2.0", "1.0"),
    issuer=issuer_of,
    header=_header,
    claims=claims_of,
    documents=_common_documents,
    jwks_path="/discovery/v2.0/keys",
    jwk=lambda base, jwk: published(jwk, issuer_of(base, "2.0", "{tenantid}")),
    manager=_manager(TENANT, OTHER_TENANT),
    look_alikes={**LOOK_ALIKES, **_ENTRA_ONLY},
)
