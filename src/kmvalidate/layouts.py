"""
Payloads read with all their types at once, when a token laid out like them was verified before.

Rules kept here: a layout is a short cut and refuses nothing; what does not fit it goes the long way, which decides. It
is learnt from claims that passed every rule, and fits only where each of those rules is settled by the names of the
claims, by their types, or by a value that must be the same; what is left depends on the time and the audience
(`ClaimRules.hold`). A payload fits only if encoding it again gives the same bytes: it has then no member that was not
looked at, none twice and none in another spelling.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from kmvalidate.claims import ClientIdInstead
from kmvalidate.strict_json import NOT_NULL, PLAIN_INTEGER, PLAIN_VALUE, reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.claims import ClaimRules

    #: Reads a payload; None if it is not laid out like that.
    Layout = Callable[[bytes], Any]

_MAX_LAYOUTS = 256
_MAX_CLAIMS = 64

_ABSENT = {"aud": (), "nbf": 0, "iat": 0}
_LOOKED_AT = {"iss", "exp", *_ABSENT}

_TYPES: dict[str, Any] = {
    "integer": PLAIN_INTEGER,
    "text": str,
    "some text": Annotated[str, msgspec.Meta(min_length=1)],
    "names": str | list[str],
    "any": PLAIN_VALUE,
    "not null": NOT_NULL,
}
_REGISTERED = {
    "iss": "text", "sub": "text", "jti": "text", "aud": "names", "exp": "integer", "nbf": "integer", "iat": "integer",
}  # fmt: skip


def layout_of(claims: dict[str, Any], rules: ClaimRules) -> Layout | None:
    """
    Return the layout of a claims set that passed *rules*, or None if rules like these need the long way each time.

    Args:
        claims: The claims set, in the order of its payload.

        rules: The rules of its key manager.
    """
    unfit = isinstance(rules.audience, ClientIdInstead) or rules.limits_age or len(claims) > _MAX_CLAIMS
    fixed = rules.token_kinds.markers.keys() | rules.claim_values.keys()
    if unfit or not all(isinstance(claims.get(name, ""), str) for name in fixed):
        return None
    try:
        return _layout(tuple((name, *_kind(name, claims, fixed, rules)) for name in claims))
    except ValueError:  # a name that cannot be spelt in one way only
        return None


def _kind(name: str, claims: dict[str, Any], fixed: set[str], rules: ClaimRules) -> tuple[str, str]:
    if name in fixed:
        return "fixed", claims[name]
    if name in rules.consumer_key_claims:
        return "some text", ""
    if name in rules.scope_claims:
        return "names", ""
    return _REGISTERED.get(name, "not null" if name in rules.required_claims else "any"), ""


@lru_cache(_MAX_LAYOUTS)
def _layout(kinds: tuple[tuple[str, str, str], ...]) -> Layout:
    fields, json_names = [], {}
    for place, (name, kind, value) in enumerate(kinds):
        field = name if name in _LOOKED_AT else f"claim_{place}"
        fields.append((field, Literal[value] if kind == "fixed" else _TYPES[kind]))
        json_names[field] = name
    absent = {name: value for name, value in _ABSENT.items() if name not in json_names}
    return reader(msgspec.defstruct("Claims", fields, rename=json_names, namespace=absent, gc=False, frozen=True))
