"""
Microsoft Entra External ID (CIAM): a tenant for customers.

Rules kept here: the issuer has the tenant's GUID for a host, though its documents are found under the tenant's name.
There are v2 tokens only. A token is of the one tenant (``tid``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Unpack

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import key_manager
from kmvalidate.providers._microsoft import (
    DIRECTORY,
    FOREIGN_AUDIENCES,
    KINDS,
    KNOWN,
    OPAQUE_HINT,
    ORIGIN,
    both_forms,
    check_version,
    explain,
    is_application,
    to_guid,
    told_apart,
)
from kmvalidate.urls import OIDC_SUFFIX

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ISSUER = re.compile(rf"{ORIGIN}/({UUID})/v2\.0")
_DOCUMENT = re.compile(rf"{ORIGIN}/(?:((?i:{UUID}))|{DIRECTORY})/v2\.0{re.escape(OIDC_SUFFIX)}(?:\?[^#\s]*)?")
_RELATIVE = re.compile(rf"{ORIGIN}/({UUID})(?:/v2\.0)?/?")
_FORM_HINT = (
    "It is of the configured tenant, in another form. The issuer of External ID is "
    "https://GUID.ciamlogin.com/GUID/v2.0; clients get its tokens at ciamlogin.com, for an API with "
    "`requestedAccessTokenVersion` 2 in its manifest."
)


def _family(issuer: str) -> str | None:
    found = _RELATIVE.fullmatch(issuer)
    return found[1] if found else None


PROFILE = ProviderProfile(
    kind="entra_external_id",
    token_kinds=KINDS,
    user_id_claims=("oid",),
    tenant_claims=("tid",),
    is_application=is_application,
    check=check_version,
    checked_claims=("iss", "ver"),
    foreign_audiences=FOREIGN_AUDIENCES,
    explain=explain,
    family=_family,
    family_hint=_FORM_HINT,
    opaque_hint=OPAQUE_HINT,
)


def entra_external_id(
    tenant: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "Entra External ID",
    tenant_name: str | None = None,
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of an external tenant of Entra ID.

    Args:
        tenant: Its GUID; not needed if *issuer* or *discovery_url* has it in it.

        audience: Who its tokens must be meant for. The client id of an API stands for ``api://CLIENT-ID`` too.

        name: What to call it.

        tenant_name: Its name, which its documents are found under (``NAME.ciamlogin.com``); by default they are looked
            for under its GUID.

        issuer: The ``iss`` of its tokens, if that is not ``https://GUID.ciamlogin.com/GUID/v2.0``; or the URL of its
            discovery document.

        discovery_url: Where the discovery document lies, if that is elsewhere: at a custom URL domain.

        options: Further arguments of `KeyManager`, and ``network``. The leeway is 300 s, as in Microsoft's libraries.

    Raises:
        ConfigurationError: The tenant is not named by its GUID, or arguments contradict each other; or `KeyManager`
            refuses one.
    """
    issuer, discovery_url = told_apart(issuer, discovery_url)
    guid = _tenant(tenant, _told(_ISSUER, issuer, "issuer"), _told(_DOCUMENT, discovery_url, "discovery_url"))
    if tenant_name is not None and (not isinstance(tenant_name, str) or not _NAME.fullmatch(tenant_name)):
        raise ConfigurationError("tenant_name is NAME in NAME.ciamlogin.com: lower-case letters, digits and hyphens")
    if discovery_url is None and options.get("keys") is None:
        discovery_url = f"https://{tenant_name or guid}.ciamlogin.com/{guid}/v2.0{OIDC_SUFFIX}"
    known = {**KNOWN, "claim_values": {"tid": guid}, "profile": PROFILE}
    return key_manager(
        known,
        options,
        name=name,
        issuer=issuer or f"https://{guid}.ciamlogin.com/{guid}/v2.0",
        audience=both_forms(audience),
        discovery_url=discovery_url,
    )


def _told(pattern: re.Pattern[str], said: str | None, argument: str) -> str | None:
    """Return the tenant that a URL names, None if there is no URL or it names the tenant in another way."""
    if said is None:
        return None
    found = pattern.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        form = f"https://HOST/GUID/v2.0, and {OIDC_SUFFIX} follows it"
        raise ConfigurationError(f"{argument}: the issuer of an external tenant is {form}; there are no v1 tokens")
    return found[1]


def _tenant(*given: str | None) -> str:
    """Return the tenant that all of what is given means."""
    named = {to_guid(one, "an external tenant") for one in given if one is not None}
    if len(named) != 1:
        raise ConfigurationError("tenant=, issuer= and discovery_url= name one tenant together, by its GUID")
    return named.pop()
