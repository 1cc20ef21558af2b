"""What the claims of a token must say. Signatures play no part here."""

import pytest

from kmvalidate.audiences import ANY_AUDIENCE, ClientIdInstead, to_audience
from tests.signing import ABSENT, ISSUER, NOW, good_claims, manager, reason, refusal

JSON_VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    NOW,
    NOW + 0.5,
    1e300,
    "",
    "x",
    str(NOW),
    [],
    ["x"],
    [1],
    [None],
    {},
    {"a": 1},
]


def verdict(changes: dict, *, now: float = NOW, **rules: object) -> str:
    """Return the reason for which claims with *changes* are refused by *rules* at *now*, or GOOD."""
    return reason(manager(**rules).claim_rules().check, good_claims(**changes), now)


def about(changes: dict, **rules: object) -> str | None:
    """Return the claim that a refusal is about."""
    return refusal(manager(**rules).claim_rules().check, good_claims(**changes), NOW).claim


@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_a_time_is_a_number(name, value):
    """A time that is not an int or float, a bool or a string of digits included, is refused as such."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    assert (verdict({name: value}) == "INVALID_CLAIM") is not number


@pytest.mark.parametrize(
    "value", ["9999999999", " 19 ", "\u0661\u0667", "1e10", "inf", "NaN", [9999999999], {"exp": 1}], ids=repr
)
def test_a_time_is_not_written_out(value):
    """A string, array or object that holds a time is refused for exp, nbf and iat."""
    for name in ("exp", "nbf", "iat"):
        assert verdict({name: value}) == "INVALID_CLAIM"
        assert about({name: value}) == name


@pytest.mark.parametrize("size", [1, -1], ids=["future", "past"])
@pytest.mark.parametrize("far", [10**63, 2**64, 1e308, 253402300800])
def test_a_time_may_be_far_away(far, size):
    """A time of any size is compared, and nothing but a verdict comes of it."""
    ahead = size > 0
    assert verdict({"exp": far * size}) == ("GOOD" if ahead else "EXPIRED")
    assert verdict({"nbf": far * size}) == ("NOT_YET_VALID" if ahead else "GOOD")
    assert verdict({"iat": far * size}) == ("ISSUED_IN_THE_FUTURE" if ahead else "GOOD")
    limits = {"max_age_s": 10, "max_lifetime_s": 10}
    assert verdict({"exp": far, "iat": far * size}, **limits) != "GOOD"


@pytest.mark.parametrize("name", ["nbf", "iat", "sub", "jti", "client_id", "scope"])
def test_a_claim_may_be_absent(name):
    """Claims that are not required may be left out."""
    assert verdict({name: ABSENT}) == "GOOD"


@pytest.mark.parametrize(
    ("name", "expected"), [("exp", "MISSING_CLAIM"), ("aud", "MISSING_CLAIM"), ("iss", "WRONG_ISSUER")]
)
def test_a_required_claim_is_there(name, expected):
    """Without exp, aud or iss a token is refused."""
    assert verdict({name: ABSENT}) == expected
    assert about({name: ABSENT}) == name


BOUNDARIES = [
    *(("exp", 0, "GOOD", -1), ("exp", 0, "EXPIRED", 0)),
    *(("exp", 60, "GOOD", 59), ("exp", 60, "GOOD", 59.999), ("exp", 60, "EXPIRED", 60)),
    *(("exp", 300, "GOOD", 299.5), ("exp", 300, "EXPIRED", 300)),
    *(("nbf", 0, "GOOD", 0), ("nbf", 0, "NOT_YET_VALID", -0.001)),
    *(("nbf", 60, "GOOD", -60), ("nbf", 60, "NOT_YET_VALID", -60.001)),
    *(("iat", 0, "GOOD", 0), ("iat", 0, "ISSUED_IN_THE_FUTURE", -0.001)),
    *(("iat", 60, "GOOD", -60), ("iat", 60, "ISSUED_IN_THE_FUTURE", -61)),
]


@pytest.mark.parametrize(("name", "leeway_s", "expected", "after"), BOUNDARIES)
@pytest.mark.parametrize("kind", [int, float])
def test_a_time_ends_and_begins_exactly(name, leeway_s, expected, after, kind):
    """A token is good while now < exp + leeway and nbf, iat <= now + leeway, and not a moment longer."""
    claims = {"nbf": ABSENT, "iat": ABSENT, name: kind(NOW)}
    if name != "exp":
        claims["exp"] = NOW + 1000
    assert verdict(claims, now=NOW + after, leeway_s=leeway_s) == expected


@pytest.mark.parametrize(("age", "expected"), [(1060, "GOOD"), (1060.5, "TOO_OLD"), (99999, "TOO_OLD"), (-60, "GOOD")])
def test_a_token_gets_too_old(age, expected):
    """With max_age_s a token is refused once iat is further back than that and the leeway."""
    assert verdict({"iat": NOW - age}, max_age_s=1000) == expected


@pytest.mark.parametrize(
    ("lifetime", "expected"), [(600, "GOOD"), (600.5, "LIFETIME_TOO_LONG"), (601, "LIFETIME_TOO_LONG")]
)
def test_a_lifetime_is_limited(lifetime, expected):
    """With max_lifetime_s a token is refused when exp - iat is more, and the leeway does not count."""
    assert verdict({"iat": NOW, "exp": NOW + lifetime}, max_lifetime_s=600) == expected


@pytest.mark.parametrize("limit", [{"max_age_s": 600}, {"max_lifetime_s": 600}])
@pytest.mark.parametrize(
    ("issued", "expected"), [(ABSENT, "MISSING_CLAIM"), (None, "INVALID_CLAIM"), ("1", "INVALID_CLAIM")]
)
def test_an_age_needs_its_beginning(limit, issued, expected):
    """Where age or lifetime is limited, a token must say when it was issued."""
    assert verdict({"iat": issued}, **limit) == expected
    assert about({"iat": issued}, **limit) == "iat"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, "", [], [ISSUER], {ISSUER: 1}, ISSUER + "/", ISSUER[:-1], ISSUER + "x", ISSUER.upper()),
        *(f" {ISSUER}", f"{ISSUER} ", f"{ISSUER}\0", ISSUER.replace("https", "http"), ISSUER.replace("e", "\u0435")),
        *(ISSUER.replace("example", "EXAMPLE"), ISSUER.replace("/realms", ":443/realms"), ISSUER.replace("a", "%61")),
        *(ISSUER.replace("//", "///"), ISSUER + "/../acme", ISSUER + "?", ISSUER + "#", "https://idp.example"),
    ],
    ids=ascii,
)
def test_an_issuer_is_exactly_the_one(value):
    """An issuer that differs in a slash, case, prefix, port, coding, look-alike letter or type is another one."""
    assert verdict({"iss": value}) == "WRONG_ISSUER"


@pytest.mark.parametrize("value", ["orders", ["orders"], ["x", "orders"], ["orders", "orders"], ["billing"]], ids=repr)
def test_an_audience_is_one_of_the_configured(value):
    """A token for one of the audiences passes, whether it names it as a string or in an array."""
    assert verdict({"aud": value}, audience=["orders", "billing"]) == "GOOD"


@pytest.mark.parametrize(
    "value", ["", "order", "orders ", "ORDERS", "orders,x", "orders x", "ord", [], [""], ["x"]], ids=repr
)
def test_another_audience_is_refused(value):
    """A token for nobody or for somebody whose name only resembles ours is refused."""
    assert verdict({"aud": value}) == "WRONG_AUDIENCE"


@pytest.mark.parametrize(
    "audience", ["orders", ANY_AUDIENCE, ClientIdInstead("shop")], ids=["name", "any", "client id"]
)
@pytest.mark.parametrize(
    "value", [None, True, 5, 1.5, {}, {"orders": 1}, ["orders", 1], [None], [["orders"]], [{}]], ids=repr
)
def test_an_audience_is_a_string_or_strings(audience, value):
    """An aud of any other type is refused, even where the audience is waived."""
    assert verdict({"aud": value}, audience=audience) == "INVALID_CLAIM"
    assert about({"aud": value}, audience=audience) == "aud"


@pytest.mark.parametrize("value", [ABSENT, "x", "", [], ["x", "y"]], ids=str)
def test_an_audience_can_be_waived_aloud(value):
    """With ANY_AUDIENCE every audience and none passes."""
    assert verdict({"aud": value}, audience=ANY_AUDIENCE) == "GOOD"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, "GOOD"),
        ({"aud": ABSENT}, "GOOD"),
        ({"aud": "x", "client_id": "kiosk"}, "GOOD"),
        ({"client_id": ABSENT, "azp": "shop"}, "GOOD"),
        ({"client_id": "other"}, "WRONG_AUDIENCE"),
        ({"client_id": "other", "aud": "shop"}, "WRONG_AUDIENCE"),
        ({"client_id": "other", "azp": "shop"}, "WRONG_AUDIENCE"),
        ({"client_id": "SHOP"}, "WRONG_AUDIENCE"),
        ({"client_id": ABSENT}, "WRONG_AUDIENCE"),
        ({"client_id": ""}, "INVALID_CLAIM"),
        ({"client_id": ["shop"]}, "INVALID_CLAIM"),
    ],
)
def test_the_client_can_stand_for_the_audience(claims, expected):
    """With ClientIdInstead the client id must be one of those, and the audience does not count."""
    assert verdict(claims, audience=ClientIdInstead(["shop", "kiosk"])) == expected


@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
@pytest.mark.parametrize("name", ["sub", "jti"])
def test_a_name_is_a_string(name, value):
    """A sub or jti of any type but string, null included, is refused."""
    assert verdict({name: value}) == ("GOOD" if isinstance(value, str) else "INVALID_CLAIM")


@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
@pytest.mark.parametrize("name", ["client_id", "azp", "app"])
def test_a_consumer_key_is_a_string_with_something_in_it(name, value):
    """A client id of any type but non-empty string is refused, in whichever configured claim it is."""
    good = isinstance(value, str) and bool(value)
    claims = {"client_id": ABSENT, name: value}
    assert verdict(claims, consumer_key_claims=["app", "client_id", "azp"]) == ("GOOD" if good else "INVALID_CLAIM")


def test_only_the_first_consumer_key_counts():
    """The first of the configured claims that is there is the client id, and the others are not looked at."""
    rules = manager(consumer_key_claims=["app", "azp"]).claim_rules()
    assert rules.consumer_key({"azp": "b", "app": "a", "client_id": "c"}) == "a"
    assert rules.consumer_key({"azp": "b", "client_id": "c"}) == "b"
    assert rules.consumer_key({"client_id": "c"}) is None
    assert reason(rules.check, good_claims(app="a", azp=5), NOW) == "GOOD"


def test_an_audience_is_kept_as_a_set():
    """One name or several become a set, and a waiver stays what it is."""
    assert to_audience("x") == to_audience(["x", "x"]) == to_audience(iter(["x"])) == frozenset({"x"})
    assert to_audience(ANY_AUDIENCE) is ANY_AUDIENCE
    assert ClientIdInstead("x") == ClientIdInstead(("x",))


SCOPES = [
    *((ABSENT, set()), ("", set()), (" ", set()), ([], set()), (["", "a"], {"a"})),
    *(("a", {"a"}), ("a b", {"a", "b"}), ("  a   b ", {"a", "b"}), ("a a", {"a"}), ("A a", {"A", "a"})),
    *(("a\tb", {"a\tb"}), ("a,b", {"a,b"}), ("a\nb\u00a0c\u2003d", {"a\nb\u00a0c\u2003d"})),
    *((["a", "b", "a"], {"a", "b"}), (["a b", "c,d"], {"a b", "c,d"})),
]


@pytest.mark.parametrize(("value", "expected"), SCOPES, ids=repr)
def test_scopes_are_split_at_spaces_only(value, expected):
    """A string is split on U+0020 and on nothing else, an array's members are not split again."""
    assert manager().claim_rules().scopes(good_claims(scope=value)) == expected
    assert verdict({"scope": value}) == "GOOD"


