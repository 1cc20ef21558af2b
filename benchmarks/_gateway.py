"""A gateway in front of one API, with everything that a full validation looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from _warm import KEY_MANAGER, Fresh, registry_of

from kmvalidate import (
    Api,
    Application,
    BackendJwtGenerator,
    InMemorySubscriptions,
    KeyMapping,
    Resource,
    SigningKey,
    Subscription,
    TokenValidator,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _tokens import Signed

    from kmvalidate import AuthorizedCall

CLIENT = "orders-web"
API_ID = "0a6f6d0e-3f43-4e0a-9a53-0f5b8d8f2f11"
ORDERS = Api(
    "orders",
    "1.0.0",
    id=API_ID,
    key_managers=(KEY_MANAGER,),
    backend_audience="https://orders.internal.example.com",
    resources=[
        Resource("GET", "/orders", any_scope=("orders:read", "orders:admin")),
        Resource("GET", "/orders/{id}", any_scope="orders:read"),
        Resource("POST", "/orders", all_scopes=("orders:read", "orders:write")),
    ],
)


def records(client: str) -> tuple[Application, KeyMapping, Subscription]:
    """Return what makes a client one that may call the API."""
    application = f"{client}-app"
    return (
        Application(id=application, name=f"Shop of {client}", owner="ada", tier="Gold"),
        KeyMapping(key_manager=KEY_MANAGER, consumer_key=client, application=application),
        Subscription(application=application, api=API_ID, policy="Gold"),
    )


def subscribed(clients: Iterable[str]) -> InMemorySubscriptions:
    """Return a store in which these clients are subscribed to the API."""
    store = InMemorySubscriptions()
    for client in clients:
        store.put_all(records(client))
    return store


class Moving:
    """A store that seems to have changed whenever its version is set."""

    def __init__(self, store: InMemorySubscriptions) -> None:
        self.find, self.version = store.find, object()


def gateway(jwks: dict[str, object], subscriptions: Any, **how: Any) -> TokenValidator:
    """Return a validator whose key manager has these keys; some other token of it was revoked."""
    registry = registry_of(jwks)
    registry.revocations.revoke_token_id("another", key_manager=KEY_MANAGER, expires_at=4e9)
    return TokenValidator(registry, subscriptions=subscriptions, **how)


class Gateway(Fresh):
    """A gateway that remembers a token, what was decided of a call with it, and the JWT for the backend."""

    def __init__(self, token: Signed | None = None, **how: bool) -> None:
        super().__init__(token)
        self.generator = BackendJwtGenerator(SigningKey.generate("ES256"))
        self.store = subscribed(_clients())
        self.validator = gateway(self.token.jwks, self.store, backend_jwt=self.generator, **how)
        self._moving = Moving(self.store)
        self._deciding = gateway(self.token.jwks, self._moving, backend_jwt=self.generator, **how)
        self.asked = ORDERS.call("GET", "/orders")
        self.floor()
        if self.call().backend_jwt != self.call().backend_jwt:
            raise AssertionError("the backend JWT was not remembered")

    def call(self) -> AuthorizedCall:
        """Validate a call that was asked for before."""
        return self.validator.validate(self.raw.decode(), self.asked)

    def decide(self) -> AuthorizedCall:
        """Validate it where the subscriptions have changed, so that only the token and the backend JWT are known."""
        self._moving.version = object()
        return self._deciding.validate(self.raw.decode(), self.asked)

    def call_anew(self) -> AuthorizedCall:
        """Find what is asked for as well."""
        return self.validator.validate(self.raw.decode(), ORDERS.call("GET", "/orders"))


def _clients() -> Iterator[str]:
    yield CLIENT
    yield from (f"client-{number}" for number in range(9))
