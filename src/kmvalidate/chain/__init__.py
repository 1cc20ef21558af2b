"""The checks between a good token and an allowed call."""

from kmvalidate.chain._chain import ValidatorChain
from kmvalidate.chain._check import Check
from kmvalidate.chain._checks import (
    DEFAULT_CHECKS,
    AudienceCheck,
    DemandsCheck,
    EnvironmentCheck,
    KeyManagerCheck,
    KeyTypeCheck,
    ResourceCheck,
    ScopeCheck,
    SubscriptionCheck,
    TokenTypeCheck,
)
from kmvalidate.chain._compositions import AllOf, AnyOf, Not, ReportOnly

__all__ = [
    "DEFAULT_CHECKS",
    "AllOf",
    "AnyOf",
    "AudienceCheck",
    "Check",
    "DemandsCheck",
    "EnvironmentCheck",
    "KeyManagerCheck",
    "KeyTypeCheck",
    "Not",
    "ReportOnly",
    "ResourceCheck",
    "ScopeCheck",
    "SubscriptionCheck",
    "TokenTypeCheck",
    "ValidatorChain",
]
