"""
The key manager of a distributed WSO2 API Manager, found by the service URL of its configuration.

Rules kept here: what API Manager derives from ``apim.key_manager`` is derived here likewise, and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kmvalidate.client_auth import UserCredentials
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID, to_names
from kmvalidate.introspection import Introspection
from kmvalidate.ports import Network
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.client_auth import SecretSource

_SERVICE_URL = re.compile(r"(https?://[^/?]+(?:/[^/?]+)*)/services/?")

#: What opaque tokens of WSO2 servers are, unless another generator is configured there.
OPAQUE_TOKENS = UUID


def service_bases(service_url: str | Iterable[str] | None, network: object) -> tuple[str, ...]:
    """
    Return where the servers are whose service URLs these are.

    Raises:
        ConfigurationError: One is none: ``https://HOST:9443/services/``.
    """
    insecure = isinstance(network, Network) and network.insecure_http
    urls = to_names(service_url or ())
    if not urls:
        raise ConfigurationError("service_url=, username= and password= go together")
    for url in urls:
        checked_url(url, insecure_http=insecure, allow_query=False)
    found = [_SERVICE_URL.fullmatch(url) for url in urls]
    if not all(found):
        raise ConfigurationError("a service_url ends with /services/, such as https://km.example:9443/services/")
    return tuple(match[1] for match in found if match)


def introspection(
    bases: tuple[str, ...], tenant_path: str, username: str | None, password: SecretSource | None
) -> Introspection:
    """
    Return how such servers are asked about opaque tokens: an administrator asks, and they are one after the other.

    Raises:
        ConfigurationError: The name or the password is missing.
    """
    if username is None or password is None:
        raise ConfigurationError("service_url=, username= and password= go together")
    return Introspection(
        client=UserCredentials(username, password),
        endpoint=tuple(f"{base}{tenant_path}/oauth2/introspect" for base in bases),
        tokens=OPAQUE_TOKENS,
    )
