"""
The whole flow, from a bearer string to an answer, readable in one place.

Rules kept here: what a token is, is decided once; a refused JWT is not tried as anything else. What
can be answered without waiting is plain code; the core that may wait is written once and awaits only ports.
"""

from __future__ import annotations

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.jwt_validator import JwtValidator
from kmvalidate.ports import run
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.tokens import DEFAULT_MAX_TOKEN_BYTES, OpaqueToken, VerifiedToken, checked_max_bytes, recognise


class TokenValidator:
    """
    Answers for bearer tokens.

    Args:
        registry: The key managers whose tokens are accepted.

        max_token_bytes: The largest token looked at, in bytes.
    """

    def __init__(self, registry: KeyManagerRegistry, *, max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> None:
        if not isinstance(registry, KeyManagerRegistry):
            raise ConfigurationError("a validator is made of a KeyManagerRegistry")
        self._ports = registry.ports
        self._max_token_bytes = checked_max_bytes(max_token_bytes)
        self._jwts = JwtValidator(registry)

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
        recognised = recognise(token, self._max_token_bytes)
        if isinstance(recognised, OpaqueToken):
            raise Refused(Reason.OPAQUE_TOKEN)
        ports = self._ports
        return self._jwts.verify_now(recognised, ports) or run(self._jwts.verify(recognised, ports))
