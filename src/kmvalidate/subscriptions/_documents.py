"""
A store's content as one JSON or TOML document.

Rules kept here: whatever is not understood is an error that names its place and never shows a value: an unknown member,
an identity that is given twice, an application that is not there.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec

from kmvalidate.errors import ConfigurationError, shown
from kmvalidate.strict_json import Flaw, parse_document
from kmvalidate.subscriptions._policies import ApplicationPolicy, SubscriptionPolicy
from kmvalidate.subscriptions._records import AnyRecord, Application, KeyMapping, Subscription

_TABLES: dict[str, type[AnyRecord]] = {
    "applications": Application,
    "key_mappings": KeyMapping,
    "subscriptions": Subscription,
    "subscription_policies": SubscriptionPolicy,
    "application_policies": ApplicationPolicy,
}
_PLACE = re.compile(r"\(at (?:line [0-9]+, column [0-9]+|end of document)\)")


def records_of_json(document: str | bytes) -> list[AnyRecord]:
    """
    Return the records that a JSON document holds.

    Raises:
        ConfigurationError: It is not JSON in UTF-8, or one of its records is wrong.
    """
    if not isinstance(document, str | bytes):
        raise ConfigurationError("a JSON document is a str or bytes")
    members = parse_document(document)
    if isinstance(members, Flaw):
        raise ConfigurationError(f"the document is wrong: {members}")
    return _records(members)


def records_of_toml(document: str) -> list[AnyRecord]:
    """
    Return the records that a TOML document holds.

    Raises:
        ConfigurationError: It is not TOML, or one of its records is wrong.
    """
    if not isinstance(document, str):
        raise ConfigurationError("a TOML document is a str")
    members, where = None, ""
    try:
        members = tomllib.loads(document)
    except (ValueError, RecursionError) as error:
        place = _PLACE.search(str(error))
        where = "" if place is None else f" {place[0]}"
    if members is None:  # here, so that no error leads to one that shows the document
        raise ConfigurationError(f"the document is not TOML{where}")
    return _records(members)


def _records(members: dict[str, Any]) -> list[AnyRecord]:
    unknown = [shown(name) for name in members if name not in _TABLES]
    if unknown:
        raise ConfigurationError(f"there is no table {unknown[0]}; there are {', '.join(_TABLES)}")
    records = {}
    for table, kind in _TABLES.items():
        rows = members.get(table, [])
        if not isinstance(rows, list):
            raise ConfigurationError(f"{table} is a list of tables")
        records.update({f"{table}[{place}]": _record(f"{table}[{place}]", row, kind) for place, row in enumerate(rows)})
    _check_identities(records)
    _check_references(records)
    return list(records.values())


def _record(place: str, row: object, kind: type[AnyRecord]) -> AnyRecord:
    try:
        return msgspec.convert(row, kind)
    except (msgspec.ValidationError, ConfigurationError) as error:
        flaw = shown(str(error))
    raise ConfigurationError(f"{place}: {flaw}")


def _check_identities(records: dict[str, AnyRecord]) -> None:
    first: dict[Any, str] = {}
    for place, record in records.items():
        other = first.setdefault(record.identity, place)
        if other != place:
            raise ConfigurationError(f"{place} has the identity of {other}")


def _check_references(records: dict[str, AnyRecord]) -> None:
    known = {record.id for record in records.values() if isinstance(record, Application)}
    for place, record in records.items():
        if isinstance(record, KeyMapping | Subscription) and record.application not in known:
            raise ConfigurationError(f"{place}: application is none of those in the document")
