"""
What the fields of a configuration may hold.

Rules kept here: whatever a field must not hold is a configuration error when it is made, not a surprise for a token. A
single name may be written without a list around it, and is never taken apart into its letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard, TypeVar

from kmvalidate.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs

#: A pattern for UUIDs, which Microsoft calls GUIDs (RFC 9562 section 4), in lower case.
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_FIRST_MILLISECONDS = 1e11  # as seconds that is in the year 5138

K = TypeVar("K")
V = TypeVar("V")


def exact(value: Any) -> str | None:
    """Return the characters of a string, whatever its class makes of them; None for what is no string."""
    return str.__str__(value) if issubclass(type(value), str) else None


def to_name(value: object, what: str) -> str:
    """
    Return a name as a plain string: a subclass may hash as it likes, or not at all.

    Args:
        value: The name.

        what: What it is, for the error.

    Raises:
        ConfigurationError: It is empty or no string.
    """
    name = exact(value)
    if not name:
        raise ConfigurationError(f"{what} is a non-empty string")
    return name


def to_moment(value: float, flaw: str) -> float:
    """
    Return a moment, in seconds since the epoch.

    Args:
        value: The moment.

        flaw: What to say of one that is none.

    Raises:
        ConfigurationError: It is no number, below 0, or as high as one of milliseconds.
    """
    if not is_number(value) or not 0 <= value < _FIRST_MILLISECONDS:
        raise ConfigurationError(flaw)
    return float(value)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether *value* is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_names(value: str | Iterable[str]) -> tuple[str, ...]:
    """
    Return a name, or several, as a tuple.

    Raises:
        ConfigurationError: It is something else, or one of them is empty.
    """
    names = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError("names are non-empty strings")
    return names


def to_name_set(value: str | Iterable[str]) -> frozenset[str]:
    """Return a name, or several, as a set; see `to_names`."""
    return _one_set(to_names(value))


def to_place(key: object, field: str) -> tuple[str | None, str]:
    """
    Return which key manager is meant, as its organization (None: it serves all) and its name.

    Args:
        key: Its name, or its organization and its name.

        field: What field it is in, for the error.

    Raises:
        ConfigurationError: It is neither.
    """
    match (None, key) if isinstance(key, str) else key:
        case (str(organization) | (None as organization), str(name)) if name and organization != "":
            return organization, name
    raise ConfigurationError(f"{field}: a key manager is its name, or its organization and its name")


@lru_cache(maxsize=1024)
def _one_set(names: tuple[str, ...]) -> frozenset[str]:
    """Return the set of *names*, the same one for the many configurations that name the same."""
    return frozenset(names)


def require(holds: bool, what: str) -> None:  # noqa: FBT001  # an assertion of the configuration
    """
    Check what a configuration must be.

    Raises:
        ConfigurationError: It is not so.
    """
    if not holds:
        raise ConfigurationError(what)


def is_async(value: object) -> bool:
    """Tell whether calling *value* returns something to await or iterate asynchronously, as far as that can be seen."""
    from inspect import isasyncgenfunction, iscoroutinefunction  # noqa: PLC0415  # takes a while, and few need it

    calls = (value, getattr(value, "__call__", None))  # noqa: B004
    return any(iscoroutinefunction(one) or isasyncgenfunction(one) for one in calls)


def is_a(*kinds: type) -> Any:
    """Return an attrs validator: the value is one of *kinds*."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kinds):
            raise ConfigurationError(f"{field.name} is a {' or '.join(kind.__name__ for kind in kinds)}")

    return check


def non_empty(_: object, field: attrs.Attribute[str], value: object) -> None:
    """Check, as an attrs validator, that the value is a non-empty string."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{field.name} is a non-empty string")


def number(least: float, most: float = float("inf")) -> Any:
    """Return an attrs validator: the value is a number from *least* to *most*."""

    def check(_: object, field: attrs.Attribute[float], value: object) -> None:
        if not is_number(value) or not least <= value <= most:
            raise ConfigurationError(f"{field.name} is a number of at least {least:g}, at most {most:g}")

    return check


def _refuse_change(*_: object, **__: object) -> NoReturn:
    raise TypeError("configuration is not changed after it was made")


_REFUSED: Any = _refuse_change


class FrozenDict(dict[K, V]):
    """A dictionary that nobody changes: configuration that stays as it was checked."""

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _REFUSED

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenDict, (dict(self),))


def to_path(value: str | PathLike[Any] | None) -> str | None:
    """Return a path as a string; what is none stays for the validator."""
    return fspath(value) if isinstance(value, PathLike) else value


def is_file(_: object, field: attrs.Attribute[str | None], value: str | None) -> None:
    """Check, as an attrs validator, that the value names a file that is there, or is None."""
    if value is not None and not (isinstance(value, str) and Path(value).is_file()):
        raise ConfigurationError(f"{field.name} names a file that is there")
