"""``kmvalidate discover URL``: what it prints, for which provider it takes what it found, and its exit codes."""

import ast

import pytest

import kmvalidate as km
from kmvalidate import providers
from kmvalidate.cli import _discover, main
from kmvalidate.discovered import Discovered
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.testing import LocalIssuer, SimulatedProvider

OPEN = ("--private-addresses", "--insecure-http")
# Kinds whose URLs tell them on whatever host, with the function that is proposed for them.
BY_PATH = {
    "asgardeo": "wso2_is",
    "forgerock": "forgerock",
    "keycloak": "keycloak",
    "okta": "okta",
    "ping_federate": "ping_federate",
    "ping_one": "ping_one",
    "thunder": "thunder",
    "wso2_is": "wso2_is",
}


@pytest.fixture
def idp():
    with LocalIssuer(algorithms=("ES256",)) as issuer:
        yield issuer


@pytest.fixture
def found(monkeypatch):
    """Makes `discover` find a provider with the given members."""

    def find(issuer="https://idp.example", **more):
        where = {"asked_issuer": issuer, "asked_urls": (), "discovery_url": f"{issuer}/.well-known/x"}
        answer = Discovered(**{"issuer": issuer, **where, "jwks_uri": f"{issuer}/jwks", **more})
        monkeypatch.setattr(_discover, "discover", lambda *_, **__: answer)

    return find


def document_of(idp):
    """Return where the first discovery document of a simulated provider lies."""
    return idp.base + next(iter(idp.kind.published(idp.base, ("RS256",))))


def discovered(capsys, url, *options):
    """Return the lines that ``discover`` prints."""
    assert main(["discover", url, *options]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out.splitlines()


def test_a_provider_that_is_not_known_by_name_is_shown_as_any(idp, capsys):
    """The report on any provider names its issuer, its keys, and the key manager that follows, and nothing else."""
    lines = discovered(capsys, idp.issuer, *OPEN)
    text = "\n".join(lines)
    assert f"{idp.issuer}/jwks" in text
    assert "providers." not in text
    assert lines[-1] == ")"
    assert text.count("km.KeyManager(") == 1


@pytest.mark.parametrize(("kind", "provider"), BY_PATH.items(), ids=BY_PATH)
def test_a_provider_is_known_by_its_paths(kind, provider, capsys):
    """The report on a provider with paths of its own has its call, before that of a key manager for any."""
    with SimulatedProvider(kind, http=True) as idp:
        lines = discovered(capsys, document_of(idp), *OPEN)
    calls = [place for place, line in enumerate(lines) if line.startswith(f"providers.{provider}(")]
    assert len(calls) == 1
    assert calls[0] < lines.index("km.KeyManager(")
    assert idp.base in lines[calls[0]]
    ast.parse("\n".join(lines[lines.index("") :]))


@pytest.mark.parametrize("kind", BY_PATH)
def test_what_is_proposed_verifies_the_tokens_of_that_provider(kind, capsys):
    """With an audience in the place of the dots, the call that is shown makes a key manager for its tokens."""
    with SimulatedProvider(kind, http=True) as idp:
        lines = discovered(capsys, document_of(idp), *OPEN)
        call = next(line for line in lines if line.startswith("providers.")).replace("'...'", "'orders'")
        manager = eval(call, {"km": km, "providers": providers})  # noqa: S307  # a person would paste it
        validator = km.TokenValidator(km.KeyManagerRegistry([manager]))
        assert validator.authenticate(idp.token()).issuer == idp.issuer
        with pytest.raises(km.Refused):
            validator.authenticate(idp.token(audience="billing"))


@pytest.mark.parametrize("kind", ["auth0", "cognito", "entra_id", "google", "oidc"])
def test_no_provider_is_taken_for_one_that_is_known_by_its_host(kind, capsys):
    """On a host of its own nobody is taken for a provider that has none but its vendor's."""
    with SimulatedProvider(kind, http=True) as idp:
        assert "providers." not in "\n".join(discovered(capsys, document_of(idp), *OPEN))


def test_what_to_know_of_a_provider_stands_among_the_notes(capsys, found):
    """Auth0 asked for without its slash: the report has a note on it, after those of others and before the call."""
    found("https://acme.eu.auth0.com/", asked_issuer="https://acme.eu.auth0.com", notes=("It is odd.",))
    lines = discovered(capsys, "https://acme.eu.auth0.com")
    notes = [line.removeprefix("note").strip() for line in lines if line.startswith("note")]
    assert (len(notes), notes[0], "slash" in notes[1]) == (2, "It is odd.", True)
    assert lines.index("providers.auth0(domain='acme.eu.auth0.com', audience='...')") < lines.index("km.KeyManager(")


def test_http_is_refused_unless_it_is_allowed(idp, capsys):
    """An http URL without ``--insecure-http`` is a configuration error, told in one line; nothing is fetched."""
    assert main(["discover", idp.issuer, "--private-addresses"]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), shown.err[:12]) == ("", 1, "kmvalidate: ")
    assert not idp.hits


