"""
So many detached jobs at a time, and no more.

Rules kept here: whoever does not fit in is told at once. A job that never ends takes up its place only until it is
overdue, and one that was given up does nothing more when it comes back. Jobs are known by process: a child of a fork
begins with none.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from kmvalidate.flights import GRACE_S
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from kmvalidate.flights import Job
    from kmvalidate.ports import Ports

#: So many jobs that never end take up no place; more, and nothing else is begun.
_MOST_GIVEN_UP = 100


class _Worker:
    """What runs jobs, one after the other, and since when it is on the present one."""

    __slots__ = ("began_at",)

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at


class _Crew:
    """The workers of one process, and the jobs that wait for one of them."""

    __slots__ = ("given_up", "jobs", "workers")

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.workers: set[_Worker] = set()
        self.given_up: set[_Worker] = set()

    def give_up(self, before: float) -> None:
        """Count those no more that are on a job since then."""
        late = {worker for worker in self.workers if worker.began_at < before}
        self.workers -= late
        self.given_up |= late


class Lane:
    """
    Runs jobs detached, a limited number at a time; some more may wait, the first of them being the next.

    Args:
        most: How many may run at a time.

        waiting: How many may wait.

        deadline_s: Seconds that one may take. A second later it is given up: it no longer counts as running.
    """

    __slots__ = ("_crews", "_lock", "_most", "_patience_s", "_waiting")

    def __init__(self, most: int, waiting: int, deadline_s: float) -> None:
        self._most, self._waiting, self._patience_s = most, waiting, deadline_s + GRACE_S
        self._lock = OwnLock()
        self._crews: dict[int, _Crew] = {}

    @property
    def running(self) -> int:
        """How many workers run in this process, those not counted that were given up."""
        with self._lock:
            return len(self._crew().workers)

    @property
    def waiting(self) -> int:
        """How many jobs wait in this process."""
        with self._lock:
            return len(self._crew().jobs)

    def submit(self, job: Job, ports: Ports) -> bool:
        """
        Let *job* run as soon as it may, and return whether it will; if not, too many run and wait already.

        Jobs that wait behind none but overdue ones begin when the next is submitted.

        Args:
            job: What to run, with the ports that `Ports.spawn` gives it. Its errors are lost.

            ports: The caller's.

        Raises:
            RuntimeError: No thread could be started; the job will not run.
        """
        now = ports.clock.monotonic()
        with self._lock:
            crew = self._crew()
            crew.give_up(now - self._patience_s)
            is_full = len(crew.workers) >= self._most and len(crew.jobs) >= self._waiting
            if is_full or len(crew.given_up) >= _MOST_GIVEN_UP:
                return False
            crew.jobs.append(job)
            if len(crew.workers) < self._most:
                self._start_or_drop(crew, ports, now)
            return True

    def _crew(self) -> _Crew:
        process = os.getpid()
        if process not in self._crews:
            self._crews = {process: _Crew()}
        return self._crews[process]

    def _start_or_drop(self, crew: _Crew, ports: Ports, now: float) -> None:
        try:
            self._start(crew, ports, now)
        except BaseException:
            crew.jobs.pop()
            raise

    def _start(self, crew: _Crew, ports: Ports, now: float) -> None:
        """Start a worker on the job that waits longest, with the lock held: nobody comes to rely on one that fails."""
        worker, first = _Worker(now), crew.jobs.popleft()
        crew.workers.add(worker)
        try:
            ports.spawn(partial(self._work, worker, first))
        except BaseException:
            crew.workers.discard(worker)
            crew.jobs.appendleft(first)
            raise

    async def _work(self, worker: _Worker, first: Job, ports: Ports) -> None:
        job: Job | None = first
        while job is not None:
            try:
                with suppress(Exception):
                    await job(ports)
            except BaseException:
                self._leave(worker, ports)
                raise
            job = self._next(worker, ports)

    def _next(self, worker: _Worker, ports: Ports) -> Job | None:
        """Return the next job of *worker*; if it was given up, or if none waits, it has left."""
        with self._lock:
            crew = self._crew()
            if worker not in crew.workers:
                crew.given_up.discard(worker)
                return None
            if not crew.jobs:
                crew.workers.discard(worker)
                return None
            worker.began_at = ports.clock.monotonic()
            return crew.jobs.popleft()

    def _leave(self, worker: _Worker, ports: Ports) -> None:
        """Let *worker* leave before its time, and another go on with what waits."""
        with self._lock:
            crew = self._crew()
            crew.workers.discard(worker)
            crew.given_up.discard(worker)
            if crew.jobs and len(crew.workers) < self._most:
                with suppress(RuntimeError):  # no thread: they wait for the next who submits
                    self._start(crew, ports, ports.clock.monotonic())
