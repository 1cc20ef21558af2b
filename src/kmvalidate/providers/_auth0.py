"""
Auth0, in both of its token profiles.

Rules kept here: an issuer is a domain with a slash at its end, and each domain of a tenant, custom ones too, is one of
its own. Access tokens name their client (`azp`, or `client_id` in the profile of RFC 9068), which ID tokens do not.
`https://DOMAIN/userinfo` is in the tokens of everybody who signs in, and never the audience of an API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.audiences import to_audience
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import about_audience, key_manager, lacks_signs, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from kmvalidate.audiences import Audience
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_ISSUER = re.compile(r"https?://[^/?#]+/")
_REQUESTS_PER_MINUTE = 1200  # 20 a second for its keys

_USERINFO_HINT = (
    "Every token of somebody who signs in names /userinfo. To get one for an API, a client asks for the API's "
    "identifier with the parameter `audience`."
)
_MANAGEMENT_HINT = "It is for Auth0's Management API."
_AUDIENCE_HINT = "The audience is the identifier of the API in Auth0, exactly; a client asks for it by `audience`."
_HS256_HINT = (
    "The API signs with HS256, a secret it would have to share: set its signing algorithm to RS256 in Auth0, under "
    "Applications, APIs."
)
_CLIENT_HINT = "Auth0's access tokens name their client in `azp` or `client_id`: this looks like an ID token."
_FAMILY_HINT = (
    "Each domain of an Auth0 tenant, custom ones too, is an issuer of its own: the one at which the client asked. "
    "If this is one of yours, list it in extra_issuers=."
)
_OPAQUE_HINT = "Auth0 gives opaque tokens to clients that ask for no `audience`; one for an API is a JWT."

KINDS = TokenKinds(required_signs={"azp", "client_id"})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    """Agents may have tokens of their own without either sign."""
    subject = claims.get("sub")
    is_user = isinstance(subject, str) and "|" in subject  # CONNECTION|ID; the id may end with anything
    if claims.get("gty") == "client-credentials" or (
        isinstance(subject, str) and subject.endswith("@clients") and not is_user
    ):
        return True
    return False if is_user else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.ALGORITHM_NOT_ALLOWED and refused.got == "HS256":
        return _HS256_HINT
    if lacks_signs(refused):
        return _CLIENT_HINT
    return _AUDIENCE_HINT if about_audience(refused) else None


def _check(_: Mapping[str, Any], names: AbstractSet[str]) -> None:
    """Refuse what has a `nonce`, whatever else it has: Auth0 lets no custom claim have that name."""
    if "nonce" in names:
        raise Refused(Reason.WRONG_TOKEN_KIND, claim="nonce", hint="It is an ID token.")


def _family(issuer: str) -> str | None:
    return "a domain" if _ISSUER.fullmatch(issuer) else None


PROFILE = ProviderProfile(
    kind="auth0",
    token_kinds=KINDS,
    tenant_claims="org_id",
    is_application=_is_application,
    check=_check,
    explain=_explain,
    family=_family,
    family_hint=_FAMILY_HINT,
    opaque_hint=_OPAQUE_HINT,
    requests_per_minute=_REQUESTS_PER_MINUTE,
)


def auth0(
    domain: str | None = None,
    *,
    audience: AudienceNames,
    issuer: str | None = None,
    name: str = "Auth0",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of an Auth0 domain.

    Args:
        domain: ``TENANT.REGION.auth0.com``, or a custom domain: the one at which clients ask for tokens. Tokens of a
            further one are accepted if it is among the ``extra_issuers``, with ``https://`` and a slash at its end.

        audience: Who its tokens must be meant for: the identifier of the API in Auth0.

        issuer: In place of the domain: ``https://DOMAIN/``, with the slash, whatever the domain; or the URL of its
            discovery document.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer. It alone is enough.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The domain is none, the issuer is not a domain's or has no slash at its end, the audience is
            that of every sign-in, or `KeyManager` refuses an argument.
    """
    if domain is not None and issuer is not None:
        raise ConfigurationError("an Auth0 domain is named by its domain or by issuer=, not by both")
    said = issuer if domain is None else _issuer_of(domain)
    found, document = placed(said, discovery_url, network=options.get("network"))
    found = _checked(found + "/" if found != said and not found.endswith("/") else found)
    userinfo, wanted = found + "userinfo", to_audience(audience)
    _check_audience(wanted, userinfo)
    known = {
        "algorithms": ("RS256", "PS256", "RS512"),
        "consumer_key_claims": ("azp", "client_id"),
        "scope_claims": ("scope",),
        "permission_claims": ("permissions",),
        "profile": attrs.evolve(
            PROFILE, foreign_audiences={userinfo: _USERINFO_HINT, found + "api/v2/": _MANAGEMENT_HINT}
        ),
    }
    return key_manager(known, options, name=name, issuer=found, audience=wanted, discovery_url=document)


def _issuer_of(domain: str) -> str:
    if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
        raise ConfigurationError("an Auth0 domain is a host in lower case, such as acme.eu.auth0.com; a URL is issuer=")
    return f"https://{domain}/"


def _checked(issuer: str) -> str:
    if not _ISSUER.fullmatch(issuer):
        raise ConfigurationError("the issuer of an Auth0 domain is https://DOMAIN/, with the slash and nothing behind")
    return issuer


def _check_audience(audience: Audience, userinfo: str) -> None:
    names = audience if isinstance(audience, frozenset) else frozenset()
    if any(name == userinfo or name.endswith(".auth0.com/userinfo") for name in names):
        raise ConfigurationError(f"/userinfo is no audience of an API. {_USERINFO_HINT}")
