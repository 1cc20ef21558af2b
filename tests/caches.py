"""
Key caches by themselves, of an issuer and of files: over a scripted transport and a clock that is set.

Rules kept here: the jitter is an argument; keys lie at one URL, so that every fetch is one request.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate import KeyManager, KeyManagerRegistry, KeyManagerUnavailable, RemoteKeys, TokenValidator
from kmvalidate.flights import Flights
from kmvalidate.key_bars import Bars
from kmvalidate.key_cache import KeyCache
from kmvalidate.key_snapshots import KeySource, Snapshot
from kmvalidate.ports import run
from tests.fakes import (
    KEYS,
    WAIT_S,
    FakeTransport,
    Gateway,
    HeldTransport,
    SettableClock,
    WatchedPorts,
    answer,
    in_threads,
    key_set,
    signed_by,
)
from tests.signing import AUDIENCE, ISSUER, NoNetwork, manager, private_key, reason


class Cached:
    """A `KeyCache` with what it needs; *figures* are those of its `RemoteKeys`, `told` is what it told."""

    def __init__(self, transport: FakeTransport | None = None, *, spread: float = 0.5, **figures: Any) -> None:
        self.told: list[Any] = []
        self.clock = SettableClock()
        self.ports = WatchedPorts(transport or FakeTransport({KEYS: key_set("old")}), self.clock)
        self.manager = KeyManager(
            name="Test", issuer=ISSUER, audience=AUDIENCE, keys=RemoteKeys(jwks_url=KEYS, **figures)
        )
        self.keys = KeyCache(self.manager, Flights(), lambda: spread, self.told.append)
        self.bars = Bars()

    @property
    def hits(self) -> int:
        """How often the keys were asked for."""
        return self.ports.transport.hits[KEYS]

    @property
    def health(self) -> Any:
        return self.keys.health(self.ports)

    def publish(self, *owners: str, **headers: str) -> None:
        """Let the issuer publish the keys of *owners* from now on, with these header fields."""
        self.ports.transport = FakeTransport({KEYS: answer(key_set(*owners), **headers)})

    def fail(self, status: int = 503) -> None:
        """Let the issuer answer with *status* from now on."""
        self.ports.transport = FakeTransport({KEYS: answer({}, status)})

    def wait(self) -> Snapshot:
        return run(self.keys.wait(self.ports))

    def newer(self, missing: str = "x") -> Snapshot:
        """Return newer keys than those there are, which lack *missing*."""
        assert self.keys.snapshot is not None
        return run(self.keys.newer(self.keys.snapshot, missing, self.ports))

    def refresh(self) -> None:
        run(self.keys.refresh(self.ports))

    def drop_key(self, name: str) -> None:
        """Bar a key as a registry does."""
        drop_key(self.keys, self.bars, name)

    def launch_idle(self) -> threading.Event:
        """Launch a flight that finds nothing to do, and return what lets it land."""
        let_go = threading.Event()

        async def idle(_: object) -> None:
            assert let_go.wait(WAIT_S)

        self.keys._flights.launch(self.keys._key(self.keys._round), idle, self.ports, WAIT_S)
        return let_go

    def refresh_in_background(self) -> Snapshot | None:
        """Ask for keys as a request does, let a fetch it began end, and return what there was before."""
        snapshot = self.keys.ready(self.ports)
        self.ports.settle()
        return snapshot

    def pass_s(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    @property
    def kids(self) -> list[str | None]:
        return kids(self.keys.snapshot)


def drop_key(source: KeySource, bars: Bars, name: str) -> None:
    """Bar a key of *source* as a registry does, in the *bars* of its key manager."""
    bars.add(name, [source.snapshot.key_set] if source.snapshot else [])
    source.bar(bars)


def kids(snapshot: Snapshot | None) -> list[str | None]:
    """Return the key ids of a snapshot, none of none."""
    return [key.kid for key in snapshot.key_set.keys] if snapshot else []


def outage(work: Any, *args: Any) -> KeyManagerUnavailable:
    """Return the outage that ``work(...)`` ends with."""
    with pytest.raises(KeyManagerUnavailable) as caught:
        work(*args)
    return caught.value


def kinds(told: Iterable[Any]) -> list[str]:
    """Return the names of the events that were told, in their order."""
    return [type(event).__name__ for event in told]


def pem(owner: str) -> bytes:
    """Return the public key of *owner* as PEM."""
    return private_key("P-256", owner).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class FileGateway:
    """A validator with the keys of files, a clock that is set, and what was told since those files were read."""

    def __init__(self, keys: Any, *, was_used: bool = True) -> None:
        self.told: list[Any] = []
        self.clock = SettableClock()
        self.registry = KeyManagerRegistry(
            [manager(keys=keys)], transport=NoNetwork(), clock=self.clock, on_event=self.told.append
        )
        self.ports = self.registry.ports = WatchedPorts(NoNetwork(), self.clock)
        self.validator = TokenValidator(self.registry)
        if was_used:
            run(self.source.wait(self.ports))
            self.ports.settle()
        self.told.clear()

    @property
    def source(self) -> Any:
        return self.registry.table.find_shared(manager().issuer).source

    @property
    def health(self) -> Any:
        return self.registry.health()[0]

    def says(self, owner: str) -> str:
        """Return what becomes of a token signed by *owner*."""
        return reason(self.validator.authenticate, signed_by(owner))

    def check(self) -> None:
        """Let the next check come, in the background."""
        self.clock.pass_s(11)
        self.source.ready(self.ports)
        self.ports.settle()


def held_up(gateway: Gateway, held: HeldTransport, callers: int, call: Callable[[], object]) -> None:
    """Let several callers wait for what *held* holds, and only then let it go."""
    threads = in_threads(callers, call)
    for _ in threads:
        assert gateway.ports.waiting.acquire(timeout=WAIT_S)
    held.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)


@contextmanager
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can, so that what is not locked comes apart."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
