"""Which key of its issuer a token is verified with: by kid exactly, by thumbprint, or because there is but one."""

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate.errors import Reason, Refused
from kmvalidate.key_documents import read_keys
from kmvalidate.key_sets import ALGORITHM_SHAPES, KeySet, Skipped
from kmvalidate.tokens import Header
from tests.signing import ABSENT, refusal, static_keys, validator, with_header

RSA, P256, P384 = ("RSA",), ("P-256",), ("P-384",)


def pem_key(private):
    """Return the key of a private key's public half, as PEM gives it."""
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return read_keys(pem).keys[0]


PEMS = {
    "rsa": pem_key(rsa.generate_private_key(65537, 2048)),
    "rsa2": pem_key(rsa.generate_private_key(65537, 2048)),
    "p256": pem_key(ec.generate_private_key(ec.SECP256R1())),
    "p384": pem_key(ec.generate_private_key(ec.SECP384R1())),
    "ed25519": pem_key(ed25519.Ed25519PrivateKey.generate()),
    "ed448": pem_key(ed448.Ed448PrivateKey.generate()),
}


def jwk(name, **members):
    """Return the key of a JWK with these members."""
    return attrs.evolve(PEMS[name], is_pem=False, **members)


def header(alg="RS256", kid=None, x5t=None):
    """Return a header."""
    return Header(alg, kid, x5t, None)


def reason_of(keys, head, shapes=RSA):
    """Return why no key is given."""
    with pytest.raises(Refused) as refused:
        keys.find(head, shapes)
    return refused.value.reason


A, B = jwk("rsa", kid="a"), jwk("rsa2", kid="b")


def test_a_key_is_found_by_its_kid():
    """Of several keys the one that is named is given."""
    keys = KeySet.of([A, B])
    assert keys.find(header(kid="a"), RSA) is A
    assert keys.find(header(kid="b"), RSA) is B


def test_an_unknown_kid_finds_nothing():
    """A kid that no key has finds no key, be the set large, small or of one key."""
    for keys in (KeySet.of([A, B]), KeySet.of([A]), KeySet.of([jwk("rsa", kid=None)])):
        assert keys.find(header(kid="c"), RSA) is None


@pytest.mark.parametrize(
    ("of_key", "of_token"),
    [
        ("key", "Key"),
        ("key", "KEY"),
        ("key", "key "),
        ("key", " key"),
        ("key", "key\n"),
        ("key", "key\x00"),
        ("key", ""),
        ("", " "),
        ("é", "e\u0301"),  # NFC, NFD
        ("e\u0301", "é"),
        ("k", "\u212a"),  # the Kelvin sign
        ("\u0131", "i"),
        ("1", "01"),
        ("key", "keykey"),
        ("key", "ke"),
        ("key", "../key"),
        ("key", "key' OR '1'='1"),
        ("a.c", "abc"),
        ("abc", "a.c"),
        ("abc", ".*"),
    ],
    ids=ascii,
)
def test_a_kid_is_compared_exactly(of_key, of_token):
    """Case, normal form, white space, patterns and paths: a kid is an opaque string and nothing is like it."""
    keys = KeySet.of([jwk("rsa", kid=of_key), jwk("rsa2", kid="other")])
    assert keys.find(header(kid=of_token), RSA) is None
    assert keys.find(header(kid=of_key), RSA) is keys.keys[0]


def test_an_empty_kid_is_a_kid():
    """An empty kid names the key whose kid is empty, and not those without one."""
    empty, none = jwk("rsa", kid=""), jwk("rsa2", kid=None)
    assert KeySet.of([empty, none]).find(header(kid=""), RSA) is empty
    assert KeySet.of([none, A]).find(header(kid=""), RSA) is None


def test_without_kid_the_one_key_that_fits_is_given():
    """A token without kid gets the only key that fits its algorithm, with or without a kid of its own."""
    keys = KeySet.of([A, jwk("p256", kid="e"), jwk("p384", kid=None)])
    assert keys.find(header("RS256"), RSA) is A
    assert keys.find(header("ES256"), P256).kid == "e"
    assert keys.find(header("ES384"), P384).kid is None


def test_without_kid_two_keys_that_fit_are_ambiguous():
    """Two keys that fit a token without kid refuse it: none is tried."""
    assert reason_of(KeySet.of([A, B]), header()) is Reason.AMBIGUOUS_KEY


def test_without_kid_alg_may_decide():
    """Of two RSA keys with different alg the one that serves the token's is given, and for a third alg none."""
    keys = KeySet.of([jwk("rsa", kid="a", alg="RS256"), jwk("rsa2", kid="b", alg="PS256")])
    assert keys.find(header("RS256"), RSA).kid == "a"
    assert keys.find(header("PS256"), RSA).kid == "b"
    assert keys.find(header("RS384"), RSA) is None


def test_without_kid_and_without_a_key_that_fits_nothing_is_found():
    """A token without kid whose algorithm no key serves finds nothing, so that newer keys may be asked for."""
    assert KeySet.of([A, B]).find(header("ES256"), P256) is None


