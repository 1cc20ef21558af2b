"""
The signature algorithms, each with the one way to verify it.

Rules kept here: nothing but this table exists, and it has no symmetric algorithm and no ``none``. The
algorithm fixes the curve, the hash and the lengths. ECDSA signatures have exactly two coordinates' length before they
are looked into (RFC 7518 section 3.4); PSS salts have the hash's length (section 3.5), MGF1 the same hash.
cryptography is called directly, and releases the GIL while it verifies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_sets import VerificationKey

    #: Tells whether a signature (first) over some bytes (second) is good.
    Verify = Callable[[bytes, bytes], bool]

_SHORT_FORM = 0x80


def verifier(alg: str, key: VerificationKey) -> Verify:
    """
    Return the function that verifies signatures of *alg* under *key*, which serves it (`VerificationKey.serves`).

    Args:
        alg: The algorithm's name in JOSE.

        key: The key.
    """
    return _MAKERS[alg](key.public_key)


def _rsa(public_key: Any, how: padding.AsymmetricPadding, hashed: HashAlgorithm) -> Verify:
    length, verify = public_key.key_size + 7 >> 3, public_key.verify

    def is_good(signature: bytes, signed: bytes) -> bool:
        if len(signature) != length:
            return False
        try:
            verify(signature, signed, how, hashed)
        except InvalidSignature:
            return False
        return True

    return is_good


def _pkcs1(hashed: HashAlgorithm) -> Callable[[Any], Verify]:
    return lambda public_key: _rsa(public_key, padding.PKCS1v15(), hashed)


def _pss(hashed: HashAlgorithm) -> Callable[[Any], Verify]:
    how = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
    return lambda public_key: _rsa(public_key, how, hashed)


def _ecdsa(hashed: HashAlgorithm, coordinate_bytes: int) -> Callable[[Any], Verify]:
    how = ec.ECDSA(hashed)

    def make(public_key: Any) -> Verify:
        verify = public_key.verify

        def is_good(signature: bytes, signed: bytes) -> bool:
            if len(signature) != 2 * coordinate_bytes:
                return False
            try:
                verify(_to_der(signature, coordinate_bytes), signed, how)
            except InvalidSignature:
                return False
            return True

        return is_good

    return make


def _eddsa(public_key: Any) -> Verify:
    verify = public_key.verify

    def is_good(signature: bytes, signed: bytes) -> bool:
        try:
            verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    return is_good


def _to_der(signature: bytes, coordinate_bytes: int) -> bytes:
    """Return R || S as the DER that OpenSSL reads; zero stays zero, and OpenSSL refuses what is not below the order."""
    r, s = _to_integer(signature[:coordinate_bytes]), _to_integer(signature[coordinate_bytes:])
    length = len(r) + len(s)
    if length < _SHORT_FORM:
        return b"\x30%c%b%b" % (length, r, s)
    return b"\x30\x81%c%b%b" % (length, r, s)


def _to_integer(coordinate: bytes) -> bytes:
    digits = coordinate.lstrip(b"\0")
    if not digits or digits[0] & 0x80:
        digits = b"\0" + digits
    return b"\x02%c%b" % (len(digits), digits)


_MAKERS: dict[str, Callable[[Any], Verify]] = {
    "RS256": _pkcs1(SHA256()),
    "RS384": _pkcs1(SHA384()),
    "RS512": _pkcs1(SHA512()),
    "PS256": _pss(SHA256()),
    "PS384": _pss(SHA384()),
    "PS512": _pss(SHA512()),
    "ES256": _ecdsa(SHA256(), 32),
    "ES384": _ecdsa(SHA384(), 48),
    "ES512": _ecdsa(SHA512(), 66),
    "ES256K": _ecdsa(SHA256(), 32),
    "EdDSA": _eddsa,
    "Ed25519": _eddsa,
    "Ed448": _eddsa,
}
