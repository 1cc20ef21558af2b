"""What an explanation says: to an ``if``, to a person and to a program."""

import json

import pytest

from kmvalidate.errors import Reason, Refusal
from kmvalidate.trace import Explanation, Step

EXPIRED = Refusal(reason=Reason.EXPIRED, claim="exp", got="600 s ago", hint="Look at the clock.", key_manager="Sso")
STEPS = (
    Step(name="recognise", decided="a JWT", saw={"alg": "RS256", "kid": "1"}, took_s=0.0001),
    Step(name="claims", decided="expired", ok=False, took_s=1.5),
)
ALLOWED = Explanation(allowed=True, key_manager="Sso", organization="acme", took_s=0.002, steps=STEPS[:1])
REFUSED = Explanation(allowed=False, refusal=EXPIRED, key_manager="Sso", took_s=1.5001, steps=STEPS)
BLOCKED = Explanation(allowed=False, refusal=Refusal(reason=Reason.API_BLOCKED))
DOWN = Explanation(allowed=False, unavailable="no answer")


@pytest.mark.parametrize(
    ("explained", "said"),
    [
        (ALLOWED, (True, "allowed", None, None, None, None)),
        (REFUSED, (False, "refused", Reason.EXPIRED, "Look at the clock.", 900901, 401)),
        (BLOCKED, (False, "refused", Reason.API_BLOCKED, None, 700700, 503)),
        (DOWN, (False, "unavailable", None, None, 900900, 503)),
    ],
    ids=["allowed", "refused", "blocked", "unavailable"],
)
def test_an_explanation_says_how_it_would_be_answered(explained, said):
    """It is true if the call is allowed; else it has the reason, and the code and the status of the answer."""
    facts = (explained.verdict, explained.reason, explained.hint, explained.code, explained.status)
    assert (bool(explained), *facts) == said


def test_a_refused_call_is_a_table():
    """Its table has a row a step, the facts below it, and at its end the verdict, the reason and the hint."""
    assert str(REFUSED).splitlines() == [
        "step                ms  what was decided, and on what",
        "recognise  ok     0.10  a JWT",
        "                          alg: RS256, kid: 1",
        "claims     NO  1500.00  expired",
        "",
        "REFUSED by Sso after 1500.10 ms",
        "reason  EXPIRED (code 900901, status 401): The token has expired. (claim exp, got 600 s ago)",
        "hint    Look at the clock.",
    ]


def test_an_allowed_call_ends_with_who_stands_behind_it():
    """Where there is nothing to complain of, the last line names the key manager and the organization."""
    assert str(ALLOWED).splitlines()[-2:] == ["", "ALLOWED by Sso in acme after 2.00 ms"]


def test_an_outage_ends_with_what_went_wrong():
    """Where nobody can tell, the last lines say so, and why."""
    expected = ["UNAVAILABLE after 0.00 ms", "reason  no answer (code 900900, status 503)"]
    assert str(DOWN).splitlines()[-2:] == expected


def test_long_texts_are_wrapped_below_themselves():
    """What does not fit on a line goes on in its column."""
    step = Step(name="check " + "x" * 50, decided="word " * 40)
    lines = str(Explanation(allowed=False, refusal=Refusal(reason=Reason.FORBIDDEN, hint="word " * 40), steps=(step,)))
    below = [line for line in lines.splitlines() if line.startswith(" ")]
    assert [(line.index("w"), len(line) <= 120) for line in below] == [(42, True), (42, True), (8, True)]
    assert "check xxxxxxxxxxxxxxxxxxxxx...  ok" in lines


def test_json_has_everything():
    """JSON has the verdict with all that belongs to it, and the steps."""
    assert json.loads(REFUSED.to_json()) == {
        "verdict": "refused",
        "allowed": False,
        "key_manager": "Sso",
        "organization": None,
        "reason": "EXPIRED",
        "error": "invalid_token",
        "sentence": "The token has expired.",
        "claim": "exp",
        "expected": None,
        "got": "600 s ago",
        "hint": "Look at the clock.",
        "unavailable": None,
        "code": 900901,
        "status": 401,
        "took_s": 1.5001,
        "steps": [
            {
                "name": "recognise",
                "decided": "a JWT",
                "ok": True,
                "took_s": 0.0001,
                "saw": {"alg": "RS256", "kid": "1"},
            },
            {"name": "claims", "decided": "expired", "ok": False, "took_s": 1.5, "saw": {}},
        ],
    }


@pytest.mark.parametrize("explained", [ALLOWED, REFUSED, DOWN], ids=lambda explained: explained.verdict)
def test_json_always_has_the_same_members(explained):
    """Whatever the verdict, JSON says what `to_dict` does, in one line of ASCII, with the same members."""
    text = explained.to_json()
    assert (json.loads(text), text.isascii(), "\n" in text) == (explained.to_dict(), True, False)
    assert explained.to_dict().keys() == REFUSED.to_dict().keys()


def test_json_keeps_names_as_they_are():
    """A name that is not ASCII is the same after JSON, and control characters are escaped in between."""
    explained = Explanation(allowed=True, key_manager="Schlüssel\x7f\x1b")
    assert json.loads(explained.to_json())["key_manager"] == "Schlüssel\x7f\x1b"
    assert explained.to_json().isprintable()
