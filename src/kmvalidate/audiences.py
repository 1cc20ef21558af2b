"""
Who tokens must be meant for.

Rules kept here: an audience is named, or waived aloud.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import to_name_set

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen
class AnyAudience:
    """Says aloud that a key manager's tokens are accepted whatever audience they name. See `ANY_AUDIENCE`."""


#: Accept tokens for any audience: every client of that issuer can then use every one of your APIs.
ANY_AUDIENCE = AnyAudience()


def _at_least_one(value: str | Iterable[str]) -> frozenset[str]:
    names = to_name_set(value)
    if not names:
        raise ConfigurationError("at least one name is needed here")
    return names


@attrs.frozen
class ClientIdInstead:
    """
    Says aloud that the client id is checked in place of the audience, for providers whose tokens name none.

    Args:
        client_ids: The client ids whose tokens are accepted: a string, or several.
    """

    client_ids: frozenset[str] = attrs.field(converter=_at_least_one)


Audience = frozenset[str] | AnyAudience | ClientIdInstead


def to_audience(value: str | Iterable[str] | AnyAudience | ClientIdInstead) -> Audience:
    """Return an audience as it is kept: a waiver as it is, names as a set."""
    return value if isinstance(value, AnyAudience | ClientIdInstead) else _at_least_one(value)
