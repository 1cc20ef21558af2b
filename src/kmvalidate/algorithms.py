"""
Which signature algorithms a key manager's tokens may have.

Rules kept here: an empty list is not "any"; a symmetric algorithm and ``none`` do not exist.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import FrozenDict, to_names
from kmvalidate.key_sets import ALGORITHM_SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Allowed unless something else is configured. ES256K and Ed448 exist, and must be asked for.
DEFAULT_ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)


def to_algorithms(names: str | Iterable[str]) -> tuple[str, ...]:
    """
    Return the names of algorithms, as an attrs converter.

    Raises:
        ConfigurationError: There are none, or one is not known.
    """
    algorithms = to_names(names)
    unknown = [name for name in algorithms if name not in ALGORITHM_SHAPES]
    if unknown or not algorithms:
        known = ", ".join(ALGORITHM_SHAPES)
        raise ConfigurationError(f"algorithms are some of {known} (not: {', '.join(unknown) or 'none at all'})")
    return algorithms


@lru_cache(maxsize=256)
def shapes_of(algorithms: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """
    Return the key shapes that serve each of *algorithms*.

    EdDSA stands for Ed25519, by either name (RFC 9864); with Ed448 it must be asked for, as Ed448.
    """
    shapes = {name: ALGORITHM_SHAPES[name] for name in algorithms if name != "EdDSA"}
    if "EdDSA" in algorithms:
        shapes["Ed25519"] = ("Ed25519",)
    curves = tuple(name for name in ("Ed25519", "Ed448") if name in shapes)
    return FrozenDict(shapes | ({"EdDSA": curves} if curves else {}))
