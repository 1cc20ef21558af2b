"""Introspection answers: what they must say of a token, and the verified token that becomes of them."""

import json
import math
from types import MappingProxyType

import pytest

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, KeyManagerUnavailable
from kmvalidate.introspecting import Answered
from kmvalidate.introspecting._answers import AnswerChecks, read_answer
from kmvalidate.profiles import AnswerRules, ProviderProfile
from tests.introspecting.answering import PROPERTIES, TOKEN, asker, ends, good_answer, outcome, told
from tests.signing import ABSENT, AUDIENCE, ISSUER, NOW, SetClock, manager, reason


@pytest.mark.parametrize(
    "active", [ABSENT, None, "true", "false", "", 1, 0, 1.0, [], [True], {}, {"active": True}], ids=repr
)
def test_what_says_neither_yes_nor_no_is_no_answer(active):
    """Only the JSON values true and false are answers: whatever else is there is an outage and no refusal."""
    assert ends(good_answer(active=active)) == ("UNAVAILABLE", None)


@pytest.mark.parametrize(
    "said",
    [None, True, 5, "active", b'{"active": true}', [], [["active", True]], [good_answer()], {}, object(), {1: 2}]
    + [{"active": True, "x": x} for x in (b"", {1}, math.inf, math.nan, 10**64, "\ud800", object())]
    + [{"active": True, 1: 1, "1": 1}, ValueError("no"), KeyManagerUnavailable("no"), json.loads("[" * 40 + "]" * 40)],
    ids=lambda said: repr(said)[:30],
)
def test_what_is_no_json_object_is_no_answer(said):
    """What a strategy returns that no JSON object could say, or raises, is an outage and no refusal."""
    assert ends(said) == ("UNAVAILABLE", None)


def test_what_is_nested_without_end_is_no_answer():
    """An answer that is nested too deeply, or holds itself, is an outage and no refusal."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    round_about = good_answer()
    round_about["x"] = round_about
    assert ends(good_answer(x=deep)) == ends(round_about) == ("UNAVAILABLE", None)
    for said in (deep, good_answer(x=deep), round_about):
        with pytest.raises(KeyManagerUnavailable):
            read_answer(said)


def test_any_mapping_may_be_an_answer():
    """A strategy may return any mapping; it is read as it is at that moment."""
    said = good_answer()
    token = told(MappingProxyType(said))
    said["sub"] = "mallory"
    assert token.subject == "alice"


def test_no_is_a_refusal():
    """An answer of false refuses the token, whatever else it says."""
    assert ends({"active": False}) == ends(good_answer(active=False)) == ("INACTIVE", "active")


def test_members_that_are_null_are_not_there():
    """A null is left out at the top of an answer and nowhere else, so that what must be there is missing."""
    assert read_answer({"active": True, "a": None, "b": [None], "c": {"d": None}}) == {
        "active": True,
        "b": [None],
        "c": {"d": None},
    }
    assert dict(told(good_answer(token_type=None, iss=None, nbf=None, cnf=None)).claims) == good_answer(
        token_type=ABSENT, iss=ABSENT, nbf=ABSENT
    )
    assert ends(good_answer(aud=None)) == ("MISSING_CLAIM", "aud")


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [(ABSENT, "GOOD"), (ISSUER, "GOOD"), ("https://b.example", "GOOD"), (ISSUER + "/", "WRONG_ISSUER")]
    + [(issuer, "WRONG_ISSUER") for issuer in ("", " " + ISSUER, ISSUER.upper(), "https://{tenantid}.example")]
    + [(issuer, "INVALID_CLAIM") for issuer in (5, True, [], [ISSUER], {}, {ISSUER: 1})],
    ids=repr,
)
@pytest.mark.parametrize("others", [1, 9], ids=["few", "many"])
def test_the_issuer_is_exactly_one_of_the_configured(issuer, expected, others):
    """An issuer that is named is one of the configured, to the letter, however many there are."""
    names = ["https://b.example", *(f"https://{number}.example" for number in range(others))]
    assert ends(good_answer(iss=issuer), extra_issuers=names)[0] == expected


def test_a_template_stands_for_its_tenants():
    """An answer names one of the tenants; it need not where there is but one."""
    two = {"issuer": "https://idp.example/{tenantid}", "tenants": ("a", "b")}
    assert told(good_answer(iss="https://idp.example/b"), **two).issuer == "https://idp.example/b"
    for issuer in ("https://idp.example/c", "https://idp.example/{tenantid}"):
        assert ends(good_answer(iss=issuer), **two) == ("WRONG_ISSUER", "iss")
    assert ends(good_answer(iss=ABSENT), **two) == ("MISSING_CLAIM", "iss")
    assert ends(good_answer(iss="https://idp.example/b", tid="a"), **two) == ("CLAIM_MISMATCH", "tid")
    one = {**two, "tenants": "a"}
    assert told(good_answer(iss=ABSENT), **one).issuer == "https://idp.example/a"
    assert ends(good_answer(iss=ABSENT, tid="b"), **one) == ("CLAIM_MISMATCH", "tid")


@pytest.mark.parametrize(
    ("audience", "expected"),
    [("orders", "GOOD"), (["x", "orders"], "GOOD"), (ABSENT, "MISSING_CLAIM"), ("", "WRONG_AUDIENCE")]
    + [(audience, "WRONG_AUDIENCE") for audience in ("orders other", "orders,other", "Orders", [], ["orders other"])]
    + [(audience, "INVALID_CLAIM") for audience in (5, True, {}, {"orders": 1}, ["orders", 5], [["orders"]], [None])],
    ids=repr,
)
def test_the_audience_is_named(audience, expected):
    """A name is one of ours as a whole: a string that joins several is one name, and an empty array nobody's."""
    assert ends(good_answer(aud=audience)) == (expected, None if expected == "GOOD" else "aud")
    lenient = "GOOD" if expected == "MISSING_CLAIM" else expected
    assert ends(good_answer(aud=audience), requires="exp")[0] == lenient


