"""
What deciding about calls is put together of, as it was given.

Rules kept here: what cannot be used is refused when it is given, not at a call; nothing that decides is forgotten to be
awaited, so it is plain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_async, to_place
from kmvalidate.subscriptions import NO_GRANT, Grant

_MAKES = ("issue", "issue_now", "is_current")
_HAS = ("issuer", "header", "version", "user_claims", "custom_claims")


class _Nothing:
    """A store in which nobody is subscribed to anything, and keys that nobody has."""

    version = None

    @staticmethod
    def find(*_: object) -> Grant:
        return NO_GRANT


NOTHING = _Nothing()


def checked_store(store: Any) -> Any:
    """
    Return a store of subscriptions: it finds with a plain method, has a version, and loads with an async method if any.

    Raises:
        ConfigurationError: It does not.
    """
    find, load = getattr(store, "find", None), getattr(store, "load", None)
    if not callable(find) or is_async(find) or not hasattr(store, "version"):
        raise ConfigurationError("subscriptions is a store of subscriptions, with a plain find and a version")
    if load is not None and not is_async(load):
        raise ConfigurationError("the load of a store of subscriptions is async def")
    return store


def checked_generator(generator: Any) -> Any:
    """
    Return what makes backend JWTs: a `BackendJwtGenerator`, or what has all that is used of one.

    Raises:
        ConfigurationError: It has not.
    """
    makes = all(callable(getattr(type(generator), name, None)) for name in _MAKES)
    if not makes or not all(hasattr(generator, name) for name in _HAS):
        raise ConfigurationError("backend_jwt is a BackendJwtGenerator")
    return generator


def to_places(names: Any, field: str) -> frozenset[tuple[str | None, str]]:
    """
    Return key managers as pairs of organization and name.

    Args:
        names: A name, or several; those of organizations are (organization, name).

        field: What field they are in, for the error.

    Raises:
        ConfigurationError: They are something else.
    """
    if isinstance(names, str):
        names = (names,)
    if not isinstance(names, Iterable):
        raise ConfigurationError(f"{field} names key managers, in a list")
    return frozenset(to_place(name, field) for name in names)
