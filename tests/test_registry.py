"""Which key manager answers for a token."""

import pytest

from kmvalidate import ConfigurationError, JwtValidator, KeyManagerRegistry, TokenValidator
from tests.signing import (
    ISSUER,
    NOW,
    NoNetwork,
    SetClock,
    good_claims,
    jwks,
    manager,
    private_key,
    public_jwk,
    reason,
    refusal,
    static_keys,
    token,
    validator,
    with_claims,
)

OTHER = "https://other.example"


def other(**changes: object):
    """Return a second key manager with keys of its own, under the same kids."""
    keys = manager().keys.from_jwks({"keys": [public_jwk("P-256", "other"), public_jwk("Ed25519", "other")]})
    return manager(**({"name": "Other", "issuer": OTHER, "keys": keys} | changes))


def two(clock: SetClock | None = None) -> TokenValidator:
    return validator(manager(), other(), clock=clock)


def test_each_issuer_answers_for_its_own_tokens():
    """A token is verified by the key manager with its issuer, and says which one that was."""
    mine = two().authenticate(token())
    theirs = two().authenticate(token(good_claims(iss=OTHER), key=private_key("P-256", "other")))
    assert (mine.key_manager, mine.issuer) == ("Test", ISSUER)
    assert (theirs.key_manager, theirs.issuer) == ("Other", OTHER)


def test_one_issuers_key_does_not_sign_for_another():
    """A key of issuer A under the same kid does not verify a token that names issuer B, either way round."""
    for _ in range(2):
        check = two().authenticate
        refused = refusal(check, with_claims(iss=OTHER))
        assert (refused.reason.name, refused.key_manager) == ("BAD_SIGNATURE", "Other")
        refused = refusal(check, token(key=private_key("P-256", "other")))
        assert (refused.reason.name, refused.key_manager) == ("BAD_SIGNATURE", "Test")


def test_what_one_issuer_taught_does_not_serve_another():
    """After one issuer's header was verified, the same header is not trusted for another issuer's tokens."""
    check = two().authenticate
    check(token())
    assert reason(check, with_claims(iss=OTHER)) == "BAD_SIGNATURE"
    check(token(good_claims(iss=OTHER), key=private_key("P-256", "other")))
    assert reason(check, token(key=private_key("P-256", "other"))) == "BAD_SIGNATURE"


def test_each_issuer_has_its_own_rules():
    """Audience, leeway and algorithms are those of the key manager that answers."""
    check = validator(manager(), other(audience="theirs", leeway_s=0, algorithms="EdDSA")).authenticate
    key = private_key("Ed25519", "other")
    assert reason(check, token(good_claims(iss=OTHER, aud="theirs"), alg="EdDSA", key=key)) == "GOOD"
    assert reason(check, token(good_claims(iss=OTHER), alg="EdDSA", key=key)) == "WRONG_AUDIENCE"
    assert reason(check, token(good_claims(iss=OTHER, aud="theirs", exp=NOW), alg="EdDSA", key=key)) == "EXPIRED"
    assert reason(check, token(good_claims(exp=NOW))) == "GOOD"
    assert reason(check, token(good_claims(iss=OTHER), key=private_key("P-256", "other"))) == "ALGORITHM_NOT_ALLOWED"


@pytest.mark.parametrize(
    "issuer",
    [
        *("", " ", "x", ISSUER + "/", ISSUER[:-1], ISSUER + "x", ISSUER.upper(), ISSUER + "\0", "https://idp.example"),
        *(ISSUER.replace("https", "http"), ISSUER.replace("e", "\u0435"), ISSUER.replace("a", "%61"), f" {ISSUER}"),
        *("Test", "*", "https://evil.example", "file:///etc/passwd", "../..", "__class__"),
    ],
    ids=ascii,
)
def test_an_unknown_issuer_is_refused(issuer):
    """An issuer that is not exactly a configured one is refused, without a question to the network."""
    refused = refusal(two().authenticate, with_claims(iss=issuer))
    assert (refused.reason.name, refused.claim, refused.key_manager) == ("UNKNOWN_ISSUER", "iss", None)


@pytest.mark.parametrize("issuer", [None, True, 5, 1.5, [], [ISSUER], {}, {ISSUER: 1}], ids=repr)
def test_an_issuer_is_a_string(issuer):
    """An iss of any other type is refused; null counts as none."""
    expected = "MISSING_CLAIM" if issuer is None else "INVALID_CLAIM"
    assert refusal(two().authenticate, with_claims(iss=issuer)).reason.name == expected


@pytest.mark.parametrize(("configured", "issuer"), [(ISSUER, ISSUER + "/"), (ISSUER + "/", ISSUER)])
def test_a_slash_too_many_is_hinted_at(configured, issuer):
    """An issuer that differs in a trailing slash is refused, and the hint says so."""
    refused = refusal(validator(manager(issuer=configured)).authenticate, with_claims(iss=issuer))
    assert refused.reason.name == "UNKNOWN_ISSUER"
    assert "slash" in refused.hint


def test_an_issuer_far_off_gets_no_hint():
    """An issuer that is nothing like a configured one is refused without a guess."""
    assert refusal(two().authenticate, with_claims(iss="https://evil.example")).hint is None


def test_nothing_is_accepted_by_an_empty_registry():
    """A registry without key managers refuses every token."""
    check = TokenValidator(KeyManagerRegistry([], transport=NoNetwork())).authenticate
    assert reason(check, token()) == "UNKNOWN_ISSUER"


def test_two_of_one_name_are_refused():
    """Two key managers of one name are a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match="'Test'"):
        KeyManagerRegistry([manager(), manager(issuer=OTHER)], transport=NoNetwork())


def test_two_of_one_issuer_are_refused():
    """Two key managers of one issuer are a ConfigurationError that names both."""
    with pytest.raises(ConfigurationError, match="'Test' and 'Second'"):
        KeyManagerRegistry([manager(), manager(name="Second")], transport=NoNetwork())


@pytest.mark.parametrize(
    "thing", [None, "https://idp.example", {}, manager, jwks("P-256")], ids=lambda t: type(t).__name__ + str(bool(t))
)
def test_a_registry_holds_key_managers(thing):
    """Anything else in a registry is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="key managers"):
        KeyManagerRegistry([thing], transport=NoNetwork())


def test_a_registry_shows_its_key_managers():
    """The key managers are there in the order in which they were given."""
    first, second = manager(), other()
    assert KeyManagerRegistry(iter([second, first]), transport=NoNetwork()).managers == (second, first)


def test_a_registry_needs_no_ports_to_be_made():
    """Without transport and clock a registry takes this machine's, and static keys verify with them."""
    registry = KeyManagerRegistry([manager(keys=static_keys("P-256"))])
    assert reason(JwtValidator(registry).validate, token()) == "EXPIRED"
    assert reason(TokenValidator(registry).authenticate, with_claims(exp=10**11)) == "GOOD"
