"""Signers of other people: what they return is verified before it goes out, what they raise passes through."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate.asyncio_ports import AsyncioPorts
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import BlockingPorts
from kmvalidate.signatures import verifier
from kmvalidate.signing import SigningKey
from kmvalidate.signing._algorithms import COORDINATE_BYTES
from tests.fakes import FakeTransport, SettableClock
from tests.signing import ALGORITHMS as NAMES
from tests.signing import KEY_OF, private_key, public_jwk
from tests.signing_keys.making import ALGORITHMS, certificate, in_der, in_pem, signature, signer_of
from tests.test_private_keys import jwk, pem


def from_signer(sign, alg="ES256", **changes):
    return SigningKey.from_signer(sign, **({"public_key": public_jwk(KEY_OF[alg]), "algorithm": alg} | changes))


def in_x962(raw):
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def is_good(key, signature):
    return verifier(key.algorithm, key._public)(signature, b"header.payload")


def refused(key):
    with pytest.raises(KeyManagerUnavailable) as caught:
        signature(key)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    return str(caught.value)


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_both_kinds_of_signer_serve_both_kinds_of_caller(alg, kind):
    """A plain or async function signs for blocking and asyncio callers, from exactly the bytes to sign."""
    seen = []

    def sign(signed):
        seen.append(signed)
        return signer_of(alg)(signed)

    async def sign_async(signed):
        await asyncio.sleep(0)
        return sign(signed)

    key = from_signer(sign if kind == "plain" else sign_async, alg)
    transport = FakeTransport()
    ports = AsyncioPorts(transport, BlockingPorts(transport, SettableClock()))
    assert is_good(key, signature(key))
    assert is_good(key, asyncio.run(key.sign(b"header.payload", ports)))
    assert seen == [b"header.payload"] * 2


@pytest.mark.parametrize("alg", COORDINATE_BYTES)
def test_der_becomes_raw(alg):
    """A signer that writes DER gives the R || S of RFC 7518 section 3.4."""
    made = []

    def sign(signed):
        made.append(in_x962(signer_of(alg)(signed)))
        return made[-1]

    key = from_signer(sign, alg, ecdsa="der")
    for _ in range(8):
        raw = signature(key)
        half = COORDINATE_BYTES[alg]
        halves = tuple(int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
        assert halves == decode_dss_signature(made[-1])


@pytest.mark.parametrize("form", ["raw", "der"])
@pytest.mark.parametrize("alg", ["RS256", "EdDSA"])
def test_the_form_of_ecdsa_is_of_no_matter_elsewhere(alg, form):
    """Algorithms other than ECDSA have one form of signature."""
    assert is_good(from_signer(signer_of(alg), alg, ecdsa=form), signature(from_signer(signer_of(alg), alg)))
    assert is_good(from_signer(signer_of(alg), alg), signature(from_signer(signer_of(alg), alg, ecdsa=form)))


NO_SIGNATURES = [
    *(None, "text", 5, bytearray(64), [1]),
    *(b"", b"0", b"0\x81", b"0\x81\0", b"0\x06\x02\xff", bytes(8), bytes(64), bytes(65), b"\xff" * 64, b"0" * 64),
    *(encode_dss_signature(0, 0), encode_dss_signature(2**256 - 1, 1)),
]


@pytest.mark.parametrize("form", ["raw", "der"])
@pytest.mark.parametrize("returned", NO_SIGNATURES, ids=range(len(NO_SIGNATURES)))
def test_what_is_no_signature_does_not_go_out(returned, form):
    """Other types, other lengths, broken DER and numbers out of range are KeyManagerUnavailable."""
    assert refused(from_signer(lambda _: returned, ecdsa=form)).startswith("the signer of the key P-256 cannot be used")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_signature_of_another_key_does_not_go_out(alg):
    """A service that signs with another version of its key, or something else, is KeyManagerUnavailable."""
    assert "does not verify under the public key" in refused(from_signer(signer_of(alg, "next version"), alg))
    assert "does not verify" in refused(from_signer(lambda signed: signer_of(alg)(signed + b"."), alg))
    assert "does not verify" in refused(from_signer(lambda signed: signer_of(alg)(signed) + b"\0", alg))


def test_the_wrong_form_of_ecdsa_is_told():
    """Where DER comes and R || S is expected, or the other way, the error says what was expected."""
    der = from_signer(lambda signed: in_x962(signer_of("ES256")(signed)))
    assert refused(der).endswith("does not verify under the public key (ecdsa is 'raw')")
    assert refused(from_signer(lambda signed: b"\0\1" + signer_of("ES256")(signed)[2:], ecdsa="der"))
    assert "ecdsa" not in refused(from_signer(lambda _: b"", "RS256"))


@pytest.mark.parametrize("error", [ValueError("own"), KeyError("own"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_a_signer_raises_passes_through(error):
    """A signer's own exceptions come out as they are, and nothing is signed."""

    def fail(_):
        raise error

    async def fail_async(_):
        raise error

    for sign in (fail, fail_async):
        with pytest.raises(type(error)) as caught:
            signature(from_signer(sign))
        assert caught.value is error


