"""JSON and base64url against naive readers: the fast way and the slow way are one (RFC 8259, RFC 4648 section 3.5)."""

import base64
import json
import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmvalidate.strict_json import Flaw, decode_base64url, parse_object
from tests.laws.strategies import broken_documents, documents, json_objects, piled_documents, spelt

pytestmark = pytest.mark.law


class Unfit(Exception):
    """The naive reader says no."""


def unique(pairs: list) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Unfit
    return dict(pairs)


def short(kind):
    def read(text: str):
        if len(text) > 64 or not math.isfinite(float(text)):
            raise Unfit
        return kind(text)

    return read


def never(_: str) -> None:
    raise Unfit


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def naive(raw: bytes) -> dict | None:
    """Read a strict JSON object with the standard library alone, one rule after the other."""
    try:
        text = raw.decode("utf-8", "strict")
        hooks = {"parse_int": short(int), "parse_float": short(float), "parse_constant": never}
        value = json.loads(text, object_pairs_hook=unique, **hooks)
        json.dumps(value, ensure_ascii=False).encode("utf-8", "strict")
    except (ValueError, RecursionError, Unfit):
        return None
    return value if isinstance(value, dict) and depth(value) <= 32 else None


def same(raw: bytes) -> bool:
    """Tell whether both readers see the same in a document, types and order of members included."""
    found, expected = parse_object(raw), naive(raw)
    return isinstance(found, Flaw) if expected is None else repr(found) == repr(expected)


class TestADocumentHasOneReading:
    """An object whose names are all unique is interoperable; the behaviour of others is unpredictable (RFC 8259, 4)."""

    @given(documents)
    def test_any_json(self, raw):
        """Any JSON document in any spelling is read like the naive reader reads it."""
        assert same(raw)

    @settings(max_examples=600)
    @given(broken_documents())
    def test_any_broken_json(self, raw):
        """A document with pieces put in, doubled or taken out is read or refused like the naive reader does."""
        assert same(raw)

    @settings(max_examples=400)
    @given(piled_documents)
    def test_any_pile_of_pieces(self, raw):
        """Pieces of JSON in any order are read or refused like the naive reader does."""
        assert same(raw)

    @given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda raw: b'{"' + raw + b'":"' + raw + b'"}'))
    def test_any_bytes(self, raw):
        """Any bytes, also as names and strings, are read or refused like the naive reader does."""
        assert same(raw)

    @given(st.text(alphabet="0123456789+-.eE", min_size=1, max_size=70))
    @example("9223372036854775807")
    @example("9223372036854775808")
    @example("18446744073709551615")
    @example("-9223372036854775809")
    @example("0.1")
    @example("1.7976931348623157e308")
    @example("5e-324")
    def test_any_number(self, text):
        """Any text in the place of a number is read or refused like the naive reader does."""
        assert same(b'{"a":' + text.encode() + b"}")

    @given(st.floats() | st.integers() | st.integers(-(10**70), 10**70))
    def test_any_number_of_python(self, number):
        """Any number that Python writes is read, with its type, or refused like the naive reader does."""
        assert same(json.dumps({"a": number, "b": [number]}, separators=(",", ":")).encode())

    @given(st.integers(0, 40), st.integers(0, 40), st.sampled_from(["[]", "{}", "1", '"[["']))
    def test_any_depth(self, arrays, objects, core):
        """Nesting of either sort is read to 32 levels and refused beyond, whatever it ends in."""
        text = "[" * arrays + '{"a":' * objects + core + "}" * objects + "]" * arrays
        assert same(b'{"a":' + text.encode() + b"}")

    @given(st.text(max_size=12), st.text(max_size=12))
    def test_any_text(self, name, value):
        """Any text as name and value, surrogates included, is read like the naive reader reads it."""
        for ascii_only in (True, False):
            text = json.dumps({name: value, "z": [name]}, separators=(",", ":"), ensure_ascii=ascii_only)
            assert same(text.encode("utf-8", "surrogatepass"))

    @given(json_objects, st.data())
    def test_spellings_mean_the_same(self, value, data):
        """Two spellings of one object, where they are read, are read as equal."""
        found = [parse_object(data.draw(spelt(value))) for _ in range(2)]
        assert repr(found[0]) == repr(found[1])


def canonical(text: str) -> bytes | None:
    """Decode with the standard library and keep only what it would write again (RFC 4648 section 3.5)."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


class TestBytesHaveOneSpelling:
    """Implementations MUST NOT add line feeds, and bits left over are zero (RFC 4648 sections 3.1 and 3.5)."""

    @given(st.binary(min_size=1, max_size=200))
    def test_what_is_written_is_read(self, raw):
        """The base64url of any bytes is read as those bytes."""
        assert decode_base64url(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == raw

    @settings(max_examples=600)
    @given(st.text(alphabet="AQgwYZaz09-_+/=. \n", min_size=1, max_size=12) | st.text(min_size=1, max_size=8))
    def test_any_text_is_read_only_if_canonical(self, text):
        """Any text is decoded exactly where the standard library would write it the same way again."""
        assert decode_base64url(text) == canonical(text)

    @given(st.binary(min_size=1, max_size=80), st.data())
    def test_a_changed_character_changes_the_bytes(self, raw, data):
        """A spelling with one other character is refused or means other bytes."""
        text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        place = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.characters())
        changed = text[:place] + other + text[place + 1 :]
        assert changed == text or decode_base64url(changed) != raw

    def test_every_short_text(self):
        """Of all texts of one and two letters, and all ends of three and four, the canonical ones are read."""
        letters = [chr(code) for code in range(128)]
        for text in (
            *letters,
            *(a + b for a in letters for b in letters),
            *(f"AA{a}" for a in letters),
            *(f"AAA{a}" for a in letters),
        ):
            assert decode_base64url(text) == canonical(text)
