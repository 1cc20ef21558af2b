"""
What a JWT validator has learnt of good tokens: how the next ones like them are verified.

Rules kept here: something is learnt only after a signature was good and every rule was passed. A header segment leads
to candidates and decides nothing: what was learnt counts for the issuer, the issuer state and the key set with which it
was learnt and for no other. All of it is bounded, and no issuer can push out what was learnt of others in use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.generations import Generations
from kmvalidate.layouts import Layouts
from kmvalidate.tokens import Backing

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.key_sets import KeySet
    from kmvalidate.layouts import Layout
    from kmvalidate.ports import Ports
    from kmvalidate.tokens import Jwt

_MAX_HEADERS = 16_384
_MAX_ISSUERS = 4096
_LAYOUTS_TRIED = 2
_LOOKS = 16


class Binding(Backing, gc=False, eq=False):
    """How tokens of one issuer with one header segment are verified, and how their payloads were laid out."""

    state: IssuerState
    key_set: KeySet
    is_good: Callable[[bytes, bytes], bool]
    layouts: tuple[Layout, ...] = ()
    looks: int = 0

    def stands(self, ports: Ports) -> bool:
        """Tell whether its key is one of those that may be used now."""
        snapshot = self.state.source.ready(ports)
        return snapshot is not None and snapshot.key_set is self.key_set

    def look(self, payload: bytes, claims: dict[str, Any], layouts: Layouts) -> None:
        """Learn how *payload*, which is good, is laid out; a few times, as each look at it takes a while."""
        if self.looks < _LOOKS:
            self.looks += 1
            layout = layouts.find(claims, self.rules, self.state.layout_budget)
            if layout is not None and layout(payload) is not None:
                self.layouts = _latest(layout, self.layouts)


class Route(msgspec.Struct, gc=False, eq=False):
    """What tokens with one header segment may be: of which issuers, since some share their keys, and laid out how."""

    bindings: dict[str, Binding]
    layouts: tuple[Layout, ...] = ()


class Routes:
    """The routes of one validator, by header segment."""

    def __init__(self) -> None:
        self._routes: Generations[str, Route] = Generations(_MAX_HEADERS)
        self._layouts = Layouts()

    def recall(self, jwt: Jwt) -> tuple[Binding, Any] | None:
        """Return how tokens like this one are verified, and its claims, not proved; None if there were none like it."""
        route = self._routes.get(jwt.header_segment)
        if route is None:
            return None
        for layout in route.layouts:
            claims = layout(jwt.unverified_payload)
            if claims is not None:
                binding = route.bindings.get(claims.iss)
                return None if binding is None or layout not in binding.layouts else (binding, claims)
        return None

    def find(self, jwt: Jwt, issuer: str) -> Binding | None:
        """Return how tokens of *issuer* with that header were verified, None if there were none."""
        route = self._routes.get(jwt.header_segment)
        return None if route is None else route.bindings.get(issuer)

    def learn(self, jwt: Jwt, claims: dict[str, Any], binding: Binding) -> None:
        """Remember how a token that is good was verified, and how its payload is laid out."""
        binding.look(jwt.unverified_payload, claims, self._layouts)
        route = self._routes.get(jwt.header_segment) or Route({})
        if len(route.bindings) >= _MAX_ISSUERS:
            route.bindings.clear()
        route.bindings[claims["iss"]] = binding
        for layout in binding.layouts:
            route.layouts = _latest(layout, route.layouts)
        self._routes.put(jwt.header_segment, route)


def _latest(layout: Layout, layouts: tuple[Layout, ...]) -> tuple[Layout, ...]:
    return layouts if layout in layouts else (layout, *layouts)[:_LAYOUTS_TRIED]
