"""
One key manager at work: its configuration, its rules made ready, its keys.

Rules kept here: the configuration is frozen, everything that changes is here and belongs to that one
configuration, so that replacing it ends all of it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.discovery import Published
from kmvalidate.key_cache import KeyCache
from kmvalidate.key_snapshots import FixedKeys
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.layouts import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.claims import ClaimRules
    from kmvalidate.events import Listener
    from kmvalidate.flights import Flights
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet, VerificationKey
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import Clock
    from kmvalidate.tokens import Header


@attrs.frozen(eq=False)
class IssuerState:
    """
    What a registry holds for a key manager.

    Args:
        manager: The configuration.

        rules: Its rules for claims.

        shapes: The key shapes accepted for each algorithm that is allowed.

        source: Its keys.

        layout_budget: How much may still be learnt of its payloads.
    """

    manager: KeyManager
    rules: ClaimRules
    shapes: Mapping[str, tuple[str, ...]]
    source: KeySource
    layout_budget: Budget = attrs.field(factory=Budget)

    def find(self, key_set: KeySet, header: Header, issuer: str) -> VerificationKey | None:
        """
        Return the one key that may verify a token of *issuer* with that header, None if the set does not have it.

        Raises:
            Refused: As `KeySet.find` does.
        """
        return key_set.find(header, self.shapes.get(header.alg, ()), self.manager.owners(issuer))

    @classmethod
    def of(cls, manager: KeyManager, flights: Flights, clock: Clock, listener: Listener | None = None) -> IssuerState:
        """Return a fresh state for *manager*, whose fetches are among *flights* and whose events go to *listener*."""
        return cls(
            manager, manager.claim_rules(), manager.algorithm_shapes(), _source(manager, flights, clock, listener)
        )


def _source(manager: KeyManager, flights: Flights, clock: Clock, listener: Listener | None) -> KeySource:
    keys = manager.keys
    if isinstance(keys, RemoteKeys):
        return KeyCache(manager, flights, listener=listener)
    if not keys.files:
        return FixedKeys(manager, keys.key_set)
    cache = KeyCache(manager, flights, listener=listener)
    cache.begin_with(Published(keys.key_set), clock.monotonic())
    return cache
