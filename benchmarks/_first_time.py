"""
What a token costs that comes for the first time: measured in a process of its own, which prints it as JSON.

    python benchmarks/_first_time.py ROUNDS

Rules kept here: where a process happens to lie in memory makes some hundredths, the same ones for as long as it lives;
so another try is another process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import cycle
from typing import TYPE_CHECKING

from _gates import Measured, aftermath
from _measure import median_ratio
from _tokens import signed
from _warm import validator_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from _gates import Effort

_TOKENS = 4_000


def first_time(effort: Effort) -> Measured:
    """Return what a fresh process saw."""
    command = [sys.executable, __file__, str(effort.rounds)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own text
    return Measured(*json.loads(said))


def _measured(rounds: int) -> Measured:
    """Each token comes for the first time, or so long after it last did that it was forgotten."""
    token = signed("RS256")
    validator = validator_of(token.jwks, remember=_TOKENS // 4)
    others = token.others(_TOKENS)
    texts, verifications = cycle(text for text, _ in others), cycle(raw for _, raw in others)
    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: validator.authenticate(next(texts)),
        "raw": lambda: next(verifications)() is None,
    }
    times, remark, doubt = aftermath(calls, rounds)
    return Measured(median_ratio(times["ours"], times["raw"]), remark, doubt)


if __name__ == "__main__":
    print(json.dumps(_measured(int(sys.argv[1]))))
