"""Our side of the wire: key managers for the provider's issuers, a clock to set, and JWTs taken apart by hand."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from kmvalidate import Event, KeyManager, KeyManagerRegistry, Refused, RemoteKeys, TokenValidator
from tests.e2e.provider import ALGORITHMS, Issuer

AUDIENCE = tuple(f"urn:api:{algorithm}" for algorithm in ALGORITHMS)

_PATIENCE_S = 30
_TICK_S = 0.01


class SettableClock:
    """
    A clock for the tests to set.

    What ages and deadlines are measured with stands still until it is advanced, so that no test depends on how fast
    the machine is. What claims are compared with is the machine's time until it is set.
    """

    def __init__(self) -> None:
        self._monotonic = time.monotonic()
        self._wall: float | None = None

    def wall(self) -> float:
        return time.time() if self._wall is None else self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass for ages and deadlines."""
        self._monotonic += seconds

    def set_wall(self, at: float) -> None:
        """Make it *at* for claims, from now on."""
        self._wall = at


def key_manager(issuer: Issuer, /, **how: Any) -> KeyManager:
    """Return a key manager for *issuer*; *how* are arguments of `KeyManager` and of `RemoteKeys`."""
    keys = {name: how.pop(name) for name in attrs.fields_dict(RemoteKeys) if name in how}
    remote = RemoteKeys(**{"network": issuer.network, **keys})
    return KeyManager(**{"name": issuer.name, "issuer": issuer.url, "audience": AUDIENCE, "keys": remote, **how})


def gateway(
    *issuers: Issuer,
    clock: SettableClock | None = None,
    on_event: Callable[[Event], object] | None = None,
    **how: Any,
) -> TokenValidator:
    """Return a validator that knows *issuers*, and has no keys yet; *how* are arguments of `key_manager`."""
    managers = [key_manager(issuer, **how) for issuer in issuers]
    return TokenValidator(KeyManagerRegistry(managers, clock=clock, on_event=on_event))


def refusal(validator: TokenValidator, token: str) -> Refused:
    """Return how *validator* refuses *token*; it must."""
    with pytest.raises(Refused) as caught:
        validator.authenticate(token)
    assert token not in str(caught.value)
    return caught.value


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that happens in the background."""
    ends_at = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(_TICK_S)


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWT, checking nothing."""
    return json.loads(decode(token.partition(".")[0]))


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, checking nothing."""
    return json.loads(decode(token.split(".")[1]))


def altered(token: str, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> str:
    """Return a JWT that says something else under the old signature."""
    segments = token.split(".")
    segments[0] = encode(json.dumps(header_of(token) | (header or {})).encode())
    segments[1] = encode(json.dumps(claims_of(token) | (claims or {})).encode())
    return ".".join(segments)


def encode(data: bytes) -> str:
    """Return *data* in base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return what base64url says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
