"""
Changes to the key managers of a layer.

Rules kept here: a layer is changed whole, and checked before anybody sees it: a name and an issuer belong to one key
manager of an organization.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.events import tell
from kmvalidate.key_manager import KeyManager
from kmvalidate.layers import Table, changes, of_organization
from kmvalidate.opaque_routes import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kmvalidate.events import Listener
    from kmvalidate.issuer_state import IssuerState

    Managers = tuple[KeyManager, ...]
    #: Returns the key managers of a layer, given those it has.
    Change = Callable[[Managers], Iterable[KeyManager]]

_log = logging.getLogger("kmvalidate.registry")


def changed(
    before: Table,
    layer: str,
    change: Change,
    begin: Callable[[KeyManager], IssuerState],
) -> tuple[Table, list[IssuerState]]:
    """
    Return the table after a change of one layer, and the states that were begun for it.

    Args:
        before: The table before.

        layer: The name of the layer.

        change: Returns its key managers, given those it has.

        begin: Returns the state of a configuration that has none yet; unchanged ones keep theirs.

    Raises:
        ConfigurationError: There is no such layer, or its key managers cannot be together.
    """
    if layer not in tuple(before.layers):  # whatever it is
        raise ConfigurationError(f"the layers are {', '.join(before.layers)} (not: {layer!r})")
    named = by_name(change(tuple(state.manager for state in before.layers[layer].values())))
    known = {state.manager: state for _, state in before.states()}
    states = {who: known.get(manager) or begin(manager) for who, manager in named.items()}
    begun = [state for state in states.values() if state.manager not in known]
    return Table({**before.layers, layer: states}, before.global_first), begun


def report(before: Table, after: Table, begun: list[IssuerState], listener: Listener | None) -> None:
    """
    Tell what a change has changed: who answers, and once what configurations opt out of.

    Args:
        before: The table before.

        after: The table after.

        begun: The states that were begun for it.

        listener: What is told of it.
    """
    for state in begun:
        for waiver in state.manager.waivers():
            _log.warning("key manager %s: %s", state.manager.name, waiver)
    known = overlaps(before)
    for shared in overlaps(after):
        if shared not in known:
            _log.warning("%s", shared)
    for event in changes(before, after):
        tell(listener, event)


def replaced(others: Managers, manager: KeyManager) -> Managers:
    """
    Return *others* with *manager* in the place of the one that has its name and organization.

    Raises:
        ConfigurationError: There is none.
    """
    place = place_of(others, checked(manager).name, manager.organization)
    return (*others[:place], manager, *others[place + 1 :])


def without(others: Managers, name: str, organization: str | None) -> Managers:
    """
    Return *others* without one of them.

    Raises:
        ConfigurationError: It is not among them.
    """
    place = place_of(others, name, organization)
    return (*others[:place], *others[place + 1 :])


def by_name(managers: Iterable[KeyManager]) -> dict[tuple[str | None, str], KeyManager]:
    """
    Return the key managers of one layer by organization and name.

    Raises:
        ConfigurationError: Two of them have the same name or the same issuer in one organization, or one is none.
    """
    named: dict[tuple[str | None, str], KeyManager] = {}
    issuers: dict[tuple[str | None, str], str] = {}
    for manager in map(checked, managers):
        if (manager.organization, manager.name) in named:
            raise ConfigurationError(
                f"two key managers are named {manager.name!r}{of_organization(manager.organization)}"
            )
        named[manager.organization, manager.name] = manager
        for issuer in manager.issuers:
            other = issuers.setdefault((manager.organization, issuer), manager.name)
            if other != manager.name:
                both = f"key managers {other!r} and {manager.name!r}{of_organization(manager.organization)}"
                raise ConfigurationError(f"{both} have the same issuer: {issuer}")
    return named


def checked(manager: KeyManager) -> KeyManager:
    """
    Return *manager*.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(manager, KeyManager):
        raise ConfigurationError(f"a registry holds key managers, not {type(manager).__name__}")
    return manager


def place_of(managers: tuple[KeyManager, ...], name: str, organization: str | None) -> int:
    """
    Return the place of a key manager among those of one layer.

    Raises:
        ConfigurationError: It is not there.
    """
    for place, manager in enumerate(managers):
        if (manager.organization, manager.name) == (organization, name):
            return place
    raise ConfigurationError(f"there is no key manager named {name!r}{of_organization(organization)} in that layer")
