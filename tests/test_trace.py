"""What a trace notes: its steps, their times, and what it makes of facts that are meant to do harm."""

import json

import attrs
import pytest

from kmvalidate.errors import Reason, Refusal
from kmvalidate.trace import Explanation, Step, Trace
from tests.fakes import SettableClock
from tests.signing import b64

LINE_CHARS = 120
WIDTH = 120
TOKEN = ".".join(b64(part) for part in (b'{"alg":"ES256","kid":"1"}', b'{"sub":"alice","exp":5}', bytes(range(64))))


class Raising:
    """An object that raises whatever is asked of it."""

    def __str__(self):
        raise RuntimeError("str")

    def __repr__(self):
        raise RuntimeError("repr")

    def __hash__(self):
        return 1


class RaisingNumber(int):
    """A number that cannot be written."""

    def __repr__(self):
        raise RuntimeError("repr")


class RaisingText(str):
    """A text that raises when it is worked with."""

    __slots__ = ()

    def encode(self, *_):
        raise RuntimeError("encode")

    def __contains__(self, _):
        raise RuntimeError("in")


class Disguised:
    """An object that raises when its class is looked at."""

    @property
    def __class__(self):
        raise RuntimeError("class")


HOSTILE = {
    "control characters": "a\r\nb\x00\x07\x7f",
    "ANSI escapes": "\x1b[31mred\x1b]0;title\x07",
    "right-to-left marks": "\u202eevil\u2066",
    "a lone surrogate": "\ud800",
    "a megabyte": "x" * 1_000_000,
    "a megabyte to escape": "\x1b" * 1_000_000,
    "a long list": ["\x1b[31m"] * 100_000,
    "a number too long to write": 10**5000,
    "raises as text": Raising(),
    "raises in a list": [Raising()],
    "raises in a set": {Raising()},
    "raises as a number": RaisingNumber(5),
    "raises as a str": RaisingText("x"),
    "raises when it is looked at": Disguised(),
    "bytes": b"\x1b[31m",
    "None": None,
}


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def trace(clock):
    return Trace(clock.monotonic)


def noted(trace, *names):
    """Note steps of these names and return the explanation."""
    for name in names:
        trace.step(name, "done")
    return trace.finish(allowed=True)


def test_a_step_has_what_was_said_of_it(trace):
    """A step keeps its name, what was decided and the facts, numbers and lists among them, as a person reads them."""
    trace.step("claims", "expired", ok=False, exp=5, aud=["a", "b"], kid=None)
    step = Step(
        name="claims", decided="expired", ok=False, took_s=0.0, saw={"exp": "5", "aud": "[a, b]", "kid": "None"}
    )
    assert trace.finish().steps == (step,)


def test_facts_may_have_any_name(trace):
    """Facts that are called as the arguments of a step are, are facts all the same."""
    trace.step("a", "b", name="c", decided="d", self="e")
    assert trace.finish().steps[0].saw == {"name": "c", "decided": "d", "self": "e"}


def test_a_step_takes_the_time_since_the_one_before(clock, trace):
    """Each step has the seconds since the last one, the first those since the trace began; the end counts in all."""
    clock.pass_s(1)
    trace.step("first", "done")
    clock.pass_s(2)
    trace.step("second", "done")
    clock.pass_s(4)
    explained = trace.finish()
    assert ([step.took_s for step in explained.steps], explained.took_s) == ([1.0, 2.0], 7.0)


def test_no_time_is_negative(clock, trace):
    """A clock that is set back makes one step take no time, and the next one as long as it takes."""
    clock.pass_s(-100)
    trace.step("first", "done")
    clock.pass_s(3)
    trace.step("second", "done")
    clock.pass_s(-100)
    explained = trace.finish()
    assert ([step.took_s for step in explained.steps], explained.took_s) == ([0.0, 3.0], 3.0)


def test_what_comes_late_is_not_noted(trace):
    """After the end a step is neither noted nor in the explanation that was made."""
    explained = noted(trace, "in time")
    trace.step("late", "done")
    assert [step.name for step in explained.steps] == [step.name for step in trace.finish().steps] == ["in time"]


