"""What a bearer string is, before anything of it is proved."""

import json

import pytest

from kmvalidate.ports import HttpRequest
from kmvalidate.tokens import (
    DEFAULT_MAX_TOKEN_BYTES,
    Jwt,
    OpaqueToken,
    parse_claims,
    parse_header,
    recognise,
)
from kmvalidate.verified import VerifiedToken
from tests.signing import b64, dumps, good_claims, good_header, reason, refusal, spare_token, token, validator


class Honest(str):
    """A string with another name."""

    __slots__ = ()


class Liar(str):
    """A string that says of itself what is not so."""

    __slots__ = ()

    def __len__(self):
        return 1

    def isascii(self):
        return True

    def encode(self, *_):
        return b"."

    def rpartition(self, *_):
        return "", "", ""


def jwt(header: object) -> Jwt:
    """Return a recognised token with that header, an object or bytes; nothing is signed."""
    made = recognise(f"{b64(dumps(header))}.{b64(b'{}')}.{b64(b'signature')}")
    assert isinstance(made, Jwt)
    return made


@pytest.mark.parametrize(
    "value",
    [None, True, 5, 1.5, b"eyJ.e30.YQ", bytearray(b"a"), ["eyJ.e30.YQ"], {"token": "a"}, object(), str, len],
    ids=lambda value: type(value).__name__ + str(len(repr(value))),
)
def test_a_token_is_a_string(value):
    """What is not a string is a malformed token, whatever else it may be."""
    assert refusal(recognise, value).reason.name == "MALFORMED_TOKEN"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "MALFORMED_TOKEN"),
        (" ", "MALFORMED_TOKEN"),
        ("\0", "MALFORMED_TOKEN"),
        ("abc\0", "MALFORMED_TOKEN"),
        ("\ud800", "MALFORMED_TOKEN"),
        ("e30.e30.\udfff", "MALFORMED_TOKEN"),
        ("\U0001f600", "MALFORMED_TOKEN"),
        ("töken", "MALFORMED_TOKEN"),
        ("\uff41\uff42\uff43", "MALFORMED_TOKEN"),
        ("abc\n", "MALFORMED_TOKEN"),
        ("Bearer abc", "MALFORMED_TOKEN"),
        ("abc,def", "MALFORMED_TOKEN"),
        ("=abc", "MALFORMED_TOKEN"),
        ("a=b", "MALFORMED_TOKEN"),
        ("..", "ALGORITHM_NOT_ALLOWED"),
        ("..YQ", "MALFORMED_TOKEN"),
        ("...", "GOOD"),
        ("a.b.c", "MALFORMED_TOKEN"),
        ("e30.e30.", "ALGORITHM_NOT_ALLOWED"),
        ("e30..YQ", "MALFORMED_TOKEN"),
        (".e30.YQ", "GOOD"),
        ('{"payload":"e30","protected":"e30","signature":"YQ"}', "MALFORMED_TOKEN"),
        ('{"payload":"e30","signatures":[]}', "MALFORMED_TOKEN"),
        ('{"a":"e30.e30.YQ"}', "MALFORMED_TOKEN"),
        ("eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn", "UNSUPPORTED_TOKEN"),
        ("eyJ....", "UNSUPPORTED_TOKEN"),
        ("a" * (DEFAULT_MAX_TOKEN_BYTES + 1), "TOKEN_TOO_LARGE"),
        ("b" * 10_000_000, "TOKEN_TOO_LARGE"),
        ("\U0001f600" * 10_000_000, "TOKEN_TOO_LARGE"),
        ("." * 1_000_000, "TOKEN_TOO_LARGE"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_a_string_is_refused_for(text, expected):
    """A string that is neither a compact JWS nor a bearer token is refused for what is wrong with it."""
    assert reason(recognise, text) == expected


@pytest.mark.parametrize(
    "text",
    ["a", "0f3c-11", "a.b", "a.b.c.d", "a~+/-_.==", "." * 10_000, "a.b.c.d.e", "eyJ.a", "a" * DEFAULT_MAX_TOKEN_BYTES],
    ids=lambda text: text[:12],
)
def test_any_other_bearer_token_is_opaque(text):
    """A string of RFC 6750's b64token characters without the two dots of a JWS is opaque, and kept whole."""
    assert recognise(text) == OpaqueToken(text)


def test_the_largest_token_is_an_argument():
    """A token of exactly the cap is looked at, and one more character is too much."""
    assert recognise("a" * 10, 10) == OpaqueToken("a" * 10)
    assert refusal(recognise, "a" * 11, 10).reason.name == "TOKEN_TOO_LARGE"


def test_a_jwt_is_taken_apart_once():
    """A compact JWS is taken apart into what was signed, the signature and the payload."""
    made = token()
    found = recognise(made)
    assert isinstance(found, Jwt)
    assert bytes(found.signing_input) == made.rpartition(".")[0].encode()
    assert b64(found.signature) == made.rpartition(".")[2]
    assert parse_claims(found) == good_claims()


@pytest.mark.parametrize("text", [token(), "0f3c11", "." * 10_000, "a" * 10_000_000, "\0"], ids=lambda text: text[:9])
def test_a_subclass_of_str_cannot_lie(text):
    """A string type with methods of its own ends like the plain string that it is."""
    assert reason(validator().authenticate, Liar(text)) == reason(validator().authenticate, text)


def test_a_subclass_of_str_can_be_honest():
    """A string type that behaves like a string, as web frameworks have them, is a string."""
    made = token()
    assert recognise(Honest(made)) == recognise(made)
    assert reason(validator().authenticate, Honest(made)) == "GOOD"


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("foreign", [*'= \t\r\n\0+/!"\\%é\x7f\u2028\ud800', "==", "%3D", "\r\n "], ids=ascii)
def test_a_segment_has_no_foreign_character(segment, foreign):
    """White space, padding and foreign characters are refused at the start, inside and at the end of each segment."""
    good = validator().authenticate
    for asked in (0, 5, None):
        parts = spare_token().split(".")
        text = parts[segment]
        place = len(text) if asked is None else asked
        parts[segment] = text[:place] + foreign + text[place:]
        assert reason(good, ".".join(parts)) == "MALFORMED_TOKEN"


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize(("url", "standard"), ["-+", "_/"])
def test_a_segment_has_one_alphabet(segment, url, standard):
    """The standard alphabet's characters are refused where base64url's would be right."""
    parts = spare_token().split(".")
    assert url in parts[segment]
    parts[segment] = parts[segment].replace(url, standard, 1)
    assert reason(validator().authenticate, ".".join(parts)) == "MALFORMED_TOKEN"


@pytest.mark.parametrize("segment", [0, 1, 2])
def test_a_segment_has_one_spelling(segment):
    """Bits that no byte takes are refused in each segment, although they decode to the same bytes."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts = spare_token().split(".")
    parts[segment] = parts[segment][:-1] + letters[letters.index(parts[segment][-1]) | 1]
    assert ".".join(parts) != spare_token()
    assert reason(validator().authenticate, ".".join(parts)) == "MALFORMED_TOKEN"


def test_the_header_is_read():
    """The parameters that are looked at are read, the type in lower case and without its prefix."""
    header = parse_header(jwt({"alg": "ES256", "kid": "K", "x5t#S256": "T", "typ": "Application/AT+JWT", "x": 1}))
    assert (header.alg, header.kid, header.x5t_s256, header.type) == ("ES256", "K", "T", "at+jwt")


def test_only_alg_is_demanded_of_a_header():
    """Parameters that are absent are None, and an absent algorithm is one that nothing allows."""
    header = parse_header(jwt({}))
    assert (header.alg, header.kid, header.x5t_s256, header.type) == ("", None, None, None)


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "x5t#S256"])
@pytest.mark.parametrize("value", [None, True, 0, 1.5, [], ["ES256"], {}, {"a": "b"}], ids=json.dumps)
def test_a_header_parameter_is_a_string(name, value):
    """A parameter that is looked at and is no string makes the token malformed."""
    refused = refusal(parse_header, jwt(good_header(**{name: value})))
    assert (refused.reason.name, refused.claim) == ("MALFORMED_TOKEN", name)


@pytest.mark.parametrize("value", [None, True, False, "exp", [], ["exp"], ["b64"], ["alg"], [5], {}], ids=json.dumps)
@pytest.mark.parametrize("name", ["crit", "b64"])
def test_a_header_asks_for_nothing_that_is_not_understood(name, value):
    """Any crit and any b64 is refused, whatever it holds (RFC 7515 4.1.11, RFC 7797 7)."""
    refused = refusal(parse_header, jwt(good_header(**{name: value})))
    assert (refused.reason.name, refused.claim) == ("UNSUPPORTED_TOKEN", name)


@pytest.mark.parametrize("value", ["JWT", "jwt", "application/jwt", "APPLICATION/JWT"])
def test_a_nested_token_is_not_opened(value):
    """A header that announces a nested token is refused."""
    assert refusal(parse_header, jwt(good_header(cty=value))).reason.name == "UNSUPPORTED_TOKEN"


@pytest.mark.parametrize("value", ["json", "text/plain"])
def test_another_content_type_is_ignored(value):
    """A content type that announces no nested token changes nothing."""
    assert parse_header(jwt(good_header(cty=value))) == parse_header(jwt(good_header()))


@pytest.mark.parametrize("raw", [b"", b"[]", b'"a"', b"null", b'{"alg":"a","alg":"a"}', b"\xef\xbb\xbf{}", b"{}{}"])
def test_a_header_is_one_json_object(raw):
    """A header that is not one strict JSON object makes the token malformed."""
    assert refusal(parse_header, jwt(raw)).reason.name == "MALFORMED_TOKEN"


@pytest.mark.parametrize("segment", ["", "Y", "e31", "e30=", "e+0"])
def test_a_header_is_canonical_base64url(segment):
    """A header that is not canonical base64url makes the token malformed."""
    made = recognise(f"{segment}.e30.YQ")
    assert isinstance(made, Jwt)
    assert refusal(parse_header, made).reason.name == "MALFORMED_TOKEN"


def test_nothing_shows_a_token():
    """No repr and no str of a station or a request has a token, a claim or a body in it."""
    made = token()
    verified = validator().authenticate(made)
    request = HttpRequest(url="https://idp.example/", headers={"authorization": made}, body=made.encode())
    for station in (recognise(made), OpaqueToken(made), verified, request):
        for text in (repr(station), str(station), f"{station}", f"{[station]}"):
            assert not any(part in text for part in (*made.split("."), "alice", "7f3a-11", "shop", "menu:read"))


def test_nothing_can_be_set():
    """A station's attributes are frozen, and the claims of a verified token are read-only."""
    verified = validator().authenticate(token())
    for station, name in ((verified, "issuer"), (recognise(token()), "signature"), (OpaqueToken("a"), "text")):
        with pytest.raises(AttributeError):
            setattr(station, name, "x")
    with pytest.raises(TypeError):
        verified.claims["sub"] = "mallory"
    assert isinstance(verified, VerifiedToken)


def test_claims_that_cannot_be_read_now_are_not_remembered_as_none():
    """Where a caller has used up the stack the claims cannot be read, which is said and not remembered."""
    good = validator().authenticate(token())
    verified = VerifiedToken(good.expires_at, 0, good.backing, b"[" * 100)
    for _ in range(2):
        with pytest.raises(RecursionError, match="no stack"):
            verified.scopes  # noqa: B018