@pytest.mark.parametrize("value", [None, True, 5, 1.5, {}, {"a": 1}, ["a", 5], [None], [["a"]]], ids=repr)
@pytest.mark.parametrize("name", ["scope", "scp", "permissions"])
def test_scopes_are_strings(name, value):
    """A scope claim of any other type is refused, in whichever configured claim it is."""
    changes = {"scope": ABSENT, name: value}
    assert verdict(changes, scope_claims=("permissions", "scope", "scp")) == "INVALID_CLAIM"
    assert about(changes, scope_claims=("permissions", "scope", "scp")) == name


def test_only_the_first_scope_claim_counts():
    """The first of the configured claims that is there has the scopes, and the others are not added."""
    rules = manager(scope_claims=["roles", "scp"]).claim_rules()
    assert rules.scopes({"scp": "b", "roles": ["a"], "scope": "c"}) == {"a"}
    assert rules.scopes({"scp": "b", "scope": "c"}) == {"b"}
    assert rules.scopes({"scope": "c"}) == frozenset()


@pytest.mark.parametrize("value", [None, {}, {"jkt": "x"}, {"x5t#S256": "x"}, "", False], ids=repr)
def test_a_bound_token_is_no_bearer_token(value):
    """A token with cnf is refused, whatever it holds, since nothing proved the possession of its key."""
    assert verdict({"cnf": value}) == "PROOF_REQUIRED"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(ABSENT, "MISSING_CLAIM"), (None, "MISSING_CLAIM"), ("", "GOOD"), (0, "GOOD"), (False, "GOOD")],
    ids=str,
)
def test_a_claim_can_be_required(value, expected):
    """A required claim must be there and not be null, whatever else it is."""
    assert verdict({"org": value}, required_claims=["org"]) == expected
    assert verdict({"org": value}, required_claims="org") == expected


VALUES = [None, True, False, 0, 1, 2, "1", "", "true", [], [1], [True], ["1"], {}, {"a": 1}, {"a": True}, {"a": [1]}]


@pytest.mark.parametrize("got", VALUES, ids=repr)
@pytest.mark.parametrize("wanted", VALUES, ids=repr)
def test_a_claim_can_be_fixed_to_exactly_one_value(wanted, got):
    """A fixed claim is of the same JSON type and value, at every depth: 1 is not true."""
    same = repr(wanted) == repr(got)
    assert verdict({"x": got}, claim_values={"x": wanted}) == ("GOOD" if same else "CLAIM_MISMATCH")


def test_a_fixed_claim_is_there():
    """A claim whose value is fixed must be there, the order of an object's members apart."""
    assert verdict({}, claim_values={"x": None}) == "MISSING_CLAIM"
    assert verdict({"x": {"b": 2, "a": 1}}, claim_values={"x": {"a": 1, "b": 2}}) == "GOOD"
    assert verdict({"x": [2, 1]}, claim_values={"x": [1, 2]}) == "CLAIM_MISMATCH"
