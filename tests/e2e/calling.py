"""
Gateways that decide about calls with tokens of real providers, and what lies behind them.

Rules kept here: each kind of caller has the same gateway; what a gateway publishes is served as it is, over HTTP, and
whoever verifies it, or signs for it, is a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from kmvalidate import (
    Api,
    ApiCall,
    Application,
    AuthorizedCall,
    AuthType,
    BackendJwtGenerator,
    Explanation,
    InMemorySubscriptions,
    KeyManager,
    KeyManagerUnavailable,
    KeyMapping,
    Refused,
    Resource,
    Subscription,
    TokenValidator,
)
from kmvalidate.profiles import ProviderProfile
from tests.e2e.gateway import SettableClock
from tests.e2e.introspection_gates import asking
from tests.e2e.live import WAYS, Live, Way, manager_of
from tests.e2e.provider import OIDC, Issuer

OPAQUE = r"[A-Za-z0-9_-]{43}"
API_ID = "api-orders"
BACKEND = "urn:backend:orders"
HEADER = "X-JWT-Assertion"
JWKS = "/.well-known/jwks.json"
SUBSCRIBERS = ("m2m", "web")

_CALLERS = ("blocking", "asyncio")

#: Each kind of caller, with the transport that it has by itself.
each_caller = pytest.mark.parametrize("way", [WAYS[name] for name in _CALLERS], ids=_CALLERS)
each_kind = pytest.mark.parametrize("kind", ["ES256", "opaque"])

_SERVICES = Path(__file__).parent / "calling_services.py"
_ANSWER_S = 30
_POLL_S = 0.01


def _is_application(claims: Mapping[str, Any]) -> bool:
    return claims.get("sub", claims["client_id"]) == claims["client_id"]


PROFILE = ProviderProfile(is_application=_is_application)


def known(issuer: Issuer, /, *, manager: dict[str, Any] | None = None, **how: Any) -> KeyManager:
    """Return a key manager for *issuer* that verifies JWTs, asks about opaque tokens, and tells users from clients."""
    return asking(issuer, manager={"profile": PROFILE, **(manager or {})}, **{"tokens": OPAQUE, **how})


def known_by_keys(issuer: Issuer, /, **how: Any) -> KeyManager:
    """Return a key manager for *issuer* that verifies JWTs alone; *how* as for `manager_of`."""
    return manager_of(issuer, profile=PROFILE, **how)


def orders(**changes: Any) -> Api:
    """Return an API with a resource of each kind; *changes* are arguments of `Api`."""
    resources = (
        Resource("GET", "/menu", any_scope=("read", "admin")),
        Resource("POST", "/menu", all_scopes=("read", "write")),
        Resource("GET", "/orders/{id}", auth_type=AuthType.USER),
        Resource("POST", "/jobs", auth_type=AuthType.APPLICATION),
        Resource("GET", "/open", auth_type=AuthType.NONE),
    )
    usual = {"id": API_ID, "key_managers": "root", "backend_audience": BACKEND, "resources": resources}
    return Api("orders", "1.0.0", **{**usual, **changes})


def subscription(client: str, **how: Any) -> Subscription:
    """Return the subscription of the application of *client*; *how* are arguments of `Subscription`."""
    return Subscription(**{"application": f"app-{client}", "api": API_ID, "policy": "Gold", **how})


def records_of(client: str, *, key_managers: tuple[str, ...] = ("root", "path", "tls")) -> list[Any]:
    """Return what a store knows of an application of *client* that is subscribed."""
    application = f"app-{client}"
    return [
        Application(id=application, name=f"Application of {client}", owner="olga", tier="Silver"),
        *(KeyMapping(key_manager=name, consumer_key=client, application=application) for name in key_managers),
        subscription(client),
    ]


def subscribed(*clients: str) -> InMemorySubscriptions:
    """Return a store in which an application of each client is subscribed, those of `SUBSCRIBERS` for none."""
    return InMemorySubscriptions(record for client in clients or SUBSCRIBERS for record in records_of(client))


class Gate(Live):
    """A `Live` gateway that decides about calls; what is not of `Live` are arguments of `TokenValidator`."""

    def __init__(
        self,
        way: Way,
        clock: SettableClock,
        managers: list[KeyManager],
        *,
        registry: dict[str, Any] | None = None,
        **how: Any,
    ) -> None:
        super().__init__(way, clock, managers, **(registry or {}))
        self.validator = TokenValidator(self.registry, **how)

    def allow(self, token: str | None, call: ApiCall, organization: str | None = None) -> AuthorizedCall:
        """Return the authorised call; it must be allowed."""
        if self.way.on_loops:
            return asyncio.run(self.validator.avalidate(token, call, organization=organization))
        return self.validator.validate(token, call, organization=organization)

    def deny(self, token: str | None, call: ApiCall, organization: str | None = None) -> Refused:
        """Return how the call is refused; it must be."""
        with pytest.raises(Refused) as caught:
            self.allow(token, call, organization)
        assert token is None or token not in str(caught.value)
        return caught.value

    def why(self, token: str | None, call: ApiCall, organization: str | None = None) -> str:
        """Return the name of the reason for which the call is refused; it must be."""
        return self.deny(token, call, organization).reason.name

    def cannot_tell(self, token: str, call: ApiCall) -> KeyManagerUnavailable:
        """Return how it is said that nobody can tell of the call; that must be."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.allow(token, call)
        assert token not in str(caught.value)
        return caught.value

    def explain(self, token: str | None, call: ApiCall | None = None) -> Explanation:
        """Return the explanation of the call."""
        if self.way.on_loops:
            return asyncio.run(self.validator.aexplain(token, call))
        return self.validator.explain(token, call)


class Documents:
    """A web server on the loopback interface with the documents of a generator, each as it is when it is asked for."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.generator: BackendJwtGenerator | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is, which is the issuer."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def document(self, path: str) -> bytes | None:
        """Return what lies at *path*."""
        assert self.generator is not None
        self.hits[path] += 1
        if path == JWKS:
            return self.generator.jwks_json()
        if path == OIDC:
            return json.dumps(self.generator.discovery(self.url, insecure_http=True)).encode()
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        document = self.document

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = document(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Service:
    """One of the services of ``calling_services.py`` as a process of its own, which can die and come back."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, str(_SERVICES), *arguments]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> Self:
        """Start it, at another port than ever before, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert ready.startswith("ready "), f"{self._command} did not start"
        self.url = ready.removeprefix("ready ").strip()
        return self

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def ask(self, path: str, *, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Return the answer of the service, a GET without *data*."""
        with requests.Session() as session:
            session.trust_env = False
            method = "GET" if data is None else "POST"
            return session.request(method, self.url + path, data=data, headers=headers, timeout=_ANSWER_S)


@contextlib.contextmanager
def service(*arguments: str) -> Iterator[Service]:
    """Start a service, and end it, however often it was started again."""
    one = Service(*arguments)
    try:
        yield one.start()
    finally:
        one.kill()
