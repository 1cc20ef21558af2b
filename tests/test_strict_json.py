"""JSON and base64url, read as strictly as their RFCs write them.3, 30 to 35."""

import base64
import json
import os
import subprocess
import sys

import pytest

from kmvalidate.strict_json import MAX_DEPTH, MAX_NUMBER_CHARS, Flaw, decode_base64url, parse_object


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    """Return an object whose whole depth is *depth*."""
    return ('{"a":' + opening * (depth - 1) + closing * (depth - 1) + "}").encode()


GOOD = [
    (b"{}", {}),
    (b'{"a":1}', {"a": 1}),
    (b' \t\r\n{ "a" : [ 1 , 2 ] } \n', {"a": [1, 2]}),
    (
        b'{"a":null,"b":true,"c":false,"d":"x","e":[],"f":{}}',
        {"a": None, "b": True, "c": False, "d": "x", "e": [], "f": {}},
    ),
    (b'{"a":-0,"b":-1,"c":0}', {"a": 0, "b": -1, "c": 0}),
    (b'{"a":1.0,"b":1e3,"c":1E-2,"d":-0.5}', {"a": 1.0, "b": 1000.0, "c": 0.01, "d": -0.5}),
    (b'{"a":1e-400}', {"a": 0.0}),
    (b'{"a":9223372036854775808}', {"a": 2**63}),
    (b'{"a":-9223372036854775809}', {"a": -(2**63) - 1}),
    (b'{"a":' + b"9" * 64 + b"}", {"a": int("9" * 64)}),
    (b'{"a":0.' + b"1" * 62 + b"}", {"a": float("0." + "1" * 62)}),
    (b'{"\\u0061":"\\u00e9\\/\\n"}', {"a": "é/\n"}),
    ('{"ключ":"é😀"}'.encode(), {"ключ": "é😀"}),
    (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
    (b'{"a":"\\u0000"}', {"a": "\0"}),
    (b'{"a":"]]]]}}}}[[[[{{{{"}', {"a": "]]]]}}}}[[[[{{{{"}),
    (b'{"a":"\\"[[[["}', {"a": '"[[[['}),
    (b'{"":1}', {"": 1}),
    (b'{"__proto__":1,"__class__":{"__init__":2}}', {"__proto__": 1, "__class__": {"__init__": 2}}),
    (b'{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
    (b'{"a":"' + b"[" * 1000 + b'"}', {"a": "[" * 1000}),
    (b'{"a":"\x7f\xe2\x80\xa8"}', {"a": "\x7f\u2028"}),
]

BAD = {
    "empty": b"",
    "blank": b"  ",
    "array": b"[]",
    "array of objects": b'[{"a":1}]',
    "string": b'"a"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "duplicate": b'{"a":1,"a":2}',
    "duplicate, equal": b'{"a":1,"a":1}',
    "duplicate, nested": b'{"a":{"b":1,"b":2}}',
    "duplicate, in an array": b'{"a":[{"b":1,"b":1}]}',
    "duplicate, escaped": b'{"iss":"a","\\u0069ss":"b"}',
    "duplicate, other escapes": b'{"a/b":1,"a\\/b":2}',
    "duplicate, empty": b'{"":1,"":2}',
    "duplicate, surrogates": b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e400": b'{"a":1e400}',
    "-1e400": b'{"a":-1e400}',
    "1e309, nested": b'{"a":[[1e309]]}',
    "BOM": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 LE": '{"a":1}'.encode("utf-16-le"),
    "UTF-16 BE": '{"a":1}'.encode("utf-16-be"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "UTF-32 LE": '{"a":1}'.encode("utf-32-le"),
    "UTF-7": b"+AHs-+ACI-a+ACI-:1+AH0-",
    "Latin-1": b'{"a":"\xe9"}',
    "Latin-1 member": b'{"\xe9":1}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "cut UTF-8": b'{"a":"\xf0\x9f\x98"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate": b'{"a":"\\udc00x"}',
    "swapped surrogates": b'{"a":"\\ude00\\ud83d"}',
    "lone surrogate, member": b'{"\\ud800":1}',
    "lone surrogate, nested": b'{"a":[{"b":"\\udfff"}]}',
    "33 deep": nested(MAX_DEPTH + 1),
    "33 deep, objects": nested(MAX_DEPTH + 1, '{"a":', "}").replace(b":}", b":1}"),
    "100,000 deep": nested(100_000),
    "100,000 open": b'{"a":' + b"[" * 100_000,
    "100,000 open objects": b'{"a":' * 100_000,
    "100,000 closed": b"]" * 100_000,
    "65 digits": b'{"a":' + b"9" * (MAX_NUMBER_CHARS + 1) + b"}",
    "65 digits, negative": b'{"a":-' + b"9" * (MAX_NUMBER_CHARS + 1) + b"}",
    "65 digits, fraction": b'{"a":0.' + b"1" * (MAX_NUMBER_CHARS - 1) + b"}",
    "65 digits, exponent": b'{"a":1e' + b"0" * (MAX_NUMBER_CHARS - 1) + b"}",
    "65 zeros, fraction": b'{"a":1.' + b"0" * (MAX_NUMBER_CHARS - 1) + b"}",
    "10,000 digits": b'{"a":' + b"9" * 10_000 + b"}",
    "leading zero": b'{"a":01}',
    "plus": b'{"a":+1}',
    "bare dot": b'{"a":.5}',
    "ending dot": b'{"a":1.}',
    "hexadecimal": b'{"a":0x1}',
    "Arabic digits": '{"a":\u0661}'.encode(),
    "underscore": b'{"a":1_0}',
    "two documents": b"{}{}",
    "trailing text": b'{"a":1} x',
    "trailing comma": b'{"a":1,}',
    "trailing NUL": b"{}\0",
    "leading NUL": b"\0{}",
    "no value": b'{"a":}',
    "no member": b"{:1}",
    "bare member": b"{a:1}",
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1/**/}',
    "no-break space": b'{\xc2\xa0"a":1}',
    "form feed": b'\x0c{"a":1}',
    "newline in a string": b'{"a":"\n"}',
    "NUL in a string": b'{"a":"\0"}',
    "tab in a string": b'{"a":"\t"}',
    "unknown escape": b'{"a":"\\x41"}',
    "short escape": b'{"a":"\\u12"}',
    "odd escape": b'{"a":"\\u+123"}',
    "open": b'{"a":1',
    "open string": b'{"a',
    "Python's True": b'{"a":True}',
    "undefined": b'{"a":undefined}',
}


@pytest.mark.parametrize(("raw", "expected"), GOOD, ids=lambda value: repr(value)[:40])
def test_json_is_read(raw, expected):
    """A JSON object in UTF-8 is read as what it says, with the types it says."""
    assert repr(parse_object(raw)) == repr(expected)


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_what_is_not_strict_json_is_a_flaw(raw):
    """Whatever is not one JSON object without ambiguity is told as a flaw, not raised."""
    assert isinstance(parse_object(raw), Flaw)


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_a_flaw_is_seen_behind_an_unusual_spelling(raw):
    """The same flaws are found where white space keeps a document from being read the fast way."""
    assert isinstance(parse_object(b" " + raw + b" "), Flaw)


@pytest.mark.parametrize("raw", [raw for raw in BAD.values() if len(raw) < 200], ids=repr)
def test_a_flaw_is_seen_at_depth(raw):
    """The same flaws are found inside of a good object."""
    assert isinstance(parse_object(b'{"good":1,"inner":[' + raw + b",]}"), Flaw)


@pytest.mark.parametrize("depth", [*range(1, 9), 31, MAX_DEPTH])
@pytest.mark.parametrize("shape", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_nesting_is_bounded_and_not_before(depth, shape):
    """Up to 32 levels are read, whichever way the parser takes."""
    raw = nested(depth, *shape).replace(b":}", b":{}}") if depth < MAX_DEPTH else nested(depth)
    assert parse_object(raw) == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (nested(33), "nested too deeply"),
        (b'{"a":1,"a":1}', "a member is given twice"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":1e400}', "a number is too long or too large"),
        (b'{"a":' + b"1" * 65 + b"}", "a number is too long"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not JSON in UTF-8"),
    ],
)
def test_a_flaw_says_why(raw, words):
    """A flaw names what is wrong in fixed words."""
    assert parse_object(raw) == words


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_a_flaw_repeats_nothing_of_the_document(raw):
    """The words of a flaw come out of a fixed list, so that no document gets into a log."""
    fixed = {"nested too deeply", "a member is given twice", "a number is too long", "not a JSON object"}
    fixed |= {"a number is too long or too large", "not JSON in UTF-8"}
    assert parse_object(raw) in fixed | {f"{name} is not JSON" for name in ("NaN", "Infinity", "-Infinity")}


@pytest.mark.parametrize(
    "text",
    [
        r"""b'"' + b'\\"' * 400_000""",
        r"""b'"\\' * 400_000""",
        """b'"' * 800_001""",
        """b'{"a' * 300_000""",
        """b'"[' * 400_000""",
        """b'{"a":[' + b','.join([b'9e307'] * 166_000) + b']}'""",
    ],
)
def test_no_document_holds_up_the_reader(text):
    """A document as large as the largest key set, all quotes and escapes, is refused and not brooded over for ever."""
    code = f"from kmvalidate.strict_json import *; assert isinstance(parse_object(b'[' + {text}), Flaw)"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], timeout=10, check=False, env=os.environ | paths)
    assert ended.returncode == 0


def alias(text: str) -> str:
    """Return another spelling of the same bytes: the last character with a bit more."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) | 1]


@pytest.mark.parametrize("raw", [b"a", b"ab", b"abc", b"\xfb\xff\xfe", b"\0" * 7, bytes(range(256))], ids=repr)
def test_base64url_is_read(raw):
    """Canonical base64url gives the bytes behind it."""
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert decode_base64url(text) == raw


@pytest.mark.parametrize(
    "end", ["=", "==", "===", "\n", "\r\n", " ", "\0", ".", "!", "+", "/", '"', "\\", "é", "\ud800"]
)
@pytest.mark.parametrize("text", ["", "YQ", "YWI", "YWJj"])
def test_base64url_has_no_foreign_character(text, end):
    """Padding, white space, the other alphabet and anything else is refused at every place."""
    for place in range(len(text) + 1):
        assert decode_base64url(text[:place] + end + text[place:]) is None


@pytest.mark.parametrize("text", ["YQ", "YWI", "AA", "AAA", "__8", "_w", "YWJjZA"])
def test_base64url_has_no_bits_left_over(text):
    """A last character with bits that no byte takes is refused."""
    assert alias(text) != text
    assert decode_base64url(alias(text)) is None


@pytest.mark.parametrize("text", ["A", "AAAAA", "YWJjY", "-"])
def test_base64url_has_no_lone_last_character(text):
    """One character beyond a multiple of four is no whole byte and is refused."""
    assert decode_base64url(text) is None


def test_nothing_is_behind_an_empty_text():
    """An empty text gives no bytes to go on with."""
    assert not decode_base64url("")


@pytest.mark.parametrize(
    "text", ["YQ==YWJj", "YQ==YQ", "YWI=YWJj", "====", "AAAA====AAAA", "YWJj\nYWJj", "+/-_", "__//"]
)
def test_base64url_is_not_a_chain(text):
    """Padded pieces in a row, lines and mixed alphabets are refused."""
    assert decode_base64url(text) is None


@pytest.mark.parametrize("look_alike", ["\uff39\uff31", "Y\u200bQ", "YQ\u0301", "\u0660", "\uff39", "\u0130"])
def test_base64url_is_ascii(look_alike):
    """Letters and digits that only look or count like ASCII are refused."""
    assert decode_base64url(look_alike) is None
