"""Peers that drip, hang, flood, cut off and mislabel."""

import gzip
import http.client
import json
import socket
import time
import traceback
import tracemalloc

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from kmvalidate.transport import RequestsTransport, _dial, _exchange
from kmvalidate.transport._why import why
from tests.hostile import HOST, Peer, after, answering, deaf_peer

LOCAL = Network(private_addresses=True, insecure_http=True)
SECRET = "hunter2-tok3n"
ENDED_S = 10.0
CAP = 100_000
# What a peer may have sent is more than what we took: the kernel's buffers on both sides lie between us.
BUFFER = 16_384
TAKEN_MOST = CAP + 500_000
MEMORY_MOST = 2_000_000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def refused(url, **asked):
    """Return why nothing could be had from *url*, having seen that it came in time and leads to no secret."""
    start = time.monotonic()
    request = HttpRequest(url=f"{url}?token={SECRET}", network=LOCAL, **({"deadline_s": 0.5, "max_bytes": CAP} | asked))
    with pytest.raises(KeyManagerUnavailable) as raised:
        RequestsTransport().send(request)
    assert time.monotonic() - start < ENDED_S
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return raised.value.why


def refused_with_memory(url, **asked):
    """Return the same reason, and the most memory that was in use meanwhile."""
    assert _exchange.requests  # what is imported once is not counted
    tracemalloc.start()
    try:
        return refused(url, **asked), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_buffers(monkeypatch):
    """Let the kernel keep little of what we have not read, so that a peer's count is about ours."""
    connect = socket.socket.connect

    def connect_narrowly(sock, address):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        return connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect_narrowly)


