"""
Fetches that several callers may wait for.

Rules kept here: a shared fetch belongs to no caller. Each runs detached, one at a time for a key,
and lands a value, never an exception that callers would share; callers only wait. Flights are known by process id, so a
fork in mid-flight leaves nothing stuck, and one that is overdue is launched again.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from kmvalidate.errors import KMValidateError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from kmvalidate.ports import Ports

    #: What runs detached from whoever began it, with ports of its own.
    Job = Callable[[Ports], Coroutine[Any, Any, None]]

T = TypeVar("T")

#: Seconds by which a flight may exceed its deadline before its callers give it up.
GRACE_S = 1.0


@attrs.frozen
class Failed:
    """
    What a flight lands that brought nothing.

    Args:
        why: What went wrong, for an operator.

        flown: Whether its work found that out itself, rather than never beginning or not ending in time.

        retry_after_s: Seconds after which trying again makes sense.
    """

    why: str
    flown: bool = False
    retry_after_s: float = 1.0


@attrs.frozen
class Fetched(Generic[T]):
    """What a flight lands that brought something."""

    value: T


Outcome = Fetched[T] | Failed


@attrs.frozen(eq=False)
class Flight(Generic[T]):
    """
    One fetch under way.

    Args:
        started_at: When it was launched, on the monotonic clock.

        deadline_s: Seconds it may take.

        landed: Where its outcome will be.
    """

    started_at: float
    deadline_s: float
    landed: Future[Outcome[T]] = attrs.field(factory=Future)

    def is_overdue(self, now: float) -> bool:
        """Tell whether it should have landed by *now*."""
        return now > self.started_at + self.deadline_s + GRACE_S

    async def outcome(self, ports: Ports) -> Outcome[T]:
        """Wait for what it brings, for as long as it may take."""
        try:
            return await ports.join(self.landed, self.deadline_s + GRACE_S)
        except TimeoutError:
            return Failed("no answer within the deadline")


class Flights:
    """The fetches under way in this process, at most one for each key."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[int, Hashable], Flight[Any]] = {}

    def find(self, key: Hashable, ports: Ports) -> Flight[Any] | None:
        """Return the flight under way for *key*, if there is one that is not overdue."""
        flight = self._under_way.get((os.getpid(), key))
        return None if flight is None or flight.is_overdue(ports.clock.monotonic()) else flight

    def launch(
        self,
        key: Hashable,
        work: Callable[[Ports], Coroutine[Any, Any, T]],
        ports: Ports,
        deadline_s: float,
        start: Callable[[Job], Failed | None] | None = None,
    ) -> Flight[T]:
        """
        Return the flight for *key*, launching it if there is none under way, or only one that is overdue.

        Args:
            key: What is fetched, organization and key manager included.

            work: Fetches it; whatever it raises is landed as `Failed`.

            ports: The caller's; the flight itself flies with those that `Ports.spawn` gives it.

            deadline_s: Seconds the work may take.

            start: Lets the work run detached, or says why it does not; by default `Ports.spawn` does. It is called for
                a flight that is launched, and not for one that is under way.
        """
        where = (os.getpid(), key)
        mine: Flight[T] = Flight(ports.clock.monotonic(), deadline_s)
        flight = self._under_way.setdefault(where, mine)
        if flight is not mine and flight.is_overdue(mine.started_at):
            self._under_way[where] = flight = mine
        if flight is mine:
            self._start(where, mine, work, start or ports.spawn)
        return flight

    def _start(
        self,
        where: tuple[int, Hashable],
        flight: Flight[T],
        work: Callable[[Ports], Coroutine[Any, Any, T]],
        start: Callable[[Job], Failed | None],
    ) -> None:
        async def job(own: Ports) -> None:
            self._land(where, flight, await _outcome(work, own))

        try:
            held = start(job)
        except RuntimeError as error:  # no thread could be started
            held = Failed(str(error))
        except BaseException:  # a signal handler's, for one
            self._land(where, flight, Failed("whoever began it was interrupted"))
            raise
        if held is not None:
            self._land(where, flight, held)

    def _land(self, where: tuple[int, Hashable], flight: Flight[T], outcome: Outcome[T]) -> None:
        if self._under_way.get(where) is flight:
            del self._under_way[where]
        with suppress(InvalidStateError):  # it landed when whoever began it was interrupted
            flight.landed.set_result(outcome)


def why(error: BaseException) -> str:
    """Return what an operator reads of *error*: the text of one of ours, of any other its type alone."""
    return str(error) if isinstance(error, KMValidateError) else f"the transport raised {type(error).__name__}"


async def _outcome(work: Callable[[Ports], Coroutine[Any, Any, T]], ports: Ports) -> Outcome[T]:
    try:
        return Fetched(await work(ports))
    except BaseException as error:  # noqa: BLE001  # a user's transport may raise anything; the callers need an outcome
        return Failed(why(error), flown=True, retry_after_s=getattr(error, "retry_after_s", 1.0))
