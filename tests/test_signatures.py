"""Signatures: each algorithm has one way to verify, exact lengths, and no exception for bad ones."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512

from kmvalidate.key_sets import ALGORITHM_SHAPES, VerificationKey
from kmvalidate.signatures import _MAKERS, verifier

MESSAGE = b"header.payload"
RSA = rsa.generate_private_key(65537, 2048)
CURVES = {
    "ES256": (ec.SECP256R1(), SHA256(), 32),
    "ES384": (ec.SECP384R1(), SHA384(), 48),
    "ES512": (ec.SECP521R1(), SHA512(), 66),
    "ES256K": (ec.SECP256K1(), SHA256(), 32),
}
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "ES512": int("1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
    "ES256K": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}
EC_KEYS = {alg: ec.generate_private_key(curve) for alg, (curve, _, _) in CURVES.items()}
ED = {"Ed25519": ed25519.Ed25519PrivateKey.generate(), "Ed448": ed448.Ed448PrivateKey.generate()}
SHA_1 = SHA1()  # noqa: S303  # to be refused
HASHES = {"256": SHA256(), "384": SHA384(), "512": SHA512()}

RS = ["RS256", "RS384", "RS512"]
PS = ["PS256", "PS384", "PS512"]


def key(public_key, shape="any"):
    """Return a key as the verifier takes it."""
    return VerificationKey(kid=None, alg=None, shape=shape, x5t_s256=None, thumbprint="", public_key=public_key)


def pss(hashed, salt=None, mask=None):
    """Return PSS parameters, those of JOSE unless told otherwise."""
    return padding.PSS(padding.MGF1(mask or hashed), hashed.digest_size if salt is None else salt)


def der(alg, message=MESSAGE):
    """Return an ECDSA signature as cryptography makes it."""
    return EC_KEYS[alg].sign(message, ec.ECDSA(CURVES[alg][1]))


def raw(alg, r, s):
    """Return R || S."""
    size = CURVES[alg][2]
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def ecdsa(alg):
    """Return the verifier of that algorithm's key, and a good signature's numbers."""
    return verifier(alg, key(EC_KEYS[alg].public_key())), *decode_dss_signature(der(alg))


def signature_and_key(alg):
    """Return a good signature by the algorithm, and the public key."""
    if alg in CURVES:
        return raw(alg, *decode_dss_signature(der(alg))), EC_KEYS[alg].public_key()
    if alg[:2] in {"RS", "PS"}:
        hashed = HASHES[alg[2:]]
        return RSA.sign(MESSAGE, padding.PKCS1v15() if alg in RS else pss(hashed), hashed), RSA.public_key()
    private = ED["Ed448" if alg == "Ed448" else "Ed25519"]
    return private.sign(MESSAGE), private.public_key()


def test_there_is_a_verifier_for_each_algorithm_and_no_other():
    """The verifiers are those of the algorithms with a key shape: no symmetric one, no none."""
    assert set(_MAKERS) == set(ALGORITHM_SHAPES)
    assert not [alg for alg in _MAKERS if alg.startswith("HS") or alg.lower() == "none"]


@pytest.mark.parametrize("alg", ALGORITHM_SHAPES)
def test_a_good_signature_verifies_and_a_changed_one_does_not(alg):
    """A good signature is good for its message only, and no bit of it can be turned."""
    signature, public_key = signature_and_key(alg)
    is_good = verifier(alg, key(public_key))
    assert is_good(signature, MESSAGE) is True
    assert is_good(signature, MESSAGE + b"!") is False
    assert is_good(signature, b"") is False
    for place in range(0, len(signature), 5):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert is_good(bytes(changed), MESSAGE) is False


@pytest.mark.parametrize("alg", ALGORITHM_SHAPES)
def test_a_signature_has_exactly_its_length(alg):
    """Cut, padded, doubled or empty, a good signature is good no more, and nothing is raised."""
    signature, public_key = signature_and_key(alg)
    is_good = verifier(alg, key(public_key))
    lengths = [b"", signature[:1], signature[:-1], signature[1:], signature + b"\0", b"\0" + signature, signature * 2]
    assert [is_good(other, MESSAGE) for other in (*lengths, signature * 1000)] == [False] * 8


def test_eddsa_serves_both_curves():
    """Under the name EdDSA an Ed448 key verifies too; that it must be allowed is not decided here."""
    is_good = verifier("EdDSA", key(ED["Ed448"].public_key()))
    assert is_good(ED["Ed448"].sign(MESSAGE), MESSAGE)
    assert not is_good(ED["Ed25519"].sign(MESSAGE), MESSAGE)


def test_ed25519_with_the_order_added_is_refused():
    """S plus the group order is another spelling of a signature, and is refused (RFC 8032 section 5.1.7)."""
    signature = ED["Ed25519"].sign(MESSAGE)
    more = int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    assert not verifier("EdDSA", key(ED["Ed25519"].public_key()))(signature[:32] + more.to_bytes(32, "little"), MESSAGE)


@pytest.mark.parametrize("alg", CURVES)
def test_an_ecdsa_signature_in_der_is_refused(alg):
    """DER, the form of other protocols, is refused, also when it is as long as R || S."""
    is_good = ecdsa(alg)[0]
    size = 2 * CURVES[alg][2]
    signature = der(alg)
    assert not is_good(signature, MESSAGE)
    assert not is_good(signature[:size].ljust(size, b"\0"), MESSAGE)


@pytest.mark.parametrize("alg", CURVES)
def test_zero_and_numbers_from_the_order_on_are_refused(alg):
    """R or S of zero, the order, beyond it or of all ones never verify: no psychic signatures (CVE-2022-21449)."""
    is_good, r, s = ecdsa(alg)
    order, top = ORDERS[alg], 2 ** (8 * CURVES[alg][2]) - 1
    odd = [0, order, order + 1, top]
    pairs = (
        [(a, b) for a in odd for b in odd] + [(a, s) for a in odd] + [(r, b) for b in odd] + [(1, 1), (r, r), (s, r)]
    )
    assert [pair for pair in pairs if is_good(raw(alg, *pair), MESSAGE)] == []


@pytest.mark.parametrize("alg", CURVES)
def test_the_other_s_is_accepted(alg):
    """JOSE has no rule for a low S: order minus S verifies too, so that no memory may be keyed by a signature."""
    is_good, r, s = ecdsa(alg)
    assert is_good(raw(alg, r, s), MESSAGE)
    assert is_good(raw(alg, r, ORDERS[alg] - s), MESSAGE)


@pytest.mark.parametrize("alg", CURVES)
def test_coordinates_of_every_size_are_converted(alg):
    """Signatures verify whose numbers begin with a set bit and, shorter than their place, with zeros."""
    is_good, size = ecdsa(alg)[0], CURVES[alg][2]
    wanted = {(half, zero) for half in (0, size) for zero in (True, False)}
    for number in range(8000):
        message = b"%d" % number
        signature = raw(alg, *decode_dss_signature(der(alg, message)))
        assert is_good(signature, message)
        wanted -= {(half, signature[half] == 0) for half in (0, size)}
        if not wanted:
            break
    assert wanted == set()


@pytest.mark.parametrize("alg", CURVES)
def test_a_coordinate_with_a_dropped_zero_is_refused(alg):
    """A signature shorter by the leading zeros of its numbers is not R || S, and so is one with moved halves."""
    is_good, r, s = ecdsa(alg)
    size = CURVES[alg][2]
    whole = raw(alg, r, s)
    games = [
        whole[:size] + b"\0" + whole[size:] + b"\0",
        b"\0" + whole[:size] + b"\0" + whole[size:],
        whole[:size] + bytes(size) + whole[size:],
        whole[size:] + whole[:size],
        whole[:size] + whole[size:].lstrip(b"\0")[1:],
    ]
    assert [is_good(signature, MESSAGE) for signature in games] == [False] * len(games)


@pytest.mark.parametrize("alg", RS)
def test_rs_is_pkcs1_with_its_own_hash(alg):
    """PSS, another hash and SHA-1 are refused under an RS algorithm."""
    is_good = verifier(alg, key(RSA.public_key()))
    own = HASHES[alg[2:]]
    others = [hashed for hashed in (SHA_1, SHA256(), SHA384(), SHA512()) if hashed.name != own.name]
    assert is_good(RSA.sign(MESSAGE, padding.PKCS1v15(), own), MESSAGE)
    assert not any(is_good(RSA.sign(MESSAGE, padding.PKCS1v15(), hashed), MESSAGE) for hashed in others)
    assert not is_good(RSA.sign(MESSAGE, pss(own), own), MESSAGE)


@pytest.mark.parametrize("alg", PS)
def test_ps_is_pss_with_its_own_hash_and_salt_length(alg):
    """Another salt length, another hash or mask hash and PKCS#1 v1.5 are refused under a PS algorithm."""
    is_good = verifier(alg, key(RSA.public_key()))
    own = HASHES[alg[2:]]
    size = own.digest_size
    assert is_good(RSA.sign(MESSAGE, pss(own), own), MESSAGE)
    for salt in (0, 20, size - 1, size + 1, padding.PSS.MAX_LENGTH):
        assert not is_good(RSA.sign(MESSAGE, pss(own, salt), own), MESSAGE)
    for other in (SHA_1, *(hashed for hashed in HASHES.values() if hashed.name != own.name)):
        assert not is_good(RSA.sign(MESSAGE, pss(own, mask=other), own), MESSAGE)
        assert not is_good(RSA.sign(MESSAGE, pss(other, size), other), MESSAGE)
    assert not is_good(RSA.sign(MESSAGE, padding.PKCS1v15(), own), MESSAGE)


