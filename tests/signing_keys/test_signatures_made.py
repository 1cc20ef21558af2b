"""Signatures of our own: three other libraries verify them under the published key, whatever the key came from."""

import json
from base64 import urlsafe_b64decode

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jws
from joserfc.jwk import import_key
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from kmvalidate.signing import SigningKey
from kmvalidate.signing._algorithms import COORDINATE_BYTES, to_raw
from tests.signing import KEY_OF, private_key, public_jwk
from tests.signing_keys.making import ALGORITHMS, certificate, compact, p12, signature, signer_of
from tests.test_private_keys import jwk, pem

CLAIMS = {"sub": "alice", "n": 1}
FORMS = {
    "pem": lambda alg: SigningKey.from_pem(pem(private_key(KEY_OF[alg])), algorithm=alg),
    "p12": lambda alg: SigningKey.from_pkcs12(p12(private_key(KEY_OF[alg])), "secret", algorithm=alg),
    "p12 with certificate": lambda alg: SigningKey.from_pkcs12(
        p12(private_key(KEY_OF[alg]), certificate(KEY_OF[alg])), b"secret", algorithm=alg
    ),
    "jwk": lambda alg: SigningKey.from_jwk(jwk(KEY_OF[alg]), algorithm=alg),
    "signer": lambda alg: SigningKey.from_signer(signer_of(alg), public_key=public_jwk(KEY_OF[alg]), algorithm=alg),
    "new": SigningKey.generate,
}


def verify_everywhere(token, published):
    """See to it that PyJWT, joserfc and jwcrypto verify *token* under a published JWK."""
    bare = {name: value for name, value in published.items() if name not in {"alg", "use", "kid"}}
    alg = pyjwt.get_unverified_header(token)["alg"]
    assert pyjwt.decode(token, pyjwt.PyJWK(bare, alg), [alg]) == CLAIMS
    signed, _, signature = token.rpartition(".")
    name = "Ed25519" if alg == "EdDSA" else alg  # the same signature (RFC 9864), without a warning
    model = jws.JWSRegistry(algorithms=[name]).get_alg(name)
    assert model.verify(signed.encode(), urlsafe_b64decode(signature + "=="), import_key(bare))
    read = JWS()
    read.allowed_algs = [alg]
    read.deserialize(token, JWK(**bare))
    assert json.loads(read.payload) == CLAIMS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_others_verify_what_is_signed(alg, form):
    """A key of any form signs with each algorithm what PyJWT, joserfc and jwcrypto verify under its public JWK."""
    key = FORMS[form](alg)
    assert key.algorithm == key.public_jwk()["alg"] == alg
    verify_everywhere(compact(key, CLAIMS), key.public_jwk())


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_local_keys_sign_at_once(alg):
    """A key that lies here signs without ports; one that lies elsewhere says that it cannot."""
    key = FORMS["pem"](alg)
    made = key.sign_now(b"header.payload")
    signer = SigningKey.from_signer(lambda _: made, public_key=key.public_jwk(), algorithm=alg)
    assert signer.sign_now is None
    assert signature(signer) == made  # it is handed out only if it verifies


@pytest.mark.parametrize("alg", COORDINATE_BYTES)
@pytest.mark.parametrize("bits", [1, 7, 8, 127, 128, 240, 255, 256])
def test_short_and_long_coordinates(alg, bits):
    """R and S get the length of the curve, whatever DER left out or put before them."""
    size = COORDINATE_BYTES[alg]
    r, s = 2**bits - 1, 2 ** (8 * size - 7) - 3
    for first, second in ((r, s), (s, r), (r, r), (s, s)):
        raw = first.to_bytes(size, "big") + second.to_bytes(size, "big")
        assert to_raw(encode_dss_signature(first, second), size) == raw


@pytest.mark.parametrize("alg", COORDINATE_BYTES)
def test_ecdsa_signatures_have_one_length(alg):
    """ECDSA signatures are as long as two coordinates, every time (RFC 7518 section 3.4)."""
    key = SigningKey.generate(alg)
    assert {len(signature(key, bytes([turn]))) for turn in range(64)} == {2 * COORDINATE_BYTES[alg]}
