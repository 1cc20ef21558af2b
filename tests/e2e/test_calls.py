"""Calls with tokens of a real provider: which are allowed, what is known of them then, and how others are refused."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from kmvalidate import Api, ApiCall, GatewayType, KeyMapping, Resource
from tests.e2e.calling import (
    API_ID,
    Gate,
    each_caller,
    each_kind,
    known,
    known_by_keys,
    orders,
    subscribed,
    subscription,
)
from tests.e2e.gateway import SettableClock
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e


@attrs.frozen
class Row:
    """A call that is refused: why, and what of it is not as it should be."""

    reason: str
    client: str = "m2m"
    scope: str = "read"
    method: str = "GET"
    path: str = "/menu"
    user: bool = False
    api: dict[str, Any] = attrs.field(factory=dict)


ROWS = {
    "wrong scope": Row("INSUFFICIENT_SCOPE", scope="write"),
    "one of two scopes": Row("INSUFFICIENT_SCOPE", method="POST"),
    "a client where users call": Row("WRONG_TOKEN_TYPE", path="/orders/7"),
    "a user where clients call": Row("WRONG_TOKEN_TYPE", method="POST", path="/jobs", user=True),
    "another key manager": Row("WRONG_KEY_MANAGER", api={"key_managers": "path"}),
    "unknown client": Row("NOT_SUBSCRIBED", client="rs"),
    "another API": Row("NOT_SUBSCRIBED", api={"id": "api-other"}),
    "blocked": Row("SUBSCRIPTION_BLOCKED", client="rs-post"),
    "on hold": Row("SUBSCRIPTION_INACTIVE", client="rs-jwt-es256"),
    "keys of the sandbox": Row("WRONG_KEY_TYPE", client="rs-jwt", api={"gateway_type": GatewayType.PRODUCTION}),
    "another audience": Row("AUDIENCE_NOT_ALLOWED", api={"audiences": "urn:api:RS512"}),
    "another path": Row("NO_MATCHING_RESOURCE", path="/menus"),
    "another method": Row("NO_MATCHING_RESOURCE", method="DELETE"),
    "a method in small letters": Row("NO_MATCHING_RESOURCE", method="get"),
    "a path out of the API": Row("NO_MATCHING_RESOURCE", path="/../menu"),
    "a blocked API": Row("API_BLOCKED", api={"status": "BLOCKED"}),
    "a retired API": Row("NO_MATCHING_RESOURCE", api={"status": "RETIRED"}),
    "an environment": Row("WRONG_ENVIRONMENT", api={"environment": "staging", "key_managers": "bound"}),
}
each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


@pytest.fixture
def gate(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> Gate:
    """A gateway of two issuers, the first of which is called by another name where it is bound to environments."""
    store = subscribed("m2m", "web", "rs-post", "rs-jwt-es256", "rs-jwt")
    store.put(subscription("rs-post", state="BLOCKED"))
    store.put(subscription("rs-jwt-es256", state="ON_HOLD"))
    store.put(
        KeyMapping(key_manager="root", consumer_key="rs-jwt", application="app-rs-jwt", key_type="SANDBOX"),
    )
    return Gate(way, clock, [known(root), known_by_keys(path)], subscriptions=store)


@each_kind
def test_a_client(gate: Gate, root: Issuer, kind: str) -> None:
    """A client whose application is subscribed may call, and the second time nobody is asked for anything."""
    api, token = orders(), root.token(kind, scope="read")
    for _ in range(2):
        allowed = gate.allow(token, api.call("GET", "/menu"))
        assert allowed.token is not None
        assert (allowed.token.consumer_key, allowed.token.is_application) == ("m2m", True)
        assert (allowed.api, allowed.application and allowed.application.id) == (api, "app-m2m")
        assert (allowed.key_type, allowed.subscription and allowed.subscription.policy) == ("PRODUCTION", "Gold")
        assert (allowed.backend_jwt, dict(allowed.backend_headers)) == (None, {})
        root.reset()
    assert sum(map(root.hits, ("/jwks", "/.well-known/", ENDPOINT))) == 0


@each_kind
def test_a_user(gate: Gate, root: Issuer, kind: str) -> None:
    """A user of a subscribed client may call what is for users, and is known."""
    token = root.user_token(kind, sub="bob", scope="read")
    allowed = gate.allow(token, orders().call("GET", "/orders/7"))
    assert allowed.token is not None
    assert (allowed.token.subject, allowed.token.is_application, allowed.call.path) == ("bob", False, "/orders/7")
    assert allowed.application is not None
    assert allowed.application.id == "app-web"


@each_kind
@each_row
@each_caller
def test_refused(gate: Gate, root: Issuer, kind: str, row: Row) -> None:
    """A call that lacks one thing is refused for that, the second time too, and its token goes on for other calls."""
    if row.reason == "WRONG_ENVIRONMENT":
        bound = known(root, manager={"name": "bound", "environments": ("production",)})
        gate.registry.use("configuration", [bound])
    token = root.user_token(kind, scope=row.scope) if row.user else root.token(kind, client=row.client, scope=row.scope)
    call = orders(**row.api).call(row.method, row.path)
    for _ in range(2):
        refused = gate.deny(token, call)
        assert refused.reason.name == row.reason
        assert refused.key_manager in {"root", "bound", None}
        explained = gate.explain(token, call)
        assert (explained.allowed, explained.reason) == (False, refused.reason)
    assert gate.accept(token).scopes == {row.scope}


@each_kind
def test_without_a_token(gate: Gate, root: Issuer, kind: str) -> None:
    """What is open takes calls without a token, but none with a bad one; anything else takes none without."""
    api = orders()
    is_open, menu = api.call("GET", "/open"), api.call("GET", "/menu")
    assert gate.allow(None, is_open).token is None
    assert gate.allow(root.token(kind, client="rs"), is_open).token is not None
    assert gate.why("never-given" if kind == "opaque" else "a.b.c", is_open) in {"OPAQUE_TOKEN", "MALFORMED_TOKEN"}
    assert gate.why(None, menu) == "MISSING_TOKEN"


@each_kind
def test_key_managers_of_each_api(gate: Gate, root: Issuer, path: Issuer, kind: str) -> None:
    """Of two APIs each takes the tokens of its own key manager alone, whichever was called first."""
    of_root, of_path = (orders(key_managers=name).call("GET", "/menu") for name in ("root", "path"))
    token = root.token(kind)
    other = path.token("ES256")
    for _ in range(2):
        assert gate.allow(token, of_root).call is of_root
        assert gate.why(token, of_path) == "WRONG_KEY_MANAGER"
        assert gate.allow(other, of_path).call is of_path
        assert gate.why(other, of_root) == "WRONG_KEY_MANAGER"
    assert gate.allow(other, orders(key_managers=None).call("GET", "/menu")).token is not None
    assert path.hits(ENDPOINT) == 0


@each_kind
def test_scopes_without_an_api(gate: Gate, root: Issuer, kind: str) -> None:
    """A call may carry its scopes itself, and the key managers whose tokens count."""
    token = root.token(kind, client="rs", scope="read write")
    assert gate.allow(token, ApiCall(all_scopes=("read", "write"))).api is None
    assert gate.allow(token, ApiCall("read", key_managers="root")).application is None
    assert gate.why(token, ApiCall("Read")) == "INSUFFICIENT_SCOPE"
    assert gate.why(token, ApiCall(all_scopes=("read", "admin"))) == "INSUFFICIENT_SCOPE"
    assert gate.why(token, ApiCall("read", key_managers="path")) == "WRONG_KEY_MANAGER"


@each_kind
def test_without_subscriptions(way: Way, clock: SettableClock, root: Issuer, kind: str) -> None:
    """An API that asks for no subscription takes clients that nobody knows, where others refuse them."""
    gate = Gate(way, clock, [known(root)])
    token = root.token(kind, client="rs")
    assert gate.allow(token, orders(validate_subscriptions=False).call("GET", "/menu")).subscription is None
    assert gate.why(token, orders().call("GET", "/menu")) == "NOT_SUBSCRIBED"


def test_two_that_claim_one_token(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> None:
    """Of key managers that claim the same tokens the API says who is asked, and no verdict is that of another API."""
    managers = [known(root), known(path)]
    gate = Gate(way, clock, managers, registry={"overlapping_tokens": True}, subscriptions=subscribed())
    token = root.token("opaque")
    both, turned = orders(key_managers=("root", "path")), orders(key_managers=("path", "root"))
    for _ in range(2):
        assert gate.allow(token, both.call("GET", "/menu")).token is not None
        assert gate.allow(token, orders().call("GET", "/menu")).token is not None
        assert gate.why(token, turned.call("GET", "/menu")) == "INACTIVE"
        assert gate.why(token, orders(key_managers="path").call("GET", "/menu")) == "INACTIVE"
    assert (root.hits(ENDPOINT), path.hits(ENDPOINT)) == (1, 1)


@each_kind
def test_organizations(way: Way, clock: SettableClock, root: Issuer, path: Issuer, kind: str) -> None:
    """A key manager of one organization answers for its calls alone, and a client is looked for there first."""
    ours = known(root, manager={"organization": "acme"})
    store = subscribed("m2m")
    gate = Gate(way, clock, [ours, known_by_keys(path)], subscriptions=store)
    token = root.token(kind)
    call = orders(organization="acme").call("GET", "/menu")
    assert gate.why(token, call) == "NOT_SUBSCRIBED"  # a key mapping for all is none of this organization
    store.put(KeyMapping(organization="acme", key_manager="root", consumer_key="m2m", application="app-m2m"))
    gate.allow(token, call)
    gate.allow(token, orders().call("GET", "/menu"), "acme")
    for other in (orders(organization="globex"), orders()):
        assert gate.why(token, other.call("GET", "/menu")) == {"ES256": "UNKNOWN_ISSUER"}.get(kind, "OPAQUE_TOKEN")


def test_an_openapi_document(way: Way, clock: SettableClock, root: Issuer, orders_document: Callable[[], Api]) -> None:
    """What a document says of scopes holds for tokens of the provider."""
    api = orders_document()
    gate = Gate(way, clock, [known(root)], subscriptions=subscribed())
    token = root.token("ES256", scope="read")
    gate.allow(token, api.call("GET", "/menu"))
    assert gate.why(token, api.call("POST", "/menu")) == "INSUFFICIENT_SCOPE"
    gate.allow(root.token("ES256", scope="write"), api.call("POST", "/menu"))
    assert gate.allow(None, api.call("GET", "/health")).token is None


@pytest.fixture
def orders_document() -> Callable[[], Api]:
    """Makes an API of an OpenAPI document."""
    scheme = {"type": "oauth2", "flows": {}}
    paths = {
        "/menu": {"get": {"security": [{"oauth": ["read"]}]}, "post": {"security": [{"oauth": ["write"]}]}},
        "/health": {"get": {"security": []}},
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "orders", "version": "1.0.0"},
        "components": {"securitySchemes": {"oauth": scheme}},
        "paths": paths,
    }
    return lambda: Api.from_openapi(document, id=API_ID)


def test_paths_of_a_token(gate: Gate, root: Issuer) -> None:
    """However a path is written, it reaches the resource that guards it, or none."""
    api = orders(
        resources=(
            Resource("GET", "/files/*", any_scope="read"),
            Resource("GET", "/files/secret", any_scope="admin"),
        )
    )
    token = root.token("ES256", scope="read")
    gate.allow(token, api.call("GET", "/files/plain"))
    for path in ("/files/secret", "/files/%73ecret", "/files/./secret", "/files/a/../secret", "/files//secret"):
        assert gate.why(token, api.call("GET", path)) in {"INSUFFICIENT_SCOPE", "NO_MATCHING_RESOURCE"}
    for path in ("/files%2Fsecret", "/files/secret%00", "\\files\\secret", "files/secret", "/FILES/secret"):
        assert gate.why(token, api.call("GET", path)) == "NO_MATCHING_RESOURCE"
    for method in ("get", "GET ", "*", "POST"):
        assert gate.why(token, api.call(method, "/files/secret")) == "NO_MATCHING_RESOURCE"
