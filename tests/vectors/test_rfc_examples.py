"""The examples of the JOSE specifications, and of libraries that publish theirs."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.key_documents import read_keys
from kmvalidate.keys import read_jwks
from tests.vectors.support import ALL_ALGORITHMS, DATA, check, load, octets, segment, text, validator, verdict

RFC7515 = {example["section"]: example for example in load("rfc/rfc7515_appendix_a.json")}
EXPIRY = 1300819380  # the exp of A.1 to A.3 and A.5

COOKBOOK = {
    path.relative_to(DATA / "ietf-jose-cookbook").as_posix(): json.loads(path.read_text("utf-8"))
    for path in sorted((DATA / "ietf-jose-cookbook").rglob("*.json"))
}
SIGNED = {  # RFC 7520 section 4 and RFC 8037 appendix A.4
    "jws/4_1.rsa_v15_signature.json": "RS256",
    "jws/4_2.rsa-pss_signature.json": "PS384",
    "jws/4_3.ecdsa_signature.json": "ES512",
    "curve25519/jws.json": "EdDSA",
}
PANVA = {example["title"].split("#")[-1]: example for example in load("panva-jose/jws.json")}
PANVA_VERIFIED = {
    title for title in PANVA if title.startswith(("section-4.1 - RSA", "section-4.2", "section-4.3", "appendix-A.4"))
}
EXAMPLES = {test["name"]: test for test in load("joserfc/fixtures/jws_examples.json")["tests"]}
HASHES = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
REFUSED = (Reason.MALFORMED_TOKEN, Reason.UNSUPPORTED_TOKEN, Reason.ALGORITHM_NOT_ALLOWED, Reason.OPAQUE_TOKEN)


def reason_of(token, keys=None):
    """Return why the whole validator refuses a token, whatever is opted in to."""
    keys = keys or read_keys(text("joserfc/keys/rsa-openssl-public.pem"))
    with pytest.raises(Refused) as refused:
        validator(keys, now=EXPIRY - 1, algorithms=ALL_ALGORITHMS).authenticate(token)
    return refused.value.reason


def spellings(example):
    """Yield each serialisation of a cookbook example."""
    for output in example["output"].values():
        yield output if isinstance(output, str) else json.dumps(output)


@pytest.mark.parametrize("section", ["A.2", "A.3"])
def test_the_signed_claims_of_rfc_7515_are_authenticated(section):
    """The RS256 and the ES256 example pass the whole validator up to their expiry and not from then on."""
    example = RFC7515[section]
    keys = read_jwks(example["jwk"])
    verified = validator(keys, now=EXPIRY + 59).authenticate(example["compact"])
    assert verified.issuer == "joe"
    assert verified.claims["http://example.com/is_root"] is True
    assert verified.expires_at == EXPIRY
    with pytest.raises(Refused) as refused:
        validator(keys, now=EXPIRY + 60).authenticate(example["compact"])
    assert refused.value.reason is Reason.EXPIRED


def test_the_es512_example_of_rfc_7515_verifies():
    """Example A.4 verifies as a signature, and is no claims set."""
    example = RFC7515["A.4"]
    assert verdict(example["compact"], example["jwk"]) == "verified"
    assert reason_of(example["compact"], read_jwks(example["jwk"])) is Reason.MALFORMED_TOKEN


def test_the_mac_of_rfc_7515_is_refused():
    """Example A.1 is a MAC: its key is no key, and its algorithm none that any other key serves."""
    example = RFC7515["A.1"]
    with pytest.raises(ConfigurationError, match="none of the keys can be used"):
        read_jwks(example["jwk"])
    assert reason_of(example["compact"]) is Reason.ALGORITHM_NOT_ALLOWED


def test_the_unsecured_token_of_rfc_7515_is_refused():
    """Example A.5 has the algorithm none and no signature, and is refused with every key there is."""
    compact = RFC7515["A.5"]["compact"]
    assert compact.endswith(".")
    for section in ("A.2", "A.3", "A.4"):
        assert reason_of(compact, read_jwks(RFC7515[section]["jwk"])) is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("name", SIGNED)
def test_the_public_key_signatures_of_the_cookbook_verify(name):
    """RS256, PS384 and ES512 of RFC 7520 and Ed25519 of RFC 8037 verify with their keys, and changed ones do not."""
    example = COOKBOOK[name]
    compact, key = example["output"]["compact"], example["input"]["key"]
    assert verdict(compact, key) == "verified"
    header, payload, signature = compact.split(".")
    assert json.loads(octets(header))["alg"] == SIGNED[name]
    assert verdict(f"{header}.{segment(octets(payload) + b'!')}.{signature}", key) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("name", SIGNED)
def test_the_json_serialisation_of_a_good_signature_is_refused(name):
    """The general and the flattened JSON form of the same good signature are no bearer tokens."""
    output = COOKBOOK[name]["output"]
    reasons = [reason_of(json.dumps(output[form])) for form in ("json", "json_flat")]
    assert set(reasons) <= set(REFUSED)


@pytest.mark.parametrize(
    "name", [name for name in COOKBOOK if name.startswith(("jws/", "rfc7797/")) and name not in SIGNED]
)
def test_macs_detached_and_unencoded_payloads_and_multiple_signatures_are_refused(name):
    """Every form of the MACs of RFC 7520, detached, multiple and RFC 7797's unencoded ones included, is refused."""
    forms = list(spellings(COOKBOOK[name]))
    assert forms
    assert {reason_of(form) for form in forms} <= set(REFUSED)


