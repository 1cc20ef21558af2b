"""Where a transport connects to: names, addresses and proxies."""

import socket
import threading
import time

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from tests.hostile import HOST, Authority, Peer, after, answering, swallowing_peer
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Network(private_addresses=True, insecure_http=True)
ALWAYS_FORBIDDEN = ["169.254.169.254", "0.0.0.0", "::", "fe80::1", "::ffff:169.254.169.254"]  # noqa: S104  # not bound to
HELLO = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@pytest.fixture
def names(monkeypatch):
    """Names that resolve to what a test says: a dictionary from name to a list of socket addresses."""
    table = {}

    def getaddrinfo(host, port, *_, **__):
        found = table[host]
        if isinstance(found, Exception):
            raise found
        families = [socket.AF_INET6 if ":" in address[0] else socket.AF_INET for address in found]
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in zip(families, found, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return table


def send(url, network=LOCAL, deadline_s=3.0, **asked):
    return Transport().send(HttpRequest(url=url, network=network, deadline_s=deadline_s, **asked))


def unavailable(*args, **kwargs):
    with pytest.raises(KeyManagerUnavailable) as raised:
        send(*args, **kwargs)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    return raised.value.why


def free_port():
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
def test_a_private_address_is_not_connected_to(host):
    """By default a private address is refused before anything is connected, in each of its forms."""
    with Peer(HELLO) as peer:
        assert "no address" in unavailable(f"http://{host}:{peer.port}/", Network(insecure_http=True))
        assert peer.connections == 0


def test_a_name_that_means_a_private_address_is_not_connected_to(names):
    """By default a name that resolves to a private address is refused before anything is connected."""
    with Peer(HELLO) as peer:
        names["idp.example"] = [(HOST, peer.port)]
        assert "no address" in unavailable("http://idp.example/", Network(insecure_http=True))
        assert peer.connections == 0


@pytest.mark.parametrize("address", ALWAYS_FORBIDDEN)
def test_some_addresses_are_never_connected_to(names, address):
    """Link-local and unspecified addresses are refused also where private ones are not."""
    names["idp.example"] = [(address, 80)]
    assert unavailable("http://idp.example/") == (
        "idp.example: the host has no address that may be connected to (private ones: Network(private_addresses=True))"
    )


def test_a_forbidden_address_is_passed_over(names):
    """Of a name's addresses those that may not be connected to are passed over, and the others used."""
    with Peer(HELLO) as peer:
        names["idp.example"] = [("169.254.169.254", peer.port), ("::", peer.port), (HOST, peer.port)]
        assert send("http://idp.example/").body == b"hello"


def test_an_address_that_refuses_is_passed_over(names):
    """When one of a name's addresses refuses the connection, the next is tried."""
    with Peer(HELLO) as peer:
        names["idp.example"] = [(HOST, free_port()), (HOST, peer.port)]
        assert send("http://idp.example/").body == b"hello"


def test_an_address_that_swallows_packets_leaves_time_for_the_next(names):
    """An address that never answers gets its share of the deadline, and the next address the rest."""
    with swallowing_peer() as port, Peer(HELLO) as peer:
        names["idp.example"] = [(HOST, port), (HOST, peer.port)]
        assert send("http://idp.example/", deadline_s=1.0).body == b"hello"


def test_an_address_that_swallows_packets_ends_with_the_deadline(names):
    """Where no address answers, the exchange ends with its deadline."""
    start = time.monotonic()
    with swallowing_peer() as port:
        names["idp.example"] = [(HOST, port), (HOST, port)]
        assert "no whole answer within the deadline" in unavailable("http://idp.example/", deadline_s=0.5)
    assert time.monotonic() - start < 10


def test_an_address_is_checked_where_it_led_to(names, monkeypatch):
    """A connection that ends up at another address than it was made to is ended before anything is sent."""
    connect = socket.socket.connect
    with Peer(HELLO) as peer:
        names["idp.example"] = [("8.8.8.8", peer.port)]
        monkeypatch.setattr(socket.socket, "connect", lambda sock, _: connect(sock, (HOST, peer.port)))
        assert "ended up" in unavailable("http://idp.example/", Network(insecure_http=True))
    assert b"".join(peer.requests) == b""


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), OSError("odd")])
def test_a_name_that_cannot_be_looked_up_is_no_answer(names, error):
    """Whatever a look-up fails with, the reason is that it failed."""
    names["idp.example"] = error
    assert "cannot be looked up" in unavailable("http://idp.example/")


def test_a_name_without_addresses_is_no_answer(names):
    """A name that resolves to nothing is refused."""
    names["idp.example"] = []
    assert "no address" in unavailable("http://idp.example/")


