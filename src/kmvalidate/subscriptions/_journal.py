"""
What changes in a store while something is loaded for it.

Rules kept here: what changed meanwhile is newer than what was loaded, unless both say of when they are; then their
times decide, and not these notes. A load that never ends costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate.subscriptions._records import Application

if TYPE_CHECKING:
    from kmvalidate.subscriptions._base import Identity
    from kmvalidate.subscriptions._records import AnyRecord

_MOST_NOTED = 10_000


class _Noted(set[Any]):
    """The identities of what changed, and of these what was removed."""

    def __init__(self) -> None:
        self.removed: set[Identity] = set()
        self.is_everything = False

    def note(self, identities: list[Identity], *, are_removed: bool) -> None:
        """Note what changes; of very much, that it was everything."""
        self.update(identities)
        if are_removed:
            self.removed.update(identities)
        if len(self) > _MOST_NOTED:
            self.note_everything()

    def note_everything(self) -> None:
        self.is_everything = True
        self.clear()
        self.removed.clear()

    def has(self, record: AnyRecord) -> bool:
        """Tell whether a record changed, its application was removed, or everything changed."""
        owner = (Application, getattr(record, "application", None))
        return self.is_everything or record.identity in self or owner in self.removed


class Journal:
    """What changed while something was loaded, and what of that without a time."""

    def __init__(self) -> None:
        self._changed, self._untimed = _Noted(), _Noted()

    def note(self, identities: list[Identity], at: float | None, *, are_removed: bool = False) -> None:
        """Note changes of that time, None for none."""
        for noted in self._those_for(at):
            noted.note(identities, are_removed=are_removed)

    def note_everything(self, at: float | None) -> None:
        """Note that everything was replaced, as of that time, None for none."""
        for noted in self._those_for(at):
            noted.note_everything()

    def _those_for(self, at: float | None) -> tuple[_Noted, ...]:
        return (self._changed, self._untimed) if at is None else (self._changed,)

    def has(self, record: AnyRecord, as_of: float | None) -> bool:
        """Tell whether a record that was loaded *as_of* a time, None for none, is to be left out for what changed."""
        return (self._changed if as_of is None else self._untimed).has(record)
