"""
The JWTs that tell a backend who calls: made for it, signed with a key of our own, in place of the access token.

Rules kept here: what the generator says itself has names that nothing of the token, of the user or of a callable can
have, in whatever letter case. A backend JWT lives no longer than the token behind it, and is nobody's access token: own
issuer, own key, own type. Nothing here keeps a token or asks a provider.
"""

from __future__ import annotations

from kmvalidate.backend_jwt._content import GATEWAY_FACTS, PROTECTED_CLAIMS
from kmvalidate.backend_jwt._generator import DEFAULT_HEADER, JWKS_CACHE_S, BackendJwtGenerator
from kmvalidate.backend_jwt._issued import BackendJwt
from kmvalidate.backend_jwt._legacy_format import LegacyFormat
from kmvalidate.backend_jwt._strict import DEFAULT_ISSUER, StrictFormat

__all__ = [
    "DEFAULT_HEADER",
    "DEFAULT_ISSUER",
    "GATEWAY_FACTS",
    "JWKS_CACHE_S",
    "PROTECTED_CLAIMS",
    "BackendJwt",
    "BackendJwtGenerator",
    "LegacyFormat",
    "StrictFormat",
]