def test_one_key_under_two_kids_is_one_key():
    """The same key material twice is not ambiguous: either entry verifies the same signatures."""
    twice = KeySet.of([jwk("rsa", kid="a"), jwk("rsa", kid="b")])
    assert twice.find(header(), RSA).thumbprint == PEMS["rsa"].thumbprint
    assert twice.find(header(kid="a"), RSA) is twice.keys[0]
    assert twice.find(header(kid="b"), RSA) is twice.keys[1]


def test_two_keys_of_one_kid_are_ambiguous():
    """A kid that two different keys of that algorithm have is refused."""
    keys = KeySet.of([jwk("rsa", kid="k"), jwk("rsa2", kid="k")])
    assert reason_of(keys, header(kid="k")) is Reason.AMBIGUOUS_KEY


def test_two_keys_of_one_kid_may_differ_in_type_or_alg():
    """A kid that keys of several types or algorithms have is decided by the algorithm."""
    keys = KeySet.of([jwk("rsa", kid="k", alg="RS256"), jwk("rsa2", kid="k", alg="PS256"), jwk("p256", kid="k")])
    assert keys.find(header("RS256", "k"), RSA) is keys.keys[0]
    assert keys.find(header("PS256", "k"), RSA) is keys.keys[1]
    assert keys.find(header("ES256", "k"), P256) is keys.keys[2]


def test_a_named_key_that_does_not_serve_the_algorithm_is_unsuitable():
    """A key that is named and bound to another alg, type or curve refuses the token, and tells what it serves."""
    keys = KeySet.of([jwk("rsa", kid="bound", alg="PS256"), jwk("p256", kid="e", x5t_s256="t")])
    assert reason_of(keys, header("RS256", "bound")) is Reason.UNSUITABLE_KEY
    assert reason_of(keys, header("RS256", "e")) is Reason.UNSUITABLE_KEY
    assert reason_of(keys, header("ES384", "e"), P384) is Reason.UNSUITABLE_KEY
    assert reason_of(keys, header("ES384", x5t="t"), P384) is Reason.UNSUITABLE_KEY
    with pytest.raises(Refused) as refused:
        keys.find(header("RS256", "bound"), RSA)
    assert (refused.value.claim, refused.value.expected, refused.value.got) == ("alg", "[PS256]", "RS256")


def test_a_thumbprint_looks_a_key_up():
    """Without kid, x5t#S256 names the key with that thumbprint exactly, and none when no key has it."""
    keys = KeySet.of([jwk("rsa", kid="a", x5t_s256="one"), jwk("rsa2", kid="b", x5t_s256="two"), jwk("p256", kid="c")])
    assert keys.find(header(x5t="two"), RSA) is keys.keys[1]
    assert keys.find(header(x5t="TWO"), RSA) is None
    assert keys.find(header(x5t="three"), RSA) is None


def test_a_kid_comes_before_a_thumbprint():
    """Where a token has both, its kid names the key and the thumbprint decides nothing."""
    keys = KeySet.of([jwk("rsa", kid="a", x5t_s256="one"), jwk("rsa2", kid="b", x5t_s256="two")])
    assert keys.find(header(kid="a", x5t="two"), RSA) is keys.keys[0]
    assert keys.find(header(kid="c", x5t="two"), RSA) is None


def test_without_kid_keys_with_a_thumbprint_are_found_as_well():
    """A token that names no key gets the one that fits, though every key of the set has a thumbprint."""
    keys = KeySet.of([jwk("rsa", kid="a", x5t_s256="one"), jwk("p256", kid="b", x5t_s256="two")])
    assert keys.find(header("RS256"), RSA) is keys.keys[0]
    assert keys.find(header("ES256"), P256) is keys.keys[1]


@pytest.mark.parametrize(
    ("keys", "head", "shapes", "facts"),
    [
        ([A, B], header(), RSA, ("AMBIGUOUS_KEY", "kid", "no kid")),
        ([A, attrs.evolve(B, kid="a")], header(kid="a"), RSA, ("AMBIGUOUS_KEY", "kid", "a")),
        ([A, B], header("ES256", "a"), P256, ("UNSUITABLE_KEY", "alg", "ES256")),
    ],
)
def test_a_refusal_says_what_the_token_had(keys, head, shapes, facts):
    """Several keys are told with the kid that names them or that there is none, a wrong key with the token's alg."""
    refused = refusal(KeySet.of(keys).find, head, shapes)
    assert (refused.reason.name, refused.claim, refused.got) == facts


@pytest.mark.parametrize(
    ("names", "got"),
    [
        ({"kid": "lost"}, "lost"),
        ({"kid": "lost", "x5t#S256": "print"}, "lost"),
        ({"kid": ABSENT, "x5t#S256": "print"}, "print"),
        ({"kid": ABSENT}, "no kid"),
    ],
)
def test_an_unknown_key_is_told_by_its_name(names, got):
    """A token whose key is not there is refused with its kid, else its thumbprint, else that it names none."""
    refused = refusal(validator(keys=static_keys("RSA")).authenticate, with_header(**names))
    assert (refused.reason.name, refused.claim, refused.got) == ("UNKNOWN_KEY", "kid", got)


