"""JWKs are read strictly (RFC 7517, RFC 7518 section 6, RFC 8037), and one bad entry spoils no other."""

import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.errors import ConfigurationError
from kmvalidate.key_documents import read_keys
from kmvalidate.key_sets import ALGORITHM_SHAPES
from kmvalidate.keys import read_jwks

# RFC 7638 section 3.1 has this key and its thumbprint.
RSA_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5haj"
    "rn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
RSA = {"kty": "RSA", "n": RSA_N, "e": "AQAB"}
RSA_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
# RFC 8037 appendix A.
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "secp256k1": ec.SECP256K1()}


def b64(octets):
    """Return octets as base64url."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def rsa_jwk(modulus, exponent=65537):
    """Return an RSA JWK."""
    n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (modulus, exponent))
    return {"kty": "RSA", "n": b64(n), "e": b64(e)}


def ec_jwk(name):
    """Return the JWK of a fresh key on a curve."""
    curve = CURVES[name]
    point = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    return {"kty": "EC", "crv": name, "x": b64(point.x.to_bytes(size, "big")), "y": b64(point.y.to_bytes(size, "big"))}


KEYS = {
    "RSA": RSA,
    "Ed25519": ED25519,
    "Ed448": {
        "kty": "OKP",
        "crv": "Ed448",
        "x": b64(ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw()),
    },
    **{name: ec_jwk(name) for name in CURVES},
}
GOOD = {**ED25519, "kid": "good"}


def used(entry):
    """Tell whether an entry is used, and beside it a good key always."""
    keys = read_jwks({"keys": [entry, GOOD]})
    assert [key for key in keys.keys if key.kid == "good"]
    return len(keys.keys) == 2


def why(entry):
    """Return why an entry is skipped, the good key beside it being used."""
    keys = read_jwks({"keys": [GOOD, entry]})
    assert [key.kid for key in keys.keys] == ["good"]
    (skip,) = keys.skipped
    assert (skip.place, skip.key_used) == (1, False)
    return skip.why


# JWK Sets and single JWKs


@pytest.mark.parametrize("shape", KEYS)
def test_a_jwk_is_typed_by_its_own_members(shape):
    """A public JWK of each type, alone or in a set, as text, bytes or object, is a key of its shape."""
    entry = KEYS[shape] | {"kid": "k", "use": "sig", "x5t#S256": "t"}
    (key,) = read_jwks(entry).keys
    assert (key.shape, key.kid, key.alg, key.x5t_s256, key.is_pem) == (shape, "k", None, "t", False)
    for document in (
        json.dumps(entry),
        json.dumps({"keys": [entry]}).encode(),
        json.dumps({"keys": [entry]}, indent=1),
    ):
        assert read_keys(document).keys == (key,)


def test_the_thumbprint_is_that_of_rfc_7638():
    """The thumbprints of RFC 7638 section 3.1 and RFC 8037 appendix A.3 come out, whatever else the JWK says."""
    extra = {"kid": "2011-04-29", "alg": "RS256", "use": "sig"}
    assert read_jwks(RSA | extra).keys[0].thumbprint == read_jwks(RSA).keys[0].thumbprint == RSA_THUMBPRINT
    assert read_jwks(ED25519).keys[0].thumbprint == ED25519_THUMBPRINT


@pytest.mark.parametrize("document", [{"keys": {}}, {"keys": None}, {"keys": "x"}, {"keys": 1}])
def test_keys_is_an_array(document):
    """A document whose keys is no array is no JWK Set."""
    with pytest.raises(ConfigurationError, match="an array of keys"):
        read_jwks(document)


@pytest.mark.parametrize("document", [{"keys": []}, {"keys": [None]}, {}, {"Keys": [RSA]}])
def test_a_set_needs_a_key(document):
    """A set without one usable key is a configuration error."""
    with pytest.raises(ConfigurationError, match="none of the keys can be used"):
        read_jwks(document)


def test_an_empty_set_is_told_from_a_broken_one():
    """The error of an empty set says so, and that of a broken one shows the first ten faults."""
    with pytest.raises(ConfigurationError, match="there are none"):
        read_jwks({"keys": []})
    with pytest.raises(ConfigurationError) as refused:
        read_jwks({"keys": [None] * 12})
    assert "entry 9:" in str(refused.value)
    assert "entry 10:" not in str(refused.value)


def test_a_set_has_at_most_1000_entries():
    """1,000 entries are read, 1,001 are refused as a whole."""
    entries = [{**ED25519, "kid": str(number)} for number in range(1001)]
    assert len(read_jwks({"keys": entries[:1000]}).keys) == 1000
    with pytest.raises(ConfigurationError, match="at most 1000 keys"):
        read_jwks({"keys": entries})


@pytest.mark.parametrize(
    "text", ["", " ", "[]", "null", "{", '{"keys": [], "keys": []}', "\ufeff{}", "{\udc80}", "\x00"]
)
def test_what_is_no_json_object_is_refused(text):
    """Broken JSON, duplicate members, a byte order mark or a lone surrogate in a key document are refused."""
    with pytest.raises(ConfigurationError, match="neither PEM nor JSON"):
        read_keys(text)


@pytest.mark.parametrize("entry", [None, True, 1, "RSA", [], [RSA]])
def test_an_entry_that_is_no_object_is_skipped(entry):
    """An entry that is not a JSON object is skipped, nameless, and the next one is used."""
    assert why(entry) == "it is not a JSON object"


@pytest.mark.parametrize("kty", ["oct", "rsa", "RSA ", "AKP", "", 1, None, ["RSA"], {"RSA": 1}, True])
def test_an_unknown_kty_is_skipped(kty):
    """A type of key other than RSA, EC and OKP, or of another spelling, is skipped."""
    assert "its kty is not one of RSA, EC, OKP" in why(RSA | {"kty": kty})


def test_a_missing_kty_is_not_guessed():
    """A key without kty is skipped, whatever its members look like."""
    assert "its kty" in why({"n": RSA["n"], "e": "AQAB", "alg": "RS256"})


@pytest.mark.parametrize("entry", [{"kty": "oct", "k": "c2VjcmV0"}, ED25519 | {"kty": "oct", "k": RSA_N}])
def test_a_symmetric_key_is_ignored(entry):
    """An oct entry is no key, and its secret is not told."""
    reason = why(entry)
    assert "its kty" in reason
    assert entry["k"] not in reason


@pytest.mark.parametrize("use", ["enc", "SIG", "sig ", "", "tls"])
def test_another_use_is_skipped(use):
    """A key for encryption or for anything but sig is skipped."""
    assert why(RSA | {"use": use}) == "its use is not sig"


@pytest.mark.parametrize("operations", [["verify"], ["sign", "verify"], ["verify", "sign"]])
@pytest.mark.parametrize("use", [{}, {"use": "sig"}])
def test_key_ops_that_verify_are_used(operations, use):
    """A key that says it verifies is used, with or without use."""
    assert used(RSA | use | {"key_ops": operations})


@pytest.mark.parametrize(
    "operations",
    [
        [],
        ["sign"],
        ["encrypt"],
        ["verify", "verify"],
        ["verify", "encrypt"],
        ["verify", "wrapKey"],
        ["Verify"],
        "verify",
        None,
        1,
        ["verify", 1],
        [["verify"]],
        {"verify": True},
    ],
    ids=repr,
)
def test_other_key_ops_are_skipped(operations):
    """Key_ops without verify, with encryption beside it, with a value twice or of a wrong type skip the key."""
    assert "its key_ops" in why(RSA | {"key_ops": operations})


@pytest.mark.parametrize("name", ["kid", "alg", "use", "x5t#S256"])
@pytest.mark.parametrize("value", [None, 1, True, ["RS256"], {}], ids=repr)
def test_a_text_member_that_is_no_text_skips_the_key(name, value):
    """A kid, alg, use or thumbprint of another type is not converted: the key is skipped."""
    assert why(RSA | {name: value}) == f"its {name} is not a string"


@pytest.mark.parametrize("shape", KEYS)
def test_an_alg_must_be_one_for_that_type(shape):
    """A key is used with each alg defined for its type and curve, and with no other."""
    other = ["none", "HS256", "RSA-OAEP", "ECDH-ES", "ES521", "SHA256", "rs256", "RS256 ", "", "es256"]
    accepted = [alg for alg in (*ALGORITHM_SHAPES, *other) if used(KEYS[shape] | {"alg": alg, "kid": "k"})]
    assert accepted == [alg for alg, shapes in ALGORITHM_SHAPES.items() if shape in shapes]
    assert why(KEYS[shape] | {"alg": "none"}) == f"its alg none is no signature algorithm for a key of type {shape}"


def test_a_skipped_entry_is_told_by_place_and_kid():
    """A skipped entry is reported with its place and its kid, made fit for a log, and nothing of its content."""
    keys = read_jwks({"keys": [GOOD, RSA | {"kid": "a\nb" + "c" * 200, "use": "enc"}, RSA | {"kid": 7}]})
    first, second = keys.skipped
    assert (first.place, first.why) == (1, "its use is not sig")
    assert first.kid.startswith("a\\nbccc")
    assert len(first.kid) == 120
    assert (second.place, second.kid) == (2, None)


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_members_are_ignored_and_told_without_their_value(name):
    """Each private member is reported by its name only, and the public key is the same as without it."""
    keys = read_jwks({"keys": [RSA | {"kid": "k", name: "c2VjcmV0"}]})
    (skip,) = keys.skipped
    assert (skip.place, skip.kid, skip.key_used) == (0, "k", True)
    assert f"its private members were ignored: {name}." in skip.why
    assert "c2VjcmV0" not in skip.why
    assert keys.keys == read_jwks(RSA | {"kid": "k"}).keys


@pytest.mark.parametrize("number", [1, 2, 7])
def test_equal_entries_count_once(number):
    """Entries equal in kid, alg and key material are one key; with another kid or alg they are two."""
    assert len(read_jwks({"keys": [RSA | {"kid": "k"}] * number}).keys) == 1
    assert len(read_jwks({"keys": [RSA | {"kid": "k"}, RSA | {"kid": "l"}]}).keys) == 2
    assert len(read_jwks({"keys": [RSA | {"alg": "RS256"}, RSA | {"alg": "PS256"}]}).keys) == 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([RSA_N, "AQAB", "RSA", "EC", "OKP", "sig"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = JSON | st.fixed_dictionaries(
    {"kty": st.sampled_from(["RSA", "EC", "OKP"]) | JSON},
    optional=dict.fromkeys(("n", "e", "crv", "x", "y", "alg", "use", "key_ops", "kid"), JSON),
)


@given(st.lists(ENTRIES, max_size=4), st.lists(ENTRIES, max_size=4))
def test_garbage_beside_it_spoils_no_good_key(before, behind):
    """Whatever stands before and behind it in a set, the good key is read."""
    keys = read_jwks({"keys": [*before, GOOD, *behind]})
    assert read_jwks(GOOD).keys[0] in keys.keys
    assert len(keys.keys) + sum(not skip.key_used for skip in keys.skipped) <= len(before) + len(behind) + 1


# RSA


@pytest.mark.parametrize(
    ("bits", "expected"), [(1024, False), (2047, False), (2048, True), (8192, True), (8193, False), (16384, False)]
)
def test_the_modulus_has_2048_to_8192_bits(bits, expected):
    """RSA keys below 2048 and above 8192 bits are skipped."""
    entry = rsa_jwk((1 << bits - 1) + 1)
    assert used(entry) is expected
    if not expected:
        assert f"its modulus has {bits} bits" in why(entry)


@pytest.mark.parametrize("exponent", [3, 17, 65537, 2**32 - 1])
def test_an_odd_exponent_below_2_to_the_32_is_used(exponent):
    """Odd exponents from 3 to below 2^32 are accepted."""
    assert used(rsa_jwk(int.from_bytes(b"\xc1" * 256, "big"), exponent))


@pytest.mark.parametrize("exponent", [1, 2, 4, 65536, 65538, 2**32, 2**32 + 1, 2**64 + 1, 2**2047 + 1])
def test_a_weak_or_huge_exponent_is_skipped(exponent):
    """With exponent 1 anyone signs; even ones are none, and huge ones cost time."""
    assert "its exponent is not odd and between 3 and 2^32" in why(
        rsa_jwk(int.from_bytes(b"\xc1" * 256, "big"), exponent)
    )


def test_an_exponent_of_zero_is_skipped():
    """An exponent whose octets are zero is skipped."""
    assert "its exponent" in why(RSA | {"e": "AA"})


def test_an_even_modulus_is_skipped():
    """A modulus with the factor 2 is no RSA modulus."""
    assert "its modulus is even" in why(rsa_jwk(int.from_bytes(b"\xc2" * 256, "big")))


def test_a_roca_modulus_is_skipped():
    """A modulus whose residues are all powers of 65537 is refused as the weakness it is."""
    product = 1
    for prime in (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157):
        product *= prime
    modulus = pow(65537, 12345, product) + product * (1 << 1950)
    modulus += 0 if modulus & 1 else product
    assert modulus.bit_length() >= 2048
    assert "ROCA" in why(rsa_jwk(modulus))


def test_leading_zeros_of_a_modulus_change_nothing():
    """A modulus with a leading zero octet is the same key, though its encoding is not the minimal one."""
    padded = RSA | {"n": b64(b"\0" + int(read_jwks(RSA).keys[0].public_key.public_numbers().n).to_bytes(256, "big"))}
    assert read_jwks(padded).keys == read_jwks(RSA).keys


BAD_BASE64 = [
    "",
    "AQAB=",
    "AQ==",
    "AR",
    "A",
    "AQ AB",
    "AQAB\n",
    "+/+/",
    "AQ.B",
    "ÄQAB",
    "\udc80AQA",
    None,
    65537,
    ["AQAB"],
]


@pytest.mark.parametrize("value", BAD_BASE64, ids=repr)
@pytest.mark.parametrize(
    ("shape", "member"), [("RSA", "n"), ("RSA", "e"), ("P-256", "x"), ("P-256", "y"), ("Ed25519", "x")]
)
def test_a_number_that_is_not_canonical_base64url_skips_the_key(shape, member, value):
    """Padding, white space, another alphabet, unused bits, nothing or another type: the key is skipped."""
    assert why(KEYS[shape] | {member: value}) == f"its {member} is missing or not base64url"


@pytest.mark.parametrize(
    ("shape", "member"), [("RSA", "n"), ("RSA", "e"), ("P-256", "x"), ("P-256", "y"), ("Ed25519", "x")]
)
def test_a_missing_number_skips_the_key(shape, member):
    """A key without one of its required members is skipped."""
    entry = {name: value for name, value in KEYS[shape].items() if name != member}
    assert why(entry) == f"its {member} is missing or not base64url"


# Elliptic curves


@pytest.mark.parametrize("crv", ["P-224", "p-256", "P256", "Ed25519", "secp192r1", "", None, 1, ["P-256"]], ids=repr)
def test_another_curve_is_skipped(crv):
    """An EC key on an unknown curve, or on one of another type of key, is skipped."""
    assert "its crv is not one of P-256, P-384, P-521, secp256k1" in why(KEYS["P-256"] | {"crv": crv})


@pytest.mark.parametrize("crv", ["X25519", "X448", "P-256", "ed25519", None, 1, ["Ed25519"]], ids=repr)
def test_another_edwards_curve_is_skipped(crv):
    """An OKP key for key agreement or on an unknown curve is skipped."""
    assert "its crv is not one of Ed25519, Ed448" in why(ED25519 | {"crv": crv})


@pytest.mark.parametrize("name", CURVES)
def test_a_point_off_its_curve_is_skipped(name):
    """A point not on the curve, the point (0, 0), and coordinates beyond the field are skipped."""
    size = (CURVES[name].key_size + 7) // 8
    x, zero, top = KEYS[name]["x"], b64(bytes(size)), b64(b"\xff" * size)
    for point in ({"y": x}, {"x": zero, "y": zero}, {"x": zero}, {"x": top}, {"y": top}, {"x": top, "y": top}):
        assert why(KEYS[name] | point) == f"its point is not on {name}"


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("member", ["x", "y"])
def test_a_coordinate_has_exactly_its_length(name, member):
    """A coordinate with an octet less or more, be it a zero, is skipped (RFC 7518 section 6.2.1.2)."""
    size = (CURVES[name].key_size + 7) // 8
    for octets in (bytes(size - 1), bytes(size + 1), b"\1" * (size - 1), b"\0" + b"\1" * size):
        assert f"the {size} bytes of {name}" in why(KEYS[name] | {member: b64(octets)})


def test_a_point_of_one_curve_is_none_of_another():
    """P-256 and secp256k1 have the same lengths, and a point of one is skipped under the name of the other."""
    assert why(KEYS["P-256"] | {"crv": "secp256k1"}) == "its point is not on secp256k1"
    assert why(KEYS["secp256k1"] | {"crv": "P-256"}) == "its point is not on P-256"


@pytest.mark.parametrize(("crv", "size"), [("Ed25519", 32), ("Ed448", 57)])
def test_an_edwards_point_has_exactly_its_length(crv, size):
    """An Ed25519 or Ed448 key with an octet less or more is skipped, and so is one of the other curve."""
    for octets in (b"\x09" * (size - 1), b"\x09" * (size + 1), b"\x09" * (89 - size)):
        assert f"the {size} bytes of {crv}" in why({"kty": "OKP", "crv": crv, "x": b64(octets)})


@pytest.mark.parametrize(("crv", "size"), [("Ed25519", 32), ("Ed448", 57)])
@pytest.mark.parametrize("y", [0, 1])
def test_a_point_of_small_order_is_skipped(crv, size, y):
    """The neutral element and its like are no keys: one signature would fit every message."""
    assert "small order" in why({"kty": "OKP", "crv": crv, "x": b64(y.to_bytes(size, "little"))})
