"""
What is published of a signing key: its JWK, and the names that gateways gave keys before there was a standard.

Rules kept here: public members alone. The standard forms are of the digest's bytes; the older ones of its hexadecimal
digits, or of the certificate's issuer, as gateways of WSO2 write them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal

import attrs

from kmvalidate.errors import ConfigurationError, shown
from kmvalidate.private_keys import public_members
from kmvalidate.strict_json import encode_base64url

if TYPE_CHECKING:
    from kmvalidate.key_sets import VerificationKey
    from kmvalidate.signing._certificates import Certificate


@attrs.frozen(kw_only=True)
class PublicHalf:
    """
    The public half of a key, and its names.

    Args:
        kid: Its id.

        algorithm: The algorithm that it signs with, as JOSE names it.
    """

    kid: str
    algorithm: str
    _public: VerificationKey = attrs.field(alias="public", repr=False)
    _certificate: Certificate | None = attrs.field(alias="certificate", default=None, repr=False)

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint of its public key."""
        return self._public.thumbprint

    @property
    def certificate_der(self) -> bytes | None:
        """Its certificate in DER, None if it has none."""
        return None if self._certificate is None else self._certificate.der

    @property
    def x5t_s256(self) -> str | None:
        """The ``x5t#S256`` of its certificate (RFC 7515 section 4.1.8), None if it has none."""
        der = self.certificate_der
        return None if der is None else encode_base64url(hashlib.sha256(der).digest())

    def public_jwk(self) -> dict[str, Any]:
        """Return its public JWK (RFC 7517 section 4), for a JWK Set to serve."""
        jwk = public_members(self._public.shape, self._public.public_key)
        jwk |= {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if self._certificate is not None:
            jwk |= {"x5c": [b64encode(self._certificate.der).decode("ascii")], "x5t#S256": self.x5t_s256}
        return jwk

    def legacy_kid_apim(self) -> str:
        """
        Return the ``kid`` that WSO2 API Manager gives it: its certificate's issuer and serial number, in base64url.

        Raises:
            ConfigurationError: It has no certificate.
        """
        certificate = self._needed()
        return encode_base64url(f"{certificate.issuer}#{certificate.serial}".encode())

    def legacy_kid_choreo(self) -> str:
        """
        Return the ``kid`` that Choreo Connect gives it: the digits of its certificate's SHA-256, in base64url.

        Raises:
            ConfigurationError: It has no certificate.
        """
        return self.legacy_thumbprint("sha256")

    def legacy_thumbprint(self, hash: Literal["sha1", "sha256"] = "sha1", padded: bool = False) -> str:  # noqa: A002, FBT001, FBT002
        """
        Return the ``x5t`` or ``x5t#S256`` that WSO2 gateways write: base64url of the digest's lower-case hex digits.

        Args:
            hash: The digest: ``sha1`` for ``x5t``, ``sha256`` for ``x5t#S256``.

            padded: Whether the ``=`` at the end stay.

        Raises:
            ConfigurationError: It has no certificate, or the digest is another.
        """
        if hash not in ("sha1", "sha256"):  # no set: what cannot be hashed is an error like any other
            raise ConfigurationError("hash is sha1 or sha256")
        digits = hashlib.new(hash, self._needed().der, usedforsecurity=False).hexdigest()
        text = encode_base64url(digits.encode())
        return text + "=" * (-len(text) % 4) if padded else text

    def _needed(self) -> Certificate:
        if self._certificate is None:
            raise ConfigurationError(
                f"the signing key {shown(self.kid)} has no certificate, which its older names need"
            )
        return self._certificate
