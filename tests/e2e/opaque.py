"""
Opaque tokens at the OpenID provider: given, refreshed, revoked, expired, and introspected over plain HTTP.

Rules kept here: nothing of the package is used, so that what a test says of the server it says of the server.
"""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any
from urllib.parse import quote_plus

import requests
from joserfc import jwt
from joserfc.jwk import JWKRegistry

from tests.e2e.clients import BASIC, POST, PRIVATE_KEY_JWT, Client
from tests.e2e.flows import log_in
from tests.e2e.provider import Issuer

ENDPOINT = "/token/introspection"
SIGNED_TYPE = "application/token-introspection+jwt"
RESOURCE = "urn:api:opaque"

_ANSWER_S = 30
_ASSERTION_S = 60


def opaque_token(issuer: Issuer, *, client: str = "m2m", scope: str = "read", ttl_s: int | None = None) -> str:
    """Return an opaque token of the client credentials grant for `RESOURCE`, which has its lifetime in its name."""
    return issuer.token("opaque" if ttl_s is None else f"opaque:ttl{ttl_s}", client=client, scope=scope)


def token_for_no_resource(issuer: Issuer, *, client: str = "m2m", scope: str = "read") -> str:
    """Return an opaque token of the client credentials grant that has no audience."""
    form = {"grant_type": "client_credentials", "scope": scope}
    return issuer.post("/token", form, client).json()["access_token"]


def user_token(issuer: Issuer, *, sub: str = "alice", scope: str = "read", ttl_s: int | None = None) -> str:
    """Return a user's opaque token for `RESOURCE`."""
    return issuer.user_token("opaque" if ttl_s is None else f"opaque:ttl{ttl_s}", sub=sub, scope=scope)


def plant(issuer: Issuer, value: str, *, sub: str = "alice", scope: str = "read") -> str:
    """Make *value* a user's opaque token, from now on."""
    assert issuer.user_token("opaque", value=value, sub=sub, scope=scope) == value
    return value


def refresh_token(issuer: Issuer) -> str:
    """Return a refresh token, of a login."""
    return log_in(issuer, "opaque")["refresh_token"]


def revoke(issuer: Issuer, token: str, *, client: str = "m2m") -> None:
    """Revoke *token*, as the client that got it (RFC 7009); a user's token is a token of ``web``."""
    issuer.post("/token/revocation", {"token": token}, client)


def client_of(issuer: Issuer, client: str) -> Client:
    """Return a client that introspects, by its id."""
    return issuer.certificates.clients.by_id[client]


def introspect_raw(
    issuer: Issuer,
    token: str,
    *,
    client: str | Client = "rs",
    accept: str = "application/json",
    second: bool = False,
    **form: str,
) -> requests.Response:
    """
    Return the server's answer about *token*, whatever it is.

    Args:
        issuer: Who is asked.

        token: About what.

        client: Who asks, in its own way; `attrs.evolve` makes a wrong one of a right one.

        accept: The media type asked for.

        second: Whether the second port is asked.

        form: More form fields, such as ``token_type_hint``.
    """
    asking = client_of(issuer, client) if isinstance(client, str) else client
    headers, fields = shown_by(asking, issuer.url)
    certificate = asking.certificate and (asking.certificate.cert_file, asking.certificate.key_file)
    return issuer.http.post(
        (issuer.second_url if second else issuer.url) + ENDPOINT,
        data={"token": token, **fields, **form},
        headers={"Accept": accept, **headers},
        cert=certificate,
        timeout=_ANSWER_S,
    )


def introspect(issuer: Issuer, token: str, **how: Any) -> dict[str, Any]:
    """Return what the server says of *token*; *how* as for `introspect_raw`."""
    answer = introspect_raw(issuer, token, **how)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json()


def shown_by(client: Client, audience: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the header fields and the form fields in which *client* shows who it is."""
    if client.method == BASIC:
        return {"Authorization": basic(client.id, client.secret or "")}, {}
    if client.method == POST:
        return {}, {"client_id": client.id, "client_secret": client.secret or ""}
    if client.method == PRIVATE_KEY_JWT:
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {}, {"client_assertion_type": kind, "client_assertion": assertion(client, audience)}
    return {}, {"client_id": client.id}


def basic(client_id: str, secret: str) -> str:
    """Return the field Authorization of RFC 6749, section 2.3.1: both parts form-encoded."""
    shown = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(shown.encode()).decode()}"


def assertion(client: Client, audience: str, **claims: Any) -> str:
    """Return the JWT in which *client* shows who it is (RFC 7523, section 3); *claims* replace those it should have."""
    key = JWKRegistry.import_key(client.jwk())
    now = int(time.time())
    said = {"iss": client.id, "sub": client.id, "aud": audience, "jti": str(uuid.uuid4()), "iat": now}
    header = {"alg": client.jwk()["alg"], "kid": client.jwk()["kid"]}
    return jwt.encode(header, {**said, "exp": now + _ASSERTION_S, **claims}, key, algorithms=[header["alg"]])
