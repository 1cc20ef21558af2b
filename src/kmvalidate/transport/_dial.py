"""
From a host name to a connected socket.

Rules kept here:

- A name is looked up on a daemon thread of its own, since `socket.getaddrinfo` cannot be interrupted: when the
  deadline comes first, the thread is left behind and ends with the resolver's own time-out. So one that hangs takes
  no place in a pool, such as the event loop's, from which others want their names.
- Addresses that must not be connected to are passed over before connecting, and the connected socket is asked for
  its peer once more before anything is sent, TLS included: what counts is where we are, not what a name said.
- One address that swallows packets does not use up the time of the others: each gets its share of what is left.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from kmvalidate.transport._addresses import may_connect
from kmvalidate.transport._guard import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.ports import Network
    from kmvalidate.transport._waits import Waits

    _Found = tuple[socket.AddressFamily, str, tuple[object, ...]]
    _Acceptable = Callable[[object], bool]


async def dial(host: str, port: int, network: Network, waits: Waits) -> socket.socket:
    """
    Return a socket that is connected to *host*.

    Args:
        host: A host name or an IP address; the latter may be in brackets.

        port: The port.

        network: Which addresses will do. With a proxy it is the host, and every address will: the operator named it,
            and it does the connecting.

        waits: How the exchange waits.

    Raises:
        Refusal: There is no address, none that may be connected to, or no time.

        OSError: None of the addresses answers.
    """

    def acceptable(address: object) -> bool:
        return network.proxy is not None or may_connect(address, private_addresses=network.private_addresses)

    found = [one for one in await _look_up(host.strip("[]"), port, waits) if acceptable(one[1])]
    if not found:
        raise Refusal(
            "the host has no address that may be connected to (private ones: Network(private_addresses=True))"
        )
    sock = await _first_connected(found, waits)
    try:
        _check_peer(sock, acceptable)
    except BaseException:
        sock.close()
        raise
    return sock


async def _look_up(host: str, port: int, waits: Waits) -> list[_Found]:
    answer: Future[list[_Found] | str] = Future()
    answer.set_running_or_notify_cancel()  # whoever gives up waiting leaves it to the thread
    threading.Thread(
        target=lambda: answer.set_result(_resolved(host, port)), name="kmvalidate-dns", daemon=True
    ).start()
    try:
        found = await waits.joined(answer)
    except TimeoutError:
        found = "the host name was not looked up within the deadline"
    if isinstance(found, str):
        raise Refusal(found)
    return found


def _resolved(host: str, port: int) -> list[_Found] | str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001  # no thread may end without an answer
        return f"the host name cannot be looked up ({type(error).__name__})"
    return [(family, str(sockaddr[0]), sockaddr) for family, _, _, _, sockaddr in found]


async def _first_connected(found: list[_Found], waits: Waits) -> socket.socket:
    for others, (family, _, sockaddr) in zip(range(len(found) - 1, 0, -1), found, strict=False):
        try:
            return await _connected(family, sockaddr, waits, waits.guard.remaining_s() / (others + 1))
        except OSError:
            continue
    family, _, sockaddr = found[-1]
    return await _connected(family, sockaddr, waits, waits.guard.remaining_s())


async def _connected(
    family: socket.AddressFamily, sockaddr: tuple[object, ...], waits: Waits, timeout_s: float
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await waits.connect(sock, sockaddr, timeout_s)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_peer(sock: socket.socket, acceptable: _Acceptable) -> None:
    if not acceptable(sock.getpeername()[0]):
        raise Refusal("the connection ended up at an address that may not be connected to")
