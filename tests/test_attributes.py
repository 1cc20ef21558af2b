"""Where the roles, groups and permissions of a token are, and what is not known of them."""

import pytest

from kmvalidate.attributes import is_scope, names_at, text_at, to_paths
from kmvalidate.errors import ConfigurationError
from kmvalidate.strict_json import parse_object
from tests.signing import dumps, good_claims, token, validator, with_claims

REALM = (("realm_access", "roles"),)
GRANTED = {"admin": {"1": "acme.example"}, "cook": {"2": "b.example", "1": "acme.example"}}

#: Values that are no names, whatever they hold.
NO_NAMES = [
    *(None, True, False, 0, 1, 1.5, [1], [None], [True], ["a", 5], ["a", None], [["a"]], [{"a": 1}], ["a", ["b"]]),
    *({"admin": False}, {"admin": None}, {"admin": {}}, {"admin": "yes"}, {"admin": ["x"]}, {"a": {"1": "x"}, "b": 0}),
]


def read(claims, paths):
    """Return the names at *paths* of claims that went through a token."""
    return names_at(parse_object(dumps(claims)), paths)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("roles", (("roles",),)),
        (["roles"], (("roles",),)),
        (("a", "b"), (("a",), ("b",))),
        ([("realm_access", "roles")], REALM),
        ((["realm_access", "roles"], "x"), (*REALM, ("x",))),
        (iter(["a"]), (("a",),)),
        ((), ()),
        ("a.b", (("a.b",),)),
    ],
    ids=str,
)
def test_a_claim_is_named_by_a_string_and_what_is_inside_by_several(value, expected):
    """A name is a claim, and several together lead into an object; a dot in a name is a dot."""
    assert to_paths(value) == expected


@pytest.mark.parametrize(
    "value",
    [None, 5, "", [""], [5], [None], [()], [[]], [("a", "")], [("a", 5)], [("a", None)], [[["a"]]], b"a"],
    ids=str,
)
def test_what_is_no_path_is_a_configuration_error(value):
    """A path has at least one name, and names are non-empty strings."""
    with pytest.raises(ConfigurationError):
        to_paths(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("admin", {"admin"}),
        ("admin cook", {"admin cook"}),
        ("a,b", {"a,b"}),
        ("", {""}),
        ([], set()),
        (["admin"], {"admin"}),
        (["b", "a", "b"], {"a", "b"}),
        ({}, set()),
        (GRANTED, {"admin", "cook"}),
    ],
    ids=str,
)
def test_names_are_a_string_an_array_or_grants(value, expected):
    """A string is one name and never taken apart, an array several, and grants those that they are for."""
    assert read({"roles": value}, (("roles",),)) == expected
    assert read({"realm_access": {"roles": value, "x": 1}}, REALM) == expected


@pytest.mark.parametrize("value", NO_NAMES, ids=repr)
def test_what_is_no_name_is_unknown(value):
    """A claim in a form that names do not have tells nothing, not even that there are none."""
    assert read({"roles": value}, (("roles",),)) is None
    assert read({"realm_access": {"roles": value}}, REALM) is None
    assert read({"roles": ["a"], "other": value}, (("roles",), ("other",))) is None


def test_a_claim_that_is_not_there_has_no_names():
    """Without the claim there are no names, and those of all claims that are there count together."""
    assert read({}, (("roles",), *REALM)) == frozenset()
    assert read({"realm_access": {}}, REALM) == frozenset()
    assert read({"roles": "a", "realm_access": {"roles": ["b"]}}, (("roles",), *REALM, ("x",))) == {"a", "b"}
    assert read({"roles": "a"}, ()) == frozenset()


@pytest.mark.parametrize("way", [None, True, 0, "roles", "", [], ["roles"], [{"roles": ["admin"]}]], ids=repr)
def test_a_way_that_leads_nowhere_is_unknown(way):
    """Where an object should be on the way and something else is, the names are unknown."""
    assert read({"realm_access": way}, REALM) is None
    assert read({"a": {"b": way}}, (("a", "b", "roles"),)) is None


