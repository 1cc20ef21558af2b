"""
A store that fetches what it lacks.

Rules kept here: whoever waits for the same thing shares one load, which belongs to none of them. That something is not
there is remembered briefly, and for no longer than the store finds the same; a load that failed is nobody's "no", and
is not tried again for a moment. What was loaded is taken for older than what is known, unless it says how old it is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError
from kmvalidate.fields import is_number
from kmvalidate.flights import GRACE_S, Failed, Flights
from kmvalidate.generations import Generations
from kmvalidate.subscriptions._base import Record
from kmvalidate.subscriptions._memory import InMemorySubscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.apis import Api
    from kmvalidate.flights import Job
    from kmvalidate.ports import Ports
    from kmvalidate.subscriptions._records import Grant

#: Seconds for which a load that failed is not tried again.
PAUSE_S = 1.0
#: How many loads may be under way at once.
MAX_LOADS = 64


class _Miss(msgspec.Struct, frozen=True, gc=False):
    """What was *found* after a load that was not everything, or *why* there was none; and until when that counts."""

    until: float
    found: Grant | None
    why: str | None = None


class LoadingSubscriptions:
    """
    A store in memory, and a function that loads what it lacks.

    Args:
        store: What was loaded is put there, and changes may be put there by others as well.

        load: ``load(client_organizations, key_manager, consumer_key, api)``, plain or async: returns the records that
            it found, or None, or ``(records, as_of)``. It is called when the client, its application or its
            subscription is not in *store*, on a thread of its own. With *as_of*, in seconds since the epoch, the
            records are put as changes of that time: what is known to be newer stays, removals included. Without it
            they fill gaps: they replace nothing, and bring back nothing that was removed, or whose application was,
            for as long as *store* remembers the removal (``remember_removed``); whatever is put there otherwise does.

        negative_ttl_s: Seconds for which it is remembered that something is missing, unless *store* finds more or less
            of it before.

        deadline_s: Seconds that a load may take.

        remember_missing: How many such answers are remembered at most.

    Raises:
        ConfigurationError: One of these is of the wrong type, or a number is too small.
    """

    def __init__(
        self,
        store: InMemorySubscriptions,
        load: Callable[..., Any],
        *,
        negative_ttl_s: float = 10.0,
        deadline_s: float = 5.0,
        remember_missing: int = 10_000,
    ) -> None:
        if not isinstance(store, InMemorySubscriptions) or not callable(load):
            raise ConfigurationError("store is an InMemorySubscriptions, load a function")
        _check_seconds("negative_ttl_s", negative_ttl_s, 0)
        _check_seconds("deadline_s", deadline_s, 0.001)
        if remember_missing.__class__ is not int or remember_missing < 2:  # noqa: PLR2004  # as `Generations` has it
            raise ConfigurationError("remember_missing is a whole number from 2 on")
        self._store = store
        self._load = load
        self._negative_ttl_s = negative_ttl_s
        self._deadline_s = deadline_s
        self._flights = Flights()
        self._missing: Generations[Any, _Miss] = Generations(remember_missing)
        self._under_way: dict[tuple[int, Any], float] = {}

    @property
    def version(self) -> object:
        """See `SubscriptionStore.version`."""
        return self._store.version

    def find(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: Api
    ) -> Grant:
        """See `SubscriptionStore.find`; what is not there is not loaded by this."""
        return self._store.find(client_organizations, key_manager, consumer_key, api)

    async def load(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: Api, ports: Ports
    ) -> None:
        """
        Load what `find` misses of a client and an API, unless that was tried a moment ago.

        Args:
            client_organizations: As for `find`, like the others.

            key_manager: See there.

            consumer_key: See there.

            api: See there.

            ports: The caller's.

        Raises:
            KeyManagerUnavailable: It could not be loaded.
        """
        asked = (client_organizations, key_manager, consumer_key, api)
        named = (api.organization, api.id, api.name, api.version, api.context)
        key = (client_organizations, key_manager, consumer_key, named)
        found = self._store.find(*asked)
        if _is_whole(found) or self._is_missing(key, found, ports):
            return

        async def work(own: Ports) -> None:
            await self._fetch(key, asked, own)

        def start(job: Job) -> Failed | None:
            return self._start(job, ports)

        outcome = await self._flights.launch(key, work, ports, self._deadline_s, start).outcome(ports)
        if isinstance(outcome, Failed):
            until = ports.clock.monotonic() + PAUSE_S
            self._missing.put(key, _Miss(until, None, outcome.why))
            raise KeyManagerUnavailable(outcome.why, retry_after_s=PAUSE_S)

    def _is_missing(self, key: Any, found: Grant, ports: Ports) -> bool:
        """Tell whether no more than that is known to be there, or raise what kept it from being loaded a moment ago."""
        miss = self._missing.get(key)
        left_s = 0.0 if miss is None else miss.until - ports.clock.monotonic()
        if miss is None or left_s <= 0:
            return False
        if miss.why is not None:
            raise KeyManagerUnavailable(miss.why, retry_after_s=left_s)
        return miss.found == found

    def _start(self, job: Job, ports: Ports) -> Failed | None:
        """Let a load run, unless too many do; one that should have ended long ago does not count."""
        now, process = ports.clock.monotonic(), os.getpid()
        oldest = now - self._deadline_s - GRACE_S
        running = [began for slot, began in self._under_way.copy().items() if slot[0] == process and began >= oldest]
        if len(running) >= MAX_LOADS:
            return Failed("too many subscriptions are being loaded")
        slot = (process, object())
        self._under_way[slot] = now

        async def counted(own: Ports) -> None:
            try:
                await job(own)
            finally:
                del self._under_way[slot]

        try:
            ports.spawn(counted)
        except BaseException:
            del self._under_way[slot]
            raise
        return None

    async def _fetch(self, key: Any, asked: Any, ports: Ports) -> None:
        with self._store.journal() as journal:
            records, as_of = await self._loaded(asked, ports)
            is_all = self._store.put_loaded(records, journal, as_of)
        found = self._store.find(*asked)
        if is_all and not _is_whole(found):
            self._missing.put(key, _Miss(ports.clock.monotonic() + self._negative_ttl_s, found))

    async def _loaded(self, asked: Any, ports: Ports) -> tuple[list[Any], Any]:
        """Return what the user's function found and as of when, or raise an error that shows nothing of it."""
        try:
            found, as_of = _parts(await ports.call(self._load, *asked))
            return [] if found is None else list(found), as_of
        except BaseException as error:  # noqa: BLE001  # a user's function may raise anything
            is_ours = isinstance(error, KMValidateError)
            said = BaseException.__str__(error) if is_ours else f"loading raised {type(error).__name__}"
        raise KeyManagerUnavailable(said)


def _is_whole(found: Grant) -> bool:
    return found.application is not None and found.subscription is not None


def _parts(answer: Any) -> tuple[Any, Any]:
    """Return the records in an answer, and as of when it is; two records are no such pair."""
    is_pair = isinstance(answer, tuple) and len(answer) == 2 and not isinstance(answer[1], Record)  # noqa: PLR2004
    return (answer[0], answer[1]) if is_pair else (answer, None)


def _check_seconds(name: str, value: float, least: float) -> None:
    if not is_number(value) or not least <= value < float("inf"):
        raise ConfigurationError(f"{name} is a number of seconds of at least {least:g}")
