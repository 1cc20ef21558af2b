"""
The deadline and the byte budget of one exchange.

Rules kept here:

- One `Guard` goes with one exchange and is asked before every step that can wait: there is always a time-out, and
  it is what is left of the deadline, so that a peer who sends a byte now and then wins nothing.
- Every byte that is read is paid from the budget: status lines, headers, interim answers, chunk sizes, body. When
  it is spent, reading ends, so that memory is bounded whatever the peer sends. Over TLS the bytes as they come, those
  of the handshake among them, are paid as well, from a budget twice as large.
- A `Refusal` says why in words of ours: nothing of the URL, the request or the answer is in it.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer

# What may come on top of the body: the head, interim answers, chunk sizes, trailers.
OVERHEAD_BYTES = 65_536
# What is moved at once: neither a wait nor what is done with the bytes may take long.
PIECE_BYTES = 16_384


class Refusal(Exception):
    """
    An exchange that we end ourselves.

    Args:
        why: What was wrong, for an operator.
    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class TooLarge(Refusal):
    """An answer with more bytes than may come."""

    def __init__(self) -> None:
        super().__init__("the answer is larger than the cap")


class Budget:
    """
    The bytes that may still be read.

    Args:
        count: How many at first.
    """

    def __init__(self, count: int) -> None:
        self._left = count

    def room(self) -> int:
        """
        Return how many bytes may still be read, at least one.

        Raises:
            TooLarge: None may.
        """
        if self._left <= 0:
            raise TooLarge
        return self._left

    def pay(self, count: int) -> None:
        """Take *count* bytes from the budget."""
        self._left -= count


class Guard:
    """
    What is left of one exchange's time and bytes.

    Args:
        deadline_s: Seconds from now for everything.

        max_bytes: Largest body.
    """

    def __init__(self, deadline_s: float, max_bytes: int) -> None:
        self._ends_at = time.monotonic() + deadline_s
        self._max_bytes = max_bytes
        self.answer = Budget(max_bytes + OVERHEAD_BYTES)
        self.records = Budget(2 * (max_bytes + OVERHEAD_BYTES))  # the same bytes and more, as TLS wraps them

    def remaining_s(self) -> float:
        """
        Return the seconds that are left, more than none.

        Raises:
            Refusal: There are none.
        """
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise Refusal("no whole answer within the deadline")
        return left

    def arm(self, sock: socket.socket) -> None:
        """
        Let the next call on *sock* wait no longer than what is left.

        Raises:
            Refusal: Nothing is left.
        """
        sock.settimeout(self.remaining_s())

    def check_body(self, count: int) -> None:
        """
        Let a body have *count* bytes.

        Raises:
            TooLarge: That is more than may come.
        """
        if count > self._max_bytes:
            raise TooLarge


class GuardedReader(io.RawIOBase):
    """
    The bytes that a peer sends, read under a guard.

    Args:
        sock: A connected socket, plain or TLS. It is not closed before this reader is.

        guard: The guard of the exchange.
    """

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Return True, for `io.BufferedReader`."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """
        Read what has come, as far as it fits into *buffer* and the budget.

        Raises:
            Refusal: The time or the budget is spent.

            OSError: The connection failed.
        """
        self._guard.arm(self._sock)
        with memoryview(buffer)[: self._guard.answer.room()] as room:
            count = self._raw.readinto(room) or 0  # None is for sockets that do not wait; ours does
        self._guard.answer.pay(count)
        return count

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()
