"""
The key managers a gateway knows, keyed by issuer.

Rules kept here: an issuer is an opaque string and is matched exactly; two key managers of one issuer
or one name are a configuration error; an unknown issuer is refused without a network call. What a configuration opts
out of is logged once, when it is registered.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kmvalidate.discovery import default_transport
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.flights import Flights
from kmvalidate.issuer_state import IssuerState
from kmvalidate.key_manager import KeyManager
from kmvalidate.ports import BlockingPorts, SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.ports import Clock, Transport

_log = logging.getLogger("kmvalidate.registry")
logging.getLogger("kmvalidate").addHandler(logging.NullHandler())


class KeyManagerRegistry:
    """
    The key managers whose tokens are accepted.

    Args:
        managers: The key managers.

        transport: What fetches their keys; by default `kmvalidate.transport.RequestsTransport`.

        clock: What tells the time; by default this machine's clocks.

    Raises:
        ConfigurationError: Two of them have the same issuer or the same name; both are named. Or the transport is
            async.
    """

    def __init__(
        self,
        managers: Iterable[KeyManager],
        *,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        if transport is not None:
            _check_transport(transport)
        self.ports = BlockingPorts(transport or default_transport(), clock or SystemClock())
        self.states: Mapping[str, IssuerState] = _by_issuer(managers)

    @property
    def managers(self) -> tuple[KeyManager, ...]:
        """The key managers, in the order in which they were given."""
        return tuple(state.manager for state in self.states.values())

    def unknown(self, issuer: object) -> Refused:
        """Return why a token is refused whose ``iss`` is none of `states`: missing, no string, or nobody's."""
        if issuer is None:
            return Refused(Reason.MISSING_CLAIM, claim="iss")
        if not isinstance(issuer, str):
            return Refused(Reason.INVALID_CLAIM, claim="iss", expected="a string", got=issuer)
        return Refused(Reason.UNKNOWN_ISSUER, claim="iss", got=issuer, hint=self._near_miss(issuer))

    def _near_miss(self, issuer: str) -> str | None:
        for other in (issuer + "/", issuer.removesuffix("/")):
            if other in self.states:
                return "A key manager is configured for it with a trailing slash more or less; issuers match exactly."
        return None


def _check_transport(transport: object) -> None:
    send = getattr(transport, "send", None)
    if isinstance(transport, type) or not callable(send):
        raise ConfigurationError("a transport is an object with a method send")
    if inspect.iscoroutinefunction(send):
        raise ConfigurationError("a transport whose send is async cannot serve blocking callers")


def _by_issuer(managers: Iterable[KeyManager]) -> dict[str, IssuerState]:
    flights = Flights()
    states: dict[str, IssuerState] = {}
    names: dict[str, KeyManager] = {}
    if not isinstance(managers, Iterable):
        raise ConfigurationError("a registry is made of several key managers, in a list")
    for manager in managers:
        if not isinstance(manager, KeyManager):
            raise ConfigurationError(f"a registry holds key managers, not {type(manager).__name__}")
        if manager.name in names:
            raise ConfigurationError(f"two key managers are named {manager.name!r}")
        if manager.issuer in states:
            other = states[manager.issuer].manager.name
            raise ConfigurationError(f"key managers {other!r} and {manager.name!r} have the same issuer")
        for waiver in manager.waivers():
            _log.warning("key manager %s: %s", manager.name, waiver)
        names[manager.name] = manager
        states[manager.issuer] = IssuerState.of(manager, flights)
    return states