SLOW = {
    "hangs after accept": lambda call: call.hang(),
    "hangs after the request": after(b"", lambda call: call.hang()),
    "drips the status line": after(b"", lambda call: call.drip(b"HTTP/1.1 200 " + b"O" * 1000)),
    "drips header fields": after(OK, lambda call: call.drip(b"A: b\r\n")),
    "drips one header field": after(OK + b"A: ", lambda call: call.drip(b"a")),
    "drips interim answers": after(b"", lambda call: call.drip(b"HTTP/1.1 100 C\r\n\r\n")),
    "drips a body of known length": after(OK + b"Content-Length: 1000\r\n\r\n", lambda call: call.drip(b"a")),
    "drips a body until the end": after(OK + b"\r\n", lambda call: call.drip(b"a")),
    "drips chunks": after(CHUNKED, lambda call: call.drip(b"1\r\na\r\n")),
    "drips a chunk size": after(CHUNKED, lambda call: call.drip(b"0")),
    "drips trailers": after(CHUNKED + b"0\r\n", lambda call: call.drip(b"A: b\r\n")),
    "hangs within the body": after(OK + b"Content-Length: 9\r\n\r\nhalf", lambda call: call.hang()),
    "hangs before the end of the body": after(OK + b"\r\nhalf", lambda call: call.hang()),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_a_slow_peer_ends_with_the_deadline(script):
    """However slowly a peer sends, the exchange ends with its deadline."""
    with Peer(script) as peer:
        assert refused(peer.url()) == f"{HOST}: no whole answer within the deadline"


@pytest.mark.parametrize("body", [None, b"x" * 20_000_000], ids=["GET", "large POST"])
def test_a_peer_that_never_reads_ends_with_the_deadline(body):
    """A peer that accepts connections in the kernel only, and reads nothing, ends with the deadline."""
    with deaf_peer() as port:
        reason = refused(f"http://{HOST}:{port}/", method="POST" if body else "GET", body=body)
    assert reason == f"{HOST}: no whole answer within the deadline"


FLOODS = {
    "interim answers": after(b"", lambda call: call.pour(b"HTTP/1.1 100 C\r\nA: b\r\n\r\n" * 2000)),
    "other interim answers": after(b"", lambda call: call.pour(b"HTTP/1.1 102 P\r\n\r\n" * 2000)),
    "header fields": after(OK, lambda call: call.pour(b"A: b\r\n" * 10_000)),
    "one header field": after(OK + b"A: ", lambda call: call.pour(b"a" * 65_536)),
    "one status line": after(b"HTTP/1.1 200 ", lambda call: call.pour(b"a" * 65_536)),
    "body until the end": after(OK + b"\r\n", lambda call: call.pour(b"a" * 65_536)),
    "announced body": after(OK + b"Content-Length: 100001\r\n\r\n", lambda call: call.pour(b"a" * 65_536)),
    "huge announced body": after(OK + b"Content-Length: 999999999999\r\n\r\n", lambda call: call.pour(b"a" * 65_536)),
    "large chunks": after(CHUNKED, lambda call: call.pour(b"10000\r\n" + b"a" * 65_536 + b"\r\n")),
    "one huge chunk": after(CHUNKED + b"fffffff0\r\n", lambda call: call.pour(b"a" * 65_536)),
    "small chunks": after(CHUNKED, lambda call: call.pour(b"1\r\na\r\n" * 10_000)),
    "a chunk extension": after(CHUNKED + b"1;", lambda call: call.pour(b"a" * 65_536)),
    "chunk extensions": after(CHUNKED, lambda call: call.pour((b"1;" + b"a" * 1000 + b"\r\na\r\n") * 60)),
    "trailers": after(CHUNKED + b"0\r\n", lambda call: call.pour(b"A: b\r\n" * 10_000)),
}


@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.usefixtures("small_buffers")
def test_a_flood_is_cut_off(script):
    """However much a peer sends, little more than the cap is taken and little memory is used."""

    def flood(call):
        call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        script(call)

    with Peer(flood) as peer:
        reason, peak = refused_with_memory(peer.url(), deadline_s=5.0)
    assert "deadline" not in reason
    assert peer.sent < TAKEN_MOST
    assert peak < MEMORY_MOST


MISLABELLED = {
    "ends at once": (b"", "breaks off"),
    "ends within the status line": (b"HTTP/1.1 200 O", "breaks off"),
    "ends behind the status line": (OK, "breaks off"),
    "ends within a header field": (OK + b"Content-Len", "breaks off"),
    "ends within the head": (OK + b"Content-Length: 0\r\n", "breaks off"),
    "ends within an interim answer": (b"HTTP/1.1 100 Continue\r\n", "breaks off"),
    "body too short": (OK + b"Content-Length: 9\r\n\r\nhalf", "breaks off"),
    "chunk too short": (CHUNKED + b"9\r\nhalf", "breaks off"),
    "chunks without an end": (CHUNKED + b"4\r\nhalf\r\n", "breaks off"),
    "chunks without the last line": (CHUNKED + b"4\r\nhalf\r\n0\r\n", "breaks off"),
    "trailer breaks off": (CHUNKED + b"4\r\nhalf\r\n0\r\nA: b", "breaks off"),
    "negative chunk": (CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk in Python's hexadecimal": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk with an underscore": (CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk longer than said": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", "proper size"),
    "length and chunks": (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "length unclear"),
    "unknown coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "length unclear"),
    "coding twice": (OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", "length unclear"),
    "chunks in HTTP/1.0": (b"HTTP/1.0" + CHUNKED[8:] + b"0\r\n\r\n", "length unclear"),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", "length unclear"),
    "two lengths in one": (OK + b"Content-Length: 5, 4\r\n\r\nhello", "length unclear"),
    "negative length": (OK + b"Content-Length: -5\r\n\r\nhello", "length unclear"),
    "signed length": (OK + b"Content-Length: +5\r\n\r\nhello", "length unclear"),
    "HTTP/0.9": (b"hello", "breaks off"),
    "HTTP/0.9 in lines": (b"<html>\nhello\n</html>\n", "does not start"),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\nhello", "does not start"),
    "HTTP/0.9 by name": (b"HTTP/0.9 200 OK\r\n\r\nhello", "does not start"),
    "two digits": (b"HTTP/1.1 20 OK\r\n\r\nhello", "does not start"),
    "digits of Python": (b"HTTP/1.1 2_0 OK\r\n\r\nhello", "does not start"),
    "no status": (b"HTTP/1.1\r\n\r\nhello", "does not start"),
    "noise": (bytes(range(256)) * 8, "does not start"),
    "switches protocols": (b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello", "switches"),
    "line without colon": (OK + f"A: b\r\n{SECRET}\r\nContent-Length: 2\r\n\r\nhi".encode(), "malformed"),
    "space before the colon": (OK + b"Content-Length : 2\r\n\r\nhi", "malformed"),
    "folded first line": (OK + b" A: b\r\n\r\nhi", "malformed"),
    "long line": (OK + b"A: " + b"a" * 66_000 + b"\r\n\r\nhi", "too long"),
    "101 fields": (OK + b"A: b\r\n" * 101 + b"\r\nhi", "not proper HTTP"),
    "compressed": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), "compressed"),
    "compressed twice": (OK + b"Content-Encoding: identity, gzip\r\n\r\n" + gzip.compress(b"{}"), "compressed"),
    "unknown compression": (OK + b"Content-Encoding: x\r\n\r\n{}", "compressed"),
    "bomb": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 50_000_000), "compressed"),
}


