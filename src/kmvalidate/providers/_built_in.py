"""
Which providers come with the library.

Rules kept here: a table, which imports none of them.
"""

from __future__ import annotations

#: The module of each provider.
BUILT_IN = {
    "adfs": "_adfs",
    "asgardeo": "_asgardeo",
    "auth0": "_auth0",
    "azure_ad": "_entra_id",
    "azure_ad_b2c": "_azure_ad_b2c",
    "cognito": "_cognito",
    "entra_external_id": "_entra_external_id",
    "entra_id": "_entra_id",
    "forgerock": "_forgerock",
    "github_actions": "_github_actions",
    "gitlab_ci": "_gitlab_ci",
    "google": "_google",
    "keycloak": "_keycloak",
    "kubernetes": "_kubernetes",
    "oidc": "_oidc",
    "okta": "_okta",
    "ping_federate": "_ping_federate",
    "ping_one": "_ping_one",
    "thunder": "_thunder",
    "wso2_is": "_wso2_is",
}
