"""Which kinds of token pass as access tokens."""

import pytest

from kmvalidate.errors import ConfigurationError
from kmvalidate.rules import ACCESS_TOKENS, FOREIGN_CLAIMS, MARKERS, RFC9068_ACCESS_TOKENS, TokenKinds
from tests.signing import (
    ABSENT,
    good_claims,
    good_header,
    reason,
    refusal,
    token,
    validator,
    with_claims,
    with_header,
)

OTHER_TYPES = [
    *("rt+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-id-jag+jwt", "txntoken+jwt"),
    *("statuslist+jwt", "entity-statement+jwt", "dpop+jwt", "oauth-authz-req+jwt"),
]
STRANGE_TYPES = ["", "JWE", "JOSE", "id+jwt", "at+jwt ", " JWT", "at_jwt", "at+jwt;v=1", "text/at+jwt", "ID", "Refresh"]

VALUES = [None, True, False, 0, 1, 1.5, "", "x", [], ["access"], {}, {"a": "access"}]

OTHER_KINDS = [
    *(("typ", value) for value in ("ID", "Refresh", "Offline", "Logout", "Bearer ", "Bearer,ID", "backend")),
    *(("token_use", value) for value in ("id", "refresh", "accessx", "")),
    *(("token_type", value) for value in ("refresh_token", "InternalKey", "id_token", "apiKey")),
    *(("tokenName", value) for value in ("refresh_token", "id_token")),
    *(("purpose", value) for value in ("id", "refresh_token")),
]


@pytest.mark.parametrize(
    "value", [ABSENT, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"], ids=str
)
def test_an_access_tokens_type_passes(value):
    """A typ that is absent, JWT or at+jwt passes, in any case and with or without its application/."""
    assert reason(validator().authenticate, with_header(typ=value)) == "GOOD"


@pytest.mark.parametrize("prefix", ["", "application/", "APPLICATION/"])
@pytest.mark.parametrize("value", OTHER_TYPES)
def test_another_kinds_type_is_refused_by_its_name(value, prefix):
    """A typ that names another kind of token is refused, and the hint says which kind it is."""
    refused = refusal(validator().authenticate, with_header(typ=prefix + value.upper()))
    assert (refused.reason.name, refused.claim, refused.got) == ("WRONG_TOKEN_KIND", "typ", value.lower())
    assert refused.hint.startswith("It is a")


@pytest.mark.parametrize("value", [*STRANGE_TYPES, "application/", "application/application/jwt", "\uff41t+jwt"])
def test_an_unknown_type_is_refused(value):
    """A typ that nobody has said to be an access token's is refused."""
    refused = refusal(validator().authenticate, with_header(typ=value))
    assert (refused.reason.name, refused.hint) == ("WRONG_TOKEN_KIND", None)


@pytest.mark.parametrize(("name", "value"), OTHER_KINDS)
def test_a_marker_of_another_kind_is_refused(name, value):
    """A claim that tells the kind and tells another one than access token is refused."""
    refused = refusal(validator().authenticate, with_claims(**{name: value}))
    assert (refused.reason.name, refused.claim) == ("WRONG_TOKEN_KIND", name)


@pytest.mark.parametrize("name", MARKERS)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_marker_is_one_of_its_strings(name, value):
    """A claim that tells the kind is refused with every other value, of whatever type."""
    assert reason(validator().authenticate, with_claims(**{name: value})) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in MARKERS for value in sorted(MARKERS[name])])
def test_a_marker_of_an_access_token_passes(name, value):
    """A claim that says access token passes, in any case."""
    for spelling in (value, value.upper(), value.title()):
        assert reason(validator().authenticate, with_claims(**{name: spelling})) == "GOOD"


@pytest.mark.parametrize("name", sorted(set(FOREIGN_CLAIMS) - {"nonce"}))
@pytest.mark.parametrize("value", [None, False, "", "x", {}], ids=repr)
def test_a_claim_of_another_kind_is_refused(name, value):
    """A claim that only another kind of token has is refused whatever it holds, and the hint names the kind."""
    refused = refusal(validator().authenticate, with_claims(**{name: value}))
    assert (refused.reason.name, refused.claim) == ("WRONG_TOKEN_KIND", name)
    assert refused.hint == f"It is {FOREIGN_CLAIMS[name]}."


@pytest.mark.parametrize(
    ("signs", "expected", "typed"),
    [
        *((signs, "WRONG_TOKEN_KIND", "GOOD") for signs in ({}, {"azp": "shop"}, {"client_id": "shop"})),
        *(
            (signs, "GOOD", "GOOD")
            for signs in ({"scope": ""}, {"scp": []}, {"token_use": "access"}, {"typ": "Bearer"})
        ),
        *((signs, "WRONG_TOKEN_KIND", "WRONG_TOKEN_KIND") for signs in ({"token_use": "id"}, {"typ": "ID"})),
    ],
)
def test_a_nonce_is_an_id_tokens_unless_something_speaks_for_access(signs, expected, typed):
    """A nonce shows an ID token, unless a claim or a header type is there that no ID token has."""
    claims = good_claims(**{"scope": ABSENT, "client_id": ABSENT, "nonce": "n"} | signs)
    check = validator().authenticate
    for turn in range(3):
        found = [
            reason(check, token({**claims, f"x{turn}": 1}, good_header(typ=typ))) for typ in ("JWT", ABSENT, "at+jwt")
        ]
        assert found == [expected, expected, typed]