def test_a_public_key_has_many_forms():
    """The public half is a PEM key, a certificate, or a JWK as a mapping or JSON."""
    public = private_key("P-256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = certificate("P-256")
    forms = [public, public.decode(), in_pem(made), public_jwk("P-256"), {"keys": [public_jwk("P-256")]}]
    keys = [from_signer(signer_of("ES256"), public_key=form) for form in forms]
    assert {key.thumbprint for key in keys} == {from_signer(print).thumbprint}
    assert [key.certificate_der for key in keys] == [None, None, in_der(made), None, None]
    assert from_signer(print, certificate=in_pem(made)).certificate_der == in_der(made)
    assert all(is_good(key, signature(key)) for key in keys)


P256 = private_key("P-256")


ODD = [
    ({"public_key": pem(P256)}, "must not hold a private key"),
    ({"public_key": jwk("P-256")}, "not one public key and nothing else"),
    ({"public_key": {"keys": [public_jwk("P-256"), public_jwk("RSA")]}}, "not one public key and nothing else"),
    ({"public_key": "garbage"}, "its public half cannot be used: keys are neither PEM nor JSON"),
    ({"public_key": {"kty": "oct", "k": "AAAA"}}, "its public half cannot be used"),
    ({"public_key": 5}, "public_key is a string, bytes or a mapping"),
    ({"public_key": public_jwk("secp256k1")}, "of a type that signs nothing here"),
    ({"public_key": public_jwk("Ed448")}, "of a type that signs nothing here"),
    ({"public_key": public_jwk("RSA")}, "its algorithm does not fit a key of type RSA"),
    ({"public_key": public_jwk("RSA", alg="RS512"), "algorithm": "RS256"}, "its JWK is for another algorithm"),
    ({"certificate": in_pem(certificate("P-256", "other"))}, "its certificate is that of another key"),
    ({"algorithm": None}, "algorithm is one of"),
    ({"ecdsa": "asn1"}, "ecdsa is raw or der"),
    ({"ecdsa": None}, "ecdsa is raw or der"),
    ({"sign": "text"}, "sign is a function"),
]


@pytest.mark.parametrize(("changes", "why"), ODD, ids=range(len(ODD)))
def test_a_signer_that_cannot_be_right_is_refused(changes, why):
    """Private, weak, several or unfit public keys and odd arguments are ConfigurationErrors that show no key."""
    with pytest.raises(ConfigurationError) as caught:
        from_signer(**({"sign": signer_of("ES256")} | changes))
    assert why in str(caught.value)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


@pytest.mark.parametrize("alg", sorted({*NAMES} - {*ALGORITHMS}))
def test_no_other_algorithm_has_signers(alg):
    """Algorithms that tokens may be verified with and nothing here signs with are refused for signers too."""
    with pytest.raises(ConfigurationError, match="algorithm is one of"):
        from_signer(signer_of(alg), alg)
