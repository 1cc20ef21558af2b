"""
Validates the tokens of many key managers (identity providers) at once, as an API-management gateway does.

Everything public is here, and is loaded when it is first used: importing the package costs nearly nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmvalidate.claims import ANY_AUDIENCE, AnyAudience, ClientIdInstead
    from kmvalidate.discovered import Discovered, discover
    from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, Reason, Refused
    from kmvalidate.jwt_validator import JwtValidator
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet, Skipped, VerificationKey
    from kmvalidate.key_sources import RemoteKeys, StaticKeys
    from kmvalidate.ports import Clock, HttpRequest, HttpResponse, Network, Transport
    from kmvalidate.registry import KeyManagerRegistry
    from kmvalidate.rules import ACCESS_TOKENS, RFC9068_ACCESS_TOKENS, TokenKinds
    from kmvalidate.tokens import VerifiedToken
    from kmvalidate.transport import RequestsTransport
    from kmvalidate.validator import TokenValidator

__all__ = [
    "ACCESS_TOKENS",
    "ANY_AUDIENCE",
    "RFC9068_ACCESS_TOKENS",
    "AnyAudience",
    "ClientIdInstead",
    "Clock",
    "ConfigurationError",
    "Discovered",
    "HttpRequest",
    "HttpResponse",
    "JwtValidator",
    "KMValidateError",
    "KeyManager",
    "KeyManagerRegistry",
    "KeyManagerUnavailable",
    "KeySet",
    "Network",
    "Reason",
    "Refused",
    "RemoteKeys",
    "RequestsTransport",
    "Skipped",
    "StaticKeys",
    "TokenKinds",
    "TokenValidator",
    "Transport",
    "VerificationKey",
    "VerifiedToken",
    "__version__",
    "discover",
]

_HOMES = {
    "claims": ("ANY_AUDIENCE", "AnyAudience", "ClientIdInstead"),
    "discovered": ("Discovered", "discover"),
    "errors": ("ConfigurationError", "KMValidateError", "KeyManagerUnavailable", "Reason", "Refused"),
    "jwt_validator": ("JwtValidator",),
    "key_manager": ("KeyManager",),
    "key_sets": ("KeySet", "Skipped", "VerificationKey"),
    "key_sources": ("RemoteKeys", "StaticKeys"),
    "ports": ("Clock", "HttpRequest", "HttpResponse", "Network", "Transport"),
    "registry": ("KeyManagerRegistry",),
    "rules": ("ACCESS_TOKENS", "RFC9068_ACCESS_TOKENS", "TokenKinds"),
    "tokens": ("VerifiedToken",),
    "transport": ("RequestsTransport",),
    "validator": ("TokenValidator",),
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
