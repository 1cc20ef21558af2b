"""
The private keys that assertions of clients and tokens of our own are signed with.

Rules kept here: a key is typed by itself, and signs only with an algorithm that fits its type: never a symmetric one,
never none. RSA outside 2048 to 8192 bits, and a JWK that contradicts itself, are no keys. What is wrong with a key is
told in words that repeat nothing of it. The parsed keys of clients are remembered, for checking an RSA key takes long;
few of them, by the digest of their text. Apart from `kmvalidate.client_auth`, because most clients have no private key,
and this brings cryptography; the first assertion brings Authlib.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey

from kmvalidate.own_lock import OwnLock
from kmvalidate.strict_json import Flaw, decode_base64url, encode_base64url, parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_REMEMBERED = 64

#: The algorithms that fit each type of key, its default first (RFC 7518 section 3.1, RFC 8037, RFC 9864).
FITTING = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
}
ALGORITHMS = tuple(name for names in FITTING.values() for name in names)

_NO_TYPE = "it is of a type that signs nothing here"
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_TYPES: dict[object, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_MEMBERS = (*_PUBLIC_MEMBERS, "d", "p", "q", "dp", "dq", "qi", "oth")


@attrs.frozen
class PrivateKey:
    """
    A private key, and what it signs with.

    Args:
        shape: Its type: ``RSA`` or the name of its curve.

        key: The key.

        kid: Its id, where a JWK has one.

        alg: The algorithm it signs with; of a key as it was read, the one its JWK names.
    """

    shape: str
    key: RSAKey | ECKey | OKPKey = attrs.field(repr=False)
    kid: str | None = None
    alg: str | None = None

    def assertion(self, claims: Mapping[str, Any], *, kid: str | None) -> str:
        """
        Return the JWT of *claims* (RFC 7523 section 3), signed.

        Args:
            claims: All claims, the times too.

            kid: What the header names the key.
        """
        header = {"typ": "JWT", "alg": self.alg} | ({} if kid is None else {"kid": kid})
        if self.alg == "EdDSA":
            return self._eddsa(header, claims)
        from authlib.oauth2.rfc7523 import private_key_jwt_sign  # noqa: PLC0415  # takes long, and few need it

        # It puts all claims, the times too, over those that it makes
        signed = private_key_jwt_sign(
            self.key, claims["iss"], claims["aud"], alg=str(self.alg), claims=dict(claims), header=header
        )
        return str(signed)

    def _eddsa(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Sign by hand: joserfc warns of the name each time (RFC 9864), and many servers know no other."""
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
        signed = ".".join(map(encode_base64url, parts))
        signature: bytes = self.key.private_key.sign(signed.encode())  # type: ignore[union-attr,call-arg]
        return f"{signed}.{encode_base64url(signature)}"


_remembered: dict[bytes, PrivateKey] = {}  # by the SHA-256 of their texts, the one used last at the end
_remembering = OwnLock()


def private_key(text: str, algorithm: str | None) -> PrivateKey | Flaw:
    """
    Return the key that *text* is, or why it cannot sign.

    Args:
        text: A PEM private key without a password, or a private JWK as JSON.

        algorithm: What it is to sign with. By default what the JWK says, or else the default for its type.
    """
    key = _known(text)
    if isinstance(key, Flaw):
        return key
    alg = fitting(key.shape, algorithm, key.alg)
    return alg if isinstance(alg, Flaw) else attrs.evolve(key, alg=alg)


def fitting(shape: str, asked: str | None, own: str | None) -> str | Flaw:
    """
    Return the algorithm that a key signs with, or why there is none.

    Args:
        shape: Its type: ``RSA`` or the name of its curve.

        asked: What it is to sign with; by default what its JWK says, or else the default for its type.

        own: What its JWK says.
    """
    fit = FITTING.get(shape)
    if fit is None:
        return Flaw(_NO_TYPE)
    chosen = asked or own or fit[0]
    if chosen not in fit:
        return Flaw(f"its algorithm does not fit a key of type {shape}")
    if own not in {None, chosen}:
        return Flaw("its JWK is for another algorithm")
    return chosen


def _known(text: str) -> PrivateKey | Flaw:
    digest = sha256(text.encode()).digest()
    with _remembering:
        key = _remembered.pop(digest, None)
    parsed = _parsed(text) if key is None else key
    if isinstance(parsed, PrivateKey):
        with _remembering:
            _remembered[digest] = parsed
            while len(_remembered) > MAX_REMEMBERED:
                del _remembered[next(iter(_remembered))]
    return parsed


