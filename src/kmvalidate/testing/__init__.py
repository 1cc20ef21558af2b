"""
What a test needs in place of an identity provider: providers of every kind, on this machine or in process.

Rules kept here: nothing leaves the loopback interface, nothing is written to stderr, and whatever is started ends with
``close()``. Keys are made anew each time and are worth nothing outside a test.
"""

from kmvalidate.testing._faults import FAULTS, INTROSPECTION_FAULTS
from kmvalidate.testing._jose import SigningKey, tampered
from kmvalidate.testing._kind import LookAlike, ProviderKind
from kmvalidate.testing._laws import ProviderLaws
from kmvalidate.testing._local_issuer import LocalIssuer
from kmvalidate.testing._simulated import SimulatedProvider
from kmvalidate.testing._simulated_network import SimulatedNetwork
from kmvalidate.testing._virtual_clock import VirtualClock
from kmvalidate.testing._wish import Wish

__all__ = [
    "FAULTS",
    "INTROSPECTION_FAULTS",
    "LocalIssuer",
    "LookAlike",
    "ProviderKind",
    "ProviderLaws",
    "SigningKey",
    "SimulatedNetwork",
    "SimulatedProvider",
    "VirtualClock",
    "Wish",
    "tampered",
]
