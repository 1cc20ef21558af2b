"""Peers that drip, hang, flood, cut off and mislabel."""

import socket
import time
import traceback
import tracemalloc

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from kmvalidate.transport import _async_exchange, _dial, _exchange
from tests.hostile import HOST, Peer, after, answering, deaf_peer
from tests.mislabelled import CHUNKED, MISLABELLED, OK, SECRET
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Network(private_addresses=True, insecure_http=True)
ENDED_S = 10.0
CAP = 100_000
# What a peer may have sent is more than what we took: the kernel's buffers on both sides lie between us.
BUFFER = 16_384
TAKEN_MOST = CAP + 500_000
MEMORY_MOST = 2_000_000


def refused(url, **asked):
    """Return why nothing could be had from *url*, having seen that it came in time and leads to no secret."""
    start = time.monotonic()
    request = HttpRequest(url=f"{url}?token={SECRET}", network=LOCAL, **({"deadline_s": 0.5, "max_bytes": CAP} | asked))
    with pytest.raises(KeyManagerUnavailable) as raised:
        Transport().send(request)
    assert time.monotonic() - start < ENDED_S
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return raised.value.why


def refused_with_memory(url, **asked):
    """Return the same reason, and the most memory that was in use meanwhile."""
    assert _exchange is not _async_exchange  # what is imported once is not counted
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
        reason, peak = refused_with_memory(peer.url(), deadline_s=60.0)  # the cap ends it, on the slowest machine too
    assert "deadline" not in reason
    assert peer.sent < TAKEN_MOST
    assert peak < MEMORY_MOST


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
        Transport().send(HttpRequest(url=peer.url(), network=LOCAL))
