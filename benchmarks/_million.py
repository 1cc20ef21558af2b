"""
A store of many subscriptions, in a process of its own asked by another one.

    python benchmarks/_million.py COUNT

Rules kept here: it is told on its standard input what to measure, and how often (`_child`). Each client is looked up
by a string of its own, as from a token, and comes at random, so that what belongs to it is in no cache.
"""

from __future__ import annotations

import gc
import random
import sys
from array import array
from itertools import chain, cycle, islice
from statistics import median
from time import perf_counter, perf_counter_ns, time
from typing import TYPE_CHECKING, Any

from _child import answer
from _gateway import API_ID, ORDERS, Moving, gateway, records
from _measure import turns
from _tokens import claims_at, ed25519_key, signed_with
from _warm import KEY_MANAGER

from kmvalidate import InMemorySubscriptions, KeyMapping, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate import Grant

FEW = 10
_AT_ONCE = 10_000
_TOKENS = 10_000
_ORGANIZATIONS = (None,)


class _Stores:
    """A store of many and one of few, and clients at random."""

    def __init__(self, count: int) -> None:
        self.count, self._random = count, random.Random(1)  # noqa: S311  # an order, no secret
        began = perf_counter()
        self.many, self.few = _filled(count), _filled(FEW)
        self.build_s = perf_counter() - began
        self._clock = 1.0

    def find(self, rounds: int) -> dict[str, list[float]]:
        """
        Return the ns per look-up, and per decision about a call whose token is known, in either store.

        Beside that the ns per look-up in a plain dict of as many strings, which tells how slow the memory is.
        """
        looks = {"many": self._look_up(self.many, self.count), "few": self._look_up(self.few, FEW)}
        plain = {"many": self._plain(self.count), "few": self._plain(FEW)}
        calls = {"many": self._decide(self.many, self.count), "few": self._decide(self.few, FEW)}
        return {"build_s": [self.build_s]} | {
            f"{kind} {name}": times
            for kind, both in (("plain", plain), ("find", looks), ("decide", calls))
            for name, times in turns(both, rounds).items()
        }

    def _at_random(self, count: int, of: int) -> array[int]:
        return array("L", self._random.sample(range(of), of) * (count // of))

    def _look_up(self, store: InMemorySubscriptions, of: int) -> Callable[[], Grant]:
        order = cycle(self._at_random(self.count, of))

        def look_up() -> Grant:
            return store.find(_ORGANIZATIONS, KEY_MANAGER, f"client-{next(order):07d}", ORDERS)

        assert look_up().subscription is not None
        return look_up

    def _plain(self, of: int) -> Callable[[], object]:
        order, known = (
            cycle(self._at_random(self.count, of)),
            {f"client-{number:07d}": [number] for number in range(of)},
        )
        return lambda: known[f"client-{next(order):07d}"]

    def _decide(self, store: InMemorySubscriptions, of: int) -> Callable[[], object]:
        key, claims = ed25519_key(), claims_at(int(time()))
        tokens = [
            signed_with(key, "EdDSA", claims | {"client_id": f"client-{number:07d}", "jti": f"{place:08x}"})[0]
            for place, number in enumerate(islice(cycle(self._at_random(of, of)), _TOKENS))
        ]
        moving = Moving(store)
        validate = gateway({"keys": [key.jwk]}, moving, remember=2 * _TOKENS).validate
        asked, order = ORDERS.call("GET", "/orders"), cycle(tokens)
        for token in tokens:
            validate(token, asked)

        def decide() -> object:
            moving.version = object()
            return validate(next(order), asked)

        return decide

    def update(self, count: int) -> dict[str, dict[str, float]]:
        """Return, for each kind of update, what one takes with the making of its record, in us."""
        kinds = {"removal": self._remove, "put of a subscription": self._put, "put of a mapping": self._map}
        times: dict[str, list[int]] = {kind: [] for kind in kinds}
        gc.collect()  # what others left is not an update's
        for client in self._random.choices(range(self.count), k=count):
            for kind, update in kinds.items():
                self._clock += 1
                began = perf_counter_ns()
                update(f"client-{client:07d}", self._clock)
                times[kind].append(perf_counter_ns() - began)
        return {kind: _summary(seen) for kind, seen in times.items()}

    def _put(self, client: str, at: float) -> None:
        self.many.put(Subscription(application=f"{client}-app", api=API_ID, policy="Silver"), at)

    def _remove(self, client: str, at: float) -> None:
        self.many.remove_subscription(f"{client}-app", API_ID, at)

    def _map(self, client: str, at: float) -> None:
        mapping = KeyMapping(key_manager=KEY_MANAGER, consumer_key=f"{client}-2", application=f"{client}-app")
        self.many.put(mapping, at)


def _filled(count: int) -> InMemorySubscriptions:
    store, clients = InMemorySubscriptions(), (f"client-{number:07d}" for number in range(count))
    while some := list(islice(clients, _AT_ONCE)):
        store.put_all(chain.from_iterable(map(records, some)))
    return store


def _summary(times_ns: list[int]) -> dict[str, float]:
    ordered = sorted(times_ns)
    figures = {"median": median(ordered), "p99.9": ordered[int(len(ordered) * 0.999)], "max": ordered[-1]}
    return {name: figure / 1e3 for name, figure in figures.items()}


def _answers(stores: _Stores) -> Callable[[Any], object]:
    ways: dict[str, Callable[[int], object]] = {"find": stores.find, "update": stores.update}
    return lambda question: ways[question["way"]](question["often"])


if __name__ == "__main__":
    answer(_answers(_Stores(int(sys.argv[1]))))
