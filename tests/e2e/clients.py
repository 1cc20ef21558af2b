"""
The clients that introspect: one for each way in which a client shows who it is, and each way to be answered.

Rules kept here: keys and certificates are made for one run, and lie in files; what the server must know of them is
written for it into one more file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, RSAKey

from tests.hostile import Authority, Pem

BASIC = "client_secret_basic"
POST = "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
TLS = "tls_client_auth"
SELF_SIGNED_TLS = "self_signed_tls_client_auth"

ODD_ID = "rs:odd+1 %"  # RFC 6749, section 2.3.1: both parts are form-encoded before they are Basic
ODD_SECRET = 'p+q %/:&=?"\\~#'  # RFC 6749, appendix A.2: what a secret may hold is ASCII
SECRETS = {
    "rs": "rs-secret-0123456789",
    "rs-jwt": "rs-jwt-secret-0123456789",
    "rs-jwt-es256": "rs-jwt-es256-secret-0123456789",
    "rs-jwt-eddsa": "rs-jwt-eddsa-secret-0123456789",
    "rs-post": "rs-post-secret-0123456789",
    "rs-post-odd": ODD_SECRET,
    ODD_ID: ODD_SECRET,
}
SIGNED = {"PS256": "rs-jwt", "ES256": "rs-jwt-es256", "EdDSA": "rs-jwt-eddsa"}
ASSERTING = {"ES256": "rs-assertion-es256", "RS256": "rs-assertion-rs256"}


@attrs.frozen(kw_only=True)
class Client:
    """
    One client that introspects.

    Args:
        id: Its client id.

        method: How it shows who it is, as RFC 8414 names it.

        secret: Its secret, where it has one.

        jwk_file: The private key of ``private_key_jwt`` as a JWK, with ``kid`` and ``alg``.

        pem_file: The same in PKCS #8.

        certificate: What it shows in the TLS handshake.

        metadata: What else the server knows of it.

        only_tls: Whether only the TLS issuer knows it.
    """

    id: str
    method: str = BASIC
    secret: str | None = attrs.field(default=None, repr=False)
    jwk_file: str | None = None
    pem_file: str | None = None
    certificate: Pem | None = None
    metadata: dict[str, Any] = attrs.field(factory=dict, repr=False)
    only_tls: bool = False

    def jwk(self) -> dict[str, Any]:
        """Return its private key."""
        return json.loads(Path(self.jwk_file or "").read_text("utf-8"))

    def registered(self) -> dict[str, Any]:
        """Return the client metadata of RFC 7591."""
        secret = {} if self.secret is None else {"client_secret": self.secret}
        return {"client_id": self.id, "token_endpoint_auth_method": self.method, **secret, **self.metadata}


@attrs.frozen
class Clients:
    """All of them by id, and the file that tells the server."""

    by_id: dict[str, Client]
    file: str

    @classmethod
    def make(cls, folder: Path, authority: Authority) -> Clients:
        """Make them in *folder*, with certificates of *authority*."""
        made = [*_with_secrets(), *(_asserting(folder, algorithm) for algorithm in ASSERTING), *_tls(folder, authority)]
        told = {
            "everywhere": [client.registered() for client in made if not client.only_tls],
            "tls": [client.registered() for client in made if client.only_tls],
        }
        file = folder / "clients.json"
        file.write_text(json.dumps(told), "utf-8")
        return cls({client.id: client for client in made}, str(file))


def _with_secrets() -> Iterator[Client]:
    algorithms = {name: algorithm for algorithm, name in SIGNED.items()}
    for name, secret in SECRETS.items():
        signed = {"introspection_signed_response_alg": algorithms[name]} if name in algorithms else {}
        yield Client(id=name, method=POST if "post" in name else BASIC, secret=secret, metadata=signed)


def _asserting(folder: Path, algorithm: str) -> Client:
    name = ASSERTING[algorithm]
    parameters = {"kid": f"{name}-1", "alg": algorithm, "use": "sig"}
    key = ECKey.generate_key("P-256", parameters) if algorithm == "ES256" else RSAKey.generate_key(2048, parameters)
    jwk_file, pem_file = folder / f"{name}.jwk.json", folder / f"{name}.pem"
    jwk_file.write_text(json.dumps(key.as_dict(private=True)), "utf-8")
    pem_file.write_bytes(key.as_pem(private=True))
    return Client(
        id=name,
        method=PRIVATE_KEY_JWT,
        jwk_file=str(jwk_file),
        pem_file=str(pem_file),
        metadata={
            "token_endpoint_auth_signing_alg": algorithm,
            "jwks": {"keys": [key.as_dict(private=False)]},
        },
    )


def _tls(folder: Path, authority: Authority) -> list[Client]:
    trusted = authority.issue(host="rs-mtls.example", file="rs-mtls")
    # An authority that the server has not heard of is as good as a signature of its own.
    (folder / "self").mkdir()
    own = Authority(folder / "self").issue(host="rs-mtls-self.example", file="rs-mtls-self")
    return [
        Client(
            id="rs-mtls",
            method=TLS,
            certificate=trusted,
            metadata={"tls_client_auth_san_dns": "rs-mtls.example"},
            only_tls=True,
        ),
        Client(
            id="rs-mtls-self",
            method=SELF_SIGNED_TLS,
            certificate=own,
            metadata={"jwks": {"keys": [_certified_jwk(own)]}},
            only_tls=True,
        ),
    ]


def _certified_jwk(pem: Pem) -> dict[str, Any]:
    """Return the public key of a certificate with the certificate in it (RFC 8705, section 2.2.2)."""
    certificate = x509.load_pem_x509_certificate(Path(pem.cert_file).read_bytes())
    public = certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    return ECKey.import_key(public).as_dict(private=False) | {"x5c": [base64.b64encode(der).decode()]}
