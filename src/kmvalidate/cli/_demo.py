"""
``kmvalidate demo``: good and bad tokens of five identity providers, and calls, over real HTTP on this machine.

Rules kept here: the tokens go the way every token goes, through `TokenValidator.validate`; what is shown is what it
answered, never the token; an answer that is not the expected one is marked and makes the exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.cli._demo_calls import CALLS
from kmvalidate.cli._demo_cast import assembled
from kmvalidate.cli._demo_tokens import ACCEPTED, TOKENS, UNAVAILABLE
from kmvalidate.cli._table import table
from kmvalidate.errors import KeyManagerUnavailable, Reason, Refused, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kmvalidate.authorized import AuthorizedCall
    from kmvalidate.cli._demo_cast import Cast
    from kmvalidate.cli._demo_tokens import Case, Phase
    from kmvalidate.validator import TokenValidator
    from kmvalidate.verified import VerifiedToken

    Answers = Sequence[tuple[Phase, Sequence[tuple[Case, "Answer"]]]]

#: Everything that is sent, in that order.
PHASES = (*TOKENS, *CALLS)

_WIDTH = 120
_HEAD = ("token", "key manager", "verdict", "reason", "hint")
_ASKED_HEAD = ("key manager", "requests", "for")
_NOTHING = "-"
_NAME_WIDTH = 12
_UNAVAILABLE_STATUS = 503


@attrs.frozen(kw_only=True)
class Answer:
    """
    What became of one token, in words.

    Args:
        key_manager: Who answered for it, if anybody.

        verdict: ``accepted``, ``refused`` or ``unavailable``; with the HTTP status unless the call goes on.

        reason: The name of the `kmvalidate.Reason`, if it was refused.

        outcome: What it comes to, as a `Case` says it: a reason, ``ACCEPTED`` or ``UNAVAILABLE``.

        hint: What a person should know.
    """

    key_manager: str | None
    verdict: str
    reason: str = _NOTHING
    outcome: Reason | str
    hint: str


def run() -> int:
    """
    Run the demonstration and print it.

    Returns:
        0 if every token was answered as it should be, else 1.
    """
    with assembled() as cast:
        answers = [(phase, tuple(_played(phase, cast))) for phase in PHASES]
        lines = (*_opening(cast), *_rows(answers), *_closing(cast, answers))
    print(*lines, sep="\n")
    return 1 if _surprises(answers) else 0


def answer(case: Case, validator: TokenValidator, token: str | None) -> Answer:
    """Ask *validator* about the call of *case* with *token*, and put the answer into words."""
    try:
        allowed = validator.validate(token, case.call)
    except Refused as refused:
        return _refusal(refused)
    except KeyManagerUnavailable as outage:
        again = f"{outage.why}; try again in {outage.retry_after_s:.0f} s"
        verdict = f"unavailable {_UNAVAILABLE_STATUS}"
        return Answer(key_manager=outage.key_manager, verdict=verdict, outcome=UNAVAILABLE, hint=again)
    who = None if allowed.token is None else allowed.token.key_manager
    return Answer(key_manager=who, verdict="accepted", outcome=ACCEPTED, hint=_known(allowed))


def _refusal(refused: Refused) -> Answer:
    said = (("got", refused.got), ("expected", refused.expected))
    facts = f"{refused.claim}: " + ", ".join(f"{what} {fact}" for what, fact in said if fact is not None)
    return Answer(
        key_manager=refused.key_manager,
        verdict=f"refused {refused.reason.status}",
        reason=refused.reason.name,
        outcome=refused.reason,
        hint=refused.hint or (facts if refused.claim else refused.reason.sentence),
    )


def _known(allowed: AuthorizedCall) -> str:
    """Return what is known of who calls, and of an API's call what its backend is told."""
    if allowed.token is None:
        return "anybody may call this"
    if allowed.application is None:
        return _who(allowed.token)
    headers = ", ".join(allowed.backend_headers)
    return f"{allowed.application.name}, {allowed.application.tier}; its backend gets a JWT in {headers}"


def _who(verified: VerifiedToken) -> str:
    whose = "itself" if verified.is_application else verified.subject or "a user"
    return f"{verified.consumer_key} for {whose}, may {' '.join(sorted(verified.scopes))}"


def _played(phase: Phase, cast: Cast) -> Iterator[tuple[Case, Answer]]:
    phase.happens(cast)
    for case in phase.cases:
        yield case, answer(case, cast.validator, case.make(cast))


def _surprises(answers: Answers) -> int:
    return sum(case.outcome != given.outcome for _, played in answers for case, given in played)


def _count(answers: Answers) -> int:
    return sum(len(played) for _, played in answers)


def _opening(cast: Cast) -> Iterator[str]:
    yield "Five identity providers run on this machine while this demo lasts, and one gateway knows them all:"
    yield ""
    yield from (f"  {name:<{_NAME_WIDTH}}{provider.issuer}" for name, provider in cast.named.items())
    yield ""


def _rows(answers: Answers) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for phase, played in answers:
        rows.append((f"{phase.title}:",))
        for case, given in played:
            rows.append((case.title, given.key_manager or _NOTHING, given.verdict, given.reason, _hint(case, given)))
    return table(_HEAD, rows, _WIDTH)


def _hint(case: Case, given: Answer) -> str:
    if case.outcome == given.outcome:
        return given.hint
    expected = case.outcome.name if isinstance(case.outcome, Reason) else case.outcome
    return f"NOT EXPECTED (should be {expected}): {given.hint}"


def _closing(cast: Cast, answers: Answers) -> Iterator[str]:
    surprises, count = _surprises(answers), _count(answers)
    yield ""
    yield f"For all {count} answers together the gateway asked the providers, over HTTP:"
    yield ""
    asked = ((name, provider.hits) for name, provider in cast.named.items())
    yield from table(
        _ASKED_HEAD, [(name, str(hits.total()), ", ".join(map(shown, hits))) for name, hits in asked], _WIDTH
    )
    yield ""
    yield "Refused is the caller's affair (401 or 403); unavailable is ours (503)."
    yield f"{surprises} of {count} answers were not as expected." if surprises else "Every answer was as expected."
    yield ""
    yield "Next: `kmvalidate discover URL` shows what your own provider publishes. Every reason is explained in"
    yield "docs/why-refused.md, and docs/quickstart.md leads from here to your first API."
