"""
Where the keys of a key manager come from, as an operator configures it.

Rules kept here: frozen data, checked when it is made. Nothing here fetches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_a, number
from kmvalidate.key_sets import KeySet
from kmvalidate.ports import Network
from kmvalidate.urls import checked_url, well_known_urls


@attrs.frozen
class StaticKeys:
    """
    Keys that the operator pins: nothing is ever fetched.

    Args:
        key_set: The keys. `from_jwks`, `from_pem` and `from_file` read them.
    """

    key_set: KeySet = attrs.field(validator=is_a(KeySet))

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any] | str | bytes) -> StaticKeys:
        """
        Take the keys of a JWK Set or a single JWK, parsed or as text.

        Raises:
            ConfigurationError: It is neither, or none of its keys can be used.
        """
        from kmvalidate.keys import read_jwks  # noqa: PLC0415  # brings cryptography, which not every import needs

        if isinstance(document, str | bytes):
            return cls(_read_keys(document))
        if isinstance(document, Mapping):
            return cls(read_jwks(document))
        raise ConfigurationError("keys are a JWK Set or a JWK")

    @classmethod
    def from_pem(cls, pem: str | bytes, *, kid: str | None = None) -> StaticKeys:
        """
        Take a PEM public key or X.509 certificate.

        Args:
            pem: The text. Of a certificate only the key counts: pinning it is trusting it, whatever its dates.

            kid: The key id tokens will name; without one the key serves tokens whatever they name.

        Raises:
            ConfigurationError: It cannot be read, or its key is too weak.
        """
        return cls(_read_keys(pem, kid=kid))

    @classmethod
    def from_file(cls, path: str | Path, *, kid: str | None = None) -> StaticKeys:
        """
        Take the keys of a file with any of the above.

        Raises:
            ConfigurationError: The file cannot be read or used.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except (TypeError, ValueError):
            raise ConfigurationError("keys are read from a file with a path") from None
        return cls(_read_keys(content, kid=kid))


def _read_keys(document: str | bytes, kid: str | None = None) -> KeySet:
    from kmvalidate.key_documents import read_keys  # noqa: PLC0415  # brings X.509

    if not isinstance(document, str | bytes):
        raise ConfigurationError("keys are read from text or bytes")
    return read_keys(document, kid=kid)


@attrs.frozen(kw_only=True)
class RemoteKeys:
    """
    Keys that the issuer publishes, fetched when they are first needed and kept fresh.

    Args:
        jwks_url: Where the JWK Set lies. Without it, the issuer's discovery document says so.

        discovery_url: Where the discovery document lies, if not below the issuer (OpenID Connect Discovery
            section 4, RFC 8414 section 3).

        network: How these URLs may be reached.

        soft_ttl_s: Seconds after which the keys are fetched again in the background.

        hard_ttl_s: Seconds after which keys that could not be fetched again are no longer used.

        cooldown_s: Least seconds between two fetches that unknown key ids cause.

        max_backoff_s: Most seconds between two attempts while fetching fails.

        deadline_s: Seconds one fetch may take, everything included.

        max_bytes: Largest document accepted, in bytes.
    """

    jwks_url: str | None = None
    discovery_url: str | None = None
    network: Network = attrs.field(factory=Network, validator=is_a(Network))
    soft_ttl_s: float = attrs.field(default=600.0, validator=number(1))
    hard_ttl_s: float = attrs.field(default=86_400.0, validator=number(1))
    cooldown_s: float = attrs.field(default=10.0, validator=number(0))
    max_backoff_s: float = attrs.field(default=30.0, validator=number(1))
    deadline_s: float = attrs.field(default=5.0, validator=number(0.1, 60))
    max_bytes: int = attrs.field(default=1_000_000, validator=[is_a(int), number(1000)])

    def __attrs_post_init__(self) -> None:
        if self.jwks_url is not None and self.discovery_url is not None:
            raise ConfigurationError("keys: give a jwks_url or a discovery_url, not both")
        for url in (self.jwks_url, self.discovery_url):
            if url is not None:
                checked_url(url, insecure_http=self.network.insecure_http)
        if self.hard_ttl_s < self.soft_ttl_s:
            raise ConfigurationError("keys: hard_ttl_s must not be below soft_ttl_s")

    def discovery_urls(self, issuer: str) -> tuple[str, ...]:
        """
        Return where the discovery document of *issuer* may lie, in the order in which they are asked.

        Raises:
            ConfigurationError: The issuer is no URL to build them from.
        """
        if self.discovery_url is not None:
            return (self.discovery_url,)
        return well_known_urls(issuer, insecure_http=self.network.insecure_http)
