"""Scopes: compared exactly, one of some, each of others, of every operation."""

import itertools

import pytest

from kmvalidate.apis import ApiCall, Resource
from kmvalidate.chain import ScopeCheck
from tests.chain.making import api, case, scoped, verdict
from tests.signing import ABSENT, reason, refusal

#: What a token may say instead of the scope ``menu:read``, and what no reader may take for it.
NEARLY = [
    *("menu:rea", "menu:reads", "enu:read", "menu", "read", "Menu:read", "MENU:READ", "menu:Read"),
    *("menu:read,menu:write", ",menu:read", "menu:read,", "menu:read;x", "menu:read\tx", "x\tmenu:read", "menu:read\n"),
    *(
        "menu:read\u00a0x",
        "menu:read\u2003x",
        "menu:*",
        "*",
        "menu:.*",
        "menu%3Aread",
        "\u017fmenu:read",
        "menu:r\u0435ad",
    ),
    *("", " ", "  "),
    *({"menu:read": True}, {"scope": "menu:read"}, [["menu:read"]], [{"menu:read": 1}], ["menu:read,x"]),
    *(["menu", "read"], ["menu:", "read"], ["menu:read x"], ["x menu:read"], [" menu:read"], ["menu:read", 5], [None]),
    *([], {}, 5, True, None, ABSENT),
]


@pytest.mark.parametrize("said", NEARLY, ids=repr)
@pytest.mark.parametrize("wanted", [{"any_scope": "menu:read"}, {"all_scopes": "menu:read"}], ids=str)
def test_what_is_nearly_a_scope_is_none(said, wanted):
    """No part, other spelling, list in a text, text in a list or object stands in for a scope."""
    call = scoped(**wanted)
    assert reason(lambda: ScopeCheck().check(case(call, scope=said))) in {"INSUFFICIENT_SCOPE", "INVALID_CLAIM"}


@pytest.mark.parametrize("said", ["menu:read", "x menu:read", "menu:read  x", " menu:read ", ["x", "menu:read"]])
def test_a_scope_is_there_where_it_is_listed(said):
    """A scope is one of the words of a text between spaces, or of a list."""
    for wanted in ({"any_scope": ["a", "menu:read"]}, {"all_scopes": "menu:read"}):
        assert verdict(ScopeCheck(), case(scoped(**wanted), scope=said)) == "GOOD"


def subsets(*names):
    return [some for size in range(len(names) + 1) for some in itertools.combinations(names, size)]


def test_any_and_all_mean_what_they_say():
    """Of all small sets of scopes exactly those suffice that have one of the first and each of the second."""
    for has, any_of, all_of in itertools.product(subsets("a", "b", "c"), subsets("a", "b"), subsets("b", "c")):
        call = scoped(any_scope=any_of or None, all_scopes=all_of or None)
        good = {*all_of} <= {*has} and (not any_of or bool({*any_of} & {*has}))
        assert verdict(ScopeCheck(), case(call, scope=" ".join(has) or ABSENT)) == (
            "GOOD" if good else "INSUFFICIENT_SCOPE"
        )


def test_who_lacks_a_scope_is_told_which():
    """A refusal says which scopes are asked for, and which there are."""
    refused = refusal(ScopeCheck().check, case(scoped(any_scope=["b", "a"]), scope="x y"))
    assert (refused.expected, refused.got, refused.key_manager) == ("[a, b]", "[x, y]", "Test")
    refused = refusal(ScopeCheck().check, case(scoped(all_scopes=["c", "d"], any_scope="x"), scope="x c"))
    assert (refused.expected, refused.reason.code, refused.reason.status) == ("[c, d]", 900910, 403)


def test_a_call_may_carry_its_scopes():
    """A call without an API asks for the scopes it carries, and for none without any."""
    assert verdict(ScopeCheck(), case(ApiCall("a"), scope="b")) == "INSUFFICIENT_SCOPE"
    assert verdict(ScopeCheck(), case(ApiCall(all_scopes=["a", "b"]), scope="b")) == "INSUFFICIENT_SCOPE"
    assert verdict(ScopeCheck(), case(ApiCall("a", "b"), scope="b a")) == "GOOD"
    assert verdict(ScopeCheck(), case(ApiCall(), scope=ABSENT)) == "GOOD"


GRAPH = api(
    Resource("QUERY", "menu", any_scope="menu"),
    Resource("QUERY", "orders", any_scope=("orders", "admin")),
    Resource("QUERY", "free"),
    Resource("MUTATION", "add", all_scopes=("menu", "add")),
    kind="GRAPHQL",
)
OPERATIONS = {
    ("QUERY", "menu"): lambda has: "menu" in has,
    ("QUERY", "orders"): lambda has: bool({"orders", "admin"} & has),
    ("QUERY", "free"): lambda _: True,
    ("MUTATION", "add"): lambda has: {"menu", "add"} <= has,
}


@pytest.mark.parametrize("has", subsets("menu", "orders", "add"), ids=str)
def test_every_operation_of_graphql_must_be_allowed(has):
    """Of each list of operations all must be allowed, in whatever order they come."""
    for asked in subsets(*OPERATIONS):
        if asked:
            good = all(OPERATIONS[one]({*has}) for one in asked)
            for operations in (asked, asked[::-1]):
                of = case(GRAPH.call("POST", "/", operations=operations), scope=" ".join(has) or ABSENT)
                assert verdict(ScopeCheck(), of) == ("GOOD" if good else "INSUFFICIENT_SCOPE")
