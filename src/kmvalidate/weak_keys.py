"""
Public keys that are well-formed and still worth nothing.

Rules kept here: a modulus with the structure of CVE-2017-15361 (ROCA) can be factored; an Ed25519 or Ed448 point of
small order lets one signature fit every message (RFC 8032 says nothing against it), and so may a point whose encoding
is not canonical. Plain arithmetic over public values.
"""

from __future__ import annotations

#: Small primes by which the residues of a ROCA modulus are powers of 65537, as few of all residues are.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_GENERATOR = 65537


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_ROCA_GENERATOR, exponent, prime) for exponent in range(prime - 1))


_ROCA_RESIDUES = tuple((prime, _powers(prime)) for prime in _ROCA_PRIMES)

_P25519 = 2**255 - 19
_P448 = 2**448 - 2**224 - 1
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # y of two points; of two more it is -y
_SMALL_ORDER_25519 = frozenset({0, 1, _P25519 - 1, _ORDER_8, _P25519 - _ORDER_8})
_SMALL_ORDER_448 = frozenset({0, 1, _P448 - 1})


def is_roca(modulus: int) -> bool:
    """Tell whether an RSA modulus has the ROCA structure (a random one has it in about one of 2^27 cases)."""
    return all(modulus % prime in powers for prime, powers in _ROCA_RESIDUES)


def is_small_order_ed25519(point: bytes) -> bool:
    """Tell whether the 32 bytes encode one of the eight points of small order, or no canonical point at all."""
    y = int.from_bytes(point, "little") & (2**255 - 1)
    return y >= _P25519 or y in _SMALL_ORDER_25519


def is_small_order_ed448(point: bytes) -> bool:
    """Tell whether the 57 bytes encode one of the four points of small order, or no canonical point at all."""
    y = int.from_bytes(point[:56], "little")
    return y >= _P448 or y in _SMALL_ORDER_448 or point[56] & 0x7F != 0
