"""
One HTTP/1 answer, read more strictly than `http.client` reads it.

Rules kept here:

- The status line is HTTP/1.0 or HTTP/1.1 with three digits. Interim answers (1xx) are skipped; a switch of protocols
  (101) ends the exchange.
- The length of the body is said once and unambiguously (RFC 9112 section 6.3): not by Content-Length beside
  Transfer-Encoding, nor by Content-Lengths that differ, nor by a transfer coding other than chunked.
- Every line of the head, of the chunk sizes and of the trailers has its end: what breaks off is no answer.
- Chunk sizes are hexadecimal digits and nothing else (RFC 9112 section 7.1).
- A header field that does not parse refuses the answer; cookies are dropped unread.

`http.client` keeps the sizes: 64 KiB a line, 100 fields; the guard keeps the sum. The two private methods that are
replaced here are the same in every Python from 3.11 on; the tests show if one is not asked.
"""

from __future__ import annotations

import http.client
import io
import re

from kmvalidate.transport._guard import Refusal

_LINE_BYTES = 65_536
_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,15}")
_SWITCHING_PROTOCOLS = 101


class _Lines(io.BufferedReader):
    """A file whose lines have ends: `http.client` takes the end of the connection for the end of the header fields."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise Refusal("a line of the answer is too long" if len(line) == size else "the answer breaks off")
        return line


class _Source:
    """What `http.client` takes for a socket: it is only asked for a file."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _Lines(self._raw)


class StrictAnswer(http.client.HTTPResponse):
    """
    An answer, read from bytes that are guarded already.

    Args:
        raw: Where they come from.

        debuglevel: As `http.client` gives it.

        method: The method of the request.

        url: As `http.client` gives it.
    """

    def __init__(
        self, raw: io.RawIOBase, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(_Source(raw), debuglevel, method, url)  # type: ignore[arg-type]

    def begin(self, **limits: int) -> None:
        """
        Read the head.

        Raises:
            Refusal: It is not one whose body has a certain length.
        """
        super().begin(**limits)
        _refuse_unclear(self.headers, self.version)
        del self.headers["Set-Cookie"]
        del self.headers["Set-Cookie2"]

    def _read_status(self) -> tuple[str, int, str]:
        line = _STATUS_LINE.fullmatch(self.fp.readline(_LINE_BYTES + 1))
        if not line:
            raise Refusal("the answer does not start like HTTP/1.1")
        status = int(line[2])
        if status == _SWITCHING_PROTOCOLS:
            raise Refusal("the answer switches protocols")
        # http.client skips 100 alone; the others (102, 103) are interim as well (RFC 9110 section 15.2).
        seen = http.client.CONTINUE if status < http.client.OK else status
        return line[1].decode("ascii"), seen, (line[3] or b"").decode("latin-1")

    def _read_next_chunk_size(self) -> int:
        # http.client takes int(line, 16): also "-1", which reads to the end, "0x5" and "1_0".
        line = _CHUNK_SIZE.fullmatch(self.fp.readline(_LINE_BYTES + 1))
        if not line:
            raise Refusal("a chunk of the answer has no proper size")
        return int(line[1], 16)


def _refuse_unclear(headers: http.client.HTTPMessage, version: int) -> None:
    if headers.defects:
        raise Refusal("a header field of the answer is malformed")
    lengths = {str(length) for length in headers.get_all("Content-Length", ())}
    codings = [str(coding).lower() for coding in headers.get_all("Transfer-Encoding", ())]
    if codings and (lengths or version < 11 or codings != ["chunked"]):  # noqa: PLR2004  # http.client's HTTP/1.1
        raise Refusal("the answer's Transfer-Encoding leaves its length unclear")
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise Refusal("the answer's Content-Length leaves its length unclear")
