"""Servers we trust that keep TLS busy with what is nobody's answer."""

import socket
import ssl
import struct
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest, Network
from tests.hostile import Authority, Peer
from tests.transports import Transport

pytestmark = pytest.mark.usefixtures("each_transport")

HANDSHAKE, SESSION_TICKET = 22, 4


class Records:
    """Encrypts handshake messages the way a TLS 1.3 server does after the handshake."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(self._expanded(secret, b"tls13 key", 32))
        self._iv = int.from_bytes(self._expanded(secret, b"tls13 iv", 12))
        self._sent = 0

    def _expanded(self, secret: bytes, label: bytes, length: int) -> bytes:
        info = struct.pack("!HB", length, len(label)) + label + b"\0"
        return HKDFExpand(hashes.SHA384(), length, info).derive(secret)

    def of(self, messages: bytes) -> bytes:
        inner = messages + bytes([HANDSHAKE])
        head = b"\x17\x03\x03" + struct.pack("!H", len(inner) + 16)
        nonce = (self._iv ^ self._sent).to_bytes(12)
        self._sent += 1
        return head + self._aead.encrypt(nonce, inner, head)


def ticket():
    body = struct.pack("!II", 7200, 0) + b"\1\0" + b"\0\1t" + b"\0\0"  # lifetime, age, nonce, ticket, extensions
    return bytes([SESSION_TICKET]) + len(body).to_bytes(3) + body


def flooding(keys, tickets):
    """Return a script that reads a request and goes on with records of *tickets* tickets each."""

    def script(call):
        call.read_request()
        assert call.sock.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        lines = [line.split() for line in keys.read_text("ascii").splitlines()]
        (secret,) = (line[2] for line in lines if line[0] == "SERVER_TRAFFIC_SECRET_0")
        records = Records(bytes.fromhex(secret))
        call.sock = socket.socket(fileno=call.sock.detach())  # from here on the records are ours
        call.sock.settimeout(5)
        while not call.peer.stopping.is_set() and call.send(
            b"".join(records.of(ticket() * tickets) for _ in range(16))
        ):
            pass

    return script


@pytest.mark.parametrize("tickets", [1, 800])
@pytest.mark.parametrize(("max_bytes", "end"), [(1000, "larger than the cap"), (1 << 40, "within the deadline")])
def test_tickets_without_end_are_no_answer(tmp_path, tickets, max_bytes, end):
    """A server that sends tickets for later sessions without end gets no further than the cap and the deadline."""
    authority, keys = Authority(tmp_path), tmp_path / "keys"
    server = authority.issue().server()
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    server.num_tickets = 0
    server.keylog_filename = str(keys)
    start = time.monotonic()
    with Peer(flooding(keys, tickets), tls=server) as peer:
        network = Network(private_addresses=True, ca_file=authority.ca_file)
        request = HttpRequest(url=peer.url(), network=network, deadline_s=1.0, max_bytes=max_bytes)
        with pytest.raises(KeyManagerUnavailable, match=end):
            Transport().send(request)
        assert time.monotonic() - start < 10
    assert 0 < peer.sent < 50_000_000  # what was taken, and what the system's buffers hold
