"""Token handling options: which tokens they claim, how they are read from WSO2, and what is refused."""

import copy
import functools
import json
import re

import attrs
import pytest

from kmvalidate import ANY_OPAQUE_TOKEN, ConfigurationError, CustomTokens, JwtTokens, ReferenceTokens
from kmvalidate.patterns import Pattern
from kmvalidate.token_options import claims_jwt, claims_opaque, to_token_options, token_options_from_wso2

UUID = "[0-9a-f]{8}-[0-9a-f-]{27}"
ISSUER = r"https://idp\.example\.com/.*"

#: The example of WSO2's own property, which is JSON text.
SAMPLE = (
    r'[{"enable":true,"type":"REFERENCE","value":"[0-9a-f]{8}-[0-9a-f-]{27}"},'
    r'{"enable":true,"type":"JWT","value":{"body":{"iss":"https://idp\\.example\\.com/.*"}}}]'
)


def short(value):
    return f"{repr(value)[:20]} {len(repr(value))}"


def read(*entries):
    return token_options_from_wso2(json.dumps(entries))


def reference(pattern, **members):
    return {"enable": True, "type": "REFERENCE", "value": pattern} | members


def jwt(**body):
    return {"enable": True, "type": "JWT", "value": {"body": body}}


async def later(_):
    return True


class Later:
    """Something that is called, and awaited."""

    async def __call__(self, _):
        return True


class Unhashable:
    """A function that can be compared and not hashed."""

    __hash__ = None

    def __init__(self, token):
        self.token = token

    def __eq__(self, other):
        return self.token == other.token

    def __call__(self, token):
        return token == self.token


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("x+", (ReferenceTokens("x+"),)),
        (Pattern("x+"), (ReferenceTokens("x+"),)),
        (["x+", Pattern("y"), ANY_OPAQUE_TOKEN], (ReferenceTokens("x+"), ReferenceTokens("y"), ANY_OPAQUE_TOKEN)),
        (JwtTokens({"iss": "a"}), (JwtTokens({"iss": Pattern("a")}),)),
        (iter(["x"]), (ReferenceTokens("x"),)),
        ([], ()),
        (ANY_OPAQUE_TOKEN, (ANY_OPAQUE_TOKEN,)),
    ],
)
def test_a_pattern_stands_for_the_tokens_that_match_it(given, kept):
    """Options are kept as a tuple in their order, and a pattern is written as it is."""
    assert to_token_options(given) == kept


