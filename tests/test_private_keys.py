"""Assertions that private keys sign: read by two other libraries, and by nobody once a key is weak or unfit."""

import json
import pickle
import secrets
import traceback
from base64 import urlsafe_b64decode

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jws
from joserfc.jwk import import_key

from kmvalidate import private_keys
from kmvalidate.client_auth import ASSERTION_TYPE, PrivateKeyJwt
from kmvalidate.client_auth._secrets import FromFile
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from tests.signing import ABSENT, ISSUER, NOW, b64, changed, private_key, public_jwk

SHAPES = {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
FITTING = [(shape, name) for shape, names in private_keys.FITTING.items() for name in names]


def pem(key, form=PrivateFormat.PKCS8, lock=None):
    return key.private_bytes(Encoding.PEM, form, lock or NoEncryption()).decode()


def members(shape, owner="idp"):
    """Return the private members of a JWK."""
    key = private_key(shape, owner)
    if shape == "RSA":
        numbers = key.private_numbers()
        named = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1}
        named["qi"] = numbers.iqmp
        return {name: b64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in named.items()}
    if shape.startswith("P-"):
        return {"d": b64(key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big"))}
    return {"d": b64(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))}


def jwk(shape, **changes):
    """Return a private JWK as text; *changes* replace, add and remove (ABSENT) members."""
    return json.dumps(changed(public_jwk(shape) | members(shape), changes))


def assertion(client, **asked):
    attachment = client.attach(**({"endpoint": ISSUER + "/introspect", "issuer": ISSUER, "now": NOW + 0.9} | asked))
    assert attachment.headers == {}
    assert set(attachment.form) == {"client_id", "client_assertion_type", "client_assertion"}
    assert attachment.form["client_assertion_type"] == ASSERTION_TYPE
    return attachment.form["client_assertion"]


def read(signed, shape, alg):
    """Return the claims as PyJWT reads them, once joserfc has verified the same bytes."""
    known = import_key(changed(public_jwk(shape), {"kid": ABSENT}))
    header, payload, signature = signed.split(".")
    joserfc_alg = "Ed25519" if alg == "EdDSA" else alg  # the same signature (RFC 9864), without a warning
    model = jws.JWSRegistry(algorithms=[joserfc_alg]).get_alg(joserfc_alg)
    assert model.verify(f"{header}.{payload}".encode(), urlsafe_b64decode(signature + "=="), known)
    public = private_key(shape).public_key()
    if alg == "Ed25519":
        return json.loads(urlsafe_b64decode(payload + "=="))  # PyJWT does not know that name
    return pyjwt.decode(signed, public, [alg], audience=ISSUER, options={"verify_exp": False, "verify_iat": False})


@pytest.mark.parametrize(("shape", "alg"), FITTING)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_assertions_are_good(shape, alg, form):
    """Each key signs with each algorithm that fits it what PyJWT and joserfc verify, without a warning."""
    text = pem(private_key(shape)) if form == "pem" else jwk(shape)
    signed = assertion(PrivateKeyJwt("shop", text, algorithm=alg))
    claims = read(signed, shape, alg)
    assert claims.pop("jti")
    assert claims == {"iss": "shop", "sub": "shop", "aud": ISSUER, "iat": NOW, "exp": NOW + 60}
    named = {"kid": shape} if form == "jwk" else {}
    assert pyjwt.get_unverified_header(signed) == {"typ": "JWT", "alg": alg} | named


@pytest.mark.parametrize(("shape", "alg"), SHAPES.items())
def test_the_algorithm_follows_the_key(shape, alg):
    """Without an algorithm it is the default for the key's type, or what a JWK says."""
    for text in (pem(private_key(shape)), jwk(shape), jwk(shape, alg=alg)):
        assert pyjwt.get_unverified_header(assertion(PrivateKeyJwt("shop", text)))["alg"] == alg
    told = PrivateKeyJwt("shop", jwk("RSA", alg="PS384"))
    assert pyjwt.get_unverified_header(assertion(told))["alg"] == "PS384"


def test_what_an_assertion_says_can_be_set():
    """The audience, the key id and the lifetime are those configured, the clock is the one that is passed."""
    text = jwk("P-256", kid="own")
    client = PrivateKeyJwt("shop", text, key_id="k1", audience="https://idp.example/token", lifetime_s=600)
    signed = assertion(client, now=0.5)
    claims = pyjwt.decode(signed, options={"verify_signature": False})
    assert (claims["aud"], claims["iat"], claims["exp"]) == ("https://idp.example/token", 0, 600)
    assert pyjwt.get_unverified_header(signed)["kid"] == "k1"
    assert pyjwt.get_unverified_header(assertion(PrivateKeyJwt("shop", text)))["kid"] == "own"
    assert "kid" not in pyjwt.get_unverified_header(assertion(PrivateKeyJwt("shop", jwk("P-256", kid=ABSENT))))


def test_each_assertion_has_an_id_of_its_own():
    """No two assertions share a jti (RFC 7523 section 3), made at one time by one client."""
    client = PrivateKeyJwt("shop", pem(private_key("P-256")))
    options = {"verify_signature": False}
    ids = {pyjwt.decode(assertion(client), options=options)["jti"] for _ in range(20)}
    assert (len(ids), min(map(len, ids)) >= 22) == (20, True)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["pkcs8", "traditional"])
