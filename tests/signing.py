"""
Keys, tokens and validators for the tests.

Rules kept here: signatures are made by hand with cryptography, never by the library under test; any bytes can be header
or payload; keys are made once a session; the time is set, not read.
"""

from __future__ import annotations

import functools
import itertools
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate import KeyManager, KeyManagerRegistry, StaticKeys, TokenValidator
from kmvalidate.errors import Refused

NOW = 1_700_000_000
ISSUER = "https://idp.example/realms/acme"
AUDIENCE = "orders"

#: In place of a value: the member is left out.
ABSENT: Any = ...

#: Each algorithm with the key that signs it.
KEY_OF = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "ES256K": "secp256k1",
    "EdDSA": "Ed25519",
    "Ed25519": "Ed25519",
    "Ed448": "Ed448",
}
ALGORITHMS = tuple(KEY_OF)

_CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}
_HASHES = {"256": SHA256, "384": SHA384, "512": SHA512, "56K": SHA256}


class SetClock:
    """A clock that shows what it is set to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class NoNetwork:
    """A transport for those who must not need one."""

    def send(self, _: object, /) -> Any:
        raise AssertionError("something was fetched")


def private_key(name: str, owner: str = "idp") -> Any:
    """Return the private key of that name, ``RSA`` or a curve; every owner has keys of their own."""
    return _made(name, owner)


@functools.cache
def _made(name: str, _: str) -> Any:
    if name == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if name in _CURVES:
        return ec.generate_private_key(_CURVES[name]())
    return {"Ed25519": ed25519.Ed25519PrivateKey, "Ed448": ed448.Ed448PrivateKey}[name].generate()


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def dumps(value: object) -> bytes:
    """Return *value* as JSON the way most issuers write it; bytes stay as they are."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def _number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def public_jwk(name: str, owner: str = "idp", **members: Any) -> dict[str, Any]:
    """Return the public JWK of a key, its name as kid; *members* replace, add and remove (ABSENT)."""
    public = private_key(name, owner).public_key()
    if name == "RSA":
        numbers = public.public_numbers()
        jwk = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    elif name in _CURVES:
        size, point = (public.curve.key_size + 7) // 8, public.public_numbers()
        jwk = {"kty": "EC", "crv": name, "x": _number(point.x, size), "y": _number(point.y, size)}
    else:
        jwk = {"kty": "OKP", "crv": name, "x": b64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    return changed({"kid": name, "use": "sig", **jwk}, members)


def jwks(*names: str) -> dict[str, Any]:
    """Return a JWK Set of those keys, or of all of them."""
    return {"keys": [public_jwk(name) for name in names or dict.fromkeys(KEY_OF.values())]}


def sign(alg: str, data: bytes, key: Any = None) -> bytes:
    """Return the signature that RFC 7518, 8037, 8812 or 9864 asks for."""
    key = key or private_key(KEY_OF[alg])
    hashed = _HASHES.get(alg[-3:], SHA256)()
    if alg.startswith("RS"):
        return key.sign(data, padding.PKCS1v15(), hashed)
    if alg.startswith("PS"):
        return key.sign(data, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
    if alg.startswith("ES"):
        size = (key.curve.key_size + 7) // 8
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashed)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return key.sign(data)


def changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def good_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of an access token that `validator` accepts, but for *changes*."""
    times = {"iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300}
    names = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "7f3a-11", "client_id": "shop"}
    return changed({**names, **times, "scope": "menu:read menu:write"}, changes)


def good_header(alg: str = "ES256", /, **changes: Any) -> dict[str, Any]:
    return changed({"alg": alg, "kid": KEY_OF.get(alg, "P-256"), "typ": "at+jwt"}, changes)


def token(claims: Any = None, header: Any = None, alg: str = "ES256", key: Any = None) -> str:
    """Return a compact JWS over *header* and *claims*, each an object or raw bytes, signed with *alg*."""
    header = good_header(alg) if header is None else header
    claims = good_claims() if claims is None else claims
    signing_input = f"{b64(dumps(header))}.{b64(dumps(claims))}"
    return f"{signing_input}.{b64(sign(alg, signing_input.encode(), key))}"


def with_claims(**changes: Any) -> str:
    """Return a token that is good but for these claims."""
    return token(good_claims(**changes))


def with_header(signed: str = "ES256", /, **changes: Any) -> str:
    """Return a token signed with *signed* that is good but for these header parameters."""
    return token(header=good_header(signed, **changes), alg=signed)


@functools.cache
def spare_token() -> str:
    """Return a good token that has ``-`` and ``_`` in each segment, and bits to spare at the end of each."""
    for turn in itertools.count():
        fill = "~?>~" * 6 + "x" * (turn % 7)
        made = token({"fill": fill, **good_claims(turn=turn)}, {"fill": fill, **good_header(turn=turn)})
        if all({"-", "_"} <= set(segment) and len(segment) % 4 for segment in made.split(".")):
            return made
    raise AssertionError


def static_keys(*names: str) -> StaticKeys:
    return StaticKeys.from_jwks(jwks(*names))


@functools.cache
def all_keys() -> StaticKeys:
    return static_keys()


def manager(**changes: Any) -> KeyManager:
    """Return a key manager with every key and every algorithm; *changes* replace its arguments."""
    defaults = {"name": "Test", "issuer": ISSUER, "audience": AUDIENCE, "keys": all_keys(), "algorithms": ALGORITHMS}
    return KeyManager(**(defaults | changes))


def validator(*managers: KeyManager, clock: SetClock | None = None, **changes: Any) -> TokenValidator:
    """Return a validator that knows *managers*, or one made of *changes*, and never uses the network."""
    known = managers or (manager(**changes),)
    return TokenValidator(KeyManagerRegistry(known, transport=NoNetwork(), clock=clock or SetClock()))


def refusal(check: Callable[..., object], *args: Any, **kwargs: Any) -> Refused:
    """Return the refusal that ``check(...)`` ends with."""
    with pytest.raises(Refused) as caught:
        check(*args, **kwargs)
    return caught.value


def reason(check: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    """Return the name of the reason for which ``check(...)`` refuses, ``GOOD`` if it does not."""
    try:
        check(*args, **kwargs)
    except Refused as refused:
        return refused.reason.name
    return "GOOD"