def test_no_answer_is_said(idp, capsys):
    """A provider that cannot be asked ends with 3 and one line on stderr."""
    idp.close()
    assert main(["discover", idp.issuer, *OPEN]) == 3
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), shown.err[:12]) == ("", 1, "kmvalidate: ")


def test_no_private_address_is_reached_by_default(idp, capsys):
    """Without ``--private-addresses`` a loopback provider is not asked."""
    assert main(["discover", idp.issuer, "--insecure-http"]) == 3
    assert capsys.readouterr().out == ""
    assert not idp.hits


@pytest.mark.parametrize(("error", "code"), [(ConfigurationError("no\nway"), 2), (KeyManagerUnavailable("no\nway"), 3)])
def test_a_failure_is_one_line(error, code, capsys, monkeypatch):
    """Whatever an error says comes as one line of stderr."""

    def failing(*_, **__):
        raise error

    monkeypatch.setattr(_discover, "discover", failing)
    assert main(["discover", "https://idp.example"]) == code
    assert capsys.readouterr() == ("", "kmvalidate: no\\nway\n")


def test_the_options_become_the_network(monkeypatch, tmp_path, idp):
    """Each option of ``discover`` says how the provider may be reached; the defaults are the safe ones."""
    asked = []
    real = _discover.discover(idp.issuer, network=_discover.Network(private_addresses=True, insecure_http=True))
    monkeypatch.setattr(_discover, "discover", lambda url, *, network: asked.append((url, network)) or real)
    url, ca_file = "https://idp.example", tmp_path / "ca.pem"
    ca_file.touch()
    main(["discover", url])
    main(["discover", url, *OPEN, "--allowed-host", "a", "--allowed-host", "b:1", "--ca-file", str(ca_file)])
    assert [asked_for for asked_for, _ in asked] == [url, url]
    safe, wide = (network for _, network in asked)
    assert (safe.private_addresses, safe.insecure_http, safe.allowed_hosts, safe.ca_file) == (False, False, (), None)
    assert (wide.private_addresses, wide.insecure_http, wide.ca_file) == (True, True, str(ca_file))
    assert wide.allowed_hosts == ("a", "b:1")


def test_no_document_speaks_to_the_terminal(capsys, found):
    """Control characters and all that is not ASCII are escaped in what a provider is quoted with."""
    found(
        "https://sso.example/realms/\x1b[31m\u202eevil\n", introspection_endpoint="https://sso.example/\x1b[31m\u202e\n"
    )
    lines = discovered(capsys, "https://sso.example/realms/acme")
    assert "introspection  https://sso.example/\\x1b[31m\\u202e\\n" in lines
    assert all(line.isascii() and line.isprintable() for line in lines)
