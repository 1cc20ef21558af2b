"""Which addresses may be connected to, as a table."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.transport._addresses import Reach, may_connect, reach

GLOBAL = """
    8.8.8.8 93.184.215.14 172.15.255.255 172.32.0.0 100.63.255.255 100.128.0.0 11.0.0.0 223.255.255.255 192.0.1.0
    2606:2800:21f:cb07:6820:80da:af6b:8b2c 2a00:1450:4001:830::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1
"""
PRIVATE = """
    10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1 127.255.255.255 100.64.0.1 198.18.0.1 ::1 fc00::1
    fdff::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::192.168.0.1 2002:7f00:1:: 2002:a00:1::1
"""
NEVER = """
    0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.0.0.1
    192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 100.100.100.200 168.63.129.16
    :: fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ::127.0.0.1 ::8.8.8.8 2001::1 2001:0:7f00:1::1 2001:db8::1
    3fff::1 64:ff9b:1::a00:1 100::1 5f00::1 4000::1 fd00:ec2::254 fd20:ce::254 fd00:ec2::254%eth0
    ::ffff:0.0.0.0 ::ffff:169.254.169.254 64:ff9b::169.254.169.254 2002:a9fe:a9fe::1 2002:e000:1::
"""


@pytest.mark.parametrize("address", GLOBAL.split())
def test_a_globally_routable_address_may_be_connected_to(address):
    """A globally routable address may be connected to without further ado."""
    assert may_connect(address)


@pytest.mark.parametrize("address", PRIVATE.split())
def test_a_private_address_may_be_connected_to_by_those_who_said_so(address):
    """Loopback, private and shared addresses may be connected to only with private_addresses."""
    assert (may_connect(address), may_connect(address, private_addresses=True)) == (False, True)


@pytest.mark.parametrize("address", NEVER.split())
def test_some_addresses_are_never_connected_to(address):
    """Link-local, multicast, unspecified, reserved and metadata addresses may not be connected to by anybody."""
    assert not may_connect(address, private_addresses=True)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0177.0.0.1", "2130706433", "[::1]", None, 2130706433.5])
def test_what_is_not_an_address_is_never_connected_to(address):
    """What is not an IP address as socket writes it may not be connected to."""
    assert not may_connect(address, private_addresses=True)


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_is_as_good_as_the_ipv4_address_behind_it(address):
    """The mapped, 6to4 and NAT64 forms of an IPv4 address reach as far as the address itself."""
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    sixtofour = ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80)
    nat64 = ipaddress.IPv6Address(f"64:ff9b::{address}")
    assert {reach(mapped), reach(sixtofour), reach(nat64)} == {reach(address)}


@given(st.ip_addresses())
def test_what_python_takes_for_local_is_never_taken_for_global(address):
    """What `ipaddress` calls loopback, private, link-local, multicast, unspecified or reserved is not global here."""
    local = (
        address.is_loopback,
        address.is_private,
        address.is_link_local,
        address.is_multicast,
        address.is_unspecified,
        address.is_reserved,
    )
    # Python calls these private whatever lies behind them.
    wraps = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address in NAT64
    )
    assert wraps or not any(local) or reach(address) is not Reach.GLOBAL


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