@pytest.mark.parametrize(
    "sign",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
        {"_claim_names": {"groups": None}},
        {"hasgroups": True},
        {"hasgroups": False},
        {"hasgroups": None},
        {"_claim_names": None},
        {"_claim_names": []},
        {"_claim_names": "groups"},
        {"_claim_names": 5},
        {"_claim_names": ["groups"]},
        {"_claim_names": [["groups"]]},
    ],
    ids=str,
)
@pytest.mark.parametrize("groups", [{}, {"groups": []}, {"groups": ["a"]}, {"groups": "a"}], ids=str)
def test_names_that_lie_elsewhere_are_unknown(sign, groups):
    """Names that were too many for the token are unknown, whatever else is in their place, and never none."""
    assert read({**sign, **groups}, (("groups",),)) is None


@pytest.mark.parametrize(
    "sign", [{"_claim_names": {}}, {"_claim_names": {"photo": "src1"}}, {"hasphoto": True}], ids=str
)
def test_what_lies_elsewhere_leaves_other_claims_known(sign):
    """That another claim lies elsewhere says nothing of the groups."""
    assert read({**sign, "groups": ["a"]}, (("groups",),)) == {"a"}
    assert read(sign, (("groups",),)) == frozenset()


def test_a_nested_claim_lies_elsewhere_with_its_object():
    """What is inside a claim that lies elsewhere is unknown too."""
    assert read({"_claim_names": {"realm_access": "s"}, "realm_access": {"roles": ["a"]}}, REALM) is None
    assert read({"_claim_names": {"roles": "s"}, "realm_access": {"roles": ["a"]}}, REALM) == {"a"}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"tid": "a", "org": "b"}, "a"),
        ({"org": "b"}, "b"),
        ({"tid": None, "org": "b"}, "b"),
        ({"tid": ["a"], "org": {"x": "b"}}, None),
        ({"tid": 5}, None),
        ({"realm": {"tenant": "c"}}, "c"),
        ({"realm": {"tenant": ["c"]}}, None),
        ({"realm": "c"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_text_is_the_first_that_is_a_string(claims, expected):
    """Of several places the first with a string counts, and what is no string is not made one."""
    assert text_at(claims, (("tid",), ("org",), ("realm", "tenant"))) == expected


def test_a_verified_token_has_roles_groups_and_permissions():
    """They are read from the claims that specifications name, unless others are configured."""
    read = validator().authenticate(
        with_claims(roles=["a"], groups="b", permissions=["c"], entitlements=["d"], realm_access={"roles": ["e"]})
    )
    assert (read.roles, read.groups, read.permissions) == ({"a"}, {"b"}, {"c", "d"})
    assert (read.tenant, read.is_application) == (None, None)
    other = validator(role_claims=[("realm_access", "roles"), "x"], group_claims="y", permission_claims=())
    read = other.authenticate(with_claims(realm_access={"roles": ["e"]}, x="f", y=["g"], permissions=["c"]))
    assert (read.roles, read.groups, read.permissions) == ({"e", "f"}, {"g"}, frozenset())


@pytest.mark.parametrize("value", [value for value in NO_NAMES if value != 1.5], ids=repr)
def test_a_token_with_odd_roles_is_good_and_its_roles_are_unknown(value):
    """Roles in a form they do not have refuse no token, and read as unknown however often and by whichever way."""
    check = validator()
    for _ in range(3):
        read = check.authenticate(token(good_claims(roles=value, _claim_names=value, groups=["a"])))
        assert (read.roles, read.permissions) == (None, frozenset() if isinstance(value, dict) else None)


def test_a_scope_has_the_characters_of_a_scope():
    """A scope-token is visible ASCII without quotes and backslashes (RFC 6749 section 3.3), and at least one."""
    signs = {chr(number) for number in range(0x3100)} | {"\ud800", "\uff53", "\U0001f600"}
    assert {sign for sign in signs if is_scope(sign)} == {chr(number) for number in range(0x21, 0x7F)} - {'"', "\\"}
    assert {sign for sign in signs if is_scope(f"a{sign}b")} == {sign for sign in signs if is_scope(sign)}
    assert [is_scope(text) for text in ("", "a\n", "\na", "menu:read")] == [False, False, False, True]
