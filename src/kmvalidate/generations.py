"""
A bounded memory that is read without a lock.

Rules kept here: it never holds more than it was told to; what is asked for stays, what nobody asks for goes first, a
whole generation at a time, so that one who fills it does not empty it for the others.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from kmvalidate.own_lock import OwnLock

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """
    A dictionary of two generations: when the young one is full it becomes the old one, and the old one is forgotten.

    Args:
        most: How many entries it holds at most; two are the least.

    Attributes:
        young: The young generation, for those who have to be quick: most of what is asked for is there. Read it only.

        old: The old one, likewise; what is found there is to be `put` again.
    """

    def __init__(self, most: int) -> None:
        self._half = max(most // 2, 1)
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}
        self._turning = OwnLock()

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())

    def get(self, key: K) -> V | None:
        """Return what is remembered for *key*, which is young again by it; None if there is nothing."""
        value = self.young.get(key)
        if value is None:
            value = self.old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember *value* for *key*."""
        if len(self.young) >= self._half:
            with self._turning:
                if len(self.young) >= self._half:
                    self.old, self.young = self.young, {}
        self.young[key] = value