@pytest.mark.parametrize("name", ["auth_time", "AT_HASH", "acr", "sid", "__class__"])
def test_a_claim_that_access_tokens_may_have_passes(name):
    """A claim that tells nothing of the kind changes nothing."""
    assert reason(validator().authenticate, with_claims(**{name: "x"})) == "GOOD"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(ABSENT, "WRONG_TOKEN_KIND"), ("JWT", "WRONG_TOKEN_KIND"), ("at+jwt", "GOOD"), ("application/AT+jwt", "GOOD")],
    ids=str,
)
def test_rfc_9068_demands_its_type(value, expected):
    """By the letter of RFC 9068 only at+jwt passes."""
    check = validator(token_kinds=RFC9068_ACCESS_TOKENS).authenticate
    assert reason(check, with_header(typ=value)) == expected


def test_an_absent_type_is_told_so():
    """Where a typ is demanded, the refusal says that there is none."""
    refused = refusal(RFC9068_ACCESS_TOKENS.check_header, None)
    assert (refused.claim, refused.expected, refused.got) == ("typ", "[at+jwt]", "no typ")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [({}, "WRONG_TOKEN_KIND"), ({"token_use": "id"}, "WRONG_TOKEN_KIND"), ({"token_use": "access"}, "GOOD")],
)
def test_a_marker_can_be_demanded(claims, expected):
    """A required marker must be there, and must say access token."""
    check = validator(token_kinds=TokenKinds(required_markers=["token_use"])).authenticate
    assert reason(check, with_claims(**claims)) == expected


def test_every_marker_can_be_demanded():
    """The required markers may be all of the markers, and then a token must have each."""
    kinds = TokenKinds(required_markers=MARKERS)
    every = {name: min(values) for name, values in MARKERS.items()}
    assert reason(kinds.check_claims, every) == "GOOD"
    for name in MARKERS:
        refused = refusal(kinds.check_claims, {other: every[other] for other in MARKERS if other != name})
        assert (refused.claim, refused.got) == (name, "no such claim")


@pytest.mark.parametrize(
    "arguments", [{"required_markers": {"x"}}, {"required_markers": ["typ"], "markers": {}}], ids=str
)
def test_a_demanded_marker_is_one_of_the_markers(arguments):
    """A required marker without values that pass is a ConfigurationError, not a surprise for a token."""
    with pytest.raises(ConfigurationError):
        TokenKinds(**arguments)


def test_kinds_are_configured():
    """Types, markers and foreign claims are what they are configured to be."""
    kinds = TokenKinds(header_types={"x+jwt"}, markers={"kind": frozenset({"a"})}, foreign_claims={"z": "a zebra"})
    check = validator(token_kinds=kinds).authenticate
    assert reason(check, with_header(typ="X+JWT")) == "GOOD"
    assert reason(check, with_header(typ="JWT")) == "WRONG_TOKEN_KIND"
    found = [reason(kinds.check_claims, claims) for claims in ({"kind": "A"}, {"kind": "b"}, {"typ": "ID"}, {"z": 1})]
    assert found == ["GOOD", "WRONG_TOKEN_KIND", "GOOD", "WRONG_TOKEN_KIND"]


def test_the_generic_rule_cannot_be_changed_from_outside():
    """The tables a rule was made of can change afterwards without changing the rule."""
    markers = {"kind": frozenset({"a"})}
    kinds = TokenKinds(markers=markers)
    markers["kind"] = frozenset({"b"})
    assert reason(kinds.check_claims, {"kind": "b"}) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize("value", ["bear", "", "e", "jwtbearer", "bearer "])
def test_one_accepted_value_is_not_searched_in(value):
    """A marker whose accepted values are written as one string accepts that string, or is refused when it is made."""
    try:
        kinds = TokenKinds(markers={"typ": "bearer"})
    except ConfigurationError:
        return
    assert reason(kinds.check_claims, {"typ": value}) == "WRONG_TOKEN_KIND"


def test_one_header_type_may_be_written_alone():
    """A header type written as one string means that type, or is refused when it is made, and never its letters."""
    try:
        kinds = TokenKinds(header_types="at+jwt")
    except ConfigurationError:
        return
    assert [reason(kinds.check_header, typ) for typ in ("at+jwt", "a")] == ["GOOD", "WRONG_TOKEN_KIND"]


