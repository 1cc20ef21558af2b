"""
A gateway at work whose issuers change while it runs: every kind of caller, and what happened.

Rules kept here: what a test proves of blocking callers it proves of asyncio callers too, with either transport; the
keys are due at exact times, as nothing is spread by chance.
"""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from kmvalidate import (
    Event,
    Health,
    HttpxTransport,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Refused,
    TokenValidator,
    VerifiedToken,
)
from tests.e2e.gateway import SettableClock, key_manager
from tests.e2e.provider import OIDC, Issuer

COOLDOWN_S = 10
SOFT_TTL_S = 600
HARD_TTL_S = 86_400
LONGEST_BACKOFF_S = 30


@attrs.frozen
class Way:
    """
    How requests come in, and what fetches the keys for them.

    Args:
        on_loops: Whether each request has an event loop of its own, as under asyncio.run, or none.

        over_httpx: Whether the registry is given nothing but a `HttpxTransport`, or no transport at all.
    """

    on_loops: bool
    over_httpx: bool

    def transport(self) -> HttpxTransport | None:
        return HttpxTransport() if self.over_httpx else None


WAYS = {
    "blocking": Way(on_loops=False, over_httpx=False),
    "asyncio": Way(on_loops=True, over_httpx=False),
    "blocking over httpx": Way(on_loops=False, over_httpx=True),
    "asyncio over httpx": Way(on_loops=True, over_httpx=True),
}


class Live:
    """A `TokenValidator` of a registry that tells what happens, asked in one of the `WAYS`."""

    def __init__(self, way: Way, clock: SettableClock, managers: list[KeyManager], **how: Any) -> None:
        self.events: list[Event] = []
        self.way, self.clock = way, clock
        self.registry = KeyManagerRegistry(
            managers, clock=clock, transport=way.transport(), on_event=self.events.append, **how
        )
        self.validator = TokenValidator(self.registry)

    def accept(self, token: str, organization: str | None = None) -> VerifiedToken:
        """Authenticate *token*, which must be good."""
        if self.way.on_loops:
            return asyncio.run(self.validator.aauthenticate(token, organization=organization))
        return self.validator.authenticate(token, organization=organization)

    def refused(self, token: str, organization: str | None = None) -> Refused:
        """Return how *token* is refused; it must be."""
        with pytest.raises(Refused) as caught:
            self.accept(token, organization)
        assert token not in str(caught.value)
        return caught.value

    def unavailable(self, token: str, organization: str | None = None) -> KeyManagerUnavailable:
        """Return how it is said that nobody can tell of *token*; that must be."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.accept(token, organization)
        assert token not in str(caught.value)
        return caught.value

    def accepts(self, token: str) -> bool:
        """Tell whether *token* is good; its key is the only thing that may be wrong with it."""
        try:
            return self.accept(token).issuer != ""
        except Refused as refused:
            assert refused.reason.name in {"UNKNOWN_KEY", "BAD_SIGNATURE"}  # noqa: PT017  # others fail the test
            return False

    def refresh(self, name: str) -> None:
        if self.way.on_loops:
            asyncio.run(self.registry.arefresh(name))
        else:
            self.registry.refresh(name)

    def warm(self) -> dict[str, Health]:
        """Fetch all keys, and return how each key manager is, by name."""
        warmed = asyncio.run(self.registry.awarm()) if self.way.on_loops else self.registry.warm()
        assert warmed == self.registry.health()
        return {health.key_manager: health for health in warmed}

    def health(self, name: str = "root") -> Health:
        return next(health for health in self.registry.health() if health.key_manager == name)

    def told(self, kind: type[Event]) -> list[Any]:
        """Return the events of a kind, in the order in which they happened."""
        return [event for event in list(self.events) if isinstance(event, kind)]

    @property
    def story(self) -> list[str]:
        """What happened, without the details."""
        return [type(event).__name__ for event in list(self.events)]


def manager_of(issuer: Issuer, /, **how: Any) -> KeyManager:
    """Return a key manager for *issuer* whose keys are due at exact times; *how* as for `key_manager`."""
    return key_manager(issuer, **{"jitter": 0, **how})


def fetches(issuer: Issuer) -> tuple[int, int]:
    """Return how often *issuer* was asked for its metadata and for its keys."""
    return issuer.hits(OIDC), issuer.hits("/jwks")
