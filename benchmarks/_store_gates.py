"""
The limits on many subscriptions, and on what they and what is remembered take of memory.

Rules kept here: as in `_gates`, but for what is promised in microseconds and bytes, which is measured in these.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from _child import Child
from _footprint import footprint
from _gates import Gate, Measured

if TYPE_CHECKING:
    from _gates import Effort

_MILLION = 1_000_000
_UPDATES = 100  # a round
_MANY = 100_000
_AUTHORISED = 30_000
_PLAIN_MOST_US = 1.2  # 0.6 to 1.1 where this was written


@cache
def _million() -> Child:
    """Return the process that holds a million of subscriptions: it takes a while to make them."""
    return Child([sys.executable, str(Path(__file__).with_name("_million.py")), str(_MILLION)])


def _find(effort: Effort) -> Measured:
    """
    Return by how much longer the look-up of a client at random takes where there are many.

    What is in no cache has to come from memory, and one look-up in a plain dict of a million strings does so three or
    four times. Where that alone takes much longer than it does on its own machine, a figure tells more of the machine.
    """
    times = _million().ask({"way": "find", "often": effort.rounds})
    more = {kind: _more_us(times[f"{kind} many"], times[f"{kind} few"]) for kind in ("plain", "find", "decide")}
    remark = (
        f"looking up {more['find']:.2f} us more than {median(times['find few']) / 1e3:.2f}, deciding about a known "
        f"token {more['decide']:.2f} us more than {median(times['decide few']) / 1e3:.2f}, a plain dict of strings "
        f"{more['plain']:.2f} us more than {median(times['plain few']) / 1e3:.2f}; made in {times['build_s'][0]:.0f} s"
    )
    doubt = (
        f"too slow a memory (a plain dict at most {_PLAIN_MOST_US:.2f} us)" if more["plain"] > _PLAIN_MOST_US else ""
    )
    return Measured(more["find"], remark, doubt)


def _more_us(many: list[float], few: list[float]) -> float:
    return median(a - b for a, b in zip(many, few, strict=True)) / 1e3


def _update(effort: Effort) -> Measured:
    seen = _million().ask({"way": "update", "often": effort.rounds * _UPDATES})
    remark = "; ".join(
        f"{kind} {us['median']:.1f}, 99.9 % within {us['p99.9']:.0f}, all within {us['max']:.0f}"
        for kind, us in seen.items()
    )
    return Measured(max(us["median"] for us in seen.values()), remark)


def _subscription_bytes(_: Effort) -> Measured:
    seen = footprint("subscriptions", _MANY, "resident")["each"]
    return Measured(footprint("subscriptions", _MANY, "allocated")["each"], f"the process grew by {seen:.0f} each")


def _authorised_bytes(_: Effort) -> Measured:
    seen = footprint("decisions", _AUTHORISED, "resident")["each"]
    without = footprint("tokens", _AUTHORISED, "allocated")["each"]
    remark = f"{without / 1000:.2f} without; the process grew by {seen / 1000:.2f} KB each"
    return Measured(footprint("decisions", _AUTHORISED, "allocated")["each"] / 1000, remark)


STORE_GATES = {
    "million-subscriptions-us": Gate(_find, 2.0, at_most=True),
    "update-of-a-million-us": Gate(_update, 50.0, at_most=True),
    "bytes-per-subscription": Gate(_subscription_bytes, 1050.0, at_most=True),
    "kilobytes-per-authorised-token": Gate(_authorised_bytes, 2.75, at_most=True),
}
