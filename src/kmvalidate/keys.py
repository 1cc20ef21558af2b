"""
Verification keys, from JWK Sets and single JWKs.

Rules kept here: a key is typed by its own ``kty``, ``crv``, ``alg`` and ``use``, never by a token. A
JWK's ``alg`` binds that entry; an entry without one serves what its type allows. Weak and degenerate keys are not
keys: RSA outside 2048 to 8192 bits, with an even, small or huge exponent or a ROCA modulus; EC points off their curve;
Ed25519 and Ed448 points of small order. Symmetric keys are ignored, private members are ignored and reported without
their value. An entry that cannot be used is skipped and reported; it never spoils the others (RFC 7517 section 5).
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate.errors import ConfigurationError, shown
from kmvalidate.key_sets import ALGORITHM_SHAPES, KeySet, Skipped, VerificationKey
from kmvalidate.strict_json import decode_base64url, encode_base64url
from kmvalidate.weak_keys import is_roca, is_small_order_ed448, is_small_order_ed25519

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_KEYS = 1000
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MIN_RSA_EXPONENT = 3
MAX_RSA_EXPONENT = 2**32

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class Unusable(ValueError):
    """Why one key is skipped; callers of this library never see it."""


@attrs.frozen
class _Curve:
    make: Callable[[], ec.EllipticCurve]
    coordinate_bytes: int


_CURVES = {
    "P-256": _Curve(ec.SECP256R1, 32),
    "P-384": _Curve(ec.SECP384R1, 48),
    "P-521": _Curve(ec.SECP521R1, 66),
    "secp256k1": _Curve(ec.SECP256K1, 32),
}
_CURVE_NAMES = {curve.make().name: name for name, curve in _CURVES.items()}
_OKP_BYTES = {"Ed25519": 32, "Ed448": 57}


def read_jwks(document: Mapping[str, Any], *, max_keys: int = MAX_KEYS) -> KeySet:
    """
    Return the usable keys of a JWK Set (RFC 7517 section 5) or of a single JWK, and why the others were skipped.

    Args:
        document: The JSON object.

        max_keys: Most entries accepted.

    Raises:
        ConfigurationError: It is not a JWK Set, has more entries than that, or none of them can be used.
    """
    entries = document.get("keys") if "keys" in document else [document]
    if not isinstance(entries, list):
        raise ConfigurationError("keys: a JWK Set has an array of keys")
    if len(entries) > max_keys:
        raise ConfigurationError(f"keys: a JWK Set has at most {max_keys} keys (this one: {len(entries)})")
    keys: list[VerificationKey] = []
    skipped: list[Skipped] = []
    for place, entry in enumerate(entries):
        _read_entry(place, entry, keys, skipped)
    if not keys:
        whys = "; ".join(f"entry {skip.place}: {skip.why}" for skip in skipped[:10])
        raise ConfigurationError(f"keys: none of the keys can be used ({whys or 'there are none'})")
    return KeySet.of(keys, skipped)


def key_of(public_key: object) -> VerificationKey:
    """
    Return the key that a key object of ``cryptography`` is, held to the same rules as a JWK.

    Raises:
        Unusable: It is too weak, or of a type that signs nothing here.
    """
    return _read_jwk(_to_jwk(public_key))


def _read_entry(place: int, entry: object, keys: list[VerificationKey], skipped: list[Skipped]) -> None:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    name = shown(kid) if isinstance(kid, str) else None
    try:
        keys.append(_read_jwk(entry))
    except (Unusable, UnsupportedAlgorithm) as unusable:
        skipped.append(Skipped(place, name, str(unusable)))
        return
    private = [member for member in _PRIVATE_MEMBERS if member in entry]  # type: ignore[operator]
    if private:
        why = f"its private members were ignored: {', '.join(private)}. Whoever reads this set can sign."
        skipped.append(Skipped(place, name, why, key_used=True))


def _read_jwk(entry: object) -> VerificationKey:
    if not isinstance(entry, dict):
        raise Unusable("it is not a JSON object")
    kid, alg = _optional_text(entry, "kid"), _optional_text(entry, "alg")
    alg = alg and sys.intern(alg)  # the same few strings for all keys
    _check_purpose(entry)
    kty = entry.get("kty")
    reader = _READERS.get(kty) if isinstance(kty, str) else None
    if reader is None:
        raise Unusable(f"its kty is not one of {', '.join(_READERS)}")
    shape, public_key = reader(entry)
    if alg is not None and shape not in ALGORITHM_SHAPES.get(alg, ()):
        raise Unusable(f"its alg {shown(alg)} is no signature algorithm for a key of type {shape}")
    key = _typed(public_key, shape, kid=kid, alg=alg, x5t_s256=_optional_text(entry, "x5t#S256"))
    return attrs.evolve(key, issuer=_own_issuer(entry))


def _own_issuer(entry: dict[str, Any]) -> str | None:
    """Entra ID's member: the issuer whose tokens a key signs, a template where it signs those of all tenants."""
    issuer = entry.get("issuer")
    return issuer if isinstance(issuer, str) and "{" not in issuer else None


