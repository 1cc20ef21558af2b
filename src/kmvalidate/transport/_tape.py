"""
What has come so far of an answer, kept for who reads it strictly.

Rules kept here:

- Somebody else says when an answer has come whole; what it says is read from here, by `StrictAnswer`.
- Who would read on before the peer has ended was given bytes that are no whole answer: that is an error, and never
  taken for the end of the connection.
"""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING

import urllib3

from kmvalidate.transport._answer import StrictAnswer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Tape:
    """The bytes of one answer, from its status line on."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.ended = False

    def record(self, received: bytes) -> None:
        """Keep what has come; nothing is the peer's end."""
        self.held += received
        self.ended = not received

    def answer(self, method: str) -> urllib3.HTTPResponse:
        """
        Return the answer to a request of *method*, its head read.

        Raises:
            Refusal: It is none that is taken.

            http.client.HTTPException: It is not proper HTTP.
        """
        answer = StrictAnswer(_Reader(self), method=method)
        answer.begin()
        return urllib3.HTTPResponse(
            answer,
            urllib3.HTTPHeaderDict(answer.headers.items()),
            answer.status,
            preload_content=False,
            decode_content=False,
            request_method=method,
        )


class _Reader(io.RawIOBase):
    """Reads a tape from its start."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as room:
            piece = self._tape.held[self._position : self._position + len(room)]
            room[: len(piece)] = piece
        if not piece and not self._tape.ended:
            raise http.client.HTTPException
        self._position += len(piece)
        return len(piece)