def test_audiences_are_waived_aloud():
    """Without audiences any passes, if its type is right; with client ids in its place one of them must be there."""
    for audience in (ABSENT, "x", []):
        assert ends(good_answer(aud=audience), audience=ANY_AUDIENCE) == ("GOOD", None)
        assert ends(good_answer(aud=audience), audience=ClientIdInstead("shop")) == ("GOOD", None)
        for client in (ABSENT, None, "other", "shop ", "Shop"):
            said = good_answer(aud=audience, client_id=client)
            assert ends(said, audience=ClientIdInstead("shop")) == ("WRONG_AUDIENCE", "client id")
    assert ends(good_answer(aud=5), audience=ANY_AUDIENCE) == ("INVALID_CLAIM", "aud")
    assert ends(good_answer(aud=ABSENT), audience=ANY_AUDIENCE, requires="aud") == ("MISSING_CLAIM", "aud")


@pytest.mark.parametrize("kind", [ANY_AUDIENCE, ClientIdInstead("shop")], ids=["any", "client id"])
def test_where_audiences_are_waived_the_type_tells(kind):
    """A refresh token without type and audience is not taken for an access token where nobody asks for an audience."""
    said = good_answer(aud=ABSENT, token_type=ABSENT)
    assert ends(said, audience=kind) == ("MISSING_CLAIM", "token_type")
    assert ends(said, audience=kind, requires="exp") == ("GOOD", None)
    for rules in (AnswerRules(required_members="username"), AnswerRules(id_prefix="7f"), AnswerRules(requires="exp")):
        assert ends(said, audience=kind, profile=ProviderProfile(answers=rules)) == ("GOOD", None)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [str(NOW), "", True, False, [], [NOW], {}, 10**64, 1e400], ids=lambda value: repr(value)[:12]
)
def test_times_are_numbers(name, value):
    """A time that is no number is refused, and one that no strict JSON has is no answer."""
    expected = ("UNAVAILABLE", None) if value in (10**64, 1e400) else ("INVALID_CLAIM", name)
    assert ends(good_answer(**{name: value})) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"exp": NOW + 0.5, "nbf": NOW - 0.5, "iat": NOW - 1.5}, "GOOD"),
        ({"exp": NOW - 59}, "GOOD"),
        ({"exp": NOW - 60}, "EXPIRED"),
        ({"exp": -1e300}, "EXPIRED"),
        ({"exp": 0}, "EXPIRED"),
        ({"exp": 10**40}, "GOOD"),
        ({"exp": ABSENT}, "MISSING_CLAIM"),
        ({"nbf": NOW + 60}, "GOOD"),
        ({"nbf": NOW + 61}, "NOT_YET_VALID"),
        ({"iat": NOW + 60.5}, "ISSUED_IN_THE_FUTURE"),
        ({"iat": 1e308}, "ISSUED_IN_THE_FUTURE"),
    ],
    ids=str,
)
def test_times_are_compared_with_the_clock(change, expected):
    """What has expired, has not begun or comes from the future is refused, with the leeway of the key manager."""
    assert ends(good_answer(**change))[0] == expected


def test_times_are_looked_at_again_at_every_hit():
    """A remembered answer is refused once it has expired, or is older than is accepted."""
    clock = SetClock()
    validator = asker(good_answer(exp=NOW + 30, iat=NOW - 10, nbf=ABSENT), clock, max_age_s=60, leeway_s=0)
    assert outcome(validator) == outcome(validator) == ("GOOD", None)
    clock.now = NOW + 30
    assert outcome(validator) == ("EXPIRED", "exp")
    clock, eternal = SetClock(), good_answer(exp=ABSENT, iat=NOW - 10)
    validator = asker(eternal, clock, max_age_s=40, leeway_s=0, requires=(), ttl_s=3600)
    assert outcome(validator) == ("GOOD", None)
    clock.now = NOW + 31
    assert outcome(validator) == ("TOO_OLD", "iat")


