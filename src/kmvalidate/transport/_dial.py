"""
From a host name to a connected socket.

Rules kept here:

- A name is looked up on a daemon thread of its own, since `socket.getaddrinfo` cannot be interrupted: when the
  deadline comes first, the thread is left behind and ends with the resolver's own time-out.
- Addresses that must not be connected to are passed over before connecting, and the connected socket is asked for
  its peer once more before anything is sent, TLS included: what counts is where we are, not what a name said.
- One address that swallows packets does not use up the time of the others: each gets its share of what is left.
"""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING

from kmvalidate.transport._addresses import may_connect
from kmvalidate.transport._guard import Guard, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    _Found = tuple[socket.AddressFamily, str, tuple[object, ...]]
    _Acceptable = Callable[[object], bool]


def dial(host: str, port: int, guard: Guard, *, anywhere: bool, private_addresses: bool) -> socket.socket:
    """
    Return a socket that is connected to *host*, armed with what is left of the deadline.

    Args:
        host: A host name or an IP address, without brackets.

        port: The port.

        guard: The guard of the exchange.

        anywhere: Whether every address will do: the host is the operator's own proxy.

        private_addresses: Whether private addresses will.

    Raises:
        Refusal: There is no address, none that may be connected to, or no time.

        OSError: None of the addresses answers.
    """

    def acceptable(address: object) -> bool:
        return anywhere or may_connect(address, private_addresses=private_addresses)

    found = [one for one in _look_up(host, port, guard) if acceptable(one[1])]
    if not found:
        raise Refusal(
            "the host has no address that may be connected to (private ones: Network(private_addresses=True))"
        )
    sock = _first_connected(found, guard)
    try:
        _check_peer(sock, acceptable)
        guard.arm(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _look_up(host: str, port: int, guard: Guard) -> list[_Found]:
    answer: queue.SimpleQueue[list[_Found] | str] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_resolved(host, port)), name="kmvalidate-dns", daemon=True).start()
    try:
        found = answer.get(timeout=guard.remaining_s())
    except queue.Empty:
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


def _first_connected(found: list[_Found], guard: Guard) -> socket.socket:
    for others, (family, _, sockaddr) in zip(range(len(found) - 1, 0, -1), found, strict=False):
        try:
            return _connected(family, sockaddr, guard.remaining_s() / (others + 1))
        except OSError:
            continue
    family, _, sockaddr = found[-1]
    return _connected(family, sockaddr, guard.remaining_s())


def _connected(family: socket.AddressFamily, sockaddr: tuple[object, ...], timeout_s: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_peer(sock: socket.socket, acceptable: _Acceptable) -> None:
    if not acceptable(sock.getpeername()[0]):
        raise Refusal("the connection ended up at an address that may not be connected to")
