"""
Any OpenID provider or OAuth authorization server that signs its access tokens.

Rules kept here: nothing is known of it but what the specifications say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from kmvalidate.profiles import ANY_PROVIDER, ProviderProfile
from kmvalidate.providers._common import host_of, key_manager, placed

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options


def oidc(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str | None = None,
    discovery_url: str | None = None,
    jwks_url: str | None = None,
    profile: ProviderProfile = ANY_PROVIDER,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of any provider with a discovery document (OpenID Connect Discovery, RFC 8414), or with keys
    at a known place.

    Args:
        issuer: The ``iss`` of its tokens, or the URL of its discovery document.

        audience: Who its tokens must be meant for.

        name: What to call it; by default its host.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        jwks_url: Where its keys lie, if no discovery document is to say so.

        profile: What is known of its kind, if you know it.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    called = name or host_of(found) or found
    document = None if jwks_url else document
    return key_manager(
        {"profile": profile},
        options,
        name=called,
        issuer=found,
        audience=audience,
        discovery_url=document,
        jwks_url=jwks_url,
    )
