"""APIs as OpenAPI documents describe them: what they ask for is asked for, neither more nor less."""

import json

import pytest

from kmvalidate.apis import Api, AuthType, Resource
from kmvalidate.errors import ConfigurationError
from tests.apis.making import found

SCHEMES = {
    "oauth": {"type": "oauth2", "flows": {}},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://idp.example"},
    "bearer": {"type": "http", "scheme": "Bearer"},
    "default": {"type": "oauth2", "flows": {}},
    "basic": {"type": "http", "scheme": "basic"},
    "key": {"type": "apiKey", "in": "header", "name": "apikey"},
    "mtls": {"type": "mutualTLS"},
    "elsewhere": {"$ref": "#/components/securitySchemes/oauth"},
}


class Lying(str):
    """A string whose class makes another of it."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return self is other

    def __str__(self):
        return "LINK"

    def lower(self):
        return "link"

    def upper(self):
        return "LINK"


def document(*, paths=None, **members):
    """Return an OpenAPI document; *members* replace and add."""
    base = {"openapi": "3.0.3", "info": {"title": "orders", "version": "1.0"}, "paths": paths or {"/menu": {"get": {}}}}
    return {**base, "components": {"securitySchemes": SCHEMES}, **members}


def asked(*, top=None, **operation) -> Resource:
    """Return the resource that an operation describes, in a document with other members."""
    (resource,) = Api.from_openapi(document(paths={"/menu": {"get": operation}}, **(top or {}))).resources
    return resource


def scopes(**said):
    resource = asked(**said)
    assert resource.auth_type is AuthType.ANY
    return resource.any_scope, resource.all_scopes


WSO2 = {"x-wso2-basePath": "/orders/1.0"}

#: Security of an operation, of a document of WSO2 or not, and the scopes of which any, and all, are asked for.
SECURITY = [
    ([{"oauth": ["a"]}], {}, None, {"a"}),
    ([{"oauth": ["a", "b"]}], {}, None, {"a", "b"}),
    ([{"oidc": ["a", "b"]}], {}, None, {"a", "b"}),
    ([{"oauth": ["a"]}, {"oauth": ["b"]}], {}, {"a", "b"}, None),
    ([{"oauth": ["a"]}, {"oidc": ["b"]}], {}, {"a", "b"}, None),
    ([{"oauth": ["a", "b"]}, {"oidc": ["b", "a"]}], {}, None, {"a", "b"}),
    ([{"oauth": []}], {}, None, None),
    ([{"bearer": []}], {}, None, None),
    ([{"bearer": []}, {"oauth": []}], {}, None, None),
    ([{}], {}, None, None),
    ([{"default": ["a", "b"]}], {}, None, {"a", "b"}),
    ([{"default": ["a", "b"]}], WSO2, {"a", "b"}, None),
    ([{"default": ["a", "b"]}, {"oauth": ["c"]}], WSO2, {"a", "b", "c"}, None),
    ([{"default": []}], {}, None, None),
    ([{"oauth": ["a", "b"]}], WSO2, {"a", "b"}, None),
    ([{"oauth": ["a"]}, {"oidc": ["b", "c"]}], WSO2, {"a", "b", "c"}, None),
    (({"oauth": ("a", "b")},), {}, None, {"a", "b"}),
]

#: What an operation cannot be asked for as it says, each with a word of the error.
UNSAYABLE = [
    ({"security": [{"oauth": ["a", "b"]}, {"oauth": ["c"]}]}, "alternatives"),
    ({"security": [{"default": ["a", "b"]}, {"oauth": ["c", "d"]}]}, "alternatives"),
    ({"security": [{"oauth": ["a"]}, {"bearer": []}]}, "alternatives"),
    ({"security": [{"default": ["a"]}, {"bearer": []}]}, "alternatives"),
    ({"security": [{"default": ["a"]}, {"default": []}]}, "alternatives"),
    ({"security": [{"oauth": ["a"], "oidc": ["b"]}]}, "several credentials"),
    ({"security": [{"bearer": [], "oauth": []}]}, "several credentials"),
    ({"security": [{"oauth": ["a"]}, {}]}, "optional"),
    ({"security": [{}, {}]}, "optional"),
    ({"security": [{"basic": []}]}, "basic"),
    ({"security": [{"key": []}]}, "key"),
    ({"security": [{"mtls": []}]}, "mtls"),
    ({"security": [{"elsewhere": []}]}, "elsewhere"),
    ({"security": [{"unknown": []}]}, "unknown"),
    ({"security": [{"oauth": ["a"]}, {"key": []}]}, "key"),
    ({"security": [{"bearer": ["admin"]}]}, "bearer"),
    ({"security": [{"oauth": "a"}]}, "list"),
    ({"security": [{"oauth": None}]}, "list"),
    ({"security": [{"oauth": [""]}]}, "names"),
    ({"security": [{"oauth": [5]}]}, "names"),
    ({"security": [{"oauth": ["a b"]}]}, "spaces"),
    ({"security": ["oauth"]}, "object"),
    ({"security": {"oauth": ["a"]}}, "list"),
    ({"security": None}, "list"),
    ({"security": "none"}, "list"),
    ({"x-auth-type": "none"}, "auth type"),
    ({"x-auth-type": None}, "auth type"),
    ({"x-auth-type": "None", "security": [{"oauth": ["a"]}]}, "takes no token"),
    ({"x-auth-type": "None", "x-scope": "a"}, "takes no token"),
    ({"x-wso2-disable-security": "true"}, "true or false"),
    ({"x-wso2-disable-security": 1}, "true or false"),
    ({"x-wso2-disable-security": None}, "true or false"),
    ({"x-wso2-disable-security": True, "x-auth-type": "Application"}, "x-auth-type"),
    ({"x-wso2-disable-security": True, "security": [{"oauth": ["a"]}]}, "takes no token"),
    ({"security": [], "x-scope": "a"}, "takes no token"),
    ({"x-scope": ""}, "x-scope"),
    ({"x-scope": None}, "x-scope"),
    ({"x-scope": ["a"]}, "x-scope"),
    ({"x-scope": "a,,b"}, "names"),
    ({"x-scope": "a b"}, "spaces"),
    ({"x-scope": "a", "security": [{"oauth": ["b"]}]}, "different"),
    ({"x-scope": "a,b", "security": [{"default": ["a"]}]}, "different"),
    ({"x-scope": "a,b", "security": [{"default": ["a", "b"]}]}, "different"),
    ({"x-scope": "a,b", "security": [{"oauth": ["b", "a"]}, {"oidc": ["a", "b"]}]}, "different"),
]

NO_DOCUMENTS = [
    *(None, 5, [], [("openapi", "3.0.3")], "", "{}", "[]", "openapi: 3.0.3", b"\xff", "\ud800", '{"a":1,"a":2}', {}),
    *(
        document(openapi=version)
        for version in (None, 3, 3.0, "3", "3.0", "2.0", "4.0.0", "3.3.0", "3.0.3-rc", " 3.0.3")
    ),
    *(
        document(swagger="2.0"),
        {"swagger": "2.0", "info": {}, "paths": {}},
        document(info=None),
        document(info="orders"),
    ),
    *(document(info={}), document(info={"title": "a"}), document(info={"title": "a", "version": 1.0})),
    *(
        document(info={"title": "", "version": "1"}),
        document(**{"x-wso2-basePath": ""}),
        document(**{"x-wso2-basePath": 5}),
    ),
    *(document(**{"x-wso2-basePath": "orders"}), {**document(), "paths": None}, {**document(), "paths": []}),
    *(document(paths={"/menu": item}) for item in (None, [], "get", {"get": None}, {"get": []}, {"$ref": "#/a"})),
    *(document(paths={path: {"get": {}}}) for path in ("menu", "", 5, None, "/{a}{b}", "/a?b", "/a//b", "/a/../b")),
    *(
        document(paths={"/a/{x}": {"get": {}}, "/a/{y}": {"get": {}}}),
        document(components=None),
        document(components=[]),
    ),
    *(document(components={"securitySchemes": None}), document(security=None), document(security={})),
    *(
        document(paths={"/a": {"additionalOperations": more}})
        for more in (None, [], {"LINK": None}, {"link": {}}, {5: {}})
    ),
    *(
        document(paths={"/a": {"get": {}, name: said}})
        for name, said in (("GET", {}), ("Post", {}), ("TRACE", None), ("security", []), ("x-auth-type", "None"))
    ),
    *(document(paths={"/a": {"x-scope": "a"}}), document(paths={"/a": {"x-wso2-disable-security": True}})),
]


@pytest.mark.parametrize(("security", "top", "any_scope", "all_scopes"), SECURITY)
def test_security_says_which_scopes_are_asked_for(security, top, any_scope, all_scopes):
    """The scopes of a requirement are asked for together, alternatives as any of them, and in WSO2's documents any."""
    assert scopes(security=security, top=top) == (any_scope, all_scopes)


