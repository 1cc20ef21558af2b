"""
Callers of all kinds, many at once: threads, tasks, and loops in threads.

Rules kept here: whoever waits is counted where it begins to wait; nothing sleeps, and every wait has a generous end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from kmvalidate import KeyManager, KeyManagerRegistry, RemoteKeys, TokenValidator
from kmvalidate.asyncio_ports import AsyncioPorts
from kmvalidate.errors import KMValidateError, Refused
from kmvalidate.ports import BlockingPorts
from tests.fakes import KEYS, FakeTransport, SettableClock
from tests.signing import AUDIENCE, ISSUER

#: Seconds after which something hangs; no test needs a fraction of it.
PATIENCE_S = 60.0


class Waiters:
    """Counts callers, blocking and asyncio, when they begin to wait for a fetch."""

    def __init__(self, monkeypatch: Any) -> None:
        self._here = threading.Semaphore(0)
        for ports in (BlockingPorts, AsyncioPorts):
            monkeypatch.setattr(ports, "join", self._counted(ports.join))

    def _counted(self, join: Any) -> Any:
        async def counted(ports: Any, landed: Any, deadline_s: float, /) -> Any:
            self._here.release()
            return await join(ports, landed, deadline_s)

        return counted

    def come(self, count: int) -> None:
        """Wait until *count* more of them wait."""
        for _ in range(count):
            assert self._here.acquire(timeout=PATIENCE_S), "too few wait for the fetch"


class Gated(FakeTransport):
    """A `FakeTransport` whose exchanges wait while it is closed; `asked` counts those that have come."""

    def __init__(self, answers: dict[str, Any] | None = None, *, is_open: bool = False) -> None:
        super().__init__(answers)
        self.asked, self._open = threading.Semaphore(0), threading.Event()
        if is_open:
            self._open.set()

    def send(self, request: Any, /) -> Any:
        self.requests.append(request)
        self.asked.release()
        assert self._open.wait(PATIENCE_S)
        found = self.answers.get(request.url)
        return FakeTransport({request.url: found} if found is not None else {}).send(request)

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def is_asked(self) -> None:
        """Wait until an exchange has come, and count it no more."""
        assert self.asked.acquire(timeout=PATIENCE_S)


def remote(name: str = "Test", issuer: str = ISSUER, url: str = KEYS, **source: Any) -> KeyManager:
    """Return a key manager with one document to fetch, and as much time for it as there may be."""
    keys = RemoteKeys(jwks_url=url, **({"deadline_s": PATIENCE_S} | source))
    return KeyManager(name=name, issuer=issuer, audience=AUDIENCE, keys=keys)


class Site:
    """A registry with its validator, over a transport and a clock that is set."""

    def __init__(self, transport: Any, *managers: KeyManager, clock: Any = None, **registry: Any) -> None:
        self.clock = clock or SettableClock()
        known = managers or (remote(),)
        self.registry = KeyManagerRegistry(known, transport=transport, clock=self.clock, **registry)
        self.validator = TokenValidator(self.registry)

    def says(self, bearer: str) -> str:
        """Return what a blocking caller hears of a token."""
        return verdict(self.validator.authenticate, bearer)

    async def asays(self, bearer: str) -> str:
        """Return what an asyncio caller hears of a token."""
        return await averdict(self.validator.aauthenticate, bearer)


def verdict(check: Callable[[str], Any], bearer: str) -> str:
    """Return GOOD, the reason of a refusal, or the name of any other exception."""
    try:
        check(bearer)
    except BaseException as error:  # noqa: BLE001  # what is foreign is seen as such
        return said(error)
    return "GOOD"


async def averdict(check: Callable[[str], Any], bearer: str) -> str:
    """Return what `verdict` does, of an asyncio caller."""
    try:
        await check(bearer)
    except BaseException as error:  # noqa: BLE001
        return said(error)
    return "GOOD"


def said(error: BaseException) -> str:
    """Return the reason of a refusal, or the type of what is none."""
    if isinstance(error, Refused):
        return error.reason.name
    return type(error).__name__ if isinstance(error, KMValidateError) else repr(error)


class Crowd:
    """Threads whose results are kept, and whose exceptions come back to whoever waits for them."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def start(self, *work: Callable[[], Any]) -> None:
        """Let each of *work* be done on a thread of its own."""
        for one in work:
            thread = threading.Thread(target=self._do, args=(one,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            self.results.append(work())
        except BaseException as error:  # noqa: BLE001  # told in `done`
            self._errors.append(error)

    def done(self) -> list[Any]:
        """Wait for all of them, and return what they returned."""
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads), "somebody still waits"
        if self._errors:
            raise self._errors[0]
        return self.results


def all_of(coroutines: Callable[[], Iterable[Coroutine[Any, Any, Any]]]) -> Callable[[], list[Any]]:
    """Return work for a thread: a loop of its own that runs *coroutines* side by side."""

    async def together() -> list[Any]:
        async with asyncio.timeout(PATIENCE_S):
            return list(await asyncio.gather(*coroutines()))

    return lambda: asyncio.run(together())


def fetch_threads_end() -> None:
    """Wait until no fetch is under way."""
    for thread in threading.enumerate():
        if thread.name.startswith("kmvalidate"):
            assert thread._started.wait(PATIENCE_S)  # one that is about to start is listed, and cannot be joined yet
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
