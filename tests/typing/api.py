"""
The public API as type checkers see it; checked, never run.

Each line is something a user writes. What must not type-check carries the error that says so: both checkers
complain when it is no longer one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, assert_type

import kmvalidate as km

published = km.RemoteKeys(jwks_url="https://idp.example/keys", network=km.Network(private_addresses=True))
pinned = km.StaticKeys.from_file("legacy.pem", kid="2024-01")

keycloak = km.KeyManager(name="Keycloak", issuer="https://sso.example", audience="orders", keys=km.RemoteKeys())
partner = km.KeyManager(
    name="Partner",
    issuer="https://idp.example",
    audience=["orders", "api://orders"],
    keys=published,
    algorithms=["RS256"],
    leeway_s=30,
    required_claims=["sub"],
    claim_values={"tenant": "acme"},
)
open_to_all = km.KeyManager(name="Pinned", issuer="urn:legacy", audience=km.ANY_AUDIENCE, keys=pinned)
by_client = km.KeyManager(name="Old", issuer="urn:old", audience=km.ClientIdInstead("orders-client"), keys=pinned)
without_audience = km.KeyManager(name="Careless", issuer="urn:x", keys=pinned)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

entra = km.KeyManager(
    name="Entra",
    issuer="https://login.example/{tenantid}/v2.0",
    extra_issuers=["https://sts.example/{tenantid}/"],
    tenants=("2f4a9838", "6e74172b"),
    audience="api://orders",
    keys=km.RemoteKeys(
        discovery_url="https://login.example/common/v2.0/.well-known/openid-configuration",
        soft_ttl_s=300,
        hard_ttl_s=3600,
        cooldown_s=5.0,
        max_unknown_kids=100,
    ),
)
rotated = km.KeyManager(
    name="Files",
    organization="acme",
    issuer="urn:files",
    audience="orders",
    keys=[km.StaticKeys.from_file(Path("new.pem"), check_every_s=5), pinned, km.StaticKeys.from_pem(b"...")],
    token_kinds=km.TokenKinds(header_types={"at+jwt"}, type_may_be_absent=False),
)
strict = km.KeyManager(
    name="Strict",
    issuer="https://strict.example",
    audience="orders",
    keys=km.StaticKeys.from_jwks({"keys": []}),
    token_kinds=km.RFC9068_ACCESS_TOKENS,
    max_age_s=60,
    max_lifetime_s=None,
)
demanding = km.KeyManager(
    name="Demanding",
    issuer="https://demanding.example",
    audience="orders",
    keys=km.RemoteKeys(),
    claim_in={"tier": ["gold", 1]},
    role_claims=[("realm_access", "roles"), "roles"],
    any_role="chef",
    all_groups=["cooks", "staff"],
    environments=["prod"],
    profile=km.ProviderProfile(kind="acme", tenant_claims=["tid", ("realm", "tenant")], answers=km.AnswerRules()),
)
demands = km.Demands(any_role={"chef"}, claim_values={"tenant": "acme"}, claim_in={"tier": "gold"})
by_position = km.Demands("chef")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
named_wrongly = km.Demands(any_roles="chef")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
assert_type(demands.any_role, frozenset[str] | None)
assert_type(entra.issuers, tuple[str, ...])
assert_type(rotated.organization, str | None)
assert_type(strict.waivers(), tuple[str, ...])
assert_type(strict.token_kinds, km.TokenKinds)
wrong_keys = km.KeyManager(name="x", issuer="urn:x", audience="x", keys=[km.RemoteKeys()])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


class OwnTransport:
    """A transport that a user wrote for blocking callers."""

    def send(self, request: km.HttpRequest, /) -> km.HttpResponse:
        """Do one exchange."""
        assert_type(request.url, str)
        assert_type(request.network, km.Network)
        return km.HttpResponse(status=200, headers={"cache-control": "max-age=60"}, body=b"{}")


class OwnAsyncTransport:
    """A transport that a user wrote for asyncio callers."""

    async def send(self, request: km.HttpRequest, /) -> km.HttpResponse:
        """Do one exchange."""
        raise km.KeyManagerUnavailable(f"{request.method} {request.deadline_s:g}", retry_after_s=5)


class OwnClock:
    """A clock that a user wrote."""

    def wall(self) -> float:
        """Return the time since the epoch."""
        return 0.0

    def monotonic(self) -> float:
        """Return a time that only moves forward."""
        return 0.0


class NoTransport:
    """Something that does no exchanges."""

    def get(self, url: str) -> bytes:
        """Return a document."""
        return url.encode()


plain: km.Transport = OwnTransport()
waiting: km.AsyncTransport = OwnAsyncTransport()
ours: tuple[km.Transport, km.AsyncTransport] = (km.RequestsTransport(), km.HttpxTransport("orders/1.0"))
clock: km.Clock = OwnClock()
not_plain: km.Transport = OwnAsyncTransport()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
not_async: km.AsyncTransport = OwnTransport()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


def listener(event: km.Event) -> None:
    """Tell what happened, as metrics and alarms do."""
    assert_type(event.key_manager, str)
    assert_type(event.organization, str | None)
    match event:
        case km.KeyManagerAdded(layer=layer) | km.KeyManagerRemoved(layer=layer):
            assert_type(layer, str)
        case km.KeysFetched(added=added, removed=removed, fresh_for_s=fresh_for_s):
            assert_type(added, tuple[str, ...])
            assert_type(removed, tuple[str, ...])
            assert_type(fresh_for_s, float)
        case km.KeysNotFetched(why=why, failures=failures, retry_in_s=retry_in_s):
            assert_type(why, str)
            assert_type(failures, int)
            assert_type(retry_in_s, float)
        case km.KeysDropped(key_id=key_id):
            assert_type(key_id, str | None)
        case km.KeyManagerUnreachable(why=why):
            assert_type(why, str)
        case km.IntrospectionFailed(why=why, failures=failures):
            assert_type(why, str)
            assert_type(failures, int)
        case km.IntrospectionUnreachable(why=why, retry_in_s=retry_in_s):
            assert_type(why, str)
            assert_type(retry_in_s, float)
        case km.IntrospectionHeldBack(why=why):
            assert_type(why, str)
        case km.KeysExpired() | km.KeyManagerReachable() | km.IntrospectionReachable():
            return


registry = km.KeyManagerRegistry([keycloak, partner, open_to_all, by_client])
live = km.KeyManagerRegistry(
    (entra, rotated),
    layers=("control-plane", "configuration"),
    global_first=True,
    transport=OwnTransport(),
    async_transport=OwnAsyncTransport(),
    clock=OwnClock(),
    on_event=listener,
    overlapping_tokens=True,
)
either = km.KeyManagerRegistry(transport=OwnAsyncTransport(), on_event=print)
neither = km.KeyManagerRegistry(transport=NoTransport())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def change() -> None:
    """Change a registry at run time, as a control plane and an operator do."""
    live.use("configuration", [entra])
    live.use("configuration", (manager for manager in live.managers))
    live.add("control-plane", partner)
    live.replace("control-plane", partner)
    live.remove("control-plane", "Partner")
    live.remove("configuration", "Files", organization="acme")
    live.drop_key("Entra", "kid-1")
    live.drop_key("Files", "kid-1", organization="acme")
    live.drop_keys("Entra")
    live.drop_tokens("Files", organization="acme")
    assert_type(live.overlaps, tuple[str, ...])
    live.refresh("Entra")
    assert_type(live.managers, tuple[km.KeyManager, ...])
    assert_type(live.layers, Mapping[str, tuple[km.KeyManager, ...]])
    live.remove("configuration", "Files", "acme")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    live.add("configuration", [entra])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def report(health: km.Health) -> str:
    """Tell how a key manager is, as a health endpoint does."""
    assert_type(health.status, km.Status)
    assert_type(health.usable, bool)
    assert_type(health.key_ids, tuple[str, ...])
    assert_type(health.stale_since, float | None)
    assert_type(health.introspection, km.Status | None)
    match health.status:
        case km.Status.FRESH | km.Status.UNFETCHED:
            return health.key_manager
        case km.Status.STALE:
            return f"{health.issuer} since {health.stale_since}"
        case km.Status.UNREACHABLE:
            return f"{health.organization}: {health.failures} times, {health.why}"


assert_type([report(health) for health in (*live.warm(), *live.health())], list[str])


async def at_start() -> tuple[km.Health, ...]:
    """Fetch everything before the first request, as an ASGI application does."""
    await live.arefresh("Entra", organization=None)
    return await live.awarm()


published_there = km.discover("https://idp.example", network=km.Network(), transport=OwnTransport(), clock=OwnClock())
assert_type(published_there, km.Discovered)
assert_type(published_there.keys, tuple[km.VerificationKey, ...])
assert_type(published_there.skipped, tuple[km.Skipped, ...])
by_a_wrong_way = km.discover("https://idp.example", keys=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

key_set: km.KeySet = pinned.key_set
assert_type([key.kid for key in key_set.keys], list[str | None])
assert_type(pinned.file, km.KeyFile | None)
freshness: km.Freshness = published
kinds: list[km.TokenKinds] = [km.ACCESS_TOKENS, km.RFC9068_ACCESS_TOKENS]
audiences: list[km.AnyAudience | km.ClientIdInstead] = [km.ANY_AUDIENCE, km.ClientIdInstead(["a", "b"])]
version: str = km.__version__

validator = km.TokenValidator(registry)
few = km.TokenValidator(live, max_token_bytes=8192, remember=1000, remember_whole_tokens=True)
jwts = km.JwtValidator(live, max_token_bytes=8192)
of_nothing = km.TokenValidator([keycloak])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def handle(bearer: str) -> tuple[int, str]:
    """Answer as a resource server does."""
    try:
        token = validator.authenticate(bearer)
    except km.Refused as refused:
        assert_type(refused.reason, km.Reason)
        assert_type(refused.reason.status, int)
        assert_type(refused.reason.error, str | None)
        assert_type(refused.hint, str | None)
        return refused.reason.status, refused.reason.sentence
    except km.KeyManagerUnavailable as outage:
        assert_type(outage.retry_after_s, float)
        return 503, outage.why
    assert_type(token, km.VerifiedToken)
    assert_type(token.subject, str | None)
    assert_type(token.consumer_key, str | None)
    assert_type(token.scopes, frozenset[str])
    assert_type(token.issuer, str)
    assert_type(token.key_manager, str)
    assert_type(token.roles, frozenset[str] | None)
    assert_type(token.groups, frozenset[str] | None)
    assert_type(token.permissions, frozenset[str] | None)
    assert_type(token.tenant, str | None)
    assert_type(token.is_application, bool | None)
    demands.check(token)
    demands.check(bearer)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return 200, token.key_manager


def handle_for(organization: str | None, bearer: str) -> Mapping[str, Any]:
    """Answer for one of many organizations."""
    token = validator.authenticate(bearer, organization=organization, key_managers=["Entra", "Asked"])
    assert_type(token.organization, str | None)
    assert_type(token.key_id, str | None)
    assert_type(token.token_id, str | None)
    assert_type(token.audience, tuple[str, ...])
    assert_type(token.expires_at, float)
    assert_type(token.starts_at, float)
    token.expires_at = 0.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    token.claims["sub"] = "mallory"  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    validator.authenticate(bearer, organization)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(jwts.validate(bearer, organization=organization, key_managers=("Entra",)), km.VerifiedToken)
    return token.claims


async def ahandle(bearer: str) -> km.VerifiedToken | km.KMValidateError:
    """Answer as an ASGI application does."""
    try:
        assert_type(await jwts.avalidate(bearer, organization="acme"), km.VerifiedToken)
        return await few.aauthenticate(bearer, organization="acme", key_managers={"Entra"})
    except (km.Refused, km.KeyManagerUnavailable, km.ConfigurationError) as error:
        assert_type(str(error), str)
        return error


async def forgotten(bearer: str) -> bool:
    """Forget to wait: nothing is decided then, and type checkers say so."""
    few.aauthenticate(bearer)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    if few.aauthenticate(bearer):  # type: ignore[truthy-bool]
        return True
    return bool(few.aauthenticate(bearer).subject)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


checks: list[Callable[[str], km.VerifiedToken]] = [validator.authenticate, jwts.validate]
achecks: list[Callable[[str], Awaitable[km.VerifiedToken]]] = [validator.aauthenticate, jwts.avalidate]
