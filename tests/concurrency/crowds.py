"""
Eight threads and a thousand tasks that all ask a validator, again and again, while somebody directs what happens.

Rules kept here: whatever a call ends with is written down with its time, and judged at the end; in each phase that the
director begins, everybody makes at least one call that begins in it. Threads, who would keep the tasks from their turn,
make a burst of calls when the director acts, and one when a phase begins.
"""

from __future__ import annotations

import asyncio
import random
import threading
from functools import partial
from typing import Any

from tests.concurrency.callers import PATIENCE_S, Crowd, Site, averdict, verdict
from tests.concurrency.history import Call, History

THREADS, LOOPS, TASKS_EACH = 8, 2, 500
_BURST = 40


class Phases:
    """What the director and the callers agree on."""

    def __init__(self, callers: int) -> None:
        self.number = 0
        self.is_over = False
        self._callers = callers
        self._left = 0
        self._bursts = 0
        self._counting = threading.Condition()

    def everybody_calls(self) -> None:
        """Wait until everybody has made a call that began after this moment."""
        with self._counting:
            self._left = self._callers
            self.number += 1
            self._burst()
            everybody = self._counting.wait_for(lambda: not self._left, PATIENCE_S)
            assert everybody, f"{self._left} callers made no call in phase {self.number}"
            self._burst()

    def called(self) -> None:
        """Say that one caller has made a call in the phase that is."""
        with self._counting:
            self._left -= 1
            if not self._left:
                self._counting.notify_all()

    def rest(self, burst: int) -> int:
        """Wait until there is another burst than *burst*, and return which."""
        with self._counting:
            assert self._counting.wait_for(lambda: self.is_over or self._bursts != burst, PATIENCE_S)
            return self._bursts

    def end(self) -> None:
        """Let everybody end."""
        with self._counting:
            self.is_over = True
            self._counting.notify_all()

    def _burst(self) -> None:
        self._bursts += 1
        self._counting.notify_all()


class Callers:
    """All of them, with what they were told."""

    def __init__(self, site: Site, validators: list[Any], history: History, tokens: dict[str, list[str]]) -> None:
        self.site, self.history, self.tokens = site, history, tokens
        self.calls: list[Call] = []
        self.keys: list[str] = []
        self.phases = Phases(THREADS + LOOPS * TASKS_EACH)
        self._validators = validators
        self._crowd = Crowd()

    def start(self) -> None:
        """Let them begin."""
        self._crowd.start(*(partial(self._thread, _chance(seed)) for seed in range(THREADS)))
        self._crowd.start(*(partial(asyncio.run, self._tasks(seed)) for seed in range(LOOPS)))

    def stop(self) -> None:
        """Let them end, and wait for them."""
        self.phases.end()
        self._crowd.done()

    def _choice(self, chance: random.Random) -> tuple[str, str, Any]:
        key = chance.choice(self.keys)
        return key, chance.choice(self.tokens[key]), chance.choice(self._validators)

    def _keep(self, key: str, began: float, told: str) -> None:
        self.calls.append(Call(key, began, self.history.tick(), told))

    def _thread(self, chance: random.Random) -> None:
        taken_part = burst = 0
        while not self.phases.is_over:
            burst = self.phases.rest(burst)
            for _ in range(_BURST):
                phase = self.phases.number
                key, bearer, validator = self._choice(chance)
                self._keep(key, self.history.tick(), verdict(validator.authenticate, bearer))
                if phase != taken_part:
                    taken_part = phase
                    self.phases.called()

    async def _tasks(self, seed: int) -> None:
        loop, errors = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: errors.append(context))
        await asyncio.gather(*(self._task(_chance((seed, number))) for number in range(TASKS_EACH)))
        assert errors == []

    async def _task(self, chance: random.Random) -> None:
        taken_part = 0
        while not self.phases.is_over:
            phase = self.phases.number
            key, bearer, validator = self._choice(chance)
            self._keep(key, self.history.tick(), await averdict(validator.aauthenticate, bearer))
            if phase != taken_part:
                taken_part = phase
                self.phases.called()
            await asyncio.sleep(0)


def _chance(seed: object) -> random.Random:
    return random.Random(repr(seed))  # noqa: S311  # the same each time
