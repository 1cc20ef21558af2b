"""
Patterns that meet tokens: regular expressions that match a whole text, in time linear in the text.

Rules kept here: nothing backtracks. A pattern becomes an automaton whose states are the characters it names (Glushkov:
no step goes without a character), a set of states is the bits of a number, and each character of a text is one step
from set to set, whatever the pattern. Steps once taken are remembered, within bounds, and read without a lock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache, reduce
from itertools import accumulate, compress, pairwise
from operator import or_, xor
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.own_lock import OwnLock
from kmvalidate.patterns._nodes import ANY, Chars, Choice, Sequence, shared, united
from kmvalidate.patterns._text import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kmvalidate.patterns._nodes import Node, Ranges, Repeat

_MAX_STEPS = 4096
_MAX_MACHINES = 256
_DIGITS = bytes.maketrans(b"01", b"\x00\x01")
#: Which characters an example is made of, where there is a choice.
_READABLE: tuple[Ranges, ...] = (((97, 122),), ((48, 57),), ((65, 90),), ((33, 126),), ANY)


@attrs.frozen
class Pattern:
    r"""
    A regular expression that matches a whole text, in time linear in the text.

    It knows what the regular expressions of Java and Python have in common: literals, escapes, ``.``, classes, groups,
    ``|``, quantifiers, ``(?i)`` at the very start, ``^`` at the very beginning and ``$`` at the very end, which say
    what holds anyway. ``\d``, ``\s``, ``\w`` and the case of letters are those of ASCII, and ``.`` is any character but
    ``\n`` and ``\r``. What looks around or back, and what the two read differently, is refused.

    Args:
        text: The regular expression, of at most 1,000 characters, that comes to at most 1,000 states once its counted
            repeats are written out, and whose groups lie at most 50 deep.

    Raises:
        ConfigurationError: The text is none of that; the message says what it has, and at which character.
    """

    text: str
    _machine: _Machine = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise ConfigurationError("a pattern is a string")
        object.__setattr__(self, "_machine", _machine_of(self.text))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Pattern, (self.text,))

    def matches(self, text: str) -> bool:
        """Return whether the whole *text* matches."""
        return self._machine.accepts(text)

    def common(self, other: Pattern, alphabet: str | None = None) -> str | None:
        """
        Return a text that both patterns match, a shortest one, or None if there is none.

        Args:
            other: The other pattern.

            alphabet: The characters that the text may have; None for any.
        """
        chars = ANY if alphabet is None else united((ord(char), ord(char)) for char in alphabet)
        return _Meeting(self._machine, other._machine, chars).example()


@lru_cache(_MAX_MACHINES)
def _machine_of(text: str) -> _Machine:
    """Return the automaton of a pattern, the same one for the many that have the same text."""
    return _Machine(read(text))


class _Part(NamedTuple):
    """Of a part of a pattern: the states it can begin with, those it can end with, and whether it can be empty."""

    first: int
    last: int
    is_empty: bool


def _bits(states: int) -> Iterator[int]:
    """Yield the numbers of the states of a set."""
    while states:
        lowest = states & -states
        yield lowest.bit_length() - 1
        states ^= lowest


class _Machine:
    """
    The automaton of a pattern.

    State 0 is the start; each other stands for one character of the pattern, and is entered with a character of its
    set. `follow` has the states that may come after each, `chars` what each is entered with.
    """

    def __init__(self, node: Node) -> None:
        self.follow = [0]
        self.chars: list[Ranges] = [()]
        whole = self._build(node)
        self.follow[0] = whole.first
        self.last = whole.last | whole.is_empty
        #: The states after which only the next one comes: a shift moves all of them at once.
        self.chain = sum(1 << state for state, after in enumerate(self.follow) if after == 2 << state)
        self.points, self.entered = self._by_character()
        self._lock = OwnLock()
        self._steps = _Steps(self)

    def _build(self, node: Node) -> _Part:
        if isinstance(node, Chars):
            state = 1 << len(self.follow)
            self.follow.append(0)
            self.chars.append(node.ranges)
            return _Part(state, state, is_empty=False)
        if isinstance(node, Sequence):
            return reduce(self._joined, map(self._build, node.parts), _Part(0, 0, is_empty=True))
        if isinstance(node, Choice):
            options = [self._build(option) for option in node.options]
            firsts, lasts, empty = zip(*options, strict=True)
            return _Part(reduce(or_, firsts), reduce(or_, lasts), is_empty=any(empty))
        return self._repeated(node)

    def _link(self, before: int, after: int) -> None:
        for state in _bits(before):
            self.follow[state] |= after

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._link(one.last, other.first)
        first = one.first | other.first if one.is_empty else one.first
        last = one.last | other.last if other.is_empty else other.last
        return _Part(first, last, is_empty=one.is_empty and other.is_empty)

    def _repeated(self, node: Repeat) -> _Part:
        """Write a repeat out; one whose body can be empty is none that must come."""
        copies = [self._build(node.body) for _ in range(node.size // node.body.size)]
        least = 0 if copies[0].is_empty else node.least
        for one, other in pairwise(copies):
            self._link(one.last, other.first)
        if node.most is None:
            self._link(copies[-1].last, copies[-1].first)
        last = reduce(or_, (copy.last for copy in copies[max(least, 1) - 1 :]))
        return _Part(copies[0].first, last, is_empty=least == 0)

    def _by_character(self) -> tuple[list[int], list[int]]:
        """Return where the sets of characters begin or end, and which states are entered from there on."""
        changes: defaultdict[int, int] = defaultdict(int, {0: 0})
        for state, ranges in enumerate(self.chars):
            for low, high in ranges:
                changes[low] ^= 1 << state
                changes[high + 1] ^= 1 << state
        points = sorted(changes)
        return points, list(accumulate((changes[point] for point in points), xor))

    def after(self, states: int) -> int:
        """Return the states that may come after any of *states*."""
        chained = states & self.chain
        jumping = states ^ chained
        if not jumping:
            return chained << 1
        flags = f"{jumping:b}".encode()[::-1].translate(_DIGITS)
        return reduce(or_, compress(self.follow, flags), chained << 1)

    def entering(self, ranges: Ranges) -> int:
        """Return the states that can be entered with a character of *ranges*."""
        spans = ((bisect_right(self.points, low) - 1, bisect_right(self.points, high)) for low, high in ranges)
        return reduce(or_, (states for begin, end in spans for states in self.entered[begin:end]), 0)

    def step(self, state: _State, char: str) -> _State | None:
        """Take a step that is not remembered, and remember it; where too many are, begin anew."""
        states = self.after(state.states) & self.entered[bisect_right(self.points, ord(char)) - 1]
        if not states:
            return None  # not remembered, so that no flood of odd texts drives out what is
        with self._lock:
            steps = self._steps
            if steps.count >= _MAX_STEPS:
                steps = self._steps = _Steps(self)
            steps.count += 1
            found = steps.known.setdefault(states, _State(steps, states))
            if state.steps is steps:
                state[char] = found
        return found

    def accepts(self, text: str) -> bool:
        state = self._steps.start
        for char in text:
            following = state[char]
            if following is None:
                return False
            state = following
        return state.is_last


class _Steps:
    """Steps that were taken before, as many as are remembered at once."""

    __slots__ = ("count", "known", "machine", "start")

    def __init__(self, machine: _Machine) -> None:
        self.machine = machine
        self.count = 0
        self.start = _State(self, 1)
        self.known = {1: self.start}


class _State(dict[str, "_State | None"]):
    """A set of states of an automaton, and what follows it by character, as far as that is remembered."""

    __slots__ = ("is_last", "states", "steps")

    def __init__(self, steps: _Steps, states: int) -> None:
        super().__init__()
        self.steps = steps
        self.states = states
        self.is_last = bool(states & steps.machine.last)

    def __missing__(self, char: str) -> _State | None:
        return self.steps.machine.step(self, char)


class _Meeting:
    """
    The search for a text that two automata accept: breadth first over pairs of their states, never over sets of them.

    `wanted` has, for each state of the left one, the states of the right one that can be entered with the same
    character and were not met yet in a pair with it; `length` how long the texts that lead to a pair are, plus one.
    """

    def __init__(self, left: _Machine, right: _Machine, alphabet: Ranges) -> None:
        self.left, self.right, self.alphabet = left, right, alphabet
        allowed = {ranges: right.entering(shared(ranges, alphabet)) for ranges in set(left.chars)}
        self.wanted = [allowed[ranges] for ranges in left.chars]
        self.width = len(right.follow)
        self.length = array("I", bytes(array("I").itemsize * len(left.follow) * self.width))

    def example(self) -> str | None:
        frontier, length = {0: 1}, 1
        self.length[0] = length
        while frontier:
            for one in _bits(self.left.last):
                for other in _bits(frontier.get(one, 0) & self.right.last):
                    return self._read_back(one, other)
            length += 1
            frontier = self._next(frontier, length)
        return None

    def _next(self, frontier: dict[int, int], length: int) -> dict[int, int]:
        """Return the pairs one character further, by their left states; those of equal right ones move together."""
        groups: defaultdict[int, int] = defaultdict(int)
        for one, others in frontier.items():
            groups[others] |= 1 << one
        found: defaultdict[int, int] = defaultdict(int)
        for others, ones in groups.items():
            reached = self.right.after(others)
            for one in _bits(self.left.after(ones)):
                new = reached & self.wanted[one]
                if new:
                    self.wanted[one] ^= new
                    found[one] |= new
                    for other in _bits(new):
                        self.length[one * self.width + other] = length
        return found

    def _read_back(self, one: int, other: int) -> str:
        """Return a text that leads to a pair."""
        before_left, before_right = _before(self.left), _before(self.right)
        chars = []
        while one:
            chars.append(self._char(one, other))
            length = self.length[one * self.width + other] - 1
            pairs = ((a, b) for a in before_left(one) for b in before_right(other))
            one, other = next(pair for pair in pairs if self.length[pair[0] * self.width + pair[1]] == length)
        return "".join(reversed(chars))

    def _char(self, one: int, other: int) -> str:
        """Return a character that both states are entered with, a readable one if there is one."""
        both = shared(shared(self.left.chars[one], self.right.chars[other]), self.alphabet)
        return chr(next(ranges[0][0] for ranges in (shared(both, liked) for liked in _READABLE) if ranges))


def _before(machine: _Machine) -> Any:
    """Return what tells the states that may come before one."""
    return lru_cache(None)(lambda state: [n for n, after in enumerate(machine.follow) if after >> state & 1])
