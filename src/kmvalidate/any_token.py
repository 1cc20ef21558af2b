"""
Verification of any bearer token: JWTs here, and what is not verified here by its key manager.

Rules kept here: what a token is, is decided once; a refused JWT is not tried as anything else, and an opaque token goes
to the one key manager that claims it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import KeyManagerUnavailable, KMValidateError, Reason, Refused
from kmvalidate.introspected import introspect, is_forgotten, refuse_revoked
from kmvalidate.jwt_validator import ALWAYS_CHANGING, TRIES, JwtValidator
from kmvalidate.notes import note
from kmvalidate.opaque_routes import find_foreign, find_opaque, leaves_to
from kmvalidate.tokens import recognise

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.introspected import Within
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.jwt_validator import Issuers
    from kmvalidate.layers import Table
    from kmvalidate.ports import Ports
    from kmvalidate.verified import VerifiedToken

_OWN = "It is a backend JWT of this gateway, meant for the services behind it."


class _VerifiedHere(Exception):
    """A JWT is verified here, by a configuration that is a moment old."""


class AnyToken(JwtValidator):
    """
    Verifies JWTs, and asks about what is not verified here.

    Args:
        registry: The key managers.

        max_token_bytes: The largest token looked at, in bytes.

        own_issuer: The issuer of the backend JWTs that are made here; they are no access tokens, whoever answers for
            that issuer.
    """

    def __init__(self, registry: Issuers, *, max_token_bytes: int, own_issuer: str | None = None) -> None:
        super().__init__(registry, max_token_bytes=max_token_bytes)
        self._own_issuer = own_issuer

    def issuer_of(
        self, claims: dict[str, Any], table: Table, organization: str | None, within: Within
    ) -> IssuerState | None:
        """
        Return who answers for a JWT by its issuer, None if nobody does.

        Raises:
            Refused: It is one that was made here, or its key manager is not one of those that are asked for.
        """
        self._refuse_own(claims.get("iss"))
        return super().issuer_of(claims, table, organization, within)

    def _refuse_own(self, issuer: object) -> None:
        if issuer == self._own_issuer is not None:
            raise Refused(Reason.WRONG_TOKEN_KIND, claim="iss", got=issuer, hint=_OWN)

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
                note(ports, "introspection", f"{state.manager.name} claims such tokens, and is asked")
                try:
                    verified = await introspect(
                        token, state, table, organization=organization, within=within, ports=ports
                    )
                except KMValidateError:
                    if self._is_still(route, table, state):
                        raise
                else:
                    if self._is_still(route, table, state) and not is_forgotten(verified):
                        self._refuse_own(verified.issuer)
                        note(ports, "answer", "the token is active", issuer=verified.issuer)
                        refuse_revoked(verified, token, self._registry.revocations)
                        note(ports, "revocation", "not revoked")
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