def test_a_look_up_that_hangs_ends_with_the_deadline(monkeypatch):
    """A resolver that never answers is left behind at the deadline."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])
    start = time.monotonic()
    assert "looked up within the deadline" in unavailable("http://idp.example/", deadline_s=0.5)
    over.set()
    assert time.monotonic() - start < 10


def test_a_thread_that_cannot_start_is_no_answer(monkeypatch):
    """Where no thread can be started for the look-up, there is no answer, and no error of another kind."""

    def full(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    assert "RuntimeError" in unavailable("http://idp.example/")


def test_an_ipv6_address_is_connected_to():
    """A URL with an IPv6 address is connected to at that address."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        url = f"http://[::1]:{listener.getsockname()[1]}/"
        assert "deadline" in unavailable(url, deadline_s=0.2)
        listener.settimeout(2)
        call, _ = listener.accept()
        with call:
            assert f"\r\nHost: {url[7:-1]}\r\n".encode() in call.recv(65_536)


def test_a_proxy_connects_for_us(names):
    """With a proxy, wherever it is, the whole URL goes to the proxy and its host is not looked up here."""
    with Peer(HELLO) as proxy:
        names[HOST] = [(HOST, proxy.port)]
        network = Network(insecure_http=True, proxy=f"http://gw:pw@{HOST}:{proxy.port}")
        assert send("http://idp.example/keys?v=1", network).body == b"hello"
    assert proxy.requests[0].startswith(b"GET http://idp.example/keys?v=1 HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic Z3c6cHc=\r\n" in proxy.requests[0]


def test_a_proxy_is_told_an_ipv6_address_in_brackets():
    """A URL with an IPv6 address arrives at a proxy as it was given, with its port."""
    with Peer(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        network = Network(insecure_http=True, proxy=f"http://{HOST}:{proxy.port}")
        assert send("http://[2001:db8::1]:8080/keys", network).status == 403
        unavailable("https://[2001:db8::1]/keys", network)
    assert [request.split(b" HTTP/")[0] for request in proxy.requests] == [
        b"GET http://[2001:db8::1]:8080/keys",
        b"CONNECT [2001:db8::1]:443",
    ]


def test_tls_goes_through_a_proxy(tmp_path):
    """With a proxy, TLS is spoken with the host itself, whose certificate is verified."""
    authority = Authority(tmp_path)
    context = authority.issue(host="idp.example").server()

    asked = []

    def tunnel(call):
        asked.append(call.read_request().split(b" HTTP/")[0])
        call.send(b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n")
        call.start_tls(context)
        call.request = b""
        HELLO(call)

    with Peer(tunnel) as proxy:
        network = Network(ca_file=authority.ca_file, proxy=f"http://{HOST}:{proxy.port}")
        assert send("https://idp.example/keys", network).body == b"hello"
        assert "mismatch" in unavailable("https://other.example/keys", network)
    assert asked == [b"CONNECT idp.example:443", b"CONNECT other.example:443"]
    assert proxy.requests[0].startswith(b"GET /keys HTTP/1.1\r\n")


PROXIES = {
    "refuses": (answering(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "ProxyError"),
    "opens nothing": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), "ProxyError"),
    "hangs": (lambda call: call.hang(), "deadline"),
    "drips its status": (after(b"", lambda call: call.drip(b"HTTP/1.1 200 " + b"O" * 1000)), "deadline"),
    "drips its head": (after(b"HTTP/1.1 200 OK\r\n", lambda call: call.drip(b"A: b\r\n")), "deadline"),
    "says interim": (answering(b"HTTP/1.1 102 Wait\r\n\r\n"), ""),
    "says noise": (answering(b"\0\xff" * 20 + b"\n"), "does not start"),
    "hangs in TLS": (after(b"HTTP/1.1 200 OK\r\n\r\n", lambda call: call.hang()), "deadline"),
    "breaks off": (answering(b"HTTP/1.1 200 OK\r\n"), "breaks off"),
    "floods": (after(b"HTTP/1.1 200 OK\r\n", lambda call: call.pour(b"A: b\r\n" * 9000)), ""),
}


@pytest.mark.parametrize(("script", "reason"), PROXIES.values(), ids=PROXIES.keys())
def test_a_hostile_proxy_is_kept_in_bounds(script, reason):
    """A proxy that refuses, hangs, drips or floods ends the exchange as any peer does."""
    start = time.monotonic()
    with Peer(script) as proxy:
        network = Network(proxy=f"http://{HOST}:{proxy.port}")
        assert reason in unavailable("https://idp.example/", network, deadline_s=0.5, max_bytes=100_000)
    assert time.monotonic() - start < 10
    assert proxy.sent < 20_000_000


def test_a_proxy_that_takes_its_time_leaves_less_for_tls():
    """The handshake behind a slow proxy has what is left of the deadline, not the whole of it again."""

    def late(call):
        call.read_request()
        call.peer.stopping.wait(1.4)
        call.send(b"HTTP/1.1 200 OK\r\n\r\n")
        call.hang()

    start = time.monotonic()
    with Peer(late) as proxy:
        network = Network(proxy=f"http://{HOST}:{proxy.port}")
        assert "deadline" in unavailable("https://idp.example/", network, deadline_s=1.5)
    assert time.monotonic() - start < 2.5
