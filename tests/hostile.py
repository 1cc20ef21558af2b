"""
Peers that do to a client what hostile servers do: over real sockets, on 127.0.0.1.

Rules kept here: a `Peer` plays its script on every connection and counts what it could send, so that a test can say
how much a client took; it ends with its ``with`` block, threads and sockets included, whatever the client did.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "127.0.0.1"
_TICK_S = 0.05


class Call:
    """One connection, seen from the peer."""

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        self.sock = sock
        self.peer = peer
        self.request = b""

    def read_request(self) -> bytes:
        """Read one request with its body; what has come when the client goes or stalls is returned as it is."""
        with contextlib.suppress(OSError):
            while not _whole(self.request) and (piece := self.sock.recv(65_536)):
                self.request += piece
        return self.request

    def send(self, data: bytes) -> bool:
        """Send *data*, count it, and return whether the client took it."""
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        self.peer.sent += len(data)
        return True

    def drip(self, data: bytes) -> None:
        """Send one byte of *data* after the other, slowly, and again from its start until somebody gives up."""
        while all(self.send(bytes([byte])) and not self.peer.stopping.wait(_TICK_S) for byte in data):
            pass

    def pour(self, data: bytes, most: int = 200_000_000) -> None:
        """Send *data* again and again, as fast as the client takes it, up to *most* bytes."""
        while self.peer.sent < most and not self.peer.stopping.is_set() and self.send(data):
            pass

    def hang(self) -> None:
        """Keep the connection open and say nothing until somebody gives up."""
        self.sock.settimeout(_TICK_S)
        while not self.peer.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.sock.recv(1):
                    return

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self.sock = context.wrap_socket(self.sock, server_side=True)


Script = Callable[[Call], object]


class Peer:
    """A server on a port of its own that plays *script* on every connection."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.sent = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._script = script
        self._tls = tls
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(_TICK_S)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def url(self, path: str = "/keys") -> str:
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept() where the system is so kind
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(OSError):
                sock, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._play, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _play(self, sock: socket.socket) -> None:
        sock.settimeout(5)
        call = Call(sock, self)
        try:
            with contextlib.suppress(OSError):
                if self._tls:
                    call.start_tls(self._tls)
                self._script(call)
        finally:
            self.requests.append(call.request)
            call.sock.close()
            sock.close()


def answering(*pieces: bytes) -> Script:
    """Return a script that reads a request, sends *pieces* and closes."""
    return lambda call: call.read_request() and [call.send(piece) for piece in pieces]


def after(head: bytes, then: Callable[[Call], object]) -> Script:
    """Return a script that reads a request, sends *head* and goes on with *then*."""

    def script(call: Call) -> None:
        call.read_request()
        call.send(head)
        then(call)

    return script


def _whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= int(length[0] if length else 0)


@attrs.frozen
class Pem:
    """A certificate and its key, in files."""

    cert_file: str
    key_file: str

    def server(self, client_ca: str | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert_file, self.key_file)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """A certificate authority of the tests' own, in *folder*."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        built = self._builder(self._name, self._key, 30).add_extension(x509.BasicConstraints(True, None), True)
        self.ca_file = str(folder / f"{name}.pem")
        Path(self.ca_file).write_bytes(_pem(built.add_extension(usage, True).sign(self._key, hashes.SHA256())))

    def issue(self, *, host: str = HOST, days: int = 30, file: str = "leaf", password: bytes | None = None) -> Pem:
        """Return a certificate for *host* that ends in *days* days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)])
        cert = (
            self._builder(name, key, days)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        pem = Pem(str(self._folder / f"{file}.pem"), str(self._folder / f"{file}.key"))
        Path(pem.cert_file).write_bytes(_pem(cert))
        Path(pem.key_file).write_bytes(_key_pem(key, password))
        return pem

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=60))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None) -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


@contextlib.contextmanager
def deaf_peer() -> Iterator[int]:
    """A port whose connections are accepted by the kernel and read by nobody."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def swallowing_peer() -> Iterator[int]:
    """A port that answers no connection: the kernel drops what comes when the queue of a listener is full."""
    with socket.create_server((HOST, 0), backlog=0) as listener, socket.socket() as queued:
        queued.connect(listener.getsockname())
        yield listener.getsockname()[1]
