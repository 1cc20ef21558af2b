"""Keys and access tokens like those of a real provider, made anew for each run."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://sso.example.com/realms/acme"
AUDIENCE = "https://api.example.com/orders"
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


class Signed(NamedTuple):
    """One token, the key set it is verified with, and the floor under every verifier."""

    alg: str
    token: str
    bad: dict[str, str]
    jwks: dict[str, Any]
    raw_verify: Callable[[], object]

    def others(self, count: int) -> list[tuple[str, Callable[[], object]]]:
        """Return *count* good tokens, each another, with their bare verifications."""
        claims = claims_at(int(time.time()))
        return [_sign(self.alg, claims | {"jti": f"0f6ce5f1-5d9c-4a1f-8d53-{place:012x}"}) for place in range(count)]


def signed(alg: str) -> Signed:
    """Return a token of *alg* that is good for an hour, and bad ones by what is wrong with them."""
    claims, jwks = claims_at(int(time.time())), {"keys": [key.jwk for key in PROVIDER.values()]}
    token, raw_verify = _sign(alg, claims)
    signing_input, _, signature = token.rpartition(".")
    bad = {
        "a wrong signature": f"{signing_input}.{'A' * 8}{signature[8:]}",
        "an expired token": _sign(alg, claims | {"exp": claims["exp"] - 7200})[0],
        "a token not yet valid": _sign(alg, claims | {"nbf": claims["nbf"] + 1800})[0],
        "another issuer": _sign(alg, claims | {"iss": "https://sso.example.com/realms/other"})[0],
        "another audience": _sign(alg, claims | {"aud": "account"})[0],
    }
    return Signed(alg, token, bad, jwks, raw_verify)


def _sign(alg: str, claims: dict[str, Any]) -> tuple[str, Callable[[], object]]:
    return signed_with(PROVIDER[alg], alg, claims)


def signed_with(key: Key, alg: str, claims: dict[str, Any]) -> tuple[str, Callable[[], object]]:
    """Return a token, and what verifies its signature with nothing around it."""
    header = {"alg": alg, "typ": "at+jwt", "kid": key.jwk["kid"]}
    signing_input = f"{_segment(_json(header))}.{_segment(_json(claims))}"
    signature, raw_verify = key.sign(signing_input.encode())
    return f"{signing_input}.{_segment(signature)}", raw_verify


def claims_at(now: int) -> dict[str, Any]:
    """Return the claims of an access token that is good for an hour from *now*, in seconds since the epoch."""
    return {
        "iss": ISSUER,
        "sub": "5b1f3c9e-8a57-4a0e-9d0c-6d2c1f6a7b90",
        "aud": [AUDIENCE, "account"],
        "exp": now + 3600,
        "nbf": now - 10,
        "iat": now - 10,
        "auth_time": now - 20,
        "jti": "0f6ce5f1-5d9c-4a1f-8d53-0cf6e2d57c11",
        "client_id": "orders-web",
        "azp": "orders-web",
        "sid": "d3b07384-d113-4ec6-a7c8-9a1fd2e3b4c5",
        "acr": "1",
        "scope": "openid profile email orders:read orders:write",
        "preferred_username": "ada.lovelace",
        "email_verified": True,
    }


class Key:
    """A signing key, its public JWK, and the bare verification of a signature made with it."""

    def __init__(self, private: Any, public_members: dict[str, str], bare: Callable[[bytes], bytes], *how: Any) -> None:
        kid = _segment(sha256(_json(public_members)).digest())
        self.jwk = {**public_members, "kid": kid, "use": "sig"}
        self._private, self._bare, self._how = private, bare, how

    def sign(self, data: bytes) -> tuple[bytes, Callable[[], object]]:
        """Return the JOSE signature over *data*, and what verifies it with nothing around it."""
        signature = self._private.sign(data, *self._how)
        verify, how = self._private.public_key().verify, self._how
        return self._bare(signature), partial(verify, signature, data, *how)


def _rsa(private: rsa.RSAPrivateKey, how: padding.AsymmetricPadding) -> Key:
    numbers = private.public_key().public_numbers()
    members = {"kty": "RSA", "n": _number(numbers.n, 256), "e": _number(numbers.e, 3), "alg": _RSA_NAMES[type(how)]}
    return Key(private, members, bytes, how, SHA256())


def _ec(alg: str, curve: ec.EllipticCurve, hashed: HashAlgorithm) -> Key:
    private = ec.generate_private_key(curve)
    size, point = curve.key_size // 8, private.public_key().public_numbers()
    members = {"kty": "EC", "crv": f"P-{curve.key_size}", "x": _number(point.x, size), "y": _number(point.y, size)}

    def bare(der: bytes) -> bytes:
        return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))

    return Key(private, members | {"alg": alg}, bare, ec.ECDSA(hashed))


def es256_key() -> Key:
    """Return a new key."""
    return _ec("ES256", ec.SECP256R1(), SHA256())


def ed25519_key() -> Key:
    """Return a new key."""
    private = ed25519.Ed25519PrivateKey.generate()
    x = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(private, {"kty": "OKP", "crv": "Ed25519", "x": _segment(x), "alg": "EdDSA"}, bytes)


def _number(value: int, size: int) -> str:
    return _segment(value.to_bytes(size, "big"))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _segment(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


_RSA_NAMES = {padding.PKCS1v15: "RS256", padding.PSS: "PS256"}

PROVIDER = {
    "RS256": _rsa(rsa.generate_private_key(65537, 2048), padding.PKCS1v15()),
    "PS256": _rsa(rsa.generate_private_key(65537, 2048), padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)),
    "ES256": es256_key(),
    "ES384": _ec("ES384", ec.SECP384R1(), SHA384()),
    "EdDSA": ed25519_key(),
}
