"""
What a simulated provider needs to know of the kind it simulates.

Rules kept here: data, and plain functions of a `Wish`. Tokens have every claim that the real ones have, under the names
and in the forms that the real ones have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.testing import _answers
from kmvalidate.testing._documents import DISCOVERY_PATH, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.errors import Reason
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]


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

        introspection_path: Where its introspection endpoint is (RFC 7662); None if it has none.

        answer: Returns what that says about an opaque access token, without ``active``; by default what it says about
            the signed one.

        jwt_answer: Returns what it says about a token that the provider signed, given its header and its claims; by
            default the claims, and what every answer has.

        refresh_answer: Returns what it says about a refresh token.

        device_answer: Returns what it says about a device secret; None if there are none.

        new_token: Makes an opaque token.

        stand_ins: What makes the signed tokens that it has in place of opaque ones, as in a `LookAlike`: of the
            purposes ``access`` and ``refresh``.

        signed_answers: Whether it signs what it says, if it is asked to (RFC 9701).

        requests_per_minute: How many requests of a minute it answers; None for any number.
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
    introspection_path: str | None = None
    answer: Callable[[Wish], Members] | None = None
    jwt_answer: Callable[[Wish, Members, Members], Members] = _answers.about_jwt
    refresh_answer: Callable[[Wish], Members] = _answers.about_refresh_token
    device_answer: Callable[[Wish], Members] | None = None
    new_token: Callable[[], str] = _answers.new_token
    stand_ins: Mapping[str, Callable[[Wish, Members, Members], tuple[Members, Members]]] = attrs.field(factory=dict)
    signed_answers: bool = False
    requests_per_minute: int | None = None

    def answered(self, wish: Wish) -> Members:
        """Return what its introspection endpoint says about an opaque access token."""
        if self.answer is not None:
            return self.answer(wish)
        return self.jwt_answer(wish, self.header(wish), self.claims(wish))

    def published(self, base: str, algorithms: tuple[str, ...]) -> Mapping[str, Members]:
        """Return its discovery documents by path."""
        if self.documents is not None:
            return self.documents(base, algorithms)
        issuer = self.issuer(base, self.versions[0])
        path = issuer.removeprefix(base).removesuffix("/") + DISCOVERY_PATH
        found = {**metadata(issuer, algorithms), "jwks_uri": base + self.jwks_path}
        if self.introspection_path is not None:
            found["introspection_endpoint"] = base + self.introspection_path
        if self.signed_answers:
            found["introspection_signing_alg_values_supported"] = list(algorithms)
        return {path: found}
