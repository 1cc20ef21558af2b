"""What `discover` shows of a provider, and the configuration that a person takes over from it."""

import attrs
import pytest

import kmvalidate as km
from kmvalidate import ConfigurationError, Discovered, KeyManager, KeyManagerUnavailable, Network, RemoteKeys, discover
from tests.fakes import (
    INSERTED,
    KEYS,
    SUFFIX,
    FakeTransport,
    SettableClock,
    answer,
    key_set,
    metadata,
    published,
)
from tests.signing import ISSUER, public_jwk

ELSEWHERE = "https://cdn.example/keys"


def look(answers, url=ISSUER, **network):
    """Return what is discovered of a provider with these answers."""
    reach = Network(**network) if network else None
    return discover(url, network=reach, transport=FakeTransport(answers), clock=SettableClock())


def outage(answers, url=ISSUER, **network):
    with pytest.raises(KeyManagerUnavailable) as caught:
        look(answers, url, **network)
    return caught.value.why


def taken(found, **rest):
    return found.key_manager(**{"name": "Acme", "audience": "orders"} | rest)


def built(text):
    """Return what the Python text builds."""
    return eval(text, {"km": km})  # noqa: S307


def test_an_issuer_is_shown_as_it_is():
    """Everything a person needs to judge a provider is there, from one look at its document and its keys."""
    transport = FakeTransport(published("a", introspection_endpoint=ISSUER + "/introspect"))
    found = discover(ISSUER, transport=transport, clock=SettableClock())
    assert (found.issuer, found.asked_issuer, found.issuer_matches) == (ISSUER, ISSUER, True)
    assert (found.discovery_url, found.jwks_uri) == (SUFFIX, KEYS)
    assert found.introspection_endpoint == ISSUER + "/introspect"
    assert [(key.kid, key.alg, key.shape) for key in found.keys] == [("a", None, "P-256")]
    assert (found.algorithms, found.foreign_hosts, found.skipped, found.notes) == (("ES256",), (), (), ())
    assert transport.hits == {SUFFIX: 1, KEYS: 1}


@pytest.mark.parametrize(
    ("url", "place"),
    [(ISSUER, SUFFIX), (ISSUER, INSERTED), (SUFFIX, SUFFIX), (INSERTED, INSERTED)],
    ids=["issuer, suffix form", "issuer, inserted form", "suffix form", "inserted form"],
)
def test_both_forms_are_found(url, place):
    """An issuer's document is looked for in both places, a full URL is asked as it is; both stand for the issuer."""
    transport = FakeTransport({place: metadata(), KEYS: key_set("a")})
    found = discover(url, transport=transport, clock=SettableClock())
    assert (found.discovery_url, found.asked_issuer, found.issuer_matches) == (place, ISSUER, True)
    assert set(transport.hits) <= {SUFFIX, place, KEYS}


def test_the_configuration_is_the_one_a_person_would_write():
    """For a provider that keeps to the standards the issuer alone is configured."""
    expected = KeyManager(name="Acme", issuer=ISSUER, audience="orders", algorithms=["ES256"], keys=RemoteKeys())
    assert taken(look(published("a"))) == expected


@pytest.mark.parametrize(
    ("url", "place", "needed"),
    [(ISSUER, SUFFIX, None), (ISSUER, INSERTED, None), (SUFFIX, SUFFIX, None), (INSERTED, INSERTED, INSERTED)],
)
def test_the_url_is_configured_where_the_issuer_does_not_lead_to_it(url, place, needed):
    """The configuration finds the very document that was looked at, with its URL only where that is needed."""
    found = look({place: metadata(), KEYS: key_set("a")}, url)
    assert taken(found).keys.discovery_url == needed


def test_a_query_in_the_url_is_kept():
    """A document that depends on a query is configured with it."""
    url = SUFFIX + "?appid=1"
    assert taken(look({url: metadata(), KEYS: key_set("a")}, url)).keys.discovery_url == url


