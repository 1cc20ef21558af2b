"""
The words with which an API says who may call it, and where.

Rules kept here: a word that is not known is a configuration error, never a default.
"""

from __future__ import annotations

import enum
from typing import Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import exact


class AuthType(enum.Enum):
    """Whose tokens a resource takes (WSO2: ``x-auth-type``)."""

    #: It takes no token at all.
    NONE = "None"
    #: Tokens of applications: client credentials.
    APPLICATION = "Application"
    #: Tokens of users.
    USER = "Application User"
    #: Both.
    ANY = "Any"

    @classmethod
    def from_wso2(cls, text: str) -> AuthType:
        """
        Return the auth type that WSO2 calls *text*.

        Args:
            text: "None", "Application", "Application User" or "Application_User", "Any" or
                "Application & Application User".

        Raises:
            ConfigurationError: It is another word.
        """
        found = _WSO2_WORDS.get(text) if isinstance(text, str) else None
        if found is None:
            raise ConfigurationError(f"an auth type is one of {', '.join(_WSO2_WORDS)}")
        return found


_WSO2_WORDS = {
    **{kind.value: kind for kind in AuthType},
    "Application_User": AuthType.USER,
    "Application & Application User": AuthType.ANY,
}


class GatewayType(enum.Enum):
    """Which keys of applications a deployment of an API takes: those for production, for the sandbox, or both."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"
    HYBRID = "HYBRID"


#: The life of an API (WSO2's lifecycle).
STATUSES = ("CREATED", "PROTOTYPED", "PUBLISHED", "BLOCKED", "DEPRECATED", "RETIRED")
#: How an API is called.
KINDS = ("HTTP", "GRAPHQL", "WS")
#: The operations of GraphQL, in the place of methods.
OPERATION_TYPES = ("QUERY", "MUTATION", "SUBSCRIPTION")


def plain(value: str) -> str:
    """Return a string without a class of its own, which might make another of it; what is none, as it is."""
    text = exact(value)
    return value if text is None else text


def perhaps_plain(value: str | None) -> Any:
    """Return a string as `plain` does; None stays None."""
    return value if value is None else plain(value)
