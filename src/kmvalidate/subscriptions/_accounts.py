"""
One application with all that goes when it goes.

Rules kept here: readers find all they need at the client; whoever writes lets the clients be as the account is. Clients
change first, so that a change that was interrupted can be made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kmvalidate.subscriptions._held import held_with, set_or_drop

if TYPE_CHECKING:
    from kmvalidate.subscriptions._clients import Client
    from kmvalidate.subscriptions._held import Held
    from kmvalidate.subscriptions._records import ApiKey, Application, Subscription

#: The time of what came without one, before anything else is known of it.
NEVER = float("-inf")


class Account(msgspec.Struct, gc=False):
    """
    An application, if it is known, with its subscriptions and its clients.

    *times* has the times of the subscriptions that are newer than the snapshot they came with.
    """

    application: Application | None = None
    application_at: float = NEVER
    held: Held = None
    clients: tuple[Client, ...] = ()
    times: dict[ApiKey, float] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self.application is None and not self.clients and self.held is None

    def become(self, application: Application | None, at: float) -> None:
        """Let it be that application as it is now; None for one that is not known."""
        for client in self.clients:
            client.application = application
        self.application, self.application_at = application, at

    def time_of(self, key: ApiKey) -> float:
        """Return the time of a subscription, `NEVER` if it came with the snapshot."""
        return NEVER if self.times is None else self.times.get(key, NEVER)

    def subscribe(self, key: ApiKey, subscription: Subscription | None, at: float) -> None:
        """Put a subscription there; None for none."""
        times = self.times or {}
        set_or_drop(times, key, at if subscription is not None and at != NEVER else None)
        self.times = times or None
        held = held_with(self.held, key, subscription, self.time_of)
        for client in self.clients:
            client.held = held
        self.held = held