@pytest.mark.parametrize("head", [header(), header(kid="anything"), header(x5t="anything"), header(kid="", x5t="")])
def test_a_sole_pem_key_serves_whatever_a_token_names(head):
    """A PEM key without kid that is its issuer's only key serves tokens with any kid or thumbprint."""
    assert KeySet.of([PEMS["rsa"]]).find(head, RSA) is PEMS["rsa"]


def test_a_sole_pem_key_is_still_bound_to_its_type():
    """A sole PEM key of another type is unsuitable for a token that names a key, and is not found otherwise."""
    keys = KeySet.of([PEMS["p256"]])
    assert reason_of(keys, header("RS256", "k")) is Reason.UNSUITABLE_KEY
    assert keys.find(header("RS256"), RSA) is None


def test_a_pem_key_that_is_not_alone_serves_no_kid():
    """Beside another key, a PEM key without kid serves only tokens without one."""
    keys = KeySet.of([PEMS["rsa"], jwk("p256", kid="e")])
    assert keys.find(header(kid="k"), RSA) is None
    assert keys.find(header(), RSA) is PEMS["rsa"]


def test_a_pem_key_with_a_kid_serves_that_kid_only():
    """A PEM key that was given a kid is found by it and by tokens without one, not by another."""
    named = attrs.evolve(PEMS["rsa"], kid="k")
    keys = KeySet.of([named])
    assert keys.find(header(kid="k"), RSA) is keys.find(header(), RSA) is named
    assert keys.find(header(kid="l"), RSA) is None


def test_a_sole_jwk_without_kid_serves_no_kid():
    """A JWK could have had a kid: without one it does not serve tokens that name a key, alone or not."""
    keys = KeySet.of([jwk("rsa", kid=None)])
    assert keys.find(header(kid="k"), RSA) is None
    assert keys.find(header(), RSA) is keys.keys[0]


@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("bound", ["EdDSA", "Ed25519", None])
def test_eddsa_and_ed25519_are_one_name_for_an_ed25519_key(bound, named):
    """An Ed25519 key bound to either name serves tokens with either (RFC 9864)."""
    keys = KeySet.of([jwk("ed25519", kid="k", alg=bound)])
    assert keys.find(header(named, "k"), ("Ed25519",)) is keys.keys[0]


@pytest.mark.parametrize("bound", ["EdDSA", "Ed448", None])
def test_an_ed448_key_serves_its_own_names(bound):
    """An Ed448 key bound to either of its names serves EdDSA and Ed448, and never Ed25519."""
    key = jwk("ed448", kid="k", alg=bound)
    assert key.serves("EdDSA")
    assert key.serves("Ed448")
    assert key.serves("Ed25519") is (bound is None)
    assert reason_of(KeySet.of([key]), header("Ed25519", "k"), ("Ed25519",)) is Reason.UNSUITABLE_KEY


@pytest.mark.parametrize("alg", ALGORITHM_SHAPES)
def test_a_bound_key_serves_its_own_alg(alg):
    """A key with an alg serves exactly that one, EdDSA's two names apart, and a key without one all of them."""
    bound, free = jwk("rsa", alg=alg), jwk("rsa", alg=None)
    assert [other for other in ALGORITHM_SHAPES if bound.serves(other)] == [alg]
    assert all(free.serves(other) for other in ALGORITHM_SHAPES)


def test_equal_keys_count_once_and_order_stays():
    """A set keeps the order of its keys and drops those equal in kid, alg and material."""
    again = jwk("rsa", kid="a")
    keys = KeySet.of([B, A, again, B])
    assert keys.keys == (B, A)
    assert again == A


def test_no_key_material_is_shown():
    """A key's repr has its kid and thumbprint and no key object."""
    assert "public_key" not in repr(A)
    assert "kid='a'" in repr(A)


def test_joined_sets_count_equal_keys_once():
    """Several sets become one, in their order; equal keys and all that was skipped are kept, once and whole."""
    skips = Skipped(0, "x", "why"), Skipped(0, "y", "why")
    joined = KeySet.joined([KeySet.of([A], skips[:1]), KeySet.of([]), KeySet.of([B, A], skips[1:])])
    assert (joined.keys, joined.skipped) == ((A, B), skips)
    assert KeySet.joined([]).keys == ()


def test_keys_are_left_out_by_thumbprint():
    """A set without some key material keeps the other keys, whatever their ids; without none it is the same object."""
    keys = KeySet.of([A, B, PEMS["p256"]])
    assert keys.names == ("a", "b", PEMS["p256"].thumbprint)
    assert keys.without({"a", "x"}) is keys
    assert keys.without({A.thumbprint, "x"}).names == keys.names[1:]
    assert keys.without({PEMS["p256"].thumbprint}).names == ("a", "b")
    assert keys.without({A.thumbprint}).keys == tuple(key for key in keys.keys if key.thumbprint != A.thumbprint)
    assert keys.without({"x", ""}) is keys
