"""
Providers by name: those that come with the library, and those of other packages.

Rules kept here: nothing is imported before it is asked for. A name that comes with the library is never taken by
another package, and a name that two packages claim is nobody's.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

from kmvalidate.errors import ConfigurationError
from kmvalidate.providers._built_in import BUILT_IN

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from kmvalidate.key_manager import KeyManager

GROUP = "kmvalidate.providers"


class Provider(Protocol):
    """
    What an entry point of the group ``kmvalidate.providers`` names: a function that returns a `KeyManager`.

    It takes at least ``issuer``, ``discovery_url``, ``name``, ``audience`` and ``algorithms`` by name, and fetches
    nothing. `kmvalidate.testing.ProviderLaws` has the tests that it is to pass.
    """

    def __call__(self, *, audience: Any, **options: Any) -> KeyManager:
        """Return the key manager."""
        ...  # pragma: no cover


def names() -> tuple[str, ...]:
    """Return the names of all providers there are, in order; imports none of them."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def load(name: str) -> Provider:
    """
    Return the provider of that name.

    Args:
        name: One of `names`.

    Raises:
        ConfigurationError: There is none, two packages have one of that name, or it cannot be imported.
    """
    if not isinstance(name, str):
        raise ConfigurationError("a provider is loaded by its name")
    if name in BUILT_IN:
        return cast("Provider", getattr(importlib.import_module(f"kmvalidate.providers.{BUILT_IN[name]}"), name))
    points = tuple(entry_points(group=GROUP, name=name))
    if len(points) != 1:
        known = ", ".join(names())
        trouble = "several packages have" if points else "there is no"
        raise ConfigurationError(f"{trouble} provider named {name!r} (known: {known})")
    return _imported(points[0])


def _imported(point: EntryPoint) -> Provider:
    try:
        provider: object = point.load()
    except Exception as error:  # a package of somebody else's may raise anything
        raise ConfigurationError(f"the provider {point.name!r} cannot be imported: {type(error).__name__}") from error
    if not callable(provider):
        raise ConfigurationError(f"the provider {point.name!r} is no function")
    return cast("Provider", provider)
