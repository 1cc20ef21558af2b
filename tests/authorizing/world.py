"""
A gateway in memory: key managers, subscriptions, backend JWTs and APIs that a test changes between two calls.

Rules kept here: tokens are signed and verified for real; one client of one application that is subscribed to one API,
everything else is a change to that; what a call gets is told as one word.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Any

from kmvalidate.apis import Api, ApiCall, AuthType, Resource
from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.chain import DEFAULT_CHECKS, ValidatorChain
from kmvalidate.errors import KeyManagerUnavailable, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.signing import SigningKey
from kmvalidate.subscriptions import Application, InMemorySubscriptions, KeyMapping, Subscription
from kmvalidate.validator import TokenValidator
from tests.concurrency.callers import said
from tests.estate import Estate, pinned, token_of
from tests.signing import private_key, public_jwk
from tests.test_private_keys import pem

SHOP, ORDERS, CLIENT = "shop-uuid", "orders-uuid", "shop"
APP = Application(id=SHOP, name="Shop", owner="bob", tier="Gold")
MAPPING = KeyMapping(key_manager="a", consumer_key=CLIENT, application=SHOP)
SUBSCRIPTION = Subscription(application=SHOP, api=ORDERS, policy="Gold")
RESOURCES = (
    Resource("GET", "/menu", any_scope="menu:read"),
    Resource("POST", "/menu", all_scopes=("menu:read", "menu:write")),
    Resource("DELETE", "/menu", all_scopes="menu:delete"),
    Resource("GET", "/open", auth_type=AuthType.NONE),
)

#: Tells users' tokens from applications' by the claim ``aut``, as WSO2 does.
TELLING = ProviderProfile(
    is_application=lambda claims: {"APPLICATION": True, "APPLICATION_USER": False}.get(claims.get("aut"))
)


def orders(*resources: Resource, **changes: Any) -> Api:
    """Return the API that the application is subscribed to; *changes* replace its arguments."""
    usual = {"name": "orders", "version": "1.0.0", "id": ORDERS, "backend_audience": "orders-backend"}
    return Api(**({**usual, "resources": resources or RESOURCES} | changes))


def backend_key(owner: str = "gateway") -> SigningKey:
    """Return a key for backend JWTs whose kid is its owner's name."""
    return SigningKey.from_pem(pem(private_key("P-256", owner)), algorithm="ES256", kid=owner)


def remote_key(sign: Any, owner: str = "gateway") -> SigningKey:
    """Return a key that signs with a function, as those do that lie in a key management service."""
    return SigningKey.from_signer(sign, public_key=public_jwk("P-256", owner), algorithm="ES256", kid=owner)


def store_of(*records: Any) -> InMemorySubscriptions:
    """Return a store of *records*, by default of what lets the client call the API."""
    store = InMemorySubscriptions()
    store.put_all(records or (APP, MAPPING, SUBSCRIPTION))
    return store


def claims_of(jwt: str | None) -> dict[str, Any]:
    """Return the claims of a backend JWT, read by hand."""
    payload = (jwt or "").split(".")[1]
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def asking_also(*checks: Any) -> ValidatorChain:
    """Return a chain of the usual checks and then *checks*."""
    return ValidatorChain((*DEFAULT_CHECKS, *checks))


class World(Estate):
    """An estate with a store of subscriptions, a generator of backend JWTs and an API, and a validator over them."""

    def __init__(self, *managers: Any, api: Api | None = None, remember: int = 100, **arguments: Any) -> None:
        own = {name: arguments.pop(name) for name in ("transport", "revocations") if name in arguments}
        super().__init__(*(managers or (pinned("a", profile=TELLING),)), **own)
        self.api = api or orders()
        self.store = arguments.setdefault("subscriptions", store_of())
        self.keys = arguments.setdefault("backend_jwt", BackendJwtGenerator(backend_key()))
        self.validator = TokenValidator(self.registry, remember=remember, **arguments)
        self.bearer = token_of("a")
        self.menu = self.api.call("GET", "/menu")

    def says(self, bearer: Any = ..., call: ApiCall | None = None, **options: Any) -> str:
        """Return GOOD, the reason of a refusal, or the type of another error; callers of both colours agree."""
        asked = (self.bearer if bearer is ... else bearer, call or self.menu)
        heard = outcome(self.validator.validate, *asked, **options)
        assert outcome(self.validator.avalidate, *asked, **options) == heard
        return heard

    def jwt(self, bearer: Any = None, call: ApiCall | None = None, **options: Any) -> str | None:
        """Return the backend JWT of a call that is allowed."""
        return self.validator.validate(bearer or self.bearer, call or self.menu, **options).backend_jwt

    def is_kept(self, bearer: str | None = None, call: ApiCall | None = None) -> bool:
        """Tell whether the verdict of a call is remembered, so that nothing need be decided."""
        return type(self.validator._remembered(bearer or self.bearer, call or self.menu)).__name__ == "AuthorizedCall"


def outcome(check: Any, *asked: Any, **options: Any) -> str:
    """Return GOOD, the reason of a refusal, or the type of another error; of an asyncio twin too."""
    try:
        made = check(*asked, **options)
        if asyncio.iscoroutine(made):
            made = asyncio.run(made)
    except (Refused, KeyManagerUnavailable) as error:
        return said(error)
    except Exception as error:  # noqa: BLE001  # what is foreign is seen as such
        return type(error).__name__
    assert type(made).__name__ == "AuthorizedCall"
    return "GOOD"
