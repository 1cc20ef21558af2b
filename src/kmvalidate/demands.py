"""
What an API may demand of a token that is good: roles, groups, permissions, values of claims.

Rules kept here: what cannot be told meets no demand. A demand that is not met is the caller's lack of rights (403),
while the token stays good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import FrozenDict
from kmvalidate.wanted import NamesWanted, as_text, as_texts, is_one_of, json_choices, json_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.verified import VerifiedToken


@attrs.frozen(kw_only=True)
class Demands(NamesWanted):
    """
    What an API demands of tokens beyond that they are good. A `KeyManager` takes the same arguments for all its tokens.

    Args:
        any_role: Roles of which a token must have one. A name, or several, but not an empty list; so all of these.

        all_roles: Roles of which it must have each.

        any_group: Groups of which it must have one.

        all_groups: Groups of which it must have each.

        any_permission: Permissions of which it must have one.

        all_permissions: Permissions of which it must have each.

        claim_values: Claims that must have exactly this value.

        claim_in: Claims that must have one of these values, or be an array that holds one.

    Raises:
        ConfigurationError: It demands nothing, or something that no token can have.
    """

    claim_values: Mapping[str, Any] = attrs.field(default=FrozenDict(), converter=json_values, eq=as_text)
    claim_in: Mapping[str, tuple[Any, ...]] = attrs.field(default=FrozenDict(), converter=json_choices, eq=as_text)

    _texts: Mapping[str, frozenset[str]] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not (self.wants_names or self.claim_values or self.claim_in):
            raise ConfigurationError("demands demand something")
        object.__setattr__(self, "_texts", as_texts(self.claim_in))

    def check(self, token: VerifiedToken) -> None:
        """
        Check that a token meets them.

        Args:
            token: What `TokenValidator.authenticate` returned.

        Raises:
            Refused: It does not (403): MISSING_ROLE, UNKNOWN_ROLES or CLAIM_NOT_ALLOWED.
        """
        try:
            token.backing.rules.check_names(self, token.claims)
            self._check_claims(token.claims)
        except Refused as refused:
            refused.told(token.key_manager, token.backing.rules.profile.explain(refused, token.claims))
            raise

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        for name, value in self.claim_values.items():
            if name not in claims or as_text(claims[name]) != as_text(value):
                raise _not_allowed(name, value, claims)
        for name, choice in self.claim_in.items():
            if name not in claims or not is_one_of(claims[name], self._texts[name]):
                raise _not_allowed(name, list(choice), claims)


def _not_allowed(name: str, expected: object, claims: Mapping[str, Any]) -> Refused:
    got = claims.get(name, "no such claim")
    return Refused(Reason.CLAIM_NOT_ALLOWED, claim=name, expected=expected, got=got)
