"""
Microsoft Entra ID (Azure AD): one tenant or several, tokens of v1 and v2, sovereign clouds.

Rules kept here: tenants are listed, by their GUIDs; there is no "any". Issuers are those of the tenants, in the form of
an accepted version, in one cloud. The keys of one tenant verify nothing of another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Unpack

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID, to_names
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
    is_guid,
    to_guid,
    told_apart,
)
from kmvalidate.urls import OIDC_SUFFIX, checked_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Names, Options

VERSIONS = ("1.0", "2.0")
_TENANT = "{tenantid}"
_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant of personal accounts

_ISSUER = re.compile(rf"({ORIGIN})/({DIRECTORY}|{re.escape(_TENANT)})(/v2\.0|/)")
_DOCUMENT = re.compile(rf"({ORIGIN})/({DIRECTORY})(/v2\.0)?{re.escape(OIDC_SUFFIX)}(?:\?[^#\s]*)?")
_RELATIVE = re.compile(rf"{ORIGIN}/{UUID}(/v2\.0)?/?")

_A_TENANT = "a tenant (tokens name no domain; common, organizations and consumers are many tenants)"
_OTHER_VERSION = (
    "Only {} tokens are accepted: either it is a {} token, as `requestedAccessTokenVersion` in the manifest of the API "
    "says, or it is of a tenant or a cloud that is not configured."
)
_FAMILY_HINTS = {
    VERSIONS: "It is of a tenant or a cloud that is not configured: each tenant that is accepted is listed in tenant=.",
    ("1.0",): _OTHER_VERSION.format("v1", "v2"),
    ("2.0",): _OTHER_VERSION.format("v2", "v1"),
}


def _family(issuer: str) -> str | None:
    """All tenants are neighbours, in all clouds and versions."""
    return "tenants" if _RELATIVE.fullmatch(issuer) else None


PROFILE = ProviderProfile(
    kind="entra_id",
    token_kinds=KINDS,
    tenant_claims=("tid",),
    user_id_claims=("oid",),
    is_application=is_application,
    check=check_version,
    checked_claims=("iss", "ver"),
    foreign_audiences=FOREIGN_AUDIENCES,
    explain=explain,
    family=_family,
    opaque_hint=OPAQUE_HINT,
)
_PROFILES = {versions: attrs.evolve(PROFILE, family_hint=hint) for versions, hint in _FAMILY_HINTS.items()}


def _is_origin(_: object, field: attrs.Attribute[str], value: str) -> None:
    if any(checked_url(value, insecure_http=True)[2:]):
        raise ConfigurationError(f"{field.name} of a cloud is https:// and a host, with nothing after it")


@attrs.frozen
class Cloud:
    """
    One cloud of Microsoft's.

    Args:
        authority: Where its documents lie; the issuers of v2 tokens begin with it.

        v1_issuer: What the issuers of v1 tokens begin with.

    Raises:
        ConfigurationError: One of them is more than a scheme and a host, or less.
    """

    authority: str = attrs.field(validator=_is_origin)
    v1_issuer: str = attrs.field(validator=_is_origin)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its keys lie, also if its documents were found elsewhere."""
        return (self.authority.removeprefix("https://"),) if self.authority.startswith("https://") else ()

    def issuer(self, version: str) -> str:
        """Return the template of the issuers of tokens of that version."""
        return f"{self.authority}/{_TENANT}/v2.0" if version == "2.0" else f"{self.v1_issuer}/{_TENANT}/"

    def document(self, version: str, tenants: tuple[str, ...]) -> str:
        """Return where the discovery document for tokens of that version lies."""
        several = "common" if _PERSONAL in tenants else "organizations"
        directory = tenants[0] if len(tenants) == 1 else several
        return f"{self.authority}/{directory}{'/v2.0' if version == '2.0' else ''}{OIDC_SUFFIX}"


CLOUDS = {
    "public": Cloud("https://login.microsoftonline.com", "https://sts.windows.net"),
    "us_government": Cloud("https://login.microsoftonline.us", "https://sts.windows.net"),
    "china": Cloud("https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"),
}


@attrs.frozen
class _Place:
    """What an issuer or the URL of a discovery document says of itself."""

    origin: str
    directory: str
    version: str

    @classmethod
    def of(cls, said: str | None, pattern: re.Pattern[str], argument: str) -> _Place | None:
        if said is None:
            return None
        parts = pattern.fullmatch(said) if isinstance(said, str) else None
        if parts is None:
            forms = "https://HOST/TENANT/v2.0 for v2 tokens, https://HOST/TENANT/ for v1 tokens"
            raise ConfigurationError(f"{argument}: the issuers of Entra ID are {forms}; {OIDC_SUFFIX} follows them")
        return cls(parts[1], parts[2], "2.0" if parts[3] == "/v2.0" else "1.0")


