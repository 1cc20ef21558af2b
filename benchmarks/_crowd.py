"""Many issuers with a key and a token each, and one issuer with many tokens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from _tokens import claims_at, ed25519_key, es256_key, signed_with

if TYPE_CHECKING:
    from collections.abc import Callable


class Person(NamedTuple):
    """An issuer: its name, its key set, a token of it, and the bare verification of that token."""

    issuer: str
    jwks: dict[str, Any]
    token: str
    raw_verify: Callable[[], object]


def crowd(count: int) -> list[Person]:
    """Return *count* issuers with an ES256 key and one token each."""
    now, people = int(time.time()), []
    for place in range(count):
        key, issuer = es256_key(), f"https://sso.example.com/realms/tenant-{place}"
        people.append(Person(issuer, {"keys": [key.jwk]}, *signed_with(key, "ES256", claims_at(now) | {"iss": issuer})))
    return people


def many_tokens(count: int) -> tuple[Person, list[str]]:
    """Return an issuer and *count* tokens of it, signed with EdDSA, which is fast."""
    key, claims = ed25519_key(), claims_at(int(time.time()))
    issuer = Person(claims["iss"], {"keys": [key.jwk]}, *signed_with(key, "EdDSA", claims))
    tokens = [
        signed_with(key, "EdDSA", claims | {"jti": f"0f6ce5f1-5d9c-4a1f-8d53-{place:012x}"})[0]
        for place in range(count)
    ]
    return issuer, tokens
