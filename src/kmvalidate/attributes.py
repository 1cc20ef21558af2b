"""
Roles, groups and permissions: names that a token has in claims of its provider's own choosing.

Rules kept here: what cannot be told is unknown (None), never empty. A claim that lies elsewhere (OpenID Connect Core
section 5.6.2), that was left out because it was too long, or that has no form such names have is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import to_names

#: Where something is in a claims set: the name of a claim, and of the members inside it.
Path = tuple[str, ...]
Paths = tuple[Path, ...]

_NOTHING: frozenset[str] = frozenset()
_USUAL_CHARS = 1024
_SCOPE = re.compile(r"[!#-\[\]-~]+")


def to_paths(value: str | Iterable[str | Iterable[str]]) -> Paths:
    """
    Return a claim name, or several, as paths; one that is itself several names leads into an object.

    Raises:
        ConfigurationError: It is something else, or a name is empty.
    """
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Iterable):
        raise ConfigurationError("claims are named by strings, and those inside an object by a tuple of strings")
    paths = tuple(to_names(one) for one in several)
    if not all(paths):
        raise ConfigurationError("the path to a claim has at least one name")
    return paths


def names_at(claims: Mapping[str, Any], paths: Paths) -> frozenset[str] | None:
    """
    Return all names at *paths* together, which are none where there is no such claim.

    Returns:
        The names; None if they cannot be told.
    """
    found = _NOTHING
    for path in paths:
        names = _names(claims, path)
        if names is None:
            return None
        found |= names
    return found


def text_at(claims: Mapping[str, Any], paths: Paths) -> str | None:
    """Return the first string at one of *paths*, None if there is none."""
    values = (value_at(claims, path) for path in paths)
    return next((value for value in values if isinstance(value, str)), None)


def value_at(claims: Mapping[str, Any], path: Path, absent: object = None) -> Any:
    """
    Return what is at *path*.

    Args:
        claims: The claims.

        path: Where to look.

        absent: What to return if nothing is there. Where the way there is no object, it is always None.
    """
    value: Any = claims
    for name in path:
        if not isinstance(value, Mapping):
            return None
        if name not in value:
            return absent
        value = value[name]
    return value


def _names(claims: Mapping[str, Any], path: Path) -> frozenset[str] | None:
    value: Any = None if _is_elsewhere(claims, path[0]) else value_at(claims, path, ())
    if isinstance(value, str):
        return frozenset((value,))
    is_names = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    return frozenset(value) if is_names or _are_grants(value) else None


def _are_grants(value: Any) -> bool:
    """Zitadel maps each role to the organizations that granted it, by their domains; other objects are no roles."""
    return isinstance(value, dict) and all(
        isinstance(given, dict) and given and all(isinstance(domain, str) for domain in given.values())
        for given in value.values()
    )


def _is_elsewhere(claims: Mapping[str, Any], name: str) -> bool:
    """Entra ID says with ``_claim_names``, or with ``hasgroups``, that there were too many for the token."""
    named = claims.get("_claim_names", {})
    return "has" + name in claims or not isinstance(named, dict) or name in named


def is_scope(text: str) -> bool:
    """Tell whether *text* is a scope-token (RFC 6749 section 3.3): visible ASCII without quotes and backslashes."""
    return _SCOPE.fullmatch(text) is not None


def scope_set(text: str) -> frozenset[str]:
    """Return the scopes in *text*, which are split at U+0020 and nowhere else (RFC 6749 section 3.3)."""
    return _usual_scopes(text) if len(text) <= _USUAL_CHARS else _split(text)


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split(" ")) - {""}


#: The same few texts are in most tokens.
_usual_scopes = lru_cache(maxsize=2048)(_split)
