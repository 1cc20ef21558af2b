"""
What checks and backend JWTs look at: a good token, what is asked for with it, and what is known of both.

Rules kept here: a case is plain data that nobody changes, the time included; whoever decides asks nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.subscriptions import NO_GRANT
from kmvalidate.tokens import shows_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.apis import Api, ApiCall, Resource
    from kmvalidate.subscriptions import Application, Grant
    from kmvalidate.verified import VerifiedToken


class Case(msgspec.Struct, frozen=True, gc=False, eq=False):
    """
    One token, and one call that it came with.

    Args:
        token: The token, which is good.

        call: What is asked for.

        now: The time, in seconds since the epoch.

        grant: What is known of the token's client: its application, its key type, its subscription to the API.

        user_claims: What the key manager's userinfo endpoint says of the user; None where nobody asked.
    """

    token: VerifiedToken
    call: ApiCall
    now: float
    grant: Grant = NO_GRANT
    user_claims: Mapping[str, Any] | None = None

    @property
    def api(self) -> Api | None:
        """The API, None for a call that carries its scopes itself."""
        return self.call.target.api

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What of the API the call is for: one resource, of GraphQL several; none if nothing matches."""
        return self.call.target.resources

    @property
    def organization(self) -> str | None:
        """The organization of the call, None for no particular one."""
        return self.call.target.organization

    @property
    def application(self) -> Application | None:
        """The application that the token's client belongs to, if that is known."""
        return self.grant.application

    @property
    def key_type(self) -> str | None:
        """Whether the client's keys are for ``PRODUCTION`` or ``SANDBOX``, if that is known."""
        return self.grant.key_type

    def __repr__(self) -> str:
        return f"Case(token={self.token!r}, call={self.call!r})"

    __rich_repr__ = shows_nothing
