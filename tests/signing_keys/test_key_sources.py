"""What a signing key can be made of, and what is refused, in words that repeat nothing of it."""

import copy
import json
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, PrivateFormat

from kmvalidate.errors import ConfigurationError
from kmvalidate.keys import read_jwks
from kmvalidate.private_keys import FITTING
from kmvalidate.signing import SigningKey
from tests.signing import ABSENT, KEY_OF, private_key, public_jwk
from tests.signing_keys.making import certificate, in_der, in_pem, p12, signer_of
from tests.test_private_keys import assert_silent, bad_keys, jwk, pem, short_rsa

LOCK = BestAvailableEncryption(b"pass word")
P256 = private_key("P-256")


def refused(make, *args, **kwargs):
    """Return the ConfigurationError that ``make(...)`` ends with, which shows nothing of its arguments."""
    with pytest.raises(ConfigurationError) as caught:
        make(*args, **kwargs)
    for value in (*args, *kwargs.values()):
        if isinstance(value, str | bytes):
            assert_silent(caught.value, value if isinstance(value, str) else repr(value)[2:-1])
    return str(caught.value)


@pytest.mark.parametrize(("shape", "alg"), [(shape, names[0]) for shape, names in FITTING.items()])
def test_the_algorithm_follows_the_key(shape, alg):
    """Without an algorithm it is the default for the key's type, or what a JWK says."""
    assert SigningKey.from_pem(pem(private_key(shape))).algorithm == alg
    assert SigningKey.from_pkcs12(p12(private_key(shape)), "secret").algorithm == alg
    assert SigningKey.from_jwk(jwk(shape)).algorithm == alg
    assert SigningKey.from_jwk(jwk(shape, alg=FITTING[shape][-1])).algorithm == FITTING[shape][-1]


def test_the_id_is_the_one_given_or_the_own_or_the_thumbprint():
    """A key is named by its argument, or else its JWK's kid, or else its RFC 7638 thumbprint."""
    thumbprint = read_jwks(public_jwk("P-256")).keys[0].thumbprint
    bare = jwk("P-256", kid=ABSENT)
    assert SigningKey.from_jwk(jwk("P-256"), kid="k").kid == SigningKey.from_pem(pem(P256), kid="k").kid == "k"
    assert SigningKey.from_jwk(jwk("P-256")).kid == "P-256"
    assert SigningKey.from_jwk(bare).kid == SigningKey.from_pem(pem(P256)).kid == thumbprint
    assert SigningKey.from_signer(signer_of("ES256"), public_key=public_jwk("P-256"), algorithm="ES256").kid == "P-256"
    assert SigningKey.from_jwk(bare).thumbprint == SigningKey.from_jwk(jwk("P-256")).thumbprint == thumbprint
    assert SigningKey.generate(kid="new").kid == "new"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["pkcs8", "traditional"])
@pytest.mark.parametrize("shape", ["RSA", "P-256"])
def test_pem_has_two_forms_each_with_or_without_a_password(shape, form):
    """PKCS #8 and the older forms are read, as text or bytes, open or with their password."""
    key = SigningKey.from_pem(pem(private_key(shape), form))
    locked = pem(private_key(shape), form, LOCK)
    assert SigningKey.from_pem(locked, password="pass word") == key
    assert SigningKey.from_pem(b"a note\n" + locked.encode(), password=b"pass word") == key


def test_a_jwk_is_text_or_a_mapping():
    """A JWK may be JSON, as text or bytes, or a mapping."""
    text = jwk("Ed25519")
    made = [SigningKey.from_jwk(form) for form in (text, text.encode(), json.loads(text))]
    assert made[0] == made[1] == made[2]


def test_keys_without_a_password_in_pkcs12():
    """A PKCS #12 file may be without a password, or with an empty one."""
    for password in (None, "", b""):
        assert SigningKey.from_pkcs12(p12(P256, password=None), password) == SigningKey.from_pem(pem(P256))


def test_keys_are_equal_by_what_is_published():
    """Keys are equal, and hash alike, if public key, id, algorithm, certificate and signer are the same."""
    key, sign = SigningKey.from_pem(pem(P256)), signer_of("ES256")
    assert {key, SigningKey.from_pem(pem(P256))} == {key}
    others = [
        SigningKey.from_pem(pem(P256), kid="k"),
        SigningKey.from_pem(pem(private_key("P-256", "other")), kid=key.kid),
        SigningKey.from_pem(pem(P256), certificate=in_pem(certificate("P-256"))),
        SigningKey.from_signer(sign, public_key=key.public_jwk(), algorithm="ES256"),
        SigningKey.from_signer(signer_of("ES256"), public_key=key.public_jwk(), algorithm="ES256"),
    ]
    assert len({key, *others}) == 6
    assert SigningKey.from_signer(sign, public_key=key.public_jwk(), algorithm="ES256") == others[3]


