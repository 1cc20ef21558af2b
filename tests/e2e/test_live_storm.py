"""Traffic that never stops through rotations, outages and drops: every verdict was right when it was given."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from kmvalidate import KeyManagerUnavailable, KMValidateError, Reason, Refused, Status
from tests.e2e.gateway import SettableClock
from tests.e2e.live import COOLDOWN_S, WAYS, Live, Way, fetches, manager_of
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

THREADS, TASKS = 2, 20
WAIT_S = 60
ROTATIONS = 6


class Storm:
    """
    Callers that try tokens of all generations of keys, and what may be said of each.

    A generation is known once its keys were fetched, fading once the issuer drops them, gone once that was fetched.
    """

    def __init__(self, gate: Live, issuer: Issuer) -> None:
        self.gate, self.issuer, self.stop = gate, issuer, Event()
        self.tokens = [issuer.token("ES256")]
        gate.accept(self.tokens[0])
        self.known, self.fading, self.gone = 1, 0, 0
        self.tried = self.asked = 0
        self.allowed = 1  # as often the issuer may be asked for its keys
        self.wrong: list[str] = []

    def pass_cooldown(self) -> None:
        """Let one more fetch be caused by key ids that nobody knows."""
        self.allowed += 1
        self.gate.clock.advance(COOLDOWN_S)

    def refresh(self) -> None:
        """Fetch the keys by hand."""
        self.allowed += 1
        self.gate.refresh("root")

    def blocking(self) -> None:
        for number, token in self._choices():
            before = self.gone, self.known
            try:
                self._judge(number, before, self.gate.validator.authenticate(token).key_id)
            except KMValidateError as error:
                self._judge(number, before, error)

    async def on_a_loop(self) -> None:
        await asyncio.gather(*(self._task() for _ in range(TASKS)))

    async def _task(self) -> None:
        for number, token in self._choices():
            before = self.gone, self.known
            try:
                self._judge(number, before, (await self.gate.validator.aauthenticate(token)).key_id)
            except KMValidateError as error:
                self._judge(number, before, error)
            await asyncio.sleep(0)

    def _choices(self) -> Iterator[tuple[int, str]]:
        dice = random.Random(len(self.tokens))  # noqa: S311  # a choice, not a secret
        while not self.stop.is_set():
            self.tried += 1
            number = dice.randrange(len(self.tokens))
            yield number, self.tokens[number]

    def _judge(self, number: int, before: tuple[int, int], said: object) -> None:
        """Note what could not have been right at any time since *before*."""
        gone, known = before
        is_certain = self.fading <= number < known
        if isinstance(said, KeyManagerUnavailable):
            is_right = not is_certain
        elif isinstance(said, Refused):
            is_right = said.reason is Reason.UNKNOWN_KEY and not is_certain
        else:
            is_right = number >= gone
        if not is_right:
            self.wrong.append(f"generation {number}, gone {gone}, fading {self.fading}, known {known}: {said!r}")


@pytest.fixture(params=["blocking", "asyncio over httpx"])
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def test_a_storm(way: Way, root: Issuer, clock: SettableClock) -> None:
    """Through rotations, outages and a drop no good token is refused, no dropped one accepted, no limit exceeded."""
    storm = Storm(Live(way, clock, [manager_of(root, deadline_s=WAIT_S)]), root)
    with ThreadPoolExecutor(THREADS + 1) as pool:
        callers = [pool.submit(storm.blocking) for _ in range(THREADS)]
        callers.append(pool.submit(asyncio.run, storm.on_a_loop()))
        try:
            for number in range(1, ROTATIONS):
                _rotate(storm, keep_old=number % 3 != 0)
                if number % 4 == 0:
                    _break_for_a_while(storm)
            _drop(storm)
        finally:
            storm.stop.set()
        for caller in callers:
            caller.result(WAIT_S)
    assert storm.wrong == []
    assert storm.tried > len(callers)
    assert ROTATIONS < storm.asked + fetches(root)[1] <= storm.allowed
    assert storm.gate.health().status is Status.FRESH


def _rotate(storm: Storm, *, keep_old: bool) -> None:
    if not keep_old:
        storm.fading = len(storm.tokens)
    storm.issuer.rotate(keep_old=keep_old)
    storm.tokens.append(storm.issuer.token("ES256"))
    storm.pass_cooldown()
    storm.refresh()
    storm.gone, storm.known = storm.fading, len(storm.tokens)


def _break_for_a_while(storm: Storm) -> None:
    storm.issuer.fault("/jwks", hangup=True)
    for _ in range(3):
        storm.pass_cooldown()
        with pytest.raises(KeyManagerUnavailable):
            storm.refresh()
    storm.asked += fetches(storm.issuer)[1]
    storm.issuer.reset()
    storm.refresh()


def _drop(storm: Storm) -> None:
    newest = storm.tokens[-1]
    storm.fading = len(storm.tokens)
    storm.gate.registry.drop_key("root", storm.gate.accept(newest).key_id or "")
    assert storm.gate.refused(newest).reason is Reason.UNKNOWN_KEY
    storm.pass_cooldown()
    storm.refresh()
    assert storm.gate.refused(newest).reason is Reason.UNKNOWN_KEY