@pytest.mark.parametrize(
    "value",
    [None, 5, b"", b"x", {}, {"x": 1}, "", "(", [None], ["x", 5], [[]], ReferenceTokens, ..., ["x"] * 101],
    ids=short,
)
def test_what_is_no_option_is_refused(value):
    """Anything else than options, one of them wrong or too many of them are a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        to_token_options(value)


@pytest.mark.parametrize("value", [None, 5, b"", b"x", [], {}, "", "(?=x)", "(a", "a" * 1001, "(a+)\\1"], ids=short)
def test_a_reference_needs_a_pattern(value):
    """What is no pattern is refused when the option is made."""
    with pytest.raises(ConfigurationError):
        ReferenceTokens(value)
    with pytest.raises(ConfigurationError):
        JwtTokens({"iss": value})


@pytest.mark.parametrize("value", [None, 5, b"", [], {}, "iss", ["iss"], {"": "x"}, {5: "x"}, {b"iss": "x"}], ids=repr)
def test_jwt_options_map_claims_to_patterns(value):
    """Claims that are none, or none at all, are refused: no option takes every JWT by accident."""
    with pytest.raises(ConfigurationError):
        JwtTokens(value)


@pytest.mark.parametrize("value", [None, 5, b"", [], {}, "x", later, Later(), functools.partial(later)], ids=repr)
def test_a_custom_option_takes_a_plain_function(value):
    """What cannot be called, or must be awaited, is refused when the option is made."""
    with pytest.raises(ConfigurationError, match="plain function"):
        CustomTokens(value)


@pytest.mark.parametrize(
    ("options", "taken", "not_taken"),
    [
        ("a+", ["a", "aaa"], ["", "b", "ab", "ba", "a\n", "A"]),
        ("a|b", ["a", "b"], ["ab", "c"]),
        ("^a$", ["a"], ["a\n", "aa"]),
        (["a", CustomTokens(str.isdigit)], ["a", "1"], ["b", ""]),
        (JwtTokens({"iss": ".*"}), [], ["a", "", "a.b.c"]),
        (ANY_OPAQUE_TOKEN, ["a", "a.b"], []),
        ([], [], ["a"]),
        (CustomTokens(lambda _: 1), [], ["a"]),
        (CustomTokens(lambda _: "yes"), [], ["a"]),
    ],
)
def test_an_option_claims_whole_tokens(options, taken, not_taken):
    """A pattern claims a token as a whole, a function with True, JWT options no opaque token."""
    kept = to_token_options(options)
    assert [token for token in (*taken, *not_taken) if claims_opaque(kept, token)] == taken


def test_a_pattern_meets_a_long_token_in_one_pass():
    """A pattern on which other readers go astray is through with a long token as well."""
    assert not claims_opaque(to_token_options(["(a+)+b", "(a|a)*c", "(.*)*d"]), "a" * 16_000)


@pytest.mark.parametrize(
    ("claims", "matches"),
    [
        ({"iss": "good", "sub": "alice"}, True),
        ({"iss": "good", "sub": "bob"}, False),
        ({"iss": "bad", "sub": "alice"}, False),
        ({"iss": "good.evil", "sub": "alice"}, False),
        ({"iss": "notgood", "sub": "alice"}, False),
        ({"sub": "alice"}, False),
        ({"iss": "good"}, False),
        ({}, False),
        *(({"iss": value, "sub": "alice"}, False) for value in (None, 5, True, ["good"], {"good": 1}, "")),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_all_claims_must_match(claims, matches, order):
    """Of several claims each must be there, be a string, and match as a whole, whichever comes last."""
    option = JwtTokens(dict([("iss", "good"), ("sub", "ali.e")][::order]))
    assert (option.match(claims), claims_jwt((option,), claims)) == (matches, matches)
    assert claims_jwt((JwtTokens({"iss": "other"}), ReferenceTokens("x"), option), claims) is matches
    assert claims_jwt((ReferenceTokens("x"),), claims)


def test_options_are_values():
    """Equal options are equal, hashed alike, and stay what they were made of."""
    body = {"iss": "a"}
    pairs = [
        (ReferenceTokens("x"), ReferenceTokens(Pattern("x")), ReferenceTokens("y")),
        (JwtTokens(body), JwtTokens({"iss": "a"}), JwtTokens({"iss": "b"})),
        (CustomTokens(str.isdigit), CustomTokens(str.isdigit), CustomTokens(str.isalpha)),
        (CustomTokens(Unhashable("x")), CustomTokens(Unhashable("x")), CustomTokens(Unhashable("y"))),
    ]
    for one, same, other in pairs:
        assert (one == same, hash(one) == hash(same), one == other) == (True, True, False)
        assert copy.deepcopy(one) == one
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(one, attrs.fields(type(one))[0].name, None)
    body["iss"] = "b"
    assert pairs[1][0] == pairs[1][1]
    with pytest.raises(TypeError):
        pairs[1][0].claims["iss"] = Pattern(".*")


def test_the_sample_of_wso2_is_read():
    """WSO2's own example becomes the pattern and the claims it has."""
    assert token_options_from_wso2(SAMPLE) == (ReferenceTokens(UUID), JwtTokens({"iss": ISSUER}))


@pytest.mark.parametrize("text", [None, "", "[]", " [ ] "], ids=repr)
def test_no_options_at_all_stand_for_every_token(text):
    """A property that is not there, or empty, claims every opaque token, as in API Manager."""
    assert token_options_from_wso2(text) == (ANY_OPAQUE_TOKEN,)


