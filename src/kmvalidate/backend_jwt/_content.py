"""
Which claims of others a backend JWT repeats: those of the token, of the user, and of a callable.

Rules kept here: what the generator says itself, and what says who calls and what they may do, comes neither from the
user's claims nor from a callable, not even where the generator has nothing to say. Names that differ only in letter
case, or in the dot of an i, are one name, for there are readers that take the one for the other. All of it is JSON,
read strictly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from kmvalidate.attributes import Path, to_paths, value_at
from kmvalidate.backend_jwt._names import check_text, fold, folded, is_text
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import non_empty, require, to_name_set, to_names
from kmvalidate.strict_json import Flaw, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.apis import Api
    from kmvalidate.cases import Case

#: The registered claims (RFC 7519 section 4.1), and those that say who the client is and what it may do: none of them
#: comes from the user's claims or from a callable.
PROTECTED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope", "scp"},
)

#: What the strict format says of the call, beside the registered claims.
GATEWAY_FACTS = frozenset({"api", "application", "key_type", "subscription", "key_manager", "organization"})

#: What the generator tells of the token, and does not if it is excluded.
_OPTIONAL = frozenset({"sub", "scope", "client_id", "organizations"})

_PROTECTED = folded(PROTECTED_CLAIMS)

_encode = msgspec.json.Encoder().encode


def _to_mapped(claims: Mapping[Any, str] | None) -> tuple[tuple[Path, str], ...]:
    if claims is None:
        return ()
    if not isinstance(claims, Mapping):
        raise ConfigurationError("claims maps the claims of a token to their names in the backend JWT")
    paths, names = to_paths(list(claims)), to_names(tuple(claims.values()))
    check_text("claims: a name", names)
    return tuple(zip(paths, names, strict=True))


def _to_audience(value: str | Iterable[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    named = to_names(value)
    if not named:
        raise ConfigurationError("audience names at least one; None is none")
    return named


@attrs.frozen(kw_only=True)
class Content:
    """What a generator was told to put into its JWTs. Its arguments are those of `BackendJwtGenerator`."""

    issuer: str = attrs.field(validator=[non_empty, is_text])
    audience: tuple[str, ...] = attrs.field(converter=_to_audience, validator=is_text)
    claims: tuple[tuple[Path, str], ...] = attrs.field(converter=_to_mapped)
    excluded_claims: frozenset[str] = attrs.field(converter=to_name_set)
    _excluded: frozenset[str] = attrs.field(init=False, repr=False)
    _named: frozenset[str] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_excluded", folded(self.excluded_claims))
        object.__setattr__(self, "_named", folded(name for _, name in self.claims))

    def check_names(self, reserved: frozenset[str], written: frozenset[str]) -> None:
        """
        Check that what is said of names can be done.

        Args:
            reserved: Names that no claim of a token may get.

            written: Those of them that the generator writes in any case.

        Raises:
            ConfigurationError: A claim is to get such a name, or such a one is excluded.
        """
        taken, kept = folded(reserved), folded(written - _OPTIONAL)
        for _, name in self.claims:
            is_free = fold(name) not in taken and not _is_lookalike(name)
            require(is_free, f"claims: {name} is written by the generator")
        for name in sorted(self.excluded_claims):
            require(fold(name) not in kept, f"excluded_claims: {name} is always written by the generator")

    def tells(self, name: str) -> bool:
        """Tell whether the claim *name* is not excluded."""
        return fold(name) not in self._excluded

    def audience_of(self, api: Api | None) -> tuple[str, ...]:
        """Return what an API's backend calls itself, none if nobody said so."""
        named = None if api is None else api.backend_audience
        return self.audience if named is None else (named,)

    def mapped(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Return the claims of a token that were asked for, under their new names."""
        found: dict[str, Any] = {}
        for path, name in self.claims:
            value = value_at(claims, path)
            if value is not None:
                found.setdefault(name, value)
        return found

    def others(
        self,
        of_user: Mapping[str, Any],
        of_token: Mapping[str, Any],
        custom: Mapping[str, Any] | None,
        reserved: frozenset[str],
    ) -> dict[str, Any]:
        """
        Return all claims that are not the generator's own: a callable's before the token's before the user's.

        A name that `claims` gives comes from the claim of the token that it is for, or from the callable.

        Args:
            of_user: The claims of the user (`user_claims`).

            of_token: Those of the token, with the `mapped` ones under their new names.

            custom: Those of the callable.

            reserved: The names that the generator writes, as they are compared.
        """
        found: dict[str, tuple[str, Any]] = {}
        for claims, barred in (
            (of_user, reserved | self._excluded | self._named),
            (of_token, reserved | self._excluded),
            (_unprotected(custom or {}), reserved),
        ):
            keyed = ((fold(name), name) for name in claims if not _is_lookalike(name))
            found |= {key: (name, claims[name]) for key, name in keyed if key not in barred}
        return {name: value for name, value in found.values() if value is not None}

    def unnamed(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Return the claims of a token that `claims` neither renames nor names others like."""
        renamed = {path[0] for path, _ in self.claims if len(path) == 1}
        named = self._named
        return {name: claims[name] for name in claims if name not in renamed and fold(name) not in named}


def user_claims(case: Case) -> dict[str, Any]:
    """
    Return the claims of the user, without those that say who calls and what they may do.

    Raises:
        ConfigurationError: They are not JSON.
    """
    return _unprotected(plain_members(case.user_claims, "user claims")) if case.user_claims else {}


def _unprotected(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name not in PROTECTED_CLAIMS}


def _is_lookalike(name: str) -> bool:
    """Tell whether *name* is compared as that of a protected claim and is another, and so nobody's."""
    return name not in PROTECTED_CLAIMS and fold(name) in _PROTECTED


def to_json(value: object) -> bytes:
    """
    Return the claims of a JWT as JSON.

    Raises:
        ConfigurationError: There are surrogates in what the gateway knows; token and user have none.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        pass
    raise ConfigurationError("the API, the application or the organization is called what cannot be written as UTF-8")


def plain_members(members: object, whose: str) -> dict[str, Any]:
    """
    Return *members* as somebody who reads them strictly as JSON would have them.

    Raises:
        ConfigurationError: They are no mapping, or JSON cannot say them.
    """
    plain = _read_back(members)
    if isinstance(plain, Flaw):
        raise ConfigurationError(f"{whose}: {plain}")
    return plain


def _read_back(members: object) -> dict[str, Any] | Flaw:
    if not isinstance(members, Mapping):
        return Flaw("not a mapping of names to values")
    try:
        raw = json.dumps(dict(members), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return Flaw("a value that JSON has not")
    return parse_object(raw)
