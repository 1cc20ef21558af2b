"""Where the keys of a real issuer are found, how often it is asked for them, and what is not fetched."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable, Network, Reason
from tests.e2e.gateway import SettableClock, altered, gateway, header_of, refusal
from tests.e2e.provider import ALGORITHMS, OAUTH, OIDC, Issuer
from tests.hostile import Authority

pytestmark = pytest.mark.e2e


def test_asked_once_for_many_tokens(issuer: Issuer) -> None:
    """For fifty tokens an issuer is asked once for its metadata and once for its keys."""
    tokens = [issuer.token(ALGORITHMS[number % len(ALGORITHMS)]) for number in range(50)]
    issuer.reset()
    validator = gateway(issuer)
    for token in tokens:
        validator.authenticate(token)
    assert (issuer.hits(OIDC), issuer.hits("/jwks"), issuer.hits("")) == (1, 1, 2)


def test_asked_once_for_many_threads(issuer: Issuer) -> None:
    """Threads that need the keys at once share one fetch of them."""
    issuer.fault("/jwks", delay_ms=200)
    validator, token = gateway(issuer), issuer.token("ES256")
    with ThreadPoolExecutor(16) as threads:
        verified = list(threads.map(validator.authenticate, [token] * 16))
    assert {one.issuer for one in verified} == {issuer.url}
    assert (issuer.hits(OIDC), issuer.hits("/jwks")) == (1, 1)


def test_not_asked_before_the_first_token(issuer: Issuer) -> None:
    """A gateway that is only built asks nobody for anything."""
    gateway(issuer)
    assert issuer.hits("") == 0


def test_a_flood_of_key_ids(root: Issuer, clock: SettableClock) -> None:
    """However many key ids are invented, an issuer is asked for new keys once in a cool-down."""
    validator, token = gateway(root, clock=clock), root.token("ES256")
    validator.authenticate(token)
    forged = [altered(token, header={"kid": f"invented-{number}"}) for number in range(20)]
    for expected in (1, 2, 3):
        assert {refusal(validator, one).reason for one in forged} == {Reason.UNKNOWN_KEY}
        assert root.hits("/jwks") == expected
        clock.advance(10.5)


def test_bad_signatures_fetch_nothing(root: Issuer, clock: SettableClock) -> None:
    """A bad signature under a known key never makes anybody fetch."""
    validator, token = gateway(root, clock=clock), root.token("ES256")
    validator.authenticate(token)
    for _ in range(3):
        clock.advance(60)
        assert refusal(validator, altered(token, claims={"sub": "root"})).reason is Reason.BAD_SIGNATURE
    assert root.hits("/jwks") == 1


def test_suffix_form(path: Issuer) -> None:
    """The metadata of an issuer with a path is found behind that path (OpenID Connect Discovery, section 4)."""
    gateway(path).authenticate(path.token("ES256"))
    assert (path.hits(f"GET {path.mount}{OIDC}"), path.hits("GET /.well-known")) == (1, 0)


def test_inserted_form(path: Issuer) -> None:
    """The metadata of an issuer with a path is found between its host and its path where that is configured."""
    inserted = f"{path.root}{OAUTH}{path.mount}"
    gateway(path, discovery_url=inserted).authenticate(path.token("ES256"))
    assert (path.hits(f"GET {OAUTH}{path.mount}"), path.hits(OIDC)) == (1, 0)


def test_inserted_form_by_itself(issuer: Issuer) -> None:
    """An issuer that publishes nothing for OpenID is found by RFC 8414's form without being told."""
    issuer.fault(OIDC, status=404)
    gateway(issuer).authenticate(issuer.token("ES256"))
    assert (issuer.hits(OIDC), issuer.hits(f"GET {OAUTH}{issuer.mount}")) == (1, 1)


