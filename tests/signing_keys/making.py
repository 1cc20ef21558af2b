"""Signing keys, certificates and signers for the tests of signing keys."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

from kmvalidate.ports import BlockingPorts, run
from kmvalidate.signing import SigningKey
from tests.fakes import FakeTransport, SettableClock
from tests.signing import KEY_OF, b64, dumps, private_key, sign

#: Each algorithm that signs here.
ALGORITHMS = tuple(name for name, shape in KEY_OF.items() if shape not in {"secp256k1", "Ed448"})

#: The issuer of the certificate that WSO2's servers come with, as X.509 has it: the least specific part first.
WSO2_NAME = (
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.STATE_OR_PROVINCE_NAME, "CA"),
    (NameOID.LOCALITY_NAME, "Mountain View"),
    (NameOID.ORGANIZATION_NAME, "WSO2"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "WSO2"),
    (NameOID.COMMON_NAME, "localhost"),
)
SERIAL = 1677089283


def name_of(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def certificate(shape: str, owner: str = "idp", name: x509.Name | None = None) -> x509.Certificate:
    """Return a certificate that a key signed for itself."""
    key, issuer = private_key(shape, owner), name or name_of(*WSO2_NAME)
    begin, end = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, 2049))
    builder = x509.CertificateBuilder(issuer, issuer, key.public_key(), SERIAL, begin, end)
    return builder.sign(key, None if shape == "Ed25519" else SHA256())


def in_pem(made: x509.Certificate) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def in_der(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.DER)


def p12(key: Any, beside: x509.Certificate | None = None, password: bytes | None = b"secret") -> bytes:
    """Return a PKCS #12 file."""
    lock = NoEncryption() if password is None else BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"key", key, beside, None, lock)


def signer_of(alg: str, owner: str = "idp") -> Callable[[bytes], bytes]:
    """Return a function that signs as RFC 7518 says, with a key that the library never sees."""
    return lambda signed: sign(alg, signed, private_key(KEY_OF[alg], owner))


def signature(key: SigningKey, signed: bytes = b"header.payload") -> bytes:
    """Return a signature as blocking callers get it."""
    return run(key.sign(signed, BlockingPorts(FakeTransport(), SettableClock())))


def compact(key: SigningKey, claims: dict[str, Any]) -> str:
    """Return a compact JWS, its algorithm named as PyJWT and jwcrypto know it."""
    alg = "EdDSA" if key.algorithm == "Ed25519" else key.algorithm
    signing_input = f"{b64(dumps({'alg': alg, 'kid': key.kid}))}.{b64(dumps(claims))}"
    return f"{signing_input}.{b64(signature(key, signing_input.encode()))}"
