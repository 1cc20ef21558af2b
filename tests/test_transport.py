"""What a transport sends, and which answers it takes."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from kmvalidate.transport import _asking
from tests.hostile import Peer, answering
from tests.transports import KINDS, Transport

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Network(private_addresses=True, insecure_http=True)
SECRET = "hunter2-tok3n"


def send(peer, path="/keys", **asked):
    return Transport().send(HttpRequest(url=peer.url(path), network=LOCAL, **({"deadline_s": 3.0} | asked)))


WHOLE = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "the same length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "length 0": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", 200, b"hello"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", 200, b"hello"),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, b"hi"),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nhel\r\n02\r\nlo\r\n0\r\nTrailer: x\r\n\r\n",
        200,
        b"hello",
    ),
    "identity": (b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "folded header field": (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi",
        200,
        b"hi",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304, b""),
    "unauthorised": (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", 401, b"{}"),
    "server error": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", 503, b"{}"),
    "surplus": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", 200, b"hi"),
}


@pytest.mark.parametrize(("answer", "status", "body"), WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_answer_is_taken(answer, status, body):
    """An answer whose body has a certain length is taken whole, whatever its status."""
    with Peer(answering(answer)) as peer:
        taken = send(peer)
    assert (taken.status, taken.body) == (status, body)


def test_header_fields_are_lower_case_and_joined():
    """Names of header fields come in lower case and the values of a repeated one joined by a comma."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Type: a/b\r\nx-a:  2\r\n\r\n")) as peer:
        assert send(peer).headers == {"x-a": "1, 2", "content-type": "a/b"}


def test_a_folded_header_field_is_one_line():
    """The lines of a folded header field are joined by a space."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\nX-A: 1 \r\n \t2\r\nContent-Length: 0\r\n\r\n")) as peer:
        assert send(peer).headers == {"x-a": "1 2", "content-length": "0"}


def test_header_fields_are_sent_in_one_byte_each():
    """A header field to send may have every character of ISO 8859-1, and blanks at its end are left out."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        send(peer, headers={"X-A": "Käse\tbrot \t"})
    assert b"\r\nx-a: K\xe4se\tbrot" in peer.requests[0]


def test_a_body_as_large_as_the_cap_is_taken():
    """A body of max_bytes is taken, with a surplus behind it that is larger than every budget."""
    body = b"x" * 100_000
    with Peer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", body, b"y" * 500_000)) as peer:
        assert send(peer, max_bytes=100_000).body == body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_like_others(status):
    """A redirect is returned and not followed, so that the peer sees one connection only."""
    answer = f"HTTP/1.1 {status} Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    with Peer(answering(answer)) as peer:
        taken = send(peer)
    assert (taken.status, taken.headers["location"], peer.connections) == (status, "/elsewhere", 1)


def test_cookies_are_neither_kept_nor_shown():
    """A cookie that was set is not among the header fields and does not come back with the next request."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1\r\nSet-Cookie2: id=2\r\n\r\n")) as peer:
        transport = Transport()
        asked = HttpRequest(url=peer.url(), network=LOCAL)
        assert [transport.send(asked).headers, transport.send(asked).headers] == [{}, {}]
    assert [b"cookie" in request.lower() for request in peer.requests] == [False, False]


def test_an_answer_nobody_asked_for_answers_nobody():
    """What a peer sends behind its answer is not taken for the answer to the next request."""
    poisoned = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with Peer(answering(poisoned, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")) as peer:
        transport = Transport()
        asked = HttpRequest(url=peer.url(), network=LOCAL)
        assert [transport.send(asked).body, transport.send(asked).body] == [b"hi", b"hi"]
    assert peer.connections == 2


def test_a_request_says_who_asks_and_what_for():
    """A request names kmvalidate, asks for plain JSON and for the end of the connection."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        send(peer, "/keys?tenant=a%20b", headers={"X-Trace": "1"})
    lines = set(peer.requests[0].decode().lower().split("\r\n"))
    assert peer.requests[0].startswith(b"GET /keys?tenant=a%20b HTTP/1.1\r\n")
    assert {f"host: 127.0.0.1:{peer.port}", "connection: close", "accept-encoding: identity"} <= lines
    assert {"accept: application/json", "x-trace: 1"} <= lines
    assert [line for line in lines if re.fullmatch(r"user-agent: kmvalidate/\S+ \(\+https://\S+\)", line)]


def test_a_request_may_say_what_it_accepts_but_not_how_it_travels():
    """A given Accept is sent, while User-Agent and Accept-Encoding stay the transport's own."""
    given = {"ACCEPT": "application/jwt", "User-Agent": "given", "Accept-Encoding": "gzip"}
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        asked = HttpRequest(url=peer.url(), network=LOCAL, headers=given)
        Transport(user_agent="gateway/1").send(asked)
    sent = peer.requests[0].decode().lower()
    assert "\r\naccept: application/jwt\r\n" in sent
    assert "\r\nuser-agent: gateway/1\r\n" in sent
    assert "\r\naccept-encoding: identity\r\n" in sent


