"""
Services beside a gateway, each a process of its own: a backend that verifies its JWTs, and a signer that holds a key.

    python calling_services.py backend ISSUER AUDIENCE
    python calling_services.py signer FILE

The line "ready URL" on standard output says where it listens; it ends with its standard input.

Rules kept here: nothing of the package is used. The backend finds the keys as the standards say and keeps them; it
fetches them again only when it is told to, as when their time is over.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

_HEADER = "X-JWT-Assertion"
_NEEDED = ("iss", "aud", "exp", "iat", "jti")
_ANSWER_S = 30


class Backend:
    """Verifies with two libraries, each with its own copy of the keys."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer, self._audience = issuer, audience
        self.refetch()

    def refetch(self) -> None:
        self._metadata = _fetched(f"{self._issuer}/.well-known/openid-configuration")
        if self._metadata["issuer"] != self._issuer:
            raise ValueError("these are the keys of somebody else")
        client = jwt.PyJWKClient(self._metadata["jwks_uri"], lifespan=86_400)
        client.get_jwk_set()
        self._keys = client, KeySet.import_key_set(_fetched(self._metadata["jwks_uri"]))

    def answer(self, path: str, _: bytes, assertion: str | None) -> tuple[int, bytes]:
        if path == "/refetch":
            self.refetch()
            return 200, b"{}"
        try:
            return 200, json.dumps(self._verified(assertion or "")).encode()
        except (jwt.PyJWTError, JoseError, ValueError) as error:
            return 401, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()

    def _verified(self, token: str) -> dict[str, Any]:
        algorithms = self._metadata["id_token_signing_alg_values_supported"]
        client, keys = self._keys
        theirs = joserfc_jwt.decode(token, keys, algorithms=algorithms)
        wanted = {"iss": self._issuer, "aud": self._audience}
        essential = {name: {"essential": True} for name in _NEEDED}
        rules = {**essential, **{name: {"essential": True, "value": value} for name, value in wanted.items()}}
        joserfc_jwt.JWTClaimsRegistry(**rules).validate(theirs.claims)
        ours = jwt.decode(
            token,
            client.get_signing_key_from_jwt(token),
            algorithms=algorithms,
            issuer=self._issuer,
            audience=self._audience,
            options={"require": list(_NEEDED)},
        )
        if ours != theirs.claims or theirs.header["typ"] != "backend+jwt":
            raise ValueError("the two libraries read something else, or it is of another type")
        return {"claims": ours, "header": theirs.header}


class Signer:
    """Signs with ES256, in DER, what it is sent."""

    def __init__(self, file: str) -> None:
        pem = Path(file).read_bytes()
        key = load_pem_private_key(pem, None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError("another key is held here")
        self._key, self._public = key, ECKey.import_key(pem).as_dict(private=False)

    def answer(self, path: str, body: bytes, _: str | None) -> tuple[int, bytes]:
        if path == "/key":
            return 200, json.dumps(self._public).encode()
        return 200, self._key.sign(body, ECDSA(SHA256()))


def _fetched(url: str) -> dict[str, Any]:
    answer = requests.get(url, timeout=_ANSWER_S)
    answer.raise_for_status()
    return answer.json()


def _handler(serving: Backend | Signer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            status, said = serving.answer(self.path, body, self.headers[_HEADER])
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    os.environ["no_proxy"] = "127.0.0.1"
    made = Backend(*sys.argv[2:]) if sys.argv[1] == "backend" else Signer(*sys.argv[2:])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    sys.stdout.write(f"ready http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    server.serve_forever()
