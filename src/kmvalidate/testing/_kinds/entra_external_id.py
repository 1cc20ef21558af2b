"""
An external tenant of Microsoft Entra ID (CIAM).

Rules kept here: its documents lie under the tenant's name, and their issuer has the tenant's GUID for a host, wherever
they are fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import ProviderKind
from kmvalidate.testing._kinds.entra_id import LOOK_ALIKES, claims_of, document_of, published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager

TENANT = "10e93a61-a289-4484-9a82-799587f1f2a9"
_ISSUER = f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0"
_KEYS = f"/{TENANT}/discovery/v2.0/keys"


def _documents(base: str, _: tuple[str, ...]) -> Mapping[str, dict[str, Any]]:
    return {f"/{TENANT}/v2.0{DISCOVERY_PATH}": document_of(f"{base}/{TENANT}", "oauth2/v2.0", _ISSUER, base, _KEYS)}


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.entra_external_id(TENANT, discovery_url=f"{base}/{TENANT}/v2.0{DISCOVERY_PATH}", **options)


KIND = ProviderKind(
    name="entra_external_id",
    home="https://contoso.ciamlogin.com",
    versions=("2.0",),
    issuer=lambda _, __: _ISSUER,
    header=lambda _: {"typ": "JWT"},
    claims=lambda wish: claims_of(wish, TENANT),
    documents=_documents,
    jwks_path=_KEYS,
    jwk=lambda _, jwk: published(jwk, _ISSUER),
    manager=_manager,
    look_alikes=LOOK_ALIKES,
)
