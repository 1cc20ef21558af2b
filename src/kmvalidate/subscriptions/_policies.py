"""
Policies, as far as they are passed on to backends; nothing is counted by this library.

Rules kept here: a policy is known by its organization and its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kmvalidate.errors import ConfigurationError
from kmvalidate.subscriptions._base import Record

if TYPE_CHECKING:
    from kmvalidate.subscriptions._base import Identity


class SubscriptionPolicy(Record, frozen=True, gc=False, kw_only=True):
    """
    What a subscription allows, as far as it is passed on; nothing here is counted.

    Args:
        name: Its name.

        organization: The organization that it is one of.

        quota_type: What is counted, such as ``requestCount``.

        stop_on_quota_reach: Whether calls end when the quota is reached.

        rate_limit_count: WSO2's spike arrest limit.

        rate_limit_time_unit: The unit of that.

        graphql_max_complexity: The highest complexity of a GraphQL query.

        graphql_max_depth: The greatest depth of a GraphQL query.

    Raises:
        ConfigurationError: The name is empty, or something is of the wrong type.
    """

    name: str
    organization: str | None = None
    quota_type: str | None = None
    stop_on_quota_reach: bool = True
    rate_limit_count: int | None = None
    rate_limit_time_unit: str | None = None
    graphql_max_complexity: int | None = None
    graphql_max_depth: int | None = None

    needed: ClassVar[tuple[str, ...]] = ("name",)
    named: ClassVar[tuple[str, ...]] = ("organization",)
    texts: ClassVar[tuple[str, ...]] = ("quota_type", "rate_limit_time_unit")

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if self.stop_on_quota_reach.__class__ is not bool:
            raise ConfigurationError("stop_on_quota_reach is a bool")

    @property
    def identity(self) -> Identity:
        """What it is known by among all records."""
        return (SubscriptionPolicy, self.organization, self.name)


class ApplicationPolicy(Record, frozen=True, gc=False, kw_only=True):
    """
    What an application is allowed over all its subscriptions, as far as it is passed on.

    Args:
        name: Its name.

        organization: The organization that it is one of.

        quota_type: What is counted, such as ``requestCount``.

        rate_limit_count: WSO2's burst limit.

        rate_limit_time_unit: The unit of that.

    Raises:
        ConfigurationError: The name is empty, or something is of the wrong type.
    """

    name: str
    organization: str | None = None
    quota_type: str | None = None
    rate_limit_count: int | None = None
    rate_limit_time_unit: str | None = None

    needed: ClassVar[tuple[str, ...]] = ("name",)
    named: ClassVar[tuple[str, ...]] = ("organization",)
    texts: ClassVar[tuple[str, ...]] = ("quota_type", "rate_limit_time_unit")

    @property
    def identity(self) -> Identity:
        """What it is known by among all records."""
        return (ApplicationPolicy, self.organization, self.name)
