"""
What a test wants of a token, whatever the provider.

Rules kept here: data, and the forms of it that most providers write.
"""

from __future__ import annotations

from typing import Any

import attrs

Members = dict[str, Any]


@attrs.frozen(kw_only=True)
class Wish:
    """
    The token that a test asked for.

    Args:
        base: Where the provider is: an origin such as ``https://sso.example``.

        version: Which version or profile of the provider's tokens.

        issuer: The issuer of such tokens.

        audience: Who it is for.

        subject: The user, or the client if *application*.

        client_id: The client that got it.

        scopes: What it may do.

        roles: The roles of the user.

        application: Whether the client got it for itself.

        issued_at: Seconds since the epoch.

        expires_at: Seconds since the epoch.

        token_id: A unique name.
    """

    base: str
    version: str
    issuer: str
    audience: tuple[str, ...]
    subject: str
    client_id: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    application: bool
    issued_at: int
    expires_at: int
    token_id: str

    @property
    def aud(self) -> str | list[str]:
        """The audience as most write it: a string if it is one, else an array."""
        return self.audience[0] if len(self.audience) == 1 else list(self.audience)

    @property
    def scope(self) -> str:
        """The scopes as one string."""
        return " ".join(self.scopes)

    @property
    def times(self) -> Members:
        """The claims ``iat`` and ``exp``."""
        return {"iat": self.issued_at, "exp": self.expires_at}
