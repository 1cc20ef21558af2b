"""
Keycloak, and what is built on it (Red Hat build of Keycloak, RH-SSO).

Rules kept here: access tokens tell their kind in the payload (``typ`` is ``Bearer``), or by ``at+jwt`` in the header
where a client has that switched on (26.2); ID, refresh, offline, logout and action tokens have another ``typ``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.audiences import to_audience
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import to_name_set
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import about_audience, key_manager, placed
from kmvalidate.rules import MARKERS, TokenKinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kmvalidate.audiences import Audience
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_REALM = re.compile(r".+/realms/([^/]+)")
_MAPPER_HINT = (
    "Keycloak names the API in `aud` only where a client scope has an audience mapper for it; "
    "`account` is what every user's token has."
)
_HOST_HINT = (
    "A realm of that name is configured at another address: Keycloak writes the address it is known by into `iss`. "
    "Configure that one as the issuer, and the internal one as discovery_url=."
)
_LIGHTWEIGHT_HINT = (
    "It has no roles of any kind: a lightweight access token, or a client without the client scope `roles`. "
    "Their mappers have a switch, `Add to lightweight access token`."
)

KINDS = TokenKinds(
    markers={**MARKERS, "typ": {"bearer", "dpop"}},
    required_markers={"typ"},
    telling_types={"at+jwt"},
)


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    name = claims.get("preferred_username")
    if not isinstance(name, str):  # a lightweight token, or a client without the scope profile
        return None
    if not name.startswith("service-account-"):
        return False
    return None if {"client_id", "clientId"}.isdisjoint(claims) else True


def _explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    about_roles = refused.reason is Reason.MISSING_ROLE and refused.claim == "roles"
    if about_roles and {"realm_access", "resource_access"}.isdisjoint(claims):
        return _LIGHTWEIGHT_HINT
    return _MAPPER_HINT if about_audience(refused) else None


def _family(issuer: str) -> str | None:
    found = _REALM.fullmatch(issuer)
    return found[1] if found else None


PROFILE = ProviderProfile(
    kind="keycloak",
    token_kinds=KINDS,
    is_application=_is_application,
    foreign_audiences={"account": _MAPPER_HINT},
    explain=_explain,
    family=_family,
    family_hint=_HOST_HINT,
    answers=AnswerRules(required_members=("typ",), errors_look_inactive=True),
)


def keycloak(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "Keycloak",
    discovery_url: str | None = None,
    client_roles: str | Iterable[str] | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a Keycloak realm.

    Args:
        issuer: ``https://HOST/realms/REALM``, with ``/auth`` before ``/realms`` up to Keycloak 16; or the URL of its
            discovery document.

        audience: Who its tokens must be meant for; needs an audience mapper in Keycloak.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer: an internal address.

        client_roles: The clients whose roles count as roles, beside those of the realm; by default the one that is the
            *audience*, and none if that is several.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The issuer is no realm's, or `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    if _family(found) is None:
        raise ConfigurationError("the issuer of a Keycloak realm ends with /realms/ and its name, without a slash")
    wanted = to_audience(audience)
    clients = _clients(wanted) if client_roles is None else to_name_set(client_roles)
    known = {
        "consumer_key_claims": ("azp", "client_id"),
        "scope_claims": ("scope",),
        "role_claims": (("realm_access", "roles"), *(("resource_access", name, "roles") for name in sorted(clients))),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=wanted, discovery_url=document)


def _clients(audience: Audience) -> frozenset[str]:
    """The roles of one API must not count for another that accepts the same key manager's tokens."""
    return audience if isinstance(audience, frozenset) and len(audience) == 1 else frozenset()
