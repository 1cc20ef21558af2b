"""Bounded memories beside each other: what the memory of verified tokens could have been built of."""

from __future__ import annotations

import random
from itertools import count, cycle
from statistics import median
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from _measure import loops_for, threads, turns
from cachetools import LRUCache, TLRUCache

from kmvalidate.generations import Generations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIZES = (1_000, 100_000)
_THREADS = 8
_TURN_S = 0.04


class _Locked:
    """A cache of cachetools, which is no memory for several threads without a lock."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._lock = Lock()

    def get(self, key: bytes) -> object:
        with self._lock:
            return self._cache.get(key)

    def put(self, key: bytes, value: object) -> None:
        with self._lock:
            self._cache[key] = value


KINDS: dict[str, Callable[[int], Any]] = {
    "two generations of dictionaries (ours)": lambda most: Generations(2 * most),
    "cachetools LRUCache and a lock": lambda most: _Locked(LRUCache(most)),
    "cachetools TLRUCache and a lock": lambda most: _Locked(
        TLRUCache(most, ttu=lambda _key, _value, now: now + 600, timer=monotonic)
    ),
}


def memories(rounds: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"| memory | {' | '.join(f'get of {size:,}, ns' for size in _SIZES)} | put and evict, ns | 8 threads, get |"
    yield "|---|" + "---:|" * (len(_SIZES) + 2)
    gets = {size: _gets(size, rounds) for size in _SIZES}
    puts = turns({name: _putting(make(1_000)) for name, make in KINDS.items()}, rounds)
    for name, make in KINDS.items():
        get = _getting(make(1_000), 1_000)
        together = median(threads(get, loops_for(get, _TURN_S), _THREADS) for _ in range(max(3, rounds // 10)))
        cells = [f"{median(gets[size][name]):.0f}" for size in _SIZES]
        yield f"| {name} | {' | '.join(cells)} | {median(puts[name]):.0f} | {together:.2f} |"


def _gets(size: int, rounds: int) -> dict[str, list[float]]:
    return turns({name: _getting(make(size), size) for name, make in KINDS.items()}, rounds)


def _getting(memory: Any, size: int) -> Callable[[], object]:
    keys = [random.randbytes(32) for _ in range(size)]  # noqa: S311  # no secrets
    for key in keys:
        memory.put(key, key)
    random.shuffle(keys)
    asked = cycle([bytes(bytearray(key)) for key in keys])
    return lambda: memory.get(next(asked))


def _putting(memory: Any) -> Callable[[], object]:
    numbers = count()
    return lambda: memory.put(next(numbers).to_bytes(32, "big"), None)
