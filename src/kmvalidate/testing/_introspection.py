"""
The endpoints of a provider for its clients: introspection, and tokens for the clients themselves.

Rules kept here: RFC 7662, RFC 6749 section 4.4, and signed answers as in RFC 9701. A stranger is told nothing, a client
nothing of a token that is not active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate.ports import HttpResponse
from kmvalidate.testing._clients import bearer_of, form_of, invalid_client, invalid_request, is_client
from kmvalidate.testing._documents import json_answer, not_allowed
from kmvalidate.testing._keyring import without_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.ports import Clock
    from kmvalidate.testing._loopback import Asked

    Members = dict[str, Any]

SIGNED = "application/token-introspection+jwt"
_OWN_TOKENS_LAST_S = 3600
_INACTIVE: dict[str, Any] = {"active": False}


class TokenBook:
    """
    The tokens that a provider issued, and what it says about each.

    Args:
        clock: What tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[Callable[[], Mapping[str, object]], float]] = {}

    def write(self, token: str, said: Callable[[], Mapping[str, object]], expires_at: float) -> None:
        """Remember a token: what is said about it, where None leaves a member out, and until when."""
        self._said[token] = (said, expires_at)

    def strike(self, token: str) -> None:
        """Forget a token; one that is unknown is forgotten already."""
        self._said.pop(token, None)

    def read(self, token: str) -> Members:
        """Return what is said about a token (RFC 7662 section 2.2)."""
        said, expires_at = self._said.get(token, (dict, 0.0))
        return without_none({"active": True, **said()}) if self._clock.wall() < expires_at else {**_INACTIVE}


class Endpoints:
    """
    What clients may ask.

    Args:
        client: The id and the secret of the one client there is.

        book: The tokens there are.

        clock: What tells the time.

        new_token: Makes an opaque token.
    """

    def __init__(self, client: tuple[str, str], book: TokenBook, clock: Clock, new_token: Callable[[], str]) -> None:
        self._client, self._book, self._clock, self._new_token = client, book, clock, new_token
        self._own: set[str] = set()

    def introspect(
        self, asked: Asked, change: Callable[[Members], Members], sign: Callable[[Members, str], str] | None
    ) -> HttpResponse:
        """
        Return the answer of the introspection endpoint.

        Args:
            asked: The request.

            change: Returns what is said instead of what is right.

            sign: Returns a signed answer, given what is said and to which client; None if there are none.
        """
        form = self._form(asked, bearer=True)
        if isinstance(form, HttpResponse):
            return form
        if "token" not in form:
            return invalid_request()
        said = change(self._book.read(form["token"]))
        if sign is None or SIGNED not in asked.headers.get("accept", ""):
            return json_answer(200, said, cache_control="no-store")
        return HttpResponse(status=200, headers={"content-type": SIGNED}, body=sign(said, self._client[0]).encode())

    def grant(self, asked: Asked) -> HttpResponse:
        """Return the answer of the token endpoint: a token for the client itself."""
        form = self._form(asked, bearer=False)
        if isinstance(form, HttpResponse):
            return form
        if form.get("grant_type") != "client_credentials":
            return invalid_request("unsupported_grant_type")
        token, now = self._new_token(), int(self._clock.wall())
        scope = {"scope": form["scope"]} if "scope" in form else {}
        said = {"token_type": "Bearer", "client_id": self._client[0], **scope, "iat": now}
        self._book.write(token, lambda: {**said, "exp": now + _OWN_TOKENS_LAST_S}, now + _OWN_TOKENS_LAST_S)
        self._own.add(token)
        given = {"access_token": token, "token_type": "Bearer", "expires_in": _OWN_TOKENS_LAST_S, **scope}
        return json_answer(200, given, cache_control="no-store")

    def _form(self, asked: Asked, *, bearer: bool) -> dict[str, str] | HttpResponse:
        """Return the parameters of a client's request, or the answer to any other."""
        if asked.method != "POST":
            return not_allowed("POST")
        form = form_of(asked)
        if isinstance(form, HttpResponse):
            return form
        known = is_client(asked, form, self._client) or (bearer and self._is_own(asked, form))
        return form if known else invalid_client()

    def _is_own(self, asked: Asked, form: dict[str, str]) -> bool:
        token = bearer_of(asked)
        return "client_secret" not in form and token in self._own and self._book.read(str(token)) != _INACTIVE
