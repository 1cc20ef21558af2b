"""
A limit on how much a provider is asked.

Rules kept here: the last minute counts, by the provider's clock; what was refused does not.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError

if TYPE_CHECKING:
    from kmvalidate.ports import Clock

_A_MINUTE_S = 60


class Throttle:
    """
    Lets so many requests of each minute pass.

    Args:
        per_minute: How many; None for any number.

        clock: What tells the time.

    Attributes:
        refused: How many were not let pass so far.

    Raises:
        ConfigurationError: It is less than one.
    """

    def __init__(self, per_minute: int | None, clock: Clock) -> None:
        if per_minute is not None and per_minute < 1:
            raise ConfigurationError("requests_per_minute is at least one")
        self._per_minute, self._clock = per_minute, clock
        self._passed_at: deque[float] = deque()
        self.refused = 0

    def wait_s(self) -> int:
        """Return after how many seconds to ask again; 0 if this request passes. One thread at a time may ask."""
        if self._per_minute is None:
            return 0
        now = self._clock.monotonic()
        while self._passed_at and self._passed_at[0] <= now - _A_MINUTE_S:
            self._passed_at.popleft()
        if len(self._passed_at) < self._per_minute:
            self._passed_at.append(now)
            return 0
        self.refused += 1
        return math.ceil(self._passed_at[0] + _A_MINUTE_S - now)
