"""
What a request carries to say who asks, and whatever can tell.

Rules kept here: none of it is shown, and nobody changes it once it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from kmvalidate.fields import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Mapping


def _frozen(members: Mapping[str, str]) -> Mapping[str, str]:
    return FrozenDict(members)


@attrs.frozen
class Attachment:
    """
    What a request carries to say who asks.

    Args:
        headers: Further headers.

        form: Further members of the form.
    """

    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen, repr=False)
    form: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen, repr=False)


class ClientAuthentication(Protocol):
    """What says who asks; the classes of `kmvalidate.client_auth` do, and so may one's own."""

    @property
    def client_id(self) -> str | None:
        """The client's id, where it is a client that asks."""
        ...  # pragma: no cover

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:
        """
        Return what a request carries. It is called for each request, and does not await.

        Args:
            endpoint: The URL that is asked.

            issuer: The issuer whose endpoint it is.

            now: The time in seconds since the epoch.

        Raises:
            KeyManagerUnavailable: A secret cannot be read or used now.
        """
        ...  # pragma: no cover