@pytest.mark.parametrize("alg", [*RS, *PS])
def test_an_rsa_signature_is_below_the_modulus(alg):
    """The signature plus the modulus, the modulus itself, zero and all ones are refused."""
    signature, public_key = signature_and_key(alg)
    is_good = verifier(alg, key(public_key))
    n = public_key.public_numbers().n
    number = int.from_bytes(signature, "big")
    others = [0, 1, n - 1, n, 2**2048 - 1, number ^ 1]
    assert [other for other in others if is_good(other.to_bytes(256, "big"), MESSAGE)] == []
    assert not is_good((number + n).to_bytes(257, "big"), MESSAGE)


def test_a_modulus_of_2050_bits_has_signatures_of_whole_octets():
    """The length of an RSA signature is that of the modulus in octets, rounded up."""
    private = rsa.generate_private_key(65537, 2050)
    signature = private.sign(MESSAGE, padding.PKCS1v15(), SHA256())
    assert len(signature) == 257
    assert verifier("RS256", key(private.public_key()))(signature, MESSAGE)


def test_a_key_of_another_curve_verifies_nothing():
    """Were a key of another curve ever bound to an algorithm, the lengths would still refuse."""
    for alg, other in (("ES256", "ES384"), ("ES384", "ES512"), ("ES512", "ES256")):
        signature = raw(other, *decode_dss_signature(der(other)))
        assert not verifier(alg, key(EC_KEYS[other].public_key()))(signature, MESSAGE)
