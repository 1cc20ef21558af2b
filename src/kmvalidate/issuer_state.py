"""
One key manager at work: its configuration, its rules made ready, its keys.

Rules kept here: the configuration is frozen, everything that changes is here and belongs to that one
configuration, so that replacing it ends all of it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.discovery import Published
from kmvalidate.events import Status
from kmvalidate.introspecting import Introspector
from kmvalidate.key_cache import KeyCache
from kmvalidate.key_snapshots import FixedKeys
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.layouts import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.claims import ClaimRules
    from kmvalidate.events import Health, Listener
    from kmvalidate.flights import Flights
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import Clock, Ports


@attrs.frozen(eq=False)
class IssuerState:
    """
    What a registry holds for a key manager.

    Args:
        manager: The configuration.

        rules: Its rules for claims.

        shapes: The key shapes accepted for each algorithm that is allowed.

        source: Its keys.

        introspector: Asks it about tokens; None if it is not asked.

        layout_budget: How much may still be learnt of its payloads.

        answers: Another object after each `forget_tokens`: who remembers what it answered remembers this with it.
    """

    manager: KeyManager
    rules: ClaimRules
    shapes: Mapping[str, tuple[str, ...]]
    source: KeySource
    introspector: Introspector | None = None
    layout_budget: Budget = attrs.field(factory=Budget)
    answers: object = attrs.field(factory=object, init=False)

    @classmethod
    def of(cls, manager: KeyManager, flights: Flights, clock: Clock, listener: Listener | None = None) -> IssuerState:
        """Return a fresh state for *manager*, whose fetches are among *flights* and whose events go to *listener*."""
        source = _source(manager, flights, clock, listener)
        strategy = manager.introspection
        asking = (
            None if strategy is None else Introspector(manager, strategy, source, flights, clock, listener=listener)
        )
        return cls(manager, manager.claim_rules(), manager.algorithm_shapes(), source, asking)

    def forget_tokens(self) -> None:
        """Forget what the key manager answered about tokens."""
        object.__setattr__(self, "answers", object())
        if self.introspector is not None:
            self.introspector.forget()

    def health(self, ports: Ports) -> Health:
        """Tell how the key manager is."""
        found = self.source.health(ports)
        if self.introspector is None:
            return found
        asking = self.introspector.health(ports.clock.monotonic())
        usable = found.usable if self.manager.self_validate_jwt else asking is not Status.UNREACHABLE
        return attrs.evolve(found, introspection=asking, usable=usable)


def _source(manager: KeyManager, flights: Flights, clock: Clock, listener: Listener | None) -> KeySource:
    keys = manager.keys
    if isinstance(keys, RemoteKeys):
        return KeyCache(manager, flights, listener=listener)
    if not keys.files:
        return FixedKeys(manager, keys.key_set)
    cache = KeyCache(manager, flights, listener=listener)
    cache.begin_with(Published(keys.key_set), clock.monotonic())
    return cache
