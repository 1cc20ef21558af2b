"""
Which key manager is asked about a token: by what it looks like, inside one organization.

Rules kept here: a token goes to at most one key manager, and to none that does not claim it. What is asked for narrows
the choice and sets the order; else the order is that of the layers, and within a layer that of the configuration. Where
two claim the same tokens that is found before there is one.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.layers import of_organization
from kmvalidate.token_options import claims_jwt, claims_opaque, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kmvalidate.introspection import IntrospectionStrategy
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.layers import Table


_SAID_AT_ONCE = 5


def find_opaque(
    table: Table, token: str, organization: str | None, within: tuple[str, ...] | None
) -> IssuerState | None:
    """
    Return who is asked about an opaque token, None if nobody claims it.

    Args:
        table: Who answers for whom.

        token: The token.

        organization: The organization it is verified for.

        within: The names of the key managers that are asked for, in that order; None for any.
    """
    asked = _asked(table, organization, within)
    return next((state for state in asked if claims_opaque(_strategy(state).tokens, token)), None)


def find_foreign(
    table: Table, claims: Mapping[str, Any], organization: str | None, within: tuple[str, ...] | None
) -> IssuerState | None:
    """Return who is asked about a JWT whose issuer nobody has, None if nobody is: most are not, by default."""
    asked = (state for state in _asked(table, organization, within) if _strategy(state).unknown_issuers)
    return next((state for state in asked if claims_jwt(_strategy(state).tokens, claims)), None)


def overlaps(table: Table) -> tuple[str, ...]:
    """Return which key managers claim the same tokens, a sentence each."""
    if not table.overlaps:
        whose = (organization for organization, view in table.organizations.items() if view.asked)
        found = (said for organization in (None, *whose) for said in _overlaps(table, organization))
        table.overlaps.append(tuple(dict.fromkeys(found)))
    return table.overlaps[0]


def check_overlaps(table: Table, *, are_allowed: bool) -> None:
    """
    Check that no two key managers claim the same tokens, unless they may.

    Raises:
        ConfigurationError: Two do.
    """
    if not are_allowed and (shared := overlaps(table)):
        hint = "KeyManagerRegistry(overlapping_tokens=True) lets the first of them have such tokens"
        raise ConfigurationError(f"{'; '.join(shared[:_SAID_AT_ONCE])}; {hint}")


def _overlaps(table: Table, organization: str | None) -> Iterator[str]:
    for one, other in _pairs(table, organization):
        mine, theirs = _strategy(one), _strategy(other)
        jwts = mine.unknown_issuers and theirs.unknown_issuers
        if shared := overlap(mine.tokens, theirs.tokens, jwts=jwts):
            both = f"key managers {one.manager.name!r} and {other.manager.name!r}{of_organization(organization)}"
            yield f"{both} claim the same tokens: {shared}"


def _pairs(table: Table, organization: str | None) -> Iterator[tuple[IssuerState, IssuerState]]:
    """Yield those of which at least one is an organization's own, the one that goes first before the other."""
    asked = table.asked(organization)
    own = [state for state in asked if state.manager.organization == organization]
    shared = [state for state in asked if state.manager.organization != organization]
    yield from combinations(own, 2)
    yield from product(shared, own) if table.global_first else product(own, shared)


def _asked(table: Table, organization: str | None, within: tuple[str, ...] | None) -> Sequence[IssuerState]:
    states = table.asked(organization)
    if within is None:
        return states
    named = {state.manager.name: state for state in states}
    return [named[name] for name in within if name in named]


def leaves_to(state: IssuerState, claims: Mapping[str, Any]) -> bool:
    """Tell whether a key manager that is asked about its JWTs is asked about this one of its issuer."""
    return claims_jwt(_strategy(state).tokens, claims)


def _strategy(state: IssuerState) -> IntrospectionStrategy:
    strategy: Any = state.manager.introspection
    return strategy  # type: ignore[no-any-return]
