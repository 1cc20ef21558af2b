"""
Who takes part in ``kmvalidate demo``: five identity providers over real HTTP, and the gateway that knows them.

Rules kept here: every provider listens on this machine only and ends with the demo. Nobody sleeps: all share a clock
that stands still unless it is moved, so that a slow machine prints what a fast one does.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import attrs

from kmvalidate.client_auth import ClientSecretBasic
from kmvalidate.fields import UUID
from kmvalidate.introspection import Introspection
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import SimulatedProvider, VirtualClock
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "orders"
_KINDS = ("keycloak", "entra_id", "okta", "asgardeo", "auth0")


@attrs.frozen(kw_only=True)
class Cast:
    """
    Everybody who takes part.

    Args:
        clock: What tells all of them the time.

        keycloak: A provider, like *entra_id*, *okta*, *asgardeo* and *auth0*.

        entra_id: See there.

        okta: See there.

        asgardeo: See there.

        auth0: See there.

        kept: Tokens that are sent later than they are made, by what they are.

        named: The providers by the names of their key managers.

        validator: The gateway that knows all of them, each as its function in `kmvalidate.providers` makes it.
    """

    clock: VirtualClock
    keycloak: SimulatedProvider
    entra_id: SimulatedProvider
    okta: SimulatedProvider
    asgardeo: SimulatedProvider
    auth0: SimulatedProvider
    kept: dict[str, str] = attrs.field(factory=dict, repr=False)
    named: dict[str, SimulatedProvider] = attrs.field(init=False)
    validator: TokenValidator = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        introspection = Introspection(client=ClientSecretBasic(*self.asgardeo.client), tokens=UUID)
        asked = {"asgardeo": {"introspection": introspection}}
        named = {kind: getattr(self, kind) for kind in _KINDS}
        managers = {provider.key_manager(**asked.get(kind, {})): provider for kind, provider in named.items()}
        validator = TokenValidator(KeyManagerRegistry(tuple(managers), clock=self.clock))
        object.__setattr__(self, "named", {manager.name: provider for manager, provider in managers.items()})
        object.__setattr__(self, "validator", validator)


@contextlib.contextmanager
def assembled() -> Iterator[Cast]:
    """Start them, and stop them at the end."""
    clock = VirtualClock(wall=int(time.time()))
    with contextlib.ExitStack() as running:
        made = (SimulatedProvider(kind, audience=AUDIENCE, clock=clock, http=True) for kind in _KINDS)
        keycloak, entra_id, okta, asgardeo, auth0 = map(running.enter_context, made)
        yield Cast(clock=clock, keycloak=keycloak, entra_id=entra_id, okta=okta, asgardeo=asgardeo, auth0=auth0)