def test_an_issuer_that_is_no_url_is_found_by_its_document():
    """A provider whose tokens name something else than a URL is configured with the URL of its document."""
    found = look({SUFFIX: metadata(issuer="urn:acme"), KEYS: key_set("a")})
    configured = taken(found, issuer="urn:acme")
    assert (configured.issuer, configured.keys.discovery_url) == ("urn:acme", SUFFIX)


def test_another_issuer_is_shown_and_must_be_confirmed():
    """Where the document names another issuer, nothing is configured until a person says that issuer."""
    found = look(published("a", issuer=ISSUER + "/"))
    assert (found.issuer_matches, found.asked_issuer, found.issuer) == (False, ISSUER, ISSUER + "/")
    assert any("another issuer" in note for note in found.notes)
    for unconfirmed in (None, ISSUER, "https://evil.example"):
        with pytest.raises(ConfigurationError, match="confirm"):
            taken(found, issuer=unconfirmed)
    assert taken(found, issuer=ISSUER + "/").issuer == ISSUER + "/"


def test_a_wrong_confirmation_is_refused():
    """Saying another issuer than the document's is an error even where the document names the one asked for."""
    found = look(published("a"))
    assert taken(found, issuer=ISSUER).issuer == ISSUER
    with pytest.raises(ConfigurationError, match="confirm"):
        taken(found, issuer="https://evil.example")


def test_a_document_cannot_send_us_to_its_own_issuers_host():
    """The host of an issuer that only the document names is foreign until a person lists it."""
    evil = "https://evil.example"
    transport = FakeTransport({SUFFIX: metadata(issuer=evil, jwks_uri=evil + "/keys")})
    found = discover(ISSUER, transport=transport, clock=SettableClock())
    assert (found.foreign_hosts, transport.hits) == (("evil.example",), {SUFFIX: 1})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (ELSEWHERE, "cdn.example"),
        ("https://cdn.example:8443/keys", "cdn.example:8443"),
        ("https://idp.example:8443/keys", "idp.example:8443"),
        ("https://[2606:2800::1]/keys", "[2606:2800::1]"),
        ("https://[2606:2800::1]:8443/keys", "[2606:2800::1]:8443"),
    ],
)
def test_keys_on_another_host_are_fetched_only_when_it_is_listed(url, host):
    """A foreign host is reported in the form in which it can be listed, and only then asked and configured."""
    transport = FakeTransport({SUFFIX: metadata(jwks_uri=url), url: key_set("a")})
    found = discover(ISSUER, transport=transport, clock=SettableClock())
    assert (found.foreign_hosts, found.keys, transport.hits) == ((host,), (), {SUFFIX: 1})
    assert found.algorithms == ("ES256",)
    assert any("not fetched" in note for note in found.notes)
    with pytest.raises(ConfigurationError, match="allowed_hosts"):
        taken(found)
    listed = look(transport.answers, allowed_hosts=(host,))
    assert (listed.foreign_hosts, [key.kid for key in listed.keys]) == ((host,), ["a"])
    assert taken(listed).keys.network.allowed_hosts == (host,)


def test_introspection_on_another_host_is_reported():
    """A foreign introspection host is named, and keeps nobody from using the keys."""
    found = look(published("a", introspection_endpoint="https://api.example/introspect"))
    assert found.foreign_hosts == ("api.example",)
    assert taken(found).issuer == ISSUER


def test_an_unusable_introspection_endpoint_is_noted():
    """An introspection endpoint that may not be used is left out with a note."""
    found = look(published("a", introspection_endpoint="http://idp.example/introspect"))
    assert found.introspection_endpoint is None
    assert any("introspection" in note for note in found.notes)
    assert look(published("a")).notes == ()  # where none was named, none is missed


