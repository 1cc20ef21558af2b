"""Patterns against the regular expressions of Python, and what two of them share against every short text."""

import itertools
import re
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmvalidate.errors import ConfigurationError
from kmvalidate.patterns import Pattern
from kmvalidate.patterns import _pattern as patterns

pytestmark = pytest.mark.law

#: Characters at which readers differ: cases, line ends, spaces, digits and letters beyond ASCII, halves of pairs.
ODD_CHARS = "abcABCkKsS019-_.^]\\ \t\n\r\x0b\x1c\x85\xa0\u0661\u2028\u212a\u017fé\udc00\U0001f600"


def joined(*strategies, into: str):
    """Join patterns, each a pair of our spelling and Python's, by a template."""

    def spelt(*pairs):
        return tuple(into.format(*spellings) for spellings in zip(*pairs, strict=True))

    return st.builds(spelt, *strategies)


def same(strategy):
    return strategy.map(lambda text: (text, text))


quantifiers = same(
    st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{1,}", "{2,}?", "{0,2}", "{1,3}", "{2,3}?"])
)
sets = st.sampled_from([r"\d", r"\D", r"\s", r"\S", r"\w", r"\W"])
chars = st.sampled_from(ODD_CHARS[:-2]).map(re.escape) | st.sampled_from([r"\x41", r"\u0062", r"\t", r"\/", r"\-"])
ranges = st.sampled_from(["a-c", "A-Z", "Z-a", "0-9", r"\.-\/", r"\x00-k", "é-\U0010ffff"])
classes = st.builds(
    lambda sign, dash, members, last: f"[{sign}{dash}{''.join(members)}{last}]",
    st.sampled_from(["", "^"]),
    st.sampled_from(["", "-"]),
    st.lists(chars | ranges | sets, min_size=1, max_size=4),
    st.sampled_from(["", "-"]),
)
leaves = same(chars | sets | classes | st.just("")) | st.just((".", r"[^\n\r]"))


def trees(leaf):
    """Return patterns made of leaves, spelt for us and for Python."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            joined(inner, inner, into="{}{}"),
            joined(inner, inner, into="(?:{}|{})"),
            joined(inner, quantifiers, into="({}){}"),
            joined(inner, inner, inner, into="{}{}(|{})"),
        ),
        max_leaves=6,
    )


whole = st.builds(
    lambda flags, begin, body, end: tuple(flags + begin + spelling + end for spelling in body),
    st.sampled_from(["", "(?i)"]),
    st.sampled_from(["", "^", r"\A"]),
    trees(leaves).filter(lambda pair: pair[0]),
    st.sampled_from(["", "$", r"\Z"]),
)
texts = st.text(st.sampled_from(ODD_CHARS), max_size=6)


def agree(pattern: Pattern, python: str, text: str) -> bool:
    return pattern.matches(text) == bool(re.fullmatch(python, text, re.ASCII))


class TestAPatternIsRead:
    """What both readers know means the same to both."""

    @settings(max_examples=300)
    @given(whole, st.lists(texts, min_size=1, max_size=8))
    def test_as_python_reads_it(self, pair, some):
        """A pattern matches the texts that Python's matches, and none other."""
        pattern = Pattern(pair[0])
        shared = pattern.common(pattern)
        for text in some if shared is None else [*some, shared, shared + "a", shared[1:]]:
            assert agree(pattern, pair[1], text), text

    @settings(max_examples=1500)
    @given(
        st.lists(
            st.sampled_from([*"ab0()[]{}|*+?.^$\\-,:&~i", "(?:", "(?i)", "(?P<n>", "{2}", "{1,", r"\d", r"\x61", "[^"]),
            min_size=1,
            max_size=9,
        ).map("".join),
        st.lists(st.text(st.sampled_from("ab0-^$.(]\n"), max_size=4), min_size=1, max_size=6),
    )
    def test_or_refused(self, soup, some):
        """Whatever is written is refused as configuration, or Python reads it too and matches the same."""
        try:
            pattern = Pattern(soup)
        except ConfigurationError:
            return
        assert all(agree(pattern, soup, text) for text in some)

    @given(st.text(st.characters(exclude_categories=()), max_size=30), st.text(st.characters(exclude_categories=())))
    def test_without_a_surprise(self, written, text):
        """Any text at all can be written as a pattern, or matched, without any other error."""
        assert not Pattern(r"[^\s\S]").matches(text)
        try:
            Pattern(written).matches(text)
        except ConfigurationError:
            return

    @given(whole, st.lists(texts, min_size=1, max_size=8), st.integers(1, 5))
    def test_whatever_is_remembered(self, pair, some, most):
        """The answers do not depend on how much is remembered of earlier texts."""
        machine = patterns._Machine(patterns.read(pair[0]))
        with mock.patch.object(patterns, "_MAX_STEPS", most):
            forgetful = [machine.accepts(text) for text in some]
        assert forgetful == [Pattern(pair[0]).matches(text) for text in some]


few = trees(same(st.sampled_from(["a", "b", "c", "[ab]", "[^a]", ".", "abc", "(?:ab|c)"]))).map(lambda pair: pair[0])
SHORT = ["".join(letters) for length in range(5) for letters in itertools.product("abc", repeat=length)]


class TestWhatTwoShare:
    """A text that two patterns share is found whenever there is one."""

    @settings(max_examples=400)
    @given(few, few)
    def test_every_short_text(self, one, other):
        """A shortest shared text of three letters is as long as the first that trying them all finds, if any."""
        left, right = Pattern(one), Pattern(other)
        tried = next((text for text in SHORT if left.matches(text) and right.matches(text)), None)
        found = left.common(right, "abc")
        if found is None or tried is None:
            assert tried is None
            assert found is None or len(found) > 4
        else:
            assert len(found) == len(tried)

    @settings(max_examples=150)
    @given(whole, whole, st.none() | texts)
    def test_any_two(self, one, other, alphabet):
        """What is found, both match, in either order, and it has none but the characters it may have."""
        left, right = Pattern(one[0]), Pattern(other[0])
        found, mirrored = left.common(right, alphabet), right.common(left, alphabet)
        assert (found is None) == (mirrored is None)
        if found is not None and mirrored is not None:
            assert len(found) == len(mirrored)
            assert left.matches(found)
            assert right.matches(found)
            assert alphabet is None or set(found) <= set(alphabet)
