"""The tables: microseconds for people, and the ratio to the bare verification for everything else."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING

from _measure import median_ratio, turns
from _peers import VERIFIERS, NotMeasured, ready
from _tokens import ALGORITHMS, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RAW = "cryptography"
_PEER_ALGORITHMS = ("RS256", "ES256", "EdDSA")


def table(rounds: int) -> Iterator[str]:
    """Return the lines of a Markdown table of every verifier and algorithm, and of remarks under it."""
    columns: dict[str, dict[str, str]] = {}
    remarks: list[str] = []
    for alg in ALGORITHMS:
        names = VERIFIERS if alg in _PEER_ALGORITHMS else ("kmvalidate",)
        columns[alg] = _column(alg, tuple(names), remarks, rounds)
    yield f"| us (x bare verify) | {' | '.join(ALGORITHMS)} |"
    yield f"|---|{'---|' * len(ALGORITHMS)}"
    for name in (RAW, *VERIFIERS):
        cells = [columns[alg].get(name, "-") for alg in ALGORITHMS]
        if any(cell != "-" for cell in cells):
            yield f"| {_titled(name)} | {' | '.join(cells)} |"
    if remarks:
        yield ""
    yield from dict.fromkeys(remarks)


def _column(alg: str, names: Sequence[str], remarks: list[str], rounds: int) -> dict[str, str]:
    token = signed(alg)
    calls: dict[str, Callable[[], object]] = {RAW: token.raw_verify}
    for name in names:
        try:
            calls[name] = ready(name, token)
        except NotMeasured as why:
            remarks.append(f"{name}: {why}.")
    times = turns(calls, rounds)
    return {name: f"{median(ns) / 1000:.1f} ({median_ratio(ns, times[RAW]):.2f})" for name, ns in times.items()}


def _titled(name: str) -> str:
    try:
        title = f"{name} {version(name)}"
    except PackageNotFoundError:  # run from a checkout
        title = name
    return f"{title}, bare verify" if name == RAW else title
