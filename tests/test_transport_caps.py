"""The cap on a body, to the byte, and the flags that every TLS context has."""

import ssl

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from kmvalidate.transport import RequestsTransport
from kmvalidate.transport._tls import TlsContexts
from tests.hostile import HOST, Authority, Peer, answering

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
            return RequestsTransport().send(request).body
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


@pytest.mark.parametrize("own", [False, True], ids=["the system's authorities", "a ca_file"])
def test_certificates_are_held_to_rfc_5280(own, tmp_path):
    """Every context verifies strictly, takes a listed certificate for an anchor, and checks the host name."""
    context = TlsContexts().of(Network(ca_file=Authority(tmp_path).ca_file if own else None))
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
