"""
The limits this library keeps to.

Rules kept here: every figure is a ratio within one run, so that machines do not matter. A gate that cannot be judged
on this machine says so and why; that is no failure.
"""

from __future__ import annotations

import hashlib
import json
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from _imports import DEPENDENCIES, NAMES, PACKAGE, imports_ms
from _measure import loops_for, median_ratio, ratio, threads, turns
from _peers import ready
from _tokens import signed

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_LEAST = 1.9
AFTERMATH_MOST = 1.5
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
    """
    What a gate saw.

    Args:
        figure: The figure, None if there is none that means anything.

        remark: What else should be read with it.

        doubt: Why a figure beyond the limit would say more about the machine than about us, if it would.
    """

    figure: float | None
    remark: str = ""
    doubt: str = ""


class Gate(NamedTuple):
    """A limit on a figure, at most or at least."""

    measure: Callable[[Effort], Measured]
    limit: float
    at_most: bool

    def holds(self, figure: float) -> bool:
        """Tell whether *figure* is within the limit."""
        return figure <= self.limit if self.at_most else figure >= self.limit

    def judge(self, name: str, effort: Effort) -> tuple[bool, str]:
        """Measure, a few times more while the figure is beyond the limit; return whether it passes, and its line."""
        tries = [self.measure(effort)]
        while len(tries) <= MORE_TRIES and tries[-1].figure is not None and not self._is_good(tries[-1]):
            tries.append(self.measure(effort))
        best = next(filter(self._is_good, tries), None)
        verdicts = [seen for seen in tries if seen.figure is not None and not seen.doubt]
        seen = best or (verdicts or tries)[-1]
        figures = [f"{other.figure:.3f}" for other in tries if other is not seen and other.figure is not None]
        remarks = filter(None, (seen.remark, f"other tries {', '.join(figures)}" if figures else ""))
        line = "none" if seen.figure is None else f"{seen.figure:.3f} {'<=' if self.at_most else '>='} {self.limit:.2f}"
        verdict = "ok" if best else "FAILED" if verdicts else "not judged" + (seen.doubt and f": {seen.doubt}")
        remark = "; ".join(remarks)
        return bool(best) or not verdicts, f"{name}: {line} {verdict}" + (f" ({remark})" if remark else "")

    def _is_good(self, seen: Measured) -> bool:
        return seen.figure is not None and self.holds(seen.figure)


def _over_raw(alg: str) -> Callable[[Effort], Measured]:
    """
    Return what measures us against the bare verification, and with it a control.

    What surrounds a verification is some microseconds of Python. Where others on the same host use up the caches,
    any Python costs a multiple of its usual time after a pause of some tens of microseconds. The control is a piece of
    the standard library's, run on its own and right after the bare verification: a figure beyond the limit is a verdict
    only where the one costs about as much as the other.
    """

    def measure(effort: Effort) -> Measured:
        token = signed(alg)
        times, remark, doubt = aftermath({"ours": ready("kmvalidate", token), "raw": token.raw_verify}, effort.rounds)
        return Measured(median_ratio(times["ours"], times["raw"]), remark, doubt)

    return measure


def aftermath(calls: dict[str, Callable[[], object]], rounds: int) -> tuple[dict[str, list[float]], str, str]:
    """Return the `turns` of *calls*, of which one is ``raw``, with the remark and the doubt of the control."""
    raw = calls["raw"]
    times = turns(calls | {"alone": _some_python, "after": _both(raw)}, rounds)
    dearer = median(
        (both - bare) / alone for both, bare, alone in zip(times["after"], times["raw"], times["alone"], strict=True)
    )
    remark = f"any Python costs {dearer:.2f} times as much after the bare call as on its own"
    doubt = f"too disturbed a machine ({AFTERMATH_MOST:.2f} at most)" if dearer > AFTERMATH_MOST else ""
    return times, remark, doubt


def _some_python(text: str = json.dumps({str(number): "x" * 20 for number in range(20)})) -> None:
    json.loads(text)


def _both(raw: Callable[[], object]) -> Callable[[], None]:
    def both() -> None:
        raw()
        _some_python()

    return both


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
            {name: threads(call, loops[name], 2) for name, call in calls.items()} for _ in range(effort.thread_turns)
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
