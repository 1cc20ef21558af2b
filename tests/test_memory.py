"""Tokens that were verified, remembered: nothing passes for one of them but itself."""

from base64 import urlsafe_b64decode
from unittest.mock import MagicMock, Mock

import pytest

from kmvalidate import JwtValidator
from tests.estate import Estate, count_signatures, pinned, token_of, told
from tests.signing import b64

_B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

both_ways = pytest.mark.parametrize("whole", [False, True], ids=["digests", "whole tokens"])
BOTH = ["authenticate", "aauthenticate"]


@pytest.fixture
def counted(monkeypatch):
    return count_signatures(monkeypatch)


@both_ways
@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("then", BOTH)
def test_a_remembered_token_is_not_verified_again(counted, whole, first, then):
    """A token that comes again has its signature verified no second time, whoever brings it, and means the same."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    told(getattr(estate.validator, first), bearer)
    for _ in range(3):
        assert told(getattr(estate.validator, then), bearer) == "a"
    again, fresh = estate.validator.authenticate(bearer), JwtValidator(estate.registry).validate(bearer)
    assert counted == ["a", "a"]  # the second by the other validator
    for name in ("claims", "subject", "scopes", "audience", "consumer_key", "expires_at", "issuer", "key_id"):
        assert getattr(again, name) == getattr(fresh, name)


def test_the_jwt_half_remembers_no_token(counted):
    """A JwtValidator alone verifies every signature."""
    check = JwtValidator(Estate(pinned("a")).registry).validate
    assert [told(check, token_of("a", turn=turn // 2)) for turn in range(4)] == ["a"] * 4
    assert len(counted) == 4


@both_ways
def test_a_token_that_differs_in_one_character_is_another(whole):
    """After a token was remembered, none that differs from it in a single character passes, wherever that is."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    assert estate.verdict(bearer) == "a"
    for place in range(0, len(bearer), 3):
        other = "A" if bearer[place] != "A" else "B"
        assert estate.verdict(bearer[:place] + other + bearer[place + 1 :]) != "a"
        assert estate.verdict(bearer[:place] + bearer[place + 1 :]) != "a"
    assert (estate.verdict(bearer), estate.remembered()) == ("a", 1)


@both_ways
def test_another_spelling_of_a_signature_is_another_token(whole):
    """Of the spellings of one signature only the canonical one passes, also when it is remembered."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    assert estate.verdict(bearer) == "a"
    last = _B64.index(bearer[-1])
    for spare in range(1, 16):
        assert estate.verdict(bearer[:-1] + _B64[last + spare]) == "MALFORMED_TOKEN"
    for end in ("=", "==", " ", "\n", "\0", ".", "A"):
        assert estate.verdict(bearer + end) != "a"
    assert estate.verdict(f" {bearer}") != "a"


def test_another_signature_of_the_same_content_is_verified(counted):
    """The other valid form of an ECDSA signature makes another token, which is verified by itself."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    signed, _, signature = bearer.rpartition(".")
    raw = urlsafe_b64decode(signature + "==")
    r, s = raw[:32], int.from_bytes(raw[32:], "big")
    twin = f"{signed}.{b64(r + (_P256_ORDER - s).to_bytes(32, 'big'))}"
    assert estate.verdicts(bearer, twin, bearer, twin) == ["a"] * 4
    assert (len(counted), estate.remembered()) == (2, 2)


def test_a_signature_of_another_token_is_not_believed():
    """The signature of a remembered token under other claims or another header is a bad one."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    assert estate.verdict(bearer) == "a"
    header, payload, signature = bearer.split(".")
    _, other, _ = token_of("a", sub="mallory").split(".")
    for forged in (f"{header}.{other}.{signature}", f"{b64(b'{}')}.{payload}.{signature}"):
        assert estate.verdict(forged) in {"BAD_SIGNATURE", "ALGORITHM_NOT_ALLOWED"}
    assert estate.validator.authenticate(bearer).subject == "alice"


def test_what_identifies_a_token_is_all_of_it(counted):
    """Tokens that share their jti and their subject are remembered apart."""
    estate = Estate(pinned("a"))
    bearers = [token_of("a", jti="same", role=role) for role in ("user", "admin")]
    for _ in range(2):
        assert [estate.validator.authenticate(bearer).claims["role"] for bearer in bearers] == ["user", "admin"]
    assert len(counted) == 2


class Text(str):
    """A string as frameworks have them."""

    __slots__ = ()


class Deceiver(str):
    """A string that says it is a remembered token."""

    __slots__ = ("_of",)

    def __new__(cls, text, of):
        made = super().__new__(cls, text)
        made._of = of
        return made

    def __hash__(self):
        return hash(self._of)

    def __eq__(self, other):
        return True

    def encode(self, *_):
        return self._of.encode()

    def __len__(self):
        return 5


class Unhashable(str):
    """A string that nothing can look up."""

    __slots__ = ()
    __hash__ = None


@both_ways
def test_a_subclass_of_str_is_its_own_text(counted, whole):
    """A str subclass is verified for what its characters are, whatever it says of itself, and never remembered."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    assert estate.verdict(bearer) == "a"
    forged = token_of("a", "attacker")
    assert estate.verdict(Deceiver(forged, bearer)) == "UNKNOWN_KEY"
    assert estate.verdicts(Text(bearer), Unhashable(bearer), Deceiver(bearer, "x")) == ["a"] * 3
    assert (len(counted), estate.remembered()) == (4, 1)


ODD = [
    None,
    5,
    1.5,
    True,
    b"",
    [],
    {},
    object(),
    Mock(spec=str),
    MagicMock(spec=str),
    "",
    "\ud800",
    "é",
    "a" * 20,
    "a.b",
]


@both_ways
@pytest.mark.parametrize("check", BOTH)
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{type(odd).__name__} {ascii(odd)[:8]}")
def test_what_is_no_token_is_refused(odd, check, whole):
    """Whatever comes in place of a token is refused twice, leaves nothing behind and raises nothing else."""
    estate = Estate(pinned("a"), whole=whole)
    found = [told(getattr(estate.validator, check), odd) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0] in {"MALFORMED_TOKEN", "OPAQUE_TOKEN"}
    assert estate.remembered() == 0


@both_ways
def test_a_token_with_something_odd_in_it_is_refused(whole):
    """A remembered token as bytes, or with a character that no token has, is refused."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    assert estate.verdict(bearer) == "a"
    for odd in (
        bearer.encode(),
        bytearray(bearer.encode()),
        [bearer],
        bearer + "\ud800",
        "\udc00" + bearer,
        f"{bearer}é",
    ):
        assert estate.verdict(odd) == "MALFORMED_TOKEN"


@pytest.mark.parametrize("change", [{"exp": 1}, {"aud": "x"}, {"iss": "x"}, {"sub": 5}, {"cnf": {}}], ids=str)
def test_what_is_refused_is_not_remembered(counted, change):
    """A token that was refused leaves nothing behind, and is looked at again each time."""
    estate, bearer = Estate(pinned("a")), token_of("a", **change)
    assert estate.verdict(bearer) == estate.verdict(bearer) != "a"
    assert estate.remembered() == 0
    assert estate.verdict(token_of("a", "attacker")) == "UNKNOWN_KEY"
    assert estate.remembered() == 0
