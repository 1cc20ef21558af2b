"""
The whole flow, from a bearer string to an answer, readable in one place.

Rules kept here: what a token is, is decided once; a refused JWT is not tried as anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.jwt_validator import JwtValidator
from kmvalidate.tokens import DEFAULT_MAX_TOKEN_BYTES, VerifiedToken

if TYPE_CHECKING:
    from kmvalidate.registry import KeyManagerRegistry


class TokenValidator:
    """
    Answers for bearer tokens.

    Args:
        registry: The key managers whose tokens are accepted.

        max_token_bytes: The largest token looked at, in bytes.

    Raises:
        ConfigurationError: *registry* is no registry, or *max_token_bytes* no whole number of at least 1.
    """

    def __init__(self, registry: KeyManagerRegistry, *, max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> None:
        self._jwts = JwtValidator(registry, max_token_bytes=max_token_bytes)

    def authenticate(self, token: str) -> VerifiedToken:
        """
        Verify a bearer token: some key manager stands behind it, and it is good now.

        Args:
            token: The bearer string, without the word ``Bearer``.

        Returns:
            What was proved.

        Raises:
            Refused: The token is not good; `Refused.reason` says why (401).
            KeyManagerUnavailable: The key manager's keys are needed and cannot be had now (503).
        """
        return self._jwts.validate(token)
