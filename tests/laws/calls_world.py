"""
The library over a world of calls.

Rules kept here: what is made of a plan is made of nothing else; a verdict is one word, as the oracle says it.
"""

from __future__ import annotations

import asyncio
from functools import cache, singledispatch
from typing import Any

from kmvalidate import (
    ANY_AUDIENCE,
    Api,
    ApiCall,
    Application,
    AuthType,
    Demands,
    GatewayType,
    InMemorySubscriptions,
    KeyManager,
    KeyManagerRegistry,
    KeyMapping,
    ProviderProfile,
    Refusal,
    Refused,
    Resource,
    StaticKeys,
    Subscription,
    TokenValidator,
)
from kmvalidate.revocation import ANY_KEY_MANAGER
from tests.estate import issuer_of
from tests.fakes import FakeTransport, SettableClock, key_set
from tests.laws.calls_oracle import GOOD
from tests.laws.calls_plans import (
    ANY_METHOD,
    AUDIENCE,
    NOW,
    WILD,
    App,
    Asked,
    Bearer,
    Manager,
    Mapping,
    Plan,
    Sub,
    Thing,
    World,
)
from tests.signing import good_header, private_key, token


def _kind(claims: Any) -> bool | None:
    kind = claims.get("aut")
    return kind.upper() == "APPLICATION" if isinstance(kind, str) else None


_TELLING = ProviderProfile(is_application=_kind)
_SILENT = ProviderProfile()


@cache
def _keys(issuer: str) -> StaticKeys:
    return StaticKeys.from_jwks(key_set(issuer))


def manager_of(plan: Manager) -> KeyManager:
    """Return a new object of that configuration."""
    return KeyManager(
        name=plan.name,
        organization=plan.organization,
        issuer=issuer_of(plan.issuer),
        keys=_keys(plan.issuer),
        audience=AUDIENCE if plan.wants_audience else ANY_AUDIENCE,
        environments=plan.environments,
        leeway_s=plan.leeway_s,
        profile=_TELLING if plan.tells_kind else _SILENT,
    )


def text_of(bearer: Bearer) -> str:
    """Return the token itself; each time it is signed anew, since ECDSA is not deterministic."""
    owner = "mallory" if bearer.is_forged else bearer.issuer
    return token(bearer.all(), good_header(kid=bearer.issuer), key=private_key("P-256", owner))


def _demands(demand: Any) -> Demands | None:
    if demand is None:
        return None
    what, wanted = demand
    return Demands(**{what: wanted if what == "any_role" else {"tier": wanted}})


def _asks(thing: Thing) -> dict[str, Any]:
    return {"any_scope": thing.any_scope, "all_scopes": thing.all_scopes, "demands": _demands(thing.demands)}


def api_of(plan: Plan) -> Api:
    fields = ("context", "id", "organization", "environment", "key_managers", "audiences", "validate_subscriptions")
    return Api(
        plan.name,
        plan.version,
        **{name: getattr(plan, name) for name in (*fields, "status", "kind")},
        gateway_type=GatewayType[plan.gateway_type],
        resources=[
            Resource(one.method, one.path, auth_type=AuthType[one.auth_type], **_asks(one)) for one in plan.things
        ],
        demands=_demands(plan.demands),
    )


def call_of(asked: Asked, api: Api | None) -> ApiCall:
    """Return the call, within its API's own organization or without one."""
    if api is None:
        (alone,) = asked.things
        assert (alone.method, alone.path) == (ANY_METHOD, WILD)
        return ApiCall(key_managers=asked.alone_within, **_asks(alone))
    if api.kind == "GRAPHQL":
        return api.call("POST", "/", operations=[(one.method, one.path) for one in asked.things])
    if not asked.things:
        return api.call("GET", "/nowhere")
    (one,) = asked.things
    return api.call(one.method, one.path.replace("{id}", "7"))


@singledispatch
def record_of(plan: Any) -> Any:
    """Return the record of that plan."""
    raise TypeError(plan)


@record_of.register
def _(plan: App) -> Any:
    return Application(id=plan.id, name=plan.id)


@record_of.register
def _(plan: Mapping) -> Any:
    return KeyMapping(**vars(plan))


@record_of.register
def _(plan: Sub) -> Any:
    organization, name, version = plan.named or (None, None, None)
    if plan.ranged is not None:
        organization, context, versions = plan.ranged
        how: dict[str, Any] = {"context": context, "version_range": versions}
    else:
        how = {"api_name": name, "api_version": version}
    return Subscription(
        application=plan.application, api=plan.api, api_organization=organization, state=plan.state, **how
    )


def revoke(revoked: Any, revocation: tuple[Any, ...], texts: Any, *, back: bool = False) -> None:
    """Revoke something, or take that *back*."""
    kind, name, *more = revocation
    if kind == "token":
        name = texts[name % len(texts)]
    scope: dict[str, Any] = {}
    if more:
        whose, organization, *before = more
        scope = {"key_manager": ANY_KEY_MANAGER if whose == ANY_METHOD else whose, "organization": organization}
        scope |= {"before": before[0]} if before else {}
    getattr(revoked, f"{'reinstate' if back else 'revoke'}_{kind}")(name, **scope)


class Gate:
    """A validator over a world; other validators over the same registry and store may stand beside it."""

    def __init__(self, world: World, **arguments: Any) -> None:
        self.world, self.clock = world, SettableClock(NOW)
        self.answer: Any = None
        managers = [manager_of(one) for one in world.managers]
        self.registry = KeyManagerRegistry(managers, transport=FakeTransport(), clock=self.clock)
        self.store = InMemorySubscriptions([record_of(one) for one in world.records])
        self.self_contained = [(one.organization, one.name) for one in world.managers if one.is_self_contained]
        self.arguments = arguments
        apis = {id(one): api_of(one) for one in dict.fromkeys(one.plan for one in world.asked) if one is not None}
        plans = {one.plan: apis[id(one.plan)] for one in world.asked if id(one.plan) in apis}
        self.calls = [call_of(one, None if one.plan is None else plans[one.plan]) for one in world.asked]
        self.texts = [text_of(one) for one in world.bearers]
        for one in world.revocations:
            revoke(self.registry.revocations, one, self.texts)
        self.validator = self.beside()

    def beside(self, **arguments: Any) -> TokenValidator:
        """Return a validator over the same that never saw anything."""
        given = {"subscriptions": self.store, "self_contained": self.self_contained}
        return TokenValidator(self.registry, **(given | self.arguments | arguments))

    def ask(self, bearer: int | None, asked: int, how: str = "decide", validator: Any = None) -> str:
        """Return what becomes of a call, asked in that way."""
        text = None if bearer is None else self.texts[bearer]
        plan, call = self.world.asked[asked], self.calls[asked]
        organization = plan.organization if call.organization is None else None
        check = getattr(validator or self.validator, how)
        try:
            answer = check(text, call, organization=organization)
            answer = asyncio.run(answer) if how[0] == "a" else answer
        except Refused as refused:
            assert "decide" not in how
            return refused.reason.name
        if isinstance(answer, Refusal):
            assert how.endswith("decide")
            assert not answer
            return answer.reason.name
        self.answer = answer
        assert (answer.token is None) == (bearer is None)
        assert answer.call.resources == call.resources
        return GOOD
