"""PEM public keys, X.509 certificates and the files that hold them or a key set."""

import hashlib
import json
from base64 import encodebytes
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from kmvalidate.errors import ConfigurationError
from kmvalidate.key_documents import read_keys
from kmvalidate.key_sources import StaticKeys
from tests.test_keys import CURVES, RSA, b64
from tests.vectors.support import load

ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")

DSA_PEM = load("jwt_verify_lib/constants.json")[61]["value"]
SECP192R1_PEM = """-----BEGIN PUBLIC KEY-----
MEkwEwYHKoZIzj0CAQYIKoZIzj0DAQEDMgAEWFhyRIXSig5PDkh8mw1x/q42be1B
FbXkMNlmnyJ7mHvPeGzYn9hGkJNsdaNEYLy4
-----END PUBLIC KEY-----
"""


def pem(key):
    """Return a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def spki_pem(der):
    """Return a SubjectPublicKeyInfo as PEM."""
    return f"-----BEGIN PUBLIC KEY-----\n{encodebytes(der).decode()}-----END PUBLIC KEY-----\n"


def certificate(private):
    """Return a self-signed certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime(2020, 1, 1)  # noqa: DTZ001  # naive is UTC there; a pinned certificate's dates do not count
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, start, start + timedelta(days=1))
    return builder.sign(private, SHA256())


RSA_PRIVATE = rsa.generate_private_key(65537, 2048)
P256_PRIVATE = ec.generate_private_key(ec.SECP256R1())
CERTIFICATES = [certificate(private) for private in (RSA_PRIVATE, P256_PRIVATE)]
CERTIFICATE_PEMS = [one.public_bytes(Encoding.PEM).decode() for one in CERTIFICATES]


@pytest.mark.parametrize(
    ("shape", "public_key"),
    [
        ("RSA", RSA_PRIVATE.public_key()),
        *((name, ec.generate_private_key(curve).public_key()) for name, curve in CURVES.items()),
        ("Ed25519", ed25519.Ed25519PrivateKey.generate().public_key()),
        ("Ed448", ed448.Ed448PrivateKey.generate().public_key()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pem_key_of_each_type_is_read(shape, public_key):
    """A PEM public key is a key of its shape without alg, with the kid it is given or none."""
    (key,) = read_keys(pem(public_key)).keys
    assert (key.shape, key.kid, key.alg, key.x5t_s256, key.is_pem) == (shape, None, None, None, True)
    (named,) = read_keys(pem(public_key).encode(), kid="k").keys
    assert (named.kid, named.thumbprint) == ("k", key.thumbprint)


def test_a_pem_file_may_have_crlf_and_words_around():
    """Line ends of Windows and text before and behind the key change nothing."""
    plain = pem(RSA_PRIVATE.public_key())
    for text in (plain.replace("\n", "\r\n"), f"Bag Attributes\n  name: x\n{plain}", f"\n\n{plain}\n\n# end"):
        assert read_keys(text).keys == read_keys(plain).keys


def test_a_pkcs1_public_key_is_read():
    """The older PEM form for RSA, RSA PUBLIC KEY, is the same key."""
    pkcs1 = RSA_PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    assert pkcs1.startswith(b"-----BEGIN RSA PUBLIC KEY-----")
    assert read_keys(pkcs1).keys == read_keys(pem(RSA_PRIVATE.public_key())).keys


def test_a_certificate_has_a_key_and_a_thumbprint():
    """Of a certificate, long expired or not, the key counts; x5t#S256 is the hash of its DER (RFC 7515 4.1.8)."""
    (key,) = read_keys(CERTIFICATE_PEMS[0]).keys
    assert key.x5t_s256 == b64(hashlib.sha256(CERTIFICATES[0].public_bytes(Encoding.DER)).digest())
    assert key.thumbprint == read_keys(pem(RSA_PRIVATE.public_key())).keys[0].thumbprint


def test_of_a_chain_the_first_certificate_counts():
    """A chain has the key of its first certificate, whose issuers follow it."""
    (first, second) = (read_keys(one).keys for one in CERTIFICATE_PEMS)
    assert read_keys("".join(CERTIFICATE_PEMS)).keys == first
    assert read_keys("".join(reversed(CERTIFICATE_PEMS))).keys == second


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH])
def test_a_private_key_is_refused(form):
    """A file with a private key, alone or behind a certificate, is refused, whatever its form."""
    private = RSA_PRIVATE.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    for text in (private, CERTIFICATE_PEMS[0] + private, pem(RSA_PRIVATE.public_key()) + private):
        with pytest.raises(ConfigurationError, match="must not hold a private key") as refused:
            read_keys(text)
        assert private.splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        pem(RSA_PRIVATE.public_key()) + pem(P256_PRIVATE.public_key()),
        pem(P256_PRIVATE.public_key()) + CERTIFICATE_PEMS[0],
        CERTIFICATE_PEMS[0] + pem(P256_PRIVATE.public_key()),
    ],
    ids=["two keys", "key and certificate", "certificate and key"],
)
def test_a_pem_file_with_more_than_one_key_is_refused(text):
    """Which of two keys is meant is not guessed, be they keys or a key and a certificate."""
    with pytest.raises(ConfigurationError, match="one public key, or a certificate and its chain"):
        read_keys(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (pem(x25519.X25519PrivateKey.generate().public_key()), "its type is not RSA, EC or EdDSA on a supported curve"),
        (spki_pem(ED25519_SPKI + bytes(32)), "small order"),
        (spki_pem(ED25519_SPKI + bytes(31)), "it cannot be read"),
        (SECP192R1_PEM, "cannot be used"),
        (DSA_PEM, "its type is not RSA, EC or EdDSA on a supported curve"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "it cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it cannot be read"),
        ("-----BEGIN PUBLIC KEY-----\n", "it cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "it cannot be read"),
    ],
    ids=["X25519", "small order", "short", "secp192r1", "DSA", "no DER", "no certificate", "cut", "request"],
)
def test_a_pem_key_that_cannot_verify_is_refused(text, said):
    """A PEM key of another type or curve, a weak one, or none at all is a configuration error."""
    with pytest.raises(ConfigurationError, match=said):
        read_keys(text)


