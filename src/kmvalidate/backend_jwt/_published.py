"""
The keys of a generator: one signs, all are published.

Rules kept here: a set of keys is swapped whole. A ``kid`` names one key and never another one afterwards, as long as
the generator lives, for backends remember what they fetched. Keys are told apart by their RFC 7638 thumbprints.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from kmvalidate.errors import ConfigurationError, shown
from kmvalidate.fields import require
from kmvalidate.signing import SigningKey
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.backend_jwt._legacy import LegacyWriter
    from kmvalidate.backend_jwt._strict import StrictWriter

    Writer = StrictWriter | LegacyWriter


@attrs.frozen(eq=False)
class PublishedKeys:
    """
    Keys, and what is made of them once.

    Args:
        signing: The key that signs.

        key_id: The ``kid`` under which it is published.

        header: The header segment of what it signs.

        jwks: The public JWK of each key, by its ``kid``.

        thumbprints: The thumbprint of each key, likewise.
    """

    signing: SigningKey
    key_id: str
    header: str
    jwks: dict[str, dict[str, Any]] = attrs.field(repr=False)
    thumbprints: dict[str, str]
    document: bytes = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "document", msgspec.json.encode({"keys": list(self.jwks.values())}))

    @classmethod
    def of(cls, keys: SigningKey | Iterable[SigningKey], writer: Writer) -> PublishedKeys:
        """
        Return *keys* as *writer* publishes them; the first one signs.

        Raises:
            ConfigurationError: There is none, two are called the same, or one is not for that format.
        """
        several = _several(keys)
        jwks: dict[str, dict[str, Any]] = {}
        thumbprints: dict[str, str] = {}
        for key in several:
            kid = writer.key_id(key)
            if kid in jwks:
                raise ConfigurationError(f"two keys have the kid {shown(kid)}")
            thumbprints[kid] = key.thumbprint
            jwks[kid] = key.public_jwk() | {"kid": kid}
        header = writer.segment(msgspec.json.encode(writer.header(several[0])))
        return cls(several[0], next(iter(jwks)), header, jwks, thumbprints)

    @property
    def algorithms(self) -> list[str]:
        """The algorithms of all keys, sorted."""
        return sorted({jwk["alg"] for jwk in self.jwks.values()})

    def names_after(self, known: Mapping[str, str]) -> dict[str, str]:
        """
        Return the thumbprint under each ``kid``: those that were *known* before these keys, and theirs.

        Raises:
            ConfigurationError: One was known as that of another key.
        """
        for kid, thumbprint in self.thumbprints.items():
            if known.get(kid, thumbprint) != thumbprint:
                raise ConfigurationError(f"the kid {shown(kid)} is that of another key, which backends may remember")
        return {**known, **self.thumbprints}


def _several(keys: object) -> tuple[SigningKey, ...]:
    given = tuple(keys) if isinstance(keys, Iterable) else (keys,)
    several = tuple(key for key in given if isinstance(key, SigningKey))
    if not several or len(several) < len(given):
        raise ConfigurationError("a backend JWT is signed by a SigningKey, the first one of several")
    return several


def discovery_document(
    issuer: str, base_url: str, jwks_path: str, algorithms: list[str], *, insecure_http: bool
) -> dict[str, Any]:
    """
    Return the document that `BackendJwtGenerator.discovery` returns.

    Raises:
        ConfigurationError: The issuer is no URL, or one of the others is none.
    """
    checked_url(issuer, insecure_http=insecure_http, allow_query=False)
    checked_url(base_url, insecure_http=insecure_http, allow_query=False)
    require(isinstance(jwks_path, str), "jwks_path is a string")
    jwks_uri = f"{base_url.removesuffix('/')}/{jwks_path.removeprefix('/')}"
    checked_url(jwks_uri, insecure_http=insecure_http, allow_query=False)
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    }