def entra_id(
    tenant: str | Iterable[str] | None = None,
    *,
    audience: AudienceNames,
    name: str = "Entra ID",
    versions: Names = VERSIONS,
    cloud: str | Cloud | None = None,
    app_keys: str | None = None,
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a tenant of Entra ID, or of several.

    Args:
        tenant: Its GUID, or those of all that are accepted; not needed if *issuer* or *discovery_url* has it in it.

        audience: Who its tokens must be meant for. The client id of an API stands for ``api://CLIENT-ID`` too.

        name: What to call it.

        versions: The token versions that are accepted, ``1.0``, ``2.0`` or both; the manifest of the API says which it
            gets (``requestedAccessTokenVersion``).

        cloud: ``public``, ``us_government``, ``china`` or a `Cloud`; by default the one that *discovery_url* or
            *issuer* names, else the public one.

        app_keys: The client id of an application with signing keys of its own.

        issuer: The ``iss`` of its tokens, of either version; or the URL of its discovery document.

        discovery_url: Where the discovery document lies: that of v2, or the one without ``/v2.0``.

        options: Further arguments of `KeyManager`, and ``network``. The leeway is 300 s, as in Microsoft's libraries.

    Raises:
        ConfigurationError: No tenant is named, or not by its GUID; arguments contradict each other; or `KeyManager`
            refuses one.
    """
    issuer, discovery_url = told_apart(issuer, discovery_url)
    found = _Place.of(discovery_url, _DOCUMENT, "discovery_url"), _Place.of(issuer, _ISSUER, "issuer")
    there, tenants, accepted = _cloud(cloud, *found), _tenants(tenant, *found), _versions(versions)
    version = _version(accepted, *found)
    document = discovery_url
    if document is None and (app_keys is not None or options.get("keys") is None):
        document = there.document(version, tenants)
    known = {
        **KNOWN,
        "tenants": tenants,
        "extra_issuers": tuple(there.issuer(other) for other in accepted if other != version),
        "profile": attrs.evolve(_PROFILES[accepted], key_owners=map(there.issuer, VERSIONS)),
    }
    return key_manager(
        known,
        options,
        name=name,
        issuer=there.issuer(version),
        audience=both_forms(audience),
        discovery_url=_with_app(document, app_keys),
        key_hosts=there.hosts,
    )


#: The name it had until 2023.
azure_ad = entra_id


def _cloud(given: str | Cloud | None, document: _Place | None, issuer: _Place | None) -> Cloud:
    cloud = CLOUDS.get(given) if isinstance(given, str) else given or _named_cloud(document, issuer)
    if not isinstance(cloud, Cloud):
        raise ConfigurationError(f"cloud is one of {', '.join(CLOUDS)}, or a Cloud")
    if issuer and issuer.origin != (cloud.authority if issuer.version == "2.0" else cloud.v1_issuer):
        both = " and ".join(cloud.issuer(version) for version in VERSIONS)
        raise ConfigurationError(f"issuer: the issuers of that cloud are {both}; another cloud is given as cloud=")
    if document and document.origin != cloud.authority and any(document.origin == c.authority for c in CLOUDS.values()):
        raise ConfigurationError("discovery_url: it is on the host of another cloud")
    return cloud


def _named_cloud(document: _Place | None, issuer: _Place | None) -> Cloud:
    origins = [place.origin for place in (document, issuer) if place]
    named = [cloud for cloud in CLOUDS.values() if cloud.authority in origins]
    return next(iter([*named, *(cloud for cloud in CLOUDS.values() if cloud.v1_issuer in origins), CLOUDS["public"]]))


def _tenants(given: str | Iterable[str] | None, document: _Place | None, issuer: _Place | None) -> tuple[str, ...]:
    told = [to_guid(issuer.directory, _A_TENANT)] if issuer and issuer.directory != _TENANT else []
    told += [document.directory.lower()] if document and is_guid(document.directory) else []
    named = told if given is None else [to_guid(one, _A_TENANT) for one in to_names(given)]
    tenants = tuple(dict.fromkeys(named))
    if not tenants:
        raise ConfigurationError("tenant= names the tenants whose tokens are accepted, by their GUIDs")
    if told and {*told, *tenants} != {told[0]}:
        raise ConfigurationError("tenant=, issuer= and discovery_url= are of different tenants")
    return tenants


def _versions(given: Names) -> tuple[str, ...]:
    versions = tuple(sorted(set(to_names(given))))
    if versions not in _PROFILES:
        raise ConfigurationError("versions are 1.0, 2.0 or both")
    return versions


def _version(accepted: tuple[str, ...], document: _Place | None, issuer: _Place | None) -> str:
    """Return the version whose discovery document is fetched."""
    said = [place.version for place in (document, issuer) if place]
    if not set(said) <= set(accepted):
        raise ConfigurationError("the issuer or the document is that of a version which is not among versions=")
    return said[0] if said else accepted[-1]


def _with_app(url: str | None, app_keys: str | None) -> str | None:
    if url is None or app_keys is None:
        return url
    if "?" in url:
        raise ConfigurationError("app_keys= is the appid= of a discovery_url: give it in one place")
    return f"{url}?appid={to_guid(app_keys, 'an application with keys of its own')}"
