"""How a real provider is asked: by each kind of client, with secrets that change, where, and what nobody sees of it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    ClientSecretPost,
    ConfigurationError,
    FromEnvironment,
    FromFile,
    Introspection,
    KeyManager,
    PrivateKeyJwt,
    Status,
    TlsClientAuth,
    UserCredentials,
)
from tests.e2e import clients
from tests.e2e.gateway import SettableClock
from tests.e2e.introspection_gates import BREAKER_FAILURES, TTL_S, asked_as, asking, ports_asked, with_certificate
from tests.e2e.live import Live, Way
from tests.e2e.opaque import ENDPOINT, RESOURCE, basic, client_of, opaque_token
from tests.e2e.provider import OIDC, SECRETS, Issuer, Provider

pytestmark = pytest.mark.e2e

WITH_CERTIFICATES = ["rs-mtls", "rs-mtls-self"]
VARIABLE = "KMVALIDATE_TEST_SECRET"

by_name = pytest.mark.parametrize("client", [*clients.SECRETS, *clients.ASSERTING.values()])
with_certificates = pytest.mark.parametrize("client", WITH_CERTIFICATES)


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Live]:
    """Makes a gateway of one issuer that is asked in each way; the other arguments are those of `asking`."""
    return lambda issuer, **how: Live(way, clock, [asking(issuer, **how)])


@by_name
def test_every_client(gate_of: Callable[..., Live], issuer: Issuer, client: str) -> None:
    """Each client is answered, and shows who it is in its own way."""
    gate = gate_of(issuer, client=asked_as(issuer, client))
    for _ in range(2):
        assert gate.accept(opaque_token(issuer)).consumer_key == "m2m"
    known = client_of(issuer, client)
    shown = [request["headers"].get("authorization") for request in issuer.requests(ENDPOINT)]
    assert shown == [basic(known.id, known.secret or "") if known.method == clients.BASIC else None] * 2


@pytest.mark.parametrize("algorithm", clients.ASSERTING)
@pytest.mark.parametrize("kind", ["jwk", "pem", "pem with a key id", "text"])
def test_private_keys(gate_of: Callable[..., Live], root: Issuer, algorithm: str, kind: str) -> None:
    """A private key may be a JWK or PEM, in a file or a value, and each request has an assertion of its own."""
    known = client_of(root, clients.ASSERTING[algorithm])
    key: Any = FromFile((known.jwk_file if kind == "jwk" else known.pem_file) or "")
    key = Path(known.pem_file or "").read_text("utf-8") if kind == "text" else key
    asked = PrivateKeyJwt(known.id, key, key_id=f"{known.id}-1" if kind == "pem with a key id" else None)
    gate = gate_of(root, client=asked)
    for _ in range(2):  # the server takes no assertion twice
        gate.accept(opaque_token(root))


@with_certificates
@pytest.mark.parametrize("is_configured", [False, True], ids=["discovered", "configured"])
def test_with_a_certificate(gate_of: Callable[..., Live], tls: Issuer, client: str, is_configured) -> None:
    """A client with a certificate asks at the endpoint for those, wherever that is, or at the one it was told."""
    network = with_certificate(tls, client, allowed_hosts=(tls.second_url.removeprefix("https://"),))
    endpoint = tls.url + ENDPOINT if is_configured else ()
    gate = gate_of(tls, client=asked_as(tls, client), network=network, endpoint=endpoint)
    for _ in range(2):
        assert gate.accept(opaque_token(tls)).consumer_key == "m2m"
    assert ports_asked(tls) == ["first" if is_configured else "second"] * 2
    assert "authorization" not in tls.requests(ENDPOINT)[0]["headers"]


@with_certificates
def test_an_endpoint_on_a_host_that_is_not_listed(gate_of: Callable[..., Live], tls: Issuer, client: str) -> None:
    """An endpoint for clients with certificates is not asked on a host that nobody configured."""
    gate = gate_of(tls, client=asked_as(tls, client), network=with_certificate(tls, client))
    assert "a host that was not configured" in str(gate.unavailable(opaque_token(tls)))
    assert tls.hits(ENDPOINT) == 0


@with_certificates
def test_another_certificate(gate_of: Callable[..., Live], tls: Issuer, client: str) -> None:
    """With the certificate of another client nobody is answered, which is no verdict; without one nobody asks."""
    other = tls.certificates.client
    network = attrs.evolve(tls.network, client_cert_file=other.cert_file, client_key_file=other.key_file)
    gate = gate_of(tls, client=TlsClientAuth(client), network=network, endpoint=tls.url + ENDPOINT)
    assert "status 401" in str(gate.unavailable(opaque_token(tls)))
    with pytest.raises(ConfigurationError, match="client_cert_file"):
        asking(tls, client=TlsClientAuth(client))


def test_a_client_without_its_certificate_is_usual(gate_of: Callable[..., Live], tls: Issuer) -> None:
    """A client with a secret asks at the usual endpoint, certificates or not."""
    gate_of(tls, network=with_certificate(tls, "rs-mtls")).accept(opaque_token(tls))
    assert ports_asked(tls) == ["first"]


def test_a_name_and_a_password(gate_of: Callable[..., Live], root: Issuer) -> None:
    """Credentials that are sent as they are do where the server need not decode them, and nowhere else."""
    secret = SECRETS["rs"]
    for asked in (UserCredentials("rs", secret), ClientSecretBasic("rs", secret, form_encoded=False)):
        gate_of(root, client=asked).accept(opaque_token(root))
    assert {request["headers"]["authorization"] for request in root.requests(ENDPOINT)} == {basic("rs", secret)}
    plain = ClientSecretBasic("rs-post-odd", clients.ODD_SECRET, form_encoded=False)
    assert "introspection endpoint: status 40" in str(gate_of(root, client=plain).unavailable(opaque_token(root)))
    gate_of(root, client=attrs.evolve(plain, form_encoded=True)).accept(opaque_token(root))


@by_name
def test_a_wrong_client(gate_of: Callable[..., Live], root: Issuer, client: str) -> None:
    """Who shows a wrong secret or key is told nothing of the token, good or bad, and it is no token's fault."""
    right = asked_as(root, client)
    other = client_of(root, clients.ASSERTING["ES256" if "rs256" in client else "RS256"])
    wrong: Any = {"key": FromFile(other.jwk_file or "")} if isinstance(right, PrivateKeyJwt) else {"secret": "wrong"}
    gate = gate_of(root, client=attrs.evolve(right, **wrong))
    for token in (opaque_token(root), "never-given"):
        unavailable = gate.unavailable(token)
        assert (unavailable.key_manager, unavailable.retry_after_s >= 1) == ("root", True)
        assert "status 401" in str(unavailable)
        assert "wrong" not in repr(unavailable)
    assert gate.health().introspection is Status.STALE


