"""
The chain that every call has to pass.

Rules kept here: what stands in the chain is data, in a stated order, and each member may refuse. A chain of nothing
refuses everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kmvalidate.chain._checks import DEFAULT_CHECKS
from kmvalidate.chain._compositions import AllOf
from kmvalidate.errors import ConfigurationError, Refused

if TYPE_CHECKING:
    from kmvalidate.cases import Case
    from kmvalidate.chain._check import Checks
    from kmvalidate.trace import Trace


class ValidatorChain(AllOf):
    """
    What may be held against a call whose token is good: checks, each of which raises `Refused` or returns.

    They are asked in their order, and the first that refuses gives the reason. A chain of no checks refuses everything.

    Args:
        checks: Objects with a method ``check(case)``, plain functions of a `Case`, or `Demands`; by default
            `DEFAULT_CHECKS`. To these, checks of one's own are added with `followed_by`.

    Raises:
        ConfigurationError: One of them is no check.
    """

    def __init__(self, checks: Checks = DEFAULT_CHECKS) -> None:
        super().__init__(*_listed(checks))

    def followed_by(self, *checks: Any) -> ValidatorChain:
        """Return a chain of these checks and then *checks*."""
        return ValidatorChain((*self.checks, *checks))

    def check(self, case: Case, /, trace: Trace | None = None) -> None:
        """
        See `Check.check`.

        Args:
            case: What to look at.

            trace: Who is told what each of them finds, None for nobody.

        Raises:
            Refused: One of them refuses.
        """
        self.refuse_nothing()
        for step in self._steps:
            try:
                step.check(case)
            except Refused as refused:
                if trace is not None:
                    trace.step(step.name, refused.reason.sentence, ok=False)
                raise
            if trace is not None:
                trace.step(step.name, "nothing against it")


def _listed(checks: Any) -> tuple[Any, ...]:
    """Return checks as a tuple: a single one is no chain, and neither are the letters of a text."""
    if isinstance(checks, str | bytes | Mapping) or not isinstance(checks, Iterable):
        raise ConfigurationError("a chain is made of several checks, in a list or a tuple")
    return tuple(checks)
