"""
Thunder (ThunderID), WSO2's identity server in Go.

Rules kept here: only ``at+jwt`` in the header is an access token. Refresh and ID tokens are ``JWT``, signed with the
same key, and nothing in their payload is a sure sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.errors import Reason, Refused
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import about_audience, host_of, key_manager, placed
from kmvalidate.rules import RFC9068_ACCESS_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_AUDIENCE_HINT = (
    "Thunder names in `aud` the resource that the client asked a token for (`resource`), else the client id: have "
    "clients ask for this API."
)
_KIND_HINT = "Thunder's access tokens have at+jwt as their header type; its refresh and ID tokens have JWT."
_ISSUER_HINT = "A Thunder server of that host is configured with another issuer: `jwt.issuer` of its deployment counts."


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    grant = claims.get("grant_type")
    return grant == "client_credentials" if isinstance(grant, str) else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if about_audience(refused):
        return _AUDIENCE_HINT
    is_type = refused.claim == "typ" and refused.reason is Reason.WRONG_TOKEN_KIND
    return _KIND_HINT if is_type else None


def _family(issuer: str) -> str | None:
    return host_of(issuer) or None


PROFILE = ProviderProfile(
    kind="thunder",
    token_kinds=RFC9068_ACCESS_TOKENS,
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
    answers=AnswerRules(required_members=("client_id",)),
)


def thunder(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "Thunder",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a Thunder server.

    Introspection there proves no more than the signature does: any JWT that the server signed is active, refresh and ID
    tokens too, and none is ever revoked. Of an answer no more can be told than whether it has a ``client_id``, which
    those two have not; verify its tokens here instead.

    Attributes of users that a server is configured to put into tokens replace claims of the same name, so none should
    be called ``scope``, ``client_id`` or ``grant_type``.

    Args:
        issuer: Its ``jwt.issuer``, as its tokens have it; or the URL of its discovery document.

        audience: Who its tokens must be meant for.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: Nothing says what the issuer is, or `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    known = {
        "consumer_key_claims": ("client_id",),
        "scope_claims": ("scope",),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)
