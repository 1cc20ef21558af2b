"""
The kinds of provider that can be simulated, one module each.

Rules kept here: a kind is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError

if TYPE_CHECKING:
    from kmvalidate.testing._kind import ProviderKind

#: The module of each kind, and the name it has there.
NAMES = {
    "adfs": ("adfs", "KIND"),
    "asgardeo": ("asgardeo", "KIND"),
    "auth0": ("auth0", "KIND"),
    "azure_ad_b2c": ("azure_ad_b2c", "KIND"),
    "cognito": ("cognito", "KIND"),
    "entra_external_id": ("entra_external_id", "KIND"),
    "entra_id": ("entra_id", "KIND"),
    "entra_id_common": ("entra_id", "COMMON"),
    "forgerock": ("forgerock", "KIND"),
    "github_actions": ("github_actions", "KIND"),
    "gitlab_ci": ("gitlab_ci", "KIND"),
    "google": ("google", "KIND"),
    "keycloak": ("keycloak", "KIND"),
    "kubernetes": ("kubernetes", "KIND"),
    "oidc": ("oidc", "KIND"),
    "okta": ("okta", "KIND"),
    "ping_federate": ("ping_federate", "KIND"),
    "ping_one": ("ping_one", "KIND"),
    "thunder": ("thunder", "KIND"),
    "wso2_is": ("wso2_is", "KIND"),
}


def named(name: str) -> ProviderKind:
    """
    Return the kind of that name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in NAMES:
        raise ConfigurationError(f"the kinds of provider are {', '.join(NAMES)}")
    module, attribute = NAMES[name]
    kind: ProviderKind = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return kind
