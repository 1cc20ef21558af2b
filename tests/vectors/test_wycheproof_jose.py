"""Wycheproof's JWS, JWK and JWE files: every case, through the library's own path from a string to a verdict."""

from collections import Counter

import pytest

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.key_documents import read_keys
from kmvalidate.keys import read_jwks
from kmvalidate.tokens import Header, parse_header
from tests.vectors.support import (
    ALL_ALGORITHMS,
    cases,
    check_signature,
    labels,
    octets,
    take_apart,
    text,
    validator,
    verdict,
)

COUNTS = {
    "json_web_signature": {"valid": 46, "invalid": 355},
    "json_web_key": {"valid": 5, "invalid": 21},
    "json_web_crypto": {"valid": 6, "invalid": 77},
}
VERIFIED = {"json_web_signature": 26, "json_web_key": 1, "json_web_crypto": 2}

MAC = "a MAC: there is no symmetric algorithm here, so that no public key can be mistaken for a secret"
ANOTHER_ALG = "the JWK says PS256 and the token PS384; a JWK's alg binds (RFC 7517 section 4.4, RFC 8725 section 3.1)"
NO_SUCH_ALG = "the JWK's alg is ES521, which is no algorithm; P-521 goes with ES512 (RFC 7518 section 3.4)"
JUNK = "a question mark within a segment is no base64url (RFC 7515 section 5.2); a MAC besides"
EMPTY = "an empty payload is no claims set; the signature as such verifies, see below"
JWE = "encrypted: none is decrypted here"
#: Labelled valid, and refused here.
OVERRIDES = {
    "json_web_signature": {
        **dict.fromkeys((1, 348, 352, 357, 358, 359, 376, 377), MAC),
        **dict.fromkeys((372, 373), JUNK),
        **dict.fromkeys((346, 350), ANOTHER_ALG),
        **dict.fromkeys((347, 351), NO_SUCH_ALG),
        **dict.fromkeys((259, 264, 268, 272, 320, 325), EMPTY),
    },
    "json_web_key": dict.fromkeys((2, 13, 14, 15), MAC),
    "json_web_crypto": dict.fromkeys((1, 48), MAC) | dict.fromkeys((50, 67), JWE),
}
EMPTY_PAYLOADS = [number for number, why in OVERRIDES["json_web_signature"].items() if why == EMPTY]
NOT_BASE64URL = [*range(360, 367), 368, 369, 371, 372, 373, 374, 375]
JWE_REASONS = {"UNSUPPORTED_TOKEN": 126, "OPAQUE_TOKEN": 12, "MALFORMED_TOKEN": 1}


def document_of(group):
    """Return what an issuer would publish: the public key or key set, and where there is none the symmetric one."""
    return group.get("public") or group["private"]


def case_of(name, number):
    """Return one case with its group."""
    return next((group, case) for group, case in cases(name) if case["tcId"] == number)


def verified(name, half, algorithms):
    """Return the ids of the cases that verify with that half of their keys, where they have it."""
    return {
        case["tcId"]
        for group, case in cases(name)
        if verdict(case.get("jws", case.get("jwe")), group.get(half) or group["private"], algorithms) == "verified"
    }


