"""
What an introspection endpoint says about tokens, as most do.

Rules kept here: the members have the names and forms of RFC 7662 section 2.2, and whatever a token says is passed on,
hostile values included.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]

_TOKEN_BYTES = 32


def new_token() -> str:
    """Return 43 characters that mean nothing."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def user(wish: Wish, name: str | None = None) -> Members:
    """Return the member ``username``: the subject unless *name* is given, and nothing for a client's own token."""
    return {} if wish.application else {"username": wish.subject if name is None else name}


def about_jwt(wish: Wish, header: Members, claims: Members) -> Members:
    """Return what is said about a signed token: what it says itself, and of which type it is."""
    kind = "refresh_token" if header.get("typ") == "rt+jwt" else "Bearer"
    return {"client_id": wish.client_id, **user(wish), **claims, "token_type": kind}


def about_refresh_token(wish: Wish) -> Members:
    """Return what is said about a refresh token."""
    said = {"client_id": wish.client_id, **user(wish), "sub": wish.subject, "scope": wish.scope}
    return {"token_type": "refresh_token", **said, **wish.times}


def scope_of(claim: Any) -> Any:
    """Return a list of scopes as the one string that answers have; anything else as it is."""
    return " ".join(map(str, claim)) if isinstance(claim, list) else claim


def only(claims: Members, *names: str) -> Members:
    """Return those claims that are named, as far as they are there."""
    return {name: claims[name] for name in names if name in claims}
