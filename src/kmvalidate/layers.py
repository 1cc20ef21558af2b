"""
Which key manager answers for an issuer: layers of configuration, each in a stated precedence, and organizations.

Rules kept here: a table is immutable and replaced whole, so that whoever looks something up waits for nobody. Inside
one organization an issuer and a name belong to one key manager. A higher layer overrides a lower one for the same
issuer and for the same name, and what it overrode is back when it goes. An organization sees its own key managers and
those that serve all, and never those of another.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.events import KeyManagerAdded, KeyManagerRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kmvalidate.events import Event
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.profiles import ProviderProfile

    #: The states of a layer, by organization and name.
    Layer = Mapping[tuple[str | None, str], IssuerState]

_MAX_ISSUER_CHARS = 512
_numbers = count()
_SLASH_HINT = "A key manager is configured for it with a trailing slash more or less; issuers match exactly."


@attrs.frozen(eq=False)
class View:
    """
    The key managers of one organization, or of those that serve all; of all layers.

    Args:
        issuers: Who answers for an issuer.

        names: The names of those who answer for some issuer.
    """

    issuers: dict[str, IssuerState] = attrs.field(factory=dict)
    names: dict[str, IssuerState] = attrs.field(factory=dict)

    @cached_property
    def asked(self) -> tuple[IssuerState, ...]:
        """Those that are asked about tokens, in the order in which they are."""
        return tuple(state for state in self.names.values() if state.manager.introspection is not None)

    @cached_property
    def profiles(self) -> Mapping[str, ProviderProfile]:
        """What is known of each kind of provider among them; made when a token is refused, and not before."""
        profiles = (state.manager.profile for state in self.names.values())
        return {profile.kind: profile for profile in profiles}

    @cached_property
    def families(self) -> frozenset[tuple[str, str]]:
        """The families of the issuers they answer for, each with the kind of its provider."""
        known = ((state.manager.profile, issuer) for issuer, state in self.issuers.items())
        found = ((profile.kind, profile.family(issuer)) for profile, issuer in known)
        return frozenset((kind, family) for kind, family in found if family is not None)

    def add(self, state: IssuerState) -> None:
        """Add a key manager of a layer below all that were added from other layers."""
        manager = state.manager
        if manager.name in self.names:
            return
        for issuer in manager.issuers:
            if self.issuers.setdefault(issuer, state) is state:
                self.names[manager.name] = state


@attrs.frozen(eq=False)
class Table:
    """
    Who answers for whom, at one time.

    Args:
        layers: The layers, the highest first.

        global_first: Whether key managers that serve all go before an organization's own.

        everyone: The view of those that serve all.

        organizations: The views of the organizations that have key managers of their own.

        find_shared: Does what `find` does for no particular organization.

        number: Another one for each table there is.
    """

    layers: Mapping[str, Layer]
    global_first: bool = False
    everyone: View = attrs.field(factory=View, init=False)
    organizations: dict[str, View] = attrs.field(factory=dict, init=False)
    find_shared: Callable[[str], IssuerState | None] = attrs.field(init=False)
    number: int = attrs.field(factory=_numbers.__next__, init=False)
    _asked: dict[str | None, tuple[IssuerState, ...]] = attrs.field(factory=dict, init=False)
    #: Which key managers claim the same tokens, once somebody looked.
    overlaps: list[tuple[str, ...]] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "find_shared", self.everyone.issuers.get)
        for layer in self.layers.values():
            for (organization, _), state in layer.items():
                self._view(organization).add(state)

    def _view(self, organization: str | None) -> View:
        return self.everyone if organization is None else self.organizations.setdefault(organization, View())

    def find(self, organization: str | None, issuer: str) -> IssuerState | None:
        """
        Return who answers for the tokens of *issuer* in *organization* (None: in no particular one), or None.

        Where an organization's key manager and one that serves all have the same name, only the one that goes first
        answers: inside an organization a name means one key manager.
        """
        if organization not in self.organizations:
            return self.everyone.issuers.get(issuer)
        first, second = self.views(organization)
        found = first.issuers.get(issuer)
        if found is None:
            found = second.issuers.get(issuer)
            if found is not None and found.manager.name in first.names:
                return None
        return found

    def asked(self, organization: str | None) -> tuple[IssuerState, ...]:
        """
        Return who is asked about tokens in *organization*, in the order in which they are.

        They are those that answer for some issuer there: who is overridden is not asked either.
        """
        whose = self.whose(organization)
        if whose not in self._asked:
            first, *second = self.views(whose)
            shared = (state for view in second for state in view.asked if self._answers(state, whose))
            self._asked[whose] = (*first.asked, *shared)
        return self._asked[whose]

    def _answers(self, state: IssuerState, organization: str | None) -> bool:
        return any(self.find(organization, issuer) is state for issuer in state.manager.issuers)

    def whose(self, organization: str | None) -> str | None:
        """Return *organization* if it has key managers of its own; else None, as its tokens are everybody's."""
        return organization if organization in self.organizations else None

    def unknown(self, organization: str | None, issuer: object) -> Refused:
        """Return why a token is refused for whose ``iss`` nobody answers: missing, no string, or nobody's."""
        if issuer is None:
            return Refused(Reason.MISSING_CLAIM, claim="iss")
        if not isinstance(issuer, str):
            return Refused(Reason.INVALID_CLAIM, claim="iss", expected="a string", got=issuer)
        near = (issuer + "/", issuer.removesuffix("/"))
        slash = any(self.find(organization, other) for other in near)
        hint = _SLASH_HINT if slash else self._family_hint(organization, issuer)
        return Refused(Reason.UNKNOWN_ISSUER, claim="iss", got=issuer, hint=hint)

    def opaque(self, organization: str | None) -> Refused:
        """Return why an opaque token is refused."""
        hints = {profile.opaque_hint for view in self.views(organization) for profile in view.profiles.values()}
        return Refused(Reason.OPAQUE_TOKEN, hint=" ".join(sorted(hint for hint in hints if hint)) or None)

    def _family_hint(self, organization: str | None, issuer: str) -> str | None:
        """Return what a key manager with a like issuer says of this one, which nobody proved."""
        if len(issuer) > _MAX_ISSUER_CHARS:
            return None
        for view in self.views(organization):
            for kind, profile in view.profiles.items():
                family = profile.family(issuer)
                if family is not None and (kind, family) in view.families:
                    return profile.family_hint
        return None

    def views(self, organization: str | None) -> tuple[View, ...]:
        """Return the views of an organization, the one that goes first before the other."""
        own = None if organization is None else self.organizations.get(organization)
        if own is None:
            return (self.everyone,)
        return (self.everyone, own) if self.global_first else (own, self.everyone)

    def states(self) -> Iterator[tuple[str, IssuerState]]:
        """Yield every state with its layer, the highest layer first, those that are overridden too."""
        for name, layer in self.layers.items():
            for state in layer.values():
                yield name, state

    def in_effect(self) -> list[tuple[str, IssuerState]]:
        """Return the states that answer for some issuer, with their layers, the highest layer first."""
        found: dict[int, tuple[str, IssuerState]] = {}
        for layer, state in self.states():
            manager = state.manager
            if self._view(manager.organization).names.get(manager.name) is state:
                found.setdefault(id(state), (layer, state))
        return list(found.values())

    def named(self, name: str, organization: str | None) -> tuple[IssuerState, ...]:
        """
        Return the states of the key managers of that name, of all layers.

        Raises:
            ConfigurationError: There is none.
        """
        found = self.called(name, organization)
        if not found:
            raise ConfigurationError(f"there is no key manager named {name!r}{of_organization(organization)}")
        return found

    def called(self, name: str, organization: str | None) -> tuple[IssuerState, ...]:
        """Do what `named` does, where there may be none."""
        who = (organization, name)
        found = {id(s): s for _, s in self.states() if (s.manager.organization, s.manager.name) == who}
        return tuple(found.values())


def changes(before: Table, after: Table) -> Iterator[Event]:
    """Yield who answers no more, and then who does now."""
    old, new = before.in_effect(), after.in_effect()
    stood, stands = {id(state) for _, state in old}, {id(state) for _, state in new}
    for layer, state in old:
        if id(state) not in stands:
            yield KeyManagerRemoved(layer=layer, **state.manager.identity)
    for layer, state in new:
        if id(state) not in stood:
            yield KeyManagerAdded(layer=layer, **state.manager.identity)


def of_organization(organization: str | None) -> str:
    """Return the words that say whose a key manager is."""
    return "" if organization is None else f" of organization {organization!r}"
