"""
Subscriptions that a token brings along: WSO2's claim ``subscribedAPIs`` and the claims around it.

Rules kept here: a token that has the claim is judged by it alone; what is malformed in it subscribes to nothing, and is
no exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kmvalidate.subscriptions._policies import SubscriptionPolicy
from kmvalidate.subscriptions._records import KEY_TYPES, Application, Grant, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.apis import Api

_DIGITS = re.compile(r"[0-9]{1,19}")


def grant_from_claims(claims: Mapping[str, Any], api: Api) -> Grant | None:
    """
    Return what a verified token itself says of its application and an API; None if it says nothing of subscriptions.

    As Choreo Connect reads access tokens: an entry is that of the API if it has its name and its version; its context
    and its publisher do not count.

    Args:
        claims: The token's claims.

        api: The API that is called.
    """
    if "subscribedAPIs" not in claims:
        return None
    entry = _entry(claims["subscribedAPIs"], api)
    application = _application(claims.get("application"), entry)
    key_type = claims.get("keytype")
    key_type = key_type if isinstance(key_type, str) and key_type in KEY_TYPES else None
    if application is None or entry is None:
        return Grant(application, key_type)
    tier = _text(entry, "subscriptionTier")
    subscription = Subscription(
        application=application.id,
        api=api.id,
        api_name=api.name,
        api_version=api.version,
        api_organization=api.organization,
        policy=tier,
    )
    return Grant(application, key_type, subscription, _policy(claims.get("tierInfo"), tier, api.organization))


def _entry(entries: object, api: Api) -> dict[str, Any] | None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None
    named = (entry for entry in entries if entry.get("name") == api.name and entry.get("version") == api.version)
    return next(named, None)


def _application(said: object, entry: dict[str, Any] | None) -> Application | None:
    if not isinstance(said, dict):
        return None
    number, name, digits = _number(said, "id"), _text(said, "name"), _text(said, "id")
    if digits is not None and _DIGITS.fullmatch(digits):
        number = int(digits)
    known_by = _text(said, "uuid") or (None if number is None else str(number))
    if known_by is None or name is None:
        return None
    return Application(
        id=known_by,
        name=name,
        owner=_text(said, "owner"),
        organization=_text(entry or {}, "subscriberTenantDomain"),
        tier=_text(said, "tier"),
        number=number,
    )


def _policy(said: object, tier: str | None, organization: str | None) -> SubscriptionPolicy | None:
    info = said.get(tier) if isinstance(said, dict) else None
    if tier is None or not isinstance(info, dict):
        return None
    stops = info.get("stopOnQuotaReach")
    return SubscriptionPolicy(
        name=tier,
        organization=organization,
        quota_type=_text(info, "tierQuotaType"),
        stop_on_quota_reach=stops if isinstance(stops, bool) else True,
        rate_limit_count=_number(info, "spikeArrestLimit"),
        rate_limit_time_unit=_text(info, "spikeArrestUnit"),
        graphql_max_complexity=_number(info, "graphQLMaxComplexity"),
        graphql_max_depth=_number(info, "graphQLMaxDepth"),
    )


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None


def _number(members: dict[str, Any], name: str) -> int | None:
    value = members.get(name)
    return value if value.__class__ is int else None
