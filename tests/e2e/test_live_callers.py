"""Threads, tasks and event loops that all come at once, or go away in the middle: one fetch serves whoever waits."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier, Event
from typing import Any

import pytest

from kmvalidate import KMValidateError, Reason, Refused, VerifiedToken
from tests.e2e.gateway import SettableClock, altered, eventually
from tests.e2e.live import COOLDOWN_S, WAYS, Live, fetches, manager_of
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

THREADS, LOOPS, TASKS = 50, 2, 25
WAIT_S = 30
DEADLINE_S = 60

each_transport = pytest.mark.parametrize("way", [WAYS["blocking"], WAYS["blocking over httpx"]], ids=["own", "httpx"])


class Crowd:
    """Fifty threads, and two threads with an event loop of 25 tasks each, that all begin at once."""

    def __init__(self, gate: Live, tokens: list[str]) -> None:
        self._gate, self._tokens = gate, tokens
        self._start = Barrier(THREADS + LOOPS)
        self._pool = ThreadPoolExecutor(THREADS + LOOPS)
        self.verdicts: list[Any] = []

    def come(self) -> None:
        """Let all of them begin."""
        threads = [self._pool.submit(self._thread, number) for number in range(THREADS)]
        loops = [self._pool.submit(asyncio.run, self._loop(number)) for number in range(LOOPS)]
        self._under_way = threads + loops

    def settle(self) -> list[Any]:
        """Wait until all have a verdict: a `VerifiedToken`, or what was raised."""
        with self._pool:
            assert not wait(self._under_way, WAIT_S).not_done
        for done in self._under_way:
            done.result()
        assert len(self.verdicts) == THREADS + LOOPS * TASKS
        return self.verdicts

    def _token(self, number: int) -> str:
        return self._tokens[number % len(self._tokens)]

    def _thread(self, number: int) -> None:
        self._start.wait(WAIT_S)
        try:
            self.verdicts.append(self._gate.validator.authenticate(self._token(number)))
        except KMValidateError as error:
            self.verdicts.append(error)

    async def _loop(self, number: int) -> None:
        self._start.wait(WAIT_S)
        first = THREADS + number * TASKS
        coming = (self._gate.validator.aauthenticate(self._token(first + task)) for task in range(TASKS))
        self.verdicts += await asyncio.gather(*coming, return_exceptions=True)


@pytest.fixture
def gate_of(clock: SettableClock) -> Callable[..., Live]:
    return lambda way, *issuers, **how: Live(
        way, clock, [manager_of(issuer, **{"deadline_s": DEADLINE_S, **how}) for issuer in issuers]
    )


@each_transport
def test_cold(gate_of: Callable[..., Live], issuer: Issuer, way: Any) -> None:
    """A hundred callers without keys, threads and tasks of two loops, cause one discovery and one fetch of the keys."""
    gate, tokens = gate_of(way, issuer), [issuer.token("ES256") for _ in range(10)]
    issuer.reset()
    issuer.hold("/jwks")
    crowd = Crowd(gate, tokens)
    crowd.come()
    eventually(lambda: issuer.hits("/jwks") == 1)
    assert issuer.release() == 1
    assert {verdict.key_manager for verdict in crowd.settle()} == {issuer.name}
    assert (fetches(issuer), issuer.hits("")) == ((1, 1), 2)
    assert gate.story == ["KeyManagerAdded", "KeysFetched"]


@each_transport
def test_cold_in_an_outage(gate_of: Callable[..., Live], root: Issuer, way: Any) -> None:
    """A hundred callers in an outage share one failure, each with an exception of its own."""
    gate, token = gate_of(way, root), root.token("ES256")
    root.reset()
    root.fault("", status=503)
    crowd = Crowd(gate, [token])
    crowd.come()
    verdicts = crowd.settle()
    assert {(type(verdict).__name__, verdict.key_manager) for verdict in verdicts} == {
        ("KeyManagerUnavailable", "root")
    }
    assert len(set(map(id, verdicts))) == len(verdicts)
    assert (root.hits(""), gate.health().failures) == (1, 1)


@each_transport
def test_a_flood(gate_of: Callable[..., Live], root: Issuer, way: Any, clock: SettableClock) -> None:
    """A hundred callers that each invented a key id cause one fetch, and good tokens among them are served."""
    gate, token = gate_of(way, root), root.token("ES256")
    gate.accept(token)
    clock.advance(COOLDOWN_S)
    forged = [altered(token, header={"kid": f"invented-{number}"}) for number in range(60)]
    root.hold("/jwks")
    crowd = Crowd(gate, [token, *forged])
    crowd.come()
    eventually(lambda: root.hits("/jwks") == 2)
    gate.accept(token)  # nobody who has a known key waits
    assert root.release() == 1
    verdicts = crowd.settle()
    good = [verdict for verdict in verdicts if isinstance(verdict, VerifiedToken)]
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    assert (len(good), len(refused)) == (2, 98)
    assert {verdict.reason for verdict in refused} == {Reason.UNKNOWN_KEY}
    assert fetches(root) == (2, 2)


@each_transport
def test_after_a_rotation(gate_of: Callable[..., Live], root: Issuer, way: Any, clock: SettableClock) -> None:
    """A hundred callers with tokens of a new key cause one fetch, and all are served."""
    gate = gate_of(way, root)
    gate.accept(root.token("ES256"))
    root.rotate(keep_old=False)
    clock.advance(COOLDOWN_S)
    tokens = [root.token(algorithm) for algorithm in ("ES256", "RS256", "EdDSA")]
    root.hold("/.well-known/")
    crowd = Crowd(gate, tokens)
    crowd.come()
    eventually(lambda: root.hits("/.well-known/") == 2)
    assert root.release() == 1
    assert {verdict.key_manager for verdict in crowd.settle()} == {"root"}
    assert fetches(root) == (2, 2)


@each_transport
def test_a_cancelled_leader(gate_of: Callable[..., Live], root: Issuer, way: Any) -> None:
    """Whoever began a fetch and was cancelled takes it from nobody, even when its event loop is closed."""
    gate, token = gate_of(way, root), root.token("ES256")
    root.hold("/jwks")

    async def leader() -> None:
        task = asyncio.create_task(gate.validator.aauthenticate(token))
        await asyncio.to_thread(eventually, lambda: root.hits("/jwks") == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leader())
    with ThreadPoolExecutor(2) as pool:
        blocking = pool.submit(gate.validator.authenticate, token)
        on_a_loop = pool.submit(asyncio.run, gate.validator.aauthenticate(token))
        assert root.release() == 1
        assert {blocking.result(WAIT_S).issuer, on_a_loop.result(WAIT_S).issuer} == {root.url}
    assert fetches(root) == (1, 1)


@each_transport
def test_a_loop_goes_on(gate_of: Callable[..., Live], root: Issuer, path: Issuer, way: Any) -> None:
    """While some tasks of a loop wait for one issuer's keys, the others are served."""
    gate, slow, quick = gate_of(way, root, path), root.token("ES256"), path.token("ES256")
    root.hold("/jwks")

    async def both() -> None:
        waiting = [asyncio.create_task(gate.validator.aauthenticate(slow)) for _ in range(40)]
        for _ in range(10):
            assert (await gate.validator.aauthenticate(quick)).key_manager == "path"
        assert not any(task.done() for task in waiting)
        await asyncio.to_thread(eventually, lambda: root.hits("/jwks") == 1)
        await asyncio.to_thread(root.release)
        assert {verified.key_manager for verified in await asyncio.gather(*waiting)} == {"root"}

    asyncio.run(both())
    assert (fetches(root), fetches(path)) == ((1, 1), (1, 1))


