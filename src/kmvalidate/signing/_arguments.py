"""
What signing keys are made of, as it was given.

Rules kept here: what is of the wrong type is a configuration error. It is caught where the key was given, and raised
again once nothing holds it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kmvalidate.fields import require


def checked_names(kid: object, algorithm: object, algorithms: Collection[str | None]) -> None:
    """Require that *kid* can name a key, or is None, and that *algorithm* is one of *algorithms*."""
    require(kid is None or is_name(kid), "kid is a non-empty string of printable characters")
    require(algorithm in algorithms, f"algorithm is one of {', '.join(name for name in algorithms if name)}")


def is_name(kid: object) -> bool:
    """Tell whether *kid* can name a key: text for a header and a log."""
    return isinstance(kid, str) and kid != "" and kid.isprintable()


def to_octets(name: str, value: Any) -> bytes:
    """Return a string or bytes as bytes; nothing else will do."""
    require(isinstance(value, str | bytes), f"{name} is a string or bytes")
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def to_document(name: str, value: Any) -> Mapping[str, Any] | bytes:
    """Return a mapping as it is, and a string or bytes as bytes; nothing else will do."""
    require(isinstance(value, Mapping | str | bytes), f"{name} is a string, bytes or a mapping")
    return value if isinstance(value, Mapping) else to_octets(name, value)


def to_password(value: Any) -> bytes | None:
    """Return a password as bytes."""
    return None if value is None else to_octets("password", value)