class _Vault:
    """Where a secret is kept: a file, an environment variable or a callable."""

    def __init__(self, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
        self._file, self._patch, self._value = folder / "secret", monkeypatch, ""
        self.put(secret)
        kinds = {
            "file": lambda: FromFile(self._file),
            "environment": lambda: FromEnvironment(VARIABLE),
            "callable": lambda: lambda: self._value,
        }
        self.source: Any = kinds[kind]()

    def put(self, secret: str) -> None:
        self._value = secret
        self._file.write_text(secret + "\n", "utf-8")
        self._patch.setenv(VARIABLE, secret)

    def lose(self) -> None:
        self._value = ""
        self._file.unlink()
        self._patch.delenv(VARIABLE)


@pytest.fixture(params=["file", "environment", "callable"])
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Vault:
    """Each place in its turn, with the right secret."""
    return _Vault(request.param, tmp_path, monkeypatch, SECRETS["rs"])


@pytest.mark.parametrize("method", [ClientSecretBasic, ClientSecretPost], ids=["basic", "post"])
def test_rotation(gate_of: Callable[..., Live], root: Issuer, vault: _Vault, method: Any) -> None:
    """A secret that changes mid-run is used from the next request on, and what was not told was not remembered."""
    gate, known, new = gate_of(root, client=method("rs", vault.source)), opaque_token(root), opaque_token(root)
    gate.accept(known)
    vault.put("of-another-time")
    assert "status 401" in str(gate.unavailable(new))
    vault.lose()
    assert "the secret cannot be read" in str(gate.unavailable(new))
    gate.accept(known)
    assert root.hits(ENDPOINT) == 2
    vault.put(SECRETS["rs"])
    assert gate.accept(new).consumer_key == "m2m"
    assert gate.health().introspection is Status.FRESH


def test_a_wrong_secret_for_long(
    gate_of: Callable[..., Live], root: Issuer, clock: SettableClock, tmp_path: Path
) -> None:
    """A client that is sent away again and again stops asking for a while, and the right secret ends that."""
    file, token = tmp_path / "secret", opaque_token(root)
    file.write_text("wrong", "utf-8")
    gate = gate_of(root, client=ClientSecretBasic("rs", FromFile(file)))
    for _ in range(BREAKER_FAILURES + 3):
        gate.unavailable(token)
    assert (root.hits(ENDPOINT), gate.health().introspection) == (BREAKER_FAILURES, Status.UNREACHABLE)
    file.write_text(SECRETS["rs"], "utf-8")
    clock.advance(1)
    gate.accept(token)
    assert gate.health().introspection is Status.FRESH


def test_rotation_of_a_private_key(gate_of: Callable[..., Live], root: Issuer, tmp_path: Path) -> None:
    """A private key in a file is used as it is now."""
    known, other = (client_of(root, clients.ASSERTING[algorithm]) for algorithm in ("ES256", "RS256"))
    file = tmp_path / "key"
    file.write_text(Path(known.jwk_file or "").read_text("utf-8"), "utf-8")
    gate = gate_of(root, client=PrivateKeyJwt(known.id, FromFile(file)))
    gate.accept(opaque_token(root))
    file.write_text(Path(other.jwk_file or "").read_text("utf-8"), "utf-8")
    assert "status 401" in str(gate.unavailable(opaque_token(root)))
    file.write_text(Path(known.pem_file or "").read_text("utf-8"), "utf-8")
    gate.accept(opaque_token(root))


def test_the_endpoint_is_discovered(gate_of: Callable[..., Live], issuer: Issuer) -> None:
    """The document is looked up once, and names the endpoint with the path of its issuer."""
    gate = gate_of(issuer)
    for _ in range(2):
        gate.accept(opaque_token(issuer))
    assert (issuer.hits(OIDC), issuer.hits("/.well-known/")) == (1, 1)
    assert [request["url"] for request in issuer.requests(ENDPOINT)] == [issuer.mount + ENDPOINT] * 2


def test_the_endpoint_is_configured(way: Way, clock: SettableClock, issuer: Issuer) -> None:
    """A key manager with an endpoint and without keys looks nothing up."""
    asked = Introspection(
        client=asked_as(issuer), tokens=ANY_OPAQUE_TOKEN, endpoint=issuer.url + ENDPOINT, network=issuer.network
    )
    rules = {"issuer": issuer.url, "audience": RESOURCE, "self_validate_jwt": False}
    gate = Live(way, clock, [KeyManager(name=issuer.name, introspection=asked, **rules)])
    token = opaque_token(issuer)
    issuer.reset()
    assert gate.accept(token).issuer == issuer.url
    assert (issuer.hits(""), issuer.hits(ENDPOINT)) == (1, 1)


def test_privacy(
    gate_of: Callable[..., Live],
    provider: Provider,
    root: Issuer,
    caplog: pytest.LogCaptureFixture,
    clock: SettableClock,
) -> None:
    """Neither a token nor a secret is in a log line, a URL, an event or a repr, whatever becomes of the token."""
    caplog.set_level(logging.DEBUG)
    gate, good, bad = gate_of(root), opaque_token(root), "never-given-0123456789"
    gate.accept(good)
    gate.refused(bad)
    root.fault(ENDPOINT, status=503)
    clock.advance(TTL_S)
    unavailable = gate.unavailable(good)
    asked = root.requests(ENDPOINT)
    assert [request["method"] for request in asked] == ["POST"] * 3
    lines = [caplog.text, *map(str, asked), *map(repr, gate.events), repr(unavailable), repr(gate.registry.managers)]
    for secret in (good, bad, SECRETS["rs"]):
        assert not [line for line in lines if secret in line]
        assert secret not in provider.log()
    assert caplog.records
