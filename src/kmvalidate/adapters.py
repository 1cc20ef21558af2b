"""
Transports as they are brought, plain or async, made ready for callers of both kinds.

Rules kept here: what cannot be adapted is refused when it is handed over. asyncio is imported for those who use it.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_async

if TYPE_CHECKING:
    from kmvalidate.asyncio_ports import AsyncioPorts
    from kmvalidate.ports import AsyncTransport, BlockingPorts, Transport


def blocking_transport(given: Transport | AsyncTransport | None, other: Transport | AsyncTransport | None) -> Transport:
    """
    Return what exchanges for blocking callers: *given*, or else *other*, or else our own.

    Raises:
        ConfigurationError: One of them is no transport.
    """
    for transport in (given, other):
        if transport is not None:
            _check(transport)
    chosen = given if given is not None else other
    if chosen is None:
        from kmvalidate.transport import RequestsTransport  # noqa: PLC0415  # brings an HTTP client

        return RequestsTransport()
    if is_async(chosen.send):
        from kmvalidate.asyncio_ports import OnOwnLoop  # noqa: PLC0415  # brings asyncio

        return OnOwnLoop(cast("AsyncTransport", chosen))
    return cast("Transport", chosen)


def prepare(transport: Transport) -> None:
    """Let a transport of ours import what it takes to send; in a flight of its own thread a fork could come between."""
    codecs.lookup("unicode_escape")  # imported when it is first used: to name what cannot be used of an answer
    chosen: Any = getattr(transport, "transport", transport)
    if type(chosen).__module__.startswith("kmvalidate.transport."):
        chosen.prepare()


def asyncio_ports(chosen: Transport | AsyncTransport | None, background: BlockingPorts) -> AsyncioPorts:
    """
    Return the ports of asyncio callers.

    Args:
        chosen: What exchanges for them; by default our own over httpx2, or that of *background* where it is missing.

        background: The ports of blocking callers.
    """
    from kmvalidate.asyncio_ports import AsyncioPorts, OnThreads  # noqa: PLC0415  # brings asyncio

    if chosen is not None and is_async(chosen.send):
        return AsyncioPorts(cast("AsyncTransport", chosen), background)
    if chosen is None:
        with suppress(ConfigurationError):  # without httpx2 the other one does
            from kmvalidate.transport import HttpxTransport  # noqa: PLC0415  # brings an HTTP client

            return AsyncioPorts(HttpxTransport(), background)
    return AsyncioPorts(
        OnThreads(cast("Transport", chosen) if chosen is not None else background.transport), background
    )


def _check(transport: object) -> None:
    if isinstance(transport, type) or not callable(getattr(transport, "send", None)):
        raise ConfigurationError("a transport is an object with a method send")