def test_an_answer_holds_from_its_beginning_to_its_end():
    """What was found good holds while it has begun and not ended, give or take the leeway, and is not too old."""
    checks = AnswerChecks.of(manager(max_age_s=100), None)
    payload = json.dumps({"iat": NOW - 100}).encode()
    found = Answered(payload, 0.0, ISSUER, NOW + 10.0, float(NOW))
    assert [checks.hold(found, NOW + at) for at in (-61, -60, 0, 60, 61, 70)] == [False, True, True, True, False, False]
    plain = AnswerChecks.of(manager(), None)
    assert [plain.hold(found, NOW + at) for at in (-61, -60, 69.9, 70)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("change", "claim"),
    [({name: value}, name) for name in ("sub", "jti", "username") for value in (5, True, [], ["a"], {})]
    + [({"client_id": value}, "client_id") for value in ("", 5, False, [], ["shop"], {})]
    + [({"client_id": ABSENT, "azp": value}, "azp") for value in ("", 5, ["shop"])]
    + [({"scope": value}, "scope") for value in (5, True, {}, ["a", 1], [["a"]])]
    + [({"scope": ABSENT, "scp": value}, "scp") for value in (5, {"a": 1})],
    ids=str,
)
def test_names_have_their_types(change, claim):
    """Names are strings, a client id not an empty one, and scopes a string or an array of them."""
    assert ends(good_answer(**change)) == ("INVALID_CLAIM", claim)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        *(("a b", {"a", "b"}), ("  a  ", {"a"}), ("", set()), ("a\tb\nc,d", {"a\tb\nc,d"})),
        *((["a b", "c"], {"a b", "c"}), ([], set()), (ABSENT, set())),
    ],
    ids=repr,
)
def test_scopes_are_split_on_blanks_alone(scope, scopes):
    """A string is split on U+0020 and nothing else (RFC 6749 section 3.3), and an array is not split."""
    assert told(good_answer(scope=scope)).scopes == scopes


def test_the_names_of_rfc_7662_come_first():
    """Client and scopes are where RFC 7662 has them, and else where the provider's own tokens have them."""
    own = {"consumer_key_claims": ("cid", "client_id"), "scope_claims": ("scp",)}
    both = told(good_answer(cid="own", scp=["own"]), **own)
    assert (both.consumer_key, both.scopes) == ("shop", {"menu:read", "menu:write"})
    alone = told(good_answer(cid="own", scp=["own"], client_id=ABSENT, scope=ABSENT), **own)
    assert (alone.consumer_key, alone.scopes) == ("own", {"own"})


def test_a_verified_token_is_what_the_answer_says():
    """It has the properties of a verified JWT but for the key, again and again, and nobody can change it."""
    profile = ProviderProfile(
        tenant_claims="org", user_id_claims="uid", is_application=lambda claims: "uid" not in claims
    )
    said = good_answer(aud=["x", AUDIENCE], org="acme", uid="u1", roles=["r"], groups="g", permissions=[], nbf=NOW - 5)
    validator = asker(said, profile=profile, organization=None)
    token = validator.authenticate(TOKEN)
    assert (token.key_manager, token.issuer, token.key_id, token.subject) == ("Test", ISSUER, None, "alice")
    assert (token.token_id, token.audience, token.consumer_key) == ("7f3a-11", ("x", AUDIENCE), "shop")
    assert (token.scopes, token.roles, token.groups) == ({"menu:read", "menu:write"}, {"r"}, {"g"})
    assert (token.permissions, token.tenant, token.user_id) == (set(), "acme", "u1")
    assert (token.is_application, token.expires_at, token.starts_at) == (False, NOW + 300, NOW - 5)
    assert dict(token.claims) == said
    again = validator.authenticate(TOKEN)
    assert [getattr(token, name) for name in PROPERTIES] == [getattr(again, name) for name in PROPERTIES]
    for change in (lambda: token.claims.update(sub="x"), lambda: setattr(token, "payload", b"{}")):
        with pytest.raises(AttributeError):
            change()
    with pytest.raises(TypeError):
        token.claims["sub"] = "x"
    assert TOKEN not in repr(token)
    assert "alice" not in repr(token)


def test_a_token_without_end_has_none():
    """Where no end is required, and none is named, the token never ends, and its claims are what was said."""
    token = told({"active": True, "iat": NOW}, requires=())
    assert (token.expires_at, token.starts_at, token.issuer) == (math.inf, NOW, ISSUER)
    assert (dict(token.claims), token.audience, token.scopes) == ({"active": True, "iat": NOW}, (), frozenset())
    assert (token.subject, token.consumer_key, token.user_id, token.token_id) == (None, None, None, None)
    assert told({"active": True}, requires=()).starts_at == 0


def test_checks_say_whose_token_it_is():
    """The checks of a key manager return the issuer, and refuse what `AnswerRules` refuses."""
    checks = AnswerChecks.of(manager(), None)
    assert checks.check(read_answer(good_answer()), NOW) == ISSUER
    assert reason(checks.check, {"active": False}, 0.0) == "INACTIVE"