@pytest.mark.parametrize("example", load("joserfc/fixtures/jws_rfc7797.json")["tests"], ids=lambda test: test["name"])
def test_no_token_of_rfc_7797_is_accepted(example):
    """A token with b64, true or false, is refused, and so is its plain twin, a MAC."""
    asked = verdict(example["compact"], load("joserfc/keys/RFC7520-RSA-public.json"), ALL_ALGORITHMS)
    assert asked in ({*REFUSED} if "b64" in example["protected"] else {Reason.ALGORITHM_NOT_ALLOWED})


@pytest.mark.parametrize("value", [True, False, None, "false"])
@pytest.mark.parametrize("crit", [True, False])
def test_b64_is_refused_under_a_good_signature(value, crit):
    """A header with b64, whatever it says and whether critical or not, is refused before its good signature counts."""
    private = ed25519.Ed25519PrivateKey.generate()
    header = {"alg": "EdDSA", "b64": value} | ({"crit": ["b64"]} if crit else {})
    token = signed(header, b'{"iss":"joe","exp":1300819380}', private.sign)
    with pytest.raises(Refused) as refused:
        check(token, read_jwks(ed25519_jwk(private)))
    assert refused.value.reason is Reason.UNSUPPORTED_TOKEN


@pytest.mark.parametrize(
    "name", [name for name in COOKBOOK if name.startswith("jwe/") or name.endswith("ecdh-es.json")]
)
def test_every_encrypted_example_is_refused(name):
    """Each form of each JWE of RFC 7520 and RFC 8037 is refused."""
    example = COOKBOOK[name]
    assert {reason_of(form) for form in spellings(example)} <= set(REFUSED)
    if "compact" in example["output"]:
        assert reason_of(example["output"]["compact"]) is Reason.UNSUPPORTED_TOKEN


def test_the_nested_example_is_refused():
    """The signed and then encrypted token of RFC 7520 section 6 is refused, and so is one that says it is nested."""
    example = COOKBOOK["6.nesting_signatures_and_encryption.json"]
    assert reason_of(example["encrypt"]["output"]["compact"]) is Reason.UNSUPPORTED_TOKEN
    private = ed25519.Ed25519PrivateKey.generate()
    nested = signed({"alg": "EdDSA", "cty": "application/JWT"}, b'{"iss":"joe"}', private.sign)
    assert verdict(nested, ed25519_jwk(private)) is Reason.UNSUPPORTED_TOKEN


@pytest.mark.parametrize("example", load("panva-jose/jwe.json"), ids=lambda example: example["title"].split("#")[-1])
def test_the_encrypted_examples_of_panva_jose_are_refused(example):
    """Each form of each JWE is refused."""
    assert {reason_of(form) for form in spellings(example)} <= set(REFUSED)


