"""What `discover` tells of a real provider, and that what it proposes works."""

import ast
import json

import pytest

import kmvalidate as km
from kmvalidate import providers
from kmvalidate.cli import main
from tests.e2e.gateway import AUDIENCE, header_of
from tests.e2e.provider import ALGORITHMS, OAUTH, OIDC, Issuer
from tests.hostile import HOST

pytestmark = pytest.mark.e2e

OPEN = ("--private-addresses", "--insecure-http")


def test_by_issuer(issuer: Issuer) -> None:
    """Asked by its issuer, a provider is found with its own issuer, its keys and all that it signs with."""
    published = issuer.get("/jwks")["keys"]
    found = km.discover(issuer.url, network=issuer.network)
    assert found.issuer_matches
    assert (found.issuer, found.discovery_url) == (issuer.url, issuer.url + OIDC)
    assert (found.jwks_uri, found.foreign_hosts) == (f"{issuer.url}/jwks", ())
    assert found.introspection_endpoint == f"{issuer.url}/token/introspection"
    assert [key.kid for key in found.keys] == [key["kid"] for key in published]
    assert (found.skipped, found.notes) == ((), ())
    assert set(ALGORITHMS) <= set(found.algorithms)
    assert not {"HS256", "none"} & set(found.algorithms)


@pytest.mark.parametrize("form", ["suffix", "inserted"])
def test_by_document(path: Issuer, form: str) -> None:
    """Asked by the URL of any of its documents, a provider is the same."""
    url = {"suffix": path.url + OIDC, "inserted": f"{path.root}{OAUTH}{path.mount}"}[form]
    found = km.discover(url, network=path.network)
    assert (found.issuer, found.discovery_url, len(found.keys) > 0) == (path.url, url, True)
    assert (path.hits("/.well-known/"), path.hits("/jwks")) == (1, 1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_its_key_manager(issuer: Issuer, algorithm: str) -> None:
    """The key manager that was discovered verifies the provider's tokens."""
    found = km.discover(issuer.url, network=issuer.network)
    registry = km.KeyManagerRegistry([found.key_manager(name="found", audience=AUDIENCE)])
    token = issuer.token(algorithm)
    verified = km.TokenValidator(registry).authenticate(token)
    assert (verified.key_manager, verified.issuer, verified.key_id) == ("found", issuer.url, header_of(token)["kid"])


def test_its_python_text(issuer: Issuer) -> None:
    """The Python text that is shown for a provider says the key manager that was discovered."""
    found = km.discover(issuer.url, network=issuer.network)
    text = found.as_python(name="found", audience="orders")
    ast.parse(text)
    said = eval(text, {"km": km})  # noqa: S307  # a person would paste it
    assert said == found.key_manager(name="found", audience="orders")
    assert issuer.url in "\n".join(found.report())


def test_its_report(root: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line shows a provider with no vendor's URLs as any, and proposes no named one."""
    found = km.discover(root.url, network=root.network)
    assert main(["discover", root.url, *OPEN]) == 0
    assert capsys.readouterr().out.splitlines() == list(found.report())


def test_its_report_by_name(path: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line proposes a provider with a realm's URL as one of Keycloak, with the network that reached it."""
    assert main(["discover", path.url, *OPEN]) == 0
    (call,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("providers."))
    said = eval(call, {"km": km, "providers": providers})  # noqa: S307  # a person would paste it
    assert said == providers.keycloak(path.url, audience="...", network=path.network)


def test_another_issuer_is_confirmed_by_a_person(root: Issuer, path: Issuer) -> None:
    """Where the document names another issuer that is shown, and used only when a person says it again."""
    root.fault(OIDC, status=200, body=json.dumps(root.get(OIDC) | {"issuer": path.url}))
    found = km.discover(root.url, network=root.network)
    assert not found.issuer_matches
    assert (found.issuer, found.asked_issuer, len(found.notes) > 0) == (path.url, root.url, True)
    with pytest.raises(km.ConfigurationError, match="issuer"):
        found.key_manager(name="found", audience=AUDIENCE)
    assert found.key_manager(name="found", audience=AUDIENCE, issuer=path.url).issuer == path.url


def test_keys_on_another_host_are_not_fetched(root: Issuer, path: Issuer) -> None:
    """Keys on a host that is not listed are shown and not fetched."""
    root.fault(OIDC, status=200, body=json.dumps(root.get(OIDC) | {"jwks_uri": f"{path.url}/jwks"}))
    path.reset()
    found = km.discover(root.url, network=root.network)
    assert (found.keys, found.foreign_hosts) == ((), (path.root.removeprefix("http://"),))
    assert path.hits("") == 0
    with pytest.raises(km.ConfigurationError, match=HOST):
        found.key_manager(name="found", audience=AUDIENCE)


@pytest.mark.parametrize("fault", [{"status": 503}, {"hangup": True}, {"status": 200, "body": "garbage"}], ids=str)
@pytest.mark.parametrize("document", ["/.well-known/", "/jwks"], ids=["metadata", "keys"])
def test_no_answer(root: Issuer, document: str, fault: dict[str, object]) -> None:
    """A provider that does not answer properly is unavailable, not discovered by half."""
    root.fault(document, **fault)
    with pytest.raises(km.KeyManagerUnavailable):
        km.discover(root.url, network=root.network)


def test_safe_by_default(issuer: Issuer) -> None:
    """Without an opt-in neither plain HTTP nor a private address is asked."""
    with pytest.raises(km.KMValidateError):
        km.discover(issuer.url)
    assert issuer.hits("") == 0
