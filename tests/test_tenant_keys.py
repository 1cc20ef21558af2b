"""Where one key set serves the tenants of a template: a key and a token belong to one of them."""

import pytest

from kmvalidate import KeyManager, StaticKeys
from tests.fakes import ec_jwk
from tests.signing import AUDIENCE, good_claims, good_header, private_key, reason, token, validator

TEMPLATE = "https://login.example/{tenantid}/v2.0"
ACME, OTHER = (TEMPLATE.replace("{tenantid}", tenant) for tenant in ("acme", "other"))


def common(**members):
    """Return a validator for two tenants, whose key set has one key with these members."""
    keys = StaticKeys.from_jwks({"keys": [ec_jwk("a") | members]})
    manager = KeyManager(
        name="Common", issuer=TEMPLATE, tenants=["acme", "other"], audience=AUDIENCE, keys=keys, extra_issuers=["urn:x"]
    )
    return validator(manager).authenticate


def of(issuer, **claims):
    return token(good_claims(iss=issuer, **claims), good_header(kid="a"), key=private_key("P-256", "a"))


@pytest.mark.parametrize("owner", [OTHER, OTHER + "/", "https://elsewhere.example", ""])
def test_a_key_of_one_tenant_signs_for_no_other(owner):
    """A key that says which issuer it belongs to verifies no token of another one, again and again."""
    check = common(issuer=owner)
    for _ in range(3):
        assert reason(check, of(ACME)) == "UNKNOWN_KEY"
        assert reason(check, of(OTHER)) == ("GOOD" if owner == OTHER else "UNKNOWN_KEY")


@pytest.mark.parametrize("members", [{}, {"issuer": TEMPLATE}, {"issuer": None}, {"issuer": ["x"]}])
def test_a_key_of_all_tenants_signs_for_each(members):
    """A key that names no issuer, or the template, verifies the tokens of every tenant that is listed."""
    check = common(**members)
    assert [reason(check, of(issuer)) for issuer in (ACME, OTHER, "urn:x")] == ["GOOD"] * 3
    assert reason(check, of(TEMPLATE.replace("{tenantid}", "stranger"))) == "UNKNOWN_ISSUER"


def test_the_tenant_in_a_token_is_that_of_its_issuer():
    """A ``tid`` that is not the tenant the issuer stands for is refused, also once others like it were good."""
    check = common()
    for _ in range(3):
        assert reason(check, of(ACME, tid="acme")) == "GOOD"
        assert reason(check, of(ACME, tid="other")) == "CLAIM_MISMATCH"
        assert reason(check, of(ACME, tid=None)) == "CLAIM_MISMATCH"
        assert reason(check, of(ACME, tid=["acme"])) == "CLAIM_MISMATCH"
        assert reason(check, of("urn:x", tid="other")) == "GOOD"


def test_without_a_template_a_tenant_and_an_owner_say_nothing():
    """For a key manager without tenants ``tid`` and a key's ``issuer`` are members like any other."""
    keys = StaticKeys.from_jwks({"keys": [ec_jwk("a") | {"issuer": "https://elsewhere.example"}]})
    plain = KeyManager(name="Plain", issuer=ACME, audience=AUDIENCE, keys=keys)
    assert reason(validator(plain).authenticate, of(ACME, tid="other")) == "GOOD"
