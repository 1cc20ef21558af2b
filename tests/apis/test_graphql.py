"""Calls of an API of GraphQL: each operation is a resource, and all of them must be."""

import itertools

import pytest

from kmvalidate.apis import Resource
from kmvalidate.apis._matching import MAX_OPERATIONS
from kmvalidate.errors import ConfigurationError
from tests.apis.making import api, hint

MENU, ORDERS, ADD = ("QUERY", "menu"), ("QUERY", "orders"), ("MUTATION", "addDish")
SHOP = api("QUERY menu", "QUERY orders", "MUTATION addDish", "SUBSCRIPTION menu", kind="GRAPHQL", organization="acme")


def called(*operations):
    call = SHOP.call("POST", "/graphql", operations=operations)
    return [str(one) for one in call.resources]


def test_each_operation_is_about_its_resource():
    """A call is about the resource of each of its operations, in the API's order whatever theirs."""
    assert called(MENU) == ["QUERY menu"]
    assert called(ORDERS, MENU) == called(MENU, ORDERS) == called(MENU, ORDERS, MENU) == ["QUERY menu", "QUERY orders"]
    assert called(ADD, ("SUBSCRIPTION", "menu")) == ["MUTATION addDish", "SUBSCRIPTION menu"]


def test_one_operation_has_a_kept_target():
    """A call of one operation has the target of its resource, several together have one of their own."""
    one, several = ([SHOP.call("POST", "/", operations=some) for _ in "ab"] for some in ([MENU], [MENU, ORDERS]))
    assert one[0].target is one[1].target
    assert one[0].target.is_kept
    assert several[0].target.number != several[1].target.number
    assert not several[0].target.is_kept
    assert several[0].organization == "acme"


@pytest.mark.parametrize("operations", [[MENU], (MENU,), {MENU}, [["QUERY", "menu"]], iter([MENU]), {MENU: None}])
def test_operations_are_any_pairs(operations):
    """Any iterable of pairs names operations."""
    assert SHOP.call("GET", "/any/Where", operations=operations).path == "/any/Where"


@pytest.mark.parametrize("operations", [
    None, [], (), "", "QUERY menu", "m", ["menu"], ["QUERY menu"], ["QUERY:menu"], [MENU, None], [MENU, ()], 5,
    [("QUERY",)], [("QUERY", "menu", "x")], {"QUERY": "menu"}, [{"QUERY", "menu"}], [(b"QUERY", "menu")], b"menu",
    itertools.repeat(MENU), [MENU] * (MAX_OPERATIONS + 1),
])  # fmt: skip
def test_what_is_no_list_of_operations_is_about_nothing(operations):
    """No operations, something else than pairs, or pairs without end are about nothing."""
    assert hint(SHOP, "POST", "/graphql", operations=operations)


@pytest.mark.parametrize("unknown", [
    ("QUERY", "Menu"), ("query", "menu"), ("MUTATION", "menu"), ("QUERY", ""), ("QUERY", "menu "), ("*", "menu"),
    ("QUERY", "__schema"), ("QUERY", "*"), ("QUERY", None), (None, None),
])  # fmt: skip
def test_one_unknown_operation_is_enough(unknown):
    """A call with an operation that is no resource is about nothing, whatever else it asks for."""
    for operations in ([unknown], [MENU, unknown], [unknown, MENU]):
        assert "no resource" in hint(SHOP, "POST", "/graphql", operations=operations)


def test_methods_and_paths_are_still_read():
    """A call of operations whose path or method could be read otherwise is about nothing."""
    assert "dot segment" in hint(SHOP, "POST", "/a/../graphql", operations=[MENU])
    assert "capital" in hint(SHOP, "post", "/graphql", operations=[MENU])


def test_other_apis_have_no_operations():
    """An API with paths takes no operations."""
    assert "GRAPHQL" in hint(api("POST /graphql"), "POST", "/graphql", operations=[MENU])


def test_a_retired_api_has_no_operations():
    """An API that is retired has nothing to call, operations neither."""
    assert "retired" in hint(api("QUERY menu", kind="GRAPHQL", status="RETIRED"), "POST", "/", operations=[MENU])


@pytest.mark.parametrize(("method", "name"), [
    ("GET", "menu"), ("*", "menu"), ("QUERY", "me nu"), ("QUERY", "1menu"), ("QUERY", "menu\n"), ("QUERY", "m\u00e9nu"),
    ("query", "menu"), ("QUERY", "a" * 257),
])  # fmt: skip
def test_what_is_no_operation_is_refused(method, name):
    """An operation is a query, a mutation or a subscription, with the name of a field."""
    with pytest.raises(ConfigurationError):
        Resource(method, name)


def test_paths_and_operations_do_not_mix():
    """An API has operations if its kind is GRAPHQL, and paths if it is not; none of them is there twice."""
    for resources, kind in ((["QUERY menu"], "HTTP"), (["QUERY /menu"], "GRAPHQL"), (["QUERY a", "GET /a"], "WS")):
        with pytest.raises(ConfigurationError, match="GRAPHQL"):
            api(*resources, kind=kind)
    with pytest.raises(ConfigurationError, match="QUERY menu is there twice"):
        api("QUERY menu", "QUERY menu", kind="GRAPHQL")
    assert api("QUERY /menu").call("QUERY", "/menu").resources  # a method of HTTP, too