@pytest.mark.parametrize(
    ("said", "jwks", "algorithms"),
    [
        (["RS256", "ES256", "HS256", "none"], [public_jwk("P-256")], ("ES256",)),
        (["RS256", "PS256"], [public_jwk("RSA"), public_jwk("P-256")], ("RS256", "PS256")),
        (["RS256", "PS256"], [public_jwk("RSA", alg="PS256")], ("PS256",)),
        (["EdDSA"], [public_jwk("Ed25519")], ("EdDSA",)),
        (None, [public_jwk("P-384")], ("ES384",)),
        ("ES256", [public_jwk("P-256")], ("ES256",)),
        ([7, {}, "ES256"], [public_jwk("P-256")], ("ES256",)),
        (["HS256"], [public_jwk("P-256")], ()),
        (["ES256K"], [public_jwk("secp256k1")], ()),
    ],
    ids=str,
)
def test_algorithms_are_what_all_sides_have_in_common(said, jwks, algorithms):
    """Only what the document names, a key serves and this library accepts by default is proposed."""
    document = metadata(id_token_signing_alg_values_supported=said)
    assert look({SUFFIX: document, KEYS: {"keys": jwks}}).algorithms == algorithms


def test_algorithms_that_must_be_asked_for_are_noted():
    """A provider that signs with ES256K is configured with it only when a person says so."""
    document = metadata(id_token_signing_alg_values_supported=["ES256K"])
    found = look({SUFFIX: document, KEYS: {"keys": [public_jwk("secp256k1")]}})
    assert any("ES256K" in note for note in found.notes)
    with pytest.raises(ConfigurationError, match="algorithms"):
        taken(found)
    assert taken(found, algorithms=["ES256K"]).algorithms == ("ES256K",)


