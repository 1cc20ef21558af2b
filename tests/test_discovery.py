"""Discovery documents: where they are looked for, and which URLs in them may be used."""

import attrs
import pytest

from kmvalidate import HttpResponse, KeyManagerUnavailable, Network
from kmvalidate.discovery import Exchange, allowed_origins, as_object, jwks_uri, named_issuer, usable_url
from kmvalidate.ports import run
from kmvalidate.urls import well_known_urls
from tests.fakes import (
    INSERTED,
    KEYS,
    SUFFIX,
    FakeTransport,
    SettableClock,
    WatchedPorts,
    answer,
    key_set,
    metadata,
)
from tests.signing import ISSUER

URLS = well_known_urls(ISSUER)
OPEN = Network()


def exchange(**changes):
    return Exchange(**{"network": OPEN, "ends_at": 1005.0, "max_bytes": 10_000} | changes)


def looked_for(answers):
    """Return what `get_first` finds, and the URLs it asked."""
    transport = FakeTransport(answers)
    found = run(exchange().get_first(URLS, WatchedPorts(transport, SettableClock())))
    return found, [request.url for request in transport.requests]


def outage(work, *args):
    with pytest.raises(KeyManagerUnavailable) as caught:
        work(*args)
    return caught.value.why


def test_the_oidc_form_is_asked_first():
    """Where both forms have a document, the suffix form of OpenID Connect counts and is the only one asked."""
    both = {SUFFIX: metadata(), INSERTED: metadata(issuer="x")}
    assert looked_for(both) == ((SUFFIX, metadata()), [SUFFIX])


@pytest.mark.parametrize("status", [300, 301, 302, 307, 400, 401, 403, 404, 410])
def test_a_clear_no_leads_to_the_inserted_form(status):
    """Where the suffix form has no document, the form of RFC 8414 is asked, and no redirect is followed."""
    answers = {SUFFIX: answer(metadata(), status, location="https://evil.example"), INSERTED: metadata()}
    assert looked_for(answers) == ((INSERTED, metadata()), [SUFFIX, INSERTED])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_error_is_no_answer(status):
    """A provider that is ill or overrun is not asked elsewhere: its other form could be another document."""
    transport = FakeTransport({SUFFIX: answer(metadata(), status), INSERTED: metadata()})
    get_first = exchange().get_first(URLS, WatchedPorts(transport, SettableClock()))
    assert f"status {status}" in outage(run, get_first)
    assert transport.hits == {SUFFIX: 1}


def test_a_broken_document_is_no_answer():
    """A document that cannot be read refuses; the other form is not asked."""
    transport = FakeTransport({SUFFIX: b"{", INSERTED: metadata()})
    assert "not JSON" in outage(run, exchange().get_first(URLS, WatchedPorts(transport, SettableClock())))
    assert transport.hits == {SUFFIX: 1}


@pytest.mark.parametrize(("urls", "status"), [(URLS, "404"), ((), "none")], ids=["nowhere", "no urls"])
def test_no_document_is_an_outage(urls, status):
    """Without a document in any place the outage says what the last one answered."""
    transport = WatchedPorts(FakeTransport(), SettableClock())
    assert f"no discovery document (status {status})" == outage(run, exchange().get_first(urls, transport))


@pytest.mark.parametrize("status", [100, 201, 204, 206, 301, 304, 404, 500])
def test_only_status_200_holds_a_document(status):
    """Whatever body another status carries is not read."""
    assert outage(as_object, answer(metadata(), status), "key set") == f"key set: status {status}"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe", b"[" * 10_000], ids=repr
)
def test_only_a_strict_object_is_a_document(body):
    """A body that is not one strict JSON object is an outage that repeats nothing of it."""
    why = outage(as_object, HttpResponse(status=200, headers={}, body=body), "key set")
    assert why.startswith("key set: ")
    assert len(why) < 60


def test_the_media_type_does_not_matter():
    """Providers serve documents under many media types; the content decides."""
    assert as_object(answer({"a": 1}, **{"content-type": "text/html"}), "x") == {"a": 1}


def test_an_answer_beyond_the_cap_is_not_read():
    """A transport that does not keep the cap does not get a larger body past it."""
    body = b'{"a":"' + b"x" * 92 + b'"}'
    transport = WatchedPorts(FakeTransport({KEYS: body}), SettableClock())
    assert run(exchange(max_bytes=100).get(KEYS, transport))
    assert "more than 99 bytes" in outage(run, exchange(max_bytes=99).get(KEYS, transport))


def test_a_key_set_without_a_usable_key_is_an_outage():
    """A key set must bring a key, and one that brings some is read whole."""
    transport = FakeTransport({KEYS: {"keys": [{"kty": "oct"}]}})
    fetch = WatchedPorts(transport, SettableClock())
    assert "none of the keys can be used" in outage(run, exchange().get_keys(KEYS, fetch))
    transport.answers[KEYS] = {"keys": [{"kty": "oct"}, *key_set("a", "b")["keys"]]}
    assert [key.kid for key in run(exchange().get_keys(KEYS, fetch)).key_set.keys] == ["a", "b"]


