"""
What issuers, subscriptions and what is remembered take of memory: a process of its own, which prints it as JSON.

    python benchmarks/_footprint.py issuers|tokens|decisions|subscriptions COUNT allocated|resident

Rules kept here: everything that is not the library's (keys to sign with, tokens, documents) is made before the first
look; what is counted is what Python allocated since, or how much larger the process became, in which the keys as
OpenSSL holds them are counted too.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING

from _crowd import crowd, many_tokens
from _gateway import CLIENT, ORDERS, gateway, subscribed
from _tokens import AUDIENCE

from kmvalidate import BackendJwtGenerator, KeyManager, KeyManagerRegistry, SigningKey, StaticKeys, TokenValidator

if TYPE_CHECKING:
    from collections.abc import Callable

    from _crowd import Person

_COLLECTIONS = 7


def footprint(of: str, count: int, how: str) -> dict[str, float]:
    """Return what a fresh process saw of *count* of something: bytes each, ``allocated`` or ``resident``."""
    command = [sys.executable, __file__, of, str(count), how]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own text
    figures: dict[str, float] = json.loads(said)
    return figures


def _issuers(count: int, grown: Callable[[Callable[[], object]], int]) -> dict[str, float]:
    """Measure issuers each of which verified one token; nothing is remembered."""
    people = crowd(count)
    used(people[:1])  # whatever is made once
    return {"each": grown(lambda: used(people)) / count}


def used(people: list[Person]) -> TokenValidator:
    """Return a validator for all of them that verified a token of each and remembers none."""
    managers = [
        KeyManager(name=f"issuer {place}", issuer=one.issuer, audience=AUDIENCE, keys=StaticKeys.from_jwks(one.jwks))
        for place, one in enumerate(people)
    ]
    validator = TokenValidator(KeyManagerRegistry(managers), remember=0)
    for one in people:
        validator.authenticate(one.token)
    return validator


def _tokens(count: int, grown: Callable[[Callable[[], object]], int]) -> dict[str, float]:
    """Measure remembered tokens of one issuer, and a full garbage collection with and without them."""
    issuer, tokens = many_tokens(count)
    manager = KeyManager(name="one", issuer=issuer.issuer, audience=AUDIENCE, keys=StaticKeys.from_jwks(issuer.jwks))
    validator = TokenValidator(KeyManagerRegistry([manager]), remember=2 * count)
    validator.authenticate(issuer.token)
    without_ms = _collection_ms()
    each = grown(lambda: [validator.authenticate(token) and None for token in tokens]) / count
    return {"each": each, "collection_ms": _collection_ms() - without_ms, "without_ms": without_ms}


def _decisions(count: int, grown: Callable[[Callable[[], object]], int]) -> dict[str, float]:
    """Measure tokens that are remembered with what was decided of one call, and with a JWT for the backend."""
    issuer, tokens = many_tokens(count)
    generator = BackendJwtGenerator(SigningKey.generate("ES256"))
    how = {"backend_jwt": generator, "remember": 2 * count}
    validate, asked = gateway(issuer.jwks, subscribed([CLIENT]), **how).validate, ORDERS.call("GET", "/orders")
    validate(issuer.token, asked)
    return {"each": grown(lambda: [validate(token, asked) and None for token in tokens]) / count}


def _subscriptions(count: int, grown: Callable[[Callable[[], object]], int]) -> dict[str, float]:
    """Measure subscriptions, each with an application and a key mapping of its own."""
    subscribed([CLIENT])  # whatever is made once
    return {"each": grown(lambda: subscribed(f"client-{number:07d}" for number in range(count))) / count}


def _allocated(work: Callable[[], object]) -> int:
    tracemalloc.start()
    kept = work()
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return grown


def _resident(work: Callable[[], object]) -> int:
    gc.collect()
    before = _resident_bytes()
    kept = work()
    gc.collect()
    grown = _resident_bytes() - before
    del kept
    return grown


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _collection_ms() -> float:
    times = []
    for _ in range(_COLLECTIONS):
        began = perf_counter_ns()
        gc.collect()
        times.append((perf_counter_ns() - began) / 1e6)
    return median(times)


if __name__ == "__main__":
    ways = {"issuers": _issuers, "tokens": _tokens, "decisions": _decisions, "subscriptions": _subscriptions}
    measure = ways[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]), {"allocated": _allocated, "resident": _resident}[sys.argv[3]])))
