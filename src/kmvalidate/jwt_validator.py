"""
The JWT half of verification: from a well-formed JWT to a `VerifiedToken`.

Rules kept here: the issuer in the token chooses among configured key managers and decides nothing else; the signature
is verified with that issuer's own key before anything the token says is believed; the issuer is compared again
afterwards. How a header segment is verified is remembered with the key set it was resolved in, and only after a
signature was good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from kmvalidate.errors import Reason, Refused
from kmvalidate.ports import run
from kmvalidate.signatures import verifier
from kmvalidate.tokens import (
    DEFAULT_MAX_TOKEN_BYTES,
    Header,
    Jwt,
    VerifiedToken,
    checked_max_bytes,
    parse_header,
    recognise,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.key_cache import Snapshot
    from kmvalidate.ports import BlockingPorts, Ports

_MAX_BINDINGS = 128


class Binding(msgspec.Struct, frozen=True, gc=False):
    """How tokens with one header segment are verified."""

    is_good: Callable[[bytes, bytes], bool]
    key_id: str | None


class Issuers(Protocol):
    """What JWTs are verified against: a `KeyManagerRegistry`."""

    ports: BlockingPorts
    states: Mapping[str, IssuerState]

    def unknown(self, issuer: object) -> Refused:
        """Return why a token is refused whose issuer is none of `states`."""
        ...  # pragma: no cover


class JwtValidator:
    """
    Verifies the JWTs of many issuers, each with its own keys. `TokenValidator` is built of it; it is useful alone.

    Args:
        registry: The key managers.

        max_token_bytes: The largest token looked at, in bytes.
    """

    def __init__(self, registry: Issuers, *, max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> None:
        self._registry = registry
        self._max_token_bytes = checked_max_bytes(max_token_bytes)

    def validate(self, token: str) -> VerifiedToken:
        """
        Verify a JWT.

        Args:
            token: The JWT in its compact form.

        Raises:
            Refused: It is not good; `Refused.reason` says why.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
        """
        jwt = recognise(token, self._max_token_bytes)
        if not isinstance(jwt, Jwt):
            raise Refused(Reason.OPAQUE_TOKEN)
        ports = self._registry.ports
        return self.verify_now(jwt, ports) or run(self.verify(jwt, ports))

    def verify_now(self, jwt: Jwt, ports: Ports) -> VerifiedToken | None:
        """
        Verify a JWT if everything needed is at hand: plain code, without I/O and without a coroutine.

        Returns:
            What was proved; None if that takes a look at the header or at keys that are not here (`verify`).

        Raises:
            Refused: It is not good.
        """
        state = self._state(jwt)
        snapshot = state.source.ready(ports)
        binding = None if snapshot is None else snapshot.bindings.get(jwt.header_segment)
        return None if binding is None else _prove(jwt, state, binding, ports)

    async def verify(self, jwt: Jwt, ports: Ports) -> VerifiedToken:
        """
        Verify a JWT, whatever it takes; *ports* are the caller's.

        Raises:
            Refused: It is not good.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
        """
        state = self._state(jwt)
        try:
            header = parse_header(jwt)
            shapes = _checked_shapes(header, state)
            snapshot, binding = await _find_key(header, shapes, state, ports)
        except Refused as refused:
            refused.key_manager = state.manager.name
            raise
        verified = _prove(jwt, state, binding, ports)
        _remember(snapshot.bindings, jwt.header_segment, binding)
        return verified

    def _state(self, jwt: Jwt) -> IssuerState:
        issuer: Any = jwt.unverified_claims.get("iss")
        state = self._registry.states.get(issuer) if issuer.__class__ is str else None
        if state is None:
            raise self._registry.unknown(issuer)
        return state


def _prove(jwt: Jwt, state: IssuerState, binding: Binding, ports: Ports) -> VerifiedToken:
    claims, manager = jwt.unverified_claims, state.manager
    try:
        if not binding.is_good(jwt.signature, jwt.signing_input):
            raise Refused(Reason.BAD_SIGNATURE)  # noqa: TRY301  # told with the key manager's name, like the claims
        state.rules.check(claims, ports.clock.wall())
    except Refused as refused:
        refused.key_manager = manager.name
        raise
    return VerifiedToken(manager.name, manager.issuer, binding.key_id, claims["exp"], claims, state.rules)


async def _find_key(
    header: Header, shapes: tuple[str, ...], state: IssuerState, ports: Ports
) -> tuple[Snapshot, Binding]:
    snapshot = state.source.ready(ports) or await state.source.wait(ports)
    binding = _bind(header, shapes, snapshot)
    if binding is None:
        snapshot = await state.source.newer(snapshot, ports)
        binding = _bind(header, shapes, snapshot)
    if binding is None:
        raise Refused(Reason.UNKNOWN_KEY, claim="kid", got=header.key_name)
    return snapshot, binding


def _checked_shapes(header: Header, state: IssuerState) -> tuple[str, ...]:
    shapes = state.shapes.get(header.alg, ())
    if not shapes:
        raise Refused(Reason.ALGORITHM_NOT_ALLOWED, claim="alg", expected=tuple(state.shapes), got=header.alg)
    state.manager.token_kinds.check_header(header.type)
    return shapes


def _bind(header: Header, shapes: tuple[str, ...], snapshot: Snapshot) -> Binding | None:
    key = snapshot.key_set.find(header, shapes)
    return None if key is None else Binding(verifier(header.alg, key), key.kid)


def _remember(bindings: dict[str, Any], segment: str, binding: Binding) -> None:
    """Header segments repeat; a provider that makes each one unique must not make this grow."""
    if len(bindings) >= _MAX_BINDINGS:
        bindings.clear()
    bindings[segment] = binding