@pytest.mark.parametrize(("operation", "words"), UNSAYABLE)
def test_what_cannot_be_asked_for_is_refused(operation, words):
    """An operation that asks for what scopes cannot say is a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match="GET /menu") as caught:
        asked(**operation)
    assert words in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("wrong", NO_DOCUMENTS)
def test_what_is_no_openapi_document_is_refused(wrong):
    """A document of another kind or version, or one that cannot be read as a whole, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        Api.from_openapi(wrong)


def test_a_document_is_read_as_a_whole():
    """Title, version, context, and each operation of each path make an API; what is no operation does not."""
    item = {"summary": "x", "parameters": [], "servers": [], "x-a": {}, "get": {}, "put": {}, "post": {}, "delete": {}}
    item |= {"options": {}, "head": {}, "patch": {}, "trace": {}}
    menu = Api.from_openapi(document(paths={"x-a": None, "/menu/{dish}": item}, **{"x-wso2-basePath": "/o/1"}))
    assert (menu.name, menu.version, menu.context) == ("orders", "1.0", "/o/1")
    methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]
    assert [str(one) for one in menu.resources] == [f"{method} /menu/{{dish}}" for method in methods]
    assert found(menu, "PATCH", "/menu/soup") == "PATCH /menu/{dish}"


def test_newer_documents_have_further_methods():
    """OpenAPI 3.2 names any method; 3.1 is read like 3.0."""
    paths = {"/menu": {"query": {}, "additionalOperations": {"LINK": {"security": []}}}}
    link = Api.from_openapi(document(openapi="3.2.0", paths=paths)).resources
    assert [(str(one), one.auth_type) for one in link] == [("QUERY /menu", AuthType.ANY), ("LINK /menu", AuthType.NONE)]
    assert Api.from_openapi(document(openapi="3.1.1")).resources == (Resource("GET", "/menu"),)


