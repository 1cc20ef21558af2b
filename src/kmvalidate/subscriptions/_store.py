"""
What the library asks of a store of subscriptions.

Rules kept here: looking something up is plain code in memory; only `load` may wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kmvalidate.apis import Api
    from kmvalidate.subscriptions._records import Grant


class SubscriptionStore(Protocol):
    """
    Applications, their consumer keys and their subscriptions.

    A store that can fetch what it lacks has a method ``load`` besides: ``async def load(client_organizations,
    key_manager, consumer_key, api, ports) -> None``, awaited when `find` missed something; it awaits nothing but
    *ports* (`LoadingSubscriptions`).
    """

    @property
    def version(self) -> object:
        """Any object; another one (``is not``) after every change, put there after the change can be seen."""
        ...  # pragma: no cover

    def find(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: Api
    ) -> Grant:
        """
        Return what is known of a client and an API; it never blocks and never raises.

        Args:
            client_organizations: Where the consumer key is looked for, in this order; the first that has it counts.

            key_manager: The name of the key manager that issued the token.

            consumer_key: The client id there.

            api: The API that is called.
        """
        ...  # pragma: no cover
