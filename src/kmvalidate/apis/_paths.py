"""
The one reading of a path.

Rules kept here: what two readers of paths would read differently is refused: dot segments, empty segments, encoded
slashes and backslashes, parameters after ";", escapes that are none or that could be decoded twice, text that is no
UTF-8. What is left has one spelling (RFC 3986 section 6.2.2): that spelling is matched, and is what is forwarded.
Beside it stand the loosest readings that servers are known to make of it, so that nobody is let in by the strict
reading who comes elsewhere by a loose one. Everything takes time linear in a bounded input, and nothing raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, normalize
from urllib.parse import unquote

from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Segments = tuple[str, ...]

#: Most characters of a path, before and after it was read.
MAX_CHARS = 8192

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_AS_THEY_ARE = _UNRESERVED + b"!$&'()*+,=:@/"

_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@/]*")
_FOREIGN = re.compile(r"[\s\\?#;\x00-\x1f\x7f-\x9f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BARRED_ESCAPE = re.compile(r"%(?:[01]|7F|2F|5C|3B)")
_ESCAPE_OR_ODD = re.compile(rb"%..|[^%" + re.escape(_AS_THEY_ARE) + rb"]", re.DOTALL)
#: What a path that was decoded must not have: if a "%" begins an escape still, it could be decoded twice.
_MISREAD = re.compile(r"[\\;\x80-\x9f]|%[0-9a-f]{2}")
_DOTS = {".", ".."}

#: Marks that lenient readers overlook, beside the category Cf: the dot that is left of a Turkish capital I, the joiner
#: of graphemes, and selectors of variants.
_OVERLOOKED = frozenset(map(chr, (0x0307, 0x034F, *range(0xFE00, 0xFE10))))
#: White space that is left after characters that look alike became the same.
_SPACES = " \u1680\u2028\u2029"
_ENDS = "." + _SPACES
#: A segment of which nothing is left, or dots, when it is cut and stripped.
_NOTHING_LEFT = re.compile(rf"[.{_SPACES}]*(?::|\Z)|[.{_SPACES}]+[?#]")
#: Where a segment is cut or stripped, or its stem is.
_CUT_OR_STRIPPED = re.compile(rf"[?#:]|[.{_SPACES}](?:\.|\Z)|\A[{_SPACES}]")
_QUERY_OR_FRAGMENT = re.compile(r"[?#]")

_SPELLINGS = {
    **{b"%%%02X" % byte: bytes([byte]) if byte in _UNRESERVED else b"%%%02X" % byte for byte in range(256)},
    **{bytes([byte]): b"%%%02X" % byte for byte in range(256)},
}


class Reading(NamedTuple):
    """
    A path as it is read.

    Args:
        path: Its one spelling.

        segments: What stands between its slashes, in that spelling.

        slash: Whether it ends with a slash.

        loose: Its segments as the most lenient reader sees them: decoded, case ignored, letters that look alike the
            same, "+" a space, what nobody sees left out.

        is_shorter: Whether something was left out of them.
    """

    path: str
    segments: list[str]
    slash: bool
    loose: list[str]
    is_shorter: bool = False

    def others(self) -> Sequence[Segments]:
        """Return further loose readings: cut and stripped as some servers do, and without a suffix at the end."""
        found = [tuple(self.loose)]
        for change in _CHANGES if any(map(_CUT_OR_STRIPPED.search, self.loose)) else _USUAL_CHANGES:
            found += [other for one in found if (other := change(one)) not in found]
        return found[1:]


def read_path(path: str) -> Reading | Flaw:
    """
    Read a path.

    Args:
        path: A path without query and fragment, as it came in: still encoded.

    Returns:
        Its reading, or what keeps it from having one.
    """
    if len(path) > MAX_CHARS:
        return Flaw("it is too long")
    if not path.startswith("/"):
        return Flaw("it does not begin with a slash")
    spelt = path if _PLAIN.fullmatch(path) else _respelt(path)
    if isinstance(spelt, Flaw):
        return spelt
    text, is_shorter = _loosened(spelt)
    segments, loose = spelt[1:].split("/"), text[1:].split("/")
    slash = not segments[-1]
    if slash:
        del segments[-1], loose[-1]
    return _flaw(segments, loose) or Reading(spelt, segments, slash, loose, is_shorter)


def _flaw(segments: list[str], loose: list[str]) -> Flaw | None:
    if "" in segments:
        return Flaw("a segment is empty")
    if not _DOTS.isdisjoint(loose):
        return Flaw("it has a dot segment")
    if any(map(_NOTHING_LEFT.match, loose)):
        return Flaw("a segment is nothing but dots, spaces, invisible characters, or begins with a colon")
    if len(loose) != len(segments) or any(map(_MISREAD.search, loose)):
        return Flaw("it has a character, or an escape of an escape, that others read as one of a path's own")
    return None


def _respelt(path: str) -> str | Flaw:
    """Return the one spelling of a path (RFC 3986 section 6.2.2): upper-case escapes, of nothing that needs none."""
    if _FOREIGN.search(path):
        return Flaw("it has a character that no path has")
    if _BAD_ESCAPE.search(path):
        return Flaw("it has a percent sign that begins no escape")
    try:
        spelt = _ESCAPE_OR_ODD.sub(_spelling, path.encode("utf-8")).decode("ascii")
        unquote(spelt, errors="strict")
    except UnicodeError:
        return Flaw("it is not UTF-8")
    if len(spelt) > MAX_CHARS:
        return Flaw("it is too long")
    if _BARRED_ESCAPE.search(spelt):
        return Flaw("it has an escape that others read as one of a path's own characters")
    return spelt


def _spelling(found: re.Match[bytes]) -> bytes:
    return _SPELLINGS[found[0].upper()] if len(found[0]) > 1 else _SPELLINGS[found[0]]


def _loosened(spelt: str) -> tuple[str, bool]:
    """
    Return the loosest reading of a spelling, and whether something was left out of it.

    It is made character by character, so that of two texts put together it is the two readings put together.
    """
    text = unquote(spelt) if "%" in spelt else spelt
    if text.isascii():
        return text.lower().replace("+", " "), False
    seen = [_seen(char) for char in text]
    return "".join(seen).replace("+", " "), "" in seen


@lru_cache(maxsize=1024)
def _seen(char: str) -> str:
    """Return what a lenient reader sees in a character; Java takes even an i without a dot for one (U+0131)."""
    alike = normalize("NFKD", char).casefold().replace("\u0131", "i")
    return "".join([one for one in alike if one not in _OVERLOOKED and category(one) != "Cf"])


def _cut(segments: Segments) -> Segments:
    """Cut a path where a query or a fragment would begin."""
    for number, text in enumerate(segments):
        found = _QUERY_OR_FRAGMENT.search(text)
        if found:
            last = text[: found.start()]
            return (*segments[:number], last) if last else segments[:number]
    return segments


def _without_streams(segments: Segments) -> Segments:
    """Leave out what follows a colon: for Windows, the name of a stream of a file."""
    return tuple([text.partition(":")[0] for text in segments])


def _stripped(segments: Segments) -> Segments:
    """Leave out the dots and spaces at the end of names, as Windows does, and spaces before them."""
    return tuple([text.rstrip(_ENDS).lstrip(_SPACES) for text in segments])


def _without_suffix(segments: Segments) -> Segments:
    """Leave out the suffix of the last segment, which some servers take for the format of what they shall answer."""
    stem = segments[-1].rpartition(".")[0] if segments else ""
    return (*segments[:-1], stem) if stem.rstrip(_ENDS) else segments


#: What lenient readers do to a path, one after the other, each of it or not.
_CHANGES: tuple[Callable[[Segments], Segments], ...] = (_cut, _without_streams, _stripped, _without_suffix, _stripped)
_USUAL_CHANGES = (_without_suffix,)
