"""
Which module each public name comes from.

Rules kept here: plain data. The package looks here when a name is first used, so that importing it loads nothing else.
"""

from __future__ import annotations

HOMES = {
    "apis": ("Api", "ApiCall", "AuthType", "GatewayType", "Resource"),
    "audiences": ("ANY_AUDIENCE", "AnyAudience", "ClientIdInstead"),
    "authorized": ("AuthorizedCall",),
    "backend_jwt": ("BackendJwt", "BackendJwtGenerator", "LegacyFormat", "StrictFormat"),
    "cases": ("Case",),
    "chain": (
        *("DEFAULT_CHECKS", "AllOf", "AnyOf", "AudienceCheck", "Check", "DemandsCheck", "EnvironmentCheck"),
        *("KeyManagerCheck", "KeyTypeCheck", "Not", "ReportOnly", "ResourceCheck", "ScopeCheck"),
        *("SubscriptionCheck", "TokenTypeCheck", "ValidatorChain"),
    ),
    "client_auth": (
        *("Attachment", "BearerToken", "ClientAuthentication", "ClientCredentials", "ClientSecretBasic"),
        *("ClientSecretPost", "FromEnvironment", "FromFile", "PrivateKeyJwt", "PublicClient", "TlsClientAuth"),
        "UserCredentials",
    ),
    "demands": ("Demands",),
    "discovered": ("Discovered", "discover"),
    "errors": ("ConfigurationError", "KMValidateError", "KeyManagerUnavailable", "Reason", "Refusal", "Refused"),
    "events": (
        *("Event", "Health", "IntrospectionFailed", "IntrospectionHeldBack", "IntrospectionReachable"),
        *("IntrospectionUnreachable", "KeyManagerAdded", "KeyManagerReachable", "KeyManagerRemoved"),
        *("KeyManagerUnreachable", "KeysDropped", "KeysExpired", "KeysFetched", "KeysNotFetched", "Status"),
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
    "responses": ("ErrorBody", "ErrorProfile", "ErrorResponse", "error_response"),
    "revocation": ("ANY_KEY_MANAGER", "AnyKeyManager", "RevocationList", "signed_digest"),
    "rules": ("ACCESS_TOKENS", "RFC9068_ACCESS_TOKENS", "TokenKinds"),
    "signing": ("SigningKey",),
    "subscriptions": (
        *("Application", "ApplicationPolicy", "Grant", "InMemorySubscriptions", "KeyMapping"),
        *("LoadingSubscriptions", "Subscription", "SubscriptionPolicy", "SubscriptionStore", "records_from_wso2"),
    ),
    "token_options": (
        *("ANY_OPAQUE_TOKEN", "AnyOpaqueToken", "CustomTokens", "JwtTokens", "ReferenceTokens"),
        "token_options_from_wso2",
    ),
    "trace": ("Explanation", "Step"),
    "transport": ("HttpxTransport", "RequestsTransport"),
    "userinfo": ("UserInfo",),
    "validator": ("TokenValidator",),
    "verified": ("VerifiedToken",),
}

HOME_OF = {name: home for home, names in HOMES.items() for name in names}