@pytest.mark.parametrize("name", ["GET", "get", "Delete", "QUERY", "*", pytest.param(Lying("GET"), id="lying")])
def test_no_further_operation_takes_the_place_of_another(name):
    """What a path says of a method stands: it is not said again, or of all methods, among the additional operations."""
    item = {"get": {"security": [{"oauth": ["admin"]}]}, "additionalOperations": {name: {"security": []}}}
    with pytest.raises(ConfigurationError, match="/menu: additionalOperations"):
        Api.from_openapi(document(openapi="3.2.0", paths={"/menu": item}))


@pytest.mark.parametrize("place", ["operation", "scheme", "requirement", "paths", "components", "document"])
def test_references_are_not_overlooked(place):
    """What stands elsewhere, beside whatever stands here, is not known, so the document is refused."""
    link = {"$ref": "#/elsewhere"}
    given = {
        "operation": {"paths": {"/menu": {"get": link}}},
        "scheme": {"components": {"securitySchemes": {"a": {"type": "oauth2", **link}}}, "security": [{"a": []}]},
        "requirement": {"security": [{"$ref": []}]},
        "paths": {"paths": {"/menu": {"get": {}}, **link}},
        "components": {"components": {"securitySchemes": SCHEMES, **link}},
        "document": link,
    }
    with pytest.raises(ConfigurationError, match="references are not followed"):
        Api.from_openapi({**document(), **given[place]})


def test_a_document_may_be_text():
    """JSON text, or its bytes, is read like what it says."""
    text = json.dumps(document())
    assert Api.from_openapi(text).resources == Api.from_openapi(text.encode()).resources == (Resource("GET", "/menu"),)


