"""The key sets and tokens in the tests of Envoy's verifier, jwt_verify_lib: bad ones, and good ones of every kind."""

import re
from collections import Counter

import pytest

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.key_documents import read_keys
from tests.vectors.support import ALL_ALGORITHMS, DATA, load, text, validator, verdict

CONSTANTS = load("jwt_verify_lib/constants.json")
VALUES = {number: constant["value"] for number, constant in enumerate(CONSTANTS)}
DOCUMENTS = [
    number
    for number, constant in enumerate(CONSTANTS)
    if constant["file"] == "jwks_test.cc" or '"keys"' in constant["value"] or "BEGIN" in constant["value"]
]
TOKENS = [number for number, constant in enumerate(CONSTANTS) if constant["value"].startswith("eyJ")]
FRAGMENTS = [number for number in VALUES if number not in DOCUMENTS and number not in TOKENS]

# The document's place: the shapes of its usable keys, and how many entries are skipped. All others have none.
USABLE = {
    0: (["RSA", "RSA"], 0),
    1: (["P-256", "P-256", "P-384"], 1),  # x of the P-521 key lacks its leading zero (RFC 7518 section 6.2.1.2)
    2: (["Ed25519"], 0),
    6: (["Ed25519"], 1),  # a curve nobody knows beside it
    7: (["Ed25519", "P-256"], 1),
    29: (["P-256"], 0),  # no kid
    30: (["P-384"], 0),
    35: (["P-521"], 0),  # no alg
    56: (["RSA"], 0),
    57: (["P-256"], 0),
    58: (["Ed25519"], 0),
    63: (["P-256"], 0),
    64: (["RSA"], 0),
    65: (["RSA"], 0),
    66: (["P-256"], 0),
    100: (["RSA"], 0),
    102: (["P-256", "P-256", "P-384"], 1),
    123: (["Ed25519", "Ed25519"], 0),
    131: (["RSA", "RSA", "RSA"], 0),
    132: (["RSA"], 0),
    138: (["RSA", "RSA"], 0),
    148: (["P-256"], 0),
    149: (["P-384"], 0),
    150: (["P-521"], 0),
    154: (["Ed25519"], 0),
    157: (["RSA"], 0),
}
PAIRS = [  # document, token, verdict
    (100, 101, "verified"),
    (102, 106, "verified"),
    (102, 107, "verified"),
    (102, 108, "verified"),
    (102, 109, Reason.UNKNOWN_KEY),  # the P-521 key that is skipped
    (102, 110, Reason.UNKNOWN_KEY),
    (102, 111, "verified"),  # no kid: the two P-256 entries are one key
    *((112, token, "no usable key") for token in range(116, 123)),
    *((138, token, Reason.ALGORITHM_NOT_ALLOWED) for token in range(116, 123)),
    (123, 127, "verified"),
    (123, 128, "verified"),
    (123, 129, Reason.UNKNOWN_KEY),
    (123, 130, Reason.BAD_SIGNATURE),
    (131, 133, "verified"),
    (131, 134, "verified"),
    (131, 135, "verified"),
    (131, 136, Reason.BAD_SIGNATURE),  # no kid: the one PS256 key is tried, and it is another's
    (131, 137, Reason.UNKNOWN_KEY),
    (132, 136, "verified"),
    (132, 133, Reason.UNKNOWN_KEY),
    (138, 142, Reason.AMBIGUOUS_KEY),  # no kid, two RS256 keys; Envoy tries them all
    (138, 143, Reason.AMBIGUOUS_KEY),
    (138, 144, "verified"),
    (138, 145, "verified"),
    (138, 146, Reason.BAD_SIGNATURE),
    (138, 147, Reason.UNKNOWN_KEY),
    *(
        (key, token, "verified" if key + 3 == token else Reason.UNKNOWN_KEY)
        for key in (148, 149, 150)
        for token in (151, 152, 153)
    ),
    (154, 155, "verified"),
    (154, 156, Reason.BAD_SIGNATURE),
    *((157, token, "verified") for token in (158, 159, 160)),
]
BAD_HEADERS = {
    72: Reason.MALFORMED_TOKEN,  # a foreign character
    73: Reason.MALFORMED_TOKEN,  # no JSON
    74: Reason.ALGORITHM_NOT_ALLOWED,  # no alg
    75: Reason.MALFORMED_TOKEN,  # alg is a number
    76: Reason.ALGORITHM_NOT_ALLOWED,  # nobody's alg
    77: Reason.MALFORMED_TOKEN,  # kid is a number
}
SEEDS = {
    "jwks_ec.txt": "verified",
    "jwks_hmac.txt": "no usable key",
    "jwks_okp.txt": "verified",
    "jwks_pem.txt": "verified",
    "jwks_rsa.txt": Reason.AMBIGUOUS_KEY,
    "jwks_x509.txt": "no usable key",  # a map of certificates is no JWK Set
}


