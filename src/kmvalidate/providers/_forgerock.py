"""
PingAM (ForgeRock Access Management) and PingOne Advanced Identity Cloud.

Rules kept here: every token that AM signs says in ``tokenName`` what it is. The scopes are an array. Older versions
name the client in ``aud`` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import host_of, key_manager, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

#: The grants that tell whether there is a user; others may or may not have one.
_GRANTS = {
    "client_credentials": True,
    "authorization_code": False,
    "password": False,
    "refresh_token": False,
    "urn:ietf:params:oauth:grant-type:device_code": False,
    "urn:openid:params:grant-type:ciba": False,
}
_FILLERS = frozenset({"", "realms", "root"})

_AUDIENCE_HINT = (
    "AM names the client in `aud` unless an access token modification script names your API there: configure that, "
    "or the client ids with ClientIdInstead(...)."
)
_ALGORITHM_HINT = (
    "AM signs client-based tokens with HS256 unless told otherwise: choose RS256 or ES256 as the OAuth2 Token Signing "
    "Algorithm of the OAuth2 provider."
)
_ISSUER_HINT = (
    "That realm of AM is configured under another spelling: the port (:443) and the way to the realm "
    "(/realms/root/realms/NAME or /NAME) are part of the issuer."
)
_OPAQUE_HINT = (
    "AM issues opaque tokens unless client-based access tokens are switched on in the OAuth2 provider of the realm."
)

KINDS = TokenKinds(required_markers={"tokenName"})

#: What its introspection answers mean: those about access tokens have a ``token_type``, and that of refresh tokens is
#: another. Those about opaque tokens name no audience.
ANSWERS = AnswerRules(required_members=("token_type", "client_id"), requires=("iss", "exp"))


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    grant = claims.get("grant_type")
    return _GRANTS.get(grant) if isinstance(grant, str) else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.WRONG_AUDIENCE:
        return _AUDIENCE_HINT
    is_shared = refused.reason is Reason.ALGORITHM_NOT_ALLOWED and str(refused.got).startswith("HS")
    return _ALGORITHM_HINT if is_shared else None


def _realm(issuer: str) -> str | None:
    """Return the realm of an issuer without what may be left out; None if it is none of AM's."""
    _, found, rest = issuer.partition("/oauth2")
    if not found or issuer.endswith("/") or not (rest == "" or rest.startswith("/")):
        return None
    return "/".join(name for name in rest.split("/") if name not in _FILLERS)


def _family(issuer: str) -> str | None:
    realm, host = _realm(issuer), host_of(issuer)
    return f"{host}/{realm}" if host and realm is not None else None


PROFILE = ProviderProfile(
    kind="forgerock",
    token_kinds=KINDS,
    tenant_claims=("realm",),
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
    opaque_hint=_OPAQUE_HINT,
    answers=ANSWERS,
)


def forgerock(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "ForgeRock",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a realm of PingAM (ForgeRock), with client-based access tokens.

    Args:
        issuer: ``https://HOST:443/am/oauth2/realms/root/realms/NAME`` exactly as tokens have it, port included; or the
            URL of its discovery document.

        audience: Who its tokens must be meant for. AM names the client unless a script names something else.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``. Where a script makes ``aud`` an array and the
            version has no ``client_id``, *consumer_key_claims* must not name ``aud``.

    Raises:
        ConfigurationError: The issuer is no realm's, or `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    if _realm(found) is None:
        raise ConfigurationError("the issuer of a realm of AM has /oauth2 in its path, and no slash at its end")
    known = {
        "consumer_key_claims": ("client_id", "aud"),
        "scope_claims": ("scope",),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)
