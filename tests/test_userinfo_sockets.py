"""Userinfo endpoints behind real sockets on the loopback interface, good ones and hostile ones."""

import traceback

import pytest

from kmvalidate import KeyManagerUnavailable, Network, UserInfo
from kmvalidate.flights import Flights
from kmvalidate.ports import HttpResponse, SystemClock, run
from kmvalidate.testing._loopback import LoopbackServer
from tests.concurrency.callers import said as told
from tests.fakes import WatchedPorts
from tests.hostile import Peer, after, answering
from tests.mislabelled import CHUNKED, MISLABELLED, OK
from tests.signing import NOW, dumps
from tests.test_userinfo import ALICE, BEARER, USER, verified
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Network(private_addresses=True, insecure_http=True)
JSON = {"content-type": "application/json"}
TYPE = b"Content-Type: application/json\r\n"


class Clock(SystemClock):
    """A clock that goes, from when the token was good."""

    def wall(self):
        return NOW


class Caller:
    """Asks one endpoint over a transport of the kind that the test is run with."""

    def __init__(self, url, **options):
        self.userinfo = UserInfo({"Test": url}, **{"network": LOCAL, "deadline_s": 5} | options)
        self.ports, self.flights = WatchedPorts(Transport(), Clock()), Flights()

    def claims(self):
        return run(self.userinfo.claims_of(verified(), BEARER, self.ports, self.flights))

    def says(self):
        try:
            return self.claims()
        except Exception as error:  # noqa: BLE001
            return told(error)
        finally:
            self.ports.settle()

    def outage(self):
        """Return why there is no answer, having seen that nothing leads from there to the token."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.claims()
        self.ports.settle()
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        assert BEARER not in "".join(traceback.format_exception(caught.value))
        return caught.value.why


@pytest.fixture
def server():
    """A server that knows the user behind one token, and refuses all others; `asked` keeps what it was asked."""
    asked = []

    def answer(request):
        asked.append(request)
        is_known = request.headers.get("authorization") == f"Bearer {BEARER}"
        if request.path == "/elsewhere":
            return HttpResponse(status=302, headers={"location": "/userinfo", **JSON}, body=dumps(ALICE))
        return HttpResponse(status=200 if is_known else 401, headers=JSON, body=dumps(ALICE))

    made = LoopbackServer(answer)
    made.asked = asked
    yield made
    made.close()


def test_claims_over_the_wire(server):
    """The endpoint sees one GET with the token in its one field, and its answer is remembered."""
    caller = Caller(f"{server.origin}/userinfo?schema=openid")
    assert [caller.says(), caller.says()] == [USER] * 2
    (request,) = server.asked
    assert (request.method, request.path, request.body) == ("GET", "/userinfo", b"")
    assert request.headers["authorization"] == f"Bearer {BEARER}"
    assert request.headers["accept"] == "application/json"


def test_a_redirect_is_not_followed(server):
    """The token goes to the endpoint that is configured, and nowhere else it points to."""
    assert "status 302" in Caller(f"{server.origin}/elsewhere").outage()
    assert server.hits == {"/elsewhere": 1}


def test_addresses_that_are_not_public(server):
    """A private address is not asked unless the network allows it, and is not shown the token."""
    assert (
        "no address that may be connected to"
        in Caller(f"{server.origin}/userinfo", network=Network(insecure_http=True)).outage()
    )
    assert server.hits == {}


def test_nobody_is_there(server):
    """An endpoint that is down is an outage; once it is back its answers count."""
    url = f"{server.origin}/userinfo"
    server.close()
    caller = Caller(url)
    assert [caller.says(), Caller(url, required=False).says()] == ["KeyManagerUnavailable", None]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_each_status(status):
    """What a status means does not depend on what its body says."""
    said = HttpResponse(status=status, headers=JSON, body=dumps(ALICE))
    server = LoopbackServer(lambda _: said)
    expected = {401: "INACTIVE", 403: "INSUFFICIENT_SCOPE"}.get(status, "KeyManagerUnavailable")
    assert Caller(f"{server.origin}/userinfo").says() == expected
    server.close()


SLOW = {
    "hangs": lambda call: call.hang(),
    "drips a status line": after(b"", lambda call: call.drip(b"HTTP/1.1 200 " + b"O" * 1000)),
    "drips a body": after(OK + TYPE + b"Content-Length: 1000\r\n\r\n", lambda call: call.drip(b"{")),
    "drips chunks": after(CHUNKED, lambda call: call.drip(b"1\r\n{\r\n")),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_a_slow_endpoint_ends_with_the_deadline(script):
    """However slowly an endpoint answers, asking ends with the deadline."""
    with Peer(script) as peer:
        assert "no whole answer within the deadline" in Caller(peer.url(), deadline_s=0.3).outage()


def test_a_flood_is_cut_off():
    """An endpoint that sends without end is cut off at the cap."""
    with Peer(after(OK + TYPE + b"\r\n", lambda call: call.pour(b" " * 65_536))) as peer:
        assert "deadline" not in Caller(peer.url(), deadline_s=60, max_bytes=1000).outage()


@pytest.mark.parametrize("length", [b"Content-Length: 1000000\r\n", b""], ids=["announced", "unannounced"])
def test_answers_that_are_cut_off_are_no_outage(length):
    """However often an endpoint is cut off at the cap, it is asked about the next."""
    flood, count = after(OK + TYPE + length + b"\r\n", lambda call: call.pour(b" " * 65_536)), []
    body = dumps(ALICE)
    good = answering(OK + TYPE + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def script(call):
        count.append(call)
        return (flood if len(count) <= 5 else good)(call)

    with Peer(script) as peer:
        caller = Caller(peer.url(), deadline_s=60, max_bytes=1000)
        assert ["the answer is larger than the cap" in caller.outage() for _ in range(5)] == [True] * 5
        assert caller.says() == USER


@pytest.mark.parametrize(("answer", "reason"), MISLABELLED.values(), ids=MISLABELLED)
def test_a_mislabelled_answer_is_no_answer(answer, reason):
    """An answer that is cut off, contradicts itself or is no HTTP/1 counts for nothing."""
    with Peer(answering(answer)) as peer:
        assert reason in Caller(peer.url()).outage()


def test_two_content_types():
    """An answer that names two media types, the right one first, is of neither."""
    body = dumps(ALICE)
    head = OK + TYPE + b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Peer(answering(head + body)) as peer:
        assert "its answer is not application/json" in Caller(peer.url()).outage()