@pytest.mark.parametrize("name", ["jwe_rfc7520", "jwe_compact_ecdh_1pu"])
def test_the_encrypted_examples_of_joserfc_are_refused(name):
    """Each compact JWE of joserfc is refused as encrypted."""
    tokens = [test.get("compact") or test["value"] for test in load(f"joserfc/fixtures/{name}.json")["tests"]]
    assert {reason_of(token) for token in tokens} == {Reason.UNSUPPORTED_TOKEN}


@pytest.mark.parametrize("title", PANVA)
def test_of_the_examples_of_panva_jose_exactly_the_known_algorithms_verify(title):
    """RSA, ECDSA and Ed25519 examples verify; MACs, JSON forms and ML-DSA, a type of key unknown here, do not."""
    example = PANVA[title]
    verdicts = {verdict(form, example["input"]["key"], ALL_ALGORITHMS) for form in spellings(example)}
    assert ("verified" in verdicts) is (title in PANVA_VERIFIED)
    assert len(PANVA_VERIFIED) == 4


@pytest.mark.parametrize("title", [title for title in PANVA if "ML-DSA" in title])
def test_ml_dsa_is_an_unknown_algorithm(title):
    """A post-quantum signature is refused for its algorithm, and its key skipped for its type."""
    example = PANVA[title]
    assert verdict(example["output"]["compact"], example["input"]["key"]) == "no usable key"
    good = load("joserfc/keys/RFC7520-RSA-public.json")
    both = {"keys": [example["input"]["key"], good]}
    assert verdict(example["output"]["compact"], both) is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if "public_key" in example])
def test_the_examples_of_joserfc_verify_as_their_algorithm(name):
    """The fixture's own token, or one signed with its private key, verifies with its public key."""
    example = EXAMPLES[name]
    token = example.get("compact") or joserfc_token(example)
    public = text(f"joserfc/keys/{example['public_key']}")
    assert verdict(token, public, ALL_ALGORITHMS) == "verified"
    assert (verdict(token, public) != "verified") is (name in {"ES256K", "EdDSA ed448"})


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
def test_the_macs_of_joserfc_are_refused(name):
    """A MAC of the examples is refused for its algorithm, whatever the key."""
    for key in ("rsa-openssl-public.pem", "okp-ed25519-public.json", "ec-p256-public.pem"):
        outcome = verdict(EXAMPLES[name]["compact"], text(f"joserfc/keys/{key}"), ALL_ALGORITHMS)
        assert outcome is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("name", ["jws_rfc7520", "jwt_use_jws"])
def test_the_stored_tokens_of_joserfc_verify(name):
    """Each stored token verifies with its public key, a MAC excepted."""
    tests = load(f"joserfc/fixtures/{name}.json")["tests"]
    verdicts = {}
    for test in tests:
        public = text(f"joserfc/keys/{test.get('public_key', 'rsa-openssl-public.pem')}")
        verdicts[test["name"]] = verdict(test.get("compact") or test["token"], public)
    assert {name for name, outcome in verdicts.items() if outcome != "verified"} == {
        name for name in verdicts if name.startswith(("HS", "HMAC"))
    }


def test_the_advisory_tokens_of_pyjwt():
    """The tokens of CVE-2022-29217, MACs under a public key, are refused; the good ones verify with the right key."""
    advisory = load("pyjwt/advisory_ghsa_ffqj.json")
    keys = {"EdDSA": ssh_key(advisory, "ssh-ed25519"), "ES256": ssh_key(advisory, "ecdsa-sha2-nistp256")}
    outcomes = {
        (alg, entry["name"]): verdict(entry["token"], jwk, ALL_ALGORITHMS)
        for entry in advisory["tokens"]
        for alg, jwk in keys.items()
    }
    assert outcomes[("EdDSA", "encoded_bad")] is outcomes[("ES256", "encoded_bad")] is Reason.ALGORITHM_NOT_ALLOWED
    good = [entry["token"] for entry in advisory["tokens"] if entry["name"] == "encoded_good"]
    assert [verdict(token, jwk) for token, jwk in zip(good, keys.values(), strict=True)] == ["verified", "verified"]
    assert "verified" not in [verdict(token, jwk) for token, jwk in zip(good, reversed(keys.values()), strict=True)]