def test_skipped_entries_are_shown():
    """Entries of the key set that are not used are reported with their place, their kid and why."""
    jwks = {"keys": [{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, *key_set("a")["keys"]]}
    found = look({SUFFIX: metadata(), KEYS: jwks})
    assert [(skip.place, skip.kid) for skip in found.skipped] == [(0, "shared")]
    assert any(line.startswith("entry 0") and "shared" in line and "kty" in line for line in found.report())
    assert not any("c2VjcmV0" in line for line in found.report())


def test_the_python_text_builds_the_configuration(tmp_path):
    """What the text builds is what `key_manager` returns."""
    (tmp_path / "ca.pem").touch()
    for found in (
        look(published("a")),
        look({INSERTED: metadata(), KEYS: key_set("a")}, INSERTED),
        look({SUFFIX: metadata(jwks_uri=ELSEWHERE), ELSEWHERE: key_set("a")}, allowed_hosts=("cdn.example",)),
        look(published("a"), private_addresses=True, ca_file=str(tmp_path / "ca.pem")),
    ):
        assert built(found.as_python(name="Acme", audience="orders")) == taken(found)


def test_the_python_text_shows_what_is_to_be_confirmed():
    """For review the text names the document's issuer and the host of its keys, though neither is confirmed yet."""
    found = look({SUFFIX: metadata(issuer="https://acme.example", jwks_uri=ELSEWHERE)})
    proposed = built(found.as_python())
    assert (proposed.name, proposed.issuer) == ("idp.example", "https://acme.example")
    assert (proposed.keys.discovery_url, proposed.keys.network.allowed_hosts) == (SUFFIX, ("cdn.example",))
    assert "..." in proposed.audience


def test_the_python_text_hides_secrets(tmp_path):
    """A proxy's URL and the name of a private key file are for the person to fill in."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    files = {"client_cert_file": str(tmp_path / "cert.pem"), "client_key_file": str(tmp_path / "key.pem")}
    text = look(published("a"), proxy="http://user:pw@proxy", **files).as_python()
    assert "proxy=..." in text
    assert "client_key_file=..." in text
    assert not any(secret in text for secret in ("pw", "key.pem"))


def test_a_hostile_issuer_stays_a_string():
    """Whatever a document names as its issuer, the text is one string literal and the report printable lines."""
    hostile = '",)\x1b[2J\n\u202eimport os; "'
    found = look({SUFFIX: metadata(issuer=hostile), KEYS: key_set("a")})
    assert built(found.as_python()).issuer == hostile
    assert all(line.isascii() and line.isprintable() for line in found.report())


def test_the_report_says_everything():
    """The report shows each fact, every key, the notes, and ends with the Python text."""
    jwks = {"keys": [public_jwk("P-256", kid="a\x07b", alg="ES256"), public_jwk("RSA", kid=None)]}
    del jwks["keys"][1]["kid"]
    document = metadata(issuer=ISSUER + "/", introspection_endpoint=ISSUER + "/introspect")
    found = look({SUFFIX: document, KEYS: jwks})
    report = found.report()
    text = "\n".join(report)
    for fact in (f"'{ISSUER}/'", f"'{ISSUER}'  NOT THE SAME", SUFFIX, KEYS, ISSUER + "/introspect", "ES256  P-256"):
        assert fact in text
    assert "a\\x07b" in text
    assert "no kid  any alg  RSA" in text
    assert any(line.startswith("note") for line in report)
    assert text.endswith(found.as_python())


def test_the_report_of_a_bare_provider_has_no_gaps():
    """What a provider does not have is shown as a dash."""
    document = metadata(id_token_signing_alg_values_supported=["HS256"])
    lines = look({SUFFIX: document, KEYS: key_set("a")}).report()
    assert {line.split()[0] for line in lines if line.endswith(" -")} == {"introspection", "algorithms"}


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "no discovery document"),
        ({SUFFIX: answer({}, 503)}, "status 503"),
        ({SUFFIX: b"<html>"}, "not JSON"),
        ({SUFFIX: metadata(issuer=None)}, "names no issuer"),
        ({SUFFIX: metadata(issuer=7)}, "names no issuer"),
        ({SUFFIX: metadata(issuer="")}, "names no issuer"),
        ({SUFFIX: metadata(issuer="x" * 2049)}, "names no issuer"),
        ({SUFFIX: metadata(jwks_uri="/keys")}, "jwks_uri"),
        ({SUFFIX: metadata(jwks_uri="http://idp.example/keys")}, "jwks_uri"),
        ({SUFFIX: metadata(jwks_uri="https://u@idp.example/keys")}, "jwks_uri"),
        ({SUFFIX: metadata()}, "key set: status 404"),
        ({SUFFIX: metadata(), KEYS: {"keys": []}}, "none of the keys"),
        ({SUFFIX: OSError("a secret")}, "the transport raised OSError"),
        ({SUFFIX: "a secret"}, "the transport returned str"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_provider_without_a_usable_answer_is_unavailable(answers, why):
    """Whatever comes instead of a document and its keys is an outage that says which step failed."""
    said = outage(answers)
    assert why in said
    assert "secret" not in said


def test_the_deadline_is_measured_with_the_given_clock():
    """A provider whose document takes the whole deadline, by the clock passed in, is not asked for its keys."""
    clock, transport = SettableClock(), FakeTransport(published("a"))
    transport.answers[SUFFIX] = lambda: clock.pass_s(5) or metadata()
    with pytest.raises(KeyManagerUnavailable, match="no time left"):
        discover(ISSUER, transport=transport, clock=clock)
    assert transport.hits == {SUFFIX: 1}


@pytest.mark.parametrize(
    "url", ["", "idp.example", "http://idp.example", "https://u@idp.example", "https://idp.example?x=1", None], ids=str
)
def test_what_is_no_url_is_a_configuration_error(url):
    """A URL that cannot be an issuer's is the operator's mistake, and nothing is fetched."""
    transport = FakeTransport()
    with pytest.raises(ConfigurationError):
        discover(url, transport=transport)
    assert not transport.requests


def test_plain_http_is_looked_at_only_where_it_is_allowed():
    """With `insecure_http` a provider on http is shown, and configured the same way."""
    issuer = "http://idp:8080"
    document = metadata(issuer=issuer, jwks_uri=issuer + "/keys")
    answers = {issuer + "/.well-known/openid-configuration": document, issuer + "/keys": key_set("a")}
    found = look(answers, issuer, insecure_http=True)
    assert taken(found).keys == RemoteKeys(network=Network(insecure_http=True))


def test_what_was_discovered_is_frozen():
    """A reviewed configuration cannot be changed after the review."""
    found = look(published("a"))
    assert isinstance(found, Discovered)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.issuer = "https://evil.example"
