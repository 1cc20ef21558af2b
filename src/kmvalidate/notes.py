"""
Noting what the core does, for whoever asked for an explanation.

Rules kept here: nearly always nobody did, and then nothing is noted. What is noted decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmvalidate.ports import Ports


def note(ports: Ports, name: str, decided: str, /, *, ok: bool = True, **saw: object) -> None:
    """
    Note a step, if there is a `Trace`.

    Args:
        ports: The caller's, who may have brought one.

        name: What was done.

        decided: What came of it.

        ok: Whether the token passed it.

        saw: What was looked at; never the token.
    """
    if ports.trace is not None:
        ports.trace.step(name, decided, ok=ok, **saw)
