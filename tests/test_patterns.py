"""Patterns that meet tokens: what is read, what is refused, and that nothing makes them slow."""

import copy
import pickle
import re

import pytest

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID
from kmvalidate.patterns import Pattern
from kmvalidate.patterns import _pattern as patterns
from tests.fakes import WAIT_S, in_threads

TOKEN = "123e4567-e89b-12d3-a456-426614174000"

# The pattern, what the refusal says of it, and the number of the character it names.
REFUSED = [
    ("a(?=b)", "look-ahead", 2),
    ("a(?!b)", "look-ahead", 2),
    ("(?<=a)b", "look-behind", 1),
    ("(?>a)", "an atomic group", 1),
    ("(?#a)b", "a comment", 1),
    ("(a)(?(1)b)", "a condition", 4),
    ("(?P<n>a)(?P=n)", "a back-reference", 9),
    (r"(a)\1", "a back-reference", 4),
    (r"(?<n>a)\k<n>", "a back-reference", 8),
    ("(?<1>a)", "a name", 1),
    ("(?P<n", "a name", 1),
    ("(?<n>a)(?<n>b)", "the name of another group", 8),
    ("a(?i)b", "flags other than (?i) at the very start", 2),
    ("(?i)(?i)b", "flags other than (?i) at the very start", 5),
    ("^(?i)b", "flags other than (?i) at the very start", 2),
    ("(?", "flags other than (?i) at the very start", 1),
    ("a*+", "a possessive quantifier", 3),
    ("a{2}+", "a possessive quantifier", 5),
    ("a??+", "a possessive quantifier", 4),
    ("a{2}{3}", "a quantifier after a quantifier", 5),
    ("a???", "a quantifier after a quantifier", 4),
    ("*a", "a * with nothing before it to repeat", 1),
    ("a|?", "a ? with nothing before it to repeat", 3),
    ("^*", "a * with nothing before it to repeat", 2),
    ("(?i)*", "a * with nothing before it to repeat", 5),
    ("{2}", "a { with nothing before it to repeat", 1),
    ("a{", "a { that begins no quantifier", 2),
    ("a{,2}", "a { that begins no quantifier", 2),
    ("a{1, 2}", "a { that begins no quantifier", 2),
    ("a{\u0661}", "a { that begins no quantifier", 2),
    ("a{3,2}", "a quantifier whose counts are the wrong way round", 2),
    ("a{1001}", "a count of more than 1000", 2),
    ("(){1001,}", "a count of more than 1000", 3),
    (r"a\b", "a boundary", 2),
    (r"[\b]", "a boundary", 2),
    (r"\pL", "a property of characters", 1),
    (r"[\P{L}]", "a property of characters", 2),
    (r"\Qa.b\E", "a quotation", 1),
    (r"\012", "an octal escape", 1),
    (r"\v", "an escape that is unknown", 1),
    (r"\€", "an escape that is unknown", 1),
    (r"\x4", r"\x without its hexadecimal digits", 1),
    (r"\x{41}", r"\x without its hexadecimal digits", 1),
    (r"\u004g", r"\u without its hexadecimal digits", 1),
    (r"\ud83d\ude00", "half a surrogate pair", 1),
    ("ab\udc00", "half a surrogate pair", 3),
    ("a\\", r"a \ that escapes nothing", 2),
    ("[a\\", r"a \ that escapes nothing", 3),
    ("a^b", "an anchor", 2),
    ("a$b", "an anchor", 2),
    ("(a$)", "an anchor", 3),
    (r"a\Ab", "an anchor", 2),
    (r"(a\Z)", "an anchor", 3),
    ("(a", "a ( that nothing closes", 1),
    ("(a))", "a ) that closes nothing", 4),
    ("a]", "a ] that closes nothing", 2),
    ("a}", "a } that closes nothing", 2),
    ("x[a-", "a [ that nothing closes", 2),
    ("[", "a [ that nothing closes", 1),
    ("[]a]", "a ] at the beginning of a class", 2),
    ("[^]a]", "a ] at the beginning of a class", 3),
    ("[a[b]]", "a [ within a class", 3),
    ("[a-[]", "a [ within a class", 4),
    ("[a&&b]", "a && within a class", 3),
    ("[a||b]", "a || within a class", 3),
    ("[+--]", "a -- within a class", 3),
    ("[--b]", "a -- within a class", 2),
    ("[b-a]", "a bad range", 2),
    (r"[\d-a]", "a bad range", 2),
    (r"[a-\w]", "a bad range", 2),
    ("[a-c-e]", "a - amid a class", 5),
    ("a{1000}b", "more than 1000 states", 1),
    ("x((a{10}){10}){11}", "more than 1000 states", 2),
    ("a{600}|(bc){300}", "more than 1000 states", 1),
    ("(" * 51 + ")" * 51, "groups more than 50 deep", 51),
    ("(" * 1000, "groups more than 50 deep", 51),
]


