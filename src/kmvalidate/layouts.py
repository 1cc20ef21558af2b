"""
Payloads read with all their types at once, when a token laid out like them was verified before.

Rules kept here: a layout is a short cut and refuses nothing; what does not fit it goes the long way, which decides. It
is learnt from claims that passed every rule, and fits only where each of those rules is settled by the names of the
claims, by their types, or by a value that must be the same; what is left depends on the audience (`ClaimRules.accept`)
and on the time. A payload fits only if encoding it again gives the same bytes: it has then no member that was not
looked at, none twice and none in another spelling. Making a layout takes far longer than using one, so there is an end
to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from kmvalidate.audiences import ClientIdInstead
from kmvalidate.claims import NUMBERS, STRINGS
from kmvalidate.strict_json import DEEP, FLAT, PLAIN_INTEGER, SCALAR, reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.claims import ClaimRules

    #: Reads a payload; None if it is not laid out like that.
    Layout = Callable[[bytes], Any]
    #: What decides a layout: for each claim its name, the kind of its type, and the value it must have.
    Plan = tuple[tuple[str, str, str], ...]

_MAX_LAYOUTS = 256
_MAX_CLAIMS = 64
_MAX_DEEP = 4

_ABSENT = {"aud": (), "nbf": 0, "iat": 0}
_LOOKED_AT = {"iss", "exp", *_ABSENT}

_TYPES: dict[str, Any] = {
    "integer": PLAIN_INTEGER,
    "text": str,
    "some text": Annotated[str, msgspec.Meta(min_length=1)],
    "names": str | list[str],
    "scalar": SCALAR,
    "flat": FLAT,
    "deep": DEEP,
}
_REGISTERED = {"aud": "names", **dict.fromkeys(STRINGS, "text"), **dict.fromkeys(NUMBERS, "integer")}


class Budget:
    """How many layouts one issuer may still have made, for as long as its configuration stands."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 16


class Layouts:
    """The layouts of one validator, each made once and shared by all issuers with tokens like that."""

    def __init__(self) -> None:
        self._made: dict[Plan, Layout | None] = {}

    def find(self, claims: dict[str, Any], rules: ClaimRules, budget: Budget) -> Layout | None:
        """
        Return the layout of a claims set that passed, made now if there is none yet and *budget* has something left.

        Args:
            claims: The claims set, in the order of its payload.

            rules: The rules of its key manager, which it passed.

            budget: The budget of its issuer.

        Returns:
            The layout; None if tokens like that go the long way.
        """
        plan = plan_of(claims, rules)
        if plan is None:
            return None
        if plan not in self._made and budget.left > 0 and len(self._made) < _MAX_LAYOUTS:
            budget.left -= 1
            self._made[plan] = layout_for(plan)
        return self._made.get(plan)


def plan_of(claims: dict[str, Any], rules: ClaimRules) -> Plan | None:
    """Return what decides the layout of claims that passed *rules*; None if these rules look at more than that."""
    kinds, tenants = rules.token_kinds, rules.tenants
    unfit = (
        isinstance(rules.audience, ClientIdInstead)
        or rules.limits_age
        or rules.claim_in
        or rules.names_wanted.wants_names
        or len(tenants) > 1
    )
    fixed = {*kinds.markers, *rules.claim_values, *rules.profile.checked_claims, *(("tid",) if tenants else ())}
    if unfit or len(claims) > _MAX_CLAIMS or not all(isinstance(claims.get(name, ""), str) for name in fixed):
        return None
    plan = tuple((name, *_kind(name, value, fixed, rules)) for name, value in claims.items())
    return plan if sum(kind.startswith("deep") for _, kind, _ in plan) <= _MAX_DEEP else None


def _kind(name: str, value: Any, fixed: set[str], rules: ClaimRules) -> tuple[str, str]:
    """Return the narrowest kind that a claim's rules ask for; of a claim without rules, one that its value is of."""
    if name in fixed:
        return "fixed", value
    if name in rules.token_kinds.prefixes:
        return "prefix", rules.token_kinds.prefixes[name]
    if name in rules.consumer_key_claims:
        return "some text", ""
    if name in _REGISTERED:
        return _REGISTERED[name], ""
    if name in rules.scope_claims:
        return "names", ""
    return _depth(value) + ("" if name in rules.required_claims else " or null"), ""


def _depth(value: Any) -> str:
    if not isinstance(value, list | dict):
        return "scalar"
    members = value.values() if isinstance(value, dict) else value
    return "deep" if any(isinstance(member, list | dict) for member in members) else "flat"


def layout_for(plan: Plan) -> Layout | None:
    """Make the layout of a plan; None if a name in it can be spelt in more than one way."""
    fields, json_names = [], {}
    for place, (name, kind, value) in enumerate(plan):
        field = name if name in _LOOKED_AT else f"claim_{place}"
        fields.append((field, _type(kind, value)))
        json_names[field] = name
    absent = {name: value for name, value in _ABSENT.items() if name not in json_names}
    try:
        return reader(
            msgspec.defstruct(
                "Claims",
                fields,
                rename=json_names,
                namespace=absent,
                forbid_unknown_fields=True,
                gc=False,
                frozen=True,
            )
        )
    except ValueError:
        return None


def _type(kind: str, value: str) -> Any:
    if kind == "fixed":
        return Literal[value]
    if kind == "prefix":
        return Annotated[str, msgspec.Meta(pattern=f"^{re.escape(value)}")]
    plain = kind.removesuffix(" or null")
    return _TYPES[plain] if plain == kind else _TYPES[plain] | None