def _check_purpose(entry: dict[str, Any]) -> None:
    use, operations = _optional_text(entry, "use"), entry.get("key_ops")
    if use not in {None, "sig"}:
        raise Unusable("its use is not sig")
    if "key_ops" in entry and not _verifies(operations):
        raise Unusable("its key_ops do not say that it verifies signatures")


def _verifies(operations: object) -> bool:
    """RFC 7517 section 4.3: no value twice; beside verify only sign, its private half, is consistent."""
    if not isinstance(operations, list) or not all(isinstance(operation, str) for operation in operations):
        return False
    return len(set(operations)) == len(operations) and "verify" in operations and set(operations) <= {"verify", "sign"}


def _optional_text(entry: dict[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if name in entry and not isinstance(value, str):
        raise Unusable(f"its {name} is not a string")
    return value


def _read_rsa(entry: dict[str, Any]) -> tuple[str, PublicKey]:
    n, e = (int.from_bytes(_octets(entry, name), "big") for name in ("n", "e"))
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        raise Unusable(f"its modulus has {n.bit_length()} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")
    if not MIN_RSA_EXPONENT <= e < MAX_RSA_EXPONENT or not e & 1 or not n & 1:
        raise Unusable("its exponent is not odd and between 3 and 2^32, or its modulus is even")
    if is_roca(n):
        raise Unusable("its modulus has the ROCA weakness (CVE-2017-15361): replace that key at once")
    return "RSA", rsa.RSAPublicNumbers(e, n).public_key()


def _read_ec(entry: dict[str, Any]) -> tuple[str, PublicKey]:
    name = _curve_name(entry, _CURVES)
    curve = _CURVES[name]
    x, y = (_octets(entry, member) for member in ("x", "y"))
    if len(x) != curve.coordinate_bytes or len(y) != curve.coordinate_bytes:
        raise Unusable(f"its coordinates do not have the {curve.coordinate_bytes} bytes of {name}")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve.make())
    try:
        return name, numbers.public_key()
    except ValueError:
        raise Unusable(f"its point is not on {name}") from None


def _read_okp(entry: dict[str, Any]) -> tuple[str, PublicKey]:
    name = _curve_name(entry, _OKP_BYTES)
    x = _octets(entry, "x")
    if len(x) != _OKP_BYTES[name]:
        raise Unusable(f"its x does not have the {_OKP_BYTES[name]} bytes of {name}")
    if (is_small_order_ed25519 if name == "Ed25519" else is_small_order_ed448)(x):
        raise Unusable("its point has small order: one signature would fit every message")
    if name == "Ed25519":
        return name, ed25519.Ed25519PublicKey.from_public_bytes(x)
    return name, ed448.Ed448PublicKey.from_public_bytes(x)


_READERS: dict[str, Callable[[dict[str, Any]], tuple[str, PublicKey]]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
}


def _curve_name(entry: dict[str, Any], known: Mapping[str, object]) -> str:
    name = entry.get("crv")
    if not isinstance(name, str) or name not in known:
        raise Unusable(f"its crv is not one of {', '.join(known)}")
    return name


def _octets(entry: dict[str, Any], name: str) -> bytes:
    value = entry.get(name)
    octets = decode_base64url(value) if isinstance(value, str) else None
    if not octets:
        raise Unusable(f"its {name} is missing or not base64url")
    return octets


def _typed(
    public_key: PublicKey, shape: str, *, kid: str | None, alg: str | None, x5t_s256: str | None
) -> VerificationKey:
    return VerificationKey(
        kid=kid, alg=alg, shape=shape, x5t_s256=x5t_s256, thumbprint=_thumbprint(public_key), public_key=public_key
    )


def _to_jwk(public_key: object) -> dict[str, Any]:
    """Return the required members of a public key's JWK (RFC 7638 section 3.2)."""
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        return {"kty": "RSA", "n": encode_base64url(_minimal(numbers.n)), "e": encode_base64url(_minimal(numbers.e))}
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.name in _CURVE_NAMES:
        name = _CURVE_NAMES[public_key.curve.name]
        size = _CURVES[name].coordinate_bytes
        point = public_key.public_numbers()
        x, y = (encode_base64url(coordinate.to_bytes(size, "big")) for coordinate in (point.x, point.y))
        return {"kty": "EC", "crv": name, "x": x, "y": y}
    if isinstance(public_key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        name = "Ed25519" if isinstance(public_key, ed25519.Ed25519PublicKey) else "Ed448"
        return {
            "kty": "OKP",
            "crv": name,
            "x": encode_base64url(public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)),
        }
    raise Unusable("its type is not RSA, EC or EdDSA on a supported curve")


def _thumbprint(public_key: PublicKey) -> str:
    """RFC 7638: SHA-256 of the required members in lexical order, without white space."""
    members = json.dumps(_to_jwk(public_key), sort_keys=True, separators=(",", ":"))
    return encode_base64url(hashlib.sha256(members.encode("ascii")).digest())


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
