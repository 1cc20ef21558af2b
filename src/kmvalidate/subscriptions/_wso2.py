"""
Records from what WSO2's control plane answers (its internal data API, version 1).

Rules kept here: members that are not known are left alone, since each release brings more; one that is known and of the
wrong type is an error that names the item and the member, and never shows a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy
from kmvalidate.subscriptions._records import Application, KeyMapping, Subscription

if TYPE_CHECKING:
    from kmvalidate.subscriptions._records import AnyRecord


def records_from_wso2(
    resource: str, answer: object, *, organization: str | None = None, applications: Iterable[Application] = ()
) -> list[AnyRecord]:
    """
    Return the records in an answer of WSO2's control plane.

    Args:
        resource: ``applications``, ``subscriptions``, ``application-key-mappings``, ``subscription-policies`` or
            ``application-policies``, the last part of the URL.

        answer: The answer, parsed: an array of items, or an object with such an array as ``list``.

        organization: The organization of key mappings and policies, and of every other item that names none.

        applications: Where applications are looked up that an item names by number alone.

    Raises:
        ConfigurationError: The resource is not known, or an item is not as WSO2 documents it.
    """
    read = _READERS.get(resource)
    if read is None:
        raise ConfigurationError(f"resource is one of {', '.join(_READERS)}")
    rows = answer.get("list") if isinstance(answer, Mapping) else answer
    if not isinstance(rows, list):
        raise ConfigurationError(f"{resource} is a list of items, or an object with such a list")
    numbers = _by_number(applications)
    return [_read(read, _Item(f"{resource}[{place}]", row, organization, numbers)) for place, row in enumerate(rows)]


@attrs.frozen(eq=False, repr=False)
class _Item:
    """One item of an answer, and where it stands."""

    place: str
    members: Any
    organization: str | None
    numbers: Mapping[int, str]

    def text(self, name: str) -> str | None:
        """Return a text; None if it is not there, or empty, which WSO2 writes for the same."""
        return self._member(name, str, "a string") or None

    def number(self, name: str) -> int | None:
        value: int | None = self._member(name, int, "a whole number")
        return value

    def part(self, name: str) -> _Item:
        """Return an object within; an empty one if it is not there."""
        return attrs.evolve(self, place=f"{self.place}.{name}", members=self._member(name, dict, "an object") or {})

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001  # of our own
        value = self._member(name, bool, "a boolean")
        return default if value is None else value

    def _member(self, name: str, kind: type, called: str) -> Any:
        value = self.members.get(name)
        if value is not None and value.__class__ is not kind:
            raise self.wrong(f"{name} is {called}")
        return value

    def application(self, number: str) -> str | None:
        """Return the id of its application, which old releases name by number alone."""
        named, known = self.number(number), self.text("applicationUUID")
        if known is None and named is not None and named not in self.numbers:
            raise self.wrong(f"{number} is the number of no application that is known")
        return known if known is not None or named is None else self.numbers[named]

    def wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.place}: {why}")


def _read(read: Callable[[_Item], AnyRecord], item: _Item) -> AnyRecord:
    if not isinstance(item.members, dict):
        raise item.wrong("an item is an object")
    try:
        return read(item)
    except ConfigurationError as error:
        flaw = str(error)
    raise ConfigurationError(flaw) if flaw.startswith(item.place) else item.wrong(flaw)


def _by_number(applications: Iterable[Application]) -> dict[int, str]:
    numbers: dict[int, str] = {}
    for application in applications:
        number = application.number
        if number is not None and numbers.setdefault(number, application.id) != application.id:
            raise ConfigurationError(f"two applications have the number {number}")
    return numbers


def _application(item: _Item) -> Application:
    groups = item.members.get("groupIds") or []
    if not isinstance(groups, list):
        raise item.wrong("groupIds is a list")
    named = [group.get("groupId") if isinstance(group, dict) else group for group in groups]
    attributes = {name: value for name, value in item.part("attributes").members.items() if value is not None}
    return Application(
        id=item.text("uuid"),  # type: ignore[arg-type]  # the record checks it
        name=item.text("name"),  # type: ignore[arg-type]
        owner=item.text("subName"),
        organization=item.text("organization") or item.organization,
        tier=item.text("policy"),
        number=item.number("id"),
        attributes=attributes,
        groups=named,  # type: ignore[arg-type]
        token_type=item.text("tokenType"),
    )


def _subscription(item: _Item) -> Subscription:
    return Subscription(
        application=item.application("appId"),  # type: ignore[arg-type]  # the record checks it
        api=item.text("apiUUID"),
        api_name=item.text("apiName"),
        api_version=item.text("apiVersion"),
        api_organization=item.text("apiOrganization") or item.organization,
        state=item.text("subscriptionState"),  # type: ignore[arg-type]
        policy=item.text("policyId"),
        id=item.text("subscriptionUUID"),
        context=item.text("context"),
        version_range=item.text("versionRange"),
    )


def _key_mapping(item: _Item) -> KeyMapping:
    return KeyMapping(
        organization=item.organization,
        key_manager=item.text("keyManager"),  # type: ignore[arg-type]  # the record checks it
        consumer_key=item.text("consumerKey"),  # type: ignore[arg-type]
        application=item.application("applicationId"),  # type: ignore[arg-type]
        key_type=item.text("keyType"),  # type: ignore[arg-type]
    )


def _subscription_policy(item: _Item) -> SubscriptionPolicy:
    return SubscriptionPolicy(
        name=item.text("name"),  # type: ignore[arg-type]  # the record checks it
        organization=item.organization or item.text("tenantDomain"),
        quota_type=item.text("quotaType") or item.part("defaultLimit").text("quotaType"),
        stop_on_quota_reach=item.flag("stopOnQuotaReach", default=True),
        rate_limit_count=item.number("rateLimitCount"),
        rate_limit_time_unit=item.text("rateLimitTimeUnit"),
        graphql_max_complexity=item.number("graphQLMaxComplexity"),
        graphql_max_depth=item.number("graphQLMaxDepth"),
    )


def _application_policy(item: _Item) -> ApplicationPolicy:
    burst = item.part("burstLimit")
    return ApplicationPolicy(
        name=item.text("name"),  # type: ignore[arg-type]  # the record checks it
        organization=item.organization or item.text("tenantDomain"),
        quota_type=item.text("quotaType") or item.part("defaultLimit").text("quotaType"),
        rate_limit_count=burst.number("rateLimitCount"),
        rate_limit_time_unit=burst.text("rateLimitTimeUnit"),
    )


_READERS: dict[str, Callable[[_Item], AnyRecord]] = {
    "applications": _application,
    "subscriptions": _subscription,
    "application-key-mappings": _key_mapping,
    "subscription-policies": _subscription_policy,
    "application-policies": _application_policy,
}
