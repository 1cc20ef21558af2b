"""`kmvalidate.testing.SimulatedProvider`: whom its introspection endpoint answers, how often, and how it fails."""

import json
import socket
from urllib.parse import quote_plus

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable
from kmvalidate.testing import INTROSPECTION_FAULTS, VirtualClock
from kmvalidate.testing._loopback import Asked
from tests.providers.introspecting import FORM, INACTIVE, SIGNED, ask, basic, made, own_token, parts, send, told


@pytest.fixture
def idp():
    return made()


@pytest.fixture(params=[False, True], ids=["in process", "over HTTP"])
def each(request):
    """A provider in process, and one over HTTP that sees the time of the first."""
    with made(http=request.param, clock=VirtualClock()) as provider:
        yield provider


def test_clients_show_their_credentials():
    """Credentials count form-encoded in a Basic header, or in the form, and in one of them alone."""
    client = ("the till", "p%+:é")
    idp = made(client=client)
    token, encoded = idp.opaque_token(), basic(*map(quote_plus, client))
    posted = {"client_id": client[0], "client_secret": client[1]}

    def status(headers, **form):
        return send(idp, "/introspect", {"token": token, **form}, **headers).status

    assert (status(encoded), status({}, **posted)) == (200, 200)
    refused = [({}, {}), (basic(*client), {}), (encoded, posted), (basic("gateway", "gateway-secret"), {})]
    refused += [({"authorization": field}, {}) for field in ("Basic", "Basic é", "Bearer x", "Bearer", "Digest eDp5")]
    refused += [({"authorization": encoded["authorization"].replace("Basic", "Other")}, {})]
    refused += [({}, {**posted, "client_secret": "x"}), ({}, {"client_id": client[0]})]
    for headers, form in refused:
        answer = send(idp, "/introspect", {"token": token, **form}, **headers)
        assert (answer.status, json.loads(answer.body)) == (401, {"error": "invalid_client"}), (headers, form)
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_clients_get_tokens_for_themselves(each):
    """The published token endpoint gives the client a token, which opens the introspection endpoint for an hour."""
    token, said = own_token(each)
    assert said == {"token_type": "Bearer", "expires_in": 3600}
    asked = each.opaque_token(expires_in_s=9999)
    bearer = {"authorization": f"Bearer {token}"}
    assert json.loads(ask(each, asked, **bearer).body)["active"] is True
    assert told(each, token)["client_id"] == each.client[0]
    secret = {"token": asked, "client_secret": each.client[1]}
    assert send(each, "/introspect", secret, **bearer).status == 401
    assert ask(each, asked, authorization=f"Bearer {asked}").status == 401
    each.clock.advance(3600)
    assert ask(each, asked, **bearer).status == 401
    other, _ = own_token(each)
    each.revoke(other)
    assert ask(each, asked, authorization=f"Bearer {other}").status == 401


def test_the_token_endpoint_knows_one_grant(idp):
    """A scope is granted as it was asked for; strangers, other grants, its own tokens and reading are refused."""
    grant, client = {"grant_type": "client_credentials"}, basic(*idp.client)
    assert json.loads(send(idp, "/token", {**grant, "scope": "a b"}, **client).body)["scope"] == "a b"
    token, _ = own_token(idp)
    assert send(idp, "/token", grant, authorization=f"Bearer {token}").status == 401
    assert send(idp, "/token", grant).status == 401
    answer = send(idp, "/token", {"grant_type": "password"}, **client)
    assert (answer.status, json.loads(answer.body)) == (400, {"error": "unsupported_grant_type"})
    assert send(idp, "/token", method="GET").status == 405


@pytest.mark.parametrize(
    ("status", "request_is"),
    [
        (405, {"method": "GET"}),
        (400, {"body": b"token_type_hint=access_token"}),
        (400, {"body": b"token="}),
        (400, {"body": b""}),
        (400, {"body": b"token=a&token=a"}),
        (400, {"body": b"token=\xff"}),
        (415, {"body": b'{"token":"a"}', "content_type": "application/json"}),
        (200, {"body": b"token=a", "content_type": FORM.upper() + "; charset=UTF-8"}),
    ],
)
def test_questions_are_forms(each, status, request_is):
    """Nothing is answered but a form with one token, posted; a client is told what is wrong with it."""
    answer = send(each, "/introspect", **{**basic(*each.client), **request_is})
    assert answer.status == status
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