def test_a_key_shows_nothing_and_is_not_copied():
    """A key's repr has its id and algorithm alone, and it is neither pickled, copied nor changed."""
    key = SigningKey.from_pem(pem(P256), kid="k", certificate=in_pem(certificate("P-256")))
    assert repr(key) == "SigningKey(kid='k', algorithm='ES256')"
    for move in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a signing key is not pickled"):
            move(key)
    with pytest.raises(AttributeError):
        key.kid = "other"


BAD = [pytest.param(text, algorithm, id=name) for name, text, algorithm in bad_keys()]


@pytest.mark.parametrize(("text", "algorithm"), BAD)
def test_a_key_that_cannot_sign_is_refused(text, algorithm):
    """Public, locked, weak, broken and contradictory keys are ConfigurationErrors that show nothing of them."""
    make = SigningKey.from_jwk if text.startswith("{") else SigningKey.from_pem
    assert refused(make, text, algorithm=algorithm).startswith("the signing key cannot be used: ")


def huge_exponent():
    """Return an RSA key whose exponent is larger than the keys that tokens are verified with may have."""
    primes = private_key("RSA").private_numbers()
    phi, e = (primes.p - 1) * (primes.q - 1), 2**32 + 1
    while True:
        try:
            d = pow(e, -1, phi)
        except ValueError:
            e += 2
            continue
        public = rsa.RSAPublicNumbers(e, primes.p * primes.q)
        rest = (rsa.rsa_crt_dmp1(d, primes.p), rsa.rsa_crt_dmq1(d, primes.q), primes.iqmp)
        return rsa.RSAPrivateNumbers(primes.p, primes.q, d, *rest, public).private_key()


WRONG = [
    ("pem", pem(P256) + pem(private_key("RSA")), {}, "it holds several private keys"),
    ("pem", pem(P256, lock=LOCK), {}, "it has a password"),
    ("pem", pem(P256, lock=LOCK), {"password": "wrong"}, "its password is another, or it is no PEM"),
    ("pem", pem(P256), {"password": "wrong"}, "it is not encrypted, or no PEM private key, and a password"),
    ("pem", "\udc80", {}, "it is no PEM private key"),
    ("pem", b"\xff", {}, "it is no PEM private key"),
    ("pem", pem(huge_exponent()), {}, "its exponent is not odd and between 3 and 2^32"),
    ("pkcs12", p12(P256), {"password": "wrong"}, "its password is another, or it is no PKCS #12"),
    ("pkcs12", p12(P256), {"password": None}, "its password is another, or it is no PKCS #12"),
    ("pkcs12", b"garbage", {"password": None}, "its password is another, or it is no PKCS #12"),
    ("pkcs12", p12(None, certificate("P-256")), {"password": "secret"}, "its PKCS #12 holds no private key"),
    ("pkcs12", p12(short_rsa()), {"password": "secret"}, "its modulus has 1024 bits"),
    ("pkcs12", b"\xfe\xed\xfe\xed\0\0\0\2", {"password": "secret"}, "it is a Java keystore of the old type"),
    ("jwk", "[]", {}, "its JWK cannot be read: not a JSON object"),
    ("jwk", {"kty": "EC"}, {}, "it is a public key"),
    ("jwk", json.loads(jwk("P-256", kid="a\nb")), {}, "its kid cannot be printed"),
    ("jwk", jwk("RSA", alg="PS256"), {"algorithm": "RS256"}, "its JWK is for another algorithm"),
    ("jwk", jwk("RSA"), {"algorithm": "ES256"}, "its algorithm does not fit a key of type RSA"),
]


