"""
Introspection as type checkers see it; checked, never run.

What must not type-check carries the error that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

import attrs

import kmvalidate as km

secrets: list[km.ClientAuthentication] = [
    km.ClientSecretBasic("gateway", "secret", form_encoded=False),
    km.ClientSecretPost("gateway", km.FromEnvironment("GATEWAY_SECRET")),
    km.PrivateKeyJwt("gateway", km.FromFile(Path("gateway.key")), algorithm="ES256", key_id="1", lifetime_s=30),
    km.TlsClientAuth("gateway"),
    km.PublicClient("gateway"),
    km.BearerToken(lambda: "token"),
    km.UserCredentials("admin", km.FromFile("admin-password")),
]
without_secret = km.ClientSecretBasic("gateway")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
numbered = km.ClientSecretPost("gateway", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class OwnClient:
    """What a user wrote to say who asks."""

    client_id: str | None = "gateway"

    def attach(self, *, endpoint: str, issuer: str, now: float) -> km.Attachment:
        """Return what a request carries."""
        return km.Attachment(headers={"x-api-key": f"{endpoint} {issuer} {now:.0f}"})


@attrs.frozen(kw_only=True)
class TokenInfo(km.IntrospectionStrategy):
    """A strategy that a user wrote, with an argument of its own."""

    url: str

    async def ask(self, token: str, ports: Any, /) -> Mapping[str, Any]:
        """Return an answer."""
        response = await ports.send(km.HttpRequest(url=self.url, body=token.encode(), deadline_s=self.deadline_s))
        return {"active": response.status == 200, "aud": "orders"}


asking = km.Introspection(client=secrets[0], tokens=km.ANY_OPAQUE_TOKEN)
asking_much = km.Introspection(
    client=km.ClientCredentials(OwnClient(), scope=["introspect"], token_endpoint="https://idp.example/token"),
    tokens=["n-.*", km.Pattern("s-.*"), km.ReferenceTokens("r-.*"), km.JwtTokens({"azp": "web-.*"})],
    endpoint=["https://km1.example/introspect", "https://km2.example/introspect"],
    signed=True,
    token_type_hint=None,
    parameters={"resource": "orders"},
    network=km.Network(private_addresses=True),
    requires={"exp", "token_type"},
    unknown_issuers=False,
    ttl_s=30,
    inactive_ttl_s=5,
    calls_per_minute=200,
    workers=4,
)
own_asking: km.IntrospectionStrategy = TokenInfo(
    url="https://idp.example/tokeninfo", tokens=km.CustomTokens(str.isalnum)
)
nobody_asks = km.Introspection(tokens="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
numbers = km.Introspection(client=secrets[0], tokens=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(km.Pattern("[a-c]+").matches("abc"), bool)
assert_type(km.Pattern("a.*").common(km.Pattern(".*b")), str | None)
from_wso2 = km.Introspection(client=secrets[6], tokens=km.token_options_from_wso2(None))
catch_all: km.AnyOpaqueToken = km.ANY_OPAQUE_TOKEN

asked = km.KeyManager(
    name="Asked",
    issuer="https://asked.example",
    audience="orders",
    introspection=asking,
    self_validate_jwt=False,
)
assert_type(asked.introspection, km.IntrospectionStrategy | None)
assert_type(asked.self_validate_jwt, bool)
asked_by = km.KeyManager(name="x", issuer="urn:x", audience="x", introspection=km.ANY_OPAQUE_TOKEN)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
