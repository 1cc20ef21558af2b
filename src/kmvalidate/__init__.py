"""
Validates the tokens of many key managers (identity providers) at once, as an API-management gateway does.

Everything public is here, and is loaded when it is first used: importing the package costs nearly nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from kmvalidate.homes import HOME_OF

if TYPE_CHECKING:
    from kmvalidate.apis import Api, ApiCall, AuthType, GatewayType, Resource
    from kmvalidate.audiences import ANY_AUDIENCE, AnyAudience, ClientIdInstead
    from kmvalidate.authorized import AuthorizedCall
    from kmvalidate.backend_jwt import BackendJwt, BackendJwtGenerator, LegacyFormat, StrictFormat
    from kmvalidate.cases import Case
    from kmvalidate.chain import (
        DEFAULT_CHECKS,
        AllOf,
        AnyOf,
        AudienceCheck,
        Check,
        DemandsCheck,
        EnvironmentCheck,
        KeyManagerCheck,
        KeyTypeCheck,
        Not,
        ReportOnly,
        ResourceCheck,
        ScopeCheck,
        SubscriptionCheck,
        TokenTypeCheck,
        ValidatorChain,
    )
    from kmvalidate.client_auth import (
        Attachment,
        BearerToken,
        ClientAuthentication,
        ClientCredentials,
        ClientSecretBasic,
        ClientSecretPost,
        FromEnvironment,
        FromFile,
        PrivateKeyJwt,
        PublicClient,
        TlsClientAuth,
        UserCredentials,
    )
    from kmvalidate.demands import Demands
    from kmvalidate.discovered import Discovered, discover
    from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, Reason, Refusal, Refused
    from kmvalidate.events import (
        Event,
        Health,
        IntrospectionFailed,
        IntrospectionHeldBack,
        IntrospectionReachable,
        IntrospectionUnreachable,
        KeyManagerAdded,
        KeyManagerReachable,
        KeyManagerRemoved,
        KeyManagerUnreachable,
        KeysDropped,
        KeysExpired,
        KeysFetched,
        KeysNotFetched,
        Status,
    )
    from kmvalidate.introspection import Introspection, IntrospectionStrategy
    from kmvalidate.jwt_validator import JwtValidator
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet, Skipped, VerificationKey
    from kmvalidate.key_sources import Freshness, KeyFile, RemoteKeys, StaticKeys
    from kmvalidate.patterns import Pattern
    from kmvalidate.ports import AsyncTransport, Clock, HttpRequest, HttpResponse, Network, Ports, Transport
    from kmvalidate.profiles import AnswerRules, ProviderProfile
    from kmvalidate.registry import KeyManagerRegistry
    from kmvalidate.responses import ErrorBody, ErrorProfile, ErrorResponse, error_response
    from kmvalidate.revocation import ANY_KEY_MANAGER, AnyKeyManager, RevocationList, signed_digest
    from kmvalidate.rules import ACCESS_TOKENS, RFC9068_ACCESS_TOKENS, TokenKinds
    from kmvalidate.signing import SigningKey
    from kmvalidate.subscriptions import (
        Application,
        ApplicationPolicy,
        Grant,
        InMemorySubscriptions,
        KeyMapping,
        LoadingSubscriptions,
        Subscription,
        SubscriptionPolicy,
        SubscriptionStore,
        records_from_wso2,
    )
    from kmvalidate.token_options import (
        ANY_OPAQUE_TOKEN,
        AnyOpaqueToken,
        CustomTokens,
        JwtTokens,
        ReferenceTokens,
        token_options_from_wso2,
    )
    from kmvalidate.trace import Explanation, Step
    from kmvalidate.transport import HttpxTransport, RequestsTransport
    from kmvalidate.userinfo import UserInfo
    from kmvalidate.validator import TokenValidator
    from kmvalidate.verified import VerifiedToken

__all__ = [
    "ACCESS_TOKENS",
    "ANY_AUDIENCE",
    "ANY_KEY_MANAGER",
    "ANY_OPAQUE_TOKEN",
    "DEFAULT_CHECKS",
    "RFC9068_ACCESS_TOKENS",
    "AllOf",
    "AnswerRules",
    "AnyAudience",
    "AnyKeyManager",
    "AnyOf",
    "AnyOpaqueToken",
    "Api",
    "ApiCall",
    "Application",
    "ApplicationPolicy",
    "AsyncTransport",
    "Attachment",
    "AudienceCheck",
    "AuthType",
    "AuthorizedCall",
    "BackendJwt",
    "BackendJwtGenerator",
    "BearerToken",
    "Case",
    "Check",
    "ClientAuthentication",
    "ClientCredentials",
    "ClientIdInstead",
    "ClientSecretBasic",
    "ClientSecretPost",
    "Clock",
    "ConfigurationError",
    "CustomTokens",
    "Demands",
    "DemandsCheck",
    "Discovered",
    "EnvironmentCheck",
    "ErrorBody",
    "ErrorProfile",
    "ErrorResponse",
    "Event",
    "Explanation",
    "Freshness",
    "FromEnvironment",
    "FromFile",
    "GatewayType",
    "Grant",
    "Health",
    "HttpRequest",
    "HttpResponse",
    "HttpxTransport",
    "InMemorySubscriptions",
    "Introspection",
    "IntrospectionFailed",
    "IntrospectionHeldBack",
    "IntrospectionReachable",
    "IntrospectionStrategy",
    "IntrospectionUnreachable",
    "JwtTokens",
    "JwtValidator",
    "KMValidateError",
    "KeyFile",
    "KeyManager",
    "KeyManagerAdded",
    "KeyManagerCheck",
    "KeyManagerReachable",
    "KeyManagerRegistry",
    "KeyManagerRemoved",
    "KeyManagerUnavailable",
    "KeyManagerUnreachable",
    "KeyMapping",
    "KeySet",
    "KeyTypeCheck",
    "KeysDropped",
    "KeysExpired",
    "KeysFetched",
    "KeysNotFetched",
    "LegacyFormat",
    "LoadingSubscriptions",
    "Network",
    "Not",
    "Pattern",
    "Ports",
    "PrivateKeyJwt",
    "ProviderProfile",
    "PublicClient",
    "Reason",
    "ReferenceTokens",
    "Refusal",
    "Refused",
    "RemoteKeys",
    "ReportOnly",
    "RequestsTransport",
    "Resource",
    "ResourceCheck",
    "RevocationList",
    "ScopeCheck",
    "SigningKey",
    "Skipped",
    "StaticKeys",
    "Status",
    "Step",
    "StrictFormat",
    "Subscription",
    "SubscriptionCheck",
    "SubscriptionPolicy",
    "SubscriptionStore",
    "TlsClientAuth",
    "TokenKinds",
    "TokenTypeCheck",
    "TokenValidator",
    "Transport",
    "UserCredentials",
    "UserInfo",
    "ValidatorChain",
    "VerificationKey",
    "VerifiedToken",
    "__version__",
    "discover",
    "error_response",
    "records_from_wso2",
    "signed_digest",
    "token_options_from_wso2",
]


if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> object:
    if name == "__version__":
        metadata = importlib.import_module("importlib.metadata")
        value: object = metadata.version("kmvalidate")
    elif name in HOME_OF:
        value = getattr(importlib.import_module(f"kmvalidate.{HOME_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
