"""What counts as an answer of an introspection endpoint, and what it means that there is none."""

from urllib.parse import quote_plus

import pytest

from kmvalidate import HttpRequest, HttpResponse, KeyManagerUnavailable, Network, Reason, TokenValidator
from kmvalidate.asking import form_request, media_type, told_of, unanswered
from kmvalidate.discovery import Exchange, check_named
from kmvalidate.ports import run
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing._loopback import LoopbackServer
from kmvalidate.transport import RequestsTransport
from tests.fakes import FakeTransport, SettableClock, WatchedPorts
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, SECRET, TOKEN, Asker, Gateway, configured, said
from tests.signing import refusal

JSON = [
    "application/json",
    "application/json;charset=UTF-8",
    "APPLICATION/JSON ; charset=utf-16",
    " application/json; a=b; c",
]
OTHERS = [
    None,
    "",
    ";",
    "text/html",
    "text/json",
    "application/jwt",
    "application/token-introspection+jwt",
    "application/jsonp",
    "application/json, text/html",
    "application/problem+json",
    "*/*",
    "application/x-www-form-urlencoded",
]


@pytest.mark.parametrize("content_type", JSON)
def test_json_with_parameters_is_json(content_type):
    """The media type is compared without its parameters and without regard to case."""
    assert Asker({ENDPOINT: said(ACTIVE, content_type=content_type)}).ask() == ACTIVE


@pytest.mark.parametrize("content_type", OTHERS)
def test_any_other_type_is_no_answer(content_type):
    """An answer of no type or of another one is an outage, however good its body is."""
    flaw = Asker({ENDPOINT: said(ACTIVE, content_type=content_type)}).outage()
    assert (flaw.why, flaw.is_outage) == ("introspection endpoint: its answer is not application/json", True)


def test_a_type_that_is_no_text_is_none():
    """A transport of the user's own may give header fields of any type."""
    assert media_type(HttpResponse(status=200, headers={"content-type": 7}, body=b"")) == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"active":true,"active":false}',
        b'{"active":true,"ext":{"a":1,"a":1}}',
        b'{"active":true,"exp":NaN}',
        b'{"active":true,"exp":-Infinity}',
        b'{"active":true,"exp":1e400}',
        b'{"active":true,"exp":' + b"9" * 65 + b"}",
        b'{"active":true,"x":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' * 10_000,
        b'{"active":true,"x":"\xff"}',
        b'{"active":true,"x":"\\ud800"}',
        b'\xef\xbb\xbf{"active":true}',
        '{"active":true}'.encode("utf-16"),
        b"[true]",
        b'[{"active":true}]',
        b"true",
        b'"active"',
        b"null",
        b"",
        b" ",
        b'{"active":true',
        b'{"active":true}}',
        b"{'active':true}",
        b"<!doctype html>",
        b"\0" * 100,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_hostile_body_is_no_answer(body):
    """A body that is not one JSON object by the strict rules is an outage."""
    flaw = Asker({ENDPOINT: said(body)}).outage()
    assert flaw.why.startswith("introspection endpoint: ")
    assert flaw.is_outage


def test_an_answer_beyond_the_cap_is_none():
    """2 MB are no answer, whatever the transport lets through; a cap of one's own counts."""
    big = said({"active": True, "x": "a" * 2_000_000})
    assert Asker({ENDPOINT: big}).outage().why == "the answer has more than 100000 bytes"
    assert Asker({ENDPOINT: big}, max_bytes=3_000_000).ask()["active"] is True


@pytest.mark.parametrize(
    "status", [100, 201, 202, 204, 206, 301, 302, 303, 307, 308, 401, 403, 404, 405, 415, 500, 503]
)
def test_any_other_status_is_an_outage(status):
    """A status other than 200 is an outage, redirects and refusals of the client included, whatever the body says."""
    asker = Asker({ENDPOINT: said(ACTIVE, status, location="https://evil.example/")})
    flaw = asker.outage()
    assert (flaw.why, flaw.is_outage) == (f"introspection endpoint: status {status}", True)
    assert (flaw.wait_s, flaw.retry_after_s) == (0.0, 1.0)
    assert asker.transport.hits == {ENDPOINT: 1}


def test_a_bad_request_is_about_that_token():
    """A 400 is no answer about the token and no sign that others would get none."""
    flaw = Asker({ENDPOINT: said({"error": "invalid_request"}, 400, retry_after="30")}).outage()
    assert (flaw.why, flaw.is_outage, flaw.wait_s) == ("introspection endpoint: status 400", False, 0.0)


RETRY_AFTER = [
    ("30", 30.0),
    ("0", 0.0),
    ("007", 7.0),
    ("60", 60.0),
    ("61", 60.0),
    ("999999999", 60.0),
    ("31536000000", 0.0),
    ("-5", 0.0),
    ("+5", 0.0),
    ("1.5", 0.0),
    ("1e3", 0.0),
    ("", 0.0),
    (" 5", 0.0),
    ("5, 6", 0.0),
    ("\u0663\u0660", 0.0),
    ("\u00b2", 0.0),
    ("Wed, 21 Oct 2099 07:28:00 GMT", 0.0),
    ("9" * 5000, 0.0),
    (None, 0.0),
    (30, 0.0),
    (b"30", 0.0),
]


