"""
The list of a registry: the one that is given, or its own.

Rules kept here: what is no list is refused when it is handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.revocation._list import RevocationList

if TYPE_CHECKING:
    from kmvalidate.ports import Clock


def checked_list(given: RevocationList | None, clock: Clock) -> RevocationList:
    """
    Return the list that is given, or else an empty one.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(given, RevocationList | None):
        raise ConfigurationError("revocations is a RevocationList")
    return RevocationList(clock) if given is None else given
