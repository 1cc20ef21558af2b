"""Which resource a call is about: the most specific one, however the path is spelt and whoever reads it."""

import pytest

from kmvalidate.errors import ConfigurationError
from tests.apis.making import api, found, hint

SHOP = (
    "GET /menu",
    "GET /menu/{dish}",
    "GET /menu/{dish}.json",
    "GET /menu/today",
    "GET /menu/{dish}/price",
    "POST /orders/",
    "* /orders/{id}",
    "DELETE /orders/{id}",
    "* /files/*",
    "GET /files/readme",
    "GET /caf\u00e9",
)

FOUND = [
    ("GET", "/menu", "GET /menu"),
    ("GET", "/menu/", None),  # not the other way round, and a parameter is not empty
    ("GET", "/menu/soup", "GET /menu/{dish}"),
    ("GET", "/menu/soup.json", "GET /menu/{dish}.json"),
    ("GET", "/menu/.json", "GET /menu/{dish}"),
    ("GET", "/menu/today", "GET /menu/today"),
    ("GET", "/menu/today/price", "GET /menu/{dish}/price"),
    ("GET", "/menu/soup/", None),
    ("GET", "/menu/soup/price/now", None),
    ("GET", "/menu/%7Bdish%7D", "GET /menu/{dish}"),
    ("GET", "/menu/{dish}", "GET /menu/{dish}"),
    ("POST", "/orders/", "POST /orders/"),
    ("POST", "/orders", "POST /orders/"),
    ("GET", "/orders", None),
    ("GET", "/orders/5", "* /orders/{id}"),
    ("PATCH", "/orders/5", "* /orders/{id}"),
    ("DELETE", "/orders/5", "DELETE /orders/{id}"),
    ("GET", "/files", "* /files/*"),
    ("GET", "/files/", "* /files/*"),
    ("PUT", "/files/a/b/", "* /files/*"),
    ("GET", "/files/*", "* /files/*"),
    ("GET", "/files/readme", "GET /files/readme"),
    ("GET", "/filesystem", None),
    ("GET", "/caf\u00e9", "GET /caf%C3%A9"),
    ("GET", "/caf%c3%a9", "GET /caf%C3%A9"),
    ("GET", "/%6denu", "GET /menu"),
    ("HEAD", "/menu", None),
    ("GET", "/", None),
]

#: Resources, a call, and what it must not be about: a lenient server reads it as a resource that is more specific.
MISREAD = [
    (("GET /admin", "* /*"), "GET", "/ADMIN"),
    (("GET /admin", "* /*"), "GET", "/admin/"),
    (("GET /admin", "* /*"), "GET", "/Admin/"),
    (("GET /admin/{id}", "* /*"), "GET", "/Admin/1"),
    (("GET /admin/{id}", "* /*"), "GET", "/admin/1/"),
    (("GET /admin/users", "* /admin/*"), "GET", "/admin/Users"),
    (("GET /admin", "* /admin/*"), "GET", "/admin/"),
    (("GET /users/me", "GET /users/{id}"), "GET", "/users/ME"),
    (("GET /users/@me", "GET /users/{id}"), "GET", "/users/%40me"),
    (("GET /users/a%20b", "GET /users/{id}"), "GET", "/users/a+b"),
    (("GET /{name}.json", "GET /{name}"), "GET", "/x.JSON"),
    (("GET /admin", "GET /{page}"), "GET", "/admin%3Fx"),
    (("GET /admin", "* /*"), "GET", "/admin/%23x"),
    (("GET /admin", "* /*"), "GET", "/\uff41dmin"),
    (("GET /admin", "* /*"), "GET", "/admi\u207f"),
    (("GET /caf\u00e9", "* /*"), "GET", "/cafe\u0301"),
    (("GET /stra\u00dfe", "* /*"), "GET", "/strasse"),
    (("GET /admin", "* /*"), "GET", "/adm\u0131n"),
    (("GET /admin", "* /*"), "GET", "/ad%C2%ADmin"),
    (("GET /admin", "* /*"), "GET", "/admin."),
    (("GET /admin/users", "* /*"), "GET", "/admin%20../users+"),
    (("GET /admin", "* /*"), "GET", "/%20admin"),
    (("GET /admin", "* /*"), "GET", "/admin::$DATA"),
    (("GET /admin/users", "* /*"), "GET", "/admin:x/users"),
    (("GET /admin", "* /*"), "GET", "/admin.json"),
    (("GET /admin", "* /*"), "GET", "/Admin%20.JSON.:x%3Fy/z"),
    (("GET /admin", "* /*"), "GET", "/admin.json/"),
    (("GET /admin/{id}", "* /admin/*"), "GET", "/admin/{id}.json/"),
    (("GET /users/me", "GET /users/{id}"), "GET", "/users/me.json"),
    (("GET /users/me", "GET /users/{id}.json"), "GET", "/users/me.json"),
    (("GET /{x}.json", "GET /{x}"), "GET", "/x.json.gz"),
    (("GET /files/*", "GET /{x}"), "GET", "/files.json"),
    (("GET /a{x}", "GET /{x}"), "GET", "/A%E2%80%8Bb"),
    (("GET /admin", "* /*"), "HEAD", "/admin"),
    (("GET /admin/{id}", "* /*"), "HEAD", "/ADMIN/1"),
]

