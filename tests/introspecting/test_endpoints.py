"""Where a key manager's endpoints are: in its issuer's own document, and for how long."""

import pytest

from kmvalidate import ClientCredentials, ClientSecretPost, KeyManagerUnavailable, Network, RemoteKeys, TlsClientAuth
from tests.fakes import INSERTED, SUFFIX, WAIT_S, HeldTransport, answer, in_threads, metadata
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, SECRET, TOKENS, Asker, said
from tests.signing import ISSUER

HOUR_S, DAY_S = 3600, 86_400
MTLS = "https://idp.example:8443/introspect"
ELSEWHERE = "https://other.example/introspect"
LISTED = Network(allowed_hosts=("idp.example:8443", "other.example"))


def document(**changes):
    return metadata(introspection_endpoint=ENDPOINT, token_endpoint=TOKENS) | changes


def discovering(found=None, transport=None, **configuration):
    """Return who asks at an endpoint that its issuer's document names."""
    answers = {SUFFIX: document() if found is None else found, ENDPOINT: said(ACTIVE)}
    return Asker(answers, transport, **{"endpoint": ()} | configuration)


def test_the_endpoint_is_looked_up_in_the_document_of_the_issuer():
    """Without a configured endpoint the issuer's own document says it, and it is fetched once."""
    asker = discovering()
    assert asker.urls() == [SUFFIX, ENDPOINT]
    assert asker.urls() == [ENDPOINT]


def test_a_configured_endpoint_is_asked_without_a_document():
    """A configured endpoint may be on any host, and no document is fetched for it."""
    asker = Asker({ELSEWHERE: said(ACTIVE)}, endpoint=ELSEWHERE)
    assert asker.urls() == [ELSEWHERE]


def test_the_second_form_is_looked_at_too():
    """Where the form of OpenID Connect has no document, redirects included, that of RFC 8414 is looked at."""
    asker = discovering(answer({}, 302, location=ELSEWHERE))
    asker.answers[INSERTED] = document()
    assert asker.urls() == [SUFFIX, INSERTED, ENDPOINT]


def test_the_document_may_lie_where_the_keys_say():
    """With a discovery URL that one is asked, in the network of the keys, and its host may have the endpoint."""
    url, there = "https://docs.example/custom", "https://docs.example/introspect"
    network = Network(private_addresses=True)
    asker = discovering(keys=RemoteKeys(discovery_url=url, network=network))
    asker.answers |= {url: document(introspection_endpoint=there), there: said(ACTIVE)}
    requests = asker.asked()
    assert [request.url for request in requests] == [url, there]
    assert {request.network for request in requests} == {network}


@pytest.mark.parametrize("issuer", [None, "", ISSUER + "/", ISSUER.upper(), "https://other.example", [ISSUER], {}])
def test_the_document_of_another_issuer_is_none(issuer):
    """A document that does not name exactly the configured issuer is an outage, and nothing else is asked."""
    asker = discovering(document(issuer=issuer))
    assert "its issuer is not the configured one" in asker.outage().why
    assert asker.transport.hits == {SUFFIX: 1}


BAD = [
    None,
    7,
    [ENDPOINT],
    "",
    "/introspect",
    "http://idp.example/introspect",
    ELSEWHERE,
    "https://idp.example:8443/introspect",
    "https://idp.example.evil.example/introspect",
    "https://idp.example@evil.example/introspect",
    "https://user@idp.example/introspect",
    ENDPOINT + "#f",
    ENDPOINT + " ",
    ENDPOINT + "\r\nx",
    "file:///etc/passwd",
    "https://169.254.169.254/introspect",
    "https://\u0131dp.example/introspect",
]


@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_one_bad_endpoint_refuses(url):
    """An endpoint that is no https URL on a host that was configured or listed is an outage, and is not asked."""
    asker = discovering(document(introspection_endpoint=url))
    assert "discovery document: introspection_endpoint" in asker.outage().why
    asker = discovering({key: value for key, value in document().items() if key != "introspection_endpoint"})
    assert "discovery document: introspection_endpoint" in asker.outage().why
    assert asker.transport.hits == {SUFFIX: 1}


def test_listed_hosts_may_have_the_endpoint():
    """A host that is listed for introspection, or for the keys where that says nothing, may have it."""
    for configuration in ({"network": LISTED}, {"keys": RemoteKeys(network=LISTED)}):
        asker = discovering(document(introspection_endpoint=ELSEWHERE), **configuration)
        asker.answers[ELSEWHERE] = said(ACTIVE)
        assert asker.urls() == [SUFFIX, ELSEWHERE]
    asker = discovering(document(introspection_endpoint=ELSEWHERE), keys=RemoteKeys(network=LISTED), network=Network())
    assert "on a host that was not configured" in asker.outage().why


@pytest.fixture
def certificate(tmp_path):
    chain = tmp_path / "chain.pem"
    chain.write_text("-")
    return chain


@pytest.fixture
def shown(certificate):
    """Return the configuration of a client with a certificate, which may be shown at another port, too."""
    network = Network(client_cert_file=certificate, allowed_hosts=("idp.example:8443",))
    return {"client": TlsClientAuth("shop"), "network": network}


def aliased(url):
    return document(mtls_endpoint_aliases={"introspection_endpoint": url, "token_endpoint": url})


def test_whoever_shows_a_certificate_asks_where_it_is_looked_at(shown):
    """The alias for mutual TLS (RFC 8705 section 5) is asked by a client with a certificate, and by no other."""
    for configuration, endpoint in ((shown, MTLS), ({"network": shown["network"]}, ENDPOINT)):
        asker = discovering(aliased(MTLS), **configuration)
        asker.answers[MTLS] = said(ACTIVE)
        assert asker.urls() == [SUFFIX, endpoint]


