"""
Key managers that are asked in memory: what they say is scripted, how often they are asked is counted.

Rules kept here: no socket, no sleep; time passes when a test says so.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import attrs
import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    IntrospectionStrategy,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    TokenValidator,
)
from kmvalidate.asking import Unanswered
from kmvalidate.testing import VirtualClock
from tests.concurrency.callers import PATIENCE_S, averdict, verdict
from tests.fakes import WatchedPorts
from tests.signing import AUDIENCE, ISSUER, NoNetwork

INACTIVE = {"active": False}
LIFETIME_S = 3600


@attrs.frozen(kw_only=True)
class Told(IntrospectionStrategy):
    """Asks a function."""

    say: Any = attrs.field(repr=False)

    def ask(self, token: str, ports: Any, /) -> Any:
        return self.say(token, ports)


class Endpoint:
    """
    Says what is written in `said` of a token: an answer, an error to raise, or a callable that returns one.

    Tokens that are not in it are not active. `outage`, if there is one, is raised whatever it is asked.
    """

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.outage: BaseException | None = None
        self.asked: list[str] = []

    @property
    def calls(self) -> Counter[str]:
        return Counter(self.asked)

    def __call__(self, token: str, _: Any) -> Any:
        self.asked.append(token)
        said = self.outage or self.said.get(token, INACTIVE)
        said = said() if callable(said) else said
        if isinstance(said, BaseException):
            raise said
        return said


class HeldEndpoint(Endpoint):
    """An `Endpoint` whose answers wait until it is opened; `came` counts the calls that have come."""

    def __init__(self) -> None:
        super().__init__()
        self.came, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self, token: str, ports: Any) -> Any:
        self.came.release()
        assert self._open.wait(PATIENCE_S)
        return super().__call__(token, ports)

    def is_asked(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.came.acquire(timeout=PATIENCE_S)

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()


def key_manager(endpoint: Any, name: str = "Test", issuer: str = ISSUER, **options: Any) -> KeyManager:
    """Return a key manager that is asked at *endpoint*; *options* are the strategy's, those it has, or its own."""
    own = {field.name for field in attrs.fields(Told)} & options.keys()
    strategy = {key: options.pop(key) for key in own}
    told = Told(say=endpoint, **({"tokens": ANY_OPAQUE_TOKEN} | strategy))
    usual = {"name": name, "issuer": issuer, "audience": AUDIENCE, "self_validate_jwt": False}
    return KeyManager(**(usual | {"introspection": told} | options))


class Scene:
    """An endpoint, a key manager that is asked there, and a validator over a clock that is set."""

    def __init__(self, endpoint: Any = None, *, front: int = 0, managers: Any = None, **options: Any) -> None:
        self.endpoint = endpoint or Endpoint()
        self.clock = VirtualClock()
        self.events: list[Any] = []
        given = [key_manager(self.endpoint, **options)] if managers is None else managers
        args: Any = {"transport": NoNetwork(), "clock": self.clock, "on_event": self.events.append}
        self.registry = KeyManagerRegistry(given, overlapping_tokens=managers is not None, **args)
        self.ports = self.registry.ports = WatchedPorts(NoNetwork(), self.clock)
        self.validator = TokenValidator(self.registry, remember=front)

    def answer(self, **changes: Any) -> dict[str, Any]:
        """Return a good answer, but for *changes*; of those that are None there is nothing in it."""
        now = int(self.clock.wall())
        usual = {"active": True, "aud": AUDIENCE, "exp": now + LIFETIME_S, "sub": "alice", "client_id": "shop"}
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def issue(self, bearer: str = "good", **changes: Any) -> str:
        self.endpoint.said[bearer] = self.answer(**changes)
        return bearer

    def says(self, bearer: str = "good", **options: Any) -> str:
        return verdict(lambda one: self.validator.authenticate(one, **options), bearer)

    async def asays(self, bearer: str = "good", **options: Any) -> str:
        return await averdict(lambda one: self.validator.aauthenticate(one, **options), bearer)

    def calls(self, bearer: str = "good") -> int:
        return self.endpoint.calls[bearer]

    def told(self, kind: str) -> list[Any]:
        """Return the events of that kind."""
        return [event for event in self.events if type(event).__name__ == kind]

    def unavailable(self, bearer: str = "good") -> KeyManagerUnavailable:
        """Return the outage that a token ends with."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.validator.authenticate(bearer)
        return caught.value


def outage(why: str = "status 503", **options: Any) -> Unanswered:
    return Unanswered(why, **options)


class Laned:
    """A scene whose jobs are kept rather than run."""

    def __init__(self, **options):
        self.scene = Scene(**{"at_once": 1, "waiting": 1, **options})
        self.kept = []
        self.scene.ports.spawn = self.kept.append
        self.scene.ports.patience_s = 0

    def wait_in_vain(self, token):
        """Return why a caller who does not wait hears of an outage."""
        return self.scene.unavailable(token).why

    def says(self, token):
        """Return what a caller hears who waits; nothing runs after that."""
        scene = self.scene
        scene.ports.spawn, scene.ports.patience_s = WatchedPorts.spawn.__get__(scene.ports), None
        said = scene.says(token)
        scene.ports.settle()
        scene.ports.spawn, scene.ports.patience_s = self.kept.append, 0
        return said

    def run(self):
        while self.kept:
            _run(self.kept.pop(0)(self.scene.ports))


def _run(job):
    with pytest.raises(StopIteration):
        job.send(None)
