"""``kmvalidate explain``: what it prints of a token, whose tokens it takes, and its exit codes."""

import json
import subprocess
import sys

import pytest

import kmvalidate as km
from kmvalidate.cli import main
from kmvalidate.testing import LocalIssuer, SimulatedProvider
from tests.piping import Command, good, keys_file, pinned
from tests.signing import ISSUER, with_claims

OPEN = ("--private-addresses", "--insecure-http")


@pytest.fixture
def run(monkeypatch, capsys):
    return Command(monkeypatch, capsys)


@pytest.fixture
def ours(tmp_path):
    return pinned(tmp_path)


@pytest.fixture
def idp():
    with LocalIssuer(algorithms=("ES256",)) as issuer:
        yield issuer


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Makes a module of the user, ``shop_gateway``, in the current directory, with these lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])

    def make(*lines):
        keys = f"keys = km.StaticKeys.from_file({keys_file(tmp_path)!r})"
        manager = f"manager = km.KeyManager(name='Shop', issuer={ISSUER!r}, audience='orders', keys=keys)"
        registry = "registry = km.KeyManagerRegistry([manager])"
        (tmp_path / "shop_gateway.py").write_text(
            "\n".join(("import kmvalidate as km", keys, manager, registry, *lines))
        )

    yield make
    sys.modules.pop("shop_gateway", None)


def test_a_good_token_is_explained(idp, run):
    """What becomes of a good token of a provider that is asked for its keys is a table that ends with its name."""
    ran = run(idp.token(), "--issuer", idp.issuer, "--audience", "orders", *OPEN)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("step ")
    assert ran.out.splitlines()[-1].startswith("ALLOWED by 127.0.0.1 after ")
    assert idp.hits["/jwks"] == 1


@pytest.mark.parametrize("kind", ["auth0", "keycloak", "okta", "wso2_is"])
def test_a_provider_is_known_by_its_kind(kind, run):
    """With ``--provider`` its own tokens are accepted, and its ID tokens refused with its own hint or words."""
    with SimulatedProvider(kind, http=True) as idp:
        options = ("--issuer", idp.issuer, "--audience", "orders", "--provider", kind, *OPEN)
        assert run(idp.token(), *options).code == 0
        refused = run(idp.token(audience="billing"), *options, "--json")
    assert (refused.code, json.loads(refused.out)["reason"]) == (1, "WRONG_AUDIENCE")


def test_a_refused_token_is_explained(ours, run):
    """A token that is not good ends with 1, and with the reason at the end of the table."""
    ran = run(with_claims(), *ours)
    assert (ran.code, ran.err) == (1, "")
    assert [line for line in ran.out.splitlines() if line.startswith("reason  EXPIRED (code 900901, status 401)")]


def test_an_outage_is_explained(idp, run):
    """A provider that cannot be asked ends with 3, and the table says so."""
    token = idp.token()
    idp.close()
    ran = run(token, "--issuer", idp.issuer, "--audience", "orders", *OPEN)
    assert (ran.code, ran.err, "\nUNAVAILABLE by 127.0.0.1" in ran.out) == (3, "", True)


def test_no_private_address_is_reached_by_default(idp, run):
    """Without ``--private-addresses`` a loopback provider is not asked."""
    ran = run(idp.token(), "--issuer", idp.issuer, "--audience", "orders", "--insecure-http")
    assert (ran.code, sum(idp.hits.values())) == (3, 0)


def test_json_is_what_the_library_says(ours, run):
    """``--json`` prints one line of JSON, with the members of `Explanation.to_dict`."""
    ran = run(good(), *ours, "--json")
    said = json.loads(ran.out)
    assert (ran.code, ran.out.count("\n"), said["verdict"], said["key_manager"]) == (0, 1, "allowed", "idp.example")
    assert said.keys() == km.Explanation(allowed=True).to_dict().keys()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--any-scope", "menu:read", "--any-scope", "other"), None),
        (("--any-scope", "other"), "INSUFFICIENT_SCOPE"),
        (("--all-scope", "menu:read", "--all-scope", "menu:write"), None),
        (("--all-scope", "menu:read", "--all-scope", "other"), "INSUFFICIENT_SCOPE"),
        (("--any-scope", "menu:read", "--all-scope", "other"), "INSUFFICIENT_SCOPE"),
    ],
)
def test_a_call_may_ask_for_scopes(options, reason, ours, run):
    """With scopes the call is explained too: one of the ones, all of the others."""
    ran = run(good(), *ours, *options, "--json")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1 if reason else 0, reason)


@pytest.mark.parametrize(
    ("claims", "options", "reason"),
    [
        ({"iss": "https://old.example"}, ("--issuer", "https://old.example"), None),
        ({"iss": "https://other.example"}, ("--issuer", "https://old.example"), "UNKNOWN_ISSUER"),
        ({"aud": "billing"}, ("--audience", "billing"), None),
        ({"aud": "other"}, ("--audience", "billing"), "WRONG_AUDIENCE"),
    ],
)
def test_issuers_and_audiences_may_be_several(claims, options, reason, ours, run):
    """Each further issuer and audience is accepted beside the first, and no other."""
    ran = run(good(**claims), *ours, *options, "--json")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1 if reason else 0, reason)


