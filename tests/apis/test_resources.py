"""What a resource, and an API, may be made of; everything else is refused when it is made."""

import copy
import pickle
from http import HTTPMethod

import attrs
import pytest

from kmvalidate import Demands
from kmvalidate.apis import Api, AuthType, GatewayType, Resource
from kmvalidate.errors import ConfigurationError
from tests.apis.making import api, found

#: Paths of resources, and the one spelling of each.
PATHS = [
    ("/", "/"),
    ("/*", "/*"),
    ("/menu/", "/menu/"),
    ("/%6denu/{dish-id}", "/menu/{dish-id}"),
    ("/caf\u00e9/*", "/caf%C3%A9/*"),
    ("/{\u0064}.%6ason/{x_1}", "/{d}.json/{x_1}"),
    ("/.{x}", "/.{x}"),
    ("/a%2ab", "/a%2Ab"),
    ("/a%7bx%7d", "/a%7Bx%7D"),
]

NO_PATHS = [
    *("/a{x}{y}", "/{x}.{y}", "/{", "/}", "/{}", "/{x", "/x}", "/{a/b}", "/{x:[0-9]+}", "/{+x}", "/{x*}", "/{\u00e9}"),
    *(
        "/*/a",
        "/a*",
        "/a/*b",
        "/**",
        "/*/*",
        "/*/",
        "/a/../b",
        "/a//b",
        "/a//*",
        "//*",
        "/a;b",
        "/a?b",
        "/a b",
        "/%2f",
        "/%zz",
    ),
    *("/\uffff", "/%EF%BF%BF", "/%ef%bf%bf{x}", "/\ud800", "/" + "a" * 9000, "", "a", "*", "{x}", "menu/", "\uff0fa"),
    *(None, 5, b"/menu", ["/menu"]),
]

NO_METHODS = ["", "get", "GET ", "G\u00c9T", "GET,POST", "A" * 65, None, 5, b"GET", ["GET"], "\ud800"]

WRONG_RESOURCES = [
    *(
        (name, value)
        for name in ("any_scope", "all_scopes")
        for value in ([], (), set(), "", [""], [None], 5, b"a", {})
    ),
    *((name, value) for name in ("any_scope", "all_scopes") for value in ("a b", ["a", "b c"], "a\n", "\ta", "a\x7f")),
    *(("auth_type", value) for value in (None, "Any", "None", 0)),
    *(("demands", value) for value in ({}, "admin", [], 0)),
]

WRONG_APIS = [
    *((name, value) for name in ("name", "version") for value in (None, "", 5, b"x", ["x"])),
    *(("context", value) for value in ("", "orders", 5, b"/orders", ["/orders"])),
    *((n, v) for n in ("id", "provider", "organization", "environment", "backend_audience") for v in ("", 5, b"x", [])),
    *(("key_managers", value) for value in ((), [], "", [""], ["a", "a"], 5, [None], b"a")),
    *(("audiences", value) for value in (None, "", [""], 5, [5], b"a")),
    *((name, value) for name in ("validate_subscriptions", "is_default_version") for value in (None, 0, 1, "yes")),
    *(("status", value) for value in (None, "", "published", "Published", "LIVE", ["PUBLISHED"], 5)),
    *(("gateway_type", value) for value in (None, "HYBRID", "PRODUCTION", 5)),
    *(("kind", value) for value in (None, "", "http", "SSE", ["HTTP"])),
    *(("resources", value) for value in (None, 5, "GET /menu", ["GET /menu"], [None], b"a")),
    *(("demands", value) for value in ({}, "admin", 0)),
]


@pytest.mark.parametrize(("path", "spelt"), PATHS)
def test_paths_of_resources_have_one_spelling(path, spelt):
    """The path of a resource is spelt as those of calls are."""
    resource = Resource("GET", path)
    assert resource.path == spelt
    assert str(resource) == f"GET {spelt}"
    assert resource == attrs.evolve(resource) == Resource("GET", spelt)


@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: ascii(path)[:30])
def test_what_is_no_path_is_refused(path):
    """A path that no call could have, or that says something else than is meant, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Resource("GET", path)


@pytest.mark.parametrize("method", NO_METHODS)
def test_what_is_no_method_is_refused(method):
    """A method is a token in capital letters, or a star."""
    with pytest.raises(ConfigurationError):
        Resource(method, "/menu")


@pytest.mark.parametrize(("name", "value"), WRONG_RESOURCES, ids=lambda value: repr(value)[:30])
def test_what_no_resource_asks_for_is_refused(name, value):
    """An empty list of scopes, a scope with a space in it, or another type is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Resource("GET", "/menu", **{name: value})


