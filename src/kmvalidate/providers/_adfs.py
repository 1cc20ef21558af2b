"""
Active Directory Federation Services.

Rules kept here: the issuer alone tells access tokens from ID tokens, which have the same claims: AD FS puts
``access_token_issuer`` into the former and ``issuer`` into the latter. Its discovery document is that of the other
issuer, so the keys are fetched from where they are known to lie.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import further_issuers, key_manager, lacks_signs
from kmvalidate.rules import TokenKinds
from kmvalidate.urls import OIDC_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,30}}")
_ISSUER = re.compile(r"https?://([^/]+)/adfs(/services/trust)?")

_USER = frozenset({"sub", "upn", "unique_name", "sid", "primarysid", "email", "winaccountname"})
_OF_NOBODY = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "jti", "appid", "apptype", "authmethod", "auth_time", "ver"},
)

_ISSUER_HINT = (
    "AD FS has that issuer in its ID tokens, or its Federation Service Identifier is another one: what its discovery "
    "document calls access_token_issuer is in its access tokens."
)
_KIND_HINT = "AD FS names the client in `appid`; a token without it was issued over WS-Federation or WS-Trust."

KINDS = TokenKinds(required_signs={"appid"})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    """What a token says of its user is up to issuance rules, so that one with further claims may have one."""
    if not _USER.isdisjoint(claims):
        return False
    is_bare = claims.keys() <= _OF_NOBODY and claims.get("apptype") == "Confidential"
    return True if is_bare else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    return _KIND_HINT if lacks_signs(refused) else None


def _family(issuer: str) -> str | None:
    found = _ISSUER.fullmatch(issuer)
    return found[1].lower() if found else None


PROFILE = ProviderProfile(
    kind="adfs",
    token_kinds=KINDS,
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
)


def adfs(
    host: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "AD FS",
    issuer: str | None = None,
    discovery_url: str | None = None,
    jwks_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of Active Directory Federation Services.

    Args:
        host: The name of the federation service: ``adfs.example.com``.

        audience: Who its tokens must be meant for: the identifier of the web API.

        name: What to call it.

        issuer: The Federation Service Identifier, if it was changed from ``http://HOST/adfs/services/trust``; it is a
            name that nobody fetches. Or the URL of the discovery document.

        discovery_url: The URL of the discovery document, in place of *host*. It is not fetched: it names the issuer of
            ID tokens. The keys lie beside it.

        jwks_url: Where the keys lie, if not at ``https://HOST/adfs/discovery/keys``.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The host is none, the issuer is that of ID tokens, nothing tells where the keys lie, or
            `KeyManager` refuses an argument.
    """
    if issuer is not None and OIDC_SUFFIX in str(issuer):
        issuer, discovery_url = None, issuer
    base = _base(host, issuer, discovery_url)
    place = jwks_url or (f"{base}/discovery/keys" if base and options.get("keys") is None else None)
    if (issuer is None and base is None) or (place is None and options.get("keys") is None):
        raise ConfigurationError("AD FS is found by the name of its host, or by issuer= and jwks_url=")
    found = _trust(str(base)) if issuer is None else issuer
    for one in (found, *further_issuers(options)):
        _check_issuer(one)
    known = {
        "algorithms": ("RS256",),
        "consumer_key_claims": ("appid",),
        "scope_claims": ("scp",),
        "role_claims": ("role", "roles"),
        "group_claims": ("group", "groups"),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, jwks_url=place)


def _base(host: str | None, issuer: str | None, discovery_url: str | None) -> str | None:
    """Return what the URLs of AD FS begin with, None if nothing tells."""
    if host is not None and discovery_url is not None:
        raise ConfigurationError("AD FS is found by host= or by discovery_url=, not by both")
    if discovery_url is not None:
        if not str(discovery_url).endswith(f"/adfs{OIDC_SUFFIX}"):
            raise ConfigurationError(f"the discovery document of AD FS lies at https://HOST/adfs{OIDC_SUFFIX}")
        return discovery_url.removesuffix(OIDC_SUFFIX)
    named = _family(str(issuer)) if host is None else host
    is_host = isinstance(named, str) and bool(_HOST.fullmatch(named))
    if host is not None and not is_host:
        raise ConfigurationError("the host of AD FS is its plain name in lower case, such as adfs.example.com")
    return f"https://{named}/adfs" if is_host else None


def _trust(base: str) -> str:
    return f"http://{base.partition('://')[2]}/services/trust"


def _check_issuer(issuer: str) -> None:
    found = _ISSUER.fullmatch(str(issuer).removesuffix("/"))
    if found and found[2] is None:
        raise ConfigurationError(
            "/adfs is the issuer of the ID tokens of AD FS; its access tokens have http://HOST/adfs/services/trust"
        )
