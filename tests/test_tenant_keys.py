"""Where one key set serves the tenants of a template: a key and a token belong to one of them."""

import pytest

from kmvalidate import JwtValidator, KeyManager, KeyManagerRegistry, ProviderProfile, StaticKeys
from kmvalidate.profiles import ANY_PROVIDER
from kmvalidate.tokens import recognise
from tests.fakes import ec_jwk
from tests.signing import (
    AUDIENCE,
    NoNetwork,
    SetClock,
    good_claims,
    good_header,
    private_key,
    reason,
    token,
    validator,
)

TEMPLATE = "https://login.example/{tenantid}/v2.0"
OLDER = "https://sts.example/{tenantid}/"
ACME, OTHER = (TEMPLATE.replace("{tenantid}", tenant) for tenant in ("acme", "other"))
OLD_ACME, OLD_OTHER = (OLDER.replace("{tenantid}", tenant) for tenant in ("acme", "other"))


def configured(*tenants, extra=("urn:x",), profile=ANY_PROVIDER, **members):
    """Return a key manager of these tenants, whose key set has one key with these members."""
    keys = StaticKeys.from_jwks({"keys": [ec_jwk("a") | members]})
    who = {"name": "Common", "issuer": TEMPLATE, "tenants": tenants, "extra_issuers": extra, "profile": profile}
    return KeyManager(**who, audience=AUDIENCE, keys=keys)


def common(*tenants, **changes):
    """Return a validator for two tenants, whose key set has one key with these members."""
    return validator(configured(*tenants or ("acme", "other"), **changes)).authenticate


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


@pytest.mark.parametrize(("owner", "owned", "others"), [(ACME, ACME, OTHER), (OLD_ACME, ACME, OTHER)])
def test_a_key_of_a_tenant_signs_for_all_issuers_of_that_tenant(owner, owned, others):
    """A key that belongs to one form of a tenant's issuer verifies its other form, and no other tenant's of either."""
    check = common(extra=(OLDER,), issuer=owner)
    for _ in range(3):
        assert [reason(check, of(issuer)) for issuer in (owned, OLD_ACME)] == ["GOOD", "GOOD"]
        assert [reason(check, of(issuer)) for issuer in (others, OLD_OTHER)] == ["UNKNOWN_KEY", "UNKNOWN_KEY"]


def test_a_key_of_a_tenant_signs_for_no_issuer_without_one():
    """A key of a tenant verifies no token of an extra issuer that belongs to no tenant, nor the other way round."""
    assert reason(common(issuer=ACME), of("urn:x")) == "UNKNOWN_KEY"
    check = common(issuer="urn:x")
    assert [reason(check, of(issuer)) for issuer in ("urn:x", ACME)] == ["GOOD", "UNKNOWN_KEY"]


def test_who_owns_keys_is_told_by_tenant():
    """The owners of keys for an issuer are all forms of its tenant's issuer; without tenants a key has no owner."""
    made = configured("acme", "other", extra=(OLDER, "urn:x"))
    assert made.owners(ACME) == made.owners(OLD_ACME) == {ACME, OLD_ACME}
    assert (made.owners("urn:x"), made.owners("urn:unknown")) == ({"urn:x"}, {"urn:unknown"})
    keys = StaticKeys.from_jwks({"keys": [ec_jwk("a")]})
    assert KeyManager(name="Plain", issuer=ACME, audience=AUDIENCE, keys=keys).owners(ACME) is None


def test_a_single_tenant_is_read_at_once():
    """Tokens of a template with one tenant are read at once, and only with that tenant in them as in those before."""
    registry = KeyManagerRegistry([configured("acme", extra=(OLDER, "urn:x"))], transport=NoNetwork(), clock=SetClock())
    check = JwtValidator(registry)

    def at_once(text):
        return check.verify_now(recognise(text), None, registry.ports)

    for issuer in (ACME, OLD_ACME):
        assert check.validate(of(issuer, tid="acme")).issuer == issuer
        assert at_once(of(issuer, tid="acme", jti="2")).issuer == issuer
        for tid in ("other", "ACME", None, ["acme"]):
            assert at_once(of(issuer, tid=tid)) is None
            assert reason(check.validate, of(issuer, tid=tid)) == "CLAIM_MISMATCH"
    check.validate(of("urn:x", tid="other"))
    for issuer in (ACME, OLD_ACME):
        assert reason(check.validate, of(issuer, tid="other")) == "CLAIM_MISMATCH"


def test_a_provider_may_label_keys_with_more_issuers():
    """Labels that a provider is known to write are those of the tenant they name, and make no issuer of any."""
    profile = ProviderProfile(key_owners=[OLDER, "urn:shared"])
    check = common(profile=profile, issuer=OLD_ACME)
    assert [reason(check, of(issuer)) for issuer in (ACME, OTHER, OLD_ACME)] == [
        "GOOD",
        "UNKNOWN_KEY",
        "UNKNOWN_ISSUER",
    ]
    check = common(profile=profile, issuer="urn:shared")
    assert [reason(check, of(issuer)) for issuer in (ACME, OTHER)] == ["UNKNOWN_KEY"] * 2
