"""
Cases for the tests of checks.

Rules kept here: tokens are verified before they are in a case; one good token, one client that is subscribed to one
API, everything else is a change to that.
"""

from __future__ import annotations

from typing import Any

from kmvalidate.apis import Api, ApiCall, AuthType, Resource
from kmvalidate.cases import Case
from kmvalidate.chain import DEFAULT_CHECKS, ValidatorChain
from kmvalidate.errors import Reason, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.subscriptions import Application, Grant, Subscription
from tests.signing import NOW, reason, validator, with_claims

#: Tells users' tokens from applications' by the claim ``aut``, as WSO2 does.
TELLING = ProviderProfile(
    is_application=lambda claims: {"APPLICATION": True, "APPLICATION_USER": False}.get(claims.get("aut"))
)
APP = Application(id="shop-uuid", name="Shop")
MENU = Resource("GET", "/menu")


def grant(state: str = "UNBLOCKED", key_type: str | None = "PRODUCTION", **changes: Any) -> Grant:
    """Return what is known of the client, whose subscription is in that state."""
    subscription = Subscription(application="shop-uuid", api="orders-uuid", state=state)
    return Grant(**({"application": APP, "key_type": key_type, "subscription": subscription} | changes))


def api(*resources: Resource, **changes: Any) -> Api:
    return Api("orders", "1.0.0", id="orders-uuid", resources=resources or (MENU,), **changes)


def scoped(*, any_scope: Any = None, all_scopes: Any = None) -> ApiCall:
    """Return a call of a resource that asks for these scopes."""
    return api(Resource("GET", "/menu", any_scope=any_scope, all_scopes=all_scopes)).call("GET", "/menu")


def typed(auth_type: AuthType) -> ApiCall:
    """Return a call of a resource that takes tokens of that type."""
    return api(Resource("GET", "/menu", auth_type=auth_type)).call("GET", "/menu")


def case(call: ApiCall | None = None, known: Grant | None = None, manager: Any = None, **claims: Any) -> Case:
    """Return a case of a good token with these *claims*, whose key manager has the changes *manager*."""
    options = {"profile": TELLING, "claim_values": {}} | (manager or {})
    verified = validator(**options).authenticate(with_claims(**claims))
    return Case(verified, call or api().call("GET", "/menu"), NOW, grant() if known is None else known)


def called(**changes: Any) -> ApiCall:
    """Return a call of an API with these *changes*."""
    return api(**changes).call("GET", "/menu")


class Says:
    """A check that refuses with a reason of its own, or says nothing against a call; `asked` counts the cases."""

    def __init__(self, against: Reason | None = None) -> None:
        self.against, self.asked = against, 0

    def check(self, _: Case) -> None:
        self.asked += 1
        if self.against is not None:
            raise Refused(self.against)


#: One check that says nothing against a call, and two that refuse.
PASSES, REVOKED, BLOCKED = Says(), Says(Reason.REVOKED), Says(Reason.API_BLOCKED)


def verdict(check: Any, of: Case | None = None) -> str:
    """Return GOOD, or the reason for which a check refuses a case, by default a good one."""
    return reason(check.check, case() if of is None else of)


DEFAULT = ValidatorChain(DEFAULT_CHECKS)
