"""
Applications with their subscriptions, key mappings and policies, to look up and to change in place.

Rules kept here: what is known by several names is known by the tuple of them, never by a joined string. What is older
never takes the place of what is newer, in whatever order they come: what was removed leaves its time behind. Readers
use single dictionary operations, on dictionaries that stay small because there are many of them, and that no garbage
collection walks through: they hold nothing that can be part of a cycle.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.subscriptions._accounts import NEVER, Account
from kmvalidate.subscriptions._base import share_texts
from kmvalidate.subscriptions._clients import Client, client_of, clients_in, set_client
from kmvalidate.subscriptions._held import all_held, held_by_key, held_for, set_or_drop
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy
from kmvalidate.subscriptions._records import Application, Grant, KeyMapping, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kmvalidate.apis import Api
    from kmvalidate.subscriptions._base import Identity
    from kmvalidate.subscriptions._clients import Shard
    from kmvalidate.subscriptions._records import AnyRecord

_SHARDS = 128
_LAST = _SHARDS - 1
_SHIFT = 20  # the lower bits of a hash are a dictionary's own


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A record, and the time of the change that brought it, in seconds since the epoch."""

    record: Any
    at: float


class Content:
    """
    All records of a store.

    Args:
        most_removed: How many removals are remembered at most.

        floor: The time of the snapshot that it begins with: what is older does not come in.

    *changes* counts, each before it is made, the changes that readers can see; *latest* is the newest time of any.
    """

    __slots__ = ("_accounts", "_clients", "_most_removed", "_policies", "_removed", "changes", "floor", "latest")

    def __init__(self, most_removed: int, floor: float = NEVER) -> None:
        self.floor = self.latest = floor
        self.changes = 0
        self._most_removed = most_removed
        self._removed: OrderedDict[Identity, float] = OrderedDict()
        self._accounts: tuple[dict[str, Account], ...] = tuple({} for _ in range(_SHARDS))
        self._clients: tuple[Shard, ...] = tuple({} for _ in range(_SHARDS))
        self._policies: dict[Identity, Kept] = {}

    def find(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: Api
    ) -> Grant | None:
        """Return what is known of a client and an API; None if the client is not known."""
        found = self._clients[hash(consumer_key) >> _SHIFT & _LAST].get(consumer_key)
        if found is None:
            return None
        for organization in client_organizations:
            client: Client | None
            if not isinstance(found, Client):
                client = found.clients.get((organization, key_manager))
            else:
                client = found if found.organization == organization and found.key_manager == key_manager else None
            if client is not None:
                return self._grant(client, api)
        return None

    def _grant(self, client: Client, api: Api) -> Grant:
        application = client.application
        if application is None:
            return Grant(None, client.key_type)
        name = application.tier
        tier = None if name is None else self._policy((ApplicationPolicy, application.organization, name))
        subscription = held_for(client.held, api)
        if subscription is None:
            return Grant(application, client.key_type, None, None, tier)
        name = subscription.policy
        whose = subscription.api_organization if api.organization is None else api.organization
        policy = None if name is None else self._policy((SubscriptionPolicy, whose, name))
        return Grant(application, client.key_type, subscription, policy, tier)

    def _policy(self, identity: Identity) -> Any:
        kept = self._policies.get(identity)
        return None if kept is None else kept.record

    def _account(self, application: str) -> Account | None:
        return self._accounts[hash(application) >> _SHIFT & _LAST].get(application)

    def _shard(self, consumer_key: str) -> Shard:
        return self._clients[hash(consumer_key) >> _SHIFT & _LAST]

    def _kept(self, identity: Identity) -> Kept | None:
        """Return the record of that identity, whatever its kind."""
        kind = identity[0]
        if kind is not Application and kind is not Subscription:
            return self._kept_other(identity)
        account = self._account(identity[1])
        if account is None:
            return None
        if kind is Application:
            return None if account.application is None else Kept(account.application, account.application_at)
        found = held_by_key(account.held, identity[2])
        return None if found is None else Kept(found, account.time_of(identity[2]))

    def _kept_other(self, identity: Identity) -> Kept | None:
        if isinstance(identity[0], type):
            return self._policies.get(identity)
        client = client_of(self._shard(identity[2]), identity)
        return None if client is None else Kept(client.mapping, client.at)

    def known_at(self, identity: Identity, application: str | None = None) -> float:
        """Return the time of the last change of a record, and of the removal of *application*, if it is part of one."""
        kept = self._kept(identity)
        at = max(self.floor, NEVER if kept is None else kept.at, self._removed.get(identity, NEVER))
        return at if application is None else max(at, self._removed.get((Application, application), NEVER))

    def put(self, record: AnyRecord, at: float | None) -> None:
        """
        Put a record in place of the one with its identity.

        Args:
            record: The record.

            at: The time of the change; what is older than what is known is dropped. None puts it in any case, and
                leaves the time as it was.
        """
        share_texts(record)  # first: what it is found by has the same texts
        identity, owner = record.identity, getattr(record, "application", None)
        known = self.known_at(identity, owner)
        if at is not None and at < known:
            # the mapping of an application that was removed later: it took the place of an older mapping, and went
            if record.__class__ is KeyMapping and at >= self.known_at(identity):
                self._take(identity, at)
            return
        before, kept = self._kept(identity), Kept(record, known if at is None else at)
        self.latest = max(self.latest, kept.at)
        is_ranged = getattr(record, "range_key", None) is not None  # then its time alone may put it before others
        self.changes += before is None or before.record != record or is_ranged
        self._place(identity, kept)
        if record.__class__ is not Application:  # when one was removed still counts for its subscriptions
            self._removed.pop(identity, None)

    def fill(self, record: AnyRecord) -> None:
        """Put a record of which nobody knows how old it is: where there is none, and none is known to be removed."""
        identity, owner = record.identity, (Application, getattr(record, "application", None))
        if self._kept(identity) is None and identity not in self._removed and owner not in self._removed:
            self.put(record, None)

    def remove(self, identity: Identity, at: float | None) -> None:
        """Remove a record, and with an application what is part of it, unless *at* is older than what is known."""
        kind = identity[0]
        if kind is Application:
            self._remove_application(identity, at)
            return
        known = self.known_at(identity, identity[1] if kind is Subscription else None)
        if at is None or at >= known:
            self._take(identity, known if at is None else at)

    def _take(self, identity: Identity, at: float) -> None:
        before = self._kept(identity)
        self._note_removed(identity, at)
        if before is not None:
            self.changes += 1
            self._place(identity, None)

    def _remove_application(self, identity: Identity, at: float | None) -> None:
        account = self._account(identity[1])
        parts = [] if account is None else list(self._parts(account))
        if at is None:
            at = max([self.known_at(identity), *(kept.at for kept in parts)])
        if at < max(self.floor, self._removed.get(identity, NEVER)):
            return
        self._note_removed(identity, at)
        for kept in parts:
            if kept.at > at:
                continue
            self.changes += 1
            if kept.record.__class__ is KeyMapping:
                self._note_removed(kept.record.identity, kept.at)
            self._place(kept.record.identity, None)

    def _parts(self, account: Account) -> Iterator[Kept]:
        """Yield an application, its key mappings and its subscriptions, as far as they are there."""
        for client in account.clients:
            identity = client.mapping.identity
            if client_of(self._shard(identity[2]), identity) is client:  # it is not after an interrupted change
                yield Kept(client.mapping, client.at)
        yield from _part_of(account)

    def _note_removed(self, identity: Identity, at: float) -> None:
        self.latest = max(self.latest, at)
        self._removed[identity] = at  # also without a time: nobody fills that gap
        self._removed.move_to_end(identity)
        if len(self._removed) > self._most_removed:
            self._removed.popitem(last=False)

    def _place(self, identity: Identity, kept: Kept | None) -> None:
        """Let readers find *kept* under that identity, or nothing."""
        kind = identity[0]
        if kind is not Application and kind is not Subscription:
            self._place_other(identity, kept)
            return
        record, at = (None, NEVER) if kept is None else (kept.record, kept.at)
        account = self._opened(identity[1])
        if kind is Application:
            account.become(record, at)
        else:
            account.subscribe(identity[2], record, at if at > self.floor else NEVER)
        self._close(identity[1], account)

    def _place_other(self, identity: Identity, kept: Kept | None) -> None:
        if isinstance(identity[0], type):
            set_or_drop(self._policies, identity, kept)
            return
        shard, client = self._shard(identity[2]), None
        before = client_of(shard, identity)
        if kept is not None:
            client = self._opened_client(kept.record, kept.at)
        set_client(shard, identity, client)
        if before is not None:
            application = before.mapping.application
            account = self._opened(application)
            account.clients = tuple(other for other in account.clients if other is not before)
            self._close(application, account)

    def _opened_client(self, mapping: KeyMapping, at: float) -> Client:
        """Return a client that its account knows of, before readers do."""
        whose = (mapping.organization, mapping.key_manager, mapping.key_type)
        account = self._opened(mapping.application)
        client = Client(*whose, account.application, account.held, mapping, at)
        account.clients = (*account.clients, client)
        return client

    def _opened(self, application: str) -> Account:
        return self._accounts[hash(application) >> _SHIFT & _LAST].setdefault(application, Account())

    def _close(self, application: str, account: Account) -> None:
        if account.is_empty:
            del self._accounts[hash(application) >> _SHIFT & _LAST][application]

    def keep_newer(self, before: Content) -> None:
        """
        Take over what changed in *before*, the content so far, after the snapshot that this one begins with.

        What was removed earlier and is not in the snapshot either stays known as removed.
        """
        for identity, at in before._removed.items():
            if at > self.floor:
                self.remove(identity, at)
            elif self._kept(identity) is None:
                self._note_removed(identity, at)
        if before.latest <= self.floor:
            return
        for kept in before.everything():
            if kept.at > self.floor:
                self.put(kept.record, kept.at)

    def everything(self) -> Iterator[Kept]:
        """Yield all records, as only one who holds the lock may."""
        for accounts in self._accounts:
            for account in accounts.values():
                yield from _part_of(account)
        for clients in self._clients:
            yield from (Kept(client.mapping, client.at) for client in clients_in(clients))
        yield from self._policies.values()


def _part_of(account: Account) -> Iterator[Kept]:
    if account.application is not None:
        yield Kept(account.application, account.application_at)
    yield from (Kept(one, account.time_of(one.key)) for one in all_held(account.held))
