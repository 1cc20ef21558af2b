"""
What a pattern says, once its text was read: sets of characters, and what is made of them.

Rules kept here: a set of characters is sorted ranges of code points that neither overlap nor touch. Every node knows
how many states it comes to, so that a repeat is counted before anything is built of it; what comes to none is the
empty text, and is dropped from what holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters: sorted ranges of code points, first and last, that neither overlap nor touch.
Ranges: TypeAlias = tuple[tuple[int, int], ...]


ANY: Ranges = ((0, 0x10FFFF),)


def united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the characters of all *ranges*, which may come in any order and overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def shared(one: Ranges, other: Ranges) -> Ranges:
    """Return the characters that are in both."""
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((low, high) for low, high in pairs if low <= high))


def others(ranges: Ranges) -> Ranges:
    """Return the characters that are not in *ranges*."""
    lows = (0, *(high + 1 for _, high in ranges))
    highs = (*(low - 1 for low, _ in ranges), ANY[0][1])
    return tuple((low, high) for low, high in zip(lows, highs, strict=True) if low <= high)


def both_cases(ranges: Ranges) -> Ranges:
    """Return *ranges* with every ASCII letter in both cases."""
    lower = ((low + 32, high + 32) for low, high in shared(ranges, ((65, 90),)))
    upper = ((low - 32, high - 32) for low, high in shared(ranges, ((97, 122),)))
    return united((*ranges, *lower, *upper))


@attrs.frozen
class Chars:
    """One character of a set; *size* is how many states it comes to."""

    ranges: Ranges
    size: int = 1


@attrs.frozen
class Sequence:
    """Parts one after the other; without parts, the empty text."""

    parts: tuple[Node, ...]
    size: int


@attrs.frozen
class Choice:
    """One of several options."""

    options: tuple[Node, ...]
    size: int


@attrs.frozen
class Repeat:
    """A body that comes at least and at most so many times; None: without end."""

    body: Node
    least: int
    most: int | None
    size: int


#: What a pattern, or a part of it, says.
Node: TypeAlias = Chars | Sequence | Choice | Repeat

EMPTY = Sequence((), 0)


def sequence(parts: Iterable[Node]) -> Node:
    """Return the parts one after the other."""
    kept = tuple(part for part in parts if part.size)
    return kept[0] if len(kept) == 1 else Sequence(kept, sum(part.size for part in kept))


def choice(options: list[Node]) -> Node:
    """Return the choice; single characters among the options become one set."""
    kept: list[Node] = [option for option in options if option.size and not isinstance(option, Chars)]
    sets = [option.ranges for option in options if isinstance(option, Chars)]
    if sets:
        kept.append(Chars(united(pair for ranges in sets for pair in ranges)))
    if not kept:
        return EMPTY
    node = kept[0] if len(kept) == 1 else Choice(tuple(kept), sum(option.size for option in kept))
    return node if all(option.size for option in options) else repeat(node, 0, 1)


def repeat(body: Node, least: int, most: int | None) -> Node:
    """Return a body that comes at least and at most so many times."""
    size = body.size * (max(least, 1) if most is None else most)
    return Repeat(body, least, most, size) if size else EMPTY
