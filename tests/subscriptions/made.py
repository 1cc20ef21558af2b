"""
Records and APIs for the tests of subscriptions.

Rules kept here: one client of one application that is subscribed to one API; everything else is a change to that.
"""

from __future__ import annotations

from typing import Any

from kmvalidate.apis import Api
from kmvalidate.subscriptions import Application, Grant, KeyMapping, Subscription

KEY_MANAGER, CLIENT, SHOP, ORDERS = "Resident", "client-1", "shop-uuid", "orders-uuid"


def app(id: str = SHOP, **changes: Any) -> Application:  # noqa: A002  # as the field is called
    return Application(**({"id": id, "name": "shop"} | changes))


def mapping(**changes: Any) -> KeyMapping:
    defaults = {"organization": None, "key_manager": KEY_MANAGER, "consumer_key": CLIENT, "application": SHOP}
    return KeyMapping(**(defaults | changes))


def subscription(**changes: Any) -> Subscription:
    return Subscription(**({"application": SHOP, "api": ORDERS} | changes))


def orders(**changes: Any) -> Api:
    return Api(**({"name": "orders", "version": "v1.2.0", "id": ORDERS} | changes))


def everything() -> list[Any]:
    return [app(), mapping(), subscription()]


def found(store: Any, api: Api | None = None, organizations: tuple[Any, ...] = (None,), client: Any = CLIENT) -> Grant:
    """Return what a store finds, by default for the one client and the one API."""
    return store.find(organizations, KEY_MANAGER, client, api or orders())
