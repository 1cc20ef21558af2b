"""What is asked for: calls of an API, and calls made by hand."""

import copy
import pickle

import attrs
import pytest

from kmvalidate import Demands
from kmvalidate.apis import Api, ApiCall, AuthType, Resource
from kmvalidate.errors import ConfigurationError
from tests.apis.making import api, hint

ROUND = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]  # noqa: S301


class Liar(str):
    """A string that is equal to nothing it should be, and cannot be hashed."""

    __slots__ = ()

    def __eq__(self, other):
        raise RuntimeError

    def __hash__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    def startswith(self, *_):
        raise RuntimeError


class Pretender:
    """Something that says it is a string, or says nothing but errors."""

    @property
    def __class__(self):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __hash__(self):
        raise RuntimeError


ANYTHING = [
    None,
    True,
    5,
    b"GET",
    b"/menu",
    [],
    {},
    ...,
    "",
    "\ud800",
    "\0",
    "a" * 10**6,
    "/" * 10**6,
]


@pytest.mark.parametrize("thing", ANYTHING, ids=lambda thing: repr(thing)[:8])
def test_asking_with_anything_is_about_nothing(thing):
    """Whatever is handed over as method, path or operations, the call is made, and is about nothing."""
    for asked in (api("* /*"), api("QUERY menu", kind="GRAPHQL")):
        assert hint(asked, thing, "/menu")
        assert hint(asked, "GET", thing)
        assert hint(asked, thing, thing, operations=thing)
    assert hint(api("QUERY menu", kind="GRAPHQL"), "POST", "/", operations=thing)


def test_asking_with_what_answers_nothing_is_about_nothing():
    """Things that raise whatever they are asked do not make a call raise."""
    for asked in (api("* /*"), api("QUERY menu", kind="GRAPHQL")):
        assert hint(asked, Pretender(), "/menu")
        assert hint(asked, "GET", Pretender())
        assert hint(asked, "GET", "/menu", operations=Pretender())
        assert hint(asked, "GET", "/menu", operations=[Pretender(), (Pretender(), Pretender())])
        assert hint(asked, "GET", "/menu", operations=[(Pretender(), "menu")])


def test_a_string_is_its_characters():
    """A string whose class lies is read by its characters, and what is forwarded is a plain string."""
    call = api("GET /menu").call(Liar("GET"), Liar("/menu"))
    assert (type(call.path), call.path, type(call.method), call.method) == (str, "/menu", str, "GET")


@pytest.mark.parametrize("path", ["/menu", "/orders/5", "/files/a", "/%6denu", "/orders/6/"])
def test_calls_of_one_resource_have_one_target(path):
    """Each call of a resource has the very same target, however it is spelt, so that verdicts can be remembered."""
    asked = api("GET /menu", "GET /orders/{id}/", "GET /files/*", organization="acme", key_managers="Okta")
    first, second = asked.call("GET", path), asked.call("GET", path)
    assert first.target is second.target
    assert first.target.is_kept
    assert (first.api, first.organization, first.key_managers) == (asked, "acme", ("Okta",))
    assert first.resources == first.target.resources


def test_targets_have_numbers_of_their_own():
    """No two targets have the same number, and none is equal to another."""
    asked = api("GET /menu", "GET /orders/{id}")
    calls = [asked.call("GET", path) for path in ("/menu", "/orders/5", "/none", "/none")]
    assert len({call.target.number for call in calls}) == len({call.target for call in calls}) == 4


@pytest.mark.parametrize("again", ROUND)
@pytest.mark.parametrize("path", ["/menu", "/nothing"])
def test_a_copy_has_a_number_of_its_own(again, path):
    """A copied call, also in another process, is about the same, but no verdict on another target is its own."""
    first = api("GET /menu", organization="acme").call("GET", path)
    target = again(first.target)
    assert (target.resources, target.hint, target.organization) == (first.resources, first.target.hint, "acme")
    assert target.number != first.target.number
    assert again(first).path == first.path


def test_a_plain_path_is_read_once():
    """What is found without reading the path is what reading it finds."""
    asked = api("GET /menu", "* /caf\u00e9/", "GET /orders/{id}", "* /orders/5", "FROB /x")
    plain = [("GET", "/menu"), ("PUT", "/caf%C3%A9/"), ("GET", "/orders/5"), ("FROB", "/x"), ("FROB", "/orders/5")]
    for method, path in plain:
        call = asked.call(method, path)
        assert call is asked.call(method, path)
        assert (call.target, call.path) == (asked._call(method, path).target, path)
    assert asked.call("GET", "/orders/6") is not asked.call("GET", "/orders/6")


def test_a_call_carries_scopes_without_any_api():
    """A call made by hand asks for scopes, has no API, and has matched its one resource."""
    demands = Demands(any_role="cook")
    call = ApiCall("menu:read", ["a", "b"], organization="acme", key_managers=["Okta"], demands=demands)
    (resource,) = call.resources
    assert (resource.any_scope, resource.all_scopes, resource.demands) == ({"menu:read"}, {"a", "b"}, demands)
    assert (call.api, call.method, call.path, call.target.hint) == (None, None, None, None)
    assert (call.organization, call.key_managers) == ("acme", ("Okta",))


