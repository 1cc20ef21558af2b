"""
What a simulated provider needs to know of the kind it simulates.

Rules kept here: data, and plain functions of a `Wish`. Tokens have every claim that the real ones have, under the names
and in the forms that the real ones have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.testing._documents import DISCOVERY_PATH, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.errors import Reason
    from kmvalidate.key_manager import KeyManager

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


@attrs.frozen(kw_only=True)
class LookAlike:
    """
    A token of another kind, signed with the same key.

    Args:
        make: Returns its header (without ``alg`` and ``kid``) and its claims; given what the access token would have.

        reason: Why it is refused.

        versions: The token versions that have it; all, if none is named.
    """

    make: Callable[[Wish, Members, Members], tuple[Members, Members]]
    reason: Reason
    versions: tuple[str, ...] = ()


def _as_published(_: str, jwk: Members) -> Members:
    return jwk


@attrs.frozen(kw_only=True)
class ProviderKind:
    """
    A kind of provider, as `SimulatedProvider` plays it.

    Args:
        name: What it is called.

        home: Where it is when it is played in process: an origin.

        issuer: Returns the ``iss`` of its tokens, given where it is and a token version.

        header: Returns the header of an access token, without ``alg`` and ``kid``.

        claims: Returns the claims of an access token.

        manager: Returns a key manager for it, given where it is, and ``audience`` and further options by name.

        versions: Its token versions or profiles; the first is the usual one.

        algorithms: What it signs with; the first is the usual one.

        documents: Returns its discovery documents by path, given where it is, its algorithms; by default the one below
            its issuer.

        jwks_path: Where its keys lie.

        jwk: Returns a key as it publishes it, given where it is.

        look_alikes: Its tokens that are no access tokens, by name.

        tells: What its access tokens tell, out of ``consumer_key``, ``scopes`` and ``roles``.

        always_application: Whether every token counts as a client's own.
    """

    name: str
    home: str
    issuer: Callable[[str, str], str]
    header: Callable[[Wish], Members]
    claims: Callable[[Wish], Members]
    manager: Callable[..., KeyManager]
    versions: tuple[str, ...] = ("",)
    algorithms: tuple[str, ...] = ("RS256",)
    documents: Callable[[str, tuple[str, ...]], Mapping[str, Members]] | None = None
    jwks_path: str = "/jwks"
    jwk: Callable[[str, Members], Members] = _as_published
    look_alikes: Mapping[str, LookAlike] = attrs.field(factory=dict)
    tells: frozenset[str] = frozenset({"consumer_key", "scopes", "roles"})
    always_application: bool = False

    def published(self, base: str, algorithms: tuple[str, ...]) -> Mapping[str, Members]:
        """Return its discovery documents by path."""
        if self.documents is not None:
            return self.documents(base, algorithms)
        issuer = self.issuer(base, self.versions[0])
        path = issuer.removeprefix(base).removesuffix("/") + DISCOVERY_PATH
        return {path: {**metadata(issuer, algorithms), "jwks_uri": base + self.jwks_path}}
