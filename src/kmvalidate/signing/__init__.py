"""
The keys that tokens of our own are signed with.

Rules kept here: asymmetric keys only, each with the one algorithm it signs with. Importing this package brings all of
cryptography: whoever signs nothing does not import it.
"""

from __future__ import annotations

from kmvalidate.signing._key import SigningKey

__all__ = ["SigningKey"]