@pytest.mark.parametrize(
    ("entries", "options"),
    [
        ([reference("x")], (ReferenceTokens("x"),)),
        ([{"type": "REFERENCE", "value": "x"}], (ReferenceTokens("x"),)),
        ([reference("x", id=3, more=[None])], (ReferenceTokens("x"),)),
        ([reference("x", enable=False)], ()),
        ([reference("(", enable=False), reference("y")], (ReferenceTokens("y"),)),
        ([{"enable": False}], ()),
        ([{"type": "CUSTOM"}, {"enable": True, "type": "CUSTOM", "value": {"a": 1}}], ()),
        ([{"enable": False, "type": "CUSTOM"}, jwt(iss="a", sub="b")], (JwtTokens({"iss": "a", "sub": "b"}),)),
        ([reference("b"), reference("a")], (ReferenceTokens("b"), ReferenceTokens("a"))),
    ],
)
def test_each_type_of_option_is_read(entries, options):
    """What is enabled is read in its order; what is not, and what is CUSTOM, claims nothing."""
    assert read(*entries) == options


def test_what_is_wrong_with_matching_there_is_not_wrong_here():
    """Neither the last claim alone nor a part of a claim decides, and no entry inherits from the one before it."""
    evil = read(jwt(iss=r"https://good\.example"), jwt(sub="admin", iss="x"), jwt(azp="a"))
    wrong = [
        {"iss": "https://good.example.evil.tld"},
        {"iss": "http://x?https://good.example", "azp": "ab"},
        {"iss": "y", "sub": "admin"},
        {"iss": "x", "sub": "nobody"},
        {"iss": ["https://good.example"], "sub": 5, "azp": {"a": "a"}},
    ]
    assert [claims_jwt(evil, claims) for claims in wrong] == [False] * 5
    assert claims_jwt(evil, {"iss": "x", "sub": "admin"})
    assert not claims_opaque(read(reference("abc")), "xabcx")


WRONG = [
    *(" ", "[", "{}", "null", "5", '"x"', "true", '[],"x":1', '[],"options":[]', "[]]", "[] []", "\ufeff[]", "[NaN]"),
    *('[{"enable":true,"enable":false,"type":"CUSTOM"}]', '[{"type":"JWT","value":{"body":{"a":"x","a":"y"}}}]'),
    *("[" * 50 + "]" * 50, '[{"type":"JWT","value":{"body":{"a":' + "[" * 40 + "]" * 40 + "}}}]"),
    *('[{"type":"REFERENCE","value":"a\ud800"}]', '[{"type":"REFERENCE","value":"a\\ud800"}]'),
    json.dumps([reference("x")] * 101),
    "[" * 1_000_000,
]


@pytest.mark.parametrize("text", [*WRONG, 5, 0, False, b"", b"[]", [], {}], ids=short)
def test_what_is_no_such_text_is_refused(text):
    """What is not the JSON text of an array, by a strict reader, is a ConfigurationError that repeats none of it."""
    with pytest.raises(ConfigurationError, match=r"^token_format_string") as caught:
        token_options_from_wso2(text)
    assert (len(str(caught.value)) < 120, caught.value.__cause__) == (True, None)


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 5, "REFERENCE", [], {}, {"type": None}, {"type": "OTHER", "value": "x"}, {"value": "x"}),
        *({"type": "reference", "value": "x"}, {"type": "REFERENCE"}, reference(None), reference(5), reference(["x"])),
        *(reference("x", enable=value) for value in (None, 1, 0, "true", "false", [])),
        *({"type": "CUSTOM", "enable": 1}, reference(""), reference("se(cret"), reference("(?<=secret)x")),
        *({"type": "JWT", "value": value} for value in (None, "x", [], {}, {"header": {"a": "b"}}, {"body": None})),
        *({"type": "JWT", "value": {"body": value}} for value in ({}, [], {"a": 5}, {"a": "secret("}, {"": "x"})),
    ],
    ids=json.dumps,
)
def test_a_wrong_entry_is_refused_with_its_place(entry):
    """An entry that is no option is told by its place, without what it says."""
    with pytest.raises(ConfigurationError, match=re.escape("token_format_string: entry 2")) as caught:
        read(reference("y"), entry, jwt(iss="z"))
    assert "secret" not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