@pytest.mark.parametrize("name", COUNTS)
def test_exactly_the_valid_tokens_verify(name):
    """Every valid case but the overridden ones verifies, every other is refused, whatever is opted in to."""
    assert labels(name) == Counter(COUNTS[name])
    valid = {case["tcId"] for _, case in cases(name) if case["result"] == "valid"}
    accepted = verified(name, "public", ALL_ALGORITHMS)
    assert set(OVERRIDES[name]) <= valid
    assert accepted == valid - set(OVERRIDES[name])
    assert accepted == verified(name, "public", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"})
    assert len(accepted) == VERIFIED[name]


@pytest.mark.parametrize("name", COUNTS)
def test_a_private_key_verifies_no_more_than_its_public_half(name):
    """Published by mistake, a private key or key set verifies no token that its public half does not."""
    assert verified(name, "private", ALL_ALGORITHMS) <= verified(name, "public", ALL_ALGORITHMS)


@pytest.mark.parametrize("number", EMPTY_PAYLOADS)
def test_the_signature_over_an_empty_payload_verifies(number):
    """What is wrong with a signed empty payload is the payload, not the signature."""
    group, case = case_of("json_web_signature", number)
    signed, _, signature = case["jws"].rpartition(".")
    public = group["public"]
    assert signed.endswith(".")
    header = Header(public["alg"], public["kid"], None, None)
    assert check_signature(header, octets(signature), signed.encode(), read_jwks(public)) is None


@pytest.mark.parametrize("number", NOT_BASE64URL)
def test_junk_in_a_segment_is_malformed(number):
    """A token with white space, junk or unused bits in a segment is malformed, whatever its label says."""
    with pytest.raises(Refused) as refused:
        parse_header(take_apart(case_of("json_web_signature", number)[1]["jws"]))
    assert refused.value.reason is Reason.MALFORMED_TOKEN


def test_two_labels_contradict_a_third():
    """Cases 367 and 370 are labelled invalid and are byte for byte the token of 357, which is labelled valid."""
    same = [case_of("json_web_signature", number)[1] for number in (357, 367, 370)]
    assert len({case["jws"] for case in same}) == 1
    assert [case["result"] for case in same] == ["valid", "invalid", "invalid"]


@pytest.mark.parametrize(("name", "number"), [("json_web_key", 7), ("json_web_crypto", 46)])
def test_a_roca_key_is_no_key(name, number):
    """The key with the ROCA weakness is refused for what it is, in a set and alone."""
    with pytest.raises(ConfigurationError, match="ROCA"):
        read_jwks(document_of(case_of(name, number)[0]))


@pytest.mark.parametrize(
    ("name", "number", "why"),
    [
        ("json_web_signature", 353, "its use is not sig"),
        ("json_web_signature", 354, "its use is not sig"),
        ("json_web_signature", 355, "its key_ops"),
        ("json_web_signature", 356, "its key_ops"),
        ("json_web_key", 6, "its use is not sig"),
        ("json_web_key", 8, "1024 bits"),
        ("json_web_key", 9, "exponent"),
        ("json_web_key", 19, "ES521"),
        ("json_web_key", 20, "ES224"),
        ("json_web_key", 22, "not on P-256"),
        ("json_web_key", 23, "bytes of P-384"),
        ("json_web_key", 24, "its n is missing"),
        ("json_web_key", 25, "kty"),
    ],
)
def test_a_key_is_refused_for_what_is_wrong_with_it(name, number, why):
    """A broken or foreign key of a case is named with its own fault."""
    with pytest.raises(ConfigurationError, match=why):
        read_jwks(document_of(case_of(name, number)[0]))


@pytest.mark.parametrize(("name", "number"), [("json_web_key", 1), ("json_web_crypto", 47)])
def test_of_a_mixed_set_the_symmetric_keys_are_ignored(name, number):
    """A set with symmetric and asymmetric keys serves its asymmetric ones; the case's MAC is refused all the same."""
    group, case = case_of(name, number)
    keys = read_jwks(group["private"])
    symmetric = [entry for entry in group["private"]["keys"] if entry["kty"] == "oct"]
    assert len(keys.keys) == len(group["private"]["keys"]) - len(symmetric)
    assert symmetric
    assert verdict(case["jws"], group["private"], ALL_ALGORITHMS) is Reason.ALGORITHM_NOT_ALLOWED


def test_the_jwe_file_is_refused_as_a_whole():
    """Each of the 139 JWE cases, the valid ones included, is refused by the validator."""
    assert labels("json_web_encryption") == {"valid": 65, "invalid": 74}
    gateway = validator(read_keys(text("joserfc/keys/rsa-openssl-public.pem")), now=0, algorithms=ALL_ALGORITHMS)
    reasons = Counter()
    for _, case in cases("json_web_encryption"):
        with pytest.raises(Refused) as refused:
            gateway.authenticate(case["jwe"])
        reasons[refused.value.reason.name] += 1
    assert reasons == JWE_REASONS


@pytest.mark.parametrize("half", ["private", "public"])
def test_no_encryption_key_becomes_a_verification_key(half):
    """None of the JWE file's keys is read as a key to verify with, in either half."""
    documents = [group[half] for group, _ in cases("json_web_encryption") if half in group]
    assert documents
    for document in documents:
        with pytest.raises(ConfigurationError, match="none of the keys can be used"):
            read_jwks(document)


@pytest.mark.parametrize("name", ["json_web_signature", "json_web_crypto"])
def test_an_embedded_key_is_ignored(name):
    """Case 32 brings its attacker's key in the header, where nobody looks."""
    group, case = case_of(name, 32)
    assert "Jwk" in case["comment"]
    assert verdict(case["jws"], group["public"]) is Reason.BAD_SIGNATURE