@pytest.mark.parametrize(("make", "given", "options", "why"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(make, given, options, why):
    """Each mistake has its sentence, and no error shows the key or the password."""
    assert why in refused(getattr(SigningKey, f"from_{make}"), given, **options)


@pytest.mark.parametrize(
    "algorithm", ["HS256", "none", "", "es256", "ES256K", "Ed448", "RSA-OAEP", 5, ["ES256"]], ids=str
)
def test_only_asymmetric_algorithms_sign(algorithm):
    """Symmetric algorithms, none, unknown ones and what is no name are ConfigurationErrors for every kind of key."""
    for make in (
        lambda: SigningKey.from_pem(pem(P256), algorithm=algorithm),
        lambda: SigningKey.from_pkcs12(p12(P256), "secret", algorithm=algorithm),
        lambda: SigningKey.from_jwk(jwk("P-256"), algorithm=algorithm),
        lambda: SigningKey.from_signer(signer_of("ES256"), public_key=public_jwk("P-256"), algorithm=algorithm),
        lambda: SigningKey.generate(algorithm),
    ):
        with pytest.raises(ConfigurationError, match="algorithm is one of RS256"):
            make()


@pytest.mark.parametrize("kid", ["", 5, "a\nb", "\udc80", b"k"], ids=ascii)
def test_an_id_is_text_that_can_be_printed(kid):
    """A kid that is empty, no text or unprintable is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="kid is a non-empty string"):
        SigningKey.generate(kid=kid)


ODD = [
    (lambda: SigningKey.from_pem(None), "pem is a string or bytes"),
    (lambda: SigningKey.from_pem(bytearray(b"x")), "pem is a string or bytes"),
    (lambda: SigningKey.from_pem(pem(P256), password=5), "password is a string or bytes"),
    (lambda: SigningKey.from_pem(pem(P256), certificate=5), "certificate is a string or bytes"),
    (lambda: SigningKey.from_pkcs12("text", None), "data is the bytes of a PKCS #12 file"),
    (lambda: SigningKey.from_jwk(["kty"]), "jwk is a string, bytes or a mapping"),
    (lambda: SigningKey.generate(None), "algorithm is one of"),
]


@pytest.mark.parametrize(("make", "what"), ODD, ids=range(len(ODD)))
def test_other_types_are_refused(make, what):
    """What is of another type than it must be is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=what):
        make()


SECRET = "SECRET-PEM-DATA"
EC = {"kty": "EC", "crv": "P-256", "d": SECRET, "x": SECRET, "y": SECRET}
HELD = [
    lambda: SigningKey.from_pem(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"),
    lambda: SigningKey.from_pem(SECRET, password=SECRET, certificate=SECRET),
    lambda: SigningKey.from_pem(bytearray(SECRET.encode())),
    lambda: SigningKey.from_pem(SECRET, algorithm="HS256"),
    lambda: SigningKey.from_pem(pem(P256), certificate=SECRET),
    lambda: SigningKey.from_pem(pem(P256), certificate=bytearray(SECRET.encode())),
    lambda: SigningKey.from_pkcs12(SECRET.encode(), SECRET),
    lambda: SigningKey.from_pkcs12(SECRET, SECRET),
    lambda: SigningKey.from_pkcs12(SECRET.encode(), [SECRET]),
    lambda: SigningKey.from_jwk(EC),
    lambda: SigningKey.from_jwk(json.dumps(EC)[:-1]),
    lambda: SigningKey.from_jwk(EC, kid=""),
    lambda: SigningKey.from_jwk([SECRET], certificate=SECRET),
    lambda: SigningKey.from_signer(signer_of("ES256"), public_key=EC, algorithm="ES256"),
    lambda: SigningKey.from_signer(signer_of("ES256"), public_key=SECRET, algorithm="none", certificate=SECRET),
    lambda: SigningKey.from_signer(None, public_key=[SECRET], algorithm="ES256"),
]


@pytest.mark.parametrize("make", HELD, ids=range(len(HELD)))
def test_no_frame_that_raises_holds_the_key(make):
    """Who logs the variables of the frames that an error came through sees no key material in those of the library."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    own = [one for one in caught.traceback if one.frame.f_globals["__name__"].startswith("kmvalidate.")]
    assert own
    assert SECRET not in repr([one.frame.f_locals for one in own])
    assert caught.value.__context__ is caught.value.__cause__ is None


def test_the_id_of_a_new_key_is_named():
    """The id of a new key is given by its name, as for other keys."""
    with pytest.raises(TypeError):
        SigningKey.generate("ES256", "k")


@pytest.mark.parametrize("alg", ["ES512", "RS384", "EdDSA"])
def test_a_new_key_is_another_each_time(alg):
    """Generated keys fit their algorithm, and no two are the same."""
    keys = {SigningKey.generate(alg) for _ in range(2)}
    assert (len(keys), {key.algorithm for key in keys}) == (2, {alg})
    assert {key.public_jwk().get("crv", "RSA") for key in keys} == {KEY_OF[alg]}


def test_der_and_pem_certificates_are_the_same():
    """A certificate may be PEM or DER."""
    made = certificate("P-256")
    forms = [in_pem(made), in_pem(made).encode(), in_der(made)]
    assert {SigningKey.from_pem(pem(P256), certificate=form).certificate_der for form in forms} == {in_der(made)}
