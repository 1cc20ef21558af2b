"""
Where the keys of a key manager come from, as an operator configures it.

Rules kept here: frozen data, checked when it is made. Nothing here fetches.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_a, number
from kmvalidate.key_sets import KeySet
from kmvalidate.ports import Network
from kmvalidate.urls import checked_url, well_known_urls


@attrs.frozen(kw_only=True)
class Freshness:
    """
    When keys are fetched again, and for how long they are used when that fails.

    Args:
        soft_ttl_s: Seconds after which the keys are fetched again in the background, unless the answer that brought
            them said otherwise (``Cache-Control: max-age``).

        min_ttl_s: Least seconds that an answer may say.

        max_ttl_s: Most seconds that an answer may say.

        jitter: The share by which those seconds differ, up or down, so that many issuers are not fetched at once.

        idle_factor: When nobody has asked for this many times as long, the first request waits for a fetch, unless the
            last one failed.

        hard_ttl_s: Seconds after which keys that could not be fetched again are no longer used.

        cooldown_s: Least seconds between two fetches that unknown key ids cause.

        unknown_kid_ttl_s: Seconds for which a key id that such a fetch did not bring causes no other. More than
            *cooldown_s* spares the issuer, and lets a client that was too early with a new key wait that long.

        max_unknown_kids: How many of those key ids are remembered.

        max_backoff_s: Most seconds between two attempts while fetching fails.

        breaker_failures: How many fetches in a row must fail before the issuer counts as unreachable.

        deadline_s: Seconds one fetch may take, everything included.

    Raises:
        ConfigurationError: One of them is out of range, or the TTLs contradict each other.
    """

    soft_ttl_s: float = attrs.field(default=600.0, validator=number(1))
    min_ttl_s: float = attrs.field(default=60.0, validator=number(1))
    max_ttl_s: float = attrs.field(default=43_200.0, validator=number(1))
    jitter: float = attrs.field(default=0.1, validator=number(0, 0.5))
    idle_factor: float = attrs.field(default=2.0, validator=number(1))
    hard_ttl_s: float = attrs.field(default=86_400.0, validator=number(1))
    cooldown_s: float = attrs.field(default=10.0, validator=number(0))
    unknown_kid_ttl_s: float = attrs.field(default=10.0, validator=number(0))
    max_unknown_kids: int = attrs.field(default=1000, validator=[is_a(int), number(1)])
    max_backoff_s: float = attrs.field(default=30.0, validator=number(1))
    breaker_failures: int = attrs.field(default=3, validator=[is_a(int), number(1)])
    deadline_s: float = attrs.field(default=5.0, validator=number(0.1, 60))

    def __attrs_post_init__(self) -> None:
        if self.hard_ttl_s < self.soft_ttl_s:
            raise ConfigurationError("keys: hard_ttl_s must not be below soft_ttl_s")
        if self.max_ttl_s < self.min_ttl_s:
            raise ConfigurationError("keys: max_ttl_s must not be below min_ttl_s")

    def ttl_s(self, max_age_s: float | None) -> float:
        """Return after how many seconds keys are due whose answer said *max_age_s*; None if it said nothing."""
        said = self.soft_ttl_s if max_age_s is None else min(max(max_age_s, self.min_ttl_s), self.max_ttl_s)
        return min(said, self.hard_ttl_s)


@attrs.frozen
class KeyFile:
    """
    A file that keys were read from, and how.

    Args:
        path: Where it lies.

        kid: The key id given to a PEM key.

        check_every_s: Seconds after which it is read again.
    """

    path: str
    kid: str | None = None
    check_every_s: float = attrs.field(default=10.0, validator=number(1, 86_400))

    def read(self) -> KeySet:
        """
        Return the keys it has now.

        Raises:
            ConfigurationError: It cannot be read or used.
        """
        try:
            content = Path(self.path).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{self.path}: {error.strerror}") from None
        except ValueError:
            raise ConfigurationError("keys are read from a file with a path") from None
        return _read_keys(content, kid=self.kid)


def _several(parts: Iterable[StaticKeys], least: int = 0) -> tuple[StaticKeys, ...]:
    together = tuple(parts) if isinstance(parts, Iterable) else (parts,)
    if len(together) < least or not all(isinstance(part, StaticKeys) for part in together):
        raise ConfigurationError("keys are RemoteKeys, StaticKeys, or several StaticKeys")
    return together


@attrs.frozen
class StaticKeys:
    """
    Keys that the operator pins: no network is asked; files are read again. A key manager may have several of them.

    Args:
        key_set: The keys. `from_jwks`, `from_pem` and `from_file` read them.

        file: The file they came from, which is read again when they are used; None if they came from none.

        parts: What they were put together from (`joined`).
    """

    key_set: KeySet = attrs.field(validator=is_a(KeySet))
    file: KeyFile | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(is_a(KeyFile)))
    parts: tuple[StaticKeys, ...] = attrs.field(default=(), kw_only=True, converter=_several)

    @classmethod
    def joined(cls, parts: Iterable[StaticKeys]) -> StaticKeys:
        """
        Put several together.

        Raises:
            ConfigurationError: There are none, or something else is among them.
        """
        together = _several(parts, least=1)
        return cls(KeySet.joined(part.key_set for part in together), parts=together)

    @property
    def files(self) -> tuple[KeyFile, ...]:
        """The files that are read again."""
        own = () if self.file is None else (self.file,)
        return own + tuple(file for part in self.parts for file in part.files)

    @property
    def freshness(self) -> Freshness:
        """When its files are read again."""
        soft_ttl_s = min((file.check_every_s for file in self.files), default=10.0)
        return Freshness(soft_ttl_s=soft_ttl_s, hard_ttl_s=float("inf"), cooldown_s=1.0, unknown_kid_ttl_s=1.0)

    def read_again(self) -> KeySet:
        """
        Return the keys as they are now, those of files read again.

        Raises:
            ConfigurationError: A file cannot be read or used.
        """
        if self.parts:
            return KeySet.joined(part.read_again() for part in self.parts)
        return self.key_set if self.file is None else self.file.read()

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

            kid: The key id tokens will name; without one the key serves tokens whatever they name, as long as it is the
                key manager's only key.

        Raises:
            ConfigurationError: It cannot be read, or its key is too weak.
        """
        return cls(_read_keys(pem, kid=kid))

    @classmethod
    def from_file(cls, path: str | Path, *, kid: str | None = None, check_every_s: float = 10.0) -> StaticKeys:
        """
        Take the keys of a file with any of the above. When it changes, the keys change with it.

        Args:
            path: Where it lies.

            kid: As for `from_pem`.

            check_every_s: Seconds after which it is read again, on a thread of its own (of several files the fewest
                count for all), and at once for an unknown key id. If it cannot be read or used, all keys stay as they
                are, and the health of the key manager says so.

        Raises:
            ConfigurationError: The file cannot be read or used.
        """
        file = KeyFile(_absolute(path), kid, check_every_s)
        return cls(file.read(), file=file)


