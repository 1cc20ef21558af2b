"""
What was revoked: tokens, clients, subjects, keys and issuers that are refused before their time.

Rules kept here: the list is memory and nothing else; who learns of revocations, from a control plane or a person, tells
it. What refuses a token is an identity of several parts, never of one that another issuer may use as well.
"""

from __future__ import annotations

from kmvalidate.revocation._given import checked_list
from kmvalidate.revocation._identities import ANY_KEY_MANAGER, AnyKeyManager, signed_digest
from kmvalidate.revocation._list import RevocationList

__all__ = ["ANY_KEY_MANAGER", "AnyKeyManager", "RevocationList", "checked_list", "signed_digest"]
