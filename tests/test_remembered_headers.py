"""What is remembered of header segments: that they were good, with the keys that verified them, and not for ever."""

import pytest

from kmvalidate import JwtValidator, KeyManagerRegistry, TokenValidator, jwt_validator, routes
from kmvalidate.tokens import recognise
from tests.signing import ISSUER, NoNetwork, SetClock, manager, private_key, reason, token, with_claims, with_header


@pytest.fixture
def registry():
    return KeyManagerRegistry([manager()], transport=NoNetwork(), clock=SetClock())


def at_hand(validator, text):
    """Return what is proved of a token without looking at its header."""
    return validator.verify_now(recognise(text), None, validator._registry.ports)


def checks(registry):
    return TokenValidator(registry).authenticate, JwtValidator(registry).validate


def test_headers_that_alternate_are_all_remembered(registry):
    """A header never seen before is not at hand, and each of those seen is, whichever came last."""
    validator, made = JwtValidator(registry), [token(), token(alg="RS256")]
    for text in made:
        assert at_hand(validator, text) is None
        validator.validate(text)
    for text in made * 2:
        assert at_hand(validator, text).claims == validator.validate(text).claims


@pytest.mark.parametrize("kind", [0, 1], ids=["TokenValidator", "JwtValidator"])
def test_a_remembered_header_is_not_read_again(registry, kind, monkeypatch):
    """Once a token was good, others with its header are verified without that header being parsed."""
    check = checks(registry)[kind]
    check(token())
    monkeypatch.setattr(jwt_validator, "parse_header", lambda _: pytest.fail("parsed again"))
    assert check(with_claims(jti="another")).token_id == "another"
    assert reason(check, token(key=private_key("P-256", "attacker"))) == "BAD_SIGNATURE"
    assert reason(check, with_claims(exp=0)) == "EXPIRED"


@pytest.mark.parametrize("refused", [{"exp": 0}, {"aud": "others"}])
def test_a_refused_token_is_not_remembered(registry, refused):
    """The header of a token that was refused, for its signature or its claims, is not at hand afterwards."""
    validator = JwtValidator(registry)
    assert reason(validator.validate, with_claims(**refused)) != "GOOD"
    assert reason(validator.validate, token(key=private_key("P-256", "attacker"))) == "BAD_SIGNATURE"
    assert (at_hand(validator, token()), len(validator._routes._routes)) == (None, 0)


def test_what_is_remembered_is_bounded(registry, monkeypatch):
    """Of headers that never repeat a number is remembered, and those in use stay."""
    monkeypatch.setattr(routes, "_MAX_HEADERS", 8)
    validator = JwtValidator(registry)
    for turn in range(20):
        validator.validate(with_header(nonce=turn))
        validator.validate(token())
        assert len(validator._routes._routes) <= 8
    assert at_hand(validator, token()) is not None
    assert at_hand(validator, with_header(nonce=19)) is not None
    assert at_hand(validator, with_header(nonce=0)) is None


def test_issuers_of_one_header_are_bounded(monkeypatch):
    """Issuers that share their keys share header segments, and what is remembered of them is bounded too."""
    monkeypatch.setattr(routes, "_MAX_ISSUERS", 2)
    issuers = [f"https://idp.example/{turn}" for turn in range(5)]
    managers = [manager(name=issuer, issuer=issuer) for issuer in issuers]
    validator = JwtValidator(KeyManagerRegistry(managers, transport=NoNetwork(), clock=SetClock()))
    for issuer in issuers * 2:
        assert validator.validate(with_claims(iss=issuer)).issuer == issuer
        assert at_hand(validator, with_claims(iss=issuer)).issuer == issuer


@pytest.mark.parametrize("more", [0, 1])
def test_long_headers_are_verified_and_not_remembered(registry, more):
    """A header segment of more than 1,024 characters is looked at each time; one of just so many is remembered."""
    validator = JwtValidator(registry)
    text = next(
        text
        for text in (with_header(fill="x" * size) for size in range(680, 760))
        if len(text.split(".")[0]) >= 1024 + more
    )
    assert len(text.split(".")[0]) <= 1026
    for _ in range(3):
        assert validator.validate(text).issuer == ISSUER
    assert (at_hand(validator, text) is None, len(validator._routes._routes)) == (bool(more), 1 - more)
    header, payload, signature = text.split(".")
    assert reason(validator.validate, f"{header}.{payload}.{signature[:-4]}AAAA") == "BAD_SIGNATURE"


def test_organizations_that_do_not_exist_are_not_learnt(registry):
    """However many names callers invent, what is learnt is learnt once, for all who have no key managers."""
    validator, text = JwtValidator(registry), token()
    validator.validate(text)
    for turn in range(2_000):
        assert validator.validate(text, organization=f"invented-{turn}").issuer == ISSUER
    (route,) = validator._routes._routes.young.values()
    assert list(route.bindings) == [ISSUER]