def test_tokens_are_obtained_with_the_certificate_too(shown):
    """A client with a certificate that obtains a bearer token does so at the alias of the token endpoint."""
    asker = discovering(aliased(MTLS), **shown | {"client": ClientCredentials(TlsClientAuth("shop"))})
    asker.answers[MTLS] = said({"access_token": "at-1", "token_type": "Bearer", **ACTIVE})
    assert asker.urls() == [SUFFIX, MTLS, MTLS]


@pytest.mark.parametrize("aliases", [{}, {"token_endpoint": MTLS}, None, [], "introspection_endpoint"], ids=repr)
def test_a_missing_alias_falls_back(aliases, shown):
    """Without an alias for it the endpoint itself is asked."""
    assert discovering(document(mtls_endpoint_aliases=aliases), **shown).urls() == [SUFFIX, ENDPOINT]


@pytest.mark.parametrize("alias", [*BAD[:7], *BAD[8:]], ids=ascii)
def test_a_bad_alias_refuses(alias, shown):
    """An alias is held to the same rules, and one that breaks them is an outage, not a reason to fall back."""
    asker = discovering(aliased(alias), **shown)
    assert "discovery document: introspection_endpoint" in asker.outage().why
    assert asker.transport.hits == {SUFFIX: 1}


def test_a_document_is_used_for_an_hour():
    """The document is fetched again after an hour, and what it says then counts."""
    asker = discovering()
    asker.ask()
    asker.clock.pass_s(HOUR_S - 0.1)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.1)
    moved = ISSUER + "/moved"
    asker.answers |= {SUFFIX: document(introspection_endpoint=moved), moved: said(ACTIVE)}
    assert asker.urls() == [SUFFIX, moved]


@pytest.mark.parametrize("failure", [OSError(), said({}, 503), document(issuer="https://other.example"), b"{"], ids=str)
def test_a_document_is_used_for_a_day_if_there_is_no_other(failure):
    """While the document cannot be fetched the last good one counts for a day, and it is tried again now and then."""
    asker = discovering()
    asker.ask()
    asker.answers[SUFFIX] = failure
    asker.clock.pass_s(HOUR_S)
    assert asker.urls() == [SUFFIX, ENDPOINT]
    asker.clock.pass_s(29.9)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.1)
    assert asker.urls() == [SUFFIX, ENDPOINT]
    asker.clock.pass_s(DAY_S - HOUR_S - 30.1)
    assert asker.urls() == [SUFFIX, ENDPOINT]
    asker.clock.pass_s(30)
    assert asker.urls() == [SUFFIX]
    asker.answers[SUFFIX] = document()
    assert asker.urls() == [SUFFIX, ENDPOINT]


def test_an_hourly_look_leaves_time_to_ask():
    """A document that does not come when it is due takes half the time, and the endpoint is asked in the other half."""
    asker = discovering()
    asker.ask()
    asker.answers[SUFFIX] = asker.slow()
    asker.clock.pass_s(HOUR_S)
    assert [(request.url, request.deadline_s) for request in asker.asked()] == [(SUFFIX, 2.5), (ENDPOINT, 2.5)]


def test_the_first_look_takes_from_the_deadline():
    """What the document takes is not there for asking."""
    asker = discovering()
    asker.answers[SUFFIX] = asker.slow(4.0, answer(document()))
    assert [request.deadline_s for request in asker.asked()] == [5.0, 1.0]


def test_a_first_look_that_fails_is_an_outage_and_is_tried_again():
    """Without any document there is nobody to ask, and the next call looks again."""
    asker = discovering(said({}, 500))
    for _ in range(2):
        assert "status 500" in asker.outage().why
    asker.answers[SUFFIX] = document()
    assert asker.urls() == [SUFFIX, ENDPOINT]


def test_whoever_looks_at_the_same_time_shares_one_request():
    """Callers that need the document at the same time wait for one request."""
    asker = discovering(transport=HeldTransport({SUFFIX: document(), ENDPOINT: said(ACTIVE)}))
    threads = in_threads(8, asker.ask)
    for _ in threads:
        assert asker.ports.waiting.acquire(timeout=WAIT_S)
    asker.transport.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert asker.transport.hits == {SUFFIX: 1, ENDPOINT: 8}


def test_the_token_endpoint_may_be_configured_or_looked_up():
    """A token endpoint comes from the configuration, on any host, or else from the document, by the same rules."""
    client = ClientSecretPost("shop", SECRET)
    there = "https://tokens.example/token"
    granted = said({"access_token": "at-1", "token_type": "Bearer"})
    asker = discovering(client=ClientCredentials(client, token_endpoint=there))
    asker.answers[there] = granted
    assert asker.urls() == [SUFFIX, there, ENDPOINT]
    asker = discovering(client=ClientCredentials(client))
    asker.answers[TOKENS] = granted
    assert asker.urls() == [SUFFIX, TOKENS, ENDPOINT]
    asker = discovering(document(token_endpoint=there), client=ClientCredentials(client))
    assert "token_endpoint is on a host that was not configured" in asker.outage().why
    assert asker.transport.hits == {SUFFIX: 1}


def test_a_look_that_nobody_can_begin_is_an_outage():
    """Where no thread can be started nobody is asked, and nothing stays stuck."""
    asker = discovering()
    asker.ports.refusing = RuntimeError("can't start new thread")
    assert isinstance(asker.outage(), KeyManagerUnavailable)
    asker.ports.refusing = None
    assert asker.ask() == ACTIVE
