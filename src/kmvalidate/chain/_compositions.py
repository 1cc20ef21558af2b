"""
Checks made of checks.

Rules kept here: a composition of nothing refuses, as does the negation of what refuses nothing. Only a `Refused` is an
answer: what else a member raises passes through. What a check could not tell stays refused, also turned round.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from kmvalidate.chain._check import to_steps
from kmvalidate.errors import Reason, Refused
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.cases import Case
    from kmvalidate.chain._check import Check
    from kmvalidate.demands import Demands

    Member = Check | Callable[[Case], None] | Demands

_NOTHING = "Nothing is checked: there are no checks."
_log = logging.getLogger("kmvalidate.chain")


class _Composition:
    """Some checks as one."""

    def __init__(self, *checks: Member) -> None:
        self._steps = to_steps(checks)
        members = (step.member for step in self._steps)
        #: Whether there is no check in it, however deep one looks.
        self.is_empty: bool = all(isinstance(one, _Composition) and one.is_empty for one in members)
        #: Whether some composition in it has none, which therefore refuses: `Not` would turn that round.
        self.has_empty: bool = self.is_empty or any(getattr(one, "has_empty", False) for one in self.checks)

    @property
    def checks(self) -> tuple[Member, ...]:
        """What it is made of."""
        return tuple(step.member for step in self._steps)

    @property
    def is_repeatable(self) -> bool:
        """Whether it says the same of the same case each time."""
        return all(step.is_repeatable for step in self._steps)

    def refuse_nothing(self) -> None:
        """
        See to it that there are checks.

        Raises:
            Refused: There are none.
        """
        if self.is_empty:
            raise Refused(Reason.FORBIDDEN, hint=_NOTHING)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(step.name for step in self._steps)})"


class AllOf(_Composition):
    """
    Refuses what any of *checks* refuses, with the reason of the first that does. Without checks it refuses everything.

    Args:
        *checks: Checks, plain functions of a case, or `Demands`.

    Raises:
        ConfigurationError: One of them is no check.
    """

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: One of them refuses.
        """
        self.refuse_nothing()
        for step in self._steps:
            step.check(case)


class AnyOf(_Composition):
    """
    Refuses what all of *checks* refuse, with the reason of the first of them, or of the first that could not tell.

    Without checks it refuses everything.

    Args:
        *checks: Checks, plain functions of a case, or `Demands`.

    Raises:
        ConfigurationError: One of them is no check.
    """

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: All of them refuse.
        """
        self.refuse_nothing()
        refusals = []
        for step in self._steps:
            try:
                step.check(case)
            except Refused as refused:
                refusals.append(refused)
            else:
                return
        raise next((refused for refused in refusals if is_undecided(refused, case)), refusals[0])


class Not(_Composition):
    """
    Refuses what *check* does not refuse (FORBIDDEN), and what it could not tell.

    Args:
        check: A check, a plain function of a case, or `Demands`.

        hint: What to tell who is refused.

    Raises:
        ConfigurationError: It is no check.
    """

    def __init__(self, check: Member, *, hint: str | None = None) -> None:
        super().__init__(check)
        self._hint = hint

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: Its member does not refuse, or cannot tell.
        """
        if self.has_empty:
            raise Refused(Reason.FORBIDDEN, hint=_NOTHING)
        try:
            self._steps[0].check(case)
        except Refused as refused:
            if is_undecided(refused, case):
                raise
            return
        raise Refused(Reason.FORBIDDEN, hint=self._hint, key_manager=case.token.key_manager)


class ReportOnly(_Composition):
    """
    Refuses nothing: counts and logs what *checks* would have refused, to try them out before they are enforced.

    Args:
        *checks: Checks, plain functions of a case, or `Demands`; the first that would refuse is told.

    Raises:
        ConfigurationError: One of them is no check.
    """

    def __init__(self, *checks: Member) -> None:
        super().__init__(*checks)
        self._refused: Counter[Reason] = Counter()
        self._counting = OwnLock()

    @property
    def is_repeatable(self) -> bool:
        """False, as each call is counted."""
        return False

    @property
    def would_have_refused(self) -> Mapping[Reason, int]:
        """How many calls would have been refused, by reason."""
        return dict(self._refused)

    def check(self, case: Case, /) -> None:
        """Look at *case*, and let it pass."""
        try:
            self.refuse_nothing()
            for step in self._steps:
                step.check(case)
        except Refused as refused:
            with self._counting:
                self._refused[refused.reason] += 1
            _log.warning("%r would have refused a call: %s", self, refused)


def is_undecided(refused: Refused, case: Case) -> bool:
    """Tell whether a check refused because nobody could tell, so that the opposite is not known either."""
    is_of_no_type = refused.reason is Reason.WRONG_TOKEN_TYPE and case.token.is_application is None
    return is_of_no_type or refused.reason is Reason.UNKNOWN_ROLES
