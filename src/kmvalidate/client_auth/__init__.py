"""
Who asks a provider, and with what secrets.

Rules kept here: importing this package brings neither cryptography nor an OAuth library; the first private key does.
"""

from __future__ import annotations

from kmvalidate.client_auth._attachments import Attachment, ClientAuthentication
from kmvalidate.client_auth._methods import (
    ASSERTION_TYPE,
    BearerToken,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    PublicClient,
    TlsClientAuth,
    UserCredentials,
    checked_client,
)
from kmvalidate.client_auth._secrets import FromEnvironment, FromFile, SecretSource

__all__ = [
    "ASSERTION_TYPE",
    "Attachment",
    "BearerToken",
    "ClientAuthentication",
    "ClientCredentials",
    "ClientSecretBasic",
    "ClientSecretPost",
    "FromEnvironment",
    "FromFile",
    "PrivateKeyJwt",
    "PublicClient",
    "SecretSource",
    "TlsClientAuth",
    "UserCredentials",
    "checked_client",
]