@pytest.mark.parametrize(("answer", "reason"), MISLABELLED.values(), ids=MISLABELLED.keys())
def test_a_mislabelled_answer_is_no_answer(answer, reason, caplog):
    """An answer that is cut off, contradicts itself or is no HTTP/1 is refused, and nobody logs what it said."""
    with Peer(answering(answer)) as peer:
        assert reason in refused(peer.url(), deadline_s=3.0)
    assert caplog.records == []


def test_a_reset_before_the_answer_is_no_answer():
    """A connection that is reset before the answer has a reason of its own."""
    with Peer(after(b"", lambda call: call.reset())) as peer:
        assert refused(peer.url()) == f"{HOST}: the connection broke off"


def test_a_reset_within_the_answer_is_no_answer():
    """A connection that is reset within the body has a reason of its own."""
    with Peer(after(OK + b"Content-Length: 9\r\n\r\nhalf", lambda call: call.reset())) as peer:
        assert refused(peer.url()) == f"{HOST}: the connection broke off"


def test_a_refused_connection_is_no_answer():
    """A port nobody listens on has a reason of its own."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    assert refused(f"http://{HOST}:{port}/") == f"{HOST}: the connection is refused"


def test_a_bomb_is_not_unpacked():
    """A compressed answer is refused without the memory that it would unpack to."""
    with Peer(answering(MISLABELLED["bomb"][0])) as peer:
        _, peak = refused_with_memory(peer.url())
    assert peak < MEMORY_MOST


def test_a_body_stays_out_of_the_error():
    """An error about a POST leads neither to its body nor to its header fields."""
    with Peer(answering(b"")) as peer:
        refused(peer.url(), method="POST", body=SECRET.encode(), headers={"Authorization": SECRET})


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_stops_the_program_is_heard(stop, monkeypatch):
    """What stops a program passes through, and the socket is closed."""

    def stopped(*_):
        raise stop

    monkeypatch.setattr(_dial, "_check_peer", stopped)
    with Peer(answering(OK)) as peer, pytest.raises(stop):
        RequestsTransport().send(HttpRequest(url=peer.url(), network=LOCAL))


def wrapped(*errors):
    """Return the first error, with the next one in its arguments, and so on."""
    first, *others = errors
    if others:
        first.args = ("text", wrapped(*others))
    return first


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(113, "No route to host"), "the connection failed (EHOSTUNREACH)"),
        (OSError(99_999, "?"), "the connection failed (99999)"),
        (OSError("no number"), "the exchange failed (OSError)"),
        (UnicodeError(SECRET), "the exchange failed (UnicodeError)"),
        (json.JSONDecodeError(SECRET, SECRET, 0), "the exchange failed (JSONDecodeError)"),
        (wrapped(ValueError(), KeyError(), ConnectionResetError(104, "reset")), "the connection broke off"),
        (caused(ValueError(), TimeoutError()), "no whole answer within the deadline"),
        (http.client.LineTooLong("header line"), "the answer is not proper HTTP"),
    ],
    ids=repr,
)
def test_an_operator_reads_what_failed(error, expected):
    """The most telling of the errors that wrap each other gives the reason, and no text of theirs is quoted."""
    assert why(error) == expected


def test_errors_that_wrap_each_other_come_to_an_end():
    """Two errors that wrap each other have a reason as well."""
    one, other = ValueError(), KeyError()
    one.args, other.args = (other, other), (one, one)
    assert why(one) == "the exchange failed (ValueError)"
