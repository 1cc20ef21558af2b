"""
A gateway that is tried: the library over issuers that follow a script, on clocks that are set.

Rules kept here: what is in the air is there for all to see, and lands when somebody waits for it or a test says so.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections import deque
from functools import cache, cached_property
from hashlib import sha256
from typing import Any

from kmvalidate import (
    ConfigurationError,
    HttpRequest,
    HttpResponse,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Refused,
    RemoteKeys,
    StaticKeys,
    TokenValidator,
)
from kmvalidate.asyncio_ports import AsyncioPorts, OnThreads
from kmvalidate.ports import BlockingPorts
from tests.fakes import SettableClock, WatchedPorts, answer
from tests.laws.live_script import DISCOVERED, Bearer, Entry, Plan, Server
from tests.signing import good_claims, good_header, private_key, public_jwk, token

START = 1_000_000
WALL = 1_700_000_000


class Pause:
    """What an exchange in the air awaits."""

    def __await__(self) -> Any:
        yield


class Aloft(BlockingPorts):
    """The ports of one fetch: its first exchange lands when it is let, and takes the time it takes."""

    def __init__(self, sky: Sky) -> None:
        super().__init__(sky.transport, sky.clock)
        self._is_first = True

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        takes_s = self.transport.takes_s(request)
        try:
            return self.transport.send(request)
        finally:
            if self._is_first:
                self._is_first = False
                await Pause()
            self.clock.now += takes_s


class Sky(BlockingPorts):
    """Blocking ports whose fetches are in the air until one is waited for, or let land."""

    def __init__(self, transport: Script, clock: SettableClock) -> None:
        super().__init__(transport, clock)
        self.air: deque[Any] = deque()
        self.refusing: Exception | None = None
        self.is_last_first = False

    def spawn(self, job: Any, /) -> None:
        if self.refusing is not None:
            raise self.refusing
        flight = job(Aloft(self))
        flight.send(None)
        self.air.append(flight)

    async def join(self, landed: Any, deadline_s: float, /) -> Any:
        if not landed.done():
            self.settle()
        return await super().join(landed, deadline_s)

    def land(self, place: int) -> None:
        """Let the fetch at that place land."""
        flight = self.air[place]
        del self.air[place]
        try:
            flight.send(None)
        except StopIteration:
            return
        raise AssertionError("it is still in the air")

    def settle(self) -> None:
        """Let everything land, one after the other."""
        while self.air:
            self.land(-1 if self.is_last_first else 0)


class AsyncioSky(AsyncioPorts):
    """The same for asyncio callers."""

    def __init__(self, sky: Sky) -> None:
        super().__init__(OnThreads(sky.transport), sky)
        self._sky = sky

    async def join(self, landed: Any, deadline_s: float, /) -> Any:
        if not landed.done():
            self._sky.settle()
        return await super().join(landed, deadline_s)


class WatchedRegistry(KeyManagerRegistry):
    """A registry whose asyncio callers wait as its ports have it."""

    @cached_property
    def aports(self) -> AsyncioPorts:
        """See `KeyManagerRegistry.aports`."""
        return AsyncioSky(self.ports) if isinstance(self.ports, Sky) else super().aports


class Script:
    """A transport that answers for issuers that follow a script."""

    def __init__(self, servers: dict[str, Server]) -> None:
        self.servers = servers
        self.hits = dict.fromkeys(servers, 0)

    def _server(self, request: HttpRequest) -> Server:
        return next(server for issuer, server in self.servers.items() if request.url.startswith(issuer + "/"))

    def takes_s(self, request: HttpRequest) -> int:
        return self._server(request).took_s()

    def send(self, request: HttpRequest, /) -> HttpResponse:
        server = self._server(request)
        is_document = request.url.endswith("/.well-known/openid-configuration")
        if is_document or server.issuer != DISCOVERED:
            self.hits[server.issuer] += 1
        match server.outage:
            case "503":
                return answer({}, 503)
            case "garbage":
                return answer(b"<html>")
            case "raises":
                raise OSError("no route")
            case "hangs":
                raise KeyManagerUnavailable("no answer within the deadline")
        if is_document:
            return answer({"issuer": server.issuer, "jwks_uri": server.issuer + "/keys"})
        entries = [] if server.outage == "no keys" else server.entries
        headers = {} if server.max_age_s is None else {"cache-control": f"public, max-age={server.max_age_s}"}
        return answer({"keys": [jwk(entry) for entry in entries]}, **headers)


@cache
def jwk(entry: Entry) -> dict[str, Any]:
    kid, owner, shape = entry
    return public_jwk(shape, owner, kid=kid)


@cache
def thumbprint(owner: str, shape: str) -> str:
    """Return the thumbprint of RFC 7638."""
    members = {name: value for name, value in jwk(("", owner, shape)).items() if name in {"crv", "kty", "x", "y"}}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


@cache
def text_of(bearer: Bearer) -> str:
    """Return the token itself; the same one each time."""
    claims = good_claims(
        iss=bearer.issuer,
        aud=bearer.audience,
        exp=bearer.expires,
        nbf=bearer.starts,
        iat=bearer.issued,
        sub=bearer.subject,
    )
    alg = bearer.alg
    header = good_header(alg, kid=... if bearer.kid is None else bearer.kid)
    shape = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}[alg]
    made = token(claims, header, alg, private_key(shape, bearer.owner))
    if bearer.is_tampered:
        other = token(claims | {"sub": "mallory"}, header, alg, private_key(shape, bearer.owner))
        return ".".join((*other.split(".")[:2], made.split(".")[2]))
    return made


class World:
    """
    A registry and a validator over a script.

    Args:
        servers: The issuers; *pace* are the figures of the key caches.

        is_raced: Whether fetches in the background have threads, rather than landing when they are let.

        memory: How the validator remembers tokens.
    """

    def __init__(
        self,
        servers: dict[str, Server],
        pace: Any,
        *,
        is_raced: bool = False,
        global_first: bool = False,
        **memory: Any,
    ) -> None:
        self.servers, self.pace = servers, pace
        self.transport, self.clock = Script(servers), SettableClock(WALL, START)
        self.ports: Any = (WatchedPorts if is_raced else Sky)(self.transport, self.clock)
        self.registry = WatchedRegistry(transport=self.transport, clock=self.clock, global_first=global_first)
        self.registry.ports = self.ports
        self.validator = TokenValidator(self.registry, **memory)

    def manager(self, plan: Plan) -> KeyManager:
        """Return a new object of that configuration."""
        keys: Any = StaticKeys.from_jwks({"keys": [jwk(entry) for entry in plan.pinned]}) if plan.pinned else None
        if keys is None:
            url = None if plan.issuers[0] == DISCOVERED else plan.issuers[0] + "/keys"
            keys = RemoteKeys(jwks_url=url, **self.pace)
        return KeyManager(
            name=plan.name,
            organization=plan.organization,
            issuer=plan.issuers[0],
            extra_issuers=plan.issuers[1:],
            audience=plan.audience,
            leeway_s=plan.leeway_s,
            max_age_s=plan.max_age_s,
            algorithms=("ES256", "ES384"),
            keys=keys,
        )

    def present(self, bearer: Bearer, organization: str | None = None, *, is_async: bool = False) -> tuple[Any, ...]:
        """Return how a token fares."""
        try:
            if is_async:
                verified = asyncio.run(self.validator.aauthenticate(text_of(bearer), organization=organization))
            else:
                verified = self.validator.authenticate(text_of(bearer), organization=organization)
        except Refused as refused:
            return ("refused", refused.reason.name, refused.key_manager)
        except KeyManagerUnavailable as unavailable:
            return ("unavailable", unavailable.key_manager)
        assert verified.claims["sub"] == bearer.subject
        return ("accepted", verified.key_manager, verified.organization, verified.issuer)

    def change(self, change: str, layer: str, *arguments: Any, **keywords: Any) -> bool:
        """Change the registry; tell whether that was allowed."""
        try:
            getattr(self.registry, change)(layer, *arguments, **keywords)
        except ConfigurationError:
            return False
        return True

    def drop_key(self, name: str, organization: str | None, key: Any) -> bool:
        """Drop a key by its kid, or by whose it is; tell whether there is somebody of that name."""
        key_id = key if isinstance(key, str) else thumbprint(*key)
        try:
            self.registry.drop_key(name, key_id, organization=organization)
        except ConfigurationError:
            return False
        return True

    def drop_keys(self, name: str, organization: str | None) -> bool:
        """Drop all keys; tell whether there is somebody of that name."""
        try:
            self.registry.drop_keys(name, organization=organization)
        except ConfigurationError:
            return False
        return True

    def refresh(self, name: str, organization: str | None, *, is_async: bool = False) -> tuple[Any, ...]:
        try:
            if is_async:
                asyncio.run(self.registry.arefresh(name, organization=organization))
            else:
                self.registry.refresh(name, organization=organization)
        except ConfigurationError:
            return ("nobody",)
        except KeyManagerUnavailable as unavailable:
            return ("unavailable", unavailable.key_manager)
        return ("done",)

    def warm(self, *, is_async: bool = False) -> None:
        if is_async:
            asyncio.run(self.registry.awarm())
        else:
            self.registry.warm()

    def healths(self) -> dict[Any, tuple[Any, ...]]:
        """Return how everybody is, by name and organization."""
        return {
            (one.key_manager, one.organization): (
                *(one.issuer, one.status.name, one.usable, one.key_ids, one.failures, one.stale_since),
            )
            for one in self.registry.health()
        }
