"""
Where signing keys come from: PEM, PKCS #12, a JWK, a public key whose private half lies elsewhere, or chance.

Rules kept here: nothing here raises; what is wrong with a key is told as a `Flaw` that repeats nothing of it, so that
no exception with the key in a frame is ever under way. A PEM text has one private key. A public half is held to the
rules of the keys that tokens are verified with.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from kmvalidate.errors import ConfigurationError
from kmvalidate.key_documents import read_keys
from kmvalidate.keys import Unusable, key_of, read_jwks
from kmvalidate.private_keys import FITTING, MIN_RSA_BITS, PrivateKey, from_jwk, from_native, from_pem
from kmvalidate.signing._certificates import read_pkcs12
from kmvalidate.strict_json import Flaw, parse_object

if TYPE_CHECKING:
    from kmvalidate.key_sets import KeySet, VerificationKey

_PRIVATE = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"

_NEW = {
    "RSA": lambda: rsa.generate_private_key(65537, MIN_RSA_BITS),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@attrs.frozen(kw_only=True)
class Material:
    """
    What a document says of a key.

    Args:
        public: Its public half.

        native: The private key of cryptography, None if it lies elsewhere.

        kid: Its id, if the document has one.

        alg: The algorithm that the document binds it to.

        certificate: Its certificate, in PEM or DER, if it lies beside it.
    """

    public: VerificationKey = attrs.field(repr=False)
    native: Any = attrs.field(default=None, repr=False)
    kid: str | None = None
    alg: str | None = None
    certificate: bytes | None = attrs.field(default=None, repr=False)


def of_pem(pem: bytes, password: bytes | None) -> Material | Flaw:
    """Return the one private key in a PEM text, and the certificate beside it."""
    found = len(_PRIVATE.findall(pem))
    if found != 1:
        return Flaw("it holds several private keys" if found else "it is no PEM private key")
    return _of_private(from_pem(pem, password), _certificate_in(pem))


def of_pkcs12(data: bytes, password: bytes | None) -> Material | Flaw:
    """Return the first key of a PKCS #12 file, and its certificate."""
    found = read_pkcs12(data, password)
    return found if isinstance(found, Flaw) else _of_private(*found)


def of_jwk(source: Mapping[str, Any] | bytes) -> Material | Flaw:
    """Return the key that a private JWK is, and the first certificate of its ``x5c``."""
    jwk = dict(source) if isinstance(source, Mapping) else parse_object(source)
    if isinstance(jwk, Flaw):
        return Flaw(f"its JWK cannot be read: {jwk}")
    certificate = None
    if "x5c" in jwk:
        certificate = _first_of(jwk["x5c"])
        if certificate is None:
            return Flaw("its x5c is no array of certificates in base64 (RFC 7517 section 4.7)")
    return _of_private(from_jwk(jwk), certificate)


def of_public(source: Mapping[str, Any] | bytes) -> Material | Flaw:
    """Return the public key that a PEM text, a certificate or a public JWK is."""
    try:
        found = _public_keys(source)
    except ConfigurationError as error:
        return Flaw(f"its public half cannot be used: {error}")
    if len(found.keys) != 1 or found.skipped:  # a private member is ignored elsewhere, and reported there
        return Flaw("its public half is not one public key and nothing else")
    own = found.keys[0]
    certificate = _certificate_in(source) if isinstance(source, bytes) else None
    return Material(public=key_of(own.public_key), kid=own.kid, alg=own.alg, certificate=certificate)


def of_new(algorithm: str) -> Material | Flaw:
    """Return a new key that fits *algorithm*."""
    shape = next(shape for shape, names in FITTING.items() if algorithm in names)
    return _of_private(from_native(_NEW[shape]()), None)


def _public_keys(source: Mapping[str, Any] | bytes) -> KeySet:
    return read_jwks(source) if isinstance(source, Mapping) else read_keys(source)


def _of_private(key: PrivateKey | Flaw, certificate: bytes | None) -> Material | Flaw:
    if isinstance(key, Flaw):
        return key
    native = key.key.private_key
    try:
        public = key_of(native.public_key())  # type: ignore[union-attr]
    except Unusable as unusable:
        return Flaw(str(unusable))
    return Material(public=public, native=native, kid=key.kid, alg=key.alg, certificate=certificate)


def _certificate_in(pem: bytes) -> bytes | None:
    return pem if _CERTIFICATE in pem else None


def _first_of(x5c: object) -> bytes | None:
    try:
        return b64decode(x5c[0], validate=True) if isinstance(x5c, list) else None
    except (ValueError, TypeError, IndexError):
        return None