def test_scopes_are_sets_of_names():
    """A string is one scope and is not taken apart; several are a set; None asks for none."""
    resource = Resource("GET", "/menu", any_scope="menu:read", all_scopes=(one for one in "ab"))
    assert (resource.any_scope, resource.all_scopes) == ({"menu:read"}, {"a", "b"})
    assert Resource("GET", "/menu").any_scope is Resource("GET", "/menu").all_scopes is None


@pytest.mark.parametrize("asked", [{"any_scope": "a"}, {"all_scopes": "a"}, {"demands": Demands(any_role="a")}])
def test_who_takes_no_token_asks_nothing_of_it(asked):
    """A resource that takes no token contradicts itself if it asks for scopes or demands something of the token."""
    assert Resource("GET", "/menu", **asked).auth_type is AuthType.ANY
    with pytest.raises(ConfigurationError, match="GET /menu"):
        Resource("GET", "/menu", auth_type=AuthType.NONE, **asked)


@pytest.mark.parametrize(("name", "value"), WRONG_APIS, ids=lambda value: repr(value)[:30])
def test_what_no_api_has_is_refused(name, value):
    """A word that is not known, an empty list, or another type is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Api(**{"name": "orders", "version": "1.0", name: value})


def test_an_api_has_what_it_was_given():
    """An API keeps what it is made with, and what is left out has its default."""
    plain = Api("orders", "1.0", audiences="a", key_managers=["Okta", "Auth0"])
    assert (plain.context, plain.audiences, plain.key_managers) == ("/orders/1.0", ("a",), ("Okta", "Auth0"))
    assert (plain.status, plain.gateway_type, plain.kind) == ("PUBLISHED", GatewayType.HYBRID, "HTTP")
    assert plain.validate_subscriptions
    assert not plain.is_default_version
    assert Api("orders", "1.0", context="/o", key_managers="Okta").key_managers == ("Okta",)
    assert Api("orders", "1.0", context="/o").context == "/o"
    assert Api("orders", "1.0", resources=Resource("GET", "/menu")).resources == (Resource("GET", "/menu"),)
    assert "GET /menu" not in repr(api("GET /menu"))


def test_apis_are_themselves():
    """Two APIs are never equal, whatever they are made of."""
    one, other = api("GET /menu"), api("GET /menu")
    assert one != other
    assert len({one, other}) == 2


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), attrs.evolve])  # noqa: S301
def test_an_api_can_be_made_again(again):
    """A copy of an API, also in another process, finds the same, with targets of its own."""
    first = api("GET /menu", "GET /orders/{id}", organization="acme", context="/x")
    second = again(first)
    assert (second.context, second.organization, found(second, path="/orders/5")) == ("/x", "acme", "GET /orders/{id}")
    assert second.call("GET", "/menu").api is second
    assert second.call("GET", "/menu").target.number != first.call("GET", "/menu").target.number


def test_methods_may_be_those_of_the_standard_library():
    """A string with a class of its own is read by its characters."""
    resource = Resource(HTTPMethod.GET, "/menu")
    assert type(resource.method) is str
    assert Api("orders", "1.0", resources=[resource]).call(HTTPMethod.GET, "/menu").method == "GET"


@pytest.mark.parametrize(("text", "kind"), [
    ("None", AuthType.NONE),
    ("Application", AuthType.APPLICATION),
    ("Application User", AuthType.USER),
    ("Application_User", AuthType.USER),
    ("Any", AuthType.ANY),
    ("Application & Application User", AuthType.ANY),
])  # fmt: skip
def test_auth_types_are_known_by_the_words_of_wso2(text, kind):
    """Each word of WSO2 is an auth type."""
    assert AuthType.from_wso2(text) is kind


@pytest.mark.parametrize("text", ["none", "NONE", "", "Application ", "User", None, 5, ["None"], AuthType.NONE])
def test_other_words_are_no_auth_types(text):
    """A word that is not known, in this very spelling, is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="Application"):
        AuthType.from_wso2(text)
