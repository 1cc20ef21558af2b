"""
PingOne: one issuer for each environment, on the domain of its region.

Rules kept here: only access tokens name a ``client_id``. Their ``typ`` may be absent, and is always ``at+jwt`` from
2 March 2027 on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.fields import UUID
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import key_manager, lacks_signs, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_ENVIRONMENT = re.compile(UUID)
_ISSUER = re.compile(rf"https?://[^/]+/({UUID})/as")

#: The top-level domains of the regions.
REGIONS = ("com", "ca", "eu", "asia", "com.au", "sg")

_OWN_API_HINT = "It is for the API of PingOne itself: ask for a scope of a custom resource, whose audience is yours."
_REGION_HINT = (
    "That PingOne environment is configured at another address: tokens name the domain at which they were got, "
    "the region's or a custom one."
)
_KIND_HINT = "PingOne names a `client_id` in access tokens and in no ID token."

KINDS = TokenKinds(required_signs={"client_id"}, telling_types={"at+jwt"})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    """Tell by ``sub``: it is left out, or the client's own."""
    if "client_id" not in claims:
        return None
    return "sid" not in claims and claims.get("sub", claims["client_id"]) == claims["client_id"]


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    return _KIND_HINT if lacks_signs(refused) else None


def _family(issuer: str) -> str | None:
    found = _ISSUER.fullmatch(issuer)
    return found[1] if found else None


PROFILE = ProviderProfile(
    kind="ping_one",
    token_kinds=KINDS,
    tenant_claims=("env", "org"),
    is_application=_is_application,
    foreign_audiences={f"https://api.pingone.{region}": _OWN_API_HINT for region in REGIONS},
    explain=_explain,
    family=_family,
    family_hint=_REGION_HINT,
    answers=AnswerRules(required_members=("client_id",)),
)


def ping_one(
    environment: str | None = None,
    *,
    audience: AudienceNames,
    region: str | None = None,
    name: str = "PingOne",
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a PingOne environment.

    Args:
        environment: The id of the environment, a UUID.

        audience: Who its tokens must be meant for: the audience of your custom resource.

        region: The end of the region's domain: ``com`` (the default), ``ca``, ``eu``, ``asia``, ``com.au`` or ``sg``.

        name: What to call it.

        issuer: In place of both, for a custom domain: ``https://HOST/as``; or the URL of the discovery document.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The environment is no UUID, there is no such region, or `KeyManager` refuses an argument.
    """
    if environment is not None:
        if issuer is not None:
            raise ConfigurationError("PingOne is found by environment= or by issuer=, not by both")
        issuer = _issuer(environment, "com" if region is None else region)
    elif region is not None:
        raise ConfigurationError("the region of PingOne goes with environment=; an issuer= names it already")
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    if not found.endswith("/as"):
        raise ConfigurationError("the issuer of a PingOne environment ends with /as, without a slash")
    known = {
        "algorithms": ("RS256",),
        "consumer_key_claims": ("client_id",),
        "scope_claims": ("scope",),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)


def _issuer(environment: str, region: str) -> str:
    if region not in REGIONS:
        raise ConfigurationError(f"the region of PingOne is one of {', '.join(REGIONS)}; else give issuer=")
    if not isinstance(environment, str) or not _ENVIRONMENT.fullmatch(environment):
        raise ConfigurationError("a PingOne environment is named by its id, a UUID in lower case")
    return f"https://auth.pingone.{region}/{environment}/as"
