"""
Which names are one, and what can be written at all.

Rules kept here: names that some reader takes for each other are one name. What UTF-8 cannot write is an error of who
configured it, and not of each call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kmvalidate.fields import require

if TYPE_CHECKING:
    from collections.abc import Iterable

_SURROGATE = re.compile("[\ud800-\udfff]")


def fold(name: str) -> str:
    """
    Return a name as the most forgetful reader compares it: without letter case, and without a dot above any letter.

    For ``encoding/json`` of Go a long s is an s, and a Kelvin sign a k; for ``equalsIgnoreCase`` of Java the dotless i
    (U+0131) is an i, and so is the capital with a dot (U+0130).
    """
    # The capital of the dotless i is the usual one; of that with a dot, the small letter is an i and U+0307
    return name.upper().casefold().replace("\u0307", "")


def folded(names: Iterable[str]) -> frozenset[str]:
    """Return names as they are compared; see `fold`."""
    return frozenset(map(fold, names))


def check_text(what: str, texts: Iterable[str]) -> None:
    """
    Check that each of *texts* can be written.

    Raises:
        ConfigurationError: One has a surrogate, which UTF-8 has not (RFC 3629 section 3).
    """
    require(not any(map(_SURROGATE.search, texts)), f"{what} cannot be written as UTF-8")


def is_text(_: object, field: Any, value: str | tuple[str, ...]) -> None:
    """Check, as an attrs validator, that a string, or each of several, can be written."""
    check_text(field.name, value)
