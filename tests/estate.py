"""
Many key managers at once, over a scripted transport and a clock that is set.

Rules kept here: a key manager *x* has the issuer ``https://x.example`` and publishes its keys below it; keys are called
by their owners' names; what a token gets is told as one word, so that a history of them is a list to compare.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kmvalidate import (
    HttpRequest,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Refused,
    RemoteKeys,
    StaticKeys,
    TokenValidator,
    routes,
)
from kmvalidate.signatures import verifier
from tests.fakes import FakeTransport, SettableClock, WatchedPorts, key_set, signed_by
from tests.signing import AUDIENCE

#: The default layers.
HIGH, LOW = "control-plane", "configuration"


def issuer_of(name: str) -> str:
    return f"https://{name}.example"


def keys_of(name: str) -> str:
    """Return where the key manager of that name publishes its keys."""
    return f"{issuer_of(name)}/keys"


def remote(name: str, **changes: Any) -> KeyManager:
    """Return a key manager whose keys are fetched; *changes* replace its arguments."""
    keys = RemoteKeys(jwks_url=keys_of(changes.pop("published_by", name)))
    defaults = {"name": name, "issuer": issuer_of(name), "audience": AUDIENCE, "keys": keys}
    return KeyManager(**(defaults | changes))


def pinned(name: str, *owners: str, **changes: Any) -> KeyManager:
    """Return a key manager with the keys of *owners*, by default of the one of its own name."""
    return remote(name, **({"keys": StaticKeys.from_jwks(key_set(*(owners or (name,))))} | changes))


def token_of(name: str, owner: str | None = None, **claims: Any) -> str:
    """Return a good token of the issuer of that name, signed by *owner*, by default with the key of that name."""
    return signed_by(owner or name, **({"iss": issuer_of(name)} | claims))


def publishing(*names: str, **others: tuple[str, ...]) -> dict[str, Any]:
    """Return the answers of providers that publish a key of their own name each, and of *others* with these keys."""
    return {keys_of(name): key_set(*owners) for name, owners in ({name: (name,) for name in names} | others).items()}


class Estate:
    """A `TokenValidator` over key managers that change; `verdict` tells what a token gets."""

    def __init__(
        self, *managers: KeyManager, transport: Any = None, remember: int = 100, whole: bool = False, **arguments: Any
    ) -> None:
        self.events: list[Any] = []
        self.clock, self.transport = SettableClock(), transport or FakeTransport()
        self.registry = KeyManagerRegistry(
            managers, transport=self.transport, clock=self.clock, on_event=self.events.append, **arguments
        )
        self.ports = self.registry.ports = WatchedPorts(self.transport, self.clock)
        self.validator = TokenValidator(self.registry, remember=remember, remember_whole_tokens=whole)

    def verdict(self, bearer: Any, organization: Any = None) -> str:
        """Return the name of the key manager that stands behind a token, or why none does."""
        return told(self.validator.authenticate, bearer, organization=organization)

    def verdicts(self, *bearers: Any, organization: Any = None) -> list[str]:
        return [self.verdict(bearer, organization) for bearer in bearers]

    def remembered(self) -> int:
        """Return how many tokens are remembered."""
        return len(self.validator._memory._tokens)

    def fetches(self, name: str) -> int:
        """Return how often the keys of the key manager of that name were fetched."""
        return self.transport.hits[keys_of(name)]

    def told(self) -> list[tuple[Any, ...]]:
        """Return the events since it was last asked: their type, key manager, organization and layer."""
        events, self.events[:] = list(self.events), []
        return [(type(e).__name__, e.key_manager, e.organization, getattr(e, "layer", None)) for e in events]


def told(check: Any, *args: Any, **kwargs: Any) -> str:
    """Return what ``check(...)`` decides in one word; of an asyncio twin too."""
    try:
        verified = check(*args, **kwargs)
        if asyncio.iscoroutine(verified):
            verified = asyncio.run(verified)
    except Refused as refused:
        return refused.reason.name
    except KeyManagerUnavailable:
        return "UNAVAILABLE"
    return verified.key_manager


def count_signatures(monkeypatch: Any) -> list[str | None]:
    """Return a list to which the kid of each key is added that verifies a signature from now on."""
    verified: list[str | None] = []

    def counting(alg: str, key: Any) -> Any:
        is_good = verifier(alg, key)

        def counted(signature: bytes, signing_input: bytes) -> bool:
            verified.append(key.kid)
            return is_good(signature, signing_input)

        return counted

    monkeypatch.setattr(routes, "verifier", counting)
    return verified


class ChangingTransport(FakeTransport):
    """A `FakeTransport` that does *meanwhile* during each exchange, before it answers."""

    def __init__(self, answers: dict[str, Any], meanwhile: Any = None) -> None:
        super().__init__(answers)
        self.meanwhile = meanwhile

    def send(self, request: HttpRequest, /) -> Any:
        if self.meanwhile is not None:
            self.meanwhile()
        return super().send(request)
