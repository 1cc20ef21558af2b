"""
The calls of ``kmvalidate demo``: an API, and who may call what of it.

Rules kept here: what is refused is wrong in one way only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.apis import Api, AuthType, Resource
from kmvalidate.cli._demo_cast import API_ID, BACKEND, subscription
from kmvalidate.cli._demo_tokens import ACCEPTED, Case, Phase, token_of
from kmvalidate.errors import Reason

if TYPE_CHECKING:
    from kmvalidate.cli._demo_cast import Cast

_ORDERS = Api(
    "orders",
    "1.0.0",
    id=API_ID,
    key_managers=("Keycloak", "Okta"),
    backend_audience=BACKEND,
    resources=(
        Resource("GET", "/menu", any_scope="menu:read"),
        Resource("POST", "/menu", any_scope="menu:write"),
        Resource("GET", "/orders/{id}", auth_type=AuthType.USER),
        Resource("GET", "/health", auth_type=AuthType.NONE),
    ),
)
_MENU = _ORDERS.call("GET", "/menu")
_KEPT = "of the API"


def _nothing(_: Cast) -> None:
    """No token comes with it."""


def _kept(cast: Cast) -> str:
    return cast.kept[_KEPT]


def _backend_jwt(cast: Cast) -> str | None:
    """What the backend got with a call, sent by it to the gateway."""
    return cast.validator.validate(_kept(cast), _MENU).backend_jwt


def _keeps_a_token(cast: Cast) -> None:
    cast.kept[_KEPT] = cast.keycloak.token()


def _blocks(cast: Cast) -> None:
    cast.subscriptions.put(subscription("BLOCKED"))


def _revokes(cast: Cast) -> None:
    cast.subscriptions.put(subscription())
    cast.revocations.revoke_token(_kept(cast))


_ALLOWED = (
    Case("GET /menu, Keycloak", _kept, ACCEPTED, _MENU),
    Case("GET /menu, Okta", token_of("okta"), ACCEPTED, _MENU),
    Case("GET /orders/7, a user", _kept, ACCEPTED, _ORDERS.call("GET", "/orders/7")),
    Case("GET /health, no token", _nothing, ACCEPTED, _ORDERS.call("GET", "/health")),
)
_REFUSED = (
    Case("POST /menu", _kept, Reason.INSUFFICIENT_SCOPE, _ORDERS.call("POST", "/menu")),
    Case(
        "GET /orders/7, no user",
        token_of("okta", application=True),
        Reason.WRONG_TOKEN_TYPE,
        _ORDERS.call("GET", "/orders/7"),
    ),
    Case("GET /menu, of Auth0", token_of("auth0"), Reason.WRONG_KEY_MANAGER, _MENU),
    Case("GET /menu, a stranger", token_of("keycloak", client_id="stranger"), Reason.NOT_SUBSCRIBED, _MENU),
    Case("GET /menus", _kept, Reason.NO_MATCHING_RESOURCE, _ORDERS.call("GET", "/menus")),
    Case("GET /menu, no token", _nothing, Reason.MISSING_TOKEN, _MENU),
    Case("GET /menu, backend JWT", _backend_jwt, Reason.WRONG_TOKEN_KIND, _MENU),
)
_BLOCKED = (Case("GET /menu, Keycloak", _kept, Reason.SUBSCRIPTION_BLOCKED, _MENU),)
_REVOKED = (
    Case("the revoked one", _kept, Reason.REVOKED, _MENU),
    Case("another one", token_of("keycloak"), ACCEPTED, _MENU),
)

#: The calls, in the order in which they are made.
CALLS = (
    Phase(
        "Calls of an API that takes tokens of Keycloak and Okta, of subscribed applications", _ALLOWED, _keeps_a_token
    ),
    Phase("Calls that are refused", _REFUSED),
    Phase("The subscription is blocked", _BLOCKED, _blocks),
    Phase("It is unblocked, and a token is revoked", _REVOKED, _revokes),
)