@pytest.mark.parametrize(
    "named",
    [None, 7, [ISSUER], "", ISSUER + "/", ISSUER.upper(), "https://idp.example", "https://evil.example"],
    ids=str,
)
def test_a_document_of_another_issuer_is_refused(named):
    """The issuer in the document is identical to the configured one, or nothing of it is used."""
    assert "issuer" in outage(jwks_uri, metadata(issuer=named), (ISSUER,), SUFFIX, OPEN)


def test_the_longest_issuer_has_2048_characters():
    """A document may name an issuer of up to 2,048 characters, which is returned whole, and none longer."""
    longest = "https://idp.example/".ljust(2048, "a")
    assert named_issuer(metadata(issuer=longest)) == longest
    assert "names no issuer" in outage(named_issuer, metadata(issuer=longest + "a"))


REFUSED = {
    "missing": None,
    "a number": 7,
    "relative": "/realms/acme/keys",
    "no scheme": "idp.example/keys",
    "http": "http://idp.example/keys",
    "file": "file:///etc/passwd",
    "data": 'data:application/json,{"keys":[]}',
    "userinfo": "https://idp.example@evil.example/keys",
    "own userinfo": "https://user:pw@idp.example/keys",
    "fragment": "https://idp.example/keys#x",
    "backslash": "https://evil.example\\@idp.example/keys",
    "white space": "https://idp.example/ke ys",
    "other host": "https://evil.example/keys",
    "subdomain": "https://keys.idp.example/keys",
    "suffix": "https://idp.example.evil.example/keys",
    "other port": "https://idp.example:8443/keys",
    "loopback": "https://127.0.0.1/keys",
    "link-local": "https://169.254.169.254/latest/meta-data",
    "private": "https://10.0.0.1/keys",
    "IPv6 loopback": "https://[::1]/keys",
    "mapped": "https://[::ffff:10.0.0.1]/keys",
    "decimal": "https://2130706433/keys",
    "octal": "https://0177.0.0.1/keys",
    "hexadecimal": "https://0x7f000001/keys",
    "short": "https://127.1/keys",
    "trailing dot": "https://idp.example./keys",
}


@pytest.mark.parametrize("place", REFUSED)
def test_a_jwks_uri_that_breaks_rule_11_is_refused(place):
    """One bad URL that would be used refuses the document."""
    assert "jwks_uri" in outage(jwks_uri, metadata(jwks_uri=REFUSED[place]), ISSUER, SUFFIX, OPEN)


@pytest.mark.parametrize(
    "url", ["https://idp.example/keys", "https://IDP.example/keys", "https://idp.example:443/keys?t=1"]
)
def test_a_jwks_uri_on_the_configured_host_is_used(url):
    """Path and query are the provider's, the host is the configured one, its default port written out or not."""
    assert jwks_uri(metadata(jwks_uri=url), (ISSUER,), SUFFIX, OPEN) == url


@pytest.mark.parametrize(
    ("url", "listed", "other"),
    [
        ("https://cdn.example/keys", "cdn.example", "cdn.example:8443"),
        ("https://cdn.example:8443/keys", "cdn.example:8443", "cdn.example"),
        ("https://[2606:2800::1]/keys", "[2606:2800::1]", "[2606:2800::2]"),
    ],
)
def test_a_listed_host_lets_a_jwks_uri_pass(url, listed, other):
    """A host that the operator lists may hold the keys, on exactly the port that is listed."""
    document = metadata(jwks_uri=url)
    assert jwks_uri(document, (ISSUER,), SUFFIX, Network(allowed_hosts=[listed])) == url
    assert "host" in outage(jwks_uri, document, ISSUER, SUFFIX, Network(allowed_hosts=[other]))


def test_the_host_of_the_document_may_hold_the_keys():
    """A configured discovery URL vouches for its host, even where the issuer is no URL."""
    document = metadata(issuer="urn:acme", jwks_uri="https://meta.example/keys")
    found_at = "https://meta.example/doc"
    assert jwks_uri(document, ("urn:acme",), found_at, OPEN) == "https://meta.example/keys"


def test_http_is_used_only_where_it_is_allowed():
    """An http URL in a document passes with `insecure_http`, on the same port."""
    document, issuer = {"issuer": "http://idp:8080", "jwks_uri": "http://idp:8080/keys"}, "http://idp:8080"
    assert jwks_uri(document, (issuer,), issuer + "/doc", Network(insecure_http=True)) == "http://idp:8080/keys"
    assert "https" in outage(jwks_uri, document, issuer, issuer + "/doc", OPEN)


def test_every_endpoint_is_held_to_the_same_rule():
    """Whatever endpoint is to be used, the outage names it."""
    allowed = allowed_origins((ISSUER,), OPEN)
    document = {"introspection_endpoint": "https://evil.example/introspect"}
    assert "introspection_endpoint" in outage(usable_url, document, "introspection_endpoint", allowed, OPEN)


def test_what_is_no_url_allows_no_host():
    """Issuers that are no URLs add no host."""
    assert allowed_origins(("urn:acme", "accounts.example"), Network()) == frozenset()


def test_the_exchange_is_frozen():
    """What one fetch may use cannot be changed while it runs."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        exchange().max_bytes = 7