def _parsed(text: str) -> PrivateKey | Flaw:
    if text.lstrip().startswith("{"):
        document = parse_object(text.encode())
        return document if isinstance(document, Flaw) else from_jwk(document)
    if "-----BEGIN " not in text:
        return Flaw("it is neither PEM nor a JWK")
    return from_pem(text.encode())


def from_pem(pem: bytes, password: bytes | None = None) -> PrivateKey | Flaw:
    """
    Return the first key in a PEM text, or why it cannot sign.

    Args:
        pem: The text, which may hold other things beside the key.

        password: What the key is encrypted with.
    """
    is_locked = b"ENCRYPTED" in pem
    if is_locked and password is None:
        return Flaw("it has a password")
    if password is not None and not is_locked:
        return Flaw("it is not encrypted, or no PEM private key, and a password was given")
    try:
        native = load_pem_private_key(pem, password)
    except Exception:  # noqa: BLE001  # cryptography has many; none may leave with the key in a frame
        return Flaw("its password is another, or it is no PEM private key" if is_locked else "it is no PEM private key")
    return from_native(native)


def public_members(shape: str, public: Any) -> dict[str, Any]:
    """
    Return the members of a public key's JWK (RFC 7518 section 6, RFC 8037 section 2).

    Args:
        shape: Its type: ``RSA`` or the name of its curve.

        public: The public key of cryptography.
    """
    kind: Any = {"RSA": RSAKey, "Ed25519": OKPKey}.get(shape, ECKey)
    members = kind.import_key(public).as_dict(private=False)
    return {name: members[name] for name in _PUBLIC_MEMBERS if name in members}


def from_native(native: object) -> PrivateKey | Flaw:
    """Return the key that a key object of cryptography is, or why it cannot sign."""
    if isinstance(native, rsa.RSAPrivateKey):
        return _rsa_flaw(native.key_size) or PrivateKey("RSA", RSAKey.import_key(native))
    if isinstance(native, ec.EllipticCurvePrivateKey) and native.curve.name in _CURVES:
        return PrivateKey(_CURVES[native.curve.name], ECKey.import_key(native))
    if isinstance(native, ed25519.Ed25519PrivateKey):
        return PrivateKey("Ed25519", OKPKey.import_key(native))
    return Flaw(_NO_TYPE)


def from_jwk(jwk: dict[str, Any]) -> PrivateKey | Flaw:
    """Return the key that a private JWK is (RFC 7517 section 4), or why it cannot sign."""
    flaw = _jwk_flaw(jwk)
    if flaw is not None:
        return flaw
    try:
        native = _TYPES[jwk["kty"]].import_key({name: jwk[name] for name in _MEMBERS if name in jwk}).private_key
    except Exception:  # noqa: BLE001  # joserfc has many; none may leave with the key in a frame
        return Flaw("its members make no private key")
    key = from_native(native)
    if isinstance(key, Flaw):
        return key
    if jwk["kty"] == "OKP" and key.key.get("x") != jwk["x"]:  # the others are checked when they are made
        return Flaw("its public half is that of another key")
    return attrs.evolve(key, kid=jwk.get("kid"), alg=jwk.get("alg"))


def _jwk_flaw(jwk: dict[str, Any]) -> Flaw | None:
    """Tell what RFC 7517 section 4 and RFC 7518 section 6 say against signing with it, before it is made a key."""
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _TYPES:
        return Flaw(f"its kty is not one of {', '.join(map(str, _TYPES))}")
    if "d" not in jwk:
        return Flaw("it is a public key")
    if not all(isinstance(jwk.get(name, "-"), str) and jwk.get(name, "-") for name in ("kid", "alg")):
        return Flaw("its kid and alg are not non-empty strings")
    if jwk.get("use", "sig") != "sig" or not _signs(jwk.get("key_ops", ["sign"])):
        return Flaw("its use or key_ops do not say that it signs")
    return _rsa_flaw(_bits(jwk.get("n"))) if kty == "RSA" else None


def _signs(operations: object) -> bool:
    return isinstance(operations, list) and "sign" in operations


def _bits(modulus: object) -> int:
    octets = decode_base64url(modulus) if isinstance(modulus, str) else None
    return int.from_bytes(octets or b"", "big").bit_length()


def _rsa_flaw(bits: int) -> Flaw | None:
    if MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        return None
    return Flaw(f"its modulus has {bits} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")
