"""What a `HttpxTransport` has to do beside what every transport does: leave its event loop to others."""

import asyncio
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from kmvalidate.transport import HttpxTransport, RequestsTransport
from tests.hostile import HOST, Authority, Peer, after, answering
from tests.mislabelled import MISLABELLED, OK
from tests.transports import RunningTransport

LOCAL = Network(private_addresses=True, insecure_http=True)
HELLO = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def asked(url, **given):
    return HttpRequest(url=url, network=LOCAL, **({"deadline_s": 20.0} | given))


def why_not(transport, request):
    with pytest.raises(KeyManagerUnavailable) as raised:
        transport.send(request)
    return raised.value.why


@pytest.fixture
def hanging_look_ups(monkeypatch):
    """Look-ups of names that hang until the test is over; those of addresses do not."""
    over, real, begun = threading.Event(), socket.getaddrinfo, []

    def getaddrinfo(host, *args, **kwargs):
        if host == HOST:
            return real(host, *args, **kwargs)
        begun.append(threading.current_thread())
        over.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield begun
    over.set()
    for thread in begun:
        thread.join(10)


@pytest.mark.parametrize("answer", [answer for answer, _ in MISLABELLED.values()], ids=MISLABELLED.keys())
def test_both_transports_say_the_same(answer):
    """What a transport says of an answer that is none, the other says in the same words."""
    with Peer(answering(answer)) as peer:
        request = asked(peer.url())
        assert why_not(RunningTransport(), request) == why_not(RequestsTransport(), request)


def test_what_either_parser_refuses_is_refused():
    """An answer that httpcore2 finds improper is refused, also where the other parser would take it."""
    with Peer(answering(OK + b"A@: b\r\nContent-Length: 0\r\n\r\n")) as peer:
        assert why_not(RunningTransport(), asked(peer.url())) == f"{HOST}: the answer is not proper HTTP"


def test_what_is_no_answer_from_its_first_byte_is_not_waited_for():
    """An answer that cannot become one is refused before its first line has an end."""
    with Peer(after(b"\0", lambda call: call.hang())) as peer:
        assert why_not(RunningTransport(), asked(peer.url())) == f"{HOST}: the answer is not proper HTTP"


def cancelled_once(begun, request):
    """Cancel the exchange of *request* as soon as *begun* tells that it hangs."""

    async def main():
        task = asyncio.create_task(HttpxTransport().send(request))
        while not begun():  # noqa: ASYNC110  # another thread tells
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


HANGING = {
    "before the answer": b"",
    "within the head": OK,
    "within the body": OK + b"Content-Length: 9\r\n\r\nhalf",
}


@pytest.mark.parametrize("head", HANGING.values(), ids=HANGING.keys())
def test_a_cancelled_exchange_closes_its_socket(head):
    """The peer of an exchange that is cancelled sees the end of the connection at once."""
    hanging, ended = threading.Event(), threading.Event()

    def script(call):
        call.read_request()
        call.send(head)
        hanging.set()
        call.hang()
        ended.set()

    with Peer(script) as peer:
        cancelled_once(hanging.is_set, asked(peer.url()))
        assert ended.wait(10)


def test_a_cancelled_handshake_closes_its_socket():
    """The peer of a handshake that is cancelled sees the end of the connection at once."""
    hanging, ended = threading.Event(), threading.Event()

    def script(call):
        call.sock.recv(1)
        hanging.set()
        while call.sock.recv(65_536):
            pass
        ended.set()

    with Peer(script) as peer:
        cancelled_once(hanging.is_set, asked(f"https://{HOST}:{peer.port}/"))
        assert ended.wait(10)


def test_a_cancelled_look_up_is_left_behind(hanging_look_ups):
    """An exchange that is cancelled while its name is looked up ends at once, and so does its event loop."""
    cancelled_once(lambda: hanging_look_ups, asked("http://idp.example/"))
    assert hanging_look_ups[0].is_alive()


def test_look_ups_that_hang_are_in_nobodys_way(hanging_look_ups):
    """However many look-ups hang, another exchange goes on, and the loop's own executor is not used."""

    async def main():
        transport = HttpxTransport()
        stuck = [asyncio.create_task(transport.send(asked(f"http://{n}.example/"))) for n in range(40)]
        with Peer(HELLO) as peer:
            assert (await transport.send(asked(peer.url()))).body == b"hello"
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        return asyncio.get_running_loop()._default_executor

    assert asyncio.run(main()) is None
    assert len(hanging_look_ups) == 40


FLOODS = {
    "body": after(OK + b"\r\n", lambda call: call.pour(b"a" * 65_536)),
    "interim answers": after(b"", lambda call: call.pour(b"HTTP/1.1 102 P\r\n\r\n" * 4000)),
}


@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_flood_leaves_the_loop_to_others(script, tls, tmp_path):
    """While a peer sends as fast as it can, other tasks of the loop have their turns."""
    authority = Authority(tmp_path)

    async def main(peer):
        network = Network(private_addresses=True, insecure_http=True, ca_file=authority.ca_file)
        request = HttpRequest(url=peer.url(), network=network, deadline_s=60.0, max_bytes=2_000_000)
        flooded = asyncio.create_task(HttpxTransport().send(request))
        turns = 0
        while not flooded.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(KeyManagerUnavailable, match="cap"):
            await flooded
        return turns

    with Peer(script, tls=authority.issue().server() if tls else None) as peer:
        assert asyncio.run(main(peer)) > 20  # it comes in 31 pieces at least


def test_one_transport_serves_many_tasks():
    """Exchanges of many tasks of one loop go on side by side."""

    async def main(url):
        transport = HttpxTransport()
        return await asyncio.gather(*(transport.send(asked(url)) for _ in range(20)))

    with Peer(HELLO) as peer:
        assert [answer.body for answer in asyncio.run(main(peer.url()))] == [b"hello"] * 20
        assert peer.connections == 20


def test_one_transport_serves_many_loops(tmp_path):
    """One transport serves event loops one after the other and at once, over one TLS context."""
    authority = Authority(tmp_path)
    transport = RunningTransport()
    with Peer(HELLO, tls=authority.issue().server()) as peer, ThreadPoolExecutor(4) as threads:
        network = Network(private_addresses=True, ca_file=authority.ca_file)
        request = HttpRequest(url=peer.url(), network=network, deadline_s=20.0)
        answers = list(threads.map(transport.send, [request] * 12))
    assert [answer.body for answer in answers] == [b"hello"] * 12
    assert len(transport._sending._contexts._made) == 1


def test_a_loop_in_debug_mode_finds_nothing():
    """An event loop in debug mode has nothing to say about an exchange."""
    with Peer(HELLO) as peer:
        assert asyncio.run(HttpxTransport().send(asked(peer.url())), debug=True).body == b"hello"


@pytest.mark.parametrize("missing", ["httpx2", "httpcore2"])
def test_a_missing_httpx2_is_said_at_once(missing, monkeypatch):
    """Where httpx2 is not installed, making the transport names the extra that brings it."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"kmvalidate\[async\]"):
        HttpxTransport()
