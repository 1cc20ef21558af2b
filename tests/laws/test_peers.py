"""What independent libraries make verifies here, and what they refuse for its signature is refused here."""

import warnings

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.signing import (
    ALGORITHMS,
    KEY_OF,
    b64,
    dumps,
    good_claims,
    good_header,
    private_key,
    public_jwk,
    reason,
    sign,
    token,
    validator,
)

pytestmark = pytest.mark.law

CHECK = validator().authenticate
KINDS = {"RSA": RSAKey, "Ed25519": OKPKey, "Ed448": OKPKey}


def joserfc_key(name: str, *, private: bool = False):
    if not private:
        return KINDS.get(name, ECKey).import_key(public_jwk(name, kid=..., use=...))
    pem = private_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KINDS.get(name, ECKey).import_key(pem)


def joserfc_accepts(text: str, alg: str, name: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every name that RFC 9864 replaced
        try:
            jws.deserialize_compact(text, joserfc_key(name), algorithms=[alg])
        except (JoseError, ValueError):
            return False
    return True


def pyjwt_accepts(text: str, alg: str, name: str) -> bool:
    key = pyjwt.PyJWK(public_jwk(name), algorithm=alg)
    try:
        pyjwt.decode_complete(
            text,
            key,
            algorithms=[alg],
            options={"verify_exp": False, "verify_aud": False, "verify_nbf": False, "verify_iat": False},
        )
    except pyjwt.PyJWTError:
        return False
    return True


PYJWT_ALGORITHMS = [alg for alg in ALGORITHMS if alg not in {"Ed25519", "Ed448"}]


@st.composite
def forged_signatures(draw: st.DrawFn, alg: str) -> bytes:
    """Return what is left of a signature after an attack, or what somebody else put in its place."""
    data = f"{b64(dumps(good_header(alg)))}.{b64(dumps(good_claims()))}".encode()
    good = sign(alg, data)
    half = len(good) // 2
    bit, cut = draw(st.integers(0, 8 * len(good) - 1)), draw(st.integers(0, len(good)))
    flipped = bytearray(good)
    flipped[bit // 8] ^= 1 << bit % 8
    ways = [bytes(flipped), good[:cut], good + good[:cut], b"\0" + good, good + b"\0", good[half:] + good[:half]]
    ways += [good[::-1], b"\0" * len(good), b"\xff" * len(good), b"\0" * half + good[half:], good[:half] + b"\0" * half]
    stranger = private_key(KEY_OF[alg], "stranger")
    ways += [sign(alg, data, stranger), sign(alg, data + b"x"), draw(st.binary(max_size=len(good) + 2)), good]
    return draw(st.sampled_from(ways))


class TestWhatPeersMakeVerifies:
    """A JWS is the same for all implementations (RFC 7515 section 1)."""

    @pytest.mark.parametrize("alg", ALGORITHMS)
    def test_a_token_of_joserfc_verifies(self, alg):
        """A good token that joserfc signed, with any algorithm, verifies here."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = joserfc_key(KEY_OF[alg], private=True)
            made = jws.serialize_compact(good_header(alg), dumps(good_claims()), key, algorithms=[alg])
        assert reason(CHECK, made) == "GOOD"

    @pytest.mark.parametrize("alg", PYJWT_ALGORITHMS)
    def test_a_token_of_pyjwt_verifies(self, alg):
        """A good token that PyJWT signed verifies here."""
        made = pyjwt.encode(good_claims(), private_key(KEY_OF[alg]), algorithm=alg, headers={"kid": KEY_OF[alg]})
        assert reason(CHECK, made) == "GOOD"

    @pytest.mark.parametrize("alg", ALGORITHMS)
    def test_a_token_of_ours_verifies_there(self, alg):
        """A token made by the tests' own hands verifies with joserfc, so that the hands are right."""
        assert joserfc_accepts(token(alg=alg), alg, KEY_OF[alg])


class TestWhatPeersRefuseIsRefused:
    """A signature that does not validate makes the JWS invalid (RFC 7515 section 5.2)."""

    @settings(max_examples=300)
    @given(st.sampled_from(ALGORITHMS), st.data())
    def test_what_joserfc_refuses_is_refused(self, alg, data):
        """A signature that joserfc does not accept is not accepted here, and a changed one by nobody."""
        signature = data.draw(forged_signatures(alg))
        text = f"{b64(dumps(good_header(alg)))}.{b64(dumps(good_claims()))}.{b64(signature)}"
        ours = reason(CHECK, text)
        assert ours in {"GOOD", "BAD_SIGNATURE", "ALGORITHM_NOT_ALLOWED"}
        assert joserfc_accepts(text, alg, KEY_OF[alg]) or ours != "GOOD"

    @settings(max_examples=200)
    @given(st.sampled_from(PYJWT_ALGORITHMS), st.data())
    def test_what_pyjwt_refuses_is_refused(self, alg, data):
        """A signature that PyJWT does not accept is not accepted here."""
        signature = data.draw(forged_signatures(alg))
        text = f"{b64(dumps(good_header(alg)))}.{b64(dumps(good_claims()))}.{b64(signature)}"
        assert pyjwt_accepts(text, alg, KEY_OF[alg]) or reason(CHECK, text) != "GOOD"

    @given(st.sampled_from(ALGORITHMS), st.sampled_from(ALGORITHMS), st.sampled_from(sorted(set(KEY_OF.values()))))
    def test_algorithm_signature_and_key_belong_together(self, named, signed, kid):
        """Of all threesomes of named algorithm, signing algorithm and key, only those pass that joserfc passes."""
        text = token(header=good_header(signed, alg=named, kid=kid), alg=signed)
        ours = reason(CHECK, text) == "GOOD"
        try:
            theirs = joserfc_accepts(text, named, kid)
        except TypeError:
            theirs = False
        assert not ours or theirs
        assert ours == (
            (KEY_OF[named] == kid == KEY_OF[signed] and same_signature(named, signed)) or eddsa(named, signed, kid)
        )


def same_signature(named: str, signed: str) -> bool:
    return named == signed or {named, signed} == {"EdDSA", "Ed25519"}


def eddsa(named: str, signed: str, kid: str) -> bool:
    """RFC 8037: EdDSA is also the name of Ed448 where that is configured."""
    return named == "EdDSA" and signed == kid == "Ed448"
