"""The cap on a body, to the byte."""

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from tests.hostile import HOST, Peer, answering
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

CAP = 100_000
OK = b"HTTP/1.1 200 OK\r\n"


def with_length(body):
    return OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def in_chunks(size):
    """Return what frames a body in chunks of *size* bytes."""

    def framed(body):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in [*pieces, b""]]
        return OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)

    return framed


def until_the_end(body):
    return OK + b"\r\n" + body


FRAMINGS = {
    "length": with_length,
    "one chunk": in_chunks(10 * CAP),
    "chunks": in_chunks(7000),
    "a small last chunk": in_chunks(CAP),
    "until the end": until_the_end,
}


def got(answer, max_bytes):
    """Return the body of *answer*, or why it is refused."""
    with Peer(answering(answer)) as peer:
        network = Network(private_addresses=True, insecure_http=True)
        request = HttpRequest(url=peer.url(), network=network, max_bytes=max_bytes, deadline_s=10.0)
        try:
            return Transport().send(request).body
        except KeyManagerUnavailable as outage:
            return outage.why


@pytest.mark.parametrize("framed", FRAMINGS.values(), ids=FRAMINGS.keys())
@pytest.mark.parametrize("cap", [1, CAP])
def test_a_body_may_be_as_large_as_the_cap_and_no_larger(framed, cap):
    """A body of exactly the cap is taken whole, and one byte more refuses it, however its length is said."""
    body = (b"0123456789" * CAP)[:cap]
    assert got(framed(body), cap) == body
    assert got(framed(body + b"x"), cap) == f"{HOST}: the answer is larger than the cap"


def test_a_cap_of_nothing_takes_an_empty_body():
    """With a cap of zero an answer without a body is taken, and any byte is too much."""
    assert got(with_length(b""), 0) == b""
    assert got(with_length(b"x"), 0) == f"{HOST}: the answer is larger than the cap"
