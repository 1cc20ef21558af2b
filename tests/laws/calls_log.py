"""
A store of subscriptions as a log: what it holds is what comes out when all changes are gone through by their times.

Rules kept here: nothing of the library; nothing is kept but the log, which is read anew for each question.
"""

from __future__ import annotations

from typing import Any

from tests.laws.calls_plans import App, Mapping

NEVER = float("-inf")


def key_of(plan: Any) -> tuple[Any, ...]:
    """Return what a record is known by."""
    if isinstance(plan, App):
        return ("application", plan.id)
    if isinstance(plan, Mapping):
        return ("mapping", plan.organization, plan.key_manager, plan.consumer_key)
    return ("subscription", plan.application, plan.api or plan.named or plan.ranged)


class Log:
    """Changes with their times, in the order in which they came."""

    def __init__(self, records: Any) -> None:
        self.since = NEVER
        self.changes: list[tuple[float, str, Any]] = [(NEVER, "put", one) for one in records]

    def records(self) -> list[Any]:
        """Return what it holds."""
        return [plan for plan, _ in self._standing().values()]

    def _standing(self) -> dict[Any, tuple[Any, float]]:
        standing: dict[Any, tuple[Any, float]] = {}
        for at, what, plan in sorted(self.changes, key=lambda change: change[0]):  # stable: else as they came
            key = key_of(plan)
            if what == "put":
                standing[key] = (plan, at)
            elif what == "remove":
                standing.pop(key, None)
            else:
                for gone in self._of(plan.id, standing):
                    del standing[gone]
        return standing

    @staticmethod
    def _of(application: str, standing: dict[Any, Any]) -> list[Any]:
        return [
            key
            for key, (plan, _) in standing.items()
            if key == ("application", application) or getattr(plan, "application", None) == application
        ]

    def _known_at(self, plan: Any, what: str) -> float:
        """Return the time of the last change of a record, and of the removal of the application it is a part of."""
        times = [self.since]
        for at, other, changed in self.changes:
            is_same = other != "remove all" and key_of(changed) == key_of(plan)
            owner = plan.id if isinstance(plan, App) else plan.application
            counts = not (isinstance(plan, Mapping) and what == "remove")  # whose it was does not matter
            if is_same or (counts and other == "remove all" and changed.id == owner):
                times.append(at)
        if what == "remove all":
            standing = self._standing()
            times += [standing[key][1] for key in self._of(plan.id, standing)]
        return max(times)

    def change(self, what: str, plan: Any, at: float | None) -> None:
        """Note that a record was put or removed; without a time, that it was at the time known of it."""
        at = self._known_at(plan, what) if at is None else at
        if at >= self.since:
            self.changes.append((at, what, plan))

    def replace(self, records: Any, as_of: float | None) -> None:
        """Note that all was like this at a time; without one, that nothing else was ever known."""
        at = NEVER if as_of is None else as_of
        if as_of is None or at >= self.since:
            later = [] if as_of is None else [change for change in self.changes if change[0] > at]
            self.since, self.changes = at, [(at, "put", one) for one in records] + later
