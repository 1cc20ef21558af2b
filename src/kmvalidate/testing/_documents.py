"""
What a provider publishes, as plain functions of plain values.

Rules kept here: a document has every member its specification requires, and none that a test has to know about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.ports import HttpResponse
from kmvalidate.testing._jose import as_json
from kmvalidate.urls import OIDC_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kmvalidate.testing._loopback import Asked

    #: By path, what makes the document that lies there.
    Documents = Mapping[str, Callable[[], Mapping[str, object]]]

DISCOVERY_PATH = OIDC_SUFFIX
JWKS_PATH = "/jwks"


def metadata(issuer: str, algorithms: Iterable[str]) -> dict[str, object]:
    """Return the discovery document of an issuer (OpenID Connect Discovery section 3)."""
    return {
        "issuer": issuer,
        "jwks_uri": issuer + JWKS_PATH,
        "authorization_endpoint": issuer + "/authorize",  # required; nothing answers there
        "token_endpoint": issuer + "/token",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
    }


def json_answer(status: int, members: Mapping[str, object], **headers: str) -> HttpResponse:
    """Return an answer of JSON; *headers* are further fields, with ``_`` for ``-``."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers={"content-type": "application/json", **fields}, body=as_json(members))


def answer(documents: Documents, asked: Asked) -> HttpResponse:
    """Return what a server with these documents answers."""
    document = documents.get(asked.path)
    if document is None:
        return json_answer(404, {"error": "not_found"})
    return json_answer(200, document()) if asked.method == "GET" else not_allowed("GET")


def not_allowed(allowed: str) -> HttpResponse:
    """Return the answer to any method but *allowed*."""
    return json_answer(405, {"error": "invalid_request"}, allow=allowed)
