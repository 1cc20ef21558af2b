"""
One fetch of a key manager's keys: over the network, or from files.

Rules kept here: what is fetched, and from where, comes from the configuration alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.discovery import Exchange, Published, jwks_uri
from kmvalidate.key_sources import RemoteKeys

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Ports


async def fetch_keys(manager: KeyManager, ports: Ports) -> Published:
    """
    Return the keys of *manager* as they are now.

    Raises:
        KMValidateError: They cannot be had, or not be used.
    """
    source = manager.keys
    return await _fetch(manager, source, ports) if isinstance(source, RemoteKeys) else Published(source.read_again())


async def _fetch(manager: KeyManager, source: RemoteKeys, ports: Ports) -> Published:
    exchange = Exchange(
        network=source.network,
        ends_at=ports.clock.monotonic() + source.deadline_s,
        max_bytes=source.max_bytes,
        max_keys=source.max_keys,
    )
    url = source.jwks_url
    if url is None:
        found, document = await exchange.get_first(source.discovery_urls(manager.issuer), ports)
        url = jwks_uri(document, manager.document_issuers, found, source.network)
    return await exchange.get_keys(url, ports)
