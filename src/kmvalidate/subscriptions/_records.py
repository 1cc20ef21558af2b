"""
What a control plane knows of applications and what they may call, as small records.

Rules kept here: a record is whole and never changes, and holds nothing that somebody else may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import FrozenDict, to_names
from kmvalidate.subscriptions._base import Record
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy

if TYPE_CHECKING:
    from kmvalidate.subscriptions._base import Identity

#: The key types of a consumer key, and the default one.
PRODUCTION, SANDBOX = "PRODUCTION", "SANDBOX"
KEY_TYPES = (PRODUCTION, SANDBOX)

#: What an API is known by: its UUID; (organization, name, version); a range, which has one part more.
RangeKey = tuple[str, str | None, str, str]
ApiKey = str | tuple[str | None, str, str] | RangeKey

_NO_ATTRIBUTES: FrozenDict[str, str] = FrozenDict()


class Application(Record, frozen=True, gc=False, kw_only=True):
    """
    Somebody's application, which calls APIs.

    Args:
        id: What it is known by, WSO2's UUID.

        name: Its name.

        owner: Who owns it, WSO2's subscriber.

        organization: The organization it belongs to.

        tier: The name of its application policy.

        number: WSO2's whole number for it, which older messages name it by.

        attributes: What its owner noted of it; read-only.

        groups: The groups that share it.

        token_type: WSO2's token type, such as ``JWT``.

    Raises:
        ConfigurationError: An identity is empty, or something is of the wrong type.
    """

    id: str
    name: str
    owner: str | None = None
    organization: str | None = None
    tier: str | None = None
    number: int | None = None
    attributes: Mapping[str, str] = _NO_ATTRIBUTES
    groups: tuple[str, ...] = ()
    token_type: str | None = None

    needed: ClassVar[tuple[str, ...]] = ("id", "name")
    named: ClassVar[tuple[str, ...]] = ("organization", "tier")
    texts: ClassVar[tuple[str, ...]] = ("owner", "token_type")
    shared: ClassVar[tuple[str, ...]] = ("organization", "tier", "token_type")

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        msgspec.structs.force_setattr(self, "attributes", _attributes(self.attributes))
        msgspec.structs.force_setattr(self, "groups", to_names(self.groups) if self.groups else ())

    @property
    def identity(self) -> Identity:
        """What it is known by among all records."""
        return (Application, self.id)


class KeyMapping(Record, frozen=True, gc=False, kw_only=True):
    """
    Whose consumer key it is: (organization, key manager, consumer key) -> application.

    Args:
        organization: The organization of the key manager, None for one that serves all.

        key_manager: The name of the key manager.

        consumer_key: The client id there.

        application: The id of the application.

        key_type: ``PRODUCTION`` or ``SANDBOX``.

    Raises:
        ConfigurationError: An identity is empty, or the key type is another word.
    """

    organization: str | None = None
    key_manager: str
    consumer_key: str
    application: str
    key_type: str = PRODUCTION

    needed: ClassVar[tuple[str, ...]] = ("key_manager", "consumer_key", "application")
    named: ClassVar[tuple[str, ...]] = ("organization",)
    shared: ClassVar[tuple[str, ...]] = ("organization", "key_manager", "key_type")

    def __post_init__(self) -> None:
        if self.key_type.__class__ is not str or self.key_type not in KEY_TYPES:
            raise ConfigurationError(f"key_type is {PRODUCTION} or {SANDBOX}")
        Record.__post_init__(self)

    @property
    def identity(self) -> Identity:
        """What it is known by among all records."""
        return (self.organization, self.key_manager, self.consumer_key)


class Subscription(Record, frozen=True, gc=False, kw_only=True):
    """
    That an application may call an API.

    It names the API by its UUID, or else by name and version within an organization, or by a range of versions. One
    that names a UUID matches by that, and never by name and version; a range is looked at for either.

    Args:
        application: The id of the application.

        api: The UUID of the API.

        api_name: The name of the API.

        api_version: The version of the API.

        api_organization: The organization of the API. An API of another one is another API.

        state: WSO2's state of the subscription, exactly as written there (`verdict_of`).

        policy: The name of the subscription policy.

        id: What the subscription is known by itself, WSO2's UUID.

        context: Choreo's context of the API, without the version.

        version_range: Choreo's range of versions, such as ``v1``.

    Raises:
        ConfigurationError: An identity is empty, or no API is named.
    """

    application: str
    api: str | None = None
    api_name: str | None = None
    api_version: str | None = None
    api_organization: str | None = None
    state: str = "UNBLOCKED"
    policy: str | None = None
    id: str | None = None
    context: str | None = None
    version_range: str | None = None

    needed: ClassVar[tuple[str, ...]] = ("application", "state")
    named: ClassVar[tuple[str, ...]] = (
        *("api", "api_name", "api_version", "api_organization"),
        *("policy", "id", "context", "version_range"),
    )
    shared: ClassVar[tuple[str, ...]] = tuple(name for name in (*named, "state") if name != "id")

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        is_named = self.api_name is not None and self.api_version is not None
        if self.api is None and not is_named and self.range_key is None:
            raise ConfigurationError("a subscription names an API: api, or api_name and api_version, or a range")

    @property
    def identity(self) -> Identity:
        """What it is known by among all records."""
        return (Subscription, self.application, self.key)

    @property
    def key(self) -> ApiKey:
        """What the API is known by among those of one application."""
        if self.api is not None:
            return self.api
        if self.api_name is not None and self.api_version is not None:
            return (self.api_organization, self.api_name, self.api_version)
        return self.range_key  # type: ignore[return-value]  # one of the three is there

    @property
    def range_key(self) -> RangeKey | None:
        """The range of versions it names, None if it names none."""
        if self.context is None or self.version_range is None:
            return None
        return ("range", self.api_organization, self.context, self.version_range)


class Grant(msgspec.Struct, frozen=True, gc=False):
    """
    What a store finds for a client and an API. Every part may be missing, and a missing part allows nothing.

    Args:
        application: The client's application.

        key_type: The key type of the client's consumer key.

        subscription: The application's subscription to the API.

        policy: The policy of that subscription.

        application_policy: The policy of the application.
    """

    application: Application | None = None
    key_type: str | None = None
    subscription: Subscription | None = None
    policy: SubscriptionPolicy | None = None
    application_policy: ApplicationPolicy | None = None


#: Nothing is known of the client.
NO_GRANT = Grant()

AnyRecord = Application | KeyMapping | Subscription | SubscriptionPolicy | ApplicationPolicy
Records = Iterable[AnyRecord]


def _attributes(given: object) -> FrozenDict[str, str]:
    if given is None or given is _NO_ATTRIBUTES:
        return _NO_ATTRIBUTES
    items: list[Any] = list(given.items()) if isinstance(given, Mapping) else [(None, None)]
    if not all(isinstance(part, str) for item in items for part in item):
        raise ConfigurationError("attributes are strings by name")
    return FrozenDict(items)
