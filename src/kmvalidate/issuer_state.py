"""
One key manager at work: its configuration, its rules made ready, its keys.

Rules kept here: the configuration is frozen, everything that changes is here and belongs to that one
configuration, so that replacing it ends all of it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.key_cache import FixedKeys, KeyCache, KeySource
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.layouts import Budget

if TYPE_CHECKING:
    from kmvalidate.claims import ClaimRules
    from kmvalidate.flights import Flights
    from kmvalidate.key_manager import KeyManager


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
    shapes: dict[str, tuple[str, ...]]
    source: KeySource
    layout_budget: Budget = attrs.field(factory=Budget)

    @classmethod
    def of(cls, manager: KeyManager, flights: Flights) -> IssuerState:
        """Return a fresh state for *manager*, whose fetches are among *flights*."""
        keys = manager.keys
        source = (
            KeyCache(manager, keys, flights) if isinstance(keys, RemoteKeys) else FixedKeys(manager.name, keys.key_set)
        )
        return cls(manager, manager.claim_rules(), manager.algorithm_shapes(), source)
