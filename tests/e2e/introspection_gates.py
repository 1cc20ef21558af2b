"""Key managers that are asked about tokens, and the clients as which they are asked."""

from __future__ import annotations

from typing import Any

import attrs

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    ClientSecretPost,
    FromFile,
    HttpRequest,
    HttpResponse,
    HttpxTransport,
    Introspection,
    KeyManager,
    Network,
    PrivateKeyJwt,
    RequestsTransport,
    TlsClientAuth,
)
from tests.e2e import clients
from tests.e2e.django_toolkit.service import CLIENTS, DjangoToolkit
from tests.e2e.gateway import AUDIENCE
from tests.e2e.live import Live, Way, manager_of
from tests.e2e.opaque import ENDPOINT, RESOURCE, client_of
from tests.e2e.provider import Issuer

TTL_S = 60
INACTIVE_TTL_S = 10
LEEWAY_S = 60
BREAKER_FAILURES = 5
LONGEST_BACKOFF_S = 30

_OPAQUE = (RESOURCE, *(f"{RESOURCE}:ttl{seconds}" for seconds in (20, 200)))


def asked_as(issuer: Issuer, client: str = "rs", *, as_pem: bool = False) -> Any:
    """Return how one of the clients of the provider shows who it is."""
    known = client_of(issuer, client)
    if known.method == clients.BASIC:
        return ClientSecretBasic(known.id, known.secret or "")
    if known.method == clients.POST:
        return ClientSecretPost(known.id, known.secret or "")
    if known.method == clients.PRIVATE_KEY_JWT:
        return PrivateKeyJwt(known.id, FromFile((known.pem_file if as_pem else known.jwk_file) or ""))
    return TlsClientAuth(known.id)


def asking(issuer: Issuer, /, *, manager: dict[str, Any] | None = None, **how: Any) -> KeyManager:
    """Return a key manager for *issuer* that is asked; *how* are arguments of `Introspection`."""
    asked = Introspection(**{"client": asked_as(issuer), "tokens": ANY_OPAQUE_TOKEN, **how})
    return manager_of(issuer, **{"audience": (*_OPAQUE, *AUDIENCE), "introspection": asked, **(manager or {})})


def asking_django(django: DjangoToolkit, /, *, manager: dict[str, Any] | None = None, **how: Any) -> KeyManager:
    """Return a key manager for the django-oauth-toolkit, which has no keys; *how* as for `asking`."""
    basic = ClientSecretBasic("rs", CLIENTS["rs"][1])
    asked = {"client": basic, "endpoint": django.introspection_endpoint, "network": django.network, "requires": "exp"}
    rules = {"name": "django", "issuer": django.issuer, "audience": "orders", "self_validate_jwt": False}
    strategy = Introspection(**{"tokens": ANY_OPAQUE_TOKEN, **asked, **how})
    return KeyManager(**{**rules, "introspection": strategy, **(manager or {})})


def both_endpoints(issuer: Issuer) -> tuple[str, str]:
    """Return the introspection endpoints of *issuer*, that of its first port first."""
    return issuer.url + ENDPOINT, issuer.second_url + ENDPOINT


def ports_asked(issuer: Issuer) -> list[str]:
    """Return at which ports *issuer* was asked about tokens, in the order in which it was."""
    return [request["port"] for request in issuer.requests(ENDPOINT)]


def asked_django(django: DjangoToolkit) -> tuple[int, int]:
    """Return how often *django* was asked for a token, and about one; lines that threads write may run together."""
    return django.log().count("hit POST /o/token/"), django.log().count("hit POST /o/introspect/")


def with_certificate(issuer: Issuer, client: str, **more: Any) -> Network:
    """Return a network on which *client* of the TLS issuer shows its certificate."""
    shown = client_of(issuer, client).certificate
    assert shown is not None
    return attrs.evolve(issuer.network, client_cert_file=shown.cert_file, client_key_file=shown.key_file, **more)


class _Tap:
    def __init__(self, seen: list[HttpRequest]) -> None:
        self._inner, self._seen = RequestsTransport(), seen

    def send(self, request: HttpRequest) -> HttpResponse:
        self._seen.append(request)
        return self._inner.send(request)


class _AsyncTap:
    def __init__(self, seen: list[HttpRequest]) -> None:
        self._inner, self._seen = HttpxTransport(), seen

    async def send(self, request: HttpRequest) -> HttpResponse:
        self._seen.append(request)
        return await self._inner.send(request)


@attrs.frozen
class Tapped(Way):
    """A way of which a test sees what is sent on it; the bytes on the wire are those of the library's transports."""

    seen: list[HttpRequest] = attrs.field(factory=list)

    @classmethod
    def of(cls, way: Way) -> Tapped:
        return cls(way.on_loops, way.over_httpx)

    def transport(self) -> Any:
        return _AsyncTap(self.seen) if self.over_httpx else _Tap(self.seen)

    def bearers(self) -> list[str]:
        """Return the bearer tokens that were shown, each once, in order."""
        shown = (dict(request.headers).get("authorization", "") for request in self.seen)
        return list(dict.fromkeys(one.removeprefix("Bearer ") for one in shown if one.startswith("Bearer ")))


def reason(gate: Live, token: str, organization: str | None = None) -> str:
    """Return the name of the reason for which *token* is refused."""
    return gate.refused(token, organization).reason.name
