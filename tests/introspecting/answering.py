"""What the tests of introspection answers share: a key manager that answers what a test says, and whoever asks it."""

from __future__ import annotations

from typing import Any

import attrs

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    Introspection,
    IntrospectionStrategy,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Refused,
    TokenValidator,
)
from tests.fakes import FakeTransport, answer
from tests.signing import AUDIENCE, ISSUER, NOW, NoNetwork, SetClock, changed, manager

ENDPOINT = "https://idp.example/introspect"
TOKEN = "3b1f4ce8-9a53-4b6f-8d5e-5f1f0a9f7c11"

#: The properties of a verified token.
PROPERTIES = (
    *("claims", "key_manager", "organization", "issuer", "key_id", "subject", "token_id", "audience", "consumer_key"),
    *("scopes", "roles", "groups", "permissions", "tenant", "user_id", "is_application", "expires_at", "starts_at"),
)


@attrs.frozen(kw_only=True)
class Says(IntrospectionStrategy):
    """A strategy that answers *said*, or raises it."""

    said: Any = attrs.field(eq=False)

    def ask(self, _: str, __: object, /) -> Any:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def good_answer(**changes: Any) -> dict[str, Any]:
    """Return what is said about an access token that `asker` accepts, but for *changes*; ABSENT leaves one out."""
    names = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "7f3a-11", "client_id": "shop", "username": "al"}
    times = {"iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300}
    kind = {"active": True, "token_type": "Bearer"}
    return changed({**kind, **names, **times, "scope": "menu:read menu:write"}, changes)


def asker(said: Any, clock: SetClock | None = None, **options: Any) -> TokenValidator:
    """Return a validator with one key manager that answers *said*; options of the strategy, else of the key manager."""
    fields = {field.name for field in attrs.fields(IntrospectionStrategy)}
    asking = {name: options.pop(name) for name in fields & options.keys()}
    strategy = Says(said=said, **{"tokens": ANY_OPAQUE_TOKEN, **asking})
    return over(manager(introspection=strategy, **options), clock)


def over(known: KeyManager, clock: SetClock | None = None, transport: Any = None) -> TokenValidator:
    """Return a validator with that key manager alone, which reaches nothing unless it is given a transport."""
    registry = KeyManagerRegistry([known], transport=transport or NoNetwork(), clock=clock or SetClock())
    return TokenValidator(registry)


def told(said: Any, clock: SetClock | None = None, **options: Any) -> Any:
    """Return the verified token that *said* makes of an opaque one."""
    return asker(said, clock, **options).authenticate(TOKEN)


def body_asker(body: bytes) -> TokenValidator:
    """Return a validator whose introspection endpoint answers with these bytes."""
    transport = FakeTransport({ENDPOINT: answer(body, **{"content-type": "application/json"})})
    client = ClientSecretBasic("gateway", "secret")
    strategy = Introspection(client=client, endpoint=ENDPOINT, tokens=ANY_OPAQUE_TOKEN)
    return over(manager(introspection=strategy), transport=transport)


def outcome(validator: TokenValidator, bearer: str = TOKEN) -> tuple[str, str | None]:
    """Return how asking ends: ``GOOD``, the reason of a refusal or ``UNAVAILABLE``, and what it is about."""
    try:
        found = validator.authenticate(bearer)
    except Refused as refused:
        return refused.reason.name, refused.claim
    except KeyManagerUnavailable:
        return "UNAVAILABLE", None
    for name in PROPERTIES:
        getattr(found, name)
    return "GOOD", None


def ends(said: Any, **options: Any) -> tuple[str, str | None]:
    """Return how it ends if *said* is answered."""
    return outcome(asker(said, **options))