def test_the_generic_rule_is_the_default():
    """A rule made without arguments is the generic one."""
    assert TokenKinds() == ACCESS_TOKENS


SIGNS = TokenKinds(required_signs={"cid", "uid"}, prefixes={"jti": "AT."})


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"cid": "a", "jti": "AT.1"}, None),
        ({"uid": None, "jti": "AT."}, None),
        ({"jti": "AT.1"}, "none of these claims"),
        ({"client_id": "a", "jti": "AT.1"}, "none of these claims"),
        ({"cid": "a", "jti": "ID.1"}, "ID.1"),
        ({"cid": "a", "jti": "at.1"}, "at.1"),
        ({"cid": "a", "jti": " AT.1"}, " AT.1"),
        ({"cid": "a", "jti": ""}, ""),
        ({"cid": "a"}, ...),
        ({"cid": "a", "jti": None}, ...),
        ({"cid": "a", "jti": ["AT.1"]}, "[AT.1]"),
        ({"cid": "a", "jti": {"AT.": 1}}, "dict"),
        ({"cid": "a", "jti": True}, "True"),
    ],
    ids=str,
)
def test_signs_and_beginnings_can_be_demanded(claims, expected):
    """A token has one of the signs that no other kind has, and claims that begin as they must, of no other type."""
    if expected is None:
        assert reason(SIGNS.check_claims, claims) == "GOOD"
        return
    refused = refusal(SIGNS.check_claims, claims)
    assert (refused.reason.name, refused.got) == ("WRONG_TOKEN_KIND", None if expected is ... else expected)


def test_demanded_signs_and_beginnings_hold_for_whole_tokens():
    """What a kind demands is demanded of tokens that show nothing else, again and again."""
    check = validator(token_kinds=SIGNS).authenticate
    for _ in range(3):
        assert reason(check, with_claims(cid="a", jti="AT.1")) == "GOOD"
        assert reason(check, with_claims(jti="AT.1")) == "WRONG_TOKEN_KIND"
        assert reason(check, with_claims(cid="a", jti="xAT.1")) == "WRONG_TOKEN_KIND"


def test_a_sign_speaks_for_access_where_a_nonce_is():
    """A demanded sign is one that no ID token has, so that a nonce beside it shows none."""
    bare = good_claims(scope=ABSENT, nonce="n", cid="a")
    for signs, expected in (((), "WRONG_TOKEN_KIND"), ("cid", "GOOD")):
        check = validator(token_kinds=TokenKinds(required_signs=signs)).authenticate
        assert reason(check, token(bare, good_header(typ="JWT"))) == expected


@pytest.mark.parametrize("header_type", [None, "jwt", "at+jwt"])
def test_a_telling_type_stands_in_for_markers_and_signs_alone(header_type):
    """A header type that tells makes up for absent markers and signs, never for wrong ones or another beginning."""
    kinds = TokenKinds(required_markers="typ", required_signs="cid", prefixes={"jti": "AT."}, telling_types=["at+jwt"])
    tells = header_type == "at+jwt"

    def verdict(**claims):
        return reason(kinds.check_claims, {"jti": "AT.1", **claims}, header_type)

    assert verdict(typ="Bearer", cid="a") == "GOOD"
    found = [verdict(), verdict(cid="a"), verdict(typ="Bearer")]
    assert found == ["GOOD" if tells else "WRONG_TOKEN_KIND"] * 3
    for wrong in ({"typ": "ID"}, {"typ": None}, {"jti": "ID.1"}, {"at_hash": "x"}):
        assert verdict(**{"typ": "Bearer", "cid": "a", **wrong}) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize(
    "arguments",
    [
        {"telling_types": "x+jwt"},
        {"telling_types": "at+jwt", "header_types": "jwt"},
        {"telling_types": None},
        {"required_signs": [""]},
        {"required_signs": None},
        {"prefixes": None},
        {"prefixes": ["jti"]},
        {"prefixes": {"jti": ""}},
        {"prefixes": {"jti": None}},
        {"prefixes": {"jti": 5}},
        {"prefixes": {"": "AT."}},
        {"foreign_claims": {"x": 5}},
    ],
    ids=str,
)
def test_kinds_that_cannot_be_are_refused_when_they_are_made(arguments):
    """A telling type that is not accepted, and a beginning that is none, are ConfigurationErrors."""
    with pytest.raises(ConfigurationError):
        TokenKinds(**arguments)


def test_a_kind_says_whether_it_demands_anything():
    """Only kinds with required markers, signs or beginnings refuse a token with nothing in it."""
    demanding = [{"required_markers": "typ"}, {"required_signs": "a"}, {"prefixes": {"a": "b"}}]
    assert [TokenKinds(**arguments).is_demanding for arguments in demanding] == [True] * 3
    assert not ACCESS_TOKENS.is_demanding
    assert not TokenKinds(telling_types="at+jwt").is_demanding
    assert not TokenKinds(required_signs="cid").telling_claims & {"cid"}
