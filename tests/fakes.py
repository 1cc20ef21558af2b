"""
A provider in memory: a transport that answers from a dictionary, and a clock that is set.

Rules kept here: no socket, no sleep; what a test waits for is an event, and every wait has an end.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from kmvalidate import (
    HttpRequest,
    HttpResponse,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Network,
    RemoteKeys,
    TokenValidator,
)
from kmvalidate.ports import BlockingPorts
from tests.signing import (
    AUDIENCE,
    ISSUER,
    NOW,
    b64,
    dumps,
    good_claims,
    good_header,
    private_key,
    public_jwk,
    reason,
    token,
)

WAIT_S = 5.0
SUFFIX = ISSUER + "/.well-known/openid-configuration"
INSERTED = "https://idp.example/.well-known/oauth-authorization-server/realms/acme"
KEYS = ISSUER + "/keys"


class SettableClock:
    """Two clocks that stand still until they are moved."""

    def __init__(self, wall: float = NOW, monotonic: float = 1000.0) -> None:
        self.now = monotonic
        self._ahead = wall - monotonic

    def wall(self) -> float:
        return self.now + self._ahead

    def monotonic(self) -> float:
        return self.now

    def pass_s(self, seconds: float) -> None:
        """Let time pass on the monotonic clock, and take the wall clock back, so that tokens stay good."""
        self.now += seconds
        self._ahead -= seconds


def answer(document: Any, status: int = 200, **headers: str) -> HttpResponse:
    """Return a response that holds *document*, an object or raw bytes."""
    return HttpResponse(status=status, headers=headers, body=dumps(document))


class FakeTransport:
    """
    Answers each URL with a document, a response, what a callable returns, or an error; anything else with 404.

    `hits` counts the requests of each URL, `requests` keeps them.
    """

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers: dict[str, Any] = answers or {}
        self.requests: list[HttpRequest] = []

    @property
    def hits(self) -> Counter[str]:
        return Counter(request.url for request in list(self.requests))

    def send(self, request: HttpRequest, /) -> Any:
        self.requests.append(request)
        found = self.answers.get(request.url, answer({}, 404))
        if callable(found):
            found = found()
        if isinstance(found, BaseException):
            raise found
        return answer(found) if isinstance(found, dict | bytes) else found


class HeldTransport(FakeTransport):
    """A `FakeTransport` each of whose exchanges waits for `let_go`; `asked` says that one waits."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        super().__init__(answers)
        self.asked, self.let_go = threading.Event(), threading.Event()

    def send(self, request: HttpRequest, /) -> Any:
        self.asked.set()
        assert self.let_go.wait(WAIT_S)
        return super().send(request)


class WatchedPorts(BlockingPorts):
    """Blocking ports that count who waits, and can wait for the flights they spawned, or fail to spawn."""

    patience_s: float | None = None
    refusing: Exception | None = None

    def __init__(self, transport: Any, clock: Any) -> None:
        super().__init__(transport, clock)
        self.waiting = threading.Semaphore(0)
        self.flown: list[threading.Event] = []

    async def join(self, landed: Any, deadline_s: float, /) -> Any:
        self.waiting.release()
        return await super().join(landed, deadline_s if self.patience_s is None else self.patience_s)

    def spawn(self, job: Any, /) -> None:
        if self.refusing is not None:
            raise self.refusing
        landed = threading.Event()
        self.flown.append(landed)

        async def watched(own: Any) -> None:
            try:
                await job(own)
            finally:
                landed.set()

        super().spawn(watched)

    def settle(self) -> None:
        """Wait until nothing is under way."""
        while self.flown:
            assert self.flown.pop().wait(WAIT_S)


def ec_jwk(owner: str, kid: str | None = None) -> dict[str, Any]:
    """Return the P-256 key of *owner* as a JWK whose kid is that owner's name."""
    return public_jwk("P-256", owner, kid=kid or owner)


def key_set(*owners: str) -> dict[str, Any]:
    return {"keys": [ec_jwk(owner) for owner in owners]}


def metadata(**changes: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "jwks_uri": KEYS, "id_token_signing_alg_values_supported": ["ES256"]} | changes


def published(*owners: str, **changes: Any) -> dict[str, Any]:
    """Return the answers of a provider whose discovery document has these *changes*."""
    return {SUFFIX: metadata(**changes), KEYS: key_set(*owners)}


def signed_by(owner: str, **claims: Any) -> str:
    """Return a good token signed by *owner*, who is its kid."""
    return token(good_claims(**claims), good_header(kid=owner), key=private_key("P-256", owner))


def badly_signed(owner: str) -> str:
    header, payload, _ = signed_by(owner).split(".")
    return f"{header}.{payload}.{b64(bytes([1] * 64))}"


class Gateway:
    """A `TokenValidator` with one remote key manager, over a scripted transport and a clock that is set."""

    def __init__(self, transport: Any, *, network: Network | None = None, **source: Any) -> None:
        self.clock, self.transport = SettableClock(), transport
        keys = RemoteKeys(network=network or Network(), **source)
        manager = KeyManager(name="Test", issuer=ISSUER, audience=AUDIENCE, keys=keys)
        self.registry = KeyManagerRegistry([manager], transport=transport, clock=self.clock)
        self.ports = self.registry.ports = WatchedPorts(transport, self.clock)
        self.validator = TokenValidator(self.registry)

    def accepts(self, bearer: str) -> bool:
        return self.validator.authenticate(bearer).key_manager == "Test"

    def settle(self) -> None:
        self.ports.settle()


def unavailable(gateway: Any, bearer: str | None = None) -> KeyManagerUnavailable:
    """Return the outage that a token, by default a good one, ends with."""
    with pytest.raises(KeyManagerUnavailable) as caught:
        gateway.validator.authenticate(bearer or signed_by("old"))
    return caught.value


def reason_of(gateway: Any, bearer: str) -> str:
    return reason(gateway.validator.authenticate, bearer)


def in_threads(count: int, work: Callable[[], Any]) -> list[threading.Thread]:
    """Start *count* threads that all begin *work* at once."""
    barrier = threading.Barrier(count)

    def begin() -> None:
        barrier.wait(WAIT_S)
        work()

    threads = [threading.Thread(target=begin, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads
