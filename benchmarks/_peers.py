"""
This library and its peers, each as one function from a token to its verdict.

Rules kept here: each is set up as its documentation says, with its keys imported beforehand, and checks the issuer, the
audience, exp and nbf. Each must accept the good token and refuse every bad one, or it is not measured.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from _tokens import AUDIENCE, ISSUER

from kmvalidate import KeyManager, KeyManagerRegistry, StaticKeys, TokenValidator

if TYPE_CHECKING:
    from collections.abc import Callable

    from _tokens import Signed

    Verify = Callable[[str], object]


class NotMeasured(Exception):
    """A peer cannot be measured, and why."""


def ours(signed: Signed) -> Verify:
    """One of several key managers, keys pinned, nothing remembered."""
    issuers = {"Partner": "https://idp.example.org", "Keycloak": ISSUER, "Old": "https://old.example.com"}
    keys = StaticKeys.from_jwks(signed.jwks)
    managers = [KeyManager(name=name, issuer=issuer, audience=AUDIENCE, keys=keys) for name, issuer in issuers.items()]
    return TokenValidator(KeyManagerRegistry(managers), remember=0).authenticate


def joserfc(signed: Signed) -> Verify:
    """`joserfc.jwt.decode` and a claims registry."""
    from joserfc import jwt
    from joserfc.jwk import KeySet

    keys, algorithms = KeySet.import_key_set(signed.jwks), [signed.alg]  # type: ignore[arg-type]
    registry = jwt.JWTClaimsRegistry(
        leeway=60,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        nbf={"essential": True},
    )

    def verify(token: str) -> object:
        decoded = jwt.decode(token, keys, algorithms=algorithms)
        registry.validate(decoded.claims)
        return decoded

    return verify


def pyjwt(signed: Signed) -> Verify:
    """`jwt.decode` with the one key it needs already found."""
    import jwt

    key = jwt.PyJWK(_own_jwk(signed))
    options: Any = {"require": ["iss", "aud", "exp", "nbf"]}

    def verify(token: str) -> object:
        return jwt.decode(
            token, key, algorithms=[signed.alg], audience=AUDIENCE, issuer=ISSUER, leeway=60, options=options
        )

    return verify


def authlib(signed: Signed) -> Verify:
    """The RFC 9068 validator of its resource server."""
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(signed.jwks)  # type: ignore[arg-type]

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self) -> KeySet:
            return keys

    validator = Validator(ISSUER, AUDIENCE)

    def verify(token: str) -> object:
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, [], None)
        return claims

    return verify


def jwcrypto(signed: Signed) -> Verify:
    """`jwcrypto.jwt.JWT` with a key set."""
    import json

    from jwcrypto import jwk, jwt

    keys = jwk.JWKSet.from_json(json.dumps(signed.jwks))
    checks = {"iss": ISSUER, "aud": AUDIENCE, "exp": None, "nbf": None}

    def verify(token: str) -> object:
        return jwt.JWT(jwt=token, key=keys, algs=[signed.alg], check_claims=checks, expected_type="JWS")

    return verify


VERIFIERS: dict[str, Callable[[Signed], Verify]] = {
    "kmvalidate": ours,
    "joserfc": joserfc,
    "Authlib": authlib,
    "PyJWT": pyjwt,
    "jwcrypto": jwcrypto,
}


def ready(name: str, signed: Signed) -> Callable[[], object]:
    """
    Return a call of the verifier *name* that verifies one token.

    Raises:
        NotMeasured: It is not installed, or does not tell a good token from a bad one.
    """
    try:
        verify = VERIFIERS[name](signed)
    except ImportError:
        raise NotMeasured("not installed") from None
    try:
        verify(signed.token)
    except Exception as error:  # noqa: BLE001  # each peer has errors of its own
        raise NotMeasured(f"refuses {signed.alg} as it is set up ({type(error).__name__})") from None
    for wrong, token in signed.bad.items():
        if _accepts(verify, token):
            raise NotMeasured(f"accepts {wrong}")
    return partial(verify, signed.token)


def _accepts(verify: Verify, token: str) -> bool:
    try:
        verify(token)
    except Exception:  # noqa: BLE001  # any error refuses
        return False
    return True


def _own_jwk(signed: Signed) -> dict[str, Any]:
    return next(key for key in signed.jwks["keys"] if key["alg"] == signed.alg)
