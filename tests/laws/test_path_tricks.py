"""
No spelling of a path gets past a resource that asks for more.

A lenient backend decodes twice, cuts the path where a query or a fragment begins, takes backslashes for slashes, drops
parameters after semicolons, merges slashes, resolves dots, ignores case, widths, invisible characters and the slash at
the end, leaves out what follows a colon, dots and spaces at the end of a name, and a suffix at the end of the path, and
upper-cases the method. Whatever it would serve as the path that a call finds a resource for, the call with that other
spelling finds nothing, or a resource that asks for no less. Resources that such a backend takes for one and the same
are left out: it is not the spelling that tells them apart there.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any
from unicodedata import category, normalize
from urllib.parse import unquote

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from kmvalidate import Api, AuthType, ConfigurationError, Resource

pytestmark = pytest.mark.law

#: What resources may ask for, from nothing at all upwards.
LEVELS: tuple[dict[str, Any], ...] = (
    {"auth_type": AuthType.NONE},
    {},
    {"all_scopes": ["a"]},
    {"all_scopes": ["a", "b"]},
)

pieces = st.sampled_from(["menu", "menu", "Admin", "orders", "a.b", "é", "{id}", "{id}", "v{n}", "{n}.json", "x%20y"])
templates = st.builds(
    lambda parts, end: "".join("/" + part for part in parts) + end or "/",
    st.lists(pieces, min_size=1, max_size=3),
    st.sampled_from(["", "", "", "/", "/*"]),
)
resources = st.tuples(st.sampled_from(["GET", "GET", "POST", "*"]), templates, st.integers(0, len(LEVELS) - 1))
values = st.sampled_from(["7", "menu", "MENU", "admin", "x%20y", "v1", "a.b", "1.json", "%C3%A9"])


def merged(path: str) -> str:
    """Return a path without empty segments, dots and parameters."""
    kept: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        name = segment.partition(";")[0]
        name = name if name in (".", "..") else name.partition(":")[0].rstrip(". ")
        if name == "..":
            del kept[-1:]
        elif name not in ("", "."):
            kept.append(name)
    return "/" + "/".join(kept)


def served(path: str) -> str:
    """Return what a lenient backend serves for a path."""
    text = re.split(r"[?#]", unquote(unquote(path)))[0]
    seen = [char for char in normalize("NFKD", text).casefold() if category(char) != "Cf" and char not in "\0\u0307"]
    return merged("".join(seen).replace("\u0131", "i"))


def without_suffix(path: str) -> str:
    """Return a path without the suffix of its last segment."""
    before, slash, name = path.rpartition("/")
    return before + slash + (name.rpartition(".")[0] or name)


def api_of(asked: list[tuple[str, str, int]]) -> tuple[Api, dict[Resource, int]]:
    """Return an API of those resources that a lenient backend tells apart, and what each asks for."""
    levels: dict[Resource, int] = {}
    seen: set[Any] = set()
    for method, path, level in asked:
        shape = served(re.sub(r"\{\w+\}", "{}", path))
        if not {(method, shape), ("*", shape)} & seen and not (method == "*" and shape in {one for _, one in seen}):
            with contextlib.suppress(ConfigurationError):
                new = Resource(method, path, **LEVELS[level])
                Api("orders", "1", resources=[*levels, new])
                levels[new] = level
                seen.add((method, shape))
    return Api("orders", "1", resources=list(levels)), levels


def escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@st.composite
def respelt(draw: Any, path: str) -> str:
    """Return another spelling of a path."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(path) - 1))
        slash = path.rfind("/", 0, at + 1)
        before, char, after = path[:at], path[at], path[at + 1 :]
        path = draw(
            st.sampled_from(
                [
                    path[:slash] + draw(st.sampled_from(DOTS)) + path[slash:],
                    path[:slash] + draw(st.sampled_from(SLASHES)) + path[slash + 1 :],
                    before + escaped(char) + after,
                    before + escaped(escaped(char)) + after,
                    before + char.swapcase() + after,
                    path.upper() if "%" not in path else path,
                    path.removesuffix("/") if path.endswith("/") else path + "/",
                    path + draw(st.sampled_from(TAILS)),
                    path[:slash] + draw(st.sampled_from(ENDS)) + path[slash:] if slash else path,
                    before + draw(st.sampled_from(UNSEEN)) + char + after,
                    path.replace("i", draw(st.sampled_from(["\u0131", "%C4%B1", "\u0130", "i\u0307", "I%CC%87"]))),
                    before + (chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char) + after,
                ]
            )
        )
    return path