def test_a_jwk_with_pem_in_it_is_a_jwk():
    """A key set that has PEM text in a further member is read as the key set it is."""
    entry = RSA | {"kid": "k", "pem": CERTIFICATE_PEMS[1]}
    (key,) = read_keys(" " + json.dumps({"keys": [entry]})).keys
    assert (key.kid, key.shape, key.is_pem) == ("k", "RSA", False)


@pytest.mark.parametrize(("content", "shape"), [(json.dumps({"keys": [RSA]}), "RSA"), (CERTIFICATE_PEMS[1], "P-256")])
def test_a_file_holds_any_of_them(tmp_path, content, shape):
    """A file with a key set or with PEM is read, its path given as text or as a path."""
    path = tmp_path / "keys"
    path.write_text(content, encoding="utf-8")
    assert StaticKeys.from_file(path).key_set == StaticKeys.from_file(str(path)).key_set == read_keys(content)
    assert [key.shape for key in StaticKeys.from_file(path).key_set.keys] == [shape]


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A missing file and a directory are configuration errors that name the path."""
    for path in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match=str(path)):
            StaticKeys.from_file(path)


def test_a_file_with_neither_is_refused(tmp_path):
    """A file of random bytes is a configuration error."""
    path = tmp_path / "keys"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ConfigurationError, match="neither PEM nor JSON"):
        StaticKeys.from_file(path)


def test_a_certificate_of_no_known_version_is_refused():
    """A certificate whose version number does not exist is a ConfigurationError, like any other broken one."""
    der = CERTIFICATES[1].public_bytes(Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", 1)
    text = f"-----BEGIN CERTIFICATE-----\n{encodebytes(der).decode()}-----END CERTIFICATE-----\n"
    with pytest.raises(ConfigurationError):
        read_keys(text)