def test_documents_are_read_and_nothing_else(each):
    """Posting to a document is refused, and a token in a query is not looked at."""
    answer = send(each, "/jwks")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert send(each, f"/introspect?token={each.opaque_token()}", **basic(*each.client)).status == 400


def test_an_introspection_endpoint_has_faults_of_its_own(each):
    """Each of its own faults shows in its answers alone, signed ones too, until it is over."""
    token = each.opaque_token()
    seen = {}
    for fault in INTROSPECTION_FAULTS:
        each.fail(fault)
        answer = ask(each, token)
        seen[fault] = (answer.status, answer.headers["content-type"], json.loads(answer.body).get("active"))
        assert send(each, "/jwks", method="GET").status == 200
        each.recover()
        assert told(each, token)["active"] is True
    assert seen == {
        "inactive": (200, "application/json", False),
        "active as text": (200, "application/json", "true"),
        "unauthorized": (401, "application/json", None),
        "wrong type": (200, "text/html; charset=utf-8", True),
    }
    each.fail("inactive")
    assert parts(ask(each, token, accept=SIGNED).body.decode())[1]["token_introspection"] == INACTIVE


def test_a_fault_may_be_at_one_place(idp):
    """A fault with a place is had by the paths that end so, and by no others."""
    token = idp.opaque_token()
    idp.fail("error", at="/introspect")
    assert (ask(idp, token).status, send(idp, "/jwks", method="GET").status) == (503, 200)
    idp.fail("down", at="/jwks")
    assert ask(idp, token).status == 200
    with pytest.raises(KeyManagerUnavailable):
        send(idp, "/jwks", method="GET")
    idp.fail("inactive", at="/elsewhere")
    assert told(idp, token)["active"] is True
    idp.fail("busy")
    assert ask(idp, token).status == 429
    with pytest.raises(ConfigurationError, match="inactive"):
        idp.fail("sulks", at="/introspect")


def test_requests_are_limited():
    """More requests of a minute than are allowed are told when to ask again, are counted, and do not prolong it."""
    idp = made(requests_per_minute=2)
    statuses = [ask(idp, "x").status, send(idp, "/jwks", method="GET").status]
    idp.clock.advance(0.5)
    for _ in range(3):
        answer = ask(idp, "x")
    assert (statuses, answer.status, answer.headers["retry-after"]) == ([200, 200], 429, "60")
    assert (idp.throttled, idp.hits["/introspect"]) == (3, 4)
    idp.clock.advance(59.5)
    assert [ask(idp, "x").status for _ in range(3)] == [200, 200, 429]
    with pytest.raises(ConfigurationError, match="at least one"):
        made(requests_per_minute=0)


def test_asgardeo_answers_so_often():
    """Asgardeo answers 200 requests of a minute unless a test says otherwise, and most answer any number."""
    asgardeo, other = made("asgardeo"), made("wso2_is")
    assert [ask(asgardeo, "x").status for _ in range(201)] == [200] * 200 + [429]
    assert {ask(other, "x").status for _ in range(201)} == {200}
    assert (asgardeo.throttled, other.throttled) == (1, 0)


@pytest.mark.parametrize("length", ["Content-Length: 65537", "Content-Length: 999999", "Content-Length: x", "X: y"])
def test_over_http_bodies_are_bounded(length):
    """A body that is too long, of no length or of a length that is none is refused unread."""
    with made(http=True) as idp:
        assert raw(idp, f"{length}\r\n\r\n").startswith(b"HTTP/1.0 400 ")
        assert raw(idp, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").startswith(b"HTTP/1.0 400 ")
        assert idp.hits["/introspect"] == 0
        assert ask(idp, "x" * 60_000).status == 200


def test_over_http_half_a_body_is_no_question():
    """A client that hangs up in the middle of its body has asked nothing."""
    with made(http=True) as idp:
        assert raw(idp, "Content-Length: 10\r\n\r\ntoken") == b""
        assert idp.hits["/introspect"] == 0


def raw(idp, rest):
    """Return what comes back for a POST whose first line and host are well."""
    host, port = idp.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"POST /introspect HTTP/1.1\r\nHost: x\r\n{rest}".encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_no_repr_shows_what_was_asked():
    """What a request has in its body and its headers is in no repr."""
    shown = repr(Asked(path="/introspect", method="POST", headers={"authorization": "secret"}, body=b"token=secret"))
    assert "secret" not in shown
