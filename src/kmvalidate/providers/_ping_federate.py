"""
PingFederate, whose access tokens have the claims that the contract of an access token manager gives them.

Rules kept here: an access token shows its client or its scopes under the names of that contract, which an ID token
does not; what its header says is up to the contract too. Each access token manager may have its own issuer and keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import to_names
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import host_of, key_manager, lacks_signs, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_CLIENT = ("client_id", "client_id_name")
_SCOPES = ("scope", "scp")
_USER = ("sub", "Username")
_OF_ID_TOKENS = frozenset(
    {
        *("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "sid", "auth_time", "acr", "amr", "email", "name"),
        *("nonce", "at_hash", "c_hash", "s_hash", "pi.sri"),
    }
)
_OF_NOBODY = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", *_CLIENT, *_SCOPES})

_AUDIENCE_HINT = "PingFederate writes `aud` only where the access token manager has an Audience Claim Value."
_CONTRACT_HINT = (
    "It is an ID token, or the contract of the access token manager names the client otherwise: "
    "give that name as consumer_key_claims=."
)
_ISSUER_HINT = (
    "A PingFederate on that host is configured with another issuer: each access token manager may have its own "
    "(Issuer Claim Value), with its own keys (jwks_url=)."
)
_OPAQUE_HINT = (
    "PingFederate issues opaque tokens where the access token manager is one of reference tokens; "
    "those of JSON web tokens can be verified here."
)


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    users = [claims[name] for name in _USER if name in claims]
    if users:
        client = next((claims[name] for name in _CLIENT if name in claims), None)
        return all(user == client for user in users)
    return True if claims.keys() <= _OF_NOBODY else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.MISSING_CLAIM and refused.claim == "aud":
        return _AUDIENCE_HINT
    return _CONTRACT_HINT if lacks_signs(refused) else None


def _family(issuer: str) -> str | None:
    return host_of(issuer) or None


PROFILE = ProviderProfile(
    kind="ping_federate",
    user_id_claims=("sub", "Username"),
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
    opaque_hint=_OPAQUE_HINT,
    answers=AnswerRules(required_members=("client_id",)),  # of a refresh token nothing is said but that it is active
)


def ping_federate(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "PingFederate",
    discovery_url: str | None = None,
    jwks_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of an access token manager of PingFederate that issues JSON web tokens.

    Args:
        issuer: Its Issuer Claim Value, by default the base URL of PingFederate: ``https://HOST:9031``; or the URL of
            the discovery document.

        audience: Who its tokens must be meant for: the Audience Claim Value.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        jwks_url: Where its keys lie, if it has its own: ``https://HOST:9031/ext/`` and its JWKS Endpoint Path.

        options: Further arguments of `KeyManager`, and ``network``. *consumer_key_claims* and *scope_claims* are its
            Client ID Claim Name and Scope Claim Name, where those are not ``client_id`` and ``scope``.

    Raises:
        ConfigurationError: Nothing would tell access tokens from ID tokens, or `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    options["consumer_key_claims"] = clients = to_names(options.get("consumer_key_claims", _CLIENT))
    options["scope_claims"] = scopes = to_names(options.get("scope_claims", _SCOPES))
    signs = {*clients, *scopes} - _OF_ID_TOKENS
    if not signs and "token_kinds" not in options:
        raise ConfigurationError("what tells access tokens from ID tokens then? Say it with token_kinds=")
    known = {
        "profile": attrs.evolve(PROFILE, token_kinds=TokenKinds(required_signs=signs, telling_types={"at+jwt"})),
    }
    document = None if jwks_url else document
    return key_manager(
        known, options, name=name, issuer=found, audience=audience, discovery_url=document, jwks_url=jwks_url
    )
