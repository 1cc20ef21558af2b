"""What guards the way to an issuer does so for every kind of caller, and with either transport."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kmvalidate import Network
from tests.e2e.live import Live, fetches
from tests.e2e.provider import OIDC, Issuer
from tests.hostile import Authority

pytestmark = pytest.mark.e2e


def test_the_configured_authority(live: Callable[..., Live], tls: Issuer) -> None:
    """Keys are fetched over TLS from an issuer whose certificate the configured authority gave."""
    live(tls).accept(tls.token("ES256"))
    assert fetches(tls) == (1, 1)


def test_a_client_certificate(live: Callable[..., Live], tls: Issuer) -> None:
    """Keys are fetched with the client certificate that is configured."""
    own = tls.certificates.client
    network = Network(
        private_addresses=True,
        ca_file=tls.certificates.ca_file,
        client_cert_file=own.cert_file,
        client_key_file=own.key_file,
    )
    live(tls, network=network).accept(tls.token("ES256"))
    assert fetches(tls) == (1, 1)


@pytest.mark.parametrize("trusted", ["the default ones", "another"])
def test_an_unknown_authority(live: Callable[..., Live], tls: Issuer, tmp_path: Path, trusted: str) -> None:
    """An issuer whose certificate is from an authority that is not trusted is unavailable, and told nothing."""
    ca_file = Authority(tmp_path, "stranger").ca_file if trusted == "another" else None
    gate = live(tls, network=Network(private_addresses=True, ca_file=ca_file))
    assert "certificate" in gate.unavailable(tls.token("ES256")).why
    assert fetches(tls) == (0, 0)


def test_private_addresses(live: Callable[..., Live], issuer: Issuer) -> None:
    """An issuer on a loopback address is not asked unless that is opted in."""
    gate = live(issuer, network=Network(insecure_http=True, ca_file=issuer.certificates.ca_file))
    assert gate.unavailable(issuer.token("ES256")).key_manager == issuer.name
    assert fetches(issuer) == (0, 0)


@pytest.mark.parametrize("document", ["/.well-known/", "/jwks"], ids=["metadata", "keys"])
def test_redirects(live: Callable[..., Live], root: Issuer, path: Issuer, document: str) -> None:
    """A redirect is not followed, wherever it leads."""
    root.fault(document, status=302, headers={"location": path.url + OIDC})
    assert "302" in live(root).unavailable(root.token("ES256")).why
    assert path.hits("") == 0


def test_too_much(live: Callable[..., Live], root: Issuer) -> None:
    """A document larger than is accepted is not used."""
    token = root.token("ES256")
    root.fault("/jwks", status=200, body=" " * 20_000 + "{}")
    gate = live(root, max_bytes=20_000)
    assert gate.unavailable(token).key_manager == "root"
    assert (gate.health().usable, fetches(root)) == (False, (1, 1))
