"""The header field for backends: what a client writes in it, or about it, never gets there."""

import pytest

from kmvalidate.errors import ConfigurationError
from tests.backend_jwt.making import case, generator, issue

FORGED = [
    ("X-JWT-Assertion", "forged"),
    ("x-jwt-assertion", "forged"),
    ("X_JWT_Assertion", "forged"),
    ("X-Jwt_ASSERTION ", "forged"),
    ("X.JWT.Assertion", "forged"),
    ("X~JWT!Assertion", "forged"),
    ("X-JWT-A\u00dfertion", "forged"),
    ("X-JWT-A\u017f\u017fertion", "forged"),
    ("X JWT Assertion", "forged"),
    ("\x0bX-JWT-Assertion", "forged"),
    ("X-JWT-Assertion\0", "forged"),
    ("X-JWT-Assertion:", "forged"),
    ("", "forged"),
    ("User-Agent", "x\r\n X-JWT-Assertion: forged"),
    ("User-Agent", "x\r\nX-JWT-Assertion: forged"),
    ("User-Agent", "x\rX-JWT-Assertion: forged"),
    ("User-Agent", "x\nX-JWT-Assertion: forged"),
    ("User-Agent", "x\0X-JWT-Assertion: forged"),
    ("User-Agent", "\n"),
    ("Connection", "close\r\n X-JWT-Assertion: forged"),
    ("connection", "close\0"),
]


@pytest.mark.parametrize("spelling", FORGED)
def test_the_clients_header_is_removed(spelling):
    """What the client sent as that field, in any spelling or on a line of another, is gone, and the JWT comes last."""
    made = generator()
    jwt = issue(made, case())
    sent = [("Accept", "*/*"), spelling, ("X-JWT-Assertion-2", "kept"), spelling, ("Accept", "a")]
    kept = [("Accept", "*/*"), ("X-JWT-Assertion-2", "kept"), ("Accept", "a")]
    assert made.replace_header(sent, jwt) == [*kept, ("X-JWT-Assertion", jwt.text)]
    assert made.replace_header(sent, None) == kept


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ("close, X-JWT-Assertion", ["close"]),
        ("x_jwt_assertion,keep-alive , ,close", ["keep-alive, close"]),
        ("X-JWT-ASSERTION", []),
        ("", []),
        ("close", ["close"]),
        ("close, X.JWT.Assertion, X-JWT-A\u00dfertion, X-JWT-Assertion\1", ["close"]),
    ],
)
@pytest.mark.parametrize("field", ["connection", "Proxy-Connection", "PROXY_connection"])
def test_the_client_cannot_have_it_dropped(options, left, field):
    """A client that names the header among the options of its connection does not get it dropped by the next proxy."""
    fields = generator().replace_header([(field, options)], None)
    assert fields == [(field, value) for value in left]


def test_another_header_is_looked_after_likewise():
    """With a header of another name, that one is removed and set."""
    made = generator(header="X-Caller")
    jwt = issue(made, case())
    sent = [("x_caller", "forged"), ("X-JWT-Assertion", "other")]
    assert made.replace_header(sent, jwt) == [("X-JWT-Assertion", "other"), ("X-Caller", jwt.text)]


def test_bytes_stay_bytes():
    """Fields as ASGI has them, in bytes, are looked after likewise, and stay bytes, whatever is in their values."""
    made = generator()
    jwt = issue(made, case())
    sent = [
        (b"x_jwt_assertion", b"forged"),
        (b"accept", b"\xff\xe4"),
        (b"X-JWT-Assertion\xdf", b"forged"),
        (b"connection", b"close, X-JWT-Assertion"),
    ]
    kept = [(b"accept", b"\xff\xe4"), (b"connection", b"close")]
    assert made.replace_header(sent, jwt) == [*kept, (b"x-jwt-assertion", jwt.text.encode())]
    assert made.replace_header(iter(sent), None) == kept


@pytest.mark.parametrize("spelling", [pair for pair in FORGED if "".join(pair).isascii()])
def test_the_clients_header_is_removed_from_bytes(spelling):
    """In bytes, nothing is left of what the client sent as that field or on a line of another."""
    sent = [(b"accept", b"*/*"), tuple(part.encode() for part in spelling), (b"tab", b"a\tb")]
    assert generator().replace_header(sent, None) == [(b"accept", b"*/*"), (b"tab", b"a\tb")]


def test_what_was_sent_stays_as_it_was():
    """The fields are those of a new list, and pairs may be lists; no fields are none."""
    sent = [["a", "b"], ("x-jwt-assertion", "forged")]
    assert generator().replace_header(sent, "a.b.c") == [("a", "b"), ("X-JWT-Assertion", "a.b.c")]
    assert len(sent) == 2
    assert generator().replace_header([], None) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "x"},
        ["ab"],
        [("a", "b"), (b"a", b"b")],
        [(b"a", b"b"), ("a", "b")],
        [("a", b"b")],
        [("a", 1)],
        [("a", "b", "c")],
        [("a",)],
        [None],
        None,
        7,
        "ab",
    ],
    ids=repr,
)
def test_fields_are_pairs(headers):
    """What is not pairs of strings, or of bytes, is an error, and nothing goes on with half of them."""
    with pytest.raises(ConfigurationError, match="headers are pairs"):
        generator().replace_header(headers, "a.b.c")


@pytest.mark.parametrize("jwt", ["", " ", "a b", "a\r\nX: y", "a\0", "\u00e9", b"a.b.c", 123, ["a"], object], ids=repr)
def test_only_a_jwt_becomes_the_value(jwt):
    """What would be no value, or more than one line, is an error that does not repeat it."""
    for headers in ([], [(b"a", b"b")]):
        with pytest.raises(ConfigurationError) as caught:
            generator().replace_header(headers, jwt)
        assert str(caught.value) == "jwt is a backend JWT, or its text: printable ASCII characters without spaces"
