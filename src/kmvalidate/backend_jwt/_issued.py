"""
A backend JWT, and for how long it is good.

Rules kept here: none lives longer than the access token behind it, but where that has expired and still counts. No repr
shows one.
"""

from __future__ import annotations

from math import ceil

import msgspec

from kmvalidate.tokens import shows_nothing

_LEFT_AT_RENEWAL = 0.1


class BackendJwt(msgspec.Struct, frozen=True, gc=False):
    """
    A backend JWT.

    Args:
        text: What the backend gets.

        expires_at: Its ``exp``, in seconds since the epoch.

        renew_at: Seconds since the epoch from which another one is made for the same call: a tenth of its life is left.

        key_id: The ``kid`` under which the key that signed it is published.

        thumbprint: The RFC 7638 thumbprint of that key.
    """

    text: str
    expires_at: int
    renew_at: float
    key_id: str
    thumbprint: str

    def __repr__(self) -> str:
        return f"BackendJwt(expires_at={self.expires_at}, key_id={self.key_id!r})"

    __rich_repr__ = shows_nothing


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """
    What makes one backend JWT another than the next.

    Args:
        issued_at: Its ``iat``, in whole seconds since the epoch.

        expires_at: Its ``exp``, likewise.

        random: 16 bytes that nobody can foretell, of which its ``jti`` is made.
    """

    issued_at: int
    expires_at: int
    random: bytes

    @property
    def renew_at(self) -> float:
        """When a tenth of that life is left."""
        return self.expires_at - (self.expires_at - self.issued_at) * _LEFT_AT_RENEWAL


def life(now: float, ttl_s: int, token_expires_at: float) -> tuple[int, int]:
    """
    Return the ``iat`` and ``exp`` of a JWT, in whole seconds since the epoch.

    A token that has expired, and is still accepted within its key manager's leeway, gets the shortest life that a
    backend can use: at least one second, and less than two. None other is outlived: in the last fraction of a second of
    one whose end is no whole second, the JWT has ended when it is made.

    Args:
        now: Seconds since the epoch.

        ttl_s: How long it may live.

        token_expires_at: When the access token expires, leeway not included; infinity if it does not.
    """
    issued_at = int(now)
    expires_at = issued_at + ttl_s
    if expires_at <= token_expires_at:
        return issued_at, expires_at
    return issued_at, ceil(now) + 1 if token_expires_at <= now else int(token_expires_at)
