"""A signed token has one spelling, and whoever changes a character of it changes the verdict (RFC 7515 section 5.2)."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate import Refused
from tests.signing import ALGORITHMS, b64, dumps, good_claims, good_header, reason, spare_token, token, validator

pytestmark = pytest.mark.law

URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CHECK = validator().authenticate
GOOD = {alg: token(alg=alg) for alg in ALGORITHMS}


def refused(changed: str) -> bool:
    try:
        CHECK(changed)
    except Refused:
        return True
    return False


def with_bit_flipped(text: str, segment: int, bit: int) -> str:
    parts = text.split(".")
    raw = bytearray(decoded(parts[segment]))
    raw[bit // 8] ^= 1 << bit % 8
    parts[segment] = b64(bytes(raw))
    return ".".join(parts)


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "==")


class TestEveryBitIsSigned:
    """The signature is over the octets of header and payload, and no bit of either or of itself is free."""

    @pytest.mark.parametrize("segment", [0, 1, 2])
    @pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256", "PS256"])
    def test_every_bit_flip_is_refused(self, alg, segment):
        """Each single bit flipped in header, payload or signature refuses the token."""
        bits = 8 * len(decoded(GOOD[alg].split(".")[segment]))
        assert [bit for bit in range(bits) if not refused(with_bit_flipped(GOOD[alg], segment, bit))] == []

    @given(st.sampled_from(ALGORITHMS), st.integers(0, 2), st.data())
    def test_a_bit_flip_is_refused_for_every_algorithm(self, alg, segment, data):
        """Any bit flipped in any segment refuses the token of any algorithm."""
        assert not refused(GOOD[alg])
        bits = 8 * len(decoded(GOOD[alg].split(".")[segment]))
        assert refused(with_bit_flipped(GOOD[alg], segment, data.draw(st.integers(0, bits - 1))))


class TestEveryCharacterCounts:
    """base64url has no line breaks, white space, padding or other additional characters (RFC 7515 section 2)."""

    @pytest.mark.parametrize("foreign", ["A", "-", ".", "=", " ", "\n", "\0", "+", "/", "é", "\ud800"])
    def test_every_place_is_guarded(self, foreign):
        """A character put in, put over another or taken away, at every place, refuses the token."""
        good = spare_token()
        for place in range(len(good) + 1):
            assert refused(good[:place] + foreign + good[place:])
            over = good[:place] + foreign + good[place + 1 :]
            assert over == good or refused(over)
            assert place == len(good) or refused(good[:place] + good[place + 1 :])

    def test_every_letter_is_guarded(self):
        """Every other letter of the alphabet at every place, last letters with spare bits included, is refused."""
        good = spare_token()
        for place, letter in enumerate(good):
            others = URL_SAFE if place > len(good) - 3 or good[place + 1 : place + 2] in {".", ""} else "Aa0-"
            for other in set(others) - {letter}:
                assert refused(good[:place] + other + good[place + 1 :])

    @given(st.integers(0, 400), st.text(min_size=1, max_size=4), st.integers(0, 4))
    def test_any_splice_is_refused(self, place, text, cut):
        """Any text put in place of any piece of a token refuses it, if it changes it."""
        good = spare_token()
        changed = good[:place] + text + good[place + cut :]
        assert changed == good or refused(changed)

    @given(st.permutations(range(3)), st.sampled_from(ALGORITHMS))
    def test_segments_keep_their_place(self, order, alg):
        """Segments in another order, or of different tokens, are refused."""
        parts = GOOD[alg].split(".")
        changed = ".".join(parts[place] for place in order)
        assert changed == GOOD[alg] or refused(changed)

    @given(st.sampled_from(ALGORITHMS), st.sampled_from(ALGORITHMS), st.integers(0, 2))
    def test_segments_are_not_exchanged(self, one, other, segment):
        """A segment of a token of another algorithm refuses the token, if it differs."""
        parts = GOOD[one].split(".")
        parts[segment] = GOOD[other].split(".")[segment]
        changed = ".".join(parts)
        assert changed == GOOD[one] or refused(changed)


class TestEveryRespellingIsRefused:
    """Names are unique, alg is case-sensitive, and the very octets are signed (RFC 7515 sections 4, 4.1.1, 5.2)."""

    @given(
        st.sampled_from(ALGORITHMS),
        st.integers(0, 1),
        st.sampled_from([{"indent": 1}, {"separators": (", ", ": ")}, {"sort_keys": True}]),
    )
    def test_the_same_json_in_other_words_is_refused(self, alg, segment, how):
        """A header or payload written anew with the same meaning refuses the old signature."""
        parts = GOOD[alg].split(".")
        parts[segment] = b64(json.dumps(json.loads(decoded(parts[segment])), **how).encode())
        changed = ".".join(parts)
        assert changed == GOOD[alg] or refused(changed)

    @given(st.sampled_from(["ES256", "EdDSA", "RS256"]), st.data())
    def test_another_case_of_alg_is_refused_even_signed(self, alg, data):
        """An algorithm in any other case is refused, although the issuer signed it."""
        cases = [data.draw(st.sampled_from([str.lower, str.upper])) for _ in alg]
        name = "".join(case(letter) for case, letter in zip(cases, alg, strict=True))
        expected = "GOOD" if name == alg else "ALGORITHM_NOT_ALLOWED"
        assert reason(CHECK, token(header=good_header(alg) | {"alg": name}, alg=alg)) == expected

    @given(st.data())
    def test_a_member_given_twice_is_refused_even_signed(self, data):
        """Any member of header or payload given twice is refused, equal or not, escaped or not, wherever it stands."""
        members = data.draw(st.sampled_from([good_claims(), good_header("EdDSA")]))
        name = data.draw(st.sampled_from(sorted(members)))
        value = data.draw(st.sampled_from([members[name], "x", None, 0]))
        place = data.draw(st.integers(0, len(name) - 1))
        spelling = data.draw(st.sampled_from([name, f"{name[:place]}\\u{ord(name[place]):04x}{name[place + 1 :]}"]))
        twin = f'"{spelling}":{json.dumps(value)}'.encode()
        raw = dumps(members)
        raw = data.draw(st.sampled_from([b"{" + twin + b"," + raw[1:], raw[:-1] + b"," + twin + b"}"]))
        made = token(header=raw, alg="EdDSA") if "alg" in members else token(raw, alg="EdDSA")
        assert reason(CHECK, made) == "MALFORMED_TOKEN"
