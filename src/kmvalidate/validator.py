"""
The whole flow, from a bearer string to an answer, readable in one place.

Rules kept here: what a token is, is decided once; a refused JWT is not tried as anything else.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import KeyManagerUnavailable, KMValidateError, Reason, Refused
from kmvalidate.fields import to_names
from kmvalidate.introspected import introspect, is_forgotten
from kmvalidate.jwt_validator import ALWAYS_CHANGING, TRIES, JwtValidator
from kmvalidate.memory import DEFAULT_REMEMBERED, TokenMemory
from kmvalidate.opaque_routes import find_foreign, find_opaque, leaves_to
from kmvalidate.tokens import DEFAULT_MAX_TOKEN_BYTES, recognise
from kmvalidate.verified import VerifiedToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kmvalidate.introspected import Within
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.layers import Table
    from kmvalidate.ports import Ports
    from kmvalidate.registry import KeyManagerRegistry


class TokenValidator:
    """
    Answers for bearer tokens.

    Args:
        registry: The key managers whose tokens are accepted.

        max_token_bytes: The largest token looked at, in bytes.

        remember: How many verified tokens are remembered at most, 2 or more, about 1 KB each; 0 for none. A remembered
            token is as good as a fresh one: its key, its key manager and its times are looked at each time it comes.

        remember_whole_tokens: Whether to know JWTs by themselves rather than by their SHA-256: faster, and then the
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
        self._tokens = _AnyToken(registry, max_token_bytes=max_token_bytes)
        self._memory = TokenMemory(registry, remember, whole_tokens=remember_whole_tokens)
        self._registry = registry

    def authenticate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """
        Verify a bearer token: some key manager stands behind it, and it is good now.

        A JWT is verified with its issuer's keys, unless its key manager is asked about its JWTs; an opaque token, and
        such a JWT, is introspected by the one key manager that claims it.

        Args:
            token: The bearer string, without the word ``Bearer``.

            organization: The organization whose key managers may stand behind it, beside those that serve all; None
                for the latter alone.

            key_managers: The names of those that may, None for all; where several would claim an opaque token, the
                first of them is asked.

        Returns:
            What was proved.

        Raises:
            Refused: The token is not good; `Refused.reason` says why (401).
            KeyManagerUnavailable: The key manager's keys, or its answer, are needed and cannot be had now (503).
            ConfigurationError: *organization* is no name, or *key_managers* are none.
        """
        within = None if key_managers is None else to_names(key_managers)
        found = self._memory.look_up(token, organization, self._registry.ports, within)
        if isinstance(found, VerifiedToken):
            return found
        return self._memory.remember(found, self._tokens.verified(token, organization, within))

    async def aauthenticate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """
        Do what `authenticate` does, for asyncio callers: whoever waits does not keep the loop from others.

        Args:
            token: As for `authenticate`, like *organization* and *key_managers*.

            organization: See there.

            key_managers: See there.

        Raises:
            Refused: As `authenticate` does.
            KeyManagerUnavailable: As `authenticate` does.
            ConfigurationError: As `authenticate` does.
        """
        within = None if key_managers is None else to_names(key_managers)
        found = self._memory.look_up(token, organization, self._registry.ports, within)
        if isinstance(found, VerifiedToken):
            return found
        return self._memory.remember(found, await self._tokens.averified(token, organization, within))


class _VerifiedHere(Exception):
    """A JWT is verified here, by a configuration that is a moment old."""


class _AnyToken(JwtValidator):
    """Verifies JWTs, and asks about what is not verified here."""

    async def ask_about(
        self, token: str, claims: dict[str, Any] | None, organization: str | None, within: Within, ports: Ports
    ) -> VerifiedToken:
        """
        Ask the one key manager that claims a token about it.

        Raises:
            Refused: None claims it, or it does not stand behind it.
            KeyManagerUnavailable: It cannot be asked now.
        """
        route = partial(self._asked, token=token, claims=claims, organization=organization, within=within)
        with suppress(_VerifiedHere):
            for _ in range(TRIES):
                table = self._registry.table
                state = route(table)
                try:
                    verified = await introspect(
                        token, state, table, organization=organization, within=within, ports=ports
                    )
                except KMValidateError:
                    if self._is_still(route, table, state):
                        raise
                else:
                    if self._is_still(route, table, state) and not is_forgotten(verified):
                        return verified
            raise KeyManagerUnavailable(ALWAYS_CHANGING)
        return await self.verify(recognise(token, len(token)), organization, ports, within)

    def _is_still(self, route: Callable[[Table], IssuerState], table: Table, state: IssuerState) -> bool:
        """Tell whether *state*, which *table* led to, is still who is asked."""
        now = self._registry.table
        return now is table or route(now) is state

    def _asked(
        self, table: Table, token: str, claims: dict[str, Any] | None, organization: str | None, within: Within
    ) -> IssuerState:
        if claims is None:
            return _claimed(table, token, organization, within)
        state = self.issuer_of(claims, table, organization, within)
        if state is None:
            unknown = table.unknown(organization, claims.get("iss"))
            return _some(find_foreign(table, claims, organization, within), unknown)
        if state.manager.self_validate_jwt:
            raise _VerifiedHere
        return _some(state if leaves_to(state, claims) else None, table.opaque(organization))


def _claimed(table: Table, token: str, organization: str | None, within: Within) -> IssuerState:
    found = find_opaque(table, token, organization, within)
    other = None if found or within is None else find_opaque(table, token, organization, None)
    if other is not None:
        raise Refused(Reason.WRONG_KEY_MANAGER, expected=within, got=other.manager.name)
    return _some(found, table.opaque(organization))


def _some(state: IssuerState | None, refused: Refused) -> IssuerState:
    if state is None:
        raise refused
    return state
