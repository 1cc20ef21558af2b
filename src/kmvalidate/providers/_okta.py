"""
Okta, by its custom authorization servers.

Rules kept here: what `jti` begins with tells the kind of a token (`AT.`, where ID tokens have `ID.`). Tokens of the org
authorization server are for Okta's own APIs: Okta may change or encrypt them at any time, so none is verified here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import about_audience, further_issuers, host_of, key_manager, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_ACCESS = "AT."
_CUSTOM_SERVER = re.compile(r"https?://[^/?#]+/oauth2/(?!v1$)[A-Za-z0-9_-]+")
_ANY_SERVER = re.compile(r"https?://[^/?#]+(/oauth2(/[A-Za-z0-9_-]+)?)?/?")
_ADMIN_HOST = re.compile(r"[^.]+-admin\.okta[a-z-]*\.(com|mil)")
_ORG_SERVER = (
    "Tokens of the org authorization server (an issuer without /oauth2/ and an id) are for Okta's own APIs, and not "
    "for others to validate: create or use a custom authorization server such as /oauth2/default, or introspect them "
    "there."
)
_FAMILY_HINT = "Each authorization server of an Okta organization is an issuer of its own. " + _ORG_SERVER
_AUDIENCE_HINT = (
    "All tokens of an Okta authorization server have the one audience that its settings say: `api://default` for the "
    "server `default`, unless it was changed. A client cannot ask for another."
)
_ID_HINT = "It is an ID token: it is for the client that signed the user in. An API gets the access token."
_OPAQUE_HINT = (
    "The access tokens of Okta are JWTs: what is opaque is a refresh token, a device secret or an API token (SSWS)."
)

KINDS = TokenKinds(prefixes={"jti": _ACCESS})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    if "uid" in claims:
        return False
    return True if "cid" in claims and claims.get("sub") == claims["cid"] else None


def _explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    token_id = claims.get("jti")
    if isinstance(token_id, str) and token_id.startswith("ID."):
        return _ID_HINT
    return _AUDIENCE_HINT if about_audience(refused) else None


def _family(issuer: str) -> str | None:
    return host_of(issuer) or None if _ANY_SERVER.fullmatch(issuer) else None


PROFILE = ProviderProfile(
    kind="okta",
    token_kinds=KINDS,
    user_id_claims=("uid",),
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_FAMILY_HINT,
    opaque_hint=_OPAQUE_HINT,
    answers=AnswerRules(id_prefix=_ACCESS, required_members=("iss", "aud")),
)


def okta(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "Okta",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a custom authorization server of Okta.

    What stays the same for a user is the claim ``uid``: ``sub`` is the login, often an e-mail address, and can change.

    Args:
        issuer: ``https://HOST/oauth2/ID``, ``default`` for the one that every organization has; or the URL of its
            discovery document. A custom URL domain is an issuer of its own.

        audience: Who its tokens must be meant for: the audience in the settings of the authorization server.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``. The leeway is 120 s, as in Okta's own libraries.

    Raises:
        ConfigurationError: The issuer is that of the org authorization server or of none, or `KeyManager` refuses an
            argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    for one in (found, *further_issuers(options)):
        _check_issuer(one)
    known = {
        "algorithms": ("RS256",),
        "leeway_s": 120.0,
        "consumer_key_claims": ("cid",),
        "scope_claims": ("scp",),
        "group_claims": ("groups",),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)


def _check_issuer(issuer: str) -> None:
    if _ADMIN_HOST.fullmatch(host_of(issuer)):
        raise ConfigurationError("that is the host of Okta's admin console: the issuer's has no -admin in it")
    if _CUSTOM_SERVER.fullmatch(issuer):
        return
    if _ANY_SERVER.fullmatch(issuer) and not _CUSTOM_SERVER.fullmatch(issuer.removesuffix("/")):
        raise ConfigurationError(_ORG_SERVER)
    raise ConfigurationError("the issuer of an Okta authorization server is https://HOST/oauth2/ID, without a slash")
