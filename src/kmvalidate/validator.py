"""
The whole flow, from a bearer string to an answer, readable in one place.

Rules kept here: what a token is, is decided once; a refused JWT is not tried as anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.jwt_validator import JwtValidator
from kmvalidate.memory import DEFAULT_REMEMBERED, TokenMemory
from kmvalidate.tokens import DEFAULT_MAX_TOKEN_BYTES
from kmvalidate.verified import VerifiedToken

if TYPE_CHECKING:
    from kmvalidate.registry import KeyManagerRegistry


class TokenValidator:
    """
    Answers for bearer tokens.

    Args:
        registry: The key managers whose tokens are accepted.

        max_token_bytes: The largest token looked at, in bytes.

        remember: How many verified tokens are remembered at most, 2 or more, about 1 KB each; 0 for none. A remembered
            token is as good as a fresh one: its key, its key manager and its times are looked at each time it comes.

        remember_whole_tokens: Whether to know them by themselves rather than by their SHA-256: faster, and then the
            tokens lie in memory, where a core dump shows them.

    Raises:
        ConfigurationError: *registry* is no registry, or another argument not what it should be.
    """

    def __init__(
        self,
        registry: KeyManagerRegistry,
        *,
        max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES,
        remember: int = DEFAULT_REMEMBERED,
        remember_whole_tokens: bool = False,
    ) -> None:
        self._jwts = JwtValidator(registry, max_token_bytes=max_token_bytes)
        self._memory = TokenMemory(registry, remember, whole_tokens=remember_whole_tokens)
        self._registry = registry

    def authenticate(self, token: str, *, organization: str | None = None) -> VerifiedToken:
        """
        Verify a bearer token: some key manager stands behind it, and it is good now.

        Args:
            token: The bearer string, without the word ``Bearer``.

            organization: The organization whose key managers may stand behind it, beside those that serve all; None
                for the latter alone.

        Returns:
            What was proved.

        Raises:
            Refused: The token is not good; `Refused.reason` says why (401).
            KeyManagerUnavailable: The key manager's keys are needed and cannot be had now (503).
            ConfigurationError: *organization* is no name.
        """
        found = self._memory.look_up(token, organization, self._registry.ports)
        if isinstance(found, VerifiedToken):
            return found
        return self._memory.remember(found, self._jwts.validate(token, organization=organization))

    async def aauthenticate(self, token: str, *, organization: str | None = None) -> VerifiedToken:
        """
        Do what `authenticate` does, for asyncio callers: whoever waits for keys does not keep the loop from others.

        Args:
            token: As for `authenticate`, like *organization*.

            organization: See there.

        Raises:
            Refused: As `authenticate` does.
            KeyManagerUnavailable: As `authenticate` does.
            ConfigurationError: As `authenticate` does.
        """
        found = self._memory.look_up(token, organization, self._registry.ports)
        if isinstance(found, VerifiedToken):
            return found
        return self._memory.remember(found, await self._jwts.avalidate(token, organization=organization))