@pytest.mark.parametrize(
    ("text", "what", "at"), REFUSED, ids=[f"{ascii(row[0])[:25]} {len(row[0])}" for row in REFUSED]
)
def test_a_flaw_is_named_with_its_place(text, what, at):
    """What is not read alike everywhere is a configuration error that says what it is and where."""
    with pytest.raises(ConfigurationError, match=re.escape(f"the pattern has {what}")) as caught:
        Pattern(text)
    assert str(caught.value).endswith(f" at character {at}")


@pytest.mark.parametrize(
    "text", ["", "a" * 1001, None, b"a", 5, ["a"], re.compile("a")], ids=lambda text: repr(text)[:9]
)
def test_what_is_no_text_of_its_size_is_refused(text):
    """A pattern is a string of 1 to 1,000 characters."""
    with pytest.raises(ConfigurationError):
        Pattern(text)


@pytest.mark.parametrize(
    "text", ["a{1000}", "a" * 1000, "(" * 50 + "a" + ")" * 50, "((){1000}){1000}a{0}", "(|||){999}"]
)
def test_what_keeps_the_bounds_is_read(text):
    """As many states, characters and groups as are allowed are read; what repeats nothing comes to nothing."""
    pattern = Pattern(text)
    assert pattern.matches(pattern.common(pattern))


@pytest.mark.parametrize(
    "text",
    ["a{1000}{", "(" + "a{999}" * 3 + "){999}", "(" * 40 + "a" + "{999})" * 40, "a{" + "9" * 900 + "}"],
    ids=["one", "three", "deep", "digits"],
)
def test_repeats_are_counted_before_anything_is_built(monkeypatch, text):
    """A pattern that comes to too much is refused with nothing built of it."""
    monkeypatch.setattr(patterns, "_Machine", None)
    with pytest.raises(ConfigurationError):
        Pattern(text)


