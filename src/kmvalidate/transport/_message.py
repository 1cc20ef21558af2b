"""
The request as it is written, and the answer as it is taken.

Rules kept here:

- requests writes the request, without its `Session`: nothing here could follow a redirect, keep a cookie, read ~/.netrc
  or the environment's proxies.
- The cap is asked before the first byte of a body, with the length that is announced, and with every piece.
- Nothing is decompressed: an encoded answer is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests

from kmvalidate.ports import HttpRequest, HttpResponse
from kmvalidate.transport._guard import PIECE_BYTES, Guard, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

    from kmvalidate.transport._waits import Waits

_READ_BYTES = 4096  # in chunks of one byte each they are thousands of lines
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]+")  # a space to who reads it (RFC 9112 section 5.2)


def prepared(request: HttpRequest, headers: Mapping[str, str]) -> requests.PreparedRequest:
    """Return *request* with its URL in one spelling, its header fields complete."""
    return requests.Request(request.method, request.url, headers=dict(headers), data=request.body).prepare()


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield *data* in pieces, to be sent one by one: all at once could wait for the whole time-out again and again."""
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def check_head(raw: urllib3.HTTPResponse, guard: Guard) -> None:
    """
    Look at the head of an answer.

    Raises:
        Refusal: Its body is not one that is taken.
    """
    if raw.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise Refusal("the answer is compressed, though that was not asked for")
    guard.check_body(raw.length_remaining or 0)


async def taken(raw: urllib3.HTTPResponse, waits: Waits) -> HttpResponse:
    """
    Return the whole answer.

    Raises:
        Exception: Of any kind that urllib3, `http.client`, `ssl` or `socket` raise, and `Refusal`.
    """
    try:
        check_head(raw, waits.guard)
        return HttpResponse(
            status=raw.status,
            headers={name.lower(): _FOLD.sub(" ", value) for name, value in raw.headers.itermerged()},
            body=await _body(raw, waits),
        )
    finally:
        raw.close()


async def _body(raw: urllib3.HTTPResponse, waits: Waits) -> bytes:
    body = bytearray()
    while piece := raw.read(_READ_BYTES, decode_content=False):
        body += piece
        waits.guard.check_body(len(body))
        await waits.turn()
    return bytes(body)
