"""
The JWT half of verification: from a well-formed JWT to a `VerifiedToken`.

Rules kept here: the issuer in the token chooses among configured key managers and decides nothing else; the signature
is verified with that issuer's own key before anything the token says is believed; the issuer is compared again
with it. How a header segment is verified is remembered, and only after a signature was good; it counts for the
issuer and the key set it was resolved in and for no other.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, Reason, Refused
from kmvalidate.fields import to_name, to_names
from kmvalidate.key_finding import find_key
from kmvalidate.notes import note
from kmvalidate.ports import run
from kmvalidate.routes import Binding, Routes, still_good
from kmvalidate.tokens import (
    DEFAULT_MAX_TOKEN_BYTES,
    Header,
    Jwt,
    OpaqueToken,
    checked_max_bytes,
    parse_claims,
    parse_header,
    recognise,
    text_of,
)
from kmvalidate.verified import VerifiedToken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.asyncio_ports import AsyncioPorts
    from kmvalidate.introspected import Within
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.layers import Table
    from kmvalidate.ports import BlockingPorts, Ports
    from kmvalidate.revocation import RevocationList

TRIES = 3
_SHOWN = ("typ", "aud", "azp", "client_id", "scope", "scp", "iat", "nbf", "exp")
ALWAYS_CHANGING = "the key managers or their keys change all the time"


class Issuers(Protocol):
    """What JWTs are verified against: a `KeyManagerRegistry`."""

    ports: BlockingPorts
    table: Table
    revocations: RevocationList

    @property
    def aports(self) -> AsyncioPorts:
        """What asyncio callers reach the world with."""
        ...  # pragma: no cover


class JwtValidator:
    """
    Verifies the JWTs of many issuers, each with its own keys. `TokenValidator` is built of it; it is useful alone.

    Args:
        registry: The key managers.

        max_token_bytes: The largest token looked at, in bytes.

    Raises:
        ConfigurationError: *registry* is no registry, or *max_token_bytes* no whole number of at least 1.
    """

    def __init__(self, registry: Issuers, *, max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> None:
        if not hasattr(registry, "table") or not hasattr(registry, "revocations"):
            raise ConfigurationError("a validator is made of a KeyManagerRegistry")
        self._registry = registry
        self._revocations = registry.revocations
        self._max_token_bytes = checked_max_bytes(max_token_bytes)
        self._routes = Routes()

    def validate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """
        Verify a JWT.

        Args:
            token: The JWT in its compact form.

            organization: The organization whose key managers may stand behind it, beside those that serve all; None
                for the latter alone.

            key_managers: The names of those that may, None for all.

        Raises:
            Refused: It is not good; `Refused.reason` says why.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
            ConfigurationError: *organization* is no name, or *key_managers* are none.
        """
        return self.verified(token, organization, None if key_managers is None else to_names(key_managers))

    async def avalidate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """Do what `validate` does, for asyncio callers."""
        return await self.averified(token, organization, None if key_managers is None else to_names(key_managers))

    def verified(self, token: str, organization: str | None, within: Within) -> VerifiedToken:
        """Do what `validate` does, *within* being the names as they are kept."""
        seen, ports = recognise(token, self._max_token_bytes), self._registry.ports
        if organization is not None:
            organization = to_name(organization, "organization")
        verified = self.verify_now(seen, organization, ports, within) if type(seen) is Jwt else None
        return verified or run(self.verify(seen, organization, ports, within))

    async def averified(
        self, token: str, organization: str | None, within: Within, ports: Ports | None = None
    ) -> VerifiedToken:
        """Do what `verified` does, for asyncio callers, or for those whose *ports* are given."""
        seen, ports = recognise(token, self._max_token_bytes), ports or self._registry.aports
        if organization is not None:
            organization = to_name(organization, "organization")
        is_plain = type(seen) is Jwt and ports.trace is None
        verified = self.verify_now(seen, organization, ports, within) if is_plain else None  # type: ignore[arg-type]
        return verified or await self.verify(seen, organization, ports, within)

    def verify_now(
        self, jwt: Jwt, organization: str | None, ports: Ports, within: Within = None
    ) -> VerifiedToken | None:
        """
        Verify a JWT that is like others before it: plain code, without I/O and without a coroutine.

        Its header segment says where to look, and nothing else: the issuer in the payload must be that one's.

        Returns:
            What was proved; None if that takes a closer look, or keys that are not here (`verify`).

        Raises:
            Refused: Its signature is not good.
        """
        table = self._registry.table
        recalled = self._routes.recall(jwt, organization if organization is None else table.whose(organization))
        if recalled is None:
            return None
        binding, claims = recalled
        if within is not None and binding.key_manager not in within:
            return None
        starts_at = claims.nbf if claims.nbf > claims.iat else claims.iat  # noqa: FURB136  # hot, and max() a call
        verified = VerifiedToken(claims.exp, starts_at, binding, jwt.unverified_payload)
        if not (binding.rules.accept(claims.aud) and still_good(verified, organization, table, ports)):
            return None
        if not binding.is_good(jwt.signature, jwt.signing_input):
            refused = Refused(Reason.BAD_SIGNATURE)
            refused.told(binding.key_manager, binding.rules.profile.explain(refused, parse_claims(jwt)))
            raise refused
        if self._revocations.version is not None:
            self._revocations.check(verified, partial(_digest_of, jwt))
        return verified

    async def verify(
        self, seen: Jwt | OpaqueToken, organization: str | None, ports: Ports, within: Within = None
    ) -> VerifiedToken:
        """
        Verify a token, whatever it takes; *ports* are the caller's.

        What was decided while the key manager was changed or removed does not count: then it begins again.

        Raises:
            Refused: It is not good.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
        """
        if isinstance(seen, OpaqueToken):
            note(ports, "recognise", "an opaque token", characters=len(seen.text))
            return await self.ask_about(seen.text, None, organization, within, ports)
        claims = parse_claims(seen)
        note(ports, "recognise", "a JWT", issuer=claims.get("iss"), bytes=len(seen.signing_input))
        for _ in range(TRIES):
            state = self.issuer_of(claims, self._registry.table, organization, within)
            note(ports, "key manager", *_who_answers(state))
            if state is None or not state.manager.self_validate_jwt:
                return await self.ask_about(text_of(seen), claims, organization, within, ports)
            try:
                verified = await self._verify(seen, claims, state, organization, ports)
            except KMValidateError:
                if self._registry.table.find(organization, claims["iss"]) is state:
                    raise
            else:
                if still_good(verified, organization, self._registry.table, ports):
                    self._revocations.check(verified, partial(_digest_of, seen))
                    note(ports, "revocation", "not revoked")
                    return verified
        raise KeyManagerUnavailable(ALWAYS_CHANGING)

    async def ask_about(
        self, token: str, claims: dict[str, Any] | None, organization: str | None, within: Within, ports: Ports
    ) -> VerifiedToken:
        """
        Refuse a token that no keys tell anything about: a key manager would have to be asked, which is not done here.

        Args:
            token: The token.

            claims: Its claims, which nobody proved; None for an opaque token.

            organization: The organization it is verified for.

            within: The key managers that are asked for.

            ports: The caller's.

        Raises:
            Refused: Always.
        """
        _ = token, ports
        table = self._registry.table
        if claims is None:
            raise table.opaque(organization)
        if self.issuer_of(claims, table, organization, within) is None:
            raise table.unknown(organization, claims.get("iss"))
        raise Refused(Reason.UNSUPPORTED_TOKEN, hint="Its key manager is asked about it: a TokenValidator does that.")

    def issuer_of(
        self, claims: dict[str, Any], table: Table, organization: str | None, within: Within
    ) -> IssuerState | None:
        """
        Return who answers for a JWT by its issuer, None if nobody does.

        Raises:
            Refused: It is not one of those that are asked for.
        """
        issuer: Any = claims.get("iss")
        state = table.find(organization, issuer) if issuer.__class__ is str else None
        if state is not None and within is not None and state.manager.name not in within:
            raise Refused(Reason.WRONG_KEY_MANAGER, expected=within, got=state.manager.name)
        return state

    async def _verify(
        self, jwt: Jwt, claims: dict[str, Any], state: IssuerState, organization: str | None, ports: Ports
    ) -> VerifiedToken:
        try:
            state.rules.check_foreign_audience(claims)
            binding = await self._find(jwt, claims["iss"], state, organization, ports)
            header = binding.header
            note(ports, "key", "one of its own", kid=binding.key.kid, algorithm=header.alg, typ=header.type)
            if not binding.is_good(jwt.signature, jwt.signing_input):
                raise Refused(Reason.BAD_SIGNATURE)  # noqa: TRY301  # told with the key manager's name, like the others
            note(ports, "signature", "good")
            state.rules.check(claims, ports.clock.wall(), binding.header.type)
            note(ports, "claims", "as they must be", **_shown(claims))
        except Refused as refused:
            refused.told(state.manager.name, state.rules.profile.explain(refused, claims))
            note(ports, "verification", refused.reason.sentence, ok=False)
            raise
        self._routes.learn(jwt, claims, binding, self._registry.table.whose(organization))
        starts_at = max(claims.get("nbf", 0), claims.get("iat", 0))
        return VerifiedToken(claims["exp"], starts_at, binding, jwt.unverified_payload)

    async def _find(self, jwt: Jwt, issuer: str, state: IssuerState, organization: str | None, ports: Ports) -> Binding:
        """Return how the token is verified: as one with the same header was, or by a look at it."""
        known = self._routes.find(jwt, issuer, self._registry.table.whose(organization))
        if known is not None and known.state is state and known.stands(ports):
            return known
        header = parse_header(jwt)
        _check_header(header, state)
        key, key_set = await find_key(header, issuer, state.manager, state.source, ports)
        return Binding.of(state, issuer, header, key, key_set)


def _digest_of(jwt: Jwt) -> bytes:
    """Return the `signed_digest` of a JWT that was taken apart already, and is not put together for that."""
    return sha256(jwt.signing_input).digest()


def _who_answers(state: IssuerState | None) -> tuple[str]:
    if state is None:
        return ("none answers for this issuer",)
    how = "verified with its keys" if state.manager.self_validate_jwt else "it is asked about its JWTs"
    return (f"{state.manager.name}: its issuer is exactly that of the token; {how}",)


def _shown(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: claims[name] for name in _SHOWN if name in claims}


def _check_header(header: Header, state: IssuerState) -> None:
    if not state.shapes.get(header.alg):
        raise Refused(Reason.ALGORITHM_NOT_ALLOWED, claim="alg", expected=tuple(state.shapes), got=header.alg)
    state.manager.token_kinds.check_header(header.type)
