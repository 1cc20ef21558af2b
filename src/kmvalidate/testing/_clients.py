"""
Who asks at the endpoints of a provider that are for its clients only.

Rules kept here: credentials are form-encoded in a Basic header (RFC 6749 section 2.3.1), there is one way to show them
in a request, and no parameter is there twice (section 3.2).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from kmvalidate.testing._documents import json_answer

if TYPE_CHECKING:
    from kmvalidate.ports import HttpResponse
    from kmvalidate.testing._loopback import Asked

    Form = dict[str, str]

#: The client that every simulated provider knows.
GATEWAY = ("gateway", "gateway-secret")

_FORM = "application/x-www-form-urlencoded"


def form_of(asked: Asked) -> Form | HttpResponse:
    """Return the parameters of a request, or the answer to one that is no form."""
    media_type = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        return json_answer(415, {"error": "invalid_request"})
    try:
        pairs = parse_qsl(asked.body.decode("ascii"))
    except UnicodeDecodeError:
        return invalid_request()
    form = dict(pairs)
    return form if len(form) == len(pairs) else invalid_request()


def invalid_request(error: str = "invalid_request") -> HttpResponse:
    """Return the answer to a request that is not as it has to be."""
    return json_answer(400, {"error": error})


def invalid_client() -> HttpResponse:
    """Return the answer to a request of a stranger."""
    return json_answer(401, {"error": "invalid_client"}, www_authenticate='Basic realm="simulated"')


def bearer_of(asked: Asked) -> str | None:
    """Return the token in the Authorization header; None if there is no such header, or of another kind."""
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def is_client(asked: Asked, form: Form, client: tuple[str, str]) -> bool:
    """Return whether a request shows the credentials of *client*, in one of the two ways that have a secret."""
    if "authorization" in asked.headers:
        return "client_secret" not in form and _same(_basic(asked.headers["authorization"]), client)
    return _same((form.get("client_id", ""), form.get("client_secret", "")), client)


def _basic(field: str) -> tuple[str, str]:
    scheme, _, shown = field.partition(" ")
    try:
        pair = base64.b64decode(shown, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return "", ""
    name, _, secret = pair.partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if scheme.lower() == "basic" else ("", "")


def _same(shown: tuple[str, str], client: tuple[str, str]) -> bool:
    return hmac.compare_digest("\0".join(shown).encode(), "\0".join(client).encode())
