"""
What all providers have in common: how a few facts become a `KeyManager`.

Rules kept here: what a person says goes before what a provider is known for; what a provider requires is required
beside what a person requires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import to_names
from kmvalidate.key_manager import KeyManager
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.ports import Network
from kmvalidate.profiles import ANY_PROVIDER
from kmvalidate.urls import checked_url, issuer_of, origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.audiences import AnyAudience, ClientIdInstead
    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.key_sources import StaticKeys
    from kmvalidate.rules import TokenKinds

    Names = str | Iterable[str]
    ClaimNames = str | Iterable[str | Iterable[str]]
    AudienceNames = str | Iterable[str] | AnyAudience | ClientIdInstead


class Options(TypedDict, total=False):
    """
    What every provider takes beside its own arguments: the arguments of `KeyManager`, which documents them.

    ``network`` is how the provider may be reached; with ``keys``, which then say it themselves, it is not given.
    """

    network: Network
    keys: RemoteKeys | StaticKeys | Iterable[StaticKeys]
    organization: str | None
    extra_issuers: Names
    algorithms: Names
    leeway_s: float
    max_age_s: float | None
    max_lifetime_s: float | None
    required_claims: Names
    claim_values: Mapping[str, Any]
    claim_in: Mapping[str, Iterable[Any]]
    consumer_key_claims: Names
    scope_claims: Names
    role_claims: ClaimNames
    group_claims: ClaimNames
    permission_claims: ClaimNames
    any_role: Names | None
    all_roles: Names | None
    any_group: Names | None
    all_groups: Names | None
    any_permission: Names | None
    all_permissions: Names | None
    token_kinds: TokenKinds
    environments: Names | None
    introspection: IntrospectionStrategy | None
    self_validate_jwt: bool


def key_manager(
    known: Mapping[str, Any],
    options: Options,
    *,
    name: str,
    issuer: str,
    audience: AudienceNames,
    discovery_url: str | None = None,
    jwks_url: str | None = None,
    key_hosts: tuple[str, ...] = (),
) -> KeyManager:
    """
    Return a key manager of a provider.

    Args:
        known: The arguments of `KeyManager` that the provider is known for.

        options: What a person gave.

        name: What to call it.

        issuer: The ``iss`` of its tokens.

        audience: Who they must be meant for.

        discovery_url: Where its discovery document lies, if not below the issuer.

        jwks_url: Where its keys lie, if no discovery document says so.

        key_hosts: Hosts beside those of the issuer and of its document on which it is known to keep keys.

    Raises:
        ConfigurationError: Both ``keys`` and a place of theirs are given, or `KeyManager` refuses an argument.
    """
    given = _checked(options)
    network, keys = given.pop("network", None), given.pop("keys", None)
    if keys is None:
        reach = _with_hosts(Network() if network is None else network, key_hosts)
        keys = RemoteKeys(discovery_url=discovery_url, jwks_url=jwks_url, network=reach)
    elif (network, discovery_url, jwks_url) != (None, None, None):
        raise ConfigurationError("keys= say themselves where they are and how they are reached")
    known = {"token_kinds": known.get("profile", ANY_PROVIDER).token_kinds, **known}
    return KeyManager(**{**known, **_together(known, given)}, name=name, issuer=issuer, audience=audience, keys=keys)


def further_issuers(options: Options) -> tuple[str, ...]:
    """
    Return the further issuers that a person gave, to be held to what the issuer is held to.

    They may be names that can be read only once, so *options* get them as they were read.

    Raises:
        ConfigurationError: They are no names.
    """
    options["extra_issuers"] = names = to_names(options.get("extra_issuers", ()))
    return names


def _checked(options: Options) -> dict[str, Any]:
    """Return the options, if all of them are some: one that a provider sets itself is never replaced unseen."""
    if strangers := sorted(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"unexpected keyword arguments of a provider: {', '.join(strangers)}")
    return dict(options)


def _together(known: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given, with what is required anyway."""
    both = dict(given)
    for field in ("required_claims", "extra_issuers"):
        if field in given and field in known:
            both[field] = tuple(dict.fromkeys((*to_names(known[field]), *to_names(given[field]))))
    for field in ("claim_values", "claim_in"):
        if field in given and field in known:
            both[field] = _joined(field, known[field], given[field])
    return both


def _joined(field: str, known: Mapping[str, Any], given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    if twice := sorted(map(str, known.keys() & given.keys())):
        raise ConfigurationError(f"{field}: this provider says itself what {', '.join(twice)} must be")
    return {**known, **given}


def _with_hosts(network: Network, hosts: tuple[str, ...]) -> Network:
    if not isinstance(network, Network):
        raise ConfigurationError("network= is a Network")
    missing = tuple(host for host in hosts if host not in network.allowed_hosts)
    return attrs.evolve(network, allowed_hosts=(*network.allowed_hosts, *missing)) if missing else network


def placed(issuer: str | None, discovery_url: str | None, *, network: Network | None) -> tuple[str, str | None]:
    """
    Return an issuer and where its document lies, given one of them or both; a well-known URL may stand for an issuer.

    Raises:
        ConfigurationError: Neither is given, or nothing follows from the URL.
    """
    insecure = isinstance(network, Network) and network.insecure_http
    said = issuer if issuer is not None else discovery_url
    if not isinstance(said, str):
        raise ConfigurationError("a provider is found by its issuer= or by its discovery_url=")
    found = issuer_of(said, insecure_http=insecure) if "/.well-known/" in said else said
    if issuer is None and found == said:
        raise ConfigurationError("no issuer follows from this discovery_url: give issuer= too")
    return found, discovery_url or (said if found != said else None)


def about_audience(refused: Refused) -> bool:
    """Tell whether a token was refused because it is not for any of the configured audiences."""
    return refused.claim == "aud" and refused.reason in {Reason.WRONG_AUDIENCE, Reason.MISSING_CLAIM}


def lacks_signs(refused: Refused) -> bool:
    """Tell whether a token was refused because it has none of the claims that only access tokens have."""
    return refused.reason is Reason.WRONG_TOKEN_KIND and refused.claim is None


def always(_: Mapping[str, Any]) -> bool:
    """Tell of every token that a client got it for itself: there are no users."""
    return True


def host_of(url: str) -> str:
    """Return the host of an issuer in lower case, the empty string if it is no URL."""
    try:
        return origin(checked_url(url, insecure_http=True))[0]
    except ConfigurationError:
        return ""