# The pattern, what matches it, and what does not.
READ = [
    ("abc", ["abc"], ["", "ab", "abcd", "abc\n", "xabc"]),
    ("^abc$", ["abc"], ["abc\n", "^abc$"]),
    (r"\Aabc\z", ["abc"], ["abc\n"]),
    (r"^a|b\Z", ["a", "b"], ["ab", "a\n"]),
    ("^", [""], ["a", "\n"]),
    ("()", [""], ["a"]),
    ("^$", [""], ["a"]),
    (r"\.\\\-\/\ \"\_\$", ['.\\-/ "_$'], ["a\\-/ "]),
    (r"\t\n\r\f\x41\u00e9", ["\t\n\r\fAé"], ["tnrfAé"]),
    (r"\d+", ["0123456789"], ["", "\u0661", "a"]),
    (r"\D", ["a", "\u0661", "\n", "\udc00"], ["5"]),
    (r"\w*", ["", "aZ_9"], ["é", "-"]),
    (r"\W", ["é", "-", "\U0001f600"], ["_", "a"]),
    (r"\s+", [" \t\n\x0b\f\r"], ["\x1c", "\xa0", "\x85"]),
    (r"\S", ["\xa0", "a"], [" ", "\x0b"]),
    (".", ["a", " ", "\U0010ffff", "\udc00"], ["\n", "\r", "", "ab"]),
    ("[a-cx]", ["a", "b", "c", "x"], ["d", "-", ""]),
    ("[^a-cx]", ["d", "\n", "\U0010ffff"], ["a", "x", ""]),
    (r"[-a][a-][^-][\w-]", ["-axx", "a-a-"], ["bbbb", "aa-a"]),
    (r"[+-\-]", ["+", ",", "-"], ["."]),
    (r"[\x41-\u0043\]\[\d^$.*+?(){}|&]", ["A", "C", "]", "[", "7", "^", "}", "|"], ["D", "\\", "a"]),
    (r"[^\s\S]", [], ["", "a", "\n"]),
    ("(?i)[a-y][^k]é", ["AXé", "bzé"], ["zxé", "akÉ", "aKé", "AXÉ"]),
    ("(?i)^k[Z-a]$", ["KA", "kz", "k_"], ["\u212aa", "kb"]),
    ("(?i)S", ["s", "S"], ["\u017f"]),
    ("(a)(?:b)(?<n>c)(?P<n_2>d)", ["abcd"], ["abc"]),
    ("a|bc||d*", ["a", "bc", "", "ddd"], ["b", "abc", "ad"]),
    ("(|a)b", ["b", "ab"], ["a", "aab"]),
    ("ab??c*?d+?e{2}?", ["adee", "abccddee"], ["abbdee", "ade"]),
    ("a{2}b{1,}c{0,2}d{0}", ["aab", "aabbbcc"], ["ab", "aa", "aabccc", "aabd"]),
    ("(ab?){2,3}", ["aa", "aba", "abaab"], ["a", "aaaa", "b"]),
    ("(a?){2,3}", ["", "a", "aaa"], ["aaaa"]),
    ("(a?b?){2,}", ["", "ba", "abababab"], ["c"]),
    (UUID, [TOKEN], [TOKEN.upper(), TOKEN[1:], TOKEN + "0", TOKEN.replace("-", "")]),
]


@pytest.mark.parametrize(("text", "good", "bad"), READ, ids=[ascii(row[0])[:25] for row in READ])
def test_a_pattern_matches_whole_texts(text, good, bad):
    """A pattern matches the texts it says, whole, and none other."""
    pattern = Pattern(text)
    assert [one for one in good + bad if pattern.matches(one)] == good


def test_a_pattern_is_its_text():
    """Patterns of one text are equal and hash alike, show their text alone, and survive copies and pickles."""
    pattern = Pattern("[ab]+")
    assert pattern.matches("ab")
    patterns._machine_of.cache_clear()
    assert pattern == Pattern("[ab]+") != Pattern("[ba]+")
    assert len({pattern, Pattern("[ab]+")}) == 1
    assert repr(pattern) == "Pattern(text='[ab]+')"
    for again in (copy.copy(pattern), copy.deepcopy(pattern), pickle.loads(pickle.dumps(pattern))):  # noqa: S301
        assert again == pattern
        assert (again.matches("abba"), again.matches("abc")) == (True, False)


WORST = [
    "(a|a)*(a|a)*b",
    "(a*)*b",
    "(.*a){20}",
    "([a-z]{0,20}){20}x",
    "(a|b)*a(a|b){498}",
    "(?:a|b)*a((a|b)c?){300}",
    "(?:(?:a?b?){10}){50}",
]


@pytest.fixture
def steps(monkeypatch):
    """The steps that were taken and not remembered."""
    taken, step = [], patterns._Machine.step
    monkeypatch.setattr(patterns._Machine, "step", lambda *args: (taken.append(args[1:]), step(*args))[1])
    return taken


@pytest.mark.parametrize("text", WORST)
@pytest.mark.parametrize("letters", ["a", "ab", "aab", "abb"])
def test_each_character_is_one_step(steps, text, letters):
    """A text takes no more steps than it has characters, against the worst of patterns."""
    machine = patterns._Machine(patterns.read(text))
    machine.accepts((letters * 2048)[:2048])
    assert len(steps) <= 2048
    assert len(machine.follow) <= 1001


