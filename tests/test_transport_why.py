"""What an operator reads when an exchange failed."""

import http.client
import json

import pytest

from kmvalidate.transport._why import why
from tests.mislabelled import SECRET


def wrapped(*errors):
    """Return the first error, with the next one in its arguments, and so on."""
    first, *others = errors
    if others:
        first.args = ("text", wrapped(*others))
    return first


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(113, "No route to host"), "the connection failed (EHOSTUNREACH)"),
        (OSError(99_999, "?"), "the connection failed (99999)"),
        (OSError("no number"), "the exchange failed (OSError)"),
        (UnicodeError(SECRET), "the exchange failed (UnicodeError)"),
        (json.JSONDecodeError(SECRET, SECRET, 0), "the exchange failed (JSONDecodeError)"),
        (wrapped(ValueError(), KeyError(), ConnectionResetError(104, "reset")), "the connection broke off"),
        (caused(ValueError(), TimeoutError()), "no whole answer within the deadline"),
        (http.client.LineTooLong("header line"), "the answer is not proper HTTP"),
    ],
    ids=repr,
)
def test_an_operator_reads_what_failed(error, expected):
    """The most telling of the errors that wrap each other gives the reason, and no text of theirs is quoted."""
    assert why(error) == expected


def test_errors_that_wrap_each_other_come_to_an_end():
    """Two errors that wrap each other have a reason as well."""
    one, other = ValueError(), KeyError()
    one.args, other.args = (other, other), (one, one)
    assert why(one) == "the exchange failed (ValueError)"
