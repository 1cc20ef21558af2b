"""What the laws are tried on: JSON of every type, documents of every spelling, bytes and objects of every sort."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.signing import AUDIENCE, ISSUER, NOW, public_jwk

#: One value of each JSON type, and those at the edges.
JSON_POOL: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63, 10**40, 0.5, -0.0, 1e300, "", " ", "a", "a b", "1", "true"),
    *([], [""], ["a"], ["a", "b c"], ["a", 1], [None], [[]], {}, {"a": 1}, {"a": {"b": []}}),
]

#: Values that mean something in some claim.
TELLING_POOL: list[Any] = [
    *(
        ISSUER,
        ISSUER + "/",
        [ISSUER],
        AUDIENCE,
        [AUDIENCE],
        [AUDIENCE, "x"],
        [AUDIENCE, 5],
        "shop",
        "Bearer",
        "ID",
        "at+jwt",
    ),
    *(
        NOW,
        NOW - 1,
        NOW + 59,
        NOW + 60,
        NOW + 61,
        NOW - 59,
        NOW - 60,
        NOW - 61,
        NOW + 0.5,
        NOW - 60.5,
        str(NOW),
        NOW + 10**9,
    ),
]

CLAIM_NAMES = [
    *("iss", "aud", "exp", "nbf", "iat", "sub", "jti", "client_id", "azp", "scope", "scp", "cnf", "typ", "token_use"),
    *("token_type", "nonce", "at_hash", "events", "org", "tier"),
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
json_values = st.recursive(
    st.sampled_from(JSON_POOL) | scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(st.text(max_size=6), json_values, max_size=6)
claim_values = st.sampled_from(TELLING_POOL) | st.sampled_from(JSON_POOL) | json_values

#: Objects of any sort that a caller might hand in by mistake.
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=60),
    st.text(max_size=60),
    st.text(alphabet="eyJ0AQ.-_=", max_size=60),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.sets(st.integers(), max_size=3),
    st.from_type(type).map(lambda kind: kind),
)

_PIECES = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b'"a"',
        b'"a":1',
        b'"a":',
        b"\\u0061",
        b"\\ud800",
        b"\\ud83d\\ude00",
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-",
        b"1e400",
        b"1e5",
        b"0",
        b"-0",
        b"01",
        b"1.0",
        b"9" * 64,
        b"9" * 65,
        b" ",
        b"\n",
        b"\0",
    ),
    *(b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\xc3\xa9", b"null", b"true", b"[" * 31, b"]" * 31, b'{"b":', b"//"),
]


@st.composite
def spelt(draw: st.DrawFn, value: Any) -> bytes:
    """Return *value* as JSON in one of the ways in which issuers write it."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\n")]))
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, None, 1]))
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only, indent=indent)
    return text.encode("utf-8", "surrogatepass")


documents = json_objects.flatmap(spelt) | json_values.flatmap(spelt)


@st.composite
def broken_documents(draw: st.DrawFn) -> bytes:
    """Return a document with pieces put in, taken out or doubled."""
    raw = draw(documents)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 6)))
        piece = draw(st.sampled_from(_PIECES) | st.just(raw[start:end] * 2) | st.binary(max_size=2))
        raw = raw[:start] + piece + raw[end:]
    return raw


piled_documents = st.lists(st.sampled_from(_PIECES), max_size=12).map(b"".join)

#: Entries of a key set that cannot be used, or that no JWK Set should have.
GARBAGE: list[Any] = [
    *(
        None,
        True,
        5,
        "key",
        [],
        {},
        {"kty": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "XYZ", "kid": "P-256"},
        {"kty": ["RSA"]},
    ),
    *({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"}, {"kty": "RSA"}, {"kty": "RSA", "n": 5, "e": []}),
    *(
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-999"},
        {"kty": "OKP", "crv": "X25519"},
    ),
    *({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, {"kty": "EC", "crv": {}, "x": None, "y": True}),
]


@st.composite
def garbage_entries(draw: st.DrawFn) -> Any:
    """Return an entry that is useless: junk, or a good key of a stranger with one member spoilt beyond use."""
    if draw(st.booleans()):
        return draw(st.sampled_from(GARBAGE))
    entry = public_jwk(draw(st.sampled_from(["RSA", "P-256", "Ed25519"])), "stranger", kid="stranger")
    member = draw(st.sampled_from(["kty", "use", "alg", *("n" if "n" in entry else "x")]))
    entry[member] = draw(st.sampled_from([None, 5, "", "enc", "!", [], {}, "none", "HS256", "\ud800"]))
    return entry