@pytest.mark.parametrize("name", ["GET", "Delete", "security", "x-auth-type", "x-scope", "x-wso2-disable-security"])
def test_what_a_path_cannot_say_is_named(name):
    """A method in capital letters, or security for all operations of a path, is not overlooked: the error names it."""
    with pytest.raises(ConfigurationError, match=f"/menu: {name} is no member"):
        Api.from_openapi(document(paths={"/menu": {"get": {}, name: {}}}))


def test_it_can_be_said_that_a_document_is_of_wso2():
    """An argument says whether any scope will do, whatever the members of the document look like."""
    for top in ({}, WSO2):
        paths = {"/menu": {"get": {"security": [{"default": ["a", "b"]}]}}}
        asked = [Api.from_openapi(document(paths=paths, **top), wso2=said).resources[0] for said in (True, False)]
        assert [one.any_scope or one.all_scopes for one in asked] == [{"a", "b"}] * 2
        assert [one.any_scope is None for one in asked] == [False, True]
    with pytest.raises(ConfigurationError, match="wso2"):
        Api.from_openapi(document(), wso2="yes")


def test_changes_count_before_the_document():
    """An argument of the API counts in the place of what the document says."""
    changed = Api.from_openapi(document(info={}), name="shop", version="2", context="/s", organization="acme")
    assert (changed.name, changed.version, changed.context, changed.organization) == ("shop", "2", "/s", "acme")
    assert Api.from_openapi(document(), resources=[]).resources == ()
    with pytest.raises(ConfigurationError):
        Api.from_openapi(document(), status="gone")


@pytest.mark.parametrize(("said", "kind"), [
    ({}, AuthType.ANY),
    ({"security": []}, AuthType.NONE),
    ({"security": [{}]}, AuthType.ANY),
    ({"security": [{}], "x-auth-type": "None"}, AuthType.NONE),
    ({"security": [], "x-auth-type": "Application"}, AuthType.APPLICATION),
    ({"x-auth-type": "None"}, AuthType.NONE),
    ({"x-auth-type": "Application_User"}, AuthType.USER),
    ({"x-auth-type": "Application & Application User"}, AuthType.ANY),
    ({"x-wso2-disable-security": True}, AuthType.NONE),
    ({"x-wso2-disable-security": False}, AuthType.ANY),
    ({"security": [{"oauth": []}], "x-wso2-disable-security": True}, AuthType.NONE),
])  # fmt: skip
def test_only_an_operation_says_that_it_takes_no_token(said, kind):
    """What a document says about all, or does not say, opens nothing; an operation opens itself, aloud."""
    for top in ({}, {"security": []}, {"security": [{}]}, {"security": [{"oauth": []}]}, {"x-auth-type": "None"}):
        assert asked(top=top, **said).auth_type is kind


def test_an_operation_has_the_scopes_of_its_document():
    """Security of the document is that of each operation that says nothing; an operation's own counts alone."""
    top = {"security": [{"oauth": ["a"]}]}
    assert scopes(top=top) == (None, {"a"})
    assert scopes(top=top, security=[{"oauth": ["b"]}]) == (None, {"b"})
    assert asked(top=top, **{"x-auth-type": "Application"}).all_scopes == {"a"}
    for said in ({"security": []}, {"x-auth-type": "None"}, {"x-wso2-disable-security": True}):
        open_to_all = asked(top=top, **said)
        assert (open_to_all.auth_type, open_to_all.all_scopes) == (AuthType.NONE, None)


@pytest.mark.parametrize("more", [
    {},
    {"security": [{"default": ["a", "b"]}], "top": WSO2},
    {"security": [{"default": ["a"]}, {"oauth": ["b"]}]},
    {"security": [{"bearer": []}]},
])  # fmt: skip
def test_older_documents_of_wso2_name_scopes_beside(more):
    """The scopes of x-scope are asked for as any of them, and security may say the same again."""
    assert scopes(**{"x-scope": "a, b"}, **more) == ({"a", "b"}, None)
    assert scopes(**{"x-scope": "a"}, security=[{"oauth": ["a"]}]) == ({"a"}, None)
