"""
Calls, subscriptions, revocation and backend JWTs as type checkers see them; checked, never run.

What must not type-check carries the error that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import kmvalidate as km

menu = km.Resource("GET", "/menu", any_scope={"menu:read"}, auth_type=km.AuthType.USER)
orders = km.Api(
    "orders",
    "1.0.0",
    id="9a1c",
    context="/orders/1.0.0",
    organization="acme",
    environment="prod",
    key_managers=["Keycloak", "Entra"],
    audiences=("orders",),
    backend_audience="orders-service",
    validate_subscriptions=False,
    gateway_type=km.GatewayType.SANDBOX,
    kind="GRAPHQL",
    resources=[menu, km.Resource("*", "/files/*", all_scopes="files", demands=km.Demands(any_role="cook"))],
    demands=None,
)
described = km.Api.from_openapi({"openapi": "3.0.3"}, validate_subscriptions=False)
without_version = km.Api("orders")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
wrong_auth = km.Resource("GET", "/menu", auth_type="Any")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
wrong_resources = km.Api("orders", "1.0.0", resources=["/menu"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
words: tuple[km.AuthType, km.GatewayType] = (km.AuthType.from_wso2("Any"), km.GatewayType.HYBRID)

call: km.ApiCall = orders.call("GET", "/menu", operations=[("QUERY", "menu")])
by_scope = km.ApiCall("menu:read", organization="acme", key_managers="Keycloak", demands=km.Demands(any_role="cook"))
assert_type(call.path, str | None)
assert_type(call.resources, tuple[km.Resource, ...])
assert_type(call.in_organization("acme"), km.ApiCall)
call.path = "/other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def at_lunch(case: km.Case) -> None:
    """Refuse what comes at night, as a check that a user wrote."""
    assert_type(case.token, km.VerifiedToken)
    assert_type(case.api, km.Api | None)
    assert_type(case.application, km.Application | None)
    assert_type(case.user_claims, Mapping[str, Any] | None)
    if case.now % 86_400 < 3600:
        raise km.Refused(km.Reason.FORBIDDEN, hint="Come back later.")


def says_so(case: km.Case) -> bool:
    """Return something, which no check does."""
    return case.key_type == "PRODUCTION"


class Quota:
    """A check that a user wrote, with something of its own."""

    def __init__(self, most: int) -> None:
        self.most = most

    def check(self, case: km.Case, /) -> None:
        """Refuse what is too much."""
        if self.most < len(case.token.scopes):
            raise km.Refused(km.Reason.FORBIDDEN)


own_check: km.Check = Quota(3)
built_in: tuple[km.Check, ...] = km.DEFAULT_CHECKS
each: list[km.Check] = [
    *(km.ResourceCheck(), km.KeyManagerCheck(), km.EnvironmentCheck(), km.TokenTypeCheck(), km.SubscriptionCheck()),
    *(km.KeyTypeCheck(), km.ScopeCheck(), km.AudienceCheck(), km.DemandsCheck()),
]
trial = km.ReportOnly(at_lunch)
composed = km.AnyOf(km.AllOf(at_lunch, own_check), km.Not(km.Demands(any_role="guest"), hint="No guests."))
chain: km.ValidatorChain = km.ValidatorChain([*each, at_lunch]).followed_by(composed, trial)
assert_type(trial.would_have_refused, Mapping[km.Reason, int])
no_checks = km.ValidatorChain([says_so])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
no_composition = km.AllOf("scopes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

store = km.InMemorySubscriptions(
    [
        km.Application(id="1", name="Shop", attributes={"team": "web"}, groups=("web",)),
        km.KeyMapping(key_manager="Keycloak", consumer_key="web-shop", application="1", key_type="SANDBOX"),
        km.Subscription(application="1", api="9a1c", policy="Gold"),
        km.SubscriptionPolicy(name="Gold", rate_limit_count=100),
        km.ApplicationPolicy(name="Unlimited"),
    ]
)
from_documents = [km.InMemorySubscriptions.from_toml(""), km.InMemorySubscriptions.from_json(b"{}")]
store.put_all(km.records_from_wso2("applications", [{"uuid": "3", "name": "Bar"}], organization="acme"))
store.put(km.Application(id="2", name="Kiosk"), at=1_800_000_000)
store.replace(applications=[], subscriptions=(), as_of=1_800_000_000.5)
store.put("9a1c")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nameless = km.Application(id="1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def load(organizations: tuple[str | None, ...], key_manager: str, key: str, api: km.Api) -> list[km.Application]:
    """Load what is missing."""
    return [km.Application(id=key, name=f"{key_manager} {api.name} {len(organizations)}")]


class OwnStore:
    """A store that a user wrote."""

    version: object = None
    known: frozenset[tuple[str | None, ...]] = frozenset()

    def find(
        self, client_organizations: tuple[str | None, ...], key_manager: str, consumer_key: str, api: km.Api
    ) -> km.Grant:
        """Find an application, and nothing more."""
        known = (client_organizations[0], key_manager, consumer_key, api.id) in self.known
        return km.Grant(km.Application(id="1", name="Shop")) if known else km.Grant()


lazy = km.LoadingSubscriptions(store, load, negative_ttl_s=5)
stores: list[km.SubscriptionStore] = [store, lazy, OwnStore()]
no_store: km.SubscriptionStore = chain  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

revocations = km.RevocationList()
revocations.revoke_token_id("1", key_manager="Keycloak", organization="acme", expires_at=1_800_000_000)
revocations.revoke_subject("alice", key_manager=km.ANY_KEY_MANAGER, before=1_800_000_000.0)
revocations.revoke_digest(km.signed_digest("a.b.c"))
revocations.revoke_token_id("1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
revocations.revoke_client("web-shop", key_manager=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(revocations.reinstate_issuer("https://idp.example"), bool)
of_any: km.AnyKeyManager = km.ANY_KEY_MANAGER


def sign(signing_input: bytes) -> bytes:
    """Sign, as a vault does."""
    return signing_input


keys: list[km.SigningKey] = [
    km.SigningKey.generate(),
    km.SigningKey.from_pem("...", certificate=b"...", kid="1", password="x"),
    km.SigningKey.from_pkcs12(b"...", None),
    km.SigningKey.from_jwk({"kty": "EC"}, algorithm="ES256"),
    km.SigningKey.from_signer(sign, public_key="...", algorithm="ES256", ecdsa="der"),
]
wrong_form = km.SigningKey.from_signer(sign, public_key="", algorithm="ES256", ecdsa="asn1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def more(case: km.Case) -> dict[str, object]:
    """Return further claims."""
    return {"tenant": case.token.tenant}


generator = km.BackendJwtGenerator(
    keys,
    format=km.StrictFormat(typ="backend+jwt"),
    issuer="https://gateway.example",
    header="X-User",
    ttl_s=60,
    audience=["a", "b"],
    claims={"email": "mail", ("realm_access", "roles"): "roles"},
    excluded_claims="address",
    custom_claims=more,
    user_claims=km.UserInfo({"Keycloak": "https://idp.example/userinfo", ("acme", "Own"): "https://own.example/u"}),
)
legacy = km.BackendJwtGenerator(keys[2], format=km.LegacyFormat(flavour="choreo-connect"))
generator.use_keys(keys[0])
assert_type(generator.jwks(), dict[str, Any])
assert_type(generator.jwks_json(), bytes)
assert_type(generator.overlap_s, int)
made: km.BackendJwt | None = None
assert_type(generator.replace_header([("Accept", "*/*")], made), list[tuple[str, str]])
no_format = km.BackendJwtGenerator(keys, format="legacy")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

registry = km.KeyManagerRegistry(revocations=revocations)
validator = km.TokenValidator(
    registry, chain=chain, subscriptions=lazy, self_contained=["Keycloak", ("acme", "Own")], backend_jwt=generator
)
registry.drop_tokens()
registry.revocations.forget_remembered()
no_chain = km.TokenValidator(registry, chain=[at_lunch])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def handle(bearer: str | None, path: str) -> km.ErrorResponse | Mapping[str, str]:
    """Answer as a gateway does."""
    try:
        allowed = validator.validate(bearer, orders.call("GET", path), organization="acme")
    except (km.Refused, km.KeyManagerUnavailable) as failure:
        assert_type(km.error_response(failure).body, bytes)
        return km.error_response(failure, profile="apim", body="problem", scopes=["menu:read"], detail=True)
    assert_type(allowed, km.AuthorizedCall)
    assert_type(allowed.token, km.VerifiedToken | None)
    assert_type(allowed.subscription, km.Subscription | None)
    assert_type(allowed.grant, km.Grant)
    assert_type(allowed.backend_jwt, str | None)
    validator.validate(bearer, "GET /menu")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return allowed.backend_headers


def handle_quietly(bearer: str) -> int:
    """Answer without exceptions."""
    decision = validator.decide(bearer, call)
    if isinstance(decision, km.Refusal):
        assert_type(decision.reason, km.Reason)
        assert_type(decision.reason.error, str | None)
        return km.error_response(decision, profile="choreo-connect").status
    assert_type(decision, km.AuthorizedCall)
    return 200


profile: km.ErrorProfile = "standard"
body: km.ErrorBody = "problem"
no_profile: km.ErrorProfile = "wso2"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


async def explain(bearer: str) -> str:
    """Tell why, on a loop."""
    assert_type(await validator.avalidate(bearer, by_scope), km.AuthorizedCall)
    assert_type(await validator.adecide(bearer, by_scope), km.AuthorizedCall | km.Refusal)
    explained = await validator.aexplain(bearer, call)
    assert_type(explained, km.Explanation)
    assert_type(explained.steps, tuple[km.Step, ...])
    assert_type(explained.reason, km.Reason | None)
    assert_type(validator.explain(bearer).to_dict(), dict[str, Any])
    return explained.to_json()


async def forgotten(bearer: str) -> bool:
    """Forget to wait: nothing is decided then, and type checkers say so."""
    validator.avalidate(bearer, call)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    return bool((validator.adecide(bearer, call)).reason)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
