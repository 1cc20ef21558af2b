"""
What a configuration wants of a token beside that it is good: names it must have, and values of its claims.

Rules kept here: a JSON value equals nothing but itself. What cannot be told is not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.attributes import names_at
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import FrozenDict, to_name_set, to_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.attributes import Paths


def as_text(value: object) -> str:
    """Return a JSON value as it is compared: 1 is neither 1.0 nor true, not even inside an array."""
    return json.dumps(value, sort_keys=True)


def json_values(values: Mapping[str, Any]) -> FrozenDict[str, Any]:
    """
    Return claims with their values, for good.

    Raises:
        ConfigurationError: It maps something else than names, or to what JSON cannot say.
    """
    _check_table(values)
    try:
        given: object = _for_good(dict(values))
        copied: FrozenDict[str, Any] = _for_good(json.loads(json.dumps(given, allow_nan=False)))
    except (TypeError, ValueError, RecursionError):
        given, copied = None, FrozenDict()
    if copied != given:
        raise ConfigurationError("claim_values and claim_in map claims to what JSON can say")
    return copied


def _check_table(values: object) -> None:
    if not isinstance(values, Mapping):
        raise ConfigurationError("claim_values and claim_in map the names of claims")
    to_names(values)


def _for_good(value: Any) -> Any:
    """Return a JSON value that nobody changes, equal to none but itself."""
    if isinstance(value, dict):
        return FrozenDict({name: _for_good(member) for name, member in value.items()})
    return tuple(map(_for_good, value)) if isinstance(value, list | tuple) else value


def _listed(some: Any) -> list[Any]:
    if isinstance(some, bytes | Mapping):  # neither their numbers nor their names were meant
        raise TypeError
    return [some] if isinstance(some, str) else list(some)


def json_choices(values: Mapping[str, Iterable[Any]]) -> FrozenDict[str, tuple[Any, ...]]:
    """
    Return claims with the values of which each must have one; a single string needs no list around it.

    Raises:
        ConfigurationError: It maps something else than names, or to none, or to what JSON cannot say.
    """
    _check_table(values)
    try:
        listed = {name: _listed(some) for name, some in values.items()}
    except TypeError:
        listed = {}
    if len(listed) != len(values) or not all(listed.values()):
        raise ConfigurationError("claim_in maps each claim to the values it may have, at least one")
    return FrozenDict({name: tuple(sorted(some, key=as_text)) for name, some in json_values(listed).items()})


def as_texts(choices: Mapping[str, tuple[Any, ...]]) -> Mapping[str, frozenset[str]]:
    """Return the values that claims may have as they are compared, made once for all tokens."""
    return FrozenDict({name: frozenset(map(as_text, choice)) for name, choice in choices.items()})


def is_one_of(value: object, texts: frozenset[str]) -> bool:
    """Tell whether a claim has one of some values (`as_texts`), or is an array that holds one."""
    members = value if isinstance(value, list) else ()
    return as_text(value) in texts or any(as_text(member) in texts for member in members)


def _some(names: str | Iterable[str] | None) -> frozenset[str] | None:
    """Whoever wants one out of none, or all of none, lost a list on the way: that does not let everybody in."""
    wanted = None if names is None else to_name_set(names)
    if wanted is not None and not wanted:
        raise ConfigurationError("roles, groups and permissions that are wanted are at least one; None wants none")
    return wanted


@attrs.frozen(kw_only=True)
class NamesWanted:
    """Which roles, groups and permissions a token must have. `Demands` and `KeyManager` take and document them."""

    any_role: frozenset[str] | None = attrs.field(default=None, converter=_some)
    all_roles: frozenset[str] | None = attrs.field(default=None, converter=_some)
    any_group: frozenset[str] | None = attrs.field(default=None, converter=_some)
    all_groups: frozenset[str] | None = attrs.field(default=None, converter=_some)
    any_permission: frozenset[str] | None = attrs.field(default=None, converter=_some)
    all_permissions: frozenset[str] | None = attrs.field(default=None, converter=_some)

    @property
    def wants_names(self) -> bool:
        """Whether it wants any."""
        return any(getattr(self, field.name) for field in attrs.fields(NamesWanted))

    def check_names(self, claims: Mapping[str, Any], *, roles: Paths, groups: Paths, permissions: Paths) -> None:
        """
        Check that a token has them.

        Args:
            claims: The claims set.

            roles: Where it has its roles; *groups* and *permissions* likewise.

            groups: See there.

            permissions: See there.

        Raises:
            Refused: MISSING_ROLE, UNKNOWN_ROLES.
        """
        _check("roles", self.any_role, self.all_roles, claims, roles)
        _check("groups", self.any_group, self.all_groups, claims, groups)
        _check("permissions", self.any_permission, self.all_permissions, claims, permissions)


#: What most want: none.
NO_NAMES = NamesWanted()


def _check(
    what: str, any_of: frozenset[str] | None, all_of: frozenset[str] | None, claims: Mapping[str, Any], at: Paths
) -> None:
    if any_of is None and all_of is None:
        return
    have = names_at(claims, at)
    if have is None:
        hint = "They are not in the token: too many, or in a form they do not have."
        raise Refused(Reason.UNKNOWN_ROLES, claim=what, expected=all_of or any_of, hint=hint)
    if all_of is not None and not all_of <= have:
        raise Refused(Reason.MISSING_ROLE, claim=what, expected=all_of, got=have)
    if any_of is not None and any_of.isdisjoint(have):
        raise Refused(Reason.MISSING_ROLE, claim=what, expected=any_of, got=have)