def test_pem_has_two_forms(form):
    """PKCS #8 and the older forms are read, also beside what a file may hold with them."""
    for shape in ("RSA", "P-256"):
        text = pem(private_key(shape), form)
        assert read(assertion(PrivateKeyJwt("shop", "a note\n" + text)), shape, SHAPES[shape])["sub"] == "shop"


@pytest.mark.parametrize(
    "algorithm", ["HS256", "none", "", "rs256", "RSA-OAEP", "ES256K", "Ed448", 5, ["RS256"]], ids=str
)
def test_an_algorithm_that_signs_nothing_here_is_refused(algorithm):
    """Symmetric ones, none and unknown ones are ConfigurationErrors, even while the key cannot be read."""
    with pytest.raises(ConfigurationError, match="algorithm is one of"):
        PrivateKeyJwt("shop", lambda: None, algorithm=algorithm)


@pytest.mark.parametrize(
    "given",
    [*({"lifetime_s": value} for value in (9, 601, 60.5, True, "60", None)), {"key_id": ""}, {"audience": 5}],
    ids=str,
)
def test_other_options_are_refused(given):
    """A lifetime outside 10 to 600 whole seconds, an empty key id and no audience of text are ConfigurationErrors."""
    with pytest.raises(ConfigurationError):
        PrivateKeyJwt("shop", pem(private_key("P-256")), **given)


def short_rsa():
    return rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is the point


