"""Which resource a call is about against a naive reading of the rules, and that nothing makes the question fail."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.apis import Api, Resource
from kmvalidate.apis._paths import Reading, read_path
from kmvalidate.errors import ConfigurationError
from tests.apis import oracle

pytestmark = pytest.mark.law

METHODS = ["GET", "HEAD", "POST", "*"]
TEMPLATE_SEGMENTS = [
    "a",
    "A",
    "b",
    "é",
    "e\u0301",
    "%c3%a9",
    "@",
    "%40",
    "ab",
    "a b",
    "a%20b",
    "a+b",
    "a.j",
    "a:b",
    "i",
    "b\u200b",
    "{x}",
    "{y}",
]
MIXED_SEGMENTS = ["{x}.j", "{x}.J", "a{x}", "a{x}.j", "A{x}", "{x}B", "ab{x}", "{x}2B", "e{x}", "{x}:b", "i{x}"]
PATH_SEGMENTS = [
    "a",
    "A",
    "b",
    "%61",
    "%C3%A9",
    "É",
    "e\u0301",
    "a.j",
    "a.J",
    "x.j",
    "a%2Bj",
    "%40",
    "@",
    "ab",
    "a1b.j",
    "AB",
    "a.",
    "a:b",
    "b.j",
    "a.b.j",
    "\u0131",
    "i%CC%87",
    "b%E2%80%8B",
]
ODD_SEGMENTS = [
    "a+b",
    "a%20b",
    "a%3Fb",
    "%3f",
    "a%23",
    "a?",
    "..",
    "%2e",
    "",
    "%2F",
    "%252e",
    "%25",
    "a%2B",
    "\uff21",
    "\uff0e",
    "...",
    "a..",
    ":a",
    "%20",
    ".%20%3F",
    "%20%23a",
    "a%20%3Fb",
    "a%20.j",
    "a..j",
    "..j",
    "%20a",
    "a%C2%AD",
    "%E2%80%8B",
    ".%E2%80%8B.",
    "\u0130",
]

segments = st.sampled_from(TEMPLATE_SEGMENTS) | st.sampled_from(MIXED_SEGMENTS)
endings = st.sampled_from(["", "/", "/*"])
templates = st.builds(
    lambda body, end: "".join("/" + one for one in body) + end or "/", st.lists(segments, max_size=3), endings
)
paths = st.builds(
    lambda body, end: "".join("/" + one for one in body) + end or "/",
    st.lists(st.sampled_from(PATH_SEGMENTS) | st.sampled_from(ODD_SEGMENTS), max_size=3),
    st.sampled_from(["", "/"]),
)
anything = st.one_of(st.none(), st.integers(), st.binary(), st.text(st.characters()), st.lists(st.text()), paths)


def clear(asked):
    """Return an API of those resources that are clear beside the ones before them."""
    resources: list[Resource] = []
    for method, path in asked:
        with contextlib.suppress(ConfigurationError):
            resources = [*Api("orders", "1", resources=[*resources, Resource(method, path)]).resources]
    return Api("orders", "1", resources=resources)


@given(st.lists(st.tuples(st.sampled_from(METHODS), templates), max_size=6), st.lists(paths, min_size=1, max_size=8))
def test_a_call_is_about_what_a_naive_reading_finds(asked, called):
    """Of any resources, a call finds the one that trying all of them finds."""
    api = clear(asked)
    known = [(one.method, one.path) for one in api.resources]
    for method in ("GET", "HEAD", "POST", "PUT"):
        for path in called:
            call = api.call(method, path)
            found = [(one.method, one.path) for one in call.resources]
            assert found == [one for one in [oracle.find(known, method, path)] if one is not None]
            assert call.path == (oracle.spelt(path) if found else None)
            assert (call.target.hint is None) is bool(found)


@given(st.lists(st.tuples(st.sampled_from(METHODS), templates), max_size=6), paths)
def test_the_order_of_resources_does_not_matter(asked, path):
    """What a call is about does not depend on the order in which the resources are listed."""
    resources = clear(asked).resources
    there, back = (Api("orders", "1", resources=some).call("GET", path) for some in (resources, resources[::-1]))
    assert (there.resources, there.path) == (back.resources, back.path)


@given(st.one_of(paths, st.text().map(lambda text: "/" + text), st.text("%25eEfF/.a0cC\xe9", max_size=20)))
def test_a_path_has_one_spelling(path):
    """The spelling of a path is the one that a naive reading gives it, and is its own spelling."""
    reading = read_path(path)
    assert (reading.path if isinstance(reading, Reading) else None) == (oracle.spelt(path) if path[:1] == "/" else None)
    if isinstance(reading, Reading):
        assert read_path(reading.path) == reading


@given(templates)
def test_a_template_has_one_spelling(template):
    """The path of a resource is its own spelling."""
    with contextlib.suppress(ConfigurationError):
        path = Resource("GET", template).path
        assert Resource("GET", path).path == path


dots = st.lists(st.sampled_from([".", "%2e", "%2E", "%252e", "\uff0e", "%EF%BC%8E", "\u2024"]), min_size=1, max_size=2)


@given(st.lists(st.sampled_from(["a", "%61"])), dots.map("".join), st.lists(st.sampled_from(["a", "", "%2F"])))
def test_no_path_with_a_dot_segment_matches(before, dotted, after):
    """A dot segment, however it is encoded and how often, keeps a path from matching anything."""
    api = Api("orders", "1", resources=[Resource("*", "/*")])
    path = "/" + "/".join([*before, dotted, *after])
    assert api.call("GET", path).resources == ()


@given(anything, anything, anything)
def test_asking_never_raises(method, path, operations):
    """Whatever an API is asked with, it answers with a call; only strings find something."""
    for api in (Api("o", "1", resources=[Resource("*", "/*")]), Api("g", "1", kind="GRAPHQL")):
        for asked_method, asked_path in ((method, path), ("GET", path), (method, "/")):
            call = api.call(asked_method, asked_path, operations=operations)
            assert not call.resources or (isinstance(asked_method, str) and isinstance(asked_path, str))
