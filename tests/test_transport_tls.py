"""Whom we trust and how we are trusted."""

import time
from pathlib import Path

import pytest

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from tests.hostile import HOST, Authority, Peer, after, answering
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

HELLO = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority):
    return authority.issue()


def send(peer, ca_file, *, body=None, deadline_s=3.0, url=None, **network):
    request = HttpRequest(
        method="POST" if body else "GET",
        url=url or peer.url(),
        body=body,
        deadline_s=deadline_s,
        network=Network(private_addresses=True, ca_file=ca_file, **network),
    )
    return Transport().send(request)


def unavailable(*args, **kwargs):
    with pytest.raises(KeyManagerUnavailable) as raised:
        send(*args, **kwargs)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    return raised.value.why


def test_a_server_of_the_given_authority_is_trusted(authority, leaf):
    """A server whose certificate comes from ca_file and names the host is talked to, with bodies of any size."""
    with Peer(HELLO, tls=leaf.server()) as peer:
        assert send(peer, authority.ca_file, body=b"x" * 300_000).body == b"hello"
    assert peer.requests[0].endswith(b"\r\n\r\n" + b"x" * 300_000)


def test_an_authority_nobody_named_is_not_trusted(leaf):
    """Without ca_file a server of an authority of somebody's own is not trusted."""
    with Peer(HELLO, tls=leaf.server()) as peer:
        assert "certificate is not accepted" in unavailable(peer, None)
    assert peer.requests == [b""]


def test_another_authority_is_not_trusted(leaf, tmp_path):
    """A server of an authority other than that of ca_file is not trusted."""
    with Peer(HELLO, tls=leaf.server()) as peer:
        assert "certificate is not accepted" in unavailable(peer, Authority(tmp_path, "other").ca_file)


def test_a_certificate_that_signed_itself_is_not_trusted(authority, tmp_path):
    """A certificate that nobody but itself vouches for is not trusted."""
    selfish = Authority(tmp_path, "selfish")
    with Peer(HELLO, tls=selfish.issue(file="self").server()) as peer:
        assert "certificate is not accepted" in unavailable(peer, authority.ca_file)


def test_a_certificate_for_another_host_is_not_trusted(authority):
    """A certificate that names another host is not trusted, whoever signed it."""
    with Peer(HELLO, tls=authority.issue(host="idp.example", file="other").server()) as peer:
        assert "mismatch" in unavailable(peer, authority.ca_file)


def test_an_expired_certificate_is_not_trusted(authority):
    """A certificate that has expired is not trusted."""
    with Peer(HELLO, tls=authority.issue(days=-1, file="old").server()) as peer:
        assert "expired" in unavailable(peer, authority.ca_file)


def test_a_name_is_checked_as_a_name(authority, monkeypatch):
    """A host that was given by name is verified under that name, wherever it resolves to."""
    with Peer(HELLO, tls=authority.issue(host="idp.example", file="named").server()) as peer:
        found = [(2, 1, 6, "", (HOST, peer.port))]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        assert send(peer, authority.ca_file, url=f"https://idp.example:{peer.port}/").body == b"hello"


def test_only_the_given_authority_is_trusted(authority, leaf):
    """With ca_file nothing else is trusted, not even after requests has had the context in its hands."""
    transport = Transport()
    network = Network(private_addresses=True, ca_file=authority.ca_file)
    with Peer(HELLO, tls=leaf.server()) as peer:
        transport.send(HttpRequest(url=peer.url(), network=network))
    assert len(transport._sending._contexts.of(network).get_ca_certs()) == 1


def test_a_handshake_that_hangs_ends_with_the_deadline(authority):
    """A peer that accepts and never shakes hands ends with the deadline."""
    start = time.monotonic()
    with Peer(lambda call: call.hang()) as peer:
        assert "deadline" in unavailable(peer, authority.ca_file, url=f"https://{HOST}:{peer.port}/", deadline_s=0.5)
    assert time.monotonic() - start < 10


def test_a_handshake_that_drips_ends_with_the_deadline(authority):
    """A peer that shakes hands byte by byte ends with the deadline."""
    start = time.monotonic()
    with Peer(lambda call: call.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"a" * 200)) as peer:
        assert "deadline" in unavailable(peer, authority.ca_file, url=f"https://{HOST}:{peer.port}/", deadline_s=0.5)
    assert time.monotonic() - start < 10


