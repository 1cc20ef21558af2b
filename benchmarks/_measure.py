"""
Time that can be compared on a noisy machine.

Rules kept here: what is compared is measured in turns of a few milliseconds, in alternating order, within one run. A
ratio is the median of the turns' ratios, never a ratio of two figures that were measured at different times.
"""

from __future__ import annotations

import threading
from functools import partial
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Call = Callable[[], object]
    Timer = Callable[[int], int]

_TURN_NS = 2_000_000


def turns(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return, for each name, the ns per call in each of *rounds* interleaved turns."""
    return timed_turns({name: timer(call) for name, call in calls.items()}, rounds)


def timed_turns(timers: Mapping[str, Timer], rounds: int, turn_ns: int = _TURN_NS) -> dict[str, list[float]]:
    """Do the same with what tells itself how many ns so many calls took."""
    loops = {name: max(1, _loops(timer) * turn_ns // _TURN_NS) for name, timer in timers.items()}
    times: dict[str, list[float]] = {name: [] for name in timers}
    order = list(timers)
    for _ in range(rounds):
        for name in order:
            times[name].append(timers[name](loops[name]) / loops[name])
        order.reverse()
    return times


def timer(call: Call) -> Timer:
    """Return what tells how many ns so many calls took."""
    return partial(_time, call)


def median_ratio(over: list[float], under: list[float]) -> float:
    """Return the median of the ratios of two columns of `turns`."""
    return median(a / b for a, b in zip(over, under, strict=True))


def ratio(over: Call, under: Call, rounds: int) -> float:
    """Return how many times as long *over* takes as *under*."""
    times = turns({"over": over, "under": under}, rounds)
    return median_ratio(times["over"], times["under"])


def threads(call: Call, loops: int, count: int) -> float:
    """Return how many times as much *count* threads do as one thread, each calling *call* as often as it."""
    return count * _threads(call, loops, 1) / _threads(call, loops, count)


def loops_for(call: Call, seconds: float) -> int:
    """Return how often *call* is called in *seconds*."""
    return max(1, round(seconds * 1e9 / (_time(call, many := _loops(timer(call))) / many)))


def _loops(timed: Timer) -> int:
    timed(3)
    return max(1, _TURN_NS // max(1, min(timed(3) // 3 for _ in range(3))))


def _time(call: Call, loops: int) -> int:
    began = perf_counter_ns()
    for _ in range(loops):
        call()
    return perf_counter_ns() - began


def _threads(call: Call, loops: int, count: int) -> int:
    gate = threading.Barrier(count + 1)

    def work() -> None:
        gate.wait()
        for _ in range(loops):
            call()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    gate.wait()
    began = perf_counter_ns()
    for worker in workers:
        worker.join()
    return perf_counter_ns() - began
