"""
A clock that a test turns.

Rules kept here: it stands still until it is moved, and never goes back.
"""

from __future__ import annotations

from kmvalidate.errors import ConfigurationError

_START = 1_800_000_000.0  # 2027


class VirtualClock:
    """
    Two times that pass only when `advance` is called.

    Args:
        wall: Where the wall clock starts, in seconds since the epoch.
    """

    def __init__(self, wall: float = _START) -> None:
        self._start = wall
        self._passed_s = 0.0

    def wall(self) -> float:
        """Return the time since the epoch, in seconds."""
        return self._start + self._passed_s

    def monotonic(self) -> float:
        """Return the time that passed, in seconds."""
        return self._passed_s

    def advance(self, seconds: float) -> None:
        """
        Let time pass.

        Args:
            seconds: How much of it.

        Raises:
            ConfigurationError: It is negative.
        """
        if seconds < 0:
            raise ConfigurationError("time does not go back")
        self._passed_s += seconds
