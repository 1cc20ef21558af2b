"""
Keys that were dropped by hand: they are not used again, whoever publishes them and under whatever id.

Rules kept here: what is barred is a key's material. A name is barred only until a key is published under it: then that
key is, and another one under the same name later is as good as any. Nothing is ever taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.key_sets import KeySet

_BARRING = OwnLock()  # one for all: it is held for moments only


class Bars:
    """What is barred of the keys of one key manager, however often its configuration changes."""

    __slots__ = ("_material", "_names")

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._material: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._names or self._material)

    def add(self, name: str, key_sets: Iterable[KeySet]) -> None:
        """Bar the keys whose id or RFC 7638 thumbprint is *name*: those in *key_sets*, or else one that comes later."""
        found = {key.thumbprint for one in key_sets for key in one.keys if name in {key.kid, key.thumbprint}}
        with _BARRING:
            self._material |= found | {name}  # if it is a thumbprint, then of that key, whoever has it as an id
            self._names |= frozenset() if found else {name}

    def applied_to(self, key_set: KeySet) -> KeySet:
        """Return *key_set* without what is barred; itself if that is all of it."""
        if not self:
            return key_set
        with _BARRING:
            named = [key for key in key_set.keys if key.kid in self._names or key.thumbprint in self._names]
            material = {key.thumbprint for key in named}
            met = material | {key.kid for key in named}
            self._material |= material
            self._names -= met
        return key_set.without(self._material)


#: Of the many key managers of whose keys none was ever dropped.
NO_BARS = Bars()
