r"""
Reads the text of a pattern: the regular expressions that Java and Python read alike.

Rules kept here: what Java and Python read differently, or only one of them knows, is a configuration error that says
what and where, never a guess. A text has at most 1,000 characters, groups lie at most 50 deep, and the states that
counted repeats come to are counted before anything is built of them. ``\d``, ``\s``, ``\w`` and the case of letters
are those of ASCII, as in Java by default.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from kmvalidate.errors import ConfigurationError
from kmvalidate.patterns._nodes import EMPTY, Chars, both_cases, choice, others, repeat, sequence, united

if TYPE_CHECKING:
    from kmvalidate.patterns._nodes import Node, Ranges

MAX_CHARS = 1000
MAX_STATES = 1000
MAX_DEPTH = 50


_DIGITS: Ranges = ((48, 57),)
_SPACES: Ranges = ((9, 13), (32, 32))
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_NOT_A_LINE_END = others(((10, 10), (13, 13)))
_ESCAPES: dict[str, Ranges] = {
    "d": _DIGITS,
    "D": others(_DIGITS),
    "s": _SPACES,
    "S": others(_SPACES),
    "w": _WORD,
    "W": others(_WORD),
    **{letter: ((ord(char), ord(char)),) for letter, char in zip("tnrf", "\t\n\r\f", strict=True)},
}
_HEX = {"x": re.compile("[0-9A-Fa-f]{2}"), "u": re.compile("[0-9A-Fa-f]{4}")}
_REFUSED_ESCAPES = {
    **dict.fromkeys("bBG", "a boundary"),
    **dict.fromkeys("AzZ", "an anchor that is neither at the very beginning nor at the very end"),
    **dict.fromkeys("pP", "a property of characters"),
    **dict.fromkeys("QE", "a quotation"),
    **dict.fromkeys("k123456789", "a back-reference"),
    "0": "an octal escape",
}
_REFUSED_GROUPS = {
    "=": "look-ahead",
    "!": "look-ahead",
    "<=": "look-behind",
    "<!": "look-behind",
    ">": "an atomic group",
    "P=": "a back-reference",
    "#": "a comment",
    "(": "a condition",
    "<": "a name that is not letters and digits, or that does not end",
    "P<": "a name that is not letters and digits, or that does not end",
}
_NAME = re.compile("P?<([A-Za-z][A-Za-z0-9_]*)>")
_COUNTS = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_DOUBLED = ("&&", "||", "~~", "--")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read(text: str) -> Node:
    """
    Return what the text of a pattern says.

    Raises:
        ConfigurationError: It is flawed, too large, or not read alike by Java and Python.
    """
    if not text:
        raise ConfigurationError("a pattern is not empty; what matches the empty text alone is ()")
    if len(text) > MAX_CHARS:
        raise ConfigurationError(f"a pattern has at most {MAX_CHARS} characters, this one {len(text)}")
    return _Reader(text).whole()


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.folds = False
        self.names: set[str] = set()

    def refuse(self, what: str, at: int | None = None) -> NoReturn:
        raise ConfigurationError(f"the pattern has {what} at character {(self.at if at is None else at) + 1}")

    def took(self, expected: str) -> bool:
        """Go past *expected* if it comes next."""
        comes = self.text.startswith(expected, self.at)
        self.at += len(expected) * comes
        return comes

    def is_next(self, *expected: str) -> bool:
        return self.text.startswith(expected, self.at)

    def bounded(self, node: Node, at: int) -> Node:
        if node.size > MAX_STATES:
            self.refuse(f"more than {MAX_STATES} states", at)
        return node

    def whole(self) -> Node:
        surrogate = _SURROGATE.search(self.text)
        if surrogate:
            self.refuse("half a surrogate pair", surrogate.start())
        self.folds = self.took("(?i)")
        _ = self.took("^") or self.took(r"\A")
        node = self.choice(0)
        if self.at < len(self.text):
            self.refuse("a ) that closes nothing")
        return node

    def choice(self, depth: int) -> Node:
        began, options = self.at, [self.branch(depth)]
        while self.took("|"):
            options.append(self.branch(depth))
        return self.bounded(choice(options), began)

    def branch(self, depth: int) -> Node:
        began, parts = self.at, []
        while self.at < len(self.text) and not self.is_next("|", ")"):
            parts.append(self.repeated(depth))
        return self.bounded(sequence(parts), began)

    def repeated(self, depth: int) -> Node:
        began, node = self.at, self.atom(depth)
        counts = self.counts()
        if counts is None:
            return node
        self.took("?")  # lazy: the same texts match
        if self.is_next("+"):
            self.refuse("a possessive quantifier")
        if self.is_next("*", "?", "{"):
            self.refuse("a quantifier after a quantifier")
        return self.bounded(repeat(node, *counts), began)

    def counts(self) -> tuple[int, int | None] | None:
        """Return how often what was read comes, if a quantifier follows."""
        began, char = self.at, self.text[self.at : self.at + 1]
        if char in _QUANTIFIERS:
            self.at += 1
            return _QUANTIFIERS[char]
        if char != "{":
            return None
        found = _COUNTS.match(self.text, self.at)
        if not found:
            self.refuse(r"a { that begins no quantifier and is not written \{")
        self.at = found.end()
        least = int(found[1])
        most = int(found[3]) if found[3] else None if found[2] else least
        if most is not None and most < least:
            self.refuse("a quantifier whose counts are the wrong way round", began)
        if max(least, most or 0) > MAX_STATES:
            self.refuse(f"a count of more than {MAX_STATES}", began)
        return least, most

    def atom(self, depth: int) -> Node:
        char = self.text[self.at]
        if char == "(":
            return self.group(depth)
        if self.is_end():
            self.at = len(self.text)
            return EMPTY
        if char in "*+?{":
            self.refuse(f"a {char} with nothing before it to repeat, that is not written \\{char}")
        if char in "^$":
            self.refuse("an anchor that is neither at the very beginning nor at the very end")
        if char in "]}":
            self.refuse(f"a {char} that closes nothing and is not written \\{char}")
        if char == "[":
            return Chars(self.char_set())
        if self.took("."):
            return Chars(_NOT_A_LINE_END)
        return Chars(self.cased(self.char()))

    def is_end(self) -> bool:
        """Return whether an anchor stands at the very end, which is where every match ends anyway."""
        return self.text[self.at :] in {"$", r"\z", r"\Z"}

    def cased(self, ranges: Ranges) -> Ranges:
        return both_cases(ranges) if self.folds else ranges

    def group(self, depth: int) -> Node:
        began = self.at
        if depth == MAX_DEPTH:
            self.refuse(f"groups more than {MAX_DEPTH} deep")
        self.at += 1
        if self.took("?"):
            self.group_kind(began)
        node = self.choice(depth + 1)
        if not self.took(")"):
            self.refuse("a ( that nothing closes", began)
        return node

    def group_kind(self, began: int) -> None:
        """Read what stands between ``(?`` and what is grouped."""
        if self.took(":"):
            return
        found = _NAME.match(self.text, self.at)
        if found is None:
            opening = max((kind for kind in _REFUSED_GROUPS if self.is_next(kind)), key=len, default="")
            self.refuse(_REFUSED_GROUPS.get(opening, "flags other than (?i) at the very start"), began)
        if found[1] in self.names:
            self.refuse("the name of another group", began)
        self.names.add(found[1])
        self.at = found.end()

    def char(self) -> Ranges:
        """Read one character, or an escape."""
        char = self.text[self.at]
        if char == "\\":
            return self.escape()
        self.at += 1
        return ((ord(char), ord(char)),)

    def escape(self) -> Ranges:
        began, letter = self.at, self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter in _HEX:
            return self.hex_escape(letter, began)
        if not letter:
            self.refuse(r"a \ that escapes nothing", began)
        if letter.isalnum() or not letter.isascii():
            self.refuse(_REFUSED_ESCAPES.get(letter, "an escape that is unknown, or means different things"), began)
        return ((ord(letter), ord(letter)),)

    def hex_escape(self, letter: str, began: int) -> Ranges:
        found = _HEX[letter].match(self.text, self.at)
        if found is None:
            self.refuse(rf"\{letter} without its hexadecimal digits", began)
        self.at = found.end()
        code = int(found[0], 16)
        if _SURROGATE.match(chr(code)):
            self.refuse("half a surrogate pair", began)
        return ((code, code),)

    def char_set(self) -> Ranges:
        began = self.at
        self.at += 1
        is_negated = self.took("^")
        if self.is_next("]"):
            self.refuse(r"a ] at the beginning of a class that is not written \]")
        found: list[tuple[int, int]] = []
        while not self.took("]"):
            found += self.member(began, is_first=not found)
        ranges = self.cased(united(found))
        return others(ranges) if is_negated else ranges

    def member(self, opened: int, *, is_first: bool) -> Ranges:
        """Read a character, a range or an escape within a class."""
        began = self.at
        low = self.set_char(opened)
        if self.text[began] == "-":
            if not is_first and not self.is_next("]"):
                self.refuse(r"a - amid a class that is no range and is not written \-", began)
            return low
        if not self.is_next("-") or self.is_next("-]", "--"):
            return low
        self.at += 1
        high = self.set_char(opened)
        if any(ranges[0][0] != ranges[-1][1] for ranges in (low, high)) or high < low:
            self.refuse("a bad range", began)
        return ((low[0][0], high[0][0]),)

    def set_char(self, opened: int) -> Ranges:
        if self.at >= len(self.text):
            self.refuse("a [ that nothing closes", opened)
        if self.is_next("["):
            self.refuse(r"a [ within a class that is not written \[")
        if self.is_next(*_DOUBLED):
            self.refuse(f"a {self.text[self.at] * 2} within a class whose characters are not escaped")
        return self.char()