def short_jwk():
    numbers = short_rsa().private_numbers()
    named = {"n": numbers.public_numbers.n, "e": 65537, "d": numbers.d}
    return json.dumps({"kty": "RSA"} | {k: b64(v.to_bytes((v.bit_length() + 7) // 8, "big")) for k, v in named.items()})


def bad_keys():
    """Yield what is no key for an assertion, with an algorithm that was asked for and a name."""
    p256 = private_key("P-256")
    public = p256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    yield "nothing", "hidden", None
    yield "public pem", public, None
    yield "broken pem", pem(p256).replace("M", "A"), None
    yield "locked pem", pem(p256, lock=BestAvailableEncryption(b"x")), None
    yield "locked old pem", pem(p256, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")), None
    yield "certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None
    yield "short rsa", pem(short_rsa()), None
    yield "short rsa jwk", short_jwk(), None
    yield "brainpool", pem(ec.generate_private_key(ec.BrainpoolP256R1())), None
    yield "secp256k1", pem(private_key("secp256k1")), None
    yield "Ed448", pem(private_key("Ed448")), None
    yield "X25519", pem(x25519.X25519PrivateKey.generate()), None
    yield "other curve", pem(p256), "ES384"
    yield "other type", pem(p256), "RS256"
    yield "other algorithm", jwk("RSA", alg="RS256"), "PS256"
    yield "set", json.dumps({"keys": [json.loads(jwk("P-256"))]}), None
    yield "symmetric", json.dumps({"kty": "oct", "k": b64(bytes(32)), "d": "x"}), None
    yield "public jwk", jwk("P-256", d=ABSENT), None
    yield "not json", "{" + jwk("P-256"), None
    yield "given twice", jwk("P-256")[:-1] + ', "d": "AAAA"}', None
    for name, value in {
        "kid": 5,
        "alg": 5,
        "use": "enc",
        "key_ops": ["verify"],
        "kty": ["EC"],
        "d": 5,
        "x": "AA",
    }.items():
        yield f"{name} {value}", jwk("P-256", **{name: value}), None
    for name, value in {"kid": "", "alg": "HS256", "key_ops": "sign", "crv": "P-521", "crv ": ABSENT}.items():
        yield f"{name}={value}", jwk("P-256", **{name.strip(): value}), None
    for name, value in {"n": 5, "e": ABSENT, "qi": ABSENT, "d": "AAAA", "alg": "RSA-OAEP"}.items():
        yield f"rsa {name}", jwk("RSA", **{name: value}), None
    yield "rsa huge", jwk("RSA", n=b64(b"\xff" * 1025)), None
    yield "ec mixed", jwk("P-256", **members("P-256", "other")), None
    yield "okp mixed", jwk("Ed25519", **members("Ed25519", "other")), None
    yield "okp X448", jwk("Ed25519", crv="X448"), None
    yield "okp X25519", jwk("Ed25519", crv="X25519"), None


BAD = [pytest.param(text, algorithm, id=name) for name, text, algorithm in bad_keys()]


@pytest.mark.parametrize(("text", "algorithm"), BAD)
def test_a_key_that_cannot_sign_is_refused_when_it_is_made(text, algorithm):
    """Public, locked, weak, broken and contradictory keys are ConfigurationErrors that show nothing of them."""
    with pytest.raises(ConfigurationError, match="the private key cannot be used: ") as caught:
        PrivateKeyJwt("shop", text, algorithm=algorithm)
    assert_silent(caught.value, text)


@pytest.mark.parametrize(("text", "algorithm"), BAD)
def test_a_key_that_rotated_into_one_that_cannot_sign_is_an_outage(text, algorithm, tmp_path):
    """At use the same keys are KeyManagerUnavailable, until a good one is there."""
    file = tmp_path / "key"
    good = jwk("RSA" if algorithm in {"RS256", "PS256"} else "P-384")
    file.write_text(good)
    client = PrivateKeyJwt("shop", FromFile(file), algorithm=algorithm)
    file.write_text(text)
    with pytest.raises(KeyManagerUnavailable, match="the private key of client shop cannot be used: ") as caught:
        assertion(client)
    assert_silent(caught.value, text)
    file.write_text(good)
    assert assertion(client)


def assert_silent(error, text):
    """Neither the error, its chain nor the frame that raised it holds *text* or the longer words in it."""
    assert (error.__context__, error.__cause__) == (None, None)
    *_, (raising, _) = traceback.walk_tb(error.__traceback__)
    shown = str(error) + repr(pickle.dumps(error)) + repr(raising.f_locals)
    assert [word for word in text.replace('"', "\n").split("\n") if len(word) > 12 and word in shown] == []


def test_keys_rotate(tmp_path):
    """The key that signs is the one the file has now."""
    file = tmp_path / "key"
    file.write_text(jwk("P-256"))
    client = PrivateKeyJwt("shop", FromFile(file))
    for shape in ("Ed25519", "RSA", "P-256"):
        file.write_text(jwk(shape))
        assert read(assertion(client), shape, SHAPES[shape])["iss"] == "shop"


def test_a_key_that_cannot_be_read_yet_may_come_later():
    """A callable that fails when a client is made is asked again at use."""
    answers = [pem(private_key("P-256")), None]
    assert read(assertion(PrivateKeyJwt("shop", answers.pop)), "P-256", "ES256")


def test_keys_are_parsed_once_and_few_are_remembered(monkeypatch):
    """A text is parsed once while it is in use, and no more than the bound are remembered, by their digests."""
    parsed, parse = [], private_keys._parsed
    monkeypatch.setattr(private_keys, "_parsed", lambda text: parsed.append(text) or parse(text))
    monkeypatch.setattr(private_keys, "_remembered", {})
    kept = jwk("P-256", note=secrets.token_hex())
    client = PrivateKeyJwt("shop", kept)
    for number in range(private_keys.MAX_REMEMBERED + 5):
        PrivateKeyJwt("shop", jwk("P-256", note=number))
        assertion(client)
    assert parsed.count(kept) == 1
    assert len(private_keys._remembered) == private_keys.MAX_REMEMBERED
    assert {len(digest) for digest in private_keys._remembered} == {32}
    assert "P-256" in repr(next(iter(private_keys._remembered.values())))
    assert "key=" not in repr(next(iter(private_keys._remembered.values())))
