"""Payloads read at once under the rules that named providers have: what a short cut must not skip."""

import pytest

from kmvalidate import JwtValidator, KeyManagerRegistry, ProviderProfile, Reason, Refused, TokenKinds
from kmvalidate.layouts import Budget, Layouts
from kmvalidate.tokens import recognise
from tests.signing import NoNetwork, SetClock, dumps, good_claims, good_header, manager, reason, token

TELLING = TokenKinds(required_markers={"typ"}, required_signs={"azp", "cid"}, telling_types={"at+jwt"})


def ready(*seen, **changes):
    """Return a validator that has verified these tokens."""
    registry = KeyManagerRegistry([manager(**changes)], transport=NoNetwork(), clock=SetClock())
    made = JwtValidator(registry)
    for text in seen:
        made.validate(text)
    return made


def at_once(made, text):
    """Return what is proved of a token without the long way, None if it has to be gone."""
    return made.verify_now(recognise(text), None, made._registry.ports)


def layout_of(claims, **rules):
    return Layouts().find(claims, manager(**rules).claim_rules(), Budget())


def of_type(header_type, **claims):
    return token(good_claims(**claims), good_header(typ=header_type))


@pytest.mark.parametrize("jti", ["ID.x", "AT", "at.x", "xAT.", "", "A", "\nAT.x", "AT_x"])
def test_what_a_claim_begins_with_is_read_along(jti):
    """Where a claim must begin with something, tokens that do are read at once, and no others are."""
    made = ready(token(good_claims(jti="AT.1")), token_kinds=TokenKinds(prefixes={"jti": "AT."}))
    assert at_once(made, token(good_claims(jti="AT.2"))).token_id == "AT.2"
    assert at_once(made, token(good_claims(jti="AT.\n"))).token_id == "AT.\n"
    assert at_once(made, token(good_claims(jti=jti))) is None
    assert reason(made.validate, token(good_claims(jti=jti))) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize("prefix", ["A.", "a|b", "(x", "[", "^$", "\\", "ä"])
def test_a_prefix_is_no_pattern(prefix):
    """What a claim must begin with is text, whatever a pattern would make of it."""
    layout = layout_of(good_claims(jti=prefix + "1"), token_kinds=TokenKinds(prefixes={"jti": prefix}))
    assert layout(dumps(good_claims(jti="A-1"))) is None
    assert layout(dumps(good_claims(jti="1" + prefix))) is None


def test_a_layout_learnt_under_a_telling_type_serves_no_other_header():
    """A token without the required marker, good because of its header type, opens no way for one of another type."""
    bare = {"azp": ...}
    made = ready(of_type("at+jwt", **bare), token_kinds=TELLING)
    assert at_once(made, of_type("at+jwt", **bare, jti="2")).token_id == "2"
    for header_type in ("JWT", "jwt", ..., "AT+JWT "):
        assert at_once(made, of_type(header_type, **bare)) is None
        assert reason(made.validate, of_type(header_type, **bare)) == "WRONG_TOKEN_KIND"
    full = {"typ": "Bearer", "azp": "shop"}
    made.validate(of_type("JWT", **full))
    for _ in range(3):
        assert at_once(made, of_type("JWT", **full, jti="3")).token_id == "3"
        assert reason(made.validate, of_type("JWT", **bare)) == "WRONG_TOKEN_KIND"
        assert at_once(made, of_type("at+jwt", **bare)) is not None


def test_a_telling_type_counts_for_remembered_headers():
    """A header that was seen before tells the kind as it did the first time, also for a new layout of claims."""
    made = ready(of_type("at+jwt"), token_kinds=TELLING)
    for turn in range(3):
        assert made.validate(of_type("at+jwt", **{f"claim{turn}": turn})).claims[f"claim{turn}"] == turn
    made = ready(of_type("JWT", typ="Bearer", azp="shop"), token_kinds=TELLING)
    assert reason(made.validate, of_type("JWT", typ="Bearer")) == "WRONG_TOKEN_KIND"
    assert reason(made.validate, of_type("JWT", azp="shop")) == "WRONG_TOKEN_KIND"


def check_version(values, names):
    """Refuse a version other than 1 or 2, and a token that says it is another's."""
    if values.get("ver", "1") not in {"1", "2"} or "stolen" in names:
        raise Refused(Reason.CLAIM_MISMATCH, claim="ver", got=values.get("ver"))


CHECKED = ProviderProfile(kind="acme", check=check_version, checked_claims=["ver"])


def test_what_a_profile_checks_is_settled_by_a_layout():
    """A profile's check holds for tokens that are read at once: the values it looks at are those it saw."""
    made = ready(*(token(good_claims(**change)) for change in ({"ver": "1"}, {"ver": "2"})), profile=CHECKED)
    for ver in ("1", "2"):
        assert at_once(made, token(good_claims(ver=ver, sub="bob"))).subject == "bob"
    for change in ({"ver": "3"}, {"ver": 1}, {"ver": None}, {"ver": "1", "stolen": True}, {"stolen": None}):
        assert at_once(made, token(good_claims(**change))) is None
        assert reason(made.validate, token(good_claims(**change))) == "CLAIM_MISMATCH"
    assert made.validate(token(good_claims())).subject == "alice"
    assert at_once(made, token(good_claims(jti="9"))).token_id == "9"
    assert at_once(made, token(good_claims(ver="3"))) is None


def test_a_profile_sees_its_claims_and_all_names():
    """A check is given the values of its own claims that are there, and the names of all claims."""
    seen = []
    profile = ProviderProfile(
        check=lambda values, names: seen.append((values, set(names))), checked_claims=["ver", "x"]
    )
    made = ready(profile=profile)
    made.validate(token(good_claims(ver="1")))
    assert seen == [({"ver": "1"}, {*good_claims(), "ver"})]


def test_a_claim_that_is_fixed_and_the_client_id_stays_read():
    """A claim that is both the client id and one that a profile looks at has the very value that was looked at."""
    profile = ProviderProfile(check=lambda *_: None, checked_claims=["client_id"])
    made = ready(token(), profile=profile)
    assert at_once(made, token(good_claims(jti="2"))).consumer_key == "shop"
    assert at_once(made, token(good_claims(client_id="till"))) is None