@each_transport
def test_forty_dead_issuers(gate_of: Callable[..., Live], root: Issuer, path: Issuer, way: Any) -> None:
    """While forty issuers do not answer, nobody waits who has the token of one that does."""
    issuers = [f"{root.url}/dead/{number}" for number in range(40)]
    dead = [manager_of(root, name=issuer, issuer=issuer, deadline_s=DEADLINE_S) for issuer in issuers]
    gate, token = gate_of(way, path), path.token("ES256")
    gate.registry.use("control-plane", dead)
    forged = [altered(token, claims={"iss": one.issuer}) for one in dead]
    root.hold("/dead/")

    async def all_at_once() -> list[Any]:
        waiting = [asyncio.create_task(gate.validator.aauthenticate(one)) for one in forged]
        warming = asyncio.create_task(gate.registry.awarm())
        assert (await gate.validator.aauthenticate(token)).key_manager == "path"
        await asyncio.to_thread(eventually, lambda: root.hits("/dead/") == len(dead))
        assert (await asyncio.to_thread(gate.validator.authenticate, path.token("RS256"))).key_manager == "path"
        assert not any(task.done() for task in (*waiting, warming))
        await asyncio.to_thread(root.release)
        assert [health.usable for health in await warming] == [False] * len(dead) + [True]
        return await asyncio.gather(*waiting, return_exceptions=True)

    said = [(type(error).__name__, error.key_manager) for error in asyncio.run(all_at_once())]
    assert said == [("KeyManagerUnavailable", one.name) for one in dead]
    assert fetches(path) == (1, 1)


@each_transport
def test_sync_within_async(gate_of: Callable[..., Live], root: Issuer, way: Any, clock: SettableClock) -> None:
    """Blocking callers on a loop's threads, or on the loop itself, and its tasks share keys and memory."""
    gate, token = gate_of(way, root), root.token("ES256")

    async def views() -> list[VerifiedToken]:
        on_thread = await asyncio.to_thread(gate.validator.authenticate, token)
        on_loop = gate.validator.authenticate(token)
        return [on_thread, on_loop, await gate.validator.aauthenticate(token)]

    for _ in range(3):  # each time with a loop of its own, as Django does it
        assert len({id(verified.payload) for verified in asyncio.run(views())}) == 1
    assert fetches(root) == (1, 1)
    gate.registry.drop_keys("root")

    async def blocking_on_a_loop() -> VerifiedToken:
        return gate.validator.authenticate(token)

    asyncio.run(blocking_on_a_loop())
    assert fetches(root) == (2, 2)


@each_transport
def test_changes_in_traffic(gate_of: Callable[..., Live], root: Issuer, path: Issuer, way: Any) -> None:
    """While a registry changes all the time a crowd gets verdicts that were right at some moment, and nothing else."""
    gate, token = gate_of(way, root), root.token("ES256")
    over, stop = manager_of(path, name="root"), Event()

    def change() -> None:
        while not stop.is_set():
            gate.registry.use("control-plane", [over])
            gate.registry.use("control-plane", [])

    with ThreadPoolExecutor(1) as changer:
        changing = changer.submit(change)
        with contextlib.ExitStack() as ending:
            ending.callback(stop.set)
            crowd = Crowd(gate, [token])
            crowd.come()
            verdicts = crowd.settle()
        changing.result(WAIT_S)
    said = {verdict.reason.name if isinstance(verdict, Refused) else type(verdict).__name__ for verdict in verdicts}
    assert said <= {"VerifiedToken", "UNKNOWN_ISSUER", "KeyManagerUnavailable"}
    assert gate.accept(token).key_manager == "root"
    assert fetches(root) == (1, 1)
