"""
User pools of Amazon Cognito.

Rules kept here: access tokens say so (`token_use` is `access`). They name no audience unless the client asked for a
resource, so the clients are named instead; one that is bound to a resource is then refused, as that may be another API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.audiences import ClientIdInstead
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import to_names
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import key_manager, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_POOL = re.compile(r"([a-z]{2}(?:-gov)?-[a-z]+-[1-9][0-9]?)_[A-Za-z0-9]{1,55}")
_ANY_POOL = r"[a-z]{2,4}(?:-[a-z]+){1,2}-[1-9][0-9]?_[A-Za-z0-9]{1,55}"  # in every partition
_ISSUER = re.compile(rf"https?://[^/?#]+/(?P<pool>{_ANY_POOL})")

_ID_HINT = "It is an ID token: it is for the client that signed the user in. An API gets the access token."
_NO_AUDIENCE_HINT = (
    "Cognito's access tokens name no audience unless the client asked for a resource (the parameter `resource`): have "
    "it ask, or name the clients with client_ids= in place of the audience."
)
_BOUND_HINT = "The client asked for it for that resource. If that is this API, name it with audience=."
_FAMILY_HINT = (
    "It is the other issuer of the same user pool. A pool has one of two, as its issuer configuration says: "
    "https://cognito-idp.REGION... (original) or https://issuer-cognito-idp.REGION... (updated). Give it with issuer=."
)

KINDS = TokenKinds(required_markers={"token_use"})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    if "username" in claims:
        return False
    return True if "client_id" in claims and claims.get("sub") == claims["client_id"] else None


def _explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    if claims.get("token_use") == "id":
        return _ID_HINT
    return _NO_AUDIENCE_HINT if refused.reason is Reason.MISSING_CLAIM and refused.claim == "aud" else None


def _family(issuer: str) -> str | None:
    found = _ISSUER.fullmatch(issuer)
    return found["pool"] if found else None


def _check_unbound(values: Mapping[str, Any], _: AbstractSet[str]) -> None:
    """Where the clients were named in place of the audience, a token may name its own client and nobody else."""
    named = values.get("aud", values.get("client_id"))
    if named not in (values.get("client_id"), [values.get("client_id")]):
        raise Refused(Reason.WRONG_AUDIENCE, claim="aud", expected="no resource", got=named, hint=_BOUND_HINT)


PROFILE = ProviderProfile(
    kind="cognito",
    token_kinds=KINDS,
    is_application=_is_application,
    explain=_explain,
    family=_family,
    family_hint=_FAMILY_HINT,
)
_UNBOUND = attrs.evolve(PROFILE, check=_check_unbound, checked_claims=("aud", "client_id"))


def cognito(
    pool: str | None = None,
    *,
    audience: AudienceNames | None = None,
    client_ids: str | Iterable[str] | None = None,
    issuer: str | None = None,
    name: str = "Cognito",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a user pool.

    Args:
        pool: The id of the pool, such as ``eu-west-1_AbC123``.

        audience: Who its tokens must be meant for: the resource that clients ask for. Tokens without one are refused.

        client_ids: The clients whose tokens are accepted. Without *audience* they count in its place, and tokens that
            are bound to a resource are refused; with it both must hold.

        issuer: Its issuer, or the URL of its discovery document: for a pool with an updated issuer
            (``https://issuer-cognito-idp.REGION.amazonaws.com/POOL``), or outside the usual partitions of AWS.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: There is no such pool id, or it is not that of the issuer; neither an audience nor clients
            are named; or `KeyManager` refuses an argument.
    """
    said = _issuer_of(pool) if pool is not None and issuer is None else issuer
    found, document = placed(said, discovery_url, network=options.get("network"))
    if _family(found) is None or (pool is not None and _family(found) != pool):
        raise ConfigurationError("the issuer of a user pool ends with a slash and the id of the pool, and nothing else")
    known: dict[str, Any] = {
        "algorithms": ("RS256",),
        "consumer_key_claims": ("client_id",),
        "scope_claims": ("scope",),
        "group_claims": ("cognito:groups",),
        "profile": PROFILE,
    }
    wanted = _audience(audience, client_ids)
    if isinstance(wanted, ClientIdInstead):
        known["profile"] = _UNBOUND
    if audience is not None and client_ids is not None:
        known["claim_in"] = {"client_id": to_names(client_ids)}
    return key_manager(known, options, name=name, issuer=found, audience=wanted, discovery_url=document)


def _issuer_of(pool: str) -> str:
    found = _POOL.fullmatch(pool) if isinstance(pool, str) else None
    if found is None:
        raise ConfigurationError("the id of a user pool is REGION_ID, such as eu-west-1_AbC123; a URL is issuer=")
    china = ".cn" if pool.startswith("cn-") else ""
    return f"https://cognito-idp.{found[1]}.amazonaws.com{china}/{pool}"


def _audience(audience: AudienceNames | None, client_ids: str | Iterable[str] | None) -> AudienceNames:
    if audience is not None:
        return audience
    if client_ids is None:
        raise ConfigurationError("name the clients of a user pool with client_ids=, or the resource with audience=")
    return ClientIdInstead(client_ids)