#: Resources with the same method of which some call is about both.
UNCLEAR = [
    ("GET /a/{x}", "GET /a/{y}"),
    ("GET /a", "GET /a"),
    ("GET /%61", "GET /a"),
    ("GET /{x}/*", "GET /{y}/*"),
    ("* /a/{x}/", "* /a/{y}/"),
    ("GET /a{x}", "GET /{x}b"),
    ("GET /a{x}", "* /{x}b"),
    ("* /a{x}", "GET /{x}b"),
    ("GET /a{x}/c", "GET /{x}b/{y}"),
    ("GET /a{x}/{y}", "GET /{x}b/c"),
    ("GET /a{x}/c{z}", "GET /{x}b/{y}d"),
    ("GET /a{x}/c{z}", "GET /{x}b/cd"),
    ("GET /a{x}/cd", "GET /{x}b/c{z}"),
    ("GET /a{x}/*", "GET /{x}b/c/d"),
    ("GET /a{x}/c", "GET /{x}b/*"),
    ("GET /a{x}/*", "GET /{x}b"),
]

CLEAR = [
    ("GET /a/{x}", "POST /a/{y}"),
    ("GET /a/{x}", "* /a/{x}"),
    ("GET /a/{x}", "GET /a/{x}/"),
    ("GET /a", "GET /a/*"),
    ("GET /{x}.json", "GET /{x}.min.json"),
    ("GET /{x}.min.json", "GET /{x}.json"),
    ("GET /a{x}", "POST /{x}b"),
    ("GET /a{x}", "GET /b{x}"),
    ("GET /a{x}c", "GET /{x}b"),
    ("GET /a{x}/c", "GET /{x}b/d"),
    ("GET /a{x}/c", "GET /{x}b"),
    ("GET /a{x}", "GET /a{x}/b"),
    ("GET /a{x}/b", "GET /{y}/{x}b"),
]


@pytest.mark.parametrize(("method", "path", "resource"), FOUND)
def test_the_most_specific_resource_counts(method, path, resource):
    """Literal text counts before a parameter with text, that before one alone, and that before a wildcard."""
    assert found(api(*SHOP), method, path) == resource
    assert found(api(*SHOP[::-1]), method, path) == resource


@pytest.mark.parametrize(("resources", "method", "path"), MISREAD)
def test_nobody_gets_past_a_resource_by_how_others_read(resources, method, path):
    """A call that a lenient server reads as a more specific resource is about nothing, and says why."""
    assert "lenient" in hint(api(*resources), method, path)
    assert found(api(resources[1]), method, path) == resources[1]  # without that resource there is nothing to get past


@pytest.mark.parametrize(("resources", "method", "path", "resource"), [
    (("GET /Menu", "GET /menu"), "GET", "/menu", "GET /menu"),
    (("GET /Menu", "GET /menu"), "GET", "/Menu", "GET /Menu"),
    (("GET /menu", "GET /menu/"), "GET", "/menu/", "GET /menu/"),
    (("GET /menu", "GET /menu/"), "GET", "/menu", "GET /menu"),
    (("GET /menu/", "GET /*"), "GET", "/menu", "GET /menu/"),
    (("GET /menu", "* /menu"), "HEAD", "/menu", None),
    (("GET /menu", "HEAD /menu", "* /menu"), "HEAD", "/menu", "HEAD /menu"),
    (("POST /admin", "* /*"), "GET", "/ADMIN", "* /*"),
    (("POST /admin", "* /*"), "GET", "/admin.json", "* /*"),
    (("GET /menu", "GET /menu.json"), "GET", "/menu.json", "GET /menu.json"),
    (("GET /menu.", "GET /menu", "* /*"), "GET", "/menu.", "GET /menu."),
    (("GET /menu:x", "GET /menu", "* /*"), "GET", "/menu:x", "GET /menu:x"),
    (("GET /users/{id}", "GET /users/me"), "GET", "/users/jane.doe", "GET /users/{id}"),
    (("GET /users/{id}", "GET /users/me"), "GET", "/users/5:x", "GET /users/{id}"),
    (("GET /{id}", "GET /{id}:cancel"), "GET", "/5:cancel", "GET /{id}:cancel"),
    (("GET /{id}", "GET /json"), "GET", "/.json", "GET /{id}"),
    (("GET /{id}", "GET /json"), "GET", "/a..json", "GET /{id}"),
    (("GET /a{x}", "GET /{x}"), "GET", "/a%E2%80%8B", "GET /a{x}"),
    (("GET /a{x}", "GET /{x}"), "GET", "/a", "GET /{x}"),
    (("GET /languages/c", "GET /languages/{x}"), "GET", "/languages/F%23", "GET /languages/{x}"),
    (("GET /", "GET /*"), "GET", "/", "GET /"),
    (("GET /{x}2B",), "GET", "/a%2B", None),
    (("GET /{x}B",), "GET", "/a\U0001d41b", None),
    (("GET /{x}2B",), "GET", "/%2B2B", "GET /{x}2B"),
    (("GET /x{x}",), "GET", "/x%2B", "GET /x{x}"),
])  # fmt: skip
def test_resources_as_specific_as_each_other_are_all_reached(resources, method, path, resource):
    """What is declared beside each other stays apart, and an escape is never divided."""
    assert found(api(*resources), method, path) == resource


