"""
Applications, and which APIs they are subscribed to.

Rules kept here: what is not known allows nothing; looking it up takes no lock and no network.
"""

from __future__ import annotations

from kmvalidate.subscriptions._claims import grant_from_claims
from kmvalidate.subscriptions._loading import LoadingSubscriptions
from kmvalidate.subscriptions._memory import InMemorySubscriptions
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy
from kmvalidate.subscriptions._records import (
    NO_GRANT,
    PRODUCTION,
    SANDBOX,
    AnyRecord,
    Application,
    Grant,
    KeyMapping,
    Subscription,
)
from kmvalidate.subscriptions._states import verdict_of
from kmvalidate.subscriptions._store import SubscriptionStore
from kmvalidate.subscriptions._wso2 import records_from_wso2

__all__ = [
    "NO_GRANT",
    "PRODUCTION",
    "SANDBOX",
    "AnyRecord",
    "Application",
    "ApplicationPolicy",
    "Grant",
    "InMemorySubscriptions",
    "KeyMapping",
    "LoadingSubscriptions",
    "Subscription",
    "SubscriptionPolicy",
    "SubscriptionStore",
    "grant_from_claims",
    "records_from_wso2",
    "verdict_of",
]
