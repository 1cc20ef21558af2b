"""The one reading of a path: what has none, and how the rest is spelt."""

import pytest

from kmvalidate.apis._paths import MAX_CHARS, Reading, read_path
from kmvalidate.strict_json import Flaw
from tests.apis.making import api, hint

SPELT = [
    ("/", "/"),
    ("/menu", "/menu"),
    ("/menu/", "/menu/"),
    ("/a.b/.a./a..", "/a.b/.a./a.."),
    ("/a:b:/a:", "/a:b:/a:"),
    ("/a\u200bb", "/a%E2%80%8Bb"),
    ("/%6d%65nu", "/menu"),
    ("/%7euser", "/~user"),
    ("/%c3%a9", "/%C3%A9"),
    ("/\u00e9", "/%C3%A9"),
    ("/\U0001f600", "/%F0%9F%98%80"),
    ("/a%20b", "/a%20b"),
    ("/a%2bb+c", "/a%2Bb+c"),
    ('/{id}|^`"<>[]', "/%7Bid%7D%7C%5E%60%22%3C%3E%5B%5D"),
    ("/!$&'()*,=:@", "/!$&'()*,=:@"),
    ("/100%25", "/100%25"),
    ("/%25g1", "/%25g1"),
    ("/%253", "/%253"),
    ("/%3f%23", "/%3F%23"),
    ("/%2A%7b%7D", "/%2A%7B%7D"),
]

NONE = {
    "dot segments": ["/.", "/..", "/a/../b", "/a/./b", "/../", "/%2e", "/%2E%2e/a", "/.%2e", "/a/%2e"],
    "dots that look alike": ["/\uff0e\uff0e/a", "/%EF%BC%8E", "/\u2024", "/\u2025", "/.\u2024"],
    "nothing but dots and spaces": ["/...", "/a/.../", "/%20", "/a/.%20.", "/%20.%3Fx", "/.%20%23", "/\u00a0%2e"],
    "nothing before a colon": ["/:", "/:x", "/a/..:x", "/..::$INDEX_ALLOCATION/a", "/%20%3ax", "/.\uff1a"],
    "nothing that is seen": ["/\u200b", "/a/%C2%AD/", "/.\u200b.", "/\u200b.", "/%\u200b2e", "/%252\u200be", "/%CC%87"],
    "empty segments": ["//", "//a", "/a//b", "/a//"],
    "encoded slashes": ["/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/..%2fa", "/a\uff0fb", "/a\uff3cb", "/a\uff0f"],
    "control characters": ["/a\0b", "/a%00b", "/a%0a", "/a%0D", "/a\x7f", "/a%7f", "/a\x85", "/a%C2%85", "/%1F", "/\n"],
    "white space": ["/a b", "/a\tb", "/a\u00a0b", "/a\u2003b", "/menu ", "/menu\n"],
    "other parts of a URL": ["/a?b", "/a#b", "/a?", "/a;b", "/a;", "/a%3bb", "/a%3B", "/a\uff1bb", "/..;/a"],
    "backslashes": ["/a\\b", "\\a", "/\\"],
    "bad escapes": ["/%", "/%a", "/a%zz", "/%g0", "/a%2", "/%u0041", "/%%34%31", "/%\uff12\uff10"],
    "escapes of escapes": ["/%252e", "/%252E%252e", "/%2541", "/%25%32%65", "/%25%41%41", "/%25\uff12\uff10"],
    "bytes that are no UTF-8": ["/%ff", "/%C3", "/%C3/%A9", "/%C0%AF", "/%ED%A0%80", "/%F5%80%80%80"],
    "lone surrogates": ["/\ud800", "/a\udc80"],
    "no slash at the beginning": ["", "a", "a/b", "*", "http://a/", "%2Fa", "?", "\uff0fa"],
    "too much": ["/" + "a" * MAX_CHARS, "/" + "\u00e9" * 2000, "/a" * 10_000, "/" * 100_000, "/%61" * 2049],
}


@pytest.mark.parametrize(("path", "spelt"), SPELT)
def test_a_path_is_spelt_one_way(path, spelt):
    """Escapes of what needs none are decoded, the others are in capital letters, and what needs one has one."""
    reading = read_path(path)
    assert isinstance(reading, Reading)
    assert reading.path == spelt
    assert api("GET /*").call("GET", path).path == spelt
    assert read_path(spelt) == reading


@pytest.mark.parametrize("path", [path for paths in NONE.values() for path in paths], ids=lambda path: ascii(path)[:30])
def test_what_could_be_read_otherwise_is_not_read(path):
    """A path that two servers read differently is about nothing, even where anything could be called."""
    flaw = read_path(path)
    assert isinstance(flaw, Flaw)
    assert hint(api("* /*", "GET /{x}"), "GET", path) == f"The path cannot be matched: {flaw}."


def test_the_longest_path_is_read():
    """A path as long as may be is read, in as many segments as there is room for."""
    longest = "/a" * (MAX_CHARS // 2)
    assert api("GET /*").call("GET", longest).path == longest
    assert api("GET /{x}/{y}").call("GET", longest).path is None


@pytest.mark.parametrize(("path", "loose"), [
    ("/adm\u0131n", "admin"),
    ("/ADM\u0130N", "admin"),
    ("/admi\u0307n", "admin"),
    ("/ad\u00admi\u200bn\ufeff\u202e", "admin"),
    ("/admi\ufe0fn\u034f", "admin"),
])  # fmt: skip
def test_what_nobody_sees_is_not_in_the_loosest_reading(path, loose):
    """An i is one with and without its dot, and characters that nobody sees are left out, of templates as of calls."""
    reading = read_path(path)
    assert isinstance(reading, Reading)
    assert reading.loose == [loose]
    assert "lenient" in hint(api("GET /admin", "GET /{page}"), "GET", path)
    assert "lenient" in hint(api(f"GET {path}", "GET /{page}"), "GET", "/admin")


def test_the_loosest_reading_is_that_of_the_most_lenient_server():
    """Decoded, without case, with letters that look alike the same."""
    reading = read_path("/%C3%89t\u00c9/A%40b+\uff23/")
    assert isinstance(reading, Reading)
    assert reading.loose == ["e\u0301te\u0301", "a@b c"]
    assert reading.slash