@pytest.mark.parametrize(("field", "wait_s"), RETRY_AFTER, ids=lambda value: ascii(value)[:20])
def test_retry_after_is_heeded_within_reason(field, wait_s):
    """Plain seconds are heeded up to a minute, anything else is not; a 429 alone asks for a second."""
    answers = [HttpResponse(status=status, headers={"retry-after": field}, body=b"") for status in (429, 503, 500)]
    busy, ill, other = (unanswered("it", answer) for answer in answers)
    assert (busy.is_outage, busy.wait_s) == (False, max(wait_s, 1.0))
    assert (ill.is_outage, ill.wait_s, ill.retry_after_s) == (True, wait_s, max(wait_s, 1.0))
    assert (other.is_outage, other.wait_s) == (True, 0.0)


def test_a_caller_is_told_when_to_come_again():
    """What a provider asks for reaches whoever authenticates, and until then it is not asked about other tokens."""
    gateway = Gateway({ENDPOINT: said({}, 429, retry_after="20")})
    for token, wait_s in ((TOKEN, 20), ("other", 20)):
        with pytest.raises(KeyManagerUnavailable) as caught:
            gateway.validator.authenticate(token)
        assert caught.value.retry_after_s == wait_s
    assert gateway.transport.hits == {ENDPOINT: 1}


@pytest.mark.parametrize("sent", [OSError("x"), TimeoutError(), None, "junk", KeyManagerUnavailable("reset")], ids=repr)
def test_a_transport_that_fails_is_an_outage(sent):
    """Whatever a transport raises or returns instead of an answer is an outage."""
    assert Asker({ENDPOINT: lambda: sent}).outage().is_outage


def test_a_transport_that_refuses_is_an_outage():
    """Not even an error of ours that a transport raises passes for a verdict about the token."""
    refused = refusal(Gateway({ENDPOINT: said({"active": False})}).validator.authenticate, TOKEN)
    assert refused.reason is Reason.INACTIVE
    gateway = Gateway({ENDPOINT: refused})
    with pytest.raises(KeyManagerUnavailable):
        gateway.validator.authenticate(TOKEN)


def exchange(**changes):
    return Exchange(**{"network": Network(), "ends_at": 1005.0, "max_bytes": 100} | changes)


def sent(within, answer):
    transport = FakeTransport({ENDPOINT: answer})
    request = HttpRequest(url=ENDPOINT, method="POST", body=b"x=1", deadline_s=99, max_bytes=99_999)
    return run(within.send(request, WatchedPorts(transport, SettableClock()))), transport.requests


def test_a_request_of_ones_own_is_sent_within_the_exchange():
    """Deadline, cap and network are those of the exchange, and everything else is that of the request."""
    network = Network(private_addresses=True)
    answer, (request,) = sent(exchange(network=network), said(b"x" * 100, 500))
    assert (answer.status, len(answer.body)) == (500, 100)
    assert (request.deadline_s, request.max_bytes, request.network) == (5.0, 100, network)
    assert (request.url, request.method, request.body) == (ENDPOINT, "POST", b"x=1")


def test_an_exchange_has_an_end_and_a_cap():
    """Nothing is sent once the deadline is over, and one byte too many is no answer."""
    with pytest.raises(KeyManagerUnavailable, match="no time left"):
        sent(exchange(ends_at=1000.0), AssertionError())
    with pytest.raises(KeyManagerUnavailable, match="more than 100 bytes"):
        sent(exchange(), said(b"x" * 101))


@pytest.mark.parametrize(
    "issuer", [None, "", "https://a", "https://a.example/", "https://A.example", ["https://a.example"], 1]
)
def test_a_document_names_its_issuer_exactly(issuer):
    """A document is that of one of the issuers that were configured, character by character."""
    issuers = ("https://a.example", "https://b.example")
    check_named({"issuer": "https://b.example"}, issuers)
    for document in ({"issuer": issuer}, {}):
        with pytest.raises(KeyManagerUnavailable, match="not the configured one"):
            check_named(document, issuers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_over_http(status):
    """Over real HTTP a redirect is an outage, and the server that it leads to sees nothing of the token."""
    seen = []
    stranger = LoopbackServer(lambda asked: seen.append(asked) or said(ACTIVE))
    location = f"{stranger.origin}/introspect"
    here = LoopbackServer(lambda asked: seen.append(asked) or said(b"", status, location=location))
    network = Network(private_addresses=True, insecure_http=True)
    manager = configured(endpoint=f"{here.origin}/introspect", network=network)
    validator = TokenValidator(KeyManagerRegistry([manager], transport=RequestsTransport()))
    try:
        with pytest.raises(KeyManagerUnavailable, match=f"status {status}"):
            validator.authenticate(TOKEN)
    finally:
        here.close()
        stranger.close()
    (asked,) = seen
    assert (asked.method, asked.path, here.hits["/introspect"], stranger.hits) == ("POST", "/introspect", 1, {})
    assert SECRET not in repr(asked)


@pytest.mark.parametrize("leak", ["token", "client_secret", "client_assertion", "authorization"])
def test_what_a_transport_tells_too_much_is_not_told(leak):
    """The error of a transport that repeats what was sent, as it is or encoded, is replaced by one that does not."""
    secret = "a+b/c= d"
    request = form_request(
        ENDPOINT, {} if leak == "authorization" else {leak: secret}, {"authorization": f"Basic {secret}"}
    )
    for text in (secret, quote_plus(secret), request.body.decode() or secret):
        told = told_of(KeyManagerUnavailable(f"no answer to {text}"), request)
        assert (told.why, told.is_outage) == ("the transport raised what it should not tell", True)
    assert told_of(KeyManagerUnavailable("no answer"), request).why == "no answer"


@pytest.mark.parametrize("status", [400, 413, 414, 422, 431])
def test_what_is_wrong_with_a_token_is_nobody_elses_outage(status):
    """A status that is about the request is no sign that others would get none."""
    assert not Asker({ENDPOINT: said({}, status)}).outage().is_outage