def test_a_call_without_scopes_asks_for_a_good_token():
    """With neither any nor all scopes, a call still takes a token."""
    (resource,) = ApiCall().resources
    assert (resource.any_scope, resource.all_scopes, resource.auth_type) == (None, None, AuthType.ANY)


def test_calls_that_ask_for_the_same_have_one_target():
    """Calls made by hand share a target if, and only if, they ask for the same."""
    assert ApiCall(["a", "b"]).target is ApiCall({"b", "a"}).target
    assert ApiCall("a").target.is_kept
    others = [
        ApiCall("a"),
        ApiCall(None, "a"),
        ApiCall("a", organization="o"),
        ApiCall("a", key_managers="k"),
        ApiCall(),
    ]
    assert len({one.target for one in others}) == len(others)


@pytest.mark.parametrize("wrong", [
    *({"any_scope": value} for value in ([], "", 5, "a b")),
    *({"all_scopes": value} for value in ([], "", 5, "a b")),
    *({"organization": value} for value in ("", 5, b"o", ["o"])),
    *({"key_managers": value} for value in ((), [], "", ["a", "a"], 5)),
    *({"demands": value} for value in ({}, "a")),
])  # fmt: skip
def test_a_call_made_wrongly_is_refused(wrong):
    """A call made by hand with an empty list, or with another type, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        ApiCall(**wrong)


def test_a_call_can_be_put_into_an_organization():
    """Within an organization, a call is about the same, with a target of its own."""
    call = api("GET /menu", key_managers="Okta").call("GET", "/menu")
    inside = call.in_organization("acme")
    assert (inside.organization, inside.resources, inside.path, inside.method) == (
        "acme",
        call.resources,
        "/menu",
        "GET",
    )
    assert (inside.key_managers, inside.target.is_kept, call.organization) == (("Okta",), True, None)
    assert inside.target.number != call.target.number
    assert inside.in_organization("acme") is inside
    assert ApiCall("a").in_organization("acme").organization == "acme"
    assert api().call("GET", "/").in_organization("acme").resources == ()


@pytest.mark.parametrize("call", [api("GET /{x}").call("GET", "/menu"), ApiCall("a")], ids=["api", "scopes"])
def test_calls_in_one_organization_have_one_target(call):
    """The same call in the same organization has the same target, in another one another; a bounded number stays."""
    first = call.in_organization("acme").target
    assert first is call.in_organization("acme").target
    assert first is not call.in_organization("rival").target
    assert len({call.in_organization(f"o{number}").target for number in range(2000)}) == 2000
    assert call.in_organization("acme").target is not first
    assert call.in_organization("acme").target.organization == "acme"


def test_targets_that_are_not_kept_are_not_kept_in_an_organization():
    """Calls of several operations, and calls about nothing, have another target each time, in an organization too."""
    graph = api("QUERY a", "QUERY b", kind="GRAPHQL")
    several = graph.call("POST", "/", operations=[("QUERY", "a"), ("QUERY", "b")])
    for call in (several, graph.call("POST", "/")):
        first, second = call.in_organization("acme").target, call.in_organization("acme").target
        assert first is not second
        assert not first.is_kept


class Chameleon(str):
    """A string that is equal to whatever it is compared with."""

    __slots__ = ()

    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("acme")


def test_names_are_plain_strings():
    """A name is its characters, whatever its class says, so that no call has the target of another organization."""
    plain = ApiCall("a", organization="acme")
    evil = Chameleon("evil")
    calls = [
        ApiCall("a", organization=evil),
        ApiCall("a").in_organization(evil),
        api("GET /menu", organization=evil).call("GET", "/menu"),
    ]
    assert all(call.target is not plain.target for call in calls)
    assert ApiCall([Chameleon("b")], key_managers=Chameleon("k")).target is not ApiCall("acme", key_managers="k").target
    assert [(type(call.organization), str.__str__(call.organization)) for call in calls] == [(str, "evil")] * 3
    names = ("name", "version", "context", "id", "provider", "environment", "backend_audience")
    named = Api(**{name: Chameleon("/x") for name in names}, audiences=[evil], key_managers=[evil])
    assert {type(getattr(named, name)) for name in names} == {str}
    assert [type(*some) for some in (named.audiences, named.key_managers)] == [str, str]
    assert [type(one) for one in Resource("GET", "/a", any_scope=[evil]).any_scope] == [str]


class MyDemands(Demands):
    """Demands that may decide otherwise each time."""


def test_demands_are_of_no_subclass():
    """Demands of a subclass are equal to others that ask for something else, and so are a ConfigurationError."""
    mine = MyDemands(any_role="cook")
    for make in (ApiCall, lambda **asked: Resource("GET", "/menu", **asked), lambda **asked: Api("o", "1", **asked)):
        assert make(demands=Demands(any_role="cook"))
        with pytest.raises(ConfigurationError, match="subclass"):
            make(demands=mine)


@pytest.mark.parametrize("name", ["other", "ACME", "", None, 5, b"acme", ["acme"]])
def test_a_call_stays_in_its_organization(name):
    """A call that belongs to an organization is not put into another one, nor into none."""
    with pytest.raises(ConfigurationError):
        api("GET /menu", organization="acme").call("GET", "/menu").in_organization(name)


def test_calls_do_not_change():
    """A call is not changed after it was made."""
    call = ApiCall("a")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        call.target = Api("o", "1", resources=[Resource("*", "/*")]).call("GET", "/").target
