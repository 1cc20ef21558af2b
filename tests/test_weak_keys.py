"""Well-formed keys that are worth nothing, checked against arithmetic of our own on both Edwards curves."""

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa

from kmvalidate import weak_keys
from kmvalidate.weak_keys import is_roca, is_small_order_ed448, is_small_order_ed25519

P25519 = 2**255 - 19
P448 = 2**448 - 2**224 - 1


class Curve:
    """An Edwards curve a x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 sections 5.1 and 5.2), by the textbook."""

    def __init__(self, p, a, d, cofactor, size):
        self.p, self.a, self.d, self.cofactor, self.size = p, a % p, d % p, cofactor, size

    def root(self, square):
        """Return a square root modulo p, None if there is none."""
        if self.p % 4 == 3:
            root = pow(square, (self.p + 1) // 4, self.p)
        else:
            root = pow(square, (self.p + 3) // 8, self.p)
            if root * root % self.p != square % self.p:
                root = root * pow(2, (self.p - 1) // 4, self.p) % self.p
        return root if root * root % self.p == square % self.p else None

    def points(self, y):
        """Return the points with that y."""
        numerator, denominator = 1 - y * y, self.a - self.d * y * y
        x = self.root(numerator * pow(denominator, -1, self.p) % self.p)
        return set() if x is None else {(x, y % self.p), (-x % self.p, y % self.p)}

    def add(self, one, other):
        """Return the sum of two points."""
        (x1, y1), (x2, y2) = one, other
        product = self.d * x1 * x2 * y1 * y2 % self.p
        x = (x1 * y2 + y1 * x2) * pow(1 + product, -1, self.p)
        y = (y1 * y2 - self.a * x1 * x2) * pow(1 - product, -1, self.p)
        return x % self.p, y % self.p

    def is_torsion(self, point):
        """Tell whether the cofactor times the point is the neutral element."""
        multiple = (0, 1)
        for _ in range(self.cofactor):
            multiple = self.add(multiple, point)
        return multiple == (0, 1)

    def encode(self, point):
        """Return the canonical encoding."""
        x, y = point
        return (y | (x & 1) << (8 * self.size - 1)).to_bytes(self.size, "little")


ED25519 = Curve(P25519, -1, -121665 * pow(121666, -1, P25519), 8, 32)
ED448 = Curve(P448, 1, -39081, 4, 57)


def torsion_by_search(curve):
    """Return all points of small order: what the rest of a point is once its part of large order is multiplied away."""
    large_order = {8: 2**252 + 27742317777372353535851937790883648493}.get(
        curve.cofactor, 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885
    )
    found, y = set(), 2
    while len(found) < curve.cofactor:
        for point in curve.points(y):
            multiple, power = (0, 1), point
            for bit in bin(large_order)[:1:-1]:
                multiple = curve.add(multiple, power) if bit == "1" else multiple
                power = curve.add(power, power)
            found.add(multiple)
        y += 1
    return found


TORSION_25519 = torsion_by_search(ED25519)
TORSION_448 = torsion_by_search(ED448)


def test_the_search_finds_the_whole_torsion_group():
    """There are eight points of small order on edwards25519 and four on edwards448, and the cofactor kills each."""
    assert len(TORSION_25519) == 8
    assert len(TORSION_448) == 4
    assert all(ED25519.is_torsion(point) for point in TORSION_25519)
    assert all(ED448.is_torsion(point) for point in TORSION_448)


def test_the_listed_coordinates_are_those_of_the_torsion_points():
    """The constants are exactly the y of the points found by search, no more and no fewer."""
    assert {y for _, y in TORSION_25519} == weak_keys._SMALL_ORDER_25519
    assert {y for _, y in TORSION_448} == weak_keys._SMALL_ORDER_448


@pytest.mark.parametrize("point", sorted(TORSION_25519), ids=range(8))
def test_each_ed25519_point_of_small_order_is_found(point):
    """Each of the eight points is found by its canonical encoding, with either sign bit."""
    encoded = ED25519.encode(point)
    assert is_small_order_ed25519(encoded)
    assert is_small_order_ed25519(encoded[:31] + bytes([encoded[31] ^ 0x80]))


@pytest.mark.parametrize("point", sorted(TORSION_448), ids=range(4))
def test_each_ed448_point_of_small_order_is_found(point):
    """Each of the four points is found by its canonical encoding, with either sign bit."""
    encoded = ED448.encode(point)
    assert is_small_order_ed448(encoded)
    assert is_small_order_ed448(encoded[:56] + bytes([encoded[56] ^ 0x80]))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("beyond", range(19))
def test_every_non_canonical_ed25519_encoding_is_found(beyond, sign):
    """All 38 encodings with y from p to 2^255 - 1 are refused; those of p and p + 1 are points of small order."""
    encoded = (P25519 + beyond | sign << 255).to_bytes(32, "little")
    assert is_small_order_ed25519(encoded)


@pytest.mark.parametrize("y", [P448, P448 + 1, P448 + 2, P448 + 2**223, 2**448 - 1])
@pytest.mark.parametrize("last", [0, 0x80])
def test_non_canonical_ed448_encodings_are_found(y, last):
    """An encoding with y not below p is refused, with either sign bit."""
    assert is_small_order_ed448(y.to_bytes(56, "little") + bytes([last]))


@pytest.mark.parametrize("last", [1, 2, 0x40, 0x7F, 0x81, 0xFF])
def test_ed448_encodings_with_other_bits_in_the_last_octet_are_found(last):
    """Beside the sign, the last octet of an Ed448 point is zero (RFC 8032 section 5.2.2)."""
    good = ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw()
    assert not is_small_order_ed448(good)
    assert is_small_order_ed448(good[:56] + bytes([last]))


def test_one_signature_fits_every_message_under_a_point_of_small_order():
    """The danger is real: cryptography accepts one constant signature for any message under the neutral element."""
    neutral = ED25519.encode((0, 1))
    public_key = ed25519.Ed25519PublicKey.from_public_bytes(neutral)
    constant = neutral + bytes(32)
    assert public_key.verify(constant, b"one") is None
    assert public_key.verify(constant, b"another") is None


@pytest.mark.parametrize("_", range(20))
def test_ordinary_edwards_keys_are_not_suspected(_):
    """Freshly made Ed25519 and Ed448 keys pass."""
    assert not is_small_order_ed25519(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert not is_small_order_ed448(ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw())


@pytest.mark.parametrize("y", [2, 3, 9, P25519 - 2, 2**254])
def test_neighbours_of_the_listed_points_are_not_suspected(y):
    """A y next to a listed one, or of any other value below p, passes."""
    assert not is_small_order_ed25519(y.to_bytes(32, "little"))
    assert not is_small_order_ed448(y.to_bytes(57, "little"))


def roca_prime_like(product, exponent, factor):
    """Return a number of the form k * M + (65537^a mod M), which primes of CVE-2017-15361 have."""
    return factor * product + pow(65537, exponent, product)


def test_a_modulus_of_roca_primes_is_found():
    """A product of two numbers of ROCA's form is found, whatever their exponents."""
    product = math.prod(weak_keys._ROCA_PRIMES)
    for exponent in (0, 1, 77, 12345):
        n = roca_prime_like(product, exponent, 2**930 + 5) * roca_prime_like(product, 3 * exponent + 1, 2**931 + 9)
        assert is_roca(n)


@pytest.mark.parametrize("prime", weak_keys._ROCA_PRIMES)
def test_a_modulus_is_cleared_by_any_one_residue(prime):
    """One residue that is no power of 65537 clears a modulus: each of the primes is looked at."""
    product = math.prod(weak_keys._ROCA_PRIMES)
    n = roca_prime_like(product, 5, 2**1900)
    others = product // prime
    foreign = next(r for r in range(prime) if r not in {pow(65537, e, prime) for e in range(prime)})
    shifted = next(n + k * others for k in range(prime) if (n + k * others) % prime == foreign)
    assert is_roca(n)
    assert not is_roca(shifted)


def test_a_random_modulus_is_rarely_suspected():
    """The share of residues that pass is what the docstring says, one in 2^27 or less, and real keys pass the test."""
    share = math.prod(len(powers) / (prime - 1) for prime, powers in weak_keys._ROCA_RESIDUES)
    assert -28 < math.log2(share) < -26
    assert not is_roca(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n)