@pytest.mark.parametrize("resources", UNCLEAR)
def test_resources_of_which_neither_is_more_specific_are_refused(resources):
    """Two resources that match the same calls are a ConfigurationError that names both."""
    for some in (resources, resources[::-1]):
        with pytest.raises(ConfigurationError) as caught:
            api(*some)
        assert all(one.split()[1].replace("%61", "a") in str(caught.value) for one in some)


@pytest.mark.parametrize("resources", CLEAR)
def test_resources_that_are_clear_beside_each_other_stand(resources):
    """Two resources that share no call, or of which one is the more specific, are one API's."""
    assert len(api(*resources).resources) == len(api(*resources[::-1]).resources) == 2


@pytest.mark.parametrize(("method", "path", "words"), [
    ("GET", "/nothing", "No resource"),
    ("POST", "/menu", "GET"),
    ("PUT", "/menu/today", "GET"),
    ("GET", "/MENU", "lenient"),
    ("GET", "/menu/../admin", "dot segment"),
    ("GET", "menu", "slash"),
    ("GET", b"/menu", "no string"),
    ("get", "/menu", "capital"),
    (None, "/menu", "method"),
])  # fmt: skip
def test_a_call_about_nothing_says_why(method, path, words):
    """The hint says what kept a call from being about a resource."""
    said = hint(api(*SHOP), method, path)
    assert type(said) is str
    assert words in said


def test_methods_with_the_same_path_are_named():
    """The hint names each method that resources with this path have."""
    assert hint(api("GET /a", "POST /a", "PUT /{x}"), "DELETE", "/a").endswith("other methods: GET, POST, PUT.")


@pytest.mark.parametrize(
    "method", ["get", "Get", "GET ", " GET", "GET\n", "GET\0", "", "*", "G\u00c9T", "G" * 65, "GET,PUT"]
)
def test_what_is_no_method_is_about_nothing(method):
    """A method in small letters, or that is no token, is not even one of any methods."""
    asked = api("* /menu", "GET /menu")
    assert hint(asked, method)
    assert asked.call(method, "/menu").method is None


def test_any_other_method_is_one():
    """A resource for any method takes also methods that nobody has heard of."""
    call = api("* /menu").call("X-FROB", "/menu")
    assert (call.method, call.path, len(call.resources)) == ("X-FROB", "/menu", 1)


def test_a_retired_api_has_nothing_to_call():
    """An API that is retired matches nothing; a blocked one still does, for others to refuse."""
    assert "retired" in hint(api("GET /menu", status="RETIRED"))
    assert found(api("GET /menu", status="BLOCKED")) == "GET /menu"


def test_an_api_without_resources_has_nothing_to_call():
    """Nothing but the resources can be called."""
    assert hint(api())


def test_websockets_have_no_methods():
    """Of an API of WebSockets any method will do, and so two resources with one path are unclear."""
    rooms = api("SUBSCRIBE /rooms/{id}", kind="WS")
    assert found(rooms, "GET", "/rooms/5") == found(rooms, "SUBSCRIBE", "/rooms/5") == "SUBSCRIBE /rooms/{id}"
    with pytest.raises(ConfigurationError, match="PUBLISH"):
        api("SUBSCRIBE /rooms", "PUBLISH /rooms", kind="WS")


def test_many_resources_are_looked_through_segment_by_segment():
    """A thousand resources that differ in one segment are told apart, and each is reached."""
    asked = api(*(f"GET /tenants/{{id}}/part{number}/{{x}}" for number in range(1000)))
    assert found(asked, "GET", "/tenants/5/part777/y") == "GET /tenants/{id}/part777/{x}"