def test_any_audience_is_said_aloud(ours, run):
    """``--any-audience`` in the place of names accepts a token for somebody else."""
    options = (*ours[:2], *ours[4:], "--any-audience")
    assert run(good(aud="other"), *options).code == 0


def test_an_organization_is_asked_for(ours, run):
    """The organization that is asked for is part of what is explained."""
    assert json.loads(run(good(), *ours, "--organization", "acme", "--json").out)["organization"] == "acme"


@pytest.mark.parametrize("name", ["registry", "validator", "Gateway.validator"])
def test_a_configuration_of_the_user_is_explained(name, module, run):
    """A registry or a validator in a module of the current directory answers, with its own names."""
    module("validator = km.TokenValidator(registry)", "class Gateway:", "    validator = validator")
    ran = run(good(), "--config", f"shop_gateway:{name}", "--json")
    assert (ran.code, json.loads(ran.out)["key_manager"]) == (0, "Shop")
    assert sys.path[0] == ""
    assert run(good(aud="other"), "--config", f"shop_gateway:{name}").code == 1


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("", "shop_gateway", "a colon"),
        ("", ":registry", "a colon"),
        ("", "no_such_module:registry", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("", "shop_gateway:nothing", "AttributeError: module 'shop_gateway' has no attribute 'nothing'"),
        ("", "shop_gateway:manager", "a TokenValidator or a KeyManagerRegistry"),
        ("1 / 0", "shop_gateway:registry", "ZeroDivisionError"),
        ("1 +", "shop_gateway:registry", "SyntaxError"),
        ("km.KeyManagerRegistry([manager, manager])", "shop_gateway:registry", "two key managers"),
    ],
)
def test_a_configuration_that_cannot_be_had_is_wrong_use(line, name, words, module, run):
    """A module that is not there, raises, or has no such thing ends with 2 and one line that says so."""
    module(line)
    ran = run(good(), "--config", name)
    assert (ran.code, ran.out, ran.err.count("\n"), words in ran.err) == (2, "", 1, True), ran.err


def test_what_the_users_code_raises_is_told_by_its_place(module, run):
    """A configuration that raises with the token in its words is told by the error's type and line alone."""
    module(
        "class Raising(km.TokenValidator):",
        "    def explain(self, token, call=None, *, organization=None):",
        "        raise ValueError(f'bad: {token}')",
        "validator = Raising(registry)",
    )
    ran = run(good(), "--config", "shop_gateway:validator")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("kmvalidate: ValueError at ")
    assert ran.err.endswith("shop_gateway.py:7\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--issuer with --audience, or --config"),
        (("--issuer", ISSUER), "--any-audience"),
        (("--issuer", ISSUER, "--audience", ""), "non-empty"),
        (("--issuer", ISSUER, "--audience", "orders", "--provider", "nobody"), "no provider named 'nobody'"),
        (("--issuer", ISSUER, "--audience", "orders", "--jwks-file", "/no/such/file"), "/no/such/file"),
        (("--issuer", ISSUER, "--audience", "orders", "--jwks-file", "x", "--insecure-http"), "nothing is fetched"),
        (("--issuer", "http://idp.example", "--audience", "orders"), "https://"),
        (("--config", "a:b", "--issuer", ISSUER), "leave out --issuer"),
        (("--config", "a:b", "--any-audience", "--insecure-http"), "leave out --any-audience, --insecure-http"),
        (("--issuer", ISSUER, "--any-audience", "--any-scope", ""), "non-empty"),
        (("--issuer", ISSUER, "--any-audience", "--organization", ""), "organization"),
    ],
)
def test_options_that_cannot_be_right_are_wrong_use(options, words, run):
    """Options that say too little, or contradict each other, end with 2 and one line, before anything is fetched."""
    ran = run(good(), *options)
    assert (ran.code, ran.out, ran.err.count("\n"), words in ran.err) == (2, "", 1, True), ran.err


def test_a_provider_that_raises_is_wrong_use(monkeypatch, run):
    """What the provider of another package raises is told by its type and place."""

    def raising(**_):
        raise KeyError

    monkeypatch.setattr("kmvalidate.cli._explain.load", lambda _: raising)
    ran = run(good(), "--issuer", ISSUER, "--any-audience", "--provider", "theirs")
    assert (ran.code, ran.err.startswith("kmvalidate: KeyError at ")) == (2, True)


def test_both_an_audience_and_any_is_wrong_use(capsys):
    """A named audience and ``--any-audience`` exclude each other."""
    with pytest.raises(SystemExit) as ended:
        main(["explain", "--audience", "orders", "--any-audience"])
    assert (ended.value.code, capsys.readouterr().err.startswith("usage: kmvalidate explain")) == (2, True)


def test_the_command_works_as_a_process(ours):
    """The command reads what is piped into it and ends with the exit code of the verdict."""
    command = [sys.executable, "-m", "kmvalidate", "explain", *ours, "--json"]
    done = subprocess.run(command, input=f"Bearer {good()}\n".encode(), capture_output=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["verdict"], done.stderr) == (0, "allowed", b"")