DOTS = [
    "/.",
    "/x/..",
    "/menu/..",
    "/%2e",
    "/x/%2e%2E",
    "/%252e",
    "/x/.%2e",
    "/.;y",
    "/x/..;y=1",
    "/x/\uff0e\uff0e",
    "/;",
]
SLASHES = ["//", "///", "%2F", "%2f", "\\", "%5C", "%252f", "/%2F", "%255c"]
TAILS = ["?", "?x=1", "#x", "%3fx", "%23", "%253F", ";x=1", "%3Bx", "/.", "/x/..", "//", "%2f", "\0", "%00", "/%2e"]
ENDS = [".", "..", "%20", "%2E", ":", ":x", "::$DATA", "%3A", ". .", "\uff0e", "%C2%A0", "%E2%80%8B.", ".:", "%20%3fx"]
SUFFIXES = [
    ".xml",
    ".%78ml",
    ".XML",
    ".",
    ".xml.",
    ".xml::$DATA",
    "%20.xml",
    ".xml%20",
    ":x.xml",
    "\uff0exml",
    ".xml%3f",
]
TAILS += ENDS + SUFFIXES
UNSEEN = ["\u200b", "\u00ad", "\ufeff", "%E2%80%8B", "%c2%ad", "%EF%BB%BF", "\u2060", "\u202e", "\U000e0061"]


@settings(max_examples=settings.default.max_examples * 8)
@given(
    st.lists(resources, min_size=2, max_size=7), st.integers(0, 6), st.lists(values, min_size=4, max_size=4), st.data()
)
def test_another_spelling_finds_nothing_weaker(asked: Any, place: int, filled: list[str], data: Any) -> None:
    """A path that a lenient backend serves as another one finds nothing, or what asks for no less than that one."""
    api, levels = api_of([*asked, ("*", "/*", data.draw(st.integers(0, 1)))])
    one = list(levels)[place % len(levels)]
    given_values = iter(filled)
    path = re.sub(r"\{\w+\}", lambda _: next(given_values), one.path.replace("*", filled[3]))
    method = "GET" if one.method == "*" else one.method
    found = api.call(method, path).resources
    assume(found)
    other = data.draw(respelt(path))
    assume(other.startswith("/") and served(path) in (served(other), without_suffix(served(other))))
    call = api.call(data.draw(st.sampled_from([method, method, method, method.lower(), method.title()])), other)
    event("nothing" if not call.resources else "the same" if call.resources == found else "another one")
    for weaker in call.resources:
        assert levels[weaker] >= levels[found[0]]
        assert api.call(method, call.path).target is call.target


@settings(max_examples=settings.default.max_examples * 4)
@given(st.sampled_from(["/admin", "/admin/users", "/{id}/admin", "/v{n}"]), st.data())
def test_no_spelling_of_a_path_gets_past_its_resource(template: str, data: Any) -> None:
    """Whatever a lenient backend serves as the path of a resource is no call for one that takes everything."""
    api = Api("orders", "1", resources=[Resource("GET", template, any_scope="root"), Resource("*", "/*")])
    path = re.sub(r"\{\w+\}", "7", template)
    other = data.draw(respelt(path))
    assume(other.startswith("/") and served(path) in (served(other), without_suffix(served(other))))
    found = api.call("GET", other).resources
    event("nothing" if not found else "the same")
    assert found in ((), (api.resources[0],))