def test_keys_without_discovery(issuer: Issuer) -> None:
    """Where the URL of the keys is configured, nothing else is asked."""
    token = issuer.token("ES256")
    issuer.reset()
    gateway(issuer, jwks_url=f"{issuer.url}/jwks").authenticate(token)
    assert (issuer.hits("/jwks"), issuer.hits("")) == (1, 1)


def test_metadata_of_another_issuer(root: Issuer, path: Issuer) -> None:
    """A document that names another issuer is not used (OpenID Connect Discovery, section 4.3)."""
    validator = gateway(root, discovery_url=path.url + OIDC)
    with pytest.raises(KeyManagerUnavailable, match="issuer"):
        validator.authenticate(root.token("ES256"))
    assert path.hits("/jwks") == 0


def test_keys_on_another_host(root: Issuer, path: Issuer) -> None:
    """A document that puts the keys on a host that is not configured is not used, until that host is listed."""
    elsewhere = root.get(OIDC) | {"jwks_uri": f"{path.url}/jwks"}
    root.fault(OIDC, status=200, body=json.dumps(elsewhere))
    token = root.token("ES256")
    with pytest.raises(KeyManagerUnavailable, match="jwks_uri"):
        gateway(root).authenticate(token)
    assert path.hits("/jwks") == 0
    listed = Network(private_addresses=True, insecure_http=True, allowed_hosts=(path.root.removeprefix("http://"),))
    same_key_id = altered(token, header=header_of(path.token("ES256")))
    assert refusal(gateway(root, network=listed), same_key_id).reason is Reason.BAD_SIGNATURE
    assert path.hits("/jwks") == 1


@pytest.mark.parametrize("what", ["/.well-known/", "/jwks"])
def test_redirects_are_not_followed(root: Issuer, path: Issuer, what: str) -> None:
    """A redirect ends a fetch, wherever it leads."""
    root.fault(what, status=302, headers={"location": f"{path.url}/jwks"})
    with pytest.raises(KeyManagerUnavailable, match="302"):
        gateway(root).authenticate(root.token("ES256"))
    assert path.hits("") == 0


def test_tls_without_its_authority(tls: Issuer) -> None:
    """An issuer whose certificate is not trusted is unavailable."""
    validator = gateway(tls, network=Network(private_addresses=True))
    with pytest.raises(KeyManagerUnavailable) as caught:
        validator.authenticate(tls.token("ES256"))
    assert caught.value.key_manager == "tls"
    assert tls.hits(OIDC) == 0


def test_tls_with_another_authority(tls: Issuer, tmp_path: Path) -> None:
    """An issuer whose certificate comes from an authority that is not the configured one is unavailable."""
    stranger = Authority(tmp_path, "stranger")
    validator = gateway(tls, network=Network(private_addresses=True, ca_file=stranger.ca_file))
    with pytest.raises(KeyManagerUnavailable):
        validator.authenticate(tls.token("ES256"))
    assert tls.hits(OIDC) == 0


def test_tls_with_a_client_certificate(tls: Issuer) -> None:
    """An issuer that asks for a client certificate gets the configured one."""
    client, authority = tls.certificates.client, tls.certificates.ca_file
    network = Network(
        private_addresses=True,
        ca_file=authority,
        client_cert_file=client.cert_file,
        client_key_file=client.key_file,
    )
    gateway(tls, network=network).authenticate(tls.token("ES256"))


def test_private_addresses(issuer: Issuer) -> None:
    """An issuer on a loopback address is not even connected to, unless that is opted in."""
    network = Network(insecure_http=True, ca_file=issuer.certificates.ca_file)
    with pytest.raises(KeyManagerUnavailable):
        gateway(issuer, network=network).authenticate(issuer.token("ES256"))
    assert issuer.hits(OIDC) == 0


def test_plain_http(root: Issuer) -> None:
    """An issuer without TLS cannot be configured, unless that is opted in."""
    with pytest.raises(ConfigurationError, match="https"):
        gateway(root, network=Network(private_addresses=True))
