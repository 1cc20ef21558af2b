"""
What a JWT validator has learnt of good tokens: how the next ones like them are verified.

Rules kept here: something is learnt only after a signature was good and every rule was passed. A header segment leads
to candidates and decides nothing: what was learnt counts for the organization, the issuer, the issuer state and the key
with which it was learnt and for no other. All of it is bounded, and no issuer can push out what others use.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.errors import Refused
from kmvalidate.generations import Generations
from kmvalidate.key_finding import look_for
from kmvalidate.layouts import Layouts
from kmvalidate.signatures import verifier
from kmvalidate.tokens import Header
from kmvalidate.verified import Backing, read_claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.key_sets import KeySet, VerificationKey
    from kmvalidate.layers import Table
    from kmvalidate.layouts import Layout
    from kmvalidate.ports import Ports
    from kmvalidate.tokens import Jwt
    from kmvalidate.verified import VerifiedToken

_MAX_HEADERS = 65_536  # of ten thousand issuers some each
_MAX_HEADER_CHARS = 1024
_MAX_ISSUERS = 65_536
_LAYOUTS_TRIED = 2
_LOOKS = 16


class Binding(Backing, gc=False, eq=False):
    """How tokens of one issuer with one header segment are verified, and how their payloads were laid out."""

    state: IssuerState
    header: Header
    key: VerificationKey
    key_set: KeySet
    is_good: Callable[[bytes, bytes], bool]
    layouts: tuple[Layout, ...] = ()
    looks: int = 0

    @classmethod
    def of(cls, state: IssuerState, issuer: str, header: Header, key: VerificationKey, key_set: KeySet) -> Binding:
        """Return how tokens of *issuer* with that header are verified: with *key* out of *key_set*."""
        manager, is_good = state.manager, verifier(header.alg, key)
        issuer = manager.issuer if issuer == manager.issuer else issuer
        kid = key.kid if key.kid == header.kid else header.kid
        kind = None if header.type is None else sys.intern(header.type)
        kept = Header(sys.intern(header.alg), kid, header.x5t_s256, kind)  # as little of the token as will do
        who = (manager.name, manager.organization, issuer, key.kid, manager.environments, state.rules)
        return cls(*who, state, kept, key, key_set, is_good)

    @property
    def answers(self) -> object:
        """Another object once everything that the key manager answered about tokens was forgotten."""
        return self.state.answers

    def stands(self, ports: Ports) -> bool:
        """Tell whether its key is the one that a look at the keys that may be used now would find."""
        snapshot = self.state.source.ready(ports)
        return snapshot is not None and (snapshot.key_set is self.key_set or self.is_found_in(snapshot.key_set))

    def is_found_in(self, key_set: KeySet) -> bool:
        """Look for its key in another key set, in which it most likely still is: keys come and go one by one."""
        try:
            key = look_for(key_set, self.header, self.issuer, self.state.manager)
        except Refused:
            return False
        if key == self.key:
            self.key_set = key_set
        return key == self.key

    def look(self, payload: bytes, claims: dict[str, Any], layouts: Layouts) -> None:
        """Learn how *payload*, which is good, is laid out; a few times, as each look at it takes a while."""
        if self.looks < _LOOKS:
            self.looks += 1
            layout = layouts.find(claims, self.rules, self.state.layout_budget)
            if layout is not None and layout(payload) is not None:
                self.layouts = _latest(layout, self.layouts)


def still_good(verified: VerifiedToken, organization: str | None, table: Table, ports: Ports) -> bool:
    """
    Tell whether what was verified, now or earlier, would be found good if it were verified now.

    In one piece, as nearly every request comes through here.

    Args:
        verified: The verified token.

        organization: The organization it was verified for.

        table: Who answers for whom now.

        ports: The caller's.
    """
    binding: Any = verified.backing  # here it is one of ours
    state: Any = table.find(organization, binding.issuer) if organization else table.find_shared(binding.issuer)
    if state is not binding.state:
        return False
    clock, snapshot = ports.clock, state.source.snapshot
    if snapshot is None or not clock.monotonic() < snapshot.soft_at:
        snapshot = state.source.ready(ports)
    if snapshot is None or not (snapshot.key_set is binding.key_set or binding.is_found_in(snapshot.key_set)):
        return False
    rules, now = binding.rules, clock.wall()
    if not (now < verified.expires_at + rules.leeway_s and verified.starts_at <= now + rules.leeway_s):
        return False
    return not rules.limits_age or rules.age_holds(read_claims(verified.payload), now)


class Route(msgspec.Struct, gc=False, eq=False):
    """What tokens with one header segment may be: of which issuers, since some share their keys, and laid out how."""

    bindings: dict[str | tuple[str, str], Binding]
    layouts: tuple[Layout, ...] = ()


class Routes:
    """The routes of one validator, by header segment."""

    def __init__(self) -> None:
        self._routes: Generations[str, Route] = Generations(_MAX_HEADERS)
        self._layouts = Layouts()

    def recall(self, jwt: Jwt, organization: str | None) -> tuple[Binding, Any] | None:
        """Return how tokens like this one are verified, and its claims, not proved; None if there were none like it."""
        route = self._routes.young.get(jwt.header_segment) or self._routes.get(jwt.header_segment)
        if route is None:
            return None
        for layout in route.layouts:
            claims = layout(jwt.unverified_payload)
            if claims is not None:
                binding = route.bindings.get(claims.iss if organization is None else (organization, claims.iss))
                return None if binding is None or layout not in binding.layouts else (binding, claims)
        return None

    def find(self, jwt: Jwt, issuer: str, organization: str | None) -> Binding | None:
        """Return how tokens of *issuer* with that header were verified, None if there were none."""
        route = self._routes.get(jwt.header_segment)
        return None if route is None else route.bindings.get(_who(organization, issuer))

    def learn(self, jwt: Jwt, claims: dict[str, Any], binding: Binding, organization: str | None) -> None:
        """Remember how a token that is good was verified, and how its payload is laid out."""
        binding.look(jwt.unverified_payload, claims, self._layouts)
        if len(jwt.header_segment) > _MAX_HEADER_CHARS:
            return
        route = self._routes.get(jwt.header_segment) or Route({})
        if len(route.bindings) >= _MAX_ISSUERS:
            route.bindings.clear()
        route.bindings[_who(organization, binding.issuer)] = binding
        for layout in binding.layouts:
            route.layouts = _latest(layout, route.layouts)
        self._routes.put(jwt.header_segment, route)


def _who(organization: str | None, issuer: str) -> str | tuple[str, str]:
    return issuer if organization is None else (organization, issuer)


def _latest(layout: Layout, layouts: tuple[Layout, ...]) -> tuple[Layout, ...]:
    return layouts if layout in layouts else (layout, *layouts)[:_LAYOUTS_TRIED]
