"""Wycheproof's raw signatures: every case, through the keys, the choice of a key and the verifier of the library."""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from kmvalidate.key_documents import read_keys
from kmvalidate.key_manager import DEFAULT_ALGORITHMS
from kmvalidate.key_sets import KeySet
from tests.vectors.support import ALL_ALGORITHMS, DATA, accepts, cases, labels

ECDSA = {
    "ecdsa_secp256r1_sha256_p1363": ("ES256", {"valid": 173, "invalid": 89}),
    "ecdsa_secp384r1_sha384_p1363": ("ES384", {"valid": 193, "invalid": 87}),
    "ecdsa_secp521r1_sha512_p1363": ("ES512", {"valid": 231, "invalid": 87}),
    "ecdsa_secp256k1_sha256_p1363": ("ES256K", {"valid": 167, "invalid": 85}),
}
EDDSA = {
    "ed25519": ("Ed25519", {"valid": 88, "invalid": 63}),
    "ed448": ("Ed448", {"valid": 17, "invalid": 70}),
}
PKCS1 = {
    "rsa_signature_2048_sha256": ("RS256", {"valid": 9, "acceptable": 1, "invalid": 249}),
    "rsa_signature_2048_sha384": ("RS384", {"valid": 7, "acceptable": 1, "invalid": 250}),
    "rsa_signature_2048_sha512": ("RS512", {"valid": 8, "acceptable": 1, "invalid": 250}),
    "rsa_signature_3072_sha256": ("RS256", {"valid": 8, "acceptable": 1, "invalid": 250}),
    "rsa_signature_3072_sha384": ("RS384", {"valid": 7, "acceptable": 1, "invalid": 251}),
    "rsa_signature_3072_sha512": ("RS512", {"valid": 8, "acceptable": 1, "invalid": 251}),
    "rsa_signature_4096_sha256": ("RS256", {"valid": 7, "acceptable": 1, "invalid": 250}),
    "rsa_signature_4096_sha384": ("RS384", {"valid": 7, "acceptable": 1, "invalid": 251}),
    "rsa_signature_4096_sha512": ("RS512", {"valid": 7, "acceptable": 1, "invalid": 251}),
    "rsa_signature_8192_sha256": ("RS256", {"valid": 7, "acceptable": 1, "invalid": 250}),
}
# RFC 7518 section 3.5: the salt is as long as the hash, and MGF1 uses the same hash. Other parameters are apart.
PSS = {
    "rsa_pss_2048_sha256_mgf1_32": ("PS256", {"valid": 63, "invalid": 45}),
    "rsa_pss_3072_sha256_mgf1_32": ("PS256", {"valid": 63, "invalid": 45}),
    "rsa_pss_4096_sha256_mgf1_32": ("PS256", {"valid": 63, "invalid": 45}),
    "rsa_pss_2048_sha384_mgf1_48": ("PS384", {"valid": 95, "invalid": 46}),
    "rsa_pss_4096_sha384_mgf1_48": ("PS384", {"valid": 95, "invalid": 46}),
    "rsa_pss_4096_sha512_mgf1_64": ("PS512", {"valid": 132, "invalid": 47}),
}
OTHER_PSS = {
    "rsa_pss_2048_sha256_mgf1_0": {"valid": 61, "invalid": 42},
    "rsa_pss_2048_sha256_mgf1sha1_20": {"valid": 63, "invalid": 45},
}
# "salt is of length 32": wrong for that file, and therefore right for PS256.
RIGHT_FOR_JOSE = {("rsa_pss_2048_sha256_mgf1_0", "PS256", 69)}
PSS_OF_JOSE = {
    ("SHA-256", "SHA-256", 32): "PS256",
    ("SHA-384", "SHA-384", 48): "PS384",
    ("SHA-512", "SHA-512", 64): "PS512",
}

ALL = ECDSA | EDDSA | PKCS1 | PSS
HMAC = {"hmac_sha256": "HS256", "hmac_sha384": "HS384", "hmac_sha512": "HS512"}
OPT_IN = {"ecdsa_secp256k1_sha256_p1363": 252, "ed448": 87}


@cache
def pem_keys(pem: str) -> KeySet:
    """Return the keys of a group's PEM, read once."""
    return read_keys(pem)


def wrong(name: str, alg: str, keys_of: Any) -> list[int]:
    """Return the ids of the cases that *alg* accepts although they are not valid, or refuses although they are."""
    return [
        case["tcId"]
        for group, case in cases(name)
        if accepts(alg, case, keys_of(group), ALL_ALGORITHMS) != (case["result"] == "valid")
    ]


