"""
What a check is, and how what somebody brings becomes one.

Rules kept here: a check raises `Refused`, or returns None and thereby says nothing against the call. Whatever else it
does grants nothing: another value that it returns is an error, and what it raises passes through.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from kmvalidate.demands import Demands
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kmvalidate.cases import Case

    #: What a chain is made of: checks, plain functions of a case, and demands.
    Checks = Iterable["Check | Callable[[Case], None] | Demands"]


class Check(Protocol):
    """Something that may be held against a call."""

    def check(self, case: Case, /) -> None:
        """
        Look at a case, without I/O.

        Raises:
            Refused: The call is not allowed.
        """
        ...  # pragma: no cover


class BuiltIn:
    """A check of ours. What it says depends on nothing but the case, its time left aside."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """See `Check.check`."""
        raise NotImplementedError  # pragma: no cover  # each has its own

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Step:
    """
    One member of a chain.

    Args:
        member: What was brought.

    Raises:
        ConfigurationError: It is no check.
    """

    __slots__ = ("is_repeatable", "member", "name", "run")

    def __init__(self, member: Any) -> None:
        self.member = member
        self.run: Callable[[Case], object] = _callable(member)
        self.name = _name(member)
        #: Whether it says the same of the same case each time, so that it need not be asked again.
        self.is_repeatable: bool = _is_repeatable(member)

    def check(self, case: Case) -> None:
        """
        Let it look at *case*.

        Raises:
            Refused: The call is not allowed.
            ConfigurationError: It is no check after all: it returned something.
        """
        said = self.run(case)
        if said is not None:
            if isinstance(said, CoroutineType):
                said.close()
            raise ConfigurationError(f"{self.name} returned a {type(said).__name__}: a check raises Refused or returns")


def to_steps(members: Checks) -> tuple[Step, ...]:
    """
    Return the members of a chain made ready.

    Raises:
        ConfigurationError: One of them is no check.
    """
    return tuple(map(Step, members))


def _callable(member: Any) -> Callable[[Case], object]:
    if isinstance(member, Demands):
        return lambda case: member.check(case.token)
    own = getattr(member, "check", None)
    found = own if callable(own) else member
    if isinstance(member, type) or not callable(found):
        raise ConfigurationError("a check is an object with a method check, a function of a case, or Demands")
    if is_async(found):
        raise ConfigurationError("a check is a plain function: what it needs is loaded before")
    return found  # type: ignore[no-any-return]


def _name(member: Any) -> str:
    is_function = not hasattr(member, "check") and hasattr(member, "__name__")
    return str(member.__name__) if is_function else type(member).__name__


def _is_repeatable(member: Any) -> bool:
    return type(member) is Demands or (
        type(member).__module__.startswith("kmvalidate.chain.") and getattr(member, "is_repeatable", True)
    )
