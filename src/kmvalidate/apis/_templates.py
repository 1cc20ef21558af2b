"""
The paths of resources: literal text, ``{parameters}``, and a ``*`` at the end.

Rules kept here: a template says what it matches without regular expressions, and a path is never read as a template.
Which of two templates is the more specific is decided segment by segment from the left: literal text before text with a
parameter (more text before less), before a parameter alone, before a wildcard.
"""

from __future__ import annotations

import re

import attrs

from kmvalidate.apis._paths import Reading, read_path
from kmvalidate.errors import ConfigurationError
from kmvalidate.strict_json import Flaw

#: Stands for a parameter while a template is read: no character, and so in nobody's path.
_HOLE = "\uffff"
_SPELT_HOLE = "%EF%BF%BF"
_SYNTAX = frozenset("{}*")
_PARAMETER = re.compile(r"\{[A-Za-z0-9_.~$@-]+\}")

#: How specific a segment is; text with a parameter is 1 and its number of characters.
_WILDCARD, _ALONE, _LITERAL, _END = 0, 1, 1 << 20, 1 << 21


class Segment(tuple[str, ...]):
    """A segment of a template: its text, or the text before and the text after its parameter."""

    __slots__ = ()

    @property
    def is_mixed(self) -> bool:
        """Whether it has a parameter, and text beside it."""
        return len(self) > 1 and any(self)

    @property
    def rank(self) -> int:
        """How specific it is."""
        return _LITERAL if len(self) == 1 else _ALONE + sum(map(len, self))

    def matches(self, text: str) -> bool:
        """Tell whether it matches a segment of a path, in the one spelling."""
        if len(self) == 1:
            return text == self[0]
        value = text[len(self[0]) : len(text) - len(self[1])]
        return self.surrounds(text) and "%" not in value[-2:]  # or half an escape were the value's, half the text's

    def surrounds(self, text: str) -> bool:
        """Tell whether a text has what stands before and after the parameter, and something in between."""
        before, after = self
        return len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after)

    def is_within(self, other: Segment) -> bool:
        """Tell whether *other*, mixed as this one is, matches all that this one matches."""
        return self[0].startswith(other[0]) and self[1].endswith(other[1])

    def meets(self, other: Segment) -> bool:
        """Tell whether there is a segment that both match."""
        if len(self) == 1:
            return other.matches(self[0])
        if len(other) == 1:
            return self.matches(other[0])
        befores, afters = sorted((self[0], other[0]), key=len), sorted((self[1], other[1]), key=len)
        return befores[1].startswith(befores[0]) and afters[1].endswith(afters[0])


@attrs.frozen
class Template:
    """
    What the paths of a resource look like.

    Args:
        text: The template, its literal text in the one spelling.

        segments: Its segments, without the wildcard.

        loose: They, in the loosest reading.

        slash: Whether it ends with a slash.

        wild: Whether it ends with a wildcard.

        rank: How specific it is; the greater is the more specific.
    """

    text: str
    segments: tuple[Segment, ...]
    loose: tuple[Segment, ...]
    slash: bool
    wild: bool
    rank: tuple[int, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        ranks = (*(segment.rank for segment in self.segments), _WILDCARD if self.wild else _END)
        object.__setattr__(self, "rank", ranks)

    @property
    def is_plain(self) -> bool:
        """Whether it matches a path because it is that path."""
        return not self.wild and all(len(segment) == 1 for segment in self.segments)

    @property
    def shape(self) -> tuple[object, ...]:
        """What two templates have in common that match the same paths, whatever they call their parameters."""
        return self.segments, self.slash, self.wild

    def matches(self, reading: Reading) -> bool:
        """
        Tell whether it matches a path.

        One that ends with a slash matches also the path that lacks it (WSO2's rule), but not the other way round.
        """
        further = len(reading.segments) - len(self.segments)
        has_room = further >= 0 if self.wild else not further and reading.slash <= self.slash
        return has_room and all(map(Segment.matches, self.segments, reading.segments))

    def is_unclear_beside(self, other: Template) -> bool:
        """Tell whether there are paths that both match, while neither is the more specific."""
        pairs = list(zip(self.segments, other.segments, strict=False))
        first = next(((ours, theirs) for ours, theirs in pairs if ours != theirs), None)
        if first is None or not all(segment.is_mixed for segment in first):
            return False
        if first[0].is_within(first[1]) or first[1].is_within(first[0]):
            return False
        shorter, longer = sorted((self, other), key=lambda one: len(one.segments))
        has_room = len(shorter.segments) == len(longer.segments) or shorter.wild
        return has_room and all(ours.meets(theirs) for ours, theirs in pairs)


def read_template(text: str) -> Template:
    """
    Read a template.

    Args:
        text: A path such as ``/menu``, ``/orders/{id}``, ``/reports/{name}.pdf`` or ``/files/*``.

    Raises:
        ConfigurationError: It is none.
    """
    wild = text.endswith("/*")
    body = text[:-1] if wild else text
    names = _PARAMETER.findall(body)
    holed = _PARAMETER.sub(_HOLE, body)
    if _HOLE in body or _SPELT_HOLE in body.upper() or not _SYNTAX.isdisjoint(holed):
        why = "a {parameter} has a name of letters, digits and _.~$@-, and a * is the whole last segment"
        raise ConfigurationError(f"{text!r} is no path of a resource: {why}")
    reading = read_path(holed)
    if isinstance(reading, Flaw):
        raise ConfigurationError(f"{text!r} is no path of a resource: {reading}")
    segments = _segments(reading.segments, _SPELT_HOLE, text)
    loose = _segments(reading.loose, _HOLE, text)
    spelt = _put_back(reading.path, names)
    if wild:
        return Template(spelt + "*", segments, loose, slash=False, wild=True)
    return Template(spelt, segments, loose, slash=reading.slash, wild=False)


def _segments(texts: list[str], hole: str, template: str) -> tuple[Segment, ...]:
    segments = tuple(Segment(text.split(hole)) for text in texts)
    if any(text.count(hole) > 1 for text in texts):
        raise ConfigurationError(f"{template!r} is no path of a resource: a segment has one parameter at most")
    return segments


def _put_back(holed: str, names: list[str]) -> str:
    pieces = holed.split(_SPELT_HOLE)
    return "".join(piece + name for piece, name in zip(pieces, [*names, ""], strict=True))