@pytest.mark.parametrize("entry", load("pyjwt/advisory_ghsa_ffqj.json")["public_keys"], ids=lambda entry: entry["name"])
def test_a_key_in_openssh_form_is_no_key(entry):
    """A public key in OpenSSH's form, the one the advisory abuses as a secret, is not read at all."""
    with pytest.raises(ConfigurationError, match="neither PEM nor JSON"):
        read_keys(entry["value"])


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("key_alg", ["EdDSA", "Ed25519", None])
def test_ed25519_has_two_names(alg, key_alg):
    """RFC 9864's Ed25519 and RFC 8037's EdDSA are one algorithm, in the token and in the key."""
    private = ed25519.Ed25519PrivateKey.generate()
    key = ed25519_jwk(private) | ({"alg": key_alg} if key_alg else {})
    assert verdict(signed({"alg": alg}, b"{}", private.sign), key) == "verified"
    assert verdict(signed({"alg": "Ed448"}, b"{}", private.sign), key, ALL_ALGORITHMS) is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("alg", ["EdDSA", "Ed448"])
def test_ed448_verifies_once_it_is_asked_for(alg):
    """An Ed448 signature verifies under both of its names with Ed448 and EdDSA configured, and not by default."""
    private = ed448.Ed448PrivateKey.generate()
    key = {"kty": "OKP", "crv": "Ed448", "x": segment(private.public_key().public_bytes_raw())}
    token = signed({"alg": alg}, b"{}", private.sign)
    assert verdict(token, key, ["Ed448", "EdDSA"]) == "verified"
    assert verdict(token, key) != "verified"
    assert verdict(token, key, ["EdDSA"]) != "verified"


def test_the_rfc_8037_signature_under_its_new_name():
    """The public key of RFC 8037 with the alg of RFC 9864 verifies the example's token, which says EdDSA."""
    example = COOKBOOK["curve25519/jws.json"]
    assert verdict(example["output"]["compact"], example["input"]["key"] | {"alg": "Ed25519"}) == "verified"


def signed(header, payload, sign):
    """Return a compact JWS."""
    signing_input = segment(json.dumps(header).encode()) + "." + segment(payload)
    return signing_input + "." + segment(sign(signing_input.encode()))


def ed25519_jwk(private):
    """Return the JWK of a private key's public half."""
    return {"kty": "OKP", "crv": "Ed25519", "x": segment(private.public_key().public_bytes_raw())}


def ssh_key(advisory, kind):
    """Return the JWK of an OpenSSH public key (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4)."""
    line = next(entry["value"] for entry in advisory["public_keys"] if entry["value"].startswith(kind))
    blob = octets(line.split()[1].rstrip("=").replace("+", "-").replace("/", "_"))
    if kind == "ssh-ed25519":
        return {"kty": "OKP", "crv": "Ed25519", "x": segment(blob[-32:])}
    return {"kty": "EC", "crv": "P-256", "x": segment(blob[-64:-32]), "y": segment(blob[-32:])}


def joserfc_token(example):
    """Sign the payload of joserfc's examples, which leave out the tokens that differ each time."""
    alg, content = example["protected"]["alg"], text(f"joserfc/keys/{example['private_key']}")
    if content.startswith("{"):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(octets(json.loads(content)["d"]))
    else:
        private = load_pem_private_key(content.encode(), None)
    return signed(example["protected"], b"hello", lambda data: raw_signature(alg, private, data))


def raw_signature(alg, private, data):
    """Return a signature as JOSE writes it."""
    if alg == "EdDSA":
        return private.sign(data)
    hashed = HASHES[alg[2:5]]
    if alg.startswith("PS"):
        return private.sign(data, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
    size = (private.key_size + 7) // 8
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hashed)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")
