"""
What a test needs in place of an identity provider: an issuer of its own, on this machine.

Rules kept here: nothing leaves the loopback interface, nothing is written to stderr, and whatever is started ends with
`LocalIssuer.close`. Keys are made anew each time and are worth nothing outside a test.
"""

from kmvalidate.testing._jose import SigningKey, tampered
from kmvalidate.testing._local_issuer import LocalIssuer

__all__ = ["LocalIssuer", "SigningKey", "tampered"]
