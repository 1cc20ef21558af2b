"""
What the whole flow ends with: an `AuthorizedCall`.

Rules kept here: only a `TokenValidator` makes one. What is remembered of it is what may be used again: who the client
is, and a backend JWT; it is small and holds no token. No repr shows a token or a backend JWT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kmvalidate.subscriptions import NO_GRANT
from kmvalidate.tokens import shows_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.apis import Api, ApiCall
    from kmvalidate.backend_jwt import BackendJwt
    from kmvalidate.subscriptions import Application, Grant, Subscription
    from kmvalidate.verified import VerifiedToken


class Decision(msgspec.Struct, frozen=True, gc=False, eq=False):
    """
    That one token may do what one call is for, and what goes with it.

    Args:
        grant: What is known of the client.

        backend_jwt: What the service behind the gateway gets to see; None where none is made.

        header: The header field that takes it there.

        under: The state of the store of subscriptions in which that was found.

        keys: The state of the keys that backend JWTs are signed with.

        good_until: Seconds since the epoch until which it may be used again.
    """

    grant: Grant = NO_GRANT
    backend_jwt: BackendJwt | None = None
    header: str = ""
    under: object = None
    keys: object = None
    good_until: float = float("inf")


#: Of what is open to everybody.
OPEN = Decision()


class AuthorizedCall(msgspec.Struct, frozen=True, gc=False, eq=False):
    """
    A call that may go through. Only a `TokenValidator` makes one.

    Args:
        token: The token it came with; None for a resource that takes calls without one.

        call: What was asked for.

        decision: What was decided.
    """

    token: VerifiedToken | None
    call: ApiCall
    decision: Decision

    @property
    def api(self) -> Api | None:
        """The API, None for a call that carries its scopes itself."""
        return self.call.target.api

    @property
    def application(self) -> Application | None:
        """The application of the token's client, None where it is not known and need not be."""
        return self.decision.grant.application

    @property
    def subscription(self) -> Subscription | None:
        """The subscription of that application to the API, None where there is none and need not be."""
        return self.decision.grant.subscription

    @property
    def key_type(self) -> str | None:
        """Whether the client's keys are for ``PRODUCTION`` or ``SANDBOX``, if that is known."""
        return self.decision.grant.key_type

    @property
    def grant(self) -> Grant:
        """All that is known of the client, the policies of its tier too."""
        return self.decision.grant

    @property
    def backend_jwt(self) -> str | None:
        """The JWT for the service behind the gateway; None where none is made. It is a credential."""
        made = self.decision.backend_jwt
        return None if made is None else made.text

    @property
    def backend_headers(self) -> Mapping[str, str]:
        """The header fields to add to what is forwarded, once those that the client sent of these names are removed."""
        made = self.decision.backend_jwt
        return {} if made is None else {self.decision.header: made.text}

    def __repr__(self) -> str:
        return f"AuthorizedCall(token={self.token!r}, call={self.call!r})"

    __rich_repr__ = shows_nothing