def _absolute(path: str | Path) -> str:
    try:
        named = os.fspath(path)
        if isinstance(named, str):
            return os.path.abspath(named)  # noqa: PTH100  # resolves no links: they may change
    except (TypeError, OSError):  # OSError: it is relative to a directory that is gone
        pass
    raise ConfigurationError("keys are read from a file with a path")


def _read_keys(document: str | bytes, kid: str | None = None) -> KeySet:
    from kmvalidate.key_documents import read_keys  # noqa: PLC0415  # brings X.509

    if not isinstance(document, str | bytes):
        raise ConfigurationError("keys are read from text or bytes")
    return read_keys(document, kid=kid)


@attrs.frozen(kw_only=True)
class RemoteKeys(Freshness):
    """
    Keys that the issuer publishes, fetched when they are first needed and kept fresh (`Freshness`).

    Args:
        jwks_url: Where the JWK Set lies. Without it, the issuer's discovery document says so.

        discovery_url: Where the discovery document lies, if not below the issuer (OpenID Connect Discovery
            section 4, RFC 8414 section 3).

        network: How these URLs may be reached.

        max_bytes: Largest document accepted, in bytes.

        max_keys: Most entries accepted in a key set.
    """

    jwks_url: str | None = None
    discovery_url: str | None = None
    network: Network = attrs.field(default=Network(), validator=is_a(Network))
    max_bytes: int = attrs.field(default=1_000_000, validator=[is_a(int), number(1000)])
    max_keys: int = attrs.field(default=1000, validator=[is_a(int), number(1)])

    def __attrs_post_init__(self) -> None:
        Freshness.__attrs_post_init__(self)
        if self.jwks_url is not None and self.discovery_url is not None:
            raise ConfigurationError("keys: give a jwks_url or a discovery_url, not both")
        for url in (self.jwks_url, self.discovery_url):
            if url is not None:
                checked_url(url, insecure_http=self.network.insecure_http)

    @property
    def freshness(self) -> Freshness:
        """When they are fetched again."""
        return self

    def discovery_urls(self, issuer: str) -> tuple[str, ...]:
        """
        Return where the discovery document of *issuer* may lie, in the order in which they are asked.

        Raises:
            ConfigurationError: The issuer is no URL to build them from.
        """
        if self.discovery_url is not None:
            return (self.discovery_url,)
        return well_known_urls(issuer, insecure_http=self.network.insecure_http)
