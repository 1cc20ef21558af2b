"""
Key managers that are asked about tokens, and who of them was asked.

Rules kept here: a key manager *x* has the issuer ``https://x.example`` and is asked there; what a token gets is told as
one word; a transport writes down which token went where, and can change the registry while it is asked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from kmvalidate import ClientSecretBasic, Introspection, KeyManager, KeyManagerRegistry, TokenValidator
from tests.estate import issuer_of, pinned, told
from tests.fakes import SettableClock, answer
from tests.signing import AUDIENCE, NOW

ACTIVE = {"active": True, "aud": AUDIENCE, "exp": NOW + 300}
INACTIVE = {"active": False}


class AskedTransport:
    """
    Answers that every token is active, unless `answers` says otherwise of one or of the host that is asked.

    `asked` has the host and the token of each question, in order; `fetched` every other URL. What is in `meanwhile` is
    called while a question is under way, one for each.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fetched: list[str] = []
        self.answers: dict[str, Any] = {}
        self.meanwhile: list[Any] = []

    def send(self, request: Any, /) -> Any:
        form = parse_qs((request.body or b"").decode())
        if "token" not in form:
            self.fetched.append(request.url)
            return answer({}, 404)
        host, token = (urlsplit(request.url).hostname or "").removesuffix(".example"), form["token"][0]
        self.asked.append((host, token))
        if self.meanwhile:
            self.meanwhile.pop(0)()
        said = self.answers.get(token, self.answers.get(host, ACTIVE))
        return answer(said, **{"content-type": "application/json"})


def strategy(name: str, tokens: Any = (), **changes: Any) -> Introspection:
    client = ClientSecretBasic("gateway", "top-secret-password")
    return Introspection(**({"client": client, "tokens": tokens, "endpoint": f"{issuer_of(name)}/ask"} | changes))


def asked(
    name: str, tokens: Any = (), *, at: str | None = None, unknown_issuers: bool = False, **changes: Any
) -> KeyManager:
    """Return a key manager that is asked about these tokens at the host *at*, by default that of its own name."""
    at = at or name
    how = strategy(at, tokens, unknown_issuers=unknown_issuers)
    return pinned(name, at, **({"issuer": issuer_of(at), "introspection": how} | changes))


def asked_of_all(name: str, tokens: Any = (), **changes: Any) -> KeyManager:
    """Return a key manager without keys, which is asked about each of its tokens."""
    return asked(name, tokens, **({"keys": None, "self_validate_jwt": False} | changes))


class Desk:
    """A `TokenValidator` over key managers that are asked; `verdict` tells what a token gets, `asked` who was asked."""

    def __init__(self, *managers: KeyManager, remember: int = 100, **arguments: Any) -> None:
        self.clock, self.transport = SettableClock(), AskedTransport()
        self.registry = KeyManagerRegistry(managers, transport=self.transport, clock=self.clock, **arguments)
        self.validator = TokenValidator(self.registry, remember=remember)

    def verdict(self, bearer: Any, organization: Any = None, key_managers: Any = None) -> str:
        """Return the name of the key manager that stands behind a token, or why none does."""
        return told(self.validator.authenticate, bearer, organization=organization, key_managers=key_managers)

    def averdict(self, bearer: Any, organization: Any = None, key_managers: Any = None) -> str:
        """Do what `verdict` does, on an event loop."""
        return told(self.validator.aauthenticate, bearer, organization=organization, key_managers=key_managers)

    def asked(self) -> list[str]:
        """Return which hosts were asked since it was last asked for."""
        hosts = [host for host, _ in self.transport.asked]
        self.transport.asked.clear()
        return hosts

    def forget(self) -> None:
        """Forget every answer, so that whoever claims a token is asked about it."""
        for manager in {(one.name, one.organization) for layer in self.registry.layers.values() for one in layer}:
            self.registry.drop_tokens(manager[0], organization=manager[1])
