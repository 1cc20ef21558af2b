"""
Worlds of calls, as plain data: who issues tokens, what is called, who is subscribed to it.

Rules kept here: nothing of the library; names are few, so that they meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NOW = 1_700_000_000
ABSENT: Any = ...

#: What key managers take tokens for.
AUDIENCE = "gateway"
ANY_METHOD, WILD = "*", "/*"
STATES = (
    *("UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED", "PROD_ONLY_BLOCKED"),
    *("BLOCKED", "ON_HOLD", "REJECTED", "unblocked", "NEW"),
)


@dataclass(frozen=True)
class Manager:
    """A key manager; its tokens are signed with the key that is called like its issuer."""

    name: str
    organization: str | None
    issuer: str
    environments: tuple[str, ...] | None = None
    wants_audience: bool = True
    tells_kind: bool = True
    leeway_s: int = 0
    is_self_contained: bool = False


@dataclass(frozen=True)
class Bearer:
    """A token: its claims as pairs, since a token does not change."""

    issuer: str
    claims: tuple[tuple[str, Any], ...]
    is_forged: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        return self.all().get(name, default)

    def all(self) -> dict[str, Any]:
        return {"iss": f"https://{self.issuer}.example", **dict(self.claims)}

    def changed(self, **claims: Any) -> Bearer:
        kept = {name: value for name, value in (dict(self.claims) | claims).items() if value is not ABSENT}
        return Bearer(self.issuer, tuple(kept.items()), self.is_forged)


@dataclass(frozen=True)
class Thing:
    """A resource, or an operation of GraphQL; demands are pairs of a name of a demand and its value."""

    method: str
    path: str
    any_scope: tuple[str, ...] | None = None
    all_scopes: tuple[str, ...] | None = None
    auth_type: str = "ANY"
    demands: tuple[str, Any] | None = None


@dataclass(frozen=True)
class Plan:
    """An API."""

    name: str
    version: str
    context: str
    id: str | None = None
    organization: str | None = None
    environment: str | None = None
    key_managers: tuple[str, ...] | None = None
    audiences: tuple[str, ...] = ()
    validate_subscriptions: bool = True
    status: str = "PUBLISHED"
    gateway_type: str = "HYBRID"
    kind: str = "HTTP"
    things: tuple[Thing, ...] = ()
    demands: tuple[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """A call: of things of an API (none: of something it does not have), or of scopes alone, which is *alone*."""

    plan: Plan | None
    things: tuple[Thing, ...]
    organization: str | None = None
    alone_within: tuple[str, ...] | None = None


@dataclass(frozen=True)
class App:
    id: str


@dataclass(frozen=True)
class Mapping:
    organization: str | None
    key_manager: str
    consumer_key: str
    application: str
    key_type: str = "PRODUCTION"


@dataclass(frozen=True)
class Sub:
    application: str
    api: str | None = None
    named: tuple[str | None, str, str] | None = None
    ranged: tuple[str | None, str, str] | None = None
    state: str = "UNBLOCKED"


@dataclass(frozen=True)
class World:
    """All of it; of two records of one identity the later counts."""

    managers: tuple[Manager, ...]
    bearers: tuple[Bearer, ...]
    asked: tuple[Asked, ...]
    records: tuple[Any, ...]
    revocations: tuple[tuple[Any, ...], ...] = ()
