"""
The key managers a gateway knows, keyed by issuer.

Rules kept here: an issuer is an opaque string and is matched exactly; an unknown issuer is refused without a network
call. Whoever looks something up reads the table that is current; a change builds another and puts it in its place. An
unchanged configuration keeps its state, a changed or removed one loses it at once. What a configuration opts out of is
logged once, when it is registered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kmvalidate.adapters import asyncio_ports, blocking_transport, prepare
from kmvalidate.errors import ConfigurationError
from kmvalidate.events import KeysDropped, checked_listener, tell
from kmvalidate.fields import to_names
from kmvalidate.flights import Flights
from kmvalidate.issuer_state import IssuerState
from kmvalidate.key_bars import NO_BARS, Bars
from kmvalidate.key_snapshots import fetch_all
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.layer_changes import changed, replaced, report, without
from kmvalidate.layers import Table
from kmvalidate.opaque_routes import check_overlaps, overlaps
from kmvalidate.own_lock import OwnLock
from kmvalidate.ports import BlockingPorts, SystemClock, run
from kmvalidate.revocation import checked_list

if TYPE_CHECKING:
    from kmvalidate.asyncio_ports import AsyncioPorts
    from kmvalidate.events import Health, Listener
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.layer_changes import Change
    from kmvalidate.ports import AsyncTransport, Clock, Ports, Transport
    from kmvalidate.revocation import RevocationList

#: What a control plane says goes before what is configured beside it, as in Choreo Connect.
DEFAULT_LAYERS = ("control-plane", "configuration")

logging.getLogger("kmvalidate").addHandler(logging.NullHandler())


class KeyManagerRegistry:
    """
    The key managers whose tokens are accepted. All of its methods may be called from any thread at any time.

    Args:
        managers: The key managers, put in the lowest layer.

        layers: The names of the layers, the highest first: a key manager overrides those of lower layers that have its
            issuer or its name in the same organization.

        global_first: Whether key managers that serve all organizations go before an organization's own, as in WSO2 API
            Manager, rather than after them.

        transport: What asks key managers, its ``send`` a plain or an async one; by default
            `kmvalidate.transport.RequestsTransport`.

        async_transport: What does exchanges that are one asyncio caller's own; there are none yet. What callers share,
            keys and answers about tokens, is fetched by *transport*, or by this one if it is given alone.

        clock: What tells the time; by default this machine's clocks.

        on_event: A plain function that is told every `Event`, on whatever thread it happens.

        overlapping_tokens: Whether key managers may claim the same opaque tokens; the first of them gets such a token.

        revocations: What is refused before it expires; by default a list of its own, in `revocations`.

    Raises:
        ConfigurationError: Two key managers have the same issuer or the same name in one layer and organization, or
            claim the same opaque tokens; both are named. Or another argument is not what it should be.
    """

    def __init__(
        self,
        managers: Iterable[KeyManager] = (),
        *,
        layers: Iterable[str] = DEFAULT_LAYERS,
        global_first: bool = False,
        transport: Transport | AsyncTransport | None = None,
        async_transport: Transport | AsyncTransport | None = None,
        clock: Clock | None = None,
        on_event: Listener | None = None,
        overlapping_tokens: bool = False,
        revocations: RevocationList | None = None,
    ) -> None:
        names = to_names(layers)
        if not names or len(set(names)) != len(names):
            raise ConfigurationError("layers have a name each, and there is at least one")
        if not isinstance(global_first, bool) or not isinstance(overlapping_tokens, bool):
            raise ConfigurationError("global_first and overlapping_tokens are True or False")
        self._async_transport = transport if async_transport is None else async_transport
        self.ports = BlockingPorts(blocking_transport(transport, async_transport), clock or SystemClock())
        self.revocations = checked_list(revocations, self.ports.clock)
        self._listener = checked_listener(on_event)
        self._flights = Flights()
        self._overlapping_tokens = overlapping_tokens
        self._changing = OwnLock()
        self._bars: dict[tuple[str | None, str], Bars] = {}
        self._drops = 0
        self._aports: AsyncioPorts | None = None
        self.table = Table({name: {} for name in names}, global_first)
        self.use(names[-1], managers)

    @property
    def aports(self) -> AsyncioPorts:
        """What asyncio callers reach the world with; made when the first of them comes."""
        if self._aports is None:  # that two make it at once does no harm; a lock would, in a fork
            self._aports = asyncio_ports(self._async_transport, self.ports)
        return self._aports

    @property
    def managers(self) -> tuple[KeyManager, ...]:
        """The key managers that answer for some issuer: those of the highest layer first."""
        return tuple(state.manager for _, state in self.table.in_effect())

    @property
    def layers(self) -> Mapping[str, tuple[KeyManager, ...]]:
        """Every key manager by layer, the highest layer first, those that are overridden too."""
        return {name: tuple(state.manager for state in layer.values()) for name, layer in self.table.layers.items()}

    @property
    def overlaps(self) -> tuple[str, ...]:
        """Which key managers claim the same opaque tokens, a sentence each; none unless that is allowed."""
        return overlaps(self.table)

    def use(self, layer: str, managers: Iterable[KeyManager]) -> None:
        """
        Put *managers* in place of all key managers of the layer *layer*, at once.

        Those whose configuration is unchanged keep their keys and what was remembered with them.

        Raises:
            ConfigurationError: There is no such layer, or two key managers have the same issuer or name in one
                organization. Nothing is changed then.
        """
        if isinstance(managers, str | Mapping) or not isinstance(managers, Iterable):
            raise ConfigurationError("a registry is made of several key managers, in a list")
        given = tuple(managers)  # whatever that takes, nobody waits for it
        self._change(layer, lambda _: given)

    def add(self, layer: str, manager: KeyManager) -> None:
        """
        Add a key manager to *layer*.

        Raises:
            ConfigurationError: There is no such layer, or it has one of that name or issuer in its organization.
        """
        self._change(layer, lambda others: (*others, manager))

    def replace(self, layer: str, manager: KeyManager) -> None:
        """
        Put *manager* in the place of the one that has its name and organization in *layer*.

        Raises:
            ConfigurationError: There is no such layer or key manager, or another one has its issuer.
        """
        self._change(layer, lambda others: replaced(others, manager))

    def remove(self, layer: str, name: str, *, organization: str | None = None) -> None:
        """
        Remove the key manager *name* of *organization* (None: that serves all) from *layer*: its tokens are refused
        from now on, unless a lower layer has one for them.

        Where one that comes back claims the tokens of another, that is logged, and no reason to keep the one removed.

        Raises:
            ConfigurationError: There is no such layer or key manager.
        """
        self._change(layer, lambda others: without(others, name, organization), may_overlap=True)

    def drop_key(self, key_manager: str, key_id: str, *, organization: str | None = None) -> None:
        """
        Use a key no more from now on, even if it is still published: what it signed is refused, remembered or not.

        Args:
            key_manager: The name of the key manager.

            key_id: The key's ``kid``, or its RFC 7638 thumbprint. Its material is barred, whatever becomes of the
                configuration; of an id that is not known yet, the key that is published under it next.

            organization: The organization of the key manager, None for one that serves all.

        Raises:
            ConfigurationError: There is no such key manager, or *key_id* is no name.
        """
        if not isinstance(key_id, str) or not key_id:
            raise ConfigurationError("key_id is a non-empty string")
        with self._changing:
            snapshots = [state.source.snapshot for state in self.table.named(key_manager, organization)]
            bars = self._bars.setdefault((organization, key_manager), Bars())
            bars.add(key_id, [snapshot.key_set for snapshot in snapshots if snapshot])
            self._drops += 1
            self._bar(key_manager, organization, bars)
        tell(self._listener, KeysDropped(key_id=key_id, key_manager=key_manager, organization=organization))

    def drop_keys(self, key_manager: str, *, organization: str | None = None) -> None:
        """
        Forget the keys that were fetched, and what was remembered with them; they are fetched when they are needed.

        What was being fetched is forgotten with them, and what failed. Pinned keys are configuration, and stay; those
        of files are read again.

        Raises:
            ConfigurationError: There is no such key manager.
        """
        for state in self.table.named(key_manager, organization):
            state.source.drop_keys()
        tell(self._listener, KeysDropped(key_manager=key_manager, organization=organization))

    def drop_tokens(self, key_manager: str | None = None, *, organization: str | None = None) -> None:
        """
        Forget what a key manager answered about tokens: it is asked again about each of them.

        With None forget everything that was remembered of any token, JWTs too: each is verified again when it comes.

        Raises:
            ConfigurationError: There is no such key manager.
        """
        every = [state for _, state in self.table.states()]
        for state in every if key_manager is None else self.table.named(key_manager, organization):
            state.forget_tokens()
        if key_manager is None:
            self.revocations.forget_remembered()

    def refresh(self, key_manager: str, *, organization: str | None = None) -> None:
        """
        Fetch the keys of a key manager now, whatever was fetched or failed just before; not of those it overrides.

        Raises:
            KeyManagerUnavailable: They could not be fetched; those there were are still used.
            ConfigurationError: There is no such key manager.
        """
        run(self._refresh(key_manager, organization, self.ports))

    async def arefresh(self, key_manager: str, *, organization: str | None = None) -> None:
        """Do what `refresh` does, for asyncio callers."""
        await self._refresh(key_manager, organization, self.aports)

    def warm(self) -> tuple[Health, ...]:
        """
        Fetch the keys of all key managers that answer for some issuer, many at a time, and wait for them.

        Returns:
            How each of them is then; one that could not be reached does not keep the others.
        """
        return run(self._warm(self.ports))

    async def awarm(self) -> tuple[Health, ...]:
        """Do what `warm` does, for asyncio callers."""
        return await self._warm(self.aports)

    def health(self) -> tuple[Health, ...]:
        """Return how each key manager that answers for some issuer is, without asking anybody."""
        return tuple(state.health(self.ports) for _, state in self.table.in_effect())

    def _change(self, layer: str, change: Change, *, may_overlap: bool = False) -> None:
        """Build another table and put it in place; begin again if another change came first."""
        while True:
            before = self.table
            after, begun = changed(before, layer, change, self._begin)
            check_overlaps(after, are_allowed=may_overlap or self._overlapping_tokens)
            if self._is_put(before, after, begun):
                break
        report(before, after, begun, self._listener)

    def _is_put(self, before: Table, after: Table, begun: list[IssuerState]) -> bool:
        """Put a table in place, unless another change came first: of a thread, or of a signal handler in between."""
        with self._changing:
            drops = self._drops
            for state in begun:
                state.source.bar(self._bars.get((state.manager.organization, state.manager.name), NO_BARS))
            if is_first := self.table is before and self._drops == drops:
                self.table = after  # nothing is called since the look: where nothing is, no signal handler comes
        return is_first

    def _bar(self, key_manager: str, organization: str | None, bars: Bars) -> None:
        seen: object = None
        while seen != (seen := (self.table, self._drops)):  # again if a signal handler changed something meanwhile
            for state in self.table.called(key_manager, organization):
                state.source.bar(bars)

    def _begin(self, manager: KeyManager) -> IssuerState:
        if isinstance(manager.keys, RemoteKeys) or manager.introspection is not None:
            prepare(self.ports.transport)
        return IssuerState.of(manager, self._flights, self.ports.clock, self._listener)

    async def _refresh(self, key_manager: str, organization: str | None, ports: Ports) -> None:
        named = self.table.named(key_manager, organization)
        for state in [state for _, state in self.table.in_effect() if state in named] or named:
            await state.source.refresh(ports)

    async def _warm(self, ports: Ports) -> tuple[Health, ...]:
        before = self.table
        await fetch_all((state.source for _, state in before.in_effect()), ports)
        return tuple(state.health(ports) for _, state in before.in_effect())