def test_a_post_arrives_with_its_body():
    """The body of a POST arrives whole, with its length, also when it is larger than any buffer."""
    body = b"token=" + b"x" * 300_000
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        send(peer, method="POST", body=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    head, _, sent = peer.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /keys HTTP/1.1\r\n")
    assert b"content-length: 300006" in head.lower()
    assert sent == body


def test_the_environment_changes_nothing(monkeypatch, tmp_path):
    """Neither the environment's proxies nor ~/.netrc have a say: the request goes where and as it was asked."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        send(peer, headers={"Authorization": "Basic ours"})
    assert b"\r\nauthorization: Basic ours\r\n" in peer.requests[0]


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "DELETE"},
        {"method": "get"},
        {"url": "ftp://idp.example/keys"},
        {"url": "https://user:pw@idp.example/keys"},
        {"url": "http://idp.example/keys"},
        {"headers": {"X": f"a\r\nEvil: {SECRET}"}},
        {"headers": {"X": f"a\n{SECRET}"}},
        {"headers": {"X": f"a\0{SECRET}"}},
        {"headers": {"X": f"{SECRET}…"}},
        {"headers": {f"X\r\n{SECRET}": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"Host": SECRET}},
        {"headers": {"content-LENGTH": "5"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"Cookie": SECRET}},
    ],
    ids=repr,
)
def test_what_must_not_be_asked_is_the_askers_fault(asked):
    """A request with an odd method, URL or header field is refused before anything is sent, and not quoted."""
    request = HttpRequest(**({"url": "https://idp.example/keys"} | asked))
    with pytest.raises(ConfigurationError) as refused:
        Transport().send(request)
    assert SECRET not in str(refused.value)


def test_a_user_agent_is_one_line():
    """A User-Agent that is no header value is refused when the transport is made."""
    with pytest.raises(ConfigurationError):
        Transport(user_agent="gateway\r\nEvil: 1")


def test_the_version_is_unknown_when_nothing_is_installed(monkeypatch):
    """The User-Agent names version 0 where the package has no metadata."""

    def missing(name):
        raise _asking.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_asking.metadata, "version", missing)
    assert _asking.checked_user_agent(None).startswith("kmvalidate/0 ")


def test_the_version_is_that_of_the_package(monkeypatch):
    """The User-Agent names the version that is installed."""
    monkeypatch.setattr(_asking.metadata, "version", {"kmvalidate": "7.8.9"}.__getitem__)
    assert _asking.checked_user_agent(None).startswith("kmvalidate/7.8.9 ")


@pytest.mark.parametrize("deadline_s", [0, -1.0, 1e-9])
def test_no_time_is_no_answer(deadline_s):
    """A deadline that has passed is reported as one, without a connection."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        with pytest.raises(KeyManagerUnavailable, match="deadline"):
            send(peer, deadline_s=deadline_s)
        assert peer.connections == 0


def run_apart(script):
    """Run *script* in a Python of its own with warnings as errors, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        check=False,
        capture_output=True,
        cwd=Path(__file__).parent.parent,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


LOADED = """
    import sys
    from kmvalidate.ports import HttpRequest, Network
    from tests.transports import KINDS
    transports = {name: kind() for name, kind in KINDS.items()}
    request = HttpRequest(url="{url}", network=Network(private_addresses=True, insecure_http=True))
    def loaded():
        return sorted({"requests", "urllib3", "certifi", "httpx2", "httpcore2", "h11", "anyio"} & set(sys.modules))
"""


def test_http_clients_are_loaded_when_they_are_used():
    """Making transports loads no HTTP client, and a blocking exchange loads none for asyncio."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as peer:
        script = LOADED.replace("{url}", peer.url())
        script += """
    print(loaded())
    transports["requests"].send(request)
    print(loaded())
    """
        assert run_apart(script) == "[]\n['certifi', 'requests', 'urllib3']\n"


FORKING = """
    import os
    from kmvalidate.ports import HttpRequest, Network
    from tests.transports import KINDS
    transport = KINDS["{kind}"]()
    request = HttpRequest(url="{url}", network=Network(private_addresses=True, insecure_http=True))
    transport.send(request)
    child = os.fork()
    body = transport.send(request).body
    if child == 0:
        os._exit(0 if body == b"hi" else 1)
    print(body, os.waitpid(child, 0)[1])
"""


def test_a_fork_changes_nothing(each_transport):
    """A transport that was used before a fork works after it, in parent and child."""
    (kind,) = (name for name, made in KINDS.items() if made is each_transport)
    with Peer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as peer:
        assert run_apart(FORKING.replace("{url}", peer.url()).replace("{kind}", kind)) == "b'hi' 0\n"
        assert peer.connections == 3
