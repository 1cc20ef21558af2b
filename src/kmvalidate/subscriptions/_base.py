"""
What all records of a store have in common.

Rules kept here: whatever is an identity is a non-empty string, or None where there is none; an empty one matches
nothing, so none is made. What is of the wrong type is an error when the record is made.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import msgspec

from kmvalidate.errors import ConfigurationError

#: What a record is known by: of all but key mappings the kind first, which no organization is equal to.
Identity = tuple[Any, ...]

_TEXT, _WHOLE = (str, type(None)), (int, type(None))
_NUMBERS = "number", "rate_limit_count", "graphql_max_complexity", "graphql_max_depth"


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What all records have in common: which of their fields are identities, and that these are checked."""

    #: The fields that are non-empty strings, and those that may be None instead.
    needed: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[tuple[str, ...]] = ()
    #: Further texts, which may be empty or None.
    texts: ClassVar[tuple[str, ...]] = ()
    #: The fields whose texts many records have in common, and so share where they are kept.
    shared: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.needed:
            if not _is_name(getattr(self, name)):
                raise ConfigurationError(f"{name} is a non-empty string")
        for name in self.named:
            value = getattr(self, name)
            if value is not None and not _is_name(value):
                raise ConfigurationError(f"{name} is a non-empty string or None")
        self._check_others()

    def _check_others(self) -> None:
        for name in self.texts:
            if getattr(self, name).__class__ not in _TEXT:
                raise ConfigurationError(f"{name} is a string or None")
        for name in _NUMBERS:
            if getattr(self, name, None).__class__ not in _WHOLE:
                raise ConfigurationError(f"{name} is a whole number or None")


def share_texts(record: Record) -> None:
    """
    Let a record that is kept share its texts with others.

    Not every record does: of CPython 3.12 some releases never let go of such texts, and tokens bring ever new ones.
    """
    for name in record.shared:
        value = getattr(record, name)
        if value is not None:
            msgspec.structs.force_setattr(record, name, sys.intern(value))


def _is_name(value: object) -> bool:
    return value.__class__ is str and value != ""
