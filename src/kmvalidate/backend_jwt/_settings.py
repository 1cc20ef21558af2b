"""
How a generator works, apart from what it writes.

Rules kept here: nothing is changed once it was checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.backend_jwt._headers import checked_header
from kmvalidate.fields import is_a, number, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.cases import Case
    from kmvalidate.userinfo import UserInfo

_LEAST_TTL_S, _MOST_TTL_S = 10, 86_400


def _is_function(_: object, __: object, value: Any) -> None:
    require(value is None or callable(value), "custom_claims is a function of a Case")


def _fetches(_: object, __: object, value: Any) -> None:
    is_userinfo = all(callable(getattr(type(value), name, None)) for name in ("claims_of", "forget"))
    require(value is None or is_userinfo, "user_claims is a UserInfo")


@attrs.frozen(kw_only=True)
class Settings:
    """How a generator works. Its arguments are those of `BackendJwtGenerator`."""

    header: str = attrs.field(converter=checked_header)
    ttl_s: int = attrs.field(validator=[is_a(int), number(_LEAST_TTL_S, _MOST_TTL_S)])
    jwks_cache_s: int = attrs.field(validator=[is_a(int), number(0, _MOST_TTL_S)])
    custom_claims: Callable[[Case], Any] | None = attrs.field(validator=_is_function)
    user_claims: UserInfo | None = attrs.field(validator=_fetches)


class Configured:
    """What has settings, for all to read."""

    _settings: Settings

    @property
    def header(self) -> str:
        """The name of the header field for backends."""
        return self._settings.header

    @property
    def ttl_s(self) -> int:
        """For how many seconds a JWT lives at most."""
        return self._settings.ttl_s

    @property
    def jwks_cache_s(self) -> int:
        """For how many seconds backends may keep the published keys."""
        return self._settings.jwks_cache_s

    @property
    def custom_claims(self) -> Callable[[Case], Any] | None:
        """What returns further claims."""
        return self._settings.custom_claims

    @property
    def user_claims(self) -> UserInfo | None:
        """What fetches the claims of the user."""
        return self._settings.user_claims
