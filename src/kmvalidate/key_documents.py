"""
Verification keys as a person has them: a JWK Set, a JWK, a PEM public key or an X.509 certificate.

Rules kept here: a PEM key is held to the rules of a JWK. One document is one thing; a private key among verification
keys is an error. Apart from `kmvalidate.keys`, because X.509 takes a while to import and most gateways need none.
"""

from __future__ import annotations

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kmvalidate.errors import ConfigurationError
from kmvalidate.key_sets import KeySet, VerificationKey
from kmvalidate.keys import Unusable, key_of, read_jwks
from kmvalidate.strict_json import Flaw, encode_base64url, parse_object


def read_keys(source: str | bytes, *, kid: str | None = None) -> KeySet:
    """
    Return the keys of a document: a JWK Set, a single JWK, a PEM public key or a PEM certificate.

    Args:
        source: The document.

        kid: The key id to give a PEM key, which has none of its own.

    Raises:
        ConfigurationError: It is none of these, or none of its keys can be used.
    """
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if kid is not None and not (isinstance(kid, str) and kid):
        raise ConfigurationError("kid is a non-empty string")
    if b"-----BEGIN " in raw and not raw.lstrip().startswith(b"{"):  # JSON may hold PEM, and is no PEM for that
        return KeySet.of([_read_pem(raw, kid)])
    document = parse_object(raw)
    if isinstance(document, Flaw):
        raise ConfigurationError(f"keys are neither PEM nor JSON: {document}")
    if kid is not None:
        raise ConfigurationError("kid is for PEM keys; a JWK has its own")
    return read_jwks(document)


def _read_pem(pem: bytes, kid: str | None) -> VerificationKey:
    if b"PRIVATE KEY-----" in pem:
        raise ConfigurationError("a PEM file of verification keys must not hold a private key")
    certificates = pem.count(b"-----BEGIN CERTIFICATE-----")
    if pem.count(b"-----BEGIN ") != (certificates or 1):
        raise ConfigurationError("a PEM file holds one public key, or a certificate and its chain")
    thumbprint = None
    try:
        if certificates:
            certificate = x509.load_pem_x509_certificate(pem)
            thumbprint = encode_base64url(certificate.fingerprint(SHA256()))
            key = key_of(certificate.public_key())
        else:
            key = key_of(load_pem_public_key(pem))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as flaw:
        why = str(flaw) if isinstance(flaw, Unusable) else "it cannot be read"
        raise ConfigurationError(f"a PEM key or certificate cannot be used: {why}") from None
    return attrs.evolve(key, kid=kid, x5t_s256=thumbprint, is_pem=True)
