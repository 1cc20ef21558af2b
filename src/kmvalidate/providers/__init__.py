"""
Key managers of named providers, from the few facts a person knows of them.

    providers.keycloak("https://sso.example/realms/acme", audience="orders")

Rules kept here: each is a function that returns a `KeyManager`, and is loaded when it is first used. Those of other
packages are found by the entry-point group ``kmvalidate.providers``, with `load`, and never take the name of one that
is here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from kmvalidate.providers._built_in import BUILT_IN

if TYPE_CHECKING:
    from kmvalidate.providers._adfs import adfs
    from kmvalidate.providers._asgardeo import asgardeo
    from kmvalidate.providers._auth0 import auth0
    from kmvalidate.providers._azure_ad_b2c import azure_ad_b2c
    from kmvalidate.providers._cognito import cognito
    from kmvalidate.providers._entra_external_id import entra_external_id
    from kmvalidate.providers._entra_id import Cloud, azure_ad, entra_id
    from kmvalidate.providers._forgerock import forgerock
    from kmvalidate.providers._github_actions import github_actions
    from kmvalidate.providers._gitlab_ci import gitlab_ci
    from kmvalidate.providers._google import google
    from kmvalidate.providers._keycloak import keycloak
    from kmvalidate.providers._kubernetes import kubernetes
    from kmvalidate.providers._oidc import oidc
    from kmvalidate.providers._okta import okta
    from kmvalidate.providers._ping_federate import ping_federate
    from kmvalidate.providers._ping_one import ping_one
    from kmvalidate.providers._plugins import Provider, load, names
    from kmvalidate.providers._thunder import thunder
    from kmvalidate.providers._wso2_is import wso2_is

__all__ = [
    "Cloud",
    "Provider",
    "adfs",
    "asgardeo",
    "auth0",
    "azure_ad",
    "azure_ad_b2c",
    "cognito",
    "entra_external_id",
    "entra_id",
    "forgerock",
    "github_actions",
    "gitlab_ci",
    "google",
    "keycloak",
    "kubernetes",
    "load",
    "names",
    "oidc",
    "okta",
    "ping_federate",
    "ping_one",
    "thunder",
    "wso2_is",
]

_HOME_OF = {**BUILT_IN, "Cloud": "_entra_id", "Provider": "_plugins", "load": "_plugins", "names": "_plugins"}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
