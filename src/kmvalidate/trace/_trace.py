"""
Noting what is done.

Rules kept here: what is noted is shown as in errors, one line, ASCII, at most 120 characters; the token is never in it,
nor a part of it that would be worth anything; no time is negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from kmvalidate.errors import shown
from kmvalidate.fields import FrozenDict
from kmvalidate.trace._explanation import FACTS, Explanation, Step
from kmvalidate.trace._text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kmvalidate.errors import Refusal

_HIDDEN = "(the token)"
_UNSHOWABLE = "(cannot be shown)"
_GUESSED_CHARS = 8  # whoever knows fewer characters may as well guess them; and "null" is in many a sentence
_PART_CHARS = 16
_MOST_CHARS = 65_536  # of more than that nobody reads anything
_TEXT_CHARS = 1000


class Trace:
    """
    Notes what is done with one token.

    Args:
        clock: What measures how long a step takes, in seconds: `kmvalidate.ports.Clock.monotonic`.

        secret: The token. What contains it, or 16 characters of it in a row, is not shown; of one that is shorter than
            8 characters, what is nothing else.
    """

    def __init__(self, clock: Callable[[], float], *, secret: object = None) -> None:
        self._clock = clock
        self._seen_at = clock()
        self._took_s = 0.0
        self._steps: list[Step] = []
        self._finished = False
        self._secret = _Secret(secret)

    def step(self, name: object, decided: object, /, *, ok: bool = True, **saw: object) -> None:
        """
        Note what was done since the last step; after `finish` nothing is noted any more.

        Args:
            name: What was done.

            decided: What came of it.

            ok: Whether the token passed it.

            saw: What was looked at; never the token itself.
        """
        if self._finished:
            return
        show = self._secret.hidden
        facts = FrozenDict({show(fact): show(value) for fact, value in saw.items()})
        self._steps.append(Step(name=show(name), decided=show(decided), saw=facts, took_s=self._lap_s(), ok=ok))

    def stop(self, why: object) -> None:
        """Note where it ended, unless the last step told that already."""
        if not self._steps or self._steps[-1].ok:
            self.step("verdict", why, ok=False)

    def finish(
        self,
        *,
        allowed: bool = False,
        refusal: Refusal | None = None,
        unavailable: str | None = None,
        key_manager: str | None = None,
        organization: str | None = None,
    ) -> Explanation:
        """
        Return what was noted with what came of it, and forget the token.

        Args:
            allowed: As for `Explanation`, like the others.

            refusal: See there.

            unavailable: See there.

            key_manager: See there.

            organization: See there.
        """
        self._lap_s()
        self._finished = True
        without, self._secret = self._secret.left_out, _Secret(None)
        facts: dict[str, Any] = {fact: without(getattr(refusal, fact, None)) for fact in FACTS}
        return Explanation(
            steps=tuple(self._steps),
            allowed=allowed,
            refusal=None if refusal is None else attrs.evolve(refusal, **facts),
            unavailable=without(unavailable),
            key_manager=without(key_manager),
            organization=without(organization),
            took_s=self._took_s,
        )

    def _lap_s(self) -> float:
        """Return the seconds since it was last asked; none if the clock was set back."""
        now = self._clock()
        lap_s, self._seen_at = max(0.0, now - self._seen_at), now
        self._took_s += lap_s
        return lap_s


class _Secret:
    """What must not be shown."""

    def __init__(self, secret: object) -> None:
        text = str.__str__(cast("str", secret))[:_MOST_CHARS] if issubclass(type(secret), str) else ""
        parts = (text, *(part for part in text.split(".") if len(part) >= _PART_CHARS))
        self._parts = tuple(part for part in parts if len(part) >= _GUESSED_CHARS)
        self._escaped = escaped(text)

    def hidden(self, value: object) -> str:
        """Return *value* as it is shown; never raise."""
        try:
            line = shown(value)
            return _HIDDEN if self._is_told(_texts(value), line) else line
        except Exception:  # noqa: BLE001  # whatever a stranger's object does when it is looked at
            return _UNSHOWABLE

    def left_out(self, said: object) -> str | None:
        """Return the start of a text, unless it tells the secret; None for None, and what is no text as it is shown."""
        if type(said) is not str:
            return None if said is None else self.hidden(said)
        start = said[:_TEXT_CHARS]
        return _HIDDEN if self._is_told((said,), escaped(start)) else start

    def _is_told(self, texts: Iterable[str], line: str) -> bool:
        windows = (line[start : start + _PART_CHARS] for start in range(len(line) - _PART_CHARS + 1))
        return (
            (line != "" and line == self._escaped)
            or any(part in text for text in texts for part in self._parts)
            or any(window in self._escaped for window in windows)
        )


def _texts(value: object) -> list[str]:
    """Return the texts that are shown of *value*, whole."""
    members = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    return [str.__str__(member) for member in members if isinstance(member, str)]
