"""
JSON and base64url as RFC 8259, RFC 7515 and RFC 4648 write them, and nothing more.

Rules kept here: UTF-8 strictly; a duplicate member, NaN, Infinity, a lone surrogate, a number of
more than 64 characters and nesting beyond 32 are refused, in every document this library reads. base64url has
one spelling: no padding, no other alphabet, no trailing bits. Nothing here raises: what cannot be read is told
as a `Flaw`, so that no exception with the bytes in it is ever under way.

Why it is fast: an object that msgspec decodes and encodes back byte for byte has no duplicate member (the encoder
writes each member once), no other spelling of a number and no lone surrogate; decoding into a type bounds its depth
and its integers. Whatever is not so plain is read again, slowly, by the standard library with every rule spelt out.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from pybase64 import b64decode, b64encode_as_string

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_DEPTH = 32
MAX_NUMBER_CHARS = 64

_PLAIN_DEPTH = 6


def _plain_value(depth: int) -> Any:
    """
    Return the type of values nested no deeper than *depth*: no null, no float, no integer of more than 64 bits.

    msgspec reads a float like 9e307 so slowly that a token full of them would take 27 ms.
    """
    value: Any = str | PLAIN_INTEGER | bool
    for _ in range(depth):
        value = str | PLAIN_INTEGER | bool | list[value | None] | dict[str, value | None]
    return value


#: The types of what is read the fast way; the deeper ones take long to make ready.
PLAIN_INTEGER: Any = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
SCALAR: Any = _plain_value(0)
FLAT: Any = _plain_value(1)
DEEP: Any = _plain_value(3)

_PLAIN_MEMBER: Any = _plain_value(_PLAIN_DEPTH - 1) | None

_decode_plain = msgspec.json.Decoder(dict[str, _PLAIN_MEMBER]).decode
_encode = msgspec.json.Encoder().encode

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # linear: nothing is tried twice

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_URL_CHARACTERS = b"-_"
# By the number of characters in the last group of four: what may be the last of them, and the padding that they lack.
_ENDINGS = (
    dict.fromkeys(_ALPHABET, ""),
    dict.fromkeys("", ""),
    dict.fromkeys(_ALPHABET[::16], "=="),
    dict.fromkeys(_ALPHABET[::4], "="),
)


class Flaw(str):
    """What keeps a document from being read, in words that repeat nothing of it."""

    __slots__ = ()


def parse_object(raw: bytes) -> dict[str, Any] | Flaw:
    """
    Return the JSON object that *raw* is, or what keeps it from being one.

    Args:
        raw: The whole document in UTF-8.
    """
    try:
        members = _decode_plain(raw)
        if _encode(members) == raw:
            return members
    except (ValueError, msgspec.MsgspecError, RecursionError):  # told by the slow way, which knows why
        if _depth(raw) > MAX_DEPTH:
            return Flaw("nested too deeply")
    return _parse_slowly(raw)


def parse_document(document: str | bytes) -> dict[str, Any] | Flaw:
    """
    Do what `parse_object` does, for a document that may be text.

    Args:
        document: The whole document; bytes are in UTF-8.
    """
    if isinstance(document, str):
        document = str.encode(document, "utf-8", "surrogatepass")  # a lone surrogate is then no UTF-8, and a flaw
    return parse_object(document)


def reader(kind: type[T]) -> Callable[[bytes], T | None]:
    """
    Return a function that reads objects of a type, and returns None for what is not exactly one of them.

    Args:
        kind: A type whose members are all named and plain, and that forbids any other.
    """
    decode, encode = msgspec.json.Decoder(kind).decode, _encode

    def read(raw: bytes) -> T | None:
        try:
            members = decode(raw)
            return members if encode(members) == raw else None
        except (ValueError, msgspec.MsgspecError, RecursionError):
            return None

    return read


def decode_base64url(text: str) -> bytes | None:
    """
    Return the bytes behind *text*, or None if it is empty or not canonical base64url.

    Canonical is RFC 4648 section 3.5 and RFC 7515 section 2: no padding, no foreign character, no bits left over.
    """
    try:
        if "+" not in text and "/" not in text:
            padded = text + _ENDINGS[len(text) & 3][text[-1]]
            return b64decode(padded, _URL_CHARACTERS, True)  # noqa: FBT003  # by position: it is hot
    except (ValueError, LookupError):
        pass  # a foreign character, bits left over, or nothing at all
    return None


def encode_base64url(raw: bytes) -> str:
    """Return *raw* in base64url without padding (RFC 7515 section 2): the one text that `decode_base64url` takes."""
    return b64encode_as_string(raw, b"-_").rstrip("=")


def _parse_slowly(raw: bytes) -> dict[str, Any] | Flaw:
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
        _encode(value)  # a lone surrogate, written as an escape, cannot be encoded
    except _Unfit as unfit:
        return unfit.flaw
    except (ValueError, RecursionError):
        return Flaw("not JSON in UTF-8")
    return value if isinstance(value, dict) else Flaw("not a JSON object")


class _Unfit(ValueError):  # never leaves this module
    def __init__(self, flaw: str) -> None:
        super().__init__(flaw)
        self.flaw = Flaw(flaw)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Unfit("a member is given twice")
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARS:
        raise _Unfit("a number is too long")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if len(text) > MAX_NUMBER_CHARS or not math.isfinite(number):
        raise _Unfit("a number is too long or too large")
    return number


def _constant(text: str) -> float:
    raise _Unfit(f"{text} is not JSON")


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for byte in _STRING.sub(b"", raw).translate(None, _NO_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
