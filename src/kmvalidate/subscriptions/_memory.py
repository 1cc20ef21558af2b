"""
A store of subscriptions in memory.

Rules kept here: readers never lock, and see each record whole; writers take turns, for moments. A change that is older
than what is known changes nothing, in whatever order changes come. What replaces everything is seen at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import to_moment
from kmvalidate.own_lock import OwnLock
from kmvalidate.subscriptions._accounts import NEVER
from kmvalidate.subscriptions._content import Content
from kmvalidate.subscriptions._documents import records_of_json, records_of_toml
from kmvalidate.subscriptions._journal import Journal
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy
from kmvalidate.subscriptions._records import NO_GRANT, Application, KeyMapping, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kmvalidate.apis import Api
    from kmvalidate.subscriptions._base import Identity
    from kmvalidate.subscriptions._records import AnyRecord, Grant, Records

_KINDS = (Application, KeyMapping, Subscription, SubscriptionPolicy, ApplicationPolicy)
_NO_TIME = "the time of a change is in seconds since the epoch, and not in milliseconds"


class InMemorySubscriptions:
    """
    Applications, key mappings, subscriptions and policies, looked up in a time that does not depend on their number.

    Changes may carry the time at which they were made (*at*, seconds since the epoch). Of two changes of one record the
    newer one counts, whichever comes last; of two at the same time, the one that comes last. What is removed leaves its
    time behind, so that an older change that comes late does not bring it back. A change without a time is made in any
    case, and leaves the time that is known of the record as it is. Removing an application removes its key mappings and
    subscriptions; what of these is newer than the removal stays.

    That WSO2 drops a change *to* ``ON_HOLD`` while an active subscription is there is a matter of its events, not of
    this store: what is put is what is found.

    Args:
        records: What it holds at first.

        remember_removed: How many removals it remembers at most, with a time or without; the oldest ones are forgotten.

    Attributes:
        version: Another object after every change that readers can see. Read it only.

    Raises:
        ConfigurationError: A record is of no kind known here, or the number is none from 1 on.
    """

    def __init__(self, records: Records = (), *, remember_removed: int = 100_000) -> None:
        if remember_removed.__class__ is not int or remember_removed < 1:
            raise ConfigurationError("remember_removed is a whole number from 1 on")
        self._remember_removed = remember_removed
        self._writing = OwnLock()
        self._content = Content(remember_removed)
        self._journals: tuple[Journal, ...] = ()
        self.version = object()
        self.put_all(records)

    @classmethod
    def from_json(cls, document: str | bytes) -> InMemorySubscriptions:
        """
        Return a store of what a JSON document holds.

        Args:
            document: An object whose members ``applications``, ``key_mappings``, ``subscriptions``,
                ``subscription_policies`` and ``application_policies`` are arrays of objects, each with the fields of
                the record as members.

        Raises:
            ConfigurationError: It is not JSON, has a member that is not known or an identity twice, or names an
                application that is not there.
        """
        return cls(records_of_json(document))

    @classmethod
    def from_toml(cls, document: str) -> InMemorySubscriptions:
        """Return a store of what a TOML document holds; see `from_json`."""
        return cls(records_of_toml(document))

    def find(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: Api
    ) -> Grant:
        """See `SubscriptionStore.find`."""
        return self._content.find(client_organizations, key_manager, consumer_key, api) or NO_GRANT

    def put(self, record: AnyRecord, at: float | None = None) -> None:
        """
        Put a record in place of the one with its identity, or beside the others.

        Args:
            record: The record.

            at: When it changed, in seconds since the epoch; None to put it in any case.

        Raises:
            ConfigurationError: It is of no kind known here, or the time is none.
        """
        self.put_all((record,), at)

    def put_all(self, records: Records, at: float | None = None) -> None:
        """Put several records, or none of them if one is wrong; see `put`."""
        checked, time = _checked(records), _time(at)

        def put(content: Content) -> None:
            for journal in self._journals:
                journal.note([record.identity for record in checked], time)
            for record in checked:
                content.put(record, time)

        self._change(put)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Note what changes meanwhile: for one who loads something, and puts it there with `put_loaded`."""
        journal = Journal()
        with self._writing:
            self._journals = (*self._journals, journal)
        try:
            yield journal
        finally:
            with self._writing:
                self._journals = tuple(other for other in self._journals if other is not journal)

    def put_loaded(self, records: Records, journal: Journal, as_of: float | None = None) -> bool:
        """
        Put what was loaded, but for what changed or was removed meanwhile, and tell whether that was all of it.

        Args:
            records: What was loaded.

            journal: What changed meanwhile.

            as_of: The time as of which it was so: each is put as a change of that time. None lets the records fill
                gaps: nothing that is there is replaced, and nothing that is known to have been removed comes back.

        Raises:
            ConfigurationError: One is of no kind known here, or the time is none.
        """
        loaded, time = _checked(records), _time(as_of)
        left_out: list[AnyRecord] = []

        def put(content: Content) -> None:
            for record in loaded:
                if journal.has(record, time):
                    left_out.append(record)
                elif time is not None:
                    content.put(record, time)
                else:
                    content.fill(record)

        self._change(put)
        return not left_out

    def remove(self, record: AnyRecord, at: float | None = None) -> None:
        """
        Remove the record that has the identity of this one.

        Args:
            record: A record; beside its identity nothing of it counts.

            at: When it was removed, in seconds since the epoch; None to remove it in any case.

        Raises:
            ConfigurationError: It is of no kind known here, or the time is none.
        """
        self._remove(_checked((record,))[0].identity, at)

    def remove_application(self, application: str, at: float | None = None) -> None:
        """Remove the application of that id, its key mappings and its subscriptions; see `remove`."""
        self._remove((Application, application), at)

    def remove_key_mapping(
        self, organization: str | None, key_manager: str, consumer_key: str, at: float | None = None
    ) -> None:
        """Remove the key mapping of that identity; see `remove`."""
        self._remove((organization, key_manager, consumer_key), at)

    def remove_subscription(self, application: str, api: str, at: float | None = None) -> None:
        """Remove the subscription of that application to the API of that UUID; see `remove`."""
        self._remove((Subscription, application, api), at)

    def _remove(self, identity: Identity, at: float | None) -> None:
        time = _time(at)

        def remove(content: Content) -> None:
            for journal in self._journals:
                journal.note([identity], time, are_removed=True)
            content.remove(identity, time)

        self._change(remove)

    def _change(self, work: Callable[[Content], None]) -> None:
        """Let *work* change the content; the version is another one then, also where the work was interrupted."""
        with self._writing:
            content, version = self._content, object()
            before = content.changes
            try:
                work(content)
            finally:  # without a call, during which a signal handler could raise
                if content.changes != before:
                    self.version = version  # last: who sees it sees the change

    def replace(
        self,
        *,
        applications: Iterable[Application] = (),
        key_mappings: Iterable[KeyMapping] = (),
        subscriptions: Iterable[Subscription] = (),
        policies: Iterable[SubscriptionPolicy | ApplicationPolicy] = (),
        as_of: float | None = None,
    ) -> None:
        """
        Put a whole content in place at once: readers see the one before, or this one.

        Args:
            applications: All applications.

            key_mappings: All key mappings.

            subscriptions: All subscriptions.

            policies: All policies, of both kinds.

            as_of: When it was all like this, in seconds since the epoch. What is known to have changed or been removed
                later stays so, and what is known as of a later time stays altogether. None replaces everything, and
                forgets the times and the removals.

        Raises:
            ConfigurationError: Something is of another kind, or the time is none.
        """
        time = _time(as_of)
        fresh, version = Content(self._remember_removed, NEVER if time is None else time), object()
        policy_kinds = (SubscriptionPolicy, ApplicationPolicy)
        for records, kinds in (
            (applications, (Application,)),
            (key_mappings, (KeyMapping,)),
            (subscriptions, (Subscription,)),
            (policies, policy_kinds),
        ):
            for record in _checked(records, kinds):
                fresh.put(record, time)
        with self._writing:
            before = self._content  # which is let go when all is done
            if time is not None:
                if time < before.floor:
                    return
                fresh.keep_newer(before)
            for journal in self._journals:
                journal.note_everything(time)
            self._content = fresh
            self.version = version  # no call in between, during which a signal handler could raise


def _checked(records: Iterable[Any], kinds: tuple[type, ...] = _KINDS) -> list[Any]:
    listed = list(records)
    for record in listed:
        if record.__class__ not in kinds:
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ConfigurationError(f"{type(record).__name__} is not one of the records taken here: {wanted}")
    return listed


def _time(at: float | None) -> float | None:
    return None if at is None else to_moment(at, _NO_TIME)
