"""
Consumer keys, each with all that a reader needs.

Rules kept here: a client is known by its organization, its key manager and its consumer key, each as a whole; looking
one up takes the consumer key first, which hardly any two have in common, so that no identity is made to look it up. No
client leads to its account, so that none needs the garbage collector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.subscriptions._held import set_or_drop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.subscriptions._base import Identity
    from kmvalidate.subscriptions._held import Held
    from kmvalidate.subscriptions._records import Application, KeyMapping


class Client(msgspec.Struct, gc=False):
    """
    A key mapping, the time of the change that brought it, and what its application has.

    Of a mapping nothing is changed here: another one is another client.
    """

    organization: str | None
    key_manager: str
    key_type: str
    application: Application | None
    held: Held
    mapping: KeyMapping
    at: float


class Namesakes(msgspec.Struct, gc=False):
    """Clients that have their consumer key in common, by organization and key manager."""

    clients: dict[tuple[Any, ...], Client]


#: Clients by consumer key.
Shard = dict[str, Client | Namesakes]


def client_of(shard: Shard, identity: Identity) -> Client | None:
    """Return the client of that identity."""
    found = shard.get(identity[2])
    if isinstance(found, Namesakes):
        return found.clients.get(identity[:2])
    return found if found is not None and _place(found) == identity[:2] else None


def set_client(shard: Shard, identity: Identity, client: Client | None) -> None:
    """Let that identity be that of *client*, or of none."""
    key, place = identity[2], identity[:2]
    found = shard.get(key)
    if isinstance(found, Client) and _place(found) != place:
        found = shard[key] = Namesakes({_place(found): found})
    if not isinstance(found, Namesakes):
        set_or_drop(shard, key, client)
        return
    set_or_drop(found.clients, place, client)
    if not found.clients:
        del shard[key]


def clients_in(shard: Shard) -> Iterable[Client]:
    """Yield all clients."""
    for found in shard.values():
        if isinstance(found, Namesakes):
            yield from found.clients.values()
        else:
            yield found


def _place(client: Client) -> tuple[Any, ...]:
    return (client.organization, client.key_manager)
