"""
Which addresses may be connected to.

Rules kept here:

- An address is globally routable, or private (only for those who opted in), or never connected to. What is in no
  table below is never connected to.
- The tables are IANA's special-purpose registries, written out: `ipaddress.is_global` says different things in
  different versions of Python.
- An IPv6 address that leads to an IPv4 address is as good as that IPv4 address.
- The metadata services of clouds hand out credentials, so they are refused whatever was opted into, also those
  which lie in private or in public ranges.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class Reach(enum.Enum):
    """From where an address can be reached, as far as connecting to it is concerned."""

    GLOBAL = "global"
    PRIVATE = "private"
    NEVER = "never"


_METADATA = frozenset(
    ip_address(known)
    for known in (
        "169.254.169.254",  # AWS, Azure, Google and most others; link-local besides
        "100.100.100.200",  # Alibaba, in the shared range
        "168.63.129.16",  # Azure's wire server, in a public range
        "fd00:ec2::254",  # AWS, in a private range
        "fd20:ce::254",  # Google, in a private range
    )
)

_PRIVATE_4 = tuple(
    map(
        IPv4Network,
        (
            "10.0.0.0/8",  # RFC 1918
            "172.16.0.0/12",  # RFC 1918
            "192.168.0.0/16",  # RFC 1918
            "127.0.0.0/8",  # loopback, RFC 1122 section 3.2.1.3
            "100.64.0.0/10",  # shared with a carrier, RFC 6598
            "198.18.0.0/15",  # benchmarks, RFC 2544; used as a private range by many
        ),
    )
)

_NEVER_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, unspecified: Linux takes 0.0.0.0 for loopback
            "169.254.0.0/16",  # link-local, RFC 3927
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and the broadcast address
        ),
    )
)

_PRIVATE_6 = (
    IPv6Network("::1/128"),  # loopback
    IPv6Network("fc00::/7"),  # unique local, RFC 4193
)

# Global unicast is 2000::/3 alone (RFC 4291 section 2.4). What is outside of it, such as link-local, multicast,
# unspecified, IPv4-compatible and 64:ff9b:1::/48 (NAT64 with an IPv4 address at places of its own), is left out.
_GLOBAL_6 = IPv6Network("2000::/3")

_NEVER_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo (2001::/32) among them
            "2001:db8::/32",  # documentation, RFC 3849
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1


def may_connect(address: object, *, private_addresses: bool = False) -> bool:
    """
    Return whether *address* may be connected to.

    Args:
        address: An IP address as `socket` writes it. Anything else may not be connected to.

        private_addresses: Whether private addresses may be.
    """
    reached = reach(address)
    return reached is Reach.GLOBAL or (private_addresses and reached is Reach.PRIVATE)


def reach(address: object) -> Reach:
    """Return from where *address* can be reached."""
    try:
        known = ip_address(str(address))
    except ValueError:
        return Reach.NEVER
    return _reach_4(known) if isinstance(known, IPv4Address) else _reach_6(known)


def _reach_4(address: IPv4Address) -> Reach:
    if address in _METADATA or any(address in network for network in _NEVER_4):
        return Reach.NEVER
    return Reach.PRIVATE if any(address in network for network in _PRIVATE_4) else Reach.GLOBAL


def _reach_6(address: IPv6Address) -> Reach:
    bare = IPv6Address(int(address))  # without a scope such as %eth0, which takes part in comparisons
    behind = bare.ipv4_mapped or bare.sixtofour or _behind_nat64(bare)
    if behind is not None:
        return _reach_4(behind)
    if bare in _METADATA or any(bare in network for network in _NEVER_6):
        return Reach.NEVER
    if any(bare in network for network in _PRIVATE_6):
        return Reach.PRIVATE
    return Reach.GLOBAL if bare in _GLOBAL_6 else Reach.NEVER


def _behind_nat64(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
