"""The provider's signing key pinned in a file that is rotated on disk: nothing is asked, and the new key is found."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import JWKRegistry

from kmvalidate import KeysNotFetched, Reason, StaticKeys, Status
from tests.e2e.gateway import SettableClock, eventually, header_of, key_manager
from tests.e2e.live import Live, Way
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

CHECK_S = 1
DUE_S = 1.5  # the check is due, and nobody waits for it
YEAR_S = 3.2e7
LONG_AGO_S = 60  # nobody came for so long that the next one waits


def signing_key(issuer: Issuer, token: str) -> Any:
    """Return the public key that *token* was signed with, as the issuer publishes it."""
    (jwk,) = (key for key in issuer.get("/jwks")["keys"] if key["kid"] == header_of(token)["kid"])
    return JWKRegistry.import_key(jwk).public_key


def pem(key: Any, _: dict[str, Any]) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate(key: Any, _: dict[str, Any]) -> bytes:
    """Return a certificate for *key*, by somebody who does not matter."""
    now, name = dt.datetime.now(dt.UTC), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
    builder = x509.CertificateBuilder(name, name, key, x509.random_serial_number(), now, now + dt.timedelta(days=1))
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM)


def jwks(_: Any, published: dict[str, Any]) -> bytes:
    return json.dumps(published).encode()


FORMS: dict[str, Callable[[Any, dict[str, Any]], bytes]] = {"pem": pem, "certificate": certificate, "jwks": jwks}


class KeyOnDisk:
    """A file with the signing key of an issuer in some form, replaced as deployments do it: at once."""

    def __init__(self, path: Path, issuer: Issuer, form: Callable[[Any, dict[str, Any]], bytes] = pem) -> None:
        self.path, self._issuer, self._form = path, issuer, form

    def follow(self, token: str) -> None:
        """Write the key of *token* to the file."""
        self.replace(self._form(signing_key(self._issuer, token), self._issuer.get("/jwks")))
        self._issuer.reset()

    def replace(self, content: bytes) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self.path)

    def keys(self, **how: Any) -> StaticKeys:
        return StaticKeys.from_file(self.path, check_every_s=CHECK_S, **how)


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Live]:
    return lambda issuer, keys: Live(way, clock, [key_manager(issuer, keys=keys)])


@pytest.mark.parametrize(
    ("form", "algorithm"),
    [("pem", "ES256"), ("pem", "EdDSA"), ("certificate", "RS256"), ("certificate", "ES384"), ("jwks", "ES256")],
)
def test_rotated(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path, form: str, algorithm: str) -> None:
    """A key that is replaced on disk is in use after the next check, the one before it no more, and nobody is asked."""
    old = root.token(algorithm)
    disk = KeyOnDisk(tmp_path / "signer", root, FORMS[form])
    disk.follow(old)
    gate = gate_of(root, disk.keys())
    remembered = gate.accept(old).payload
    assert gate.health().status is Status.FRESH
    root.rotate(keep_old=False)
    new = root.token(algorithm)
    disk.follow(new)
    assert gate.refused(new).reason in {Reason.BAD_SIGNATURE, Reason.UNKNOWN_KEY}
    assert gate.accept(old).payload is remembered  # nobody has looked yet
    gate.clock.advance(DUE_S)
    eventually(lambda: gate.accepts(new))
    assert gate.refused(old).reason in {Reason.BAD_SIGNATURE, Reason.UNKNOWN_KEY}
    assert gate.story == ["KeyManagerAdded", "KeysFetched", "KeysFetched"]  # at the first use, and at the check
    assert root.hits("") == 0


def test_rotated_long_ago(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """After a pause the first request sees the new key already."""
    disk = KeyOnDisk(tmp_path / "signer.pem", root)
    old = root.token("ES256")
    disk.follow(old)
    gate = gate_of(root, disk.keys())
    gate.accept(old)
    root.rotate(keep_old=True)
    new = root.token("ES256")
    disk.follow(new)
    gate.clock.advance(LONG_AGO_S)
    assert gate.refused(old).reason is Reason.BAD_SIGNATURE
    gate.accept(new)


def test_a_new_key_id(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """A token whose key id a file lacks makes the file be read again, at most once a second."""
    disk = KeyOnDisk(tmp_path / "keys.json", root, jwks)
    old = root.token("ES256")
    disk.follow(old)
    gate = gate_of(root, StaticKeys.from_file(disk.path, check_every_s=3600))
    remembered = gate.accept(old).payload
    root.rotate(keep_old=True)
    new = root.token("ES256")
    disk.follow(new)
    assert gate.refused(new).reason is Reason.UNKNOWN_KEY
    gate.clock.advance(CHECK_S)
    gate.accept(new)
    assert gate.accept(old).payload is remembered
    assert root.hits("") == 0


@pytest.mark.parametrize("broken", ["gone", "garbage", "empty", "a folder"])
def test_broken(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path, broken: str) -> None:
    """While the file cannot be used its key stays, the health says so, and when it can be again all is well."""
    disk = KeyOnDisk(tmp_path / "signer.pem", root)
    token = root.token("ES256")
    disk.follow(token)
    gate = gate_of(root, disk.keys())
    gate.accept(token)
    disk.path.unlink()
    if broken == "a folder":
        disk.path.mkdir()
    elif broken != "gone":
        disk.path.write_bytes({"garbage": b"\x00garbage", "empty": b""}[broken])
    for failures in (1, 2, 3):
        gate.clock.advance(LONG_AGO_S)
        assert gate.accept(token).key_id is None  # the first waits for the check, which fails, and the others do not
        eventually(lambda failures=failures: gate.health().failures == failures)
        assert gate.health().usable
    assert gate.health().status is Status.UNREACHABLE
    eventually(lambda: gate.story[-1] == "KeyManagerUnreachable")
    assert [event.failures for event in gate.told(KeysNotFetched)] == [1, 2, 3]
    if broken == "a folder":
        disk.path.rmdir()
    root.rotate(keep_old=False)
    new = root.token("ES256")
    disk.follow(new)
    gate.clock.advance(LONG_AGO_S)
    eventually(lambda: gate.accepts(new))
    assert gate.refused(token).reason is Reason.BAD_SIGNATURE
    eventually(lambda: gate.story[-2:] == ["KeyManagerReachable", "KeysFetched"])


def test_missing_for_years(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """A key whose file has not been readable for years is used all the same, also after all keys were dropped."""
    disk = KeyOnDisk(tmp_path / "signer.pem", root)
    token = root.token("ES256")
    disk.follow(token)
    gate = gate_of(root, disk.keys())
    gate.accept(token)
    disk.path.unlink()
    for _ in range(3):
        gate.clock.advance(YEAR_S)
        gate.accept(token)
        gate.registry.drop_keys("root")
        gate.accept(token)
    assert gate.health().usable
    root.rotate(keep_old=True)
    new = root.token("ES256")
    disk.follow(new)
    gate.registry.drop_keys("root")
    assert gate.refused(token).reason is Reason.BAD_SIGNATURE
    gate.accept(new)


def test_withdrawn_before_the_first_use(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """A key that was taken from its file after it was configured is not used, nor with a configuration put back."""
    old = root.token("ES256")
    disk = KeyOnDisk(tmp_path / "signer.pem", root)
    disk.follow(old)
    keys = disk.keys()
    root.rotate(keep_old=True)
    new = root.token("ES256")
    disk.follow(new)
    gate = gate_of(root, keys)
    assert gate.refused(old).reason is Reason.BAD_SIGNATURE
    gate.accept(new)
    (manager,) = gate.registry.managers
    gate.registry.remove("configuration", "root")
    gate.registry.add("configuration", manager)
    assert gate.refused(old).reason is Reason.BAD_SIGNATURE
    gate.accept(new)


def test_a_link_that_moves(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """A file behind a link that is pointed elsewhere, as Kubernetes mounts secrets, is followed."""
    old = root.token("ES256")
    KeyOnDisk(_folder(tmp_path / "one") / "signer.pem", root).follow(old)
    root.rotate(keep_old=True)
    new = root.token("ES256")
    KeyOnDisk(_folder(tmp_path / "two") / "signer.pem", root).follow(new)
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "signer.pem").symlink_to("data/signer.pem")
    gate = gate_of(root, StaticKeys.from_file(tmp_path / "signer.pem", check_every_s=CHECK_S))
    gate.accept(old)
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    gate.clock.advance(LONG_AGO_S)
    gate.accept(new)
    assert gate.refused(old).reason is Reason.BAD_SIGNATURE


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_several_files(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """Of several files each is followed, and the keys of the others are carried over."""
    first, second = root.token("ES256"), root.token("RS256")
    disks = [KeyOnDisk(tmp_path / "ec.pem", root), KeyOnDisk(tmp_path / "rsa.pem", root, certificate)]
    keys = []
    for disk, token in zip(disks, (first, second), strict=True):
        disk.follow(token)
        keys.append(disk.keys(kid=header_of(token)["kid"]))
    gate = gate_of(root, keys)
    gate.accept(first)
    remembered = gate.accept(second).payload
    disks[0].replace(pem(ec.generate_private_key(ec.SECP256R1()).public_key(), {}))
    gate.clock.advance(LONG_AGO_S)
    assert gate.refused(first).reason is Reason.BAD_SIGNATURE
    assert gate.accept(second).payload is remembered
    assert root.hits("") == 0
