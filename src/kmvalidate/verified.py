"""
A token's last station: a `VerifiedToken`.

Rules kept here: it says who stands behind it, and is small: its claims are read from the payload when they are asked
for. No repr shows a token.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.attributes import names_at, text_at
from kmvalidate.strict_json import Flaw, parse_object
from kmvalidate.tokens import shows_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.claims import ClaimRules


class Backing(msgspec.Struct, gc=False, eq=False):
    """
    Who stands behind tokens.

    Args:
        key_manager: The key manager's name.

        organization: The key manager's organization, None if it serves all.

        issuer: The issuer, exactly as configured.

        key_id: The ``kid`` of the key that verified the signature, None if it has none.

        environments: The environments for whose APIs its tokens are good, None for all.

        rules: The rules its claims were checked against.
    """

    key_manager: str
    organization: str | None
    issuer: str
    key_id: str | None
    environments: frozenset[str] | None
    rules: ClaimRules


class Decided(msgspec.Struct, gc=False, eq=False):
    """
    What was decided of calls that came with a remembered token.

    Args:
        by: The decisions, by the number of what the calls were for; None until there is one.
    """

    by: dict[int, Any] | None = None

    def __repr__(self) -> str:
        return "Decided(...)"


class VerifiedToken(msgspec.Struct, frozen=True, gc=False, eq=False):
    """
    A token a key manager stands behind: signature, claims and kind were checked. Only verification makes one.

    Its claims are read from the payload when they are first asked for.

    Args:
        expires_at: Seconds since the epoch from which the token is no longer valid, leeway not included.

        starts_at: Seconds since the epoch before which it is not valid: ``nbf`` or ``iat``, whichever is later; 0 if it
            has neither.

        backing: Who stands behind it.

        payload: Its payload, as it was signed.

        revision: The state of the list of revocations under which it was not revoked.

        decided: What was decided of calls it came with.
    """

    expires_at: float
    starts_at: float
    backing: Backing
    payload: bytes
    revision: object = None
    decided: Decided = msgspec.field(default_factory=Decided)
    _read: dict[str, Any] | None = None

    @property
    def _claims(self) -> dict[str, Any]:
        if self._read is not None:
            return self._read
        claims = read_claims(self.payload)
        msgspec.structs.force_setattr(self, "_read", claims)
        return claims

    @property
    def claims(self) -> Mapping[str, Any]:
        """The whole claims set, read-only."""
        return MappingProxyType(self._claims)

    @property
    def key_manager(self) -> str:
        """The name of that key manager."""
        return self.backing.key_manager

    @property
    def organization(self) -> str | None:
        """The organization of that key manager, None if it serves all. Names are unique only within one."""
        return self.backing.organization

    @property
    def issuer(self) -> str:
        """The issuer, exactly as configured."""
        return self.backing.issuer

    @property
    def key_id(self) -> str | None:
        """The ``kid`` of the key that verified the signature, None if it has none."""
        return self.backing.key_id

    @property
    def subject(self) -> str | None:
        """The ``sub`` claim; some providers leave it out for application tokens."""
        return self._claims.get("sub")

    @property
    def token_id(self) -> str | None:
        """The ``jti`` claim."""
        return self._claims.get("jti")

    @property
    def audience(self) -> tuple[str, ...]:
        """The ``aud`` claim as a tuple, whether it was a string or an array."""
        audience = self._claims.get("aud", ())
        return (audience,) if isinstance(audience, str) else tuple(audience)

    @property
    def consumer_key(self) -> str | None:
        """The client id, from the first of the configured claims that the token has."""
        return self.backing.rules.consumer_key(self._claims)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes, from the first of the configured claims that the token has; empty without one."""
        return self.backing.rules.scopes(self._claims)

    @property
    def roles(self) -> frozenset[str] | None:
        """The roles, from all of the configured claims together; None if they cannot be told (too many, for one)."""
        return names_at(self._claims, self.backing.rules.role_claims)

    @property
    def groups(self) -> frozenset[str] | None:
        """The groups; None if they cannot be told."""
        return names_at(self._claims, self.backing.rules.group_claims)

    @property
    def permissions(self) -> frozenset[str] | None:
        """The permissions; None if they cannot be told."""
        return names_at(self._claims, self.backing.rules.permission_claims)

    @property
    def tenant(self) -> str | None:
        """The tenant, or the organization at the provider, where the token names one."""
        return text_at(self._claims, self.backing.rules.profile.tenant_claims)

    @property
    def user_id(self) -> str | None:
        """What stays the same for a user at that provider (Entra ID's ``oid``, Okta's ``uid``); None without a user."""
        profile = self.backing.rules.profile
        return None if profile.is_application(self._claims) else text_at(self._claims, profile.user_id_claims)

    @property
    def is_application(self) -> bool | None:
        """Whether a client got the token for itself, with no user behind it; None if the token does not tell."""
        return self.backing.rules.profile.is_application(self._claims)

    def __repr__(self) -> str:
        return f"VerifiedToken(key_manager={self.key_manager!r}, issuer={self.issuer!r})"

    __rich_repr__ = shows_nothing


#: Copies a `VerifiedToken`; what was decided of it is that of its copies too. In C: msgspec does not declare it.
copy_of: Callable[[VerifiedToken], VerifiedToken] = VerifiedToken.__copy__  # type: ignore[attr-defined]


def forget_read(verified: VerifiedToken) -> None:
    """Forget the claims that were read of a token: they are read again when they are asked for."""
    msgspec.structs.force_setattr(verified, "_read", None)


def read_claims(payload: bytes) -> dict[str, Any]:
    """Return the claims set of a payload that was verified."""
    claims = parse_object(payload)
    if isinstance(claims, Flaw):  # it had none when it was verified
        raise RecursionError("no stack is left to read the claims")
    return claims
