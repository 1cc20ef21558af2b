"""
The signature algorithms, each with the one way to sign with it.

Rules kept here: the algorithm fixes the hash, the padding and the length, as `kmvalidate.signatures` verifies them.
What does not depend on the message is prepared once, and cryptography is called directly. ECDSA signatures are R || S
(RFC 7518 section 3.4); PSS salts have the hash's length (section 3.5), MGF1 the same hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Returns the signature of some bytes.
    Sign = Callable[[bytes], bytes]

_SHORT_FORM = 0x80

#: The bytes of one coordinate, for each ECDSA algorithm.
COORDINATE_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}


def local_signer(alg: str, native: Any) -> Sign:
    """
    Return the function that signs with *alg*.

    Args:
        alg: The algorithm's name in JOSE; one that fits the key.

        native: The private key of cryptography.
    """
    return _MAKERS[alg](native)


def to_raw(der: bytes, coordinate_bytes: int) -> bytes:
    """
    Return the R || S of an ECDSA signature in DER; of other bytes, something that long which is no signature.

    Args:
        der: What cryptography or a key management service returned.

        coordinate_bytes: The bytes of R, and of S.

    Raises:
        IndexError: It is too short.
    """
    begin = 3 if der[1] < _SHORT_FORM else 4  # where the length of R stands, after a length of one byte or two
    end = begin + 1 + der[begin]
    r, s = der[begin + 1 : end], der[end + 2 :]
    return r[-coordinate_bytes:].rjust(coordinate_bytes, b"\0") + s[-coordinate_bytes:].rjust(coordinate_bytes, b"\0")


def _rsa(native: Any, how: padding.AsymmetricPadding, hashed: HashAlgorithm) -> Sign:
    sign = native.sign
    return lambda signed: sign(signed, how, hashed)


def _pkcs1(hashed: HashAlgorithm) -> Callable[[Any], Sign]:
    return lambda native: _rsa(native, padding.PKCS1v15(), hashed)


def _pss(hashed: HashAlgorithm) -> Callable[[Any], Sign]:
    return lambda native: _rsa(native, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)


def _ecdsa(alg: str, hashed: HashAlgorithm) -> Callable[[Any], Sign]:
    how, size = ec.ECDSA(hashed), COORDINATE_BYTES[alg]

    def make(native: Any) -> Sign:
        sign = native.sign
        return lambda signed: to_raw(sign(signed, how), size)

    return make


def _eddsa(native: Any) -> Sign:
    return native.sign  # type: ignore[no-any-return]


_MAKERS: dict[str, Callable[[Any], Sign]] = {
    "RS256": _pkcs1(SHA256()),
    "RS384": _pkcs1(SHA384()),
    "RS512": _pkcs1(SHA512()),
    "PS256": _pss(SHA256()),
    "PS384": _pss(SHA384()),
    "PS512": _pss(SHA512()),
    "ES256": _ecdsa("ES256", SHA256()),
    "ES384": _ecdsa("ES384", SHA384()),
    "ES512": _ecdsa("ES512", SHA512()),
    "EdDSA": _eddsa,
    "Ed25519": _eddsa,
}
