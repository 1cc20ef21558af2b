"""
What came of a token and a call, and how: as a table for a person, and as JSON for a program.

Rules kept here: a line of the table is of printable ASCII and has a bounded width; the names in the JSON stay the same.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.fields import FrozenDict
from kmvalidate.trace._text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kmvalidate.errors import Reason, Refusal

#: The facts of a refusal that are text.
FACTS = ("claim", "expected", "got", "hint")


_WIDTH = 120
_NAME_CHARS = 30
_TEXT_CHARS = 1000
_MS_PER_S = 1000


@attrs.frozen(kw_only=True)
class Step:
    """
    One thing that was done with a token.

    Args:
        name: What was done: "recognise", "key manager", "signature", "check scopes" and the like.

        decided: What came of it.

        saw: What it looked at, name by name.

        took_s: Seconds since the step before.

        ok: Whether the token passed it.
    """

    name: str
    decided: str
    saw: Mapping[str, str] = FrozenDict()
    took_s: float = 0.0
    ok: bool = True


@attrs.frozen(kw_only=True)
class Explanation:
    """
    What the library did with a token and a call, and what came of it. ``str`` of it is a table for a person.

    It is true if the call is allowed, and holds neither the token nor a secret.

    Args:
        steps: What was done, in that order.

        allowed: Whether the call goes on.

        refusal: Why it does not, where the token or the call is at fault.

        unavailable: Why nobody can tell now, where a key manager could not be asked.

        key_manager: The name of the key manager that answered for the token, if one did.

        organization: The organization that was asked for, if one was.

        took_s: Seconds for everything.
    """

    steps: tuple[Step, ...] = ()
    allowed: bool
    refusal: Refusal | None = None
    unavailable: str | None = None
    key_manager: str | None = None
    organization: str | None = None
    took_s: float = 0.0

    @property
    def verdict(self) -> str:
        """``allowed``, ``refused`` or ``unavailable``."""
        if self.allowed:
            return "allowed"
        return "refused" if self.unavailable is None else "unavailable"

    @property
    def reason(self) -> Reason | None:
        """Why the token or the call was refused; None if it was not."""
        return None if self.refusal is None else self.refusal.reason

    @property
    def hint(self) -> str | None:
        """What to try next, where the library has seen the mistake before."""
        return None if self.refusal is None else self.refusal.hint

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer; None if the call is allowed, for then the API answers."""
        return self._answer[1]

    @property
    def code(self) -> int | None:
        """The WSO2 error code of the answer; None if the call is allowed."""
        return self._answer[0]

    @property
    def _answer(self) -> tuple[int | None, int | None]:
        if self.unavailable is not None:
            return KeyManagerUnavailable.code, KeyManagerUnavailable.status
        return (None, None) if self.reason is None else (self.reason.code, self.reason.status)

    def to_dict(self) -> dict[str, Any]:
        """
        Return everything as plain values, for JSON.

        The members stay the same: ``verdict``, ``allowed``, ``key_manager``, ``organization``, ``reason`` (its name),
        ``error`` (RFC 6750 section 3.1), ``sentence``, ``claim``, ``expected``, ``got``, ``hint``, ``unavailable``,
        ``code`` (WSO2's), ``status``, ``took_s`` and ``steps``; of each step ``name``, ``ok``, ``decided``, ``saw`` and
        ``took_s``. What does not apply is None.
        """
        return {
            "verdict": self.verdict,
            "allowed": self.allowed,
            "key_manager": self.key_manager,
            "organization": self.organization,
            **_members_of(self.refusal),
            "unavailable": self.unavailable,
            "code": self.code,
            "status": self.status,
            "took_s": self.took_s,
            "steps": [attrs.asdict(step) | {"saw": dict(step.saw)} for step in self.steps],
        }

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON (RFC 8259) in printable ASCII."""
        return json.dumps(self.to_dict()).replace("\x7f", "\\u007f")

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        return "\n".join((*_table(self.steps), "", *_ending(self)))


def _members_of(refusal: Refusal | None) -> dict[str, Any]:
    """Return what JSON has of a refusal, each None if there is none."""
    reason = None if refusal is None else refusal.reason
    said = {member: getattr(reason, member, None) for member in ("name", "error", "sentence")}
    return {"reason": said.pop("name"), **said, **{fact: getattr(refusal, fact, None) for fact in FACTS}}


def _table(steps: Iterable[Step]) -> Iterator[str]:
    rows = [("step", "", "ms", "what was decided, and on what", "")]
    for step in steps:
        facts = ", ".join(f"{fact}: {value}" for fact, value in step.saw.items())
        rows.append((_short(step.name), "ok" if step.ok else "NO", _ms(step.took_s), step.decided, facts))
    names, times = max(len(row[0]) for row in rows), max(len(row[2]) for row in rows)
    for name, passed, took, decided, facts in rows:
        start = f"{name:<{names}}  {passed:<2}  {took:>{times}}  "
        yield from _wrapped(start, decided)
        yield from _wrapped(" " * len(start) + "  ", facts) if facts else ()


def _ending(explained: Explanation) -> Iterator[str]:
    who = f" by {_short(explained.key_manager)}" if explained.key_manager else ""
    where = f" in {_short(explained.organization)}" if explained.organization else ""
    yield f"{explained.verdict.upper()}{who}{where} after {_ms(explained.took_s)} ms"
    answer = f"(code {explained.code}, status {explained.status})"
    if explained.unavailable is not None:
        yield from _wrapped("reason  ", f"{explained.unavailable} {answer}")
    if explained.refusal is not None:
        sentence = attrs.evolve(explained.refusal, hint=None)
        yield from _wrapped("reason  ", f"{explained.refusal.reason.name} {answer}: {sentence}")
    if explained.hint:
        yield from _wrapped("hint    ", explained.hint)


def _ms(seconds: float) -> str:
    return f"{seconds * _MS_PER_S:.2f}"


def _short(text: str) -> str:
    line = printable(text[: _NAME_CHARS + 1])
    return line if len(line) <= _NAME_CHARS else line[: _NAME_CHARS - 3] + "..."


def _wrapped(start: str, text: str) -> list[str]:
    line = printable(text[:_TEXT_CHARS])
    lines = textwrap.wrap(line, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
    return lines or [start.rstrip()]
