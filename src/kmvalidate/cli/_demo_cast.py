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

from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.client_auth import ClientSecretBasic
from kmvalidate.fields import UUID
from kmvalidate.introspection import Introspection
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.signing import SigningKey
from kmvalidate.subscriptions import Application, InMemorySubscriptions, KeyMapping, Subscription
from kmvalidate.testing import SimulatedProvider, VirtualClock
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kmvalidate.revocation import RevocationList

AUDIENCE = "orders"
BACKEND = "orders-backend"
API_ID = "7a1e5c52-0b0f-4f5e-9d5b-3c1f6f1f5a10"
_CONSUMER_KEY = "web-shop"
_SHOP = Application(id="shop", name="Web shop", tier="Gold")
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

        revocations: What is revoked before it expires.

        subscriptions: Which applications may call the API of the demo: that of Keycloak's and Okta's client.

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
    revocations: RevocationList = attrs.field(init=False)
    subscriptions: InMemorySubscriptions = attrs.field(init=False)
    validator: TokenValidator = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        introspection = Introspection(client=ClientSecretBasic(*self.asgardeo.client), tokens=UUID)
        asked = {"asgardeo": {"introspection": introspection}}
        named = {kind: getattr(self, kind) for kind in _KINDS}
        managers = {provider.key_manager(**asked.get(kind, {})): provider for kind, provider in named.items()}
        store = _subscriptions()
        generator = BackendJwtGenerator(SigningKey.generate(), audience=BACKEND)
        registry = KeyManagerRegistry(tuple(managers), clock=self.clock)
        validator = TokenValidator(registry, subscriptions=store, backend_jwt=generator)
        object.__setattr__(self, "named", {manager.name: provider for manager, provider in managers.items()})
        object.__setattr__(self, "revocations", registry.revocations)
        object.__setattr__(self, "subscriptions", store)
        object.__setattr__(self, "validator", validator)


def subscription(state: str = "UNBLOCKED") -> Subscription:
    """Return what lets the application call the API, in that state."""
    return Subscription(application=_SHOP.id, api=API_ID, state=state)


def _subscriptions() -> InMemorySubscriptions:
    keys = (
        KeyMapping(key_manager=key_manager, consumer_key=_CONSUMER_KEY, application=_SHOP.id)
        for key_manager in ("Keycloak", "Okta")
    )
    return InMemorySubscriptions((_SHOP, subscription(), *keys))


@contextlib.contextmanager
def assembled() -> Iterator[Cast]:
    """Start them, and stop them at the end."""
    clock = VirtualClock(wall=int(time.time()))
    with contextlib.ExitStack() as running:
        made = (SimulatedProvider(kind, audience=AUDIENCE, clock=clock, http=True) for kind in _KINDS)
        keycloak, entra_id, okta, asgardeo, auth0 = map(running.enter_context, made)
        yield Cast(clock=clock, keycloak=keycloak, entra_id=entra_id, okta=okta, asgardeo=asgardeo, auth0=auth0)