def test_a_body_that_drips_over_tls_ends_with_the_deadline(authority, leaf):
    """A body that comes byte by byte over TLS ends with the deadline."""
    start = time.monotonic()
    drip = after(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", lambda call: call.drip(b"a"))
    with Peer(drip, tls=leaf.server()) as peer:
        assert "deadline" in unavailable(peer, authority.ca_file, deadline_s=0.5)
    assert time.monotonic() - start < 10


def test_a_peer_that_never_reads_over_tls_ends_with_the_deadline(authority, leaf):
    """A peer that reads nothing after the handshake ends with the deadline, however large the body."""
    start = time.monotonic()
    with Peer(lambda call: call.peer.stopping.wait(5), tls=leaf.server()) as peer:
        why = unavailable(peer, authority.ca_file, body=b"x" * 20_000_000, deadline_s=0.5)
    assert "deadline" in why
    assert time.monotonic() - start < 10


def test_a_peer_that_reads_slowly_over_tls_ends_with_the_deadline(authority, leaf):
    """A peer that takes a little of a large body now and then ends with the deadline."""

    def sip(call):
        while not call.peer.stopping.wait(0.005) and call.sock.recv(65_536):
            pass

    start = time.monotonic()
    with Peer(sip, tls=leaf.server()) as peer:
        assert "deadline" in unavailable(peer, authority.ca_file, body=b"x" * 50_000_000, deadline_s=0.5)
    assert time.monotonic() - start < 10


def test_plain_http_is_not_taken_for_tls(authority):
    """A peer that answers a handshake in plain HTTP is reported as a failure of TLS."""
    with Peer(lambda call: call.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as peer:
        assert "TLS failed" in unavailable(peer, authority.ca_file, url=f"https://{HOST}:{peer.port}/")


def test_an_end_that_tls_vouches_for_ends_a_body(authority, leaf):
    """A body without a length ends with TLS's own end."""
    with Peer(after(UNTIL_THE_END, lambda call: call.sock.unwrap()), tls=leaf.server()) as peer:
        assert send(peer, authority.ca_file).body == b"hello"


def test_an_end_that_anybody_could_have_made_ends_no_body(authority, leaf):
    """A body without a length is cut off, not complete, when the connection ends without TLS's own end."""
    with Peer(answering(UNTIL_THE_END), tls=leaf.server()) as peer:
        assert "TLS failed" in unavailable(peer, authority.ca_file)


@pytest.mark.parametrize("one_file", [False, True], ids=["two files", "one file"])
def test_a_server_that_asks_who_we_are_is_told(authority, leaf, one_file, tmp_path):
    """A server that asks for a certificate gets that of client_cert_file, with its key in that file or another."""
    ours = authority.issue(host="gateway.example", file="gateway")
    both = tmp_path / "both.pem"
    both.write_bytes(Path(ours.cert_file).read_bytes() + Path(ours.key_file).read_bytes())
    two = {"client_cert_file": ours.cert_file, "client_key_file": ours.key_file}
    given = {"client_cert_file": str(both)} if one_file else two
    seen = []
    script = after(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", lambda call: seen.append(call.sock.getpeercert()))
    with Peer(script, tls=leaf.server(client_ca=authority.ca_file)) as peer:
        send(peer, authority.ca_file, **given)
    assert seen[0]["subject"] == ((("commonName", "gateway"),),)


def test_a_server_that_asks_in_vain_is_no_answer(authority, leaf):
    """A server that asks for a certificate when there is none ends the exchange."""
    with Peer(HELLO, tls=leaf.server(client_ca=authority.ca_file)) as peer:
        assert unavailable(peer, authority.ca_file)


@pytest.mark.parametrize("setting", ["ca_file", "client_cert_file", "client_key_file"])
@pytest.mark.parametrize(
    "content", [None, "", "-----BEGIN NONSENSE-----\nhunter2\n"], ids=["missing", "empty", "broken"]
)
def test_a_file_of_no_use_is_the_operators_fault(leaf, tmp_path, setting, content):
    """A missing, empty or broken file is a ConfigurationError that names the setting and shows nothing of it."""
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    files = {"client_cert_file": leaf.cert_file, setting: str(file)}
    with pytest.raises(ConfigurationError, match=setting) as raised:
        Transport().send(HttpRequest(url="https://idp.example/", network=Network(**files)))
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert "hunter2" not in str(raised.value)


def test_a_key_under_a_password_is_refused_and_nobody_asked(authority):
    """A client key under a password is the operator's fault, and no password is asked for at the terminal."""
    locked = authority.issue(file="locked", password=b"hunter2")
    network = Network(client_cert_file=locked.cert_file, client_key_file=locked.key_file)
    with pytest.raises(ConfigurationError, match="client_key_file"):
        Transport().send(HttpRequest(url="https://idp.example/", network=network))