def test_steps_once_taken_are_remembered(steps):
    """A text of the same characters at the same places takes no step twice."""
    machine = patterns._Machine(patterns.read(UUID))
    for _ in range(3):
        assert machine.accepts(TOKEN)
        assert len(steps) == len(TOKEN)


def test_what_is_remembered_is_bounded(monkeypatch):
    """However many texts come, no more steps and states are remembered than are allowed, and the answers stay right."""
    monkeypatch.setattr(patterns, "_MAX_STEPS", 16)
    machine = patterns._Machine(patterns.read("(?:a|b|.)*a.{5}"))
    generations = {machine._steps}
    for number in range(300):
        text = f"{number:b}".replace("1", "a") + chr(200 + number)
        assert machine.accepts(text) == (text[-6:-5] == "a")
        generations.add(machine._steps)
    assert len(generations) > 9
    for steps in generations:
        assert sum(map(len, steps.known.values())) <= steps.count <= 16
        assert len(steps.known) <= 17


def test_odd_texts_drive_nothing_out(steps):
    """Texts that fail at their first character leave what is remembered as it was."""
    machine = patterns._Machine(patterns.read("[0-9a-f-]+"))
    assert machine.accepts(TOKEN)
    before = machine._steps, machine._steps.count
    assert not any(machine.accepts(chr(code)) for code in range(200, 9000))
    assert (machine._steps, machine._steps.count) == before


def test_threads_that_race_see_the_same(monkeypatch):
    """Threads that match at once, while what is remembered is dropped again and again, all get the right answers."""
    monkeypatch.setattr(patterns, "_MAX_STEPS", 8)
    machine = patterns._Machine(patterns.read("(?:a|b)*a(?:a|b){3}"))
    texts = [f"{number:b}".replace("0", "b").replace("1", "a") for number in range(256)]
    right, seen = [text[-4:-3] == "a" for text in texts], []
    for thread in in_threads(8, lambda: seen.append([machine.accepts(text) for text in texts])):
        thread.join(WAIT_S)
    assert seen == [right] * 8
    assert machine._steps.count <= 8


# Two patterns, an alphabet, and a text that both match.
SHARED = [
    (UUID, UUID, None, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"),
    (UUID, ".+", "0-", "00000000-0000-0000-0000-000000000000"),
    (UUID, "[0-9a-f]{32}", None, None),
    (UUID, UUID, "0123456789", None),
    ("(aa)+", "(aaa)+", None, "aaaaaa"),
    ("a*", "b*", None, ""),
    ("a*", "b+", None, None),
    ("a*", "a+", "", None),
    ("a*", "a*", "", ""),
    ("[^a]", "[^b]", None, "c"),
    (r"\W", "[^-~!]", None, '"'),
    ("[A-Z0-9]", "[!A-Z]", None, "A"),
    (r"[^\x00-\x7f]", ".", None, "\x80"),
    (r"[^\s\S]", ".", None, None),
    ("(a|b)*a(a|b){200}", "(a|b)*b(a|b){201}", None, "b" + "a" * 201),
    ("(a{97})+", "(a{101})+", None, "a" * 97 * 101),
]


@pytest.mark.parametrize(("one", "other", "alphabet", "both"), SHARED)
def test_a_shared_text_is_a_shortest_and_readable_one(one, other, alphabet, both):
    """What two patterns share is shown by a shortest text, of letters or digits where there is a choice."""
    assert Pattern(one).common(Pattern(other), alphabet) == both
    assert (Pattern(other).common(Pattern(one), alphabet) is None) == (both is None)


def test_large_patterns_are_compared_pair_by_pair():
    """Two patterns of hundreds of states, whose sets of states are beyond count, meet in no more pairs than exist."""
    one, other = (patterns._Machine(patterns.read(text)) for text in ("(a|b)*a(a|b){490}", "(b|a)*b(b|a){490}c"))
    meeting = patterns._Meeting(one, other, patterns.ANY)
    assert meeting.example() is None
    assert 491 < sum(map(bool, meeting.length)) <= len(one.follow) * len(other.follow)
