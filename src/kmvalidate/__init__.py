"""
Validates the tokens of many key managers (identity providers) at once, as an API-management gateway does.

Everything public is here, and is loaded when it is first used: importing the package costs nearly nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmvalidate.audiences import ANY_AUDIENCE, AnyAudience, ClientIdInstead
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
    from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, Reason, Refused
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
    from kmvalidate.rules import ACCESS_TOKENS, RFC9068_ACCESS_TOKENS, TokenKinds
    from kmvalidate.token_options import (
        ANY_OPAQUE_TOKEN,
        AnyOpaqueToken,
        CustomTokens,
        JwtTokens,
        ReferenceTokens,
        token_options_from_wso2,
    )
    from kmvalidate.transport import HttpxTransport, RequestsTransport
    from kmvalidate.validator import TokenValidator
    from kmvalidate.verified import VerifiedToken

__all__ = [
    "ACCESS_TOKENS",
    "ANY_AUDIENCE",
    "ANY_OPAQUE_TOKEN",
    "RFC9068_ACCESS_TOKENS",
    "AnswerRules",
    "AnyAudience",
    "AnyOpaqueToken",
    "AsyncTransport",
    "Attachment",
    "BearerToken",
    "ClientAuthentication",
    "ClientCredentials",
    "ClientIdInstead",
    "ClientSecretBasic",
    "ClientSecretPost",
    "Clock",
    "ConfigurationError",
    "CustomTokens",
    "Demands",
    "Discovered",
    "Event",
    "Freshness",
    "FromEnvironment",
    "FromFile",
    "Health",
    "HttpRequest",
    "HttpResponse",
    "HttpxTransport",
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
    "KeyManagerReachable",
    "KeyManagerRegistry",
    "KeyManagerRemoved",
    "KeyManagerUnavailable",
    "KeyManagerUnreachable",
    "KeySet",
    "KeysDropped",
    "KeysExpired",
    "KeysFetched",
    "KeysNotFetched",
    "Network",
    "Pattern",
    "Ports",
    "PrivateKeyJwt",
    "ProviderProfile",
    "PublicClient",
    "Reason",
    "ReferenceTokens",
    "Refused",
    "RemoteKeys",
    "RequestsTransport",
    "Skipped",
    "StaticKeys",
    "Status",
    "TlsClientAuth",
    "TokenKinds",
    "TokenValidator",
    "Transport",
    "UserCredentials",
    "VerificationKey",
    "VerifiedToken",
    "__version__",
    "discover",
    "token_options_from_wso2",
]

_HOMES = {
    "audiences": ("ANY_AUDIENCE", "AnyAudience", "ClientIdInstead"),
    "client_auth": (
        *("Attachment", "BearerToken", "ClientAuthentication", "ClientCredentials", "ClientSecretBasic"),
        *("ClientSecretPost", "FromEnvironment", "FromFile", "PrivateKeyJwt", "PublicClient", "TlsClientAuth"),
        "UserCredentials",
    ),
    "demands": ("Demands",),
    "discovered": ("Discovered", "discover"),
    "errors": ("ConfigurationError", "KMValidateError", "KeyManagerUnavailable", "Reason", "Refused"),
    "events": (
        *("IntrospectionFailed", "IntrospectionHeldBack", "IntrospectionReachable", "IntrospectionUnreachable"),
        *("Event", "Health", "KeyManagerAdded", "KeyManagerReachable", "KeyManagerRemoved", "KeyManagerUnreachable"),
        *("KeysDropped", "KeysExpired", "KeysFetched", "KeysNotFetched", "Status"),
    ),
    "introspection": ("Introspection", "IntrospectionStrategy"),
    "jwt_validator": ("JwtValidator",),
    "key_manager": ("KeyManager",),
    "key_sets": ("KeySet", "Skipped", "VerificationKey"),
    "key_sources": ("Freshness", "KeyFile", "RemoteKeys", "StaticKeys"),
    "patterns": ("Pattern",),
    "ports": ("AsyncTransport", "Clock", "HttpRequest", "HttpResponse", "Network", "Ports", "Transport"),
    "profiles": ("AnswerRules", "ProviderProfile"),
    "registry": ("KeyManagerRegistry",),
    "rules": ("ACCESS_TOKENS", "RFC9068_ACCESS_TOKENS", "TokenKinds"),
    "token_options": (
        *("ANY_OPAQUE_TOKEN", "AnyOpaqueToken", "CustomTokens", "JwtTokens", "ReferenceTokens"),
        "token_options_from_wso2",
    ),
    "transport": ("HttpxTransport", "RequestsTransport"),
    "validator": ("TokenValidator",),
    "verified": ("VerifiedToken",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> object:
    if name == "__version__":
        metadata = importlib.import_module("importlib.metadata")
        value: object = metadata.version("kmvalidate")
    elif name in _HOME_OF:
        value = getattr(importlib.import_module(f"kmvalidate.{_HOME_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
