"""
What the tokens of Microsoft's identity platform have in common: Entra ID, External ID and, in part, Azure AD B2C.

Rules kept here: a token says its version (``ver``), which is that of its issuer, and names its client the way of that
version: ``appid`` in v1, ``azp`` in v2. ID tokens name none. Tokens for Microsoft's own APIs are for nobody else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kmvalidate.audiences import AnyAudience, ClientIdInstead
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import UUID, to_names
from kmvalidate.rules import TokenKinds
from kmvalidate.urls import OIDC_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from kmvalidate.providers._common import AudienceNames

ORIGIN = r"https?://[^/?#@\s]+"
DIRECTORY = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"

_GUID = re.compile(UUID, re.IGNORECASE)
_CLIENT_CLAIMS = {"1.0": "appid", "2.0": "azp"}
_CLIENT_NAMES = frozenset(_CLIENT_CLAIMS.values())

_OWN_API_HINT = (
    "It is a token for one of Microsoft's own APIs, which nobody else can verify: ask for a scope of your own API, "
    "such as api://CLIENT-ID/access."
)
_AUDIENCE_HINT = (
    "`aud` is the client id of the API in v2 tokens; in v1 tokens it is that, or the App ID URI (api://...), with or "
    "without a slash at the end, as the client asked for it. List in audience= each form that is used."
)
_KIND_HINT = "A token that names no client is an ID token: an API is called with the access token."
_KEY_HINT = (
    "Keys that an application has of its own (claims mapping, SAML) are published apart: app_keys= is its client id. "
    "Keys of other tenants, and of personal accounts, sign nothing here."
)
OPAQUE_HINT = "Access tokens for an API of your own are JWTs here: what is opaque is a refresh token, or for Microsoft."

_OWN_APIS = (
    *("https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"),
    *("https://microsoftgraph.chinacloudapi.cn", "https://graph.windows.net", "https://graph.chinacloudapi.cn"),
    *("https://management.azure.com", "https://management.core.windows.net"),
)
_GRAPH_IDS = ("00000003-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000")

#: Microsoft Graph, Azure AD Graph and Azure Resource Manager: by client id, and by URL with and without its slash.
FOREIGN_AUDIENCES = dict.fromkeys((*_GRAPH_IDS, *_OWN_APIS, *(f"{url}/" for url in _OWN_APIS)), _OWN_API_HINT)

KINDS = TokenKinds(required_signs=_CLIENT_NAMES)

#: What `KeyManager` takes for such tokens. The leeway is that of Microsoft's own libraries.
KNOWN: Mapping[str, Any] = {
    "algorithms": ("RS256",),
    "leeway_s": 300.0,
    "required_claims": ("tid",),
    "consumer_key_claims": ("azp", "appid"),
    "scope_claims": ("scp",),
}


def check_version(values: Mapping[str, Any], names: AbstractSet[str]) -> None:
    """
    Check that a token is what its issuer issues: its version, its client, and one tenant only.

    Args:
        values: Its ``iss`` and ``ver``.

        names: The names of all its claims.

    Raises:
        Refused: MISSING_CLAIM, CLAIM_MISMATCH or WRONG_TOKEN_KIND.
    """
    version = "2.0" if values["iss"].endswith("/v2.0") else "1.0"
    if "ver" not in values:
        raise Refused(Reason.MISSING_CLAIM, claim="ver", expected=version)
    if values["ver"] != version:
        raise Refused(Reason.CLAIM_MISMATCH, claim="ver", expected=version, got=values["ver"])
    for of, name in _CLIENT_CLAIMS.items():
        if (name in names) != (of == version):
            got = f"a claim of {of} tokens" if name in names else "no such claim"
            raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, got=got)
    if any(name != "tid" and name.lower() == "tid" for name in names):
        raise Refused(Reason.CLAIM_MISMATCH, claim="tid", expected="one tenant", got="another spelling of it too")


def is_application(claims: Mapping[str, Any]) -> bool | None:
    """Tell whether a client got a token for itself: its subject is then the client's own object in the tenant."""
    kind = claims.get("idtyp")
    if kind in ("app", "user"):
        return bool(kind == "app")
    if "scp" in claims:
        return False
    subject, object_id = claims.get("sub"), claims.get("oid")
    return subject == object_id if isinstance(subject, str) and isinstance(object_id, str) else None


def explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    """Return a hint for a refused token."""
    if refused.reason is Reason.BAD_SIGNATURE:
        audience = claims.get("aud")
        return FOREIGN_AUDIENCES.get(audience) if isinstance(audience, str) else None
    if refused.reason is Reason.WRONG_TOKEN_KIND and _CLIENT_NAMES.isdisjoint(claims):
        return _KIND_HINT
    if refused.claim == "aud":
        return _AUDIENCE_HINT
    return _KEY_HINT if refused.reason is Reason.UNKNOWN_KEY else None


def is_guid(value: object) -> bool:
    """Tell whether it is a GUID, in any case."""
    return isinstance(value, str) and _GUID.fullmatch(value) is not None


def to_guid(value: str, what: str) -> str:
    """
    Return a GUID as Microsoft writes it, in lower case.

    Raises:
        ConfigurationError: It is none; the message begins with *what* it was to be.
    """
    if not is_guid(value):
        raise ConfigurationError(f"{what} is named by its GUID, as in 2f4a9838-26b7-47ee-be60-ccc1fdec5953")
    return value.lower()


def both_forms(audience: AudienceNames) -> AudienceNames:
    """Return an audience with its client ids also in the form that an App ID URI has unless it was changed."""
    if isinstance(audience, AnyAudience | ClientIdInstead):
        return audience
    named = to_names(audience)
    ids = [name.removeprefix("api://").lower() for name in named if is_guid(name.removeprefix("api://"))]
    return tuple(dict.fromkeys((*named, *ids, *(f"api://{one}" for one in ids))))


def told_apart(issuer: str | None, discovery_url: str | None) -> tuple[str | None, str | None]:
    """Return an issuer and the URL of a discovery document; the latter may be given in the former's place."""
    is_document = discovery_url is None and isinstance(issuer, str) and OIDC_SUFFIX in issuer
    return (None, issuer) if is_document else (issuer, discovery_url)
