"""
The limits this library keeps to.

Rules kept here: every figure is a ratio within one run, so that machines do not matter. A gate that cannot be judged
on this machine says so and why; that is no failure.
"""

from __future__ import annotations

import hashlib
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from _imports import DEPENDENCIES, NAMES, PACKAGE, imports_ms
from _measure import loops_for, median_ratio, ratio, two_threads
from _peers import ready
from _tokens import signed

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_LEAST = 1.9
MORE_TRIES = 5  # what else runs on the machine only ever adds
_TURN_S = 0.04


class Effort(NamedTuple):
    """How many turns are taken."""

    rounds: int
    thread_turns: int
    imports: int
    table_rounds: int


THOROUGH = Effort(rounds=300, thread_turns=60, imports=21, table_rounds=100)
QUICK = Effort(rounds=60, thread_turns=15, imports=7, table_rounds=20)


class Measured(NamedTuple):
    """What a gate saw: the figure, None if it cannot be judged; and what else should be read with it."""

    figure: float | None
    remark: str = ""


class Gate(NamedTuple):
    """A limit on a figure, at most or at least."""

    measure: Callable[[Effort], Measured]
    limit: float
    at_most: bool

    def holds(self, figure: float) -> bool:
        """Tell whether *figure* is within the limit."""
        return figure <= self.limit if self.at_most else figure >= self.limit

    def judge(self, name: str, effort: Effort) -> tuple[bool, str]:
        """Measure, a few times more while the figure is beyond the limit; return whether it holds, and its line."""
        seen = self.measure(effort)
        for _ in range(MORE_TRIES):
            if seen.figure is None or self.holds(seen.figure):
                break
            again = self.measure(effort)
            last = seen if again.figure is None else again  # a failure stands unless another try is a verdict
            seen = last._replace(remark="; ".join(filter(None, (last.remark, f"an earlier try {seen.figure:.3f}"))))
        if seen.figure is None:
            return True, f"{name}: not judged: {seen.remark}"
        passed = self.holds(seen.figure)
        sign, verdict = "<=" if self.at_most else ">=", "ok" if passed else "FAILED"
        remark = f" ({seen.remark})" if seen.remark else ""
        return passed, f"{name}: {seen.figure:.3f} {sign} {self.limit:.2f} {verdict}{remark}"


def _over_raw(alg: str) -> Callable[[Effort], Measured]:
    def measure(effort: Effort) -> Measured:
        token = signed(alg)
        return Measured(ratio(ready("kmvalidate", token), token.raw_verify, effort.rounds))

    return measure


def _over_joserfc(effort: Effort) -> Measured:
    token = signed("RS256")
    return Measured(ratio(ready("joserfc", token), ready("kmvalidate", token), effort.rounds))


def _threads(alg: str) -> Callable[[Effort], Measured]:
    """
    Return what measures two threads against one, in turns with two controls.

    Hashing a megabyte holds no lock: it tells whether two cores were free. The bare verification holds none either and
    is as short as ours: it tells whether this machine hands the interpreter's lock over fast enough for calls of that
    length. Both must reach 1.9 in the median, or the figure says more about the machine than about us. (The control of
    one turn proves little, as it may be high because its single thread was disturbed.)
    """

    def measure(effort: Effort) -> Measured:
        token = signed(alg)
        calls = {"hashing": _hash_much, "bare": token.raw_verify, "ours": ready("kmvalidate", token)}
        loops = {name: loops_for(call, _TURN_S) for name, call in calls.items()}
        seen = [
            {name: two_threads(call, loops[name]) for name, call in calls.items()} for _ in range(effort.thread_turns)
        ]
        hashing, bare, ours = (median(turn[name] for turn in seen) for name in calls)
        remark = f"hashing reached {hashing:.2f}, the bare verification {bare:.2f}"
        if min(hashing, bare) < CONTROL_LEAST:
            return Measured(None, f"{remark}, ours {ours:.2f}")
        return Measured(ours, remark)

    return measure


def _hash_much(data: bytes = bytes(1 << 20)) -> None:
    hashlib.sha256(data)


def _import(effort: Effort) -> Measured:
    times = imports_ms(effort.imports)
    whole = median(times[DEPENDENCIES])
    names, share = median(times[NAMES]), median_ratio(times[NAMES], times[DEPENDENCIES])
    remark = (
        f"{median(times[PACKAGE]):.1f} of {whole:.1f} ms; not gated: with the names of a plain resource server "
        f"{names:.1f} ms, {share:.2f}"
    )
    return Measured(median_ratio(times[PACKAGE], times[DEPENDENCIES]), remark)


GATES = {
    "rs256-over-raw": Gate(_over_raw("RS256"), 1.35, at_most=True),
    "es256-over-raw": Gate(_over_raw("ES256"), 1.15, at_most=True),
    "eddsa-over-raw": Gate(_over_raw("EdDSA"), 1.15, at_most=True),
    "faster-than-joserfc": Gate(_over_joserfc, 1.7, at_most=False),
    "two-threads-rs256": Gate(_threads("RS256"), 1.8, at_most=False),
    "two-threads-es256": Gate(_threads("ES256"), 1.8, at_most=False),
    "two-threads-eddsa": Gate(_threads("EdDSA"), 1.8, at_most=False),
    "import": Gate(_import, 0.35, at_most=True),
}