@pytest.mark.parametrize("name", ALL)
def test_exactly_the_valid_signatures_verify(name):
    """Every valid case verifies under its PEM key, every invalid or merely acceptable one is refused."""
    alg, expected = ALL[name]
    assert labels(name) == Counter(expected)
    assert wrong(name, alg, lambda group: pem_keys(group["publicKeyPem"])) == []


@pytest.mark.parametrize("name", ALL)
def test_a_jwk_is_the_key_its_pem_is(name):
    """Where a group has its key as a JWK too, that is the same key."""
    groups = {json.dumps(group.get("publicKeyJwk") or group.get("keyJwk")): group for group, _ in cases(name)}
    groups.pop("null", None)
    same = [
        read_keys(jwk).keys[0].thumbprint == pem_keys(g["publicKeyPem"]).keys[0].thumbprint for jwk, g in groups.items()
    ]
    assert same
    assert all(same)


@pytest.mark.parametrize("name", OPT_IN)
def test_what_must_be_asked_for_is_refused_by_default(name):
    """Not one secp256k1 or Ed448 case is accepted under any default algorithm."""
    accepted = [
        (alg, case["tcId"])
        for group, case in cases(name)
        for alg in (*DEFAULT_ALGORITHMS, ALL[name][0])
        if accepts(alg, case, pem_keys(group["publicKeyPem"]))
    ]
    assert accepted == []
    assert labels(name).total() == OPT_IN[name]


def test_eddsa_names_ed25519_and_with_the_opt_in_ed448():
    """Under the name EdDSA the same Ed25519 cases verify by default, and the Ed448 ones with the opt-in."""
    assert wrong("ed25519", "EdDSA", lambda group: pem_keys(group["publicKeyPem"])) == []
    assert wrong("ed448", "EdDSA", lambda group: pem_keys(group["publicKeyPem"])) == []
    defaults = [accepts("EdDSA", case, pem_keys(group["publicKeyPem"])) for group, case in cases("ed25519")]
    assert sum(defaults) == 88


@pytest.mark.parametrize("name", OTHER_PSS)
def test_pss_with_parameters_jose_does_not_have_is_refused(name):
    """A PSS signature with another salt length or another MGF1 hash is refused by each PS algorithm."""
    assert labels(name) == Counter(OTHER_PSS[name])
    accepted = {
        (name, alg, case["tcId"])
        for group, case in cases(name)
        for alg in PSS_OF_JOSE.values()
        if accepts(alg, case, pem_keys(group["publicKeyPem"]))
    }
    assert accepted == {case for case in RIGHT_FOR_JOSE if case[0] == name}


def test_of_all_pss_parameters_only_those_of_jose_verify():
    """Of 150 valid signatures with as many parameters, each PS algorithm accepts exactly those with its own."""
    assert labels("rsa_pss_misc") == {"valid": 150}
    verified = Counter()
    for group, case in cases("rsa_pss_misc"):
        own = PSS_OF_JOSE.get((group["sha"], group["mgfSha"], group["sLen"]))
        keys = pem_keys(group["publicKeyPem"])
        accepted = [alg for alg in PSS_OF_JOSE.values() if accepts(alg, case, keys)]
        assert accepted == ([own] if own else [])
        verified.update(accepted)
    assert verified == {"PS256": 1, "PS384": 1, "PS512": 1}


@pytest.mark.parametrize("name", PKCS1)
def test_pkcs1_signatures_are_no_pss_signatures(name):
    """A valid PKCS#1 v1.5 signature is refused by each PS algorithm and by each RS algorithm of another hash."""
    own = ALL[name][0]
    others = [alg for alg in DEFAULT_ALGORITHMS if alg != own]
    valid = [(group, case) for group, case in cases(name) if case["result"] == "valid"]
    assert valid
    assert not any(accepts(alg, case, pem_keys(group["publicKeyPem"])) for group, case in valid for alg in others)


@pytest.mark.parametrize("name", HMAC)
def test_no_mac_is_accepted(name):
    """No key of an HMAC case is a key here, and its algorithm exists under no configuration."""
    keys = pem_keys(next(cases("ed25519"))[0]["publicKeyPem"])
    assert labels(name) == {"valid": 66, "invalid": 108}
    for _, case in cases(name):
        assert not accepts(HMAC[name], case | {"sig": case["tag"]}, keys, ALL_ALGORITHMS)


def test_every_signature_file_is_run():
    """No file of raw signatures lies in the folder without being run."""
    files = {path.name.removesuffix("_test.json") for path in (DATA / "wycheproof").glob("*_test.json")}
    jose = {name for name in files if name.startswith("json_web_")}
    assert files - jose == {*ALL, *OTHER_PSS, *HMAC, "rsa_pss_misc"}
