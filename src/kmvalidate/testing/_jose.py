"""
Keys that sign, and tokens put together by hand.

Rules kept here: a signature is made by its key's own algorithm, whatever the header says, since tests need headers that
lie. No repr shows a private key or a token.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import attrs
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from kmvalidate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RSA_BITS = 2048
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_ED25519_NAMES = ("EdDSA", "Ed25519")


@attrs.frozen(eq=False)
class SigningKey:
    """
    A private key with the name and the algorithm it signs under. `make` makes one.

    Args:
        alg: The JOSE name of its algorithm.

        kid: Its key id.
    """

    alg: str
    kid: str
    _private: RSAKey | ECKey | OKPKey = attrs.field(repr=False)

    @classmethod
    def make(cls, alg: str, kid: str) -> SigningKey:
        """
        Make a new key.

        Args:
            alg: RS, PS or ES with 256, 384 or 512; EdDSA or Ed25519.

            kid: The key id it is to have.

        Raises:
            ConfigurationError: It is no such algorithm.
        """
        return cls(alg, kid, _private_key(alg))

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK set shows it: with ``kid``, ``alg`` and ``use``."""
        return {**self._private.as_dict(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}

    @property
    def public_pem(self) -> bytes:
        """The public half as PEM; what an algorithm-confusion attack takes for an HMAC secret."""
        return self._private.as_pem(private=False)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*."""
        return JWSRegistry.algorithms[self.alg].sign(message, self._private)


def compact(header: Mapping[str, object], payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the compact serialisation (RFC 7515 section 3.1) of *payload*; *sign* makes the signature."""
    signing_input = b".".join((_base64url(as_json(header)), _base64url(payload)))
    return b".".join((signing_input, _base64url(sign(signing_input)))).decode("ascii")


def as_json(members: Mapping[str, object]) -> bytes:
    """Return the shortest JSON of an object."""
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def tampered(token: str, **claims: object) -> str:
    """
    Return *token* with some of its claims changed and its signature left as it was.

    Args:
        token: A signed JWT.

        claims: What the claims are to say instead.
    """
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return ".".join((header, _base64url(as_json({**said, **claims})).decode("ascii"), signature))


def _private_key(alg: str) -> RSAKey | ECKey | OKPKey:
    if alg in _RSA_ALGORITHMS:
        return RSAKey.generate_key(_RSA_BITS)
    if alg in _CURVES:
        return ECKey.generate_key(_CURVES[alg])
    if alg in _ED25519_NAMES:
        return OKPKey.generate_key("Ed25519")
    known = ", ".join((*_RSA_ALGORITHMS, *_CURVES, *_ED25519_NAMES))
    raise ConfigurationError(f"a signing key's algorithm is one of {known}")


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
