"""
APIs: what is called, and what it asks of tokens.

Rules kept here: a call is about the one resource that its method and path name, in a reading of the path that nobody
reads otherwise; a call that names none is about nothing, and says why.
"""

from __future__ import annotations

from kmvalidate.apis._api import Api, ApiCall, Target
from kmvalidate.apis._resource import Resource
from kmvalidate.apis._words import AuthType, GatewayType

__all__ = ["Api", "ApiCall", "AuthType", "GatewayType", "Resource", "Target"]