def seed(name):
    """Return the token and the keys of a fuzz seed."""
    token, keys = re.findall(r"^jwt: \"(.*)\"$|^jwks: (.*)$", text(f"jwt_verify_lib/fuzz_corpus/{name}"), re.MULTILINE)
    document = keys[1][1:-1]
    return token[0], document if document.startswith("{") else document.replace("\\n", "\n")


def test_every_constant_is_a_document_a_token_or_a_fragment():
    """All 163 constants are accounted for: what is no document and no JWT is a piece of one."""
    assert len(VALUES) == 163
    assert set(DOCUMENTS).isdisjoint(TOKENS)
    assert Counter(CONSTANTS[number]["name"] for number in FRAGMENTS) == {
        "alg_claim": 4,
        "kid_claim1": 4,
        "kid_claim2": 4,
        "jwt_str": 1,
    }


@pytest.mark.parametrize("number", USABLE)
def test_the_good_keys_are_read(number):
    """A set or a PEM key that can be used has the usable keys, and counts what it skips."""
    keys = read_keys(VALUES[number])
    assert [key.shape for key in keys.keys] == USABLE[number][0]
    assert len(keys.skipped) == USABLE[number][1]


@pytest.mark.parametrize("number", [number for number in DOCUMENTS if number not in USABLE])
def test_the_bad_documents_are_refused(number):
    """A set without a usable entry, broken JSON or broken PEM is refused, and its content not repeated."""
    content = VALUES[number]
    with pytest.raises(ConfigurationError) as refused:
        read_keys(content)
    assert not [word for word in re.findall(r"[\w+/-]{16,}", content) if word in str(refused.value)]


@pytest.mark.parametrize("number", [number for number in DOCUMENTS if number in USABLE and number < 56])
def test_a_good_set_that_is_cut_short_is_no_set(number):
    """Wherever it is cut, a set is refused rather than read as far as it goes."""
    content = VALUES[number].strip()
    for end in range(1, len(content), 97):
        with pytest.raises(ConfigurationError):
            read_keys(content[:end])


@pytest.mark.parametrize(("document", "token", "expected"), PAIRS)
def test_a_token_has_its_verdict(document, token, expected):
    """Each token of the verifier's tests verifies with its keys, or is refused for the reason that applies."""
    assert verdict(VALUES[token], VALUES[document], ALL_ALGORITHMS) == expected


@pytest.mark.parametrize("number", TOKENS)
def test_no_token_is_good_for_somebody_else(number):
    """Not one of these tokens is accepted by a validator with another issuer and another key."""
    keys = read_keys(text("joserfc/keys/rsa-openssl-public.pem"))
    with pytest.raises(Refused):
        validator(keys, now=1_600_000_000, algorithms=ALL_ALGORITHMS).authenticate(VALUES[number])


@pytest.mark.parametrize("number", BAD_HEADERS)
def test_a_bad_header_has_its_reason(number):
    """A header that is broken, lacks its alg or has a member of the wrong type is refused for that."""
    assert verdict(VALUES[number], text("joserfc/keys/rsa-openssl-public.pem")) is BAD_HEADERS[number]


@pytest.mark.parametrize("name", SEEDS)
def test_the_fuzz_seeds_have_their_verdict(name):
    """The whole seeds give the verdict of their token with their keys."""
    assert verdict(*seed(name), ALL_ALGORITHMS) == SEEDS[name]
    assert {path.name for path in (DATA / "jwt_verify_lib/fuzz_corpus").iterdir()} == set(SEEDS)


@pytest.mark.parametrize("name", SEEDS)
def test_a_spoilt_seed_gives_a_verdict(name):
    """With any one character of its keys changed, a seed gives a verdict or a documented error."""
    token, document = seed(name)
    for place in range(0, len(document), 7):
        for character in '"\\{\x00':
            changed = document[:place] + character + document[place + 1 :]
            assert verdict(token, changed, ALL_ALGORITHMS) in {"verified", "no usable key", *Reason}