def test_nothing_of_an_explanation_is_changed(trace):
    """Steps and their facts stay as they were noted."""
    trace.step("a", "b", c="d")
    explained = trace.finish()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        explained.steps[0].name = "other"
    with pytest.raises(TypeError):
        explained.steps[0].saw["c"] = "other"


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_noted_is_one_short_line(kind, clock):
    """A hostile fact, wherever it is said, is shown as one line of at most 120 printable ASCII characters."""
    fact, trace = HOSTILE[kind], Trace(clock.monotonic, secret=TOKEN)
    trace.step(fact, fact, saw=fact)
    step = trace.finish().steps[0]
    for shown in (step.name, step.decided, *step.saw.values()):
        assert shown.isascii()
        assert shown.isprintable()
        assert 0 < len(shown) <= LINE_CHARS


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_came_as_a_token_can_be_traced(kind, clock):
    """A trace of what is no token at all notes its steps, and ends."""
    fact = HOSTILE[kind]
    trace = Trace(clock.monotonic, secret=fact)
    trace.step("recognise", "malformed", ok=False, got=fact)
    assert trace.finish().steps[0].name == "recognise"


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_an_explanation_holds_prints_in_bounded_lines(kind):
    """Facts that nobody shortened, in a refusal for one, neither speak to the terminal nor make a table wide."""
    fact, trace = HOSTILE[kind], Trace(lambda: 0.0)
    refusal = Refusal(reason=Reason.FORBIDDEN, claim=fact, expected=fact, got=fact, hint=fact)
    explained = trace.finish(refusal=refusal, unavailable=fact, key_manager=fact, organization=fact)
    for line in str(explained).splitlines():
        assert line.isascii()
        assert line.isprintable()
        assert len(line) <= WIDTH
    text = explained.to_json()
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["reason"] == "FORBIDDEN"


def pieces(text):
    """Return what must not be shown of a token: itself, its segments, and parts of it."""
    head, payload, signature = text.split(".")
    return [
        pytest.param(text, id="token"),
        pytest.param(f"Bearer {text}", id="header field"),
        pytest.param(head, id="header"),
        pytest.param(f"{payload} is it", id="payload"),
        pytest.param(signature, id="signature"),
        pytest.param(f"{head}.{payload}", id="signing input"),
        pytest.param(text[30:60], id="middle"),
        pytest.param(text[7:23], id="16 characters"),
        pytest.param("x" * 110 + text, id="at the cut"),
        pytest.param("x" * 1000 + text, id="behind the cut"),
        pytest.param(["x" * 110, text], id="in a list"),
        pytest.param({text}, id="in a set"),
    ]


@pytest.mark.parametrize("piece", pieces(TOKEN))
def test_the_token_is_never_shown(piece, clock):
    """A token, and any part of it that is long enough, appears nowhere, whatever says it."""
    trace = Trace(clock.monotonic, secret=TOKEN)
    text = piece if isinstance(piece, str) else "".join(piece)
    trace.step(piece, piece, saw=piece, **{text: "x"})
    explained = trace.finish(
        refusal=Refusal(reason=Reason.FORBIDDEN, claim=text, expected=text, got=text, hint=text),
        unavailable=text,
        key_manager=text,
        organization=text,
    )
    step = explained.steps[0]
    assert (step.name, step.decided, dict(step.saw)) == ("(the token)",) * 2 + (
        {"saw": "(the token)", "(the token)": "x"},
    )
    shown = explained.to_json() + str(explained).replace("\n", " ") + repr(explained) + repr(trace) + str(vars(trace))
    assert [part for part in (TOKEN[at : at + 16] for at in range(len(TOKEN) - 15)) if part in shown] == []


@pytest.mark.parametrize(
    ("secret", "fact", "shown"),
    [
        ("3f2a9c81-opaque", "got 3f2a9c81-opaque.", "(the token)"),
        ("12345678", "got 12345678.", "(the token)"),
        ("null", "null", "(the token)"),
        ("null", "nullable", "nullable"),
        ("sécret\n", "sécret\n", "(the token)"),
        ("", "", ""),
        (b"3f2a9c81-opaque", b"3f2a9c81-opaque", "bytes"),
        (None, "anything", "anything"),
    ],
)
def test_a_short_token_is_hidden_too(secret, fact, shown, clock):
    """An opaque token is hidden wherever it is; what is too short for one only where it is all there is."""
    trace = Trace(clock.monotonic, secret=secret)
    trace.step("a", "b", saw=fact)
    assert trace.finish().steps[0].saw["saw"] == shown


def test_a_trace_forgets_the_token_at_its_end(clock):
    """Until its end a trace knows the token, and not a moment longer."""
    trace = Trace(clock.monotonic, secret=TOKEN)
    kept = [vars(secret) for secret in vars(trace).values() if type(secret).__name__ == "_Secret"]
    assert TOKEN in str(kept)
    trace.finish()
    kept = [vars(secret) for secret in vars(trace).values() if type(secret).__name__ == "_Secret"]
    assert (len(kept), TOKEN in str(kept)) == (1, False)


def test_an_explanation_without_a_trace_is_one_too():
    """An explanation that somebody made by hand prints as one that was traced."""
    assert str(Explanation(allowed=True, steps=(Step(name="\x1b", decided="\n"),))).splitlines()[1].startswith("\\x1b")
