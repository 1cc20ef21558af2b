"""How endpoints may be reached, and what nobody can mean by it."""

import copy
import pickle

import pytest

from kmvalidate import ConfigurationError, HttpResponse, Network, TokenKinds
from kmvalidate.fields import FrozenDict
from tests.signing import manager


@pytest.mark.parametrize(
    "given",
    [
        {"private_addresses": "false"},
        {"private_addresses": 1},
        {"insecure_http": "no"},
        {"insecure_http": None},
        {"allowed_hosts": "https://keys.example"},
        {"allowed_hosts": ["keys.example/"]},
        {"allowed_hosts": ["keys.example/path"]},
        {"allowed_hosts": ["a b"]},
        {"allowed_hosts": ["user@keys.example"]},
        {"allowed_hosts": ["keys.example:x"]},
        {"allowed_hosts": [5]},
        {"ca_file": 5},
        {"ca_file": "/no/such/file.pem"},
        {"client_cert_file": "/no/such/file.pem"},
        {"client_key_file": __file__},
        {"proxy": 5},
        *({"proxy": url} for url in ("https://proxy:3128", "socks5://proxy:1080", "proxy:3128", "http://", "http://[")),
        *({"proxy": url} for url in ("http://proxy:99999", "http://p:0")),
    ],
    ids=str,
)
def test_a_network_is_refused_when_it_is_made(given):
    """A setting of the wrong type or form is a ConfigurationError, and never opens a guard by being truthy."""
    with pytest.raises(ConfigurationError):
        Network(**given)


def test_a_network_is_taken_as_it_is_meant():
    """Booleans, hosts with and without a port, files that are there and an http proxy are accepted."""
    hosts = ["keys.example", "keys.example:8443", "[2001:db8::1]:443"]
    network = Network(
        private_addresses=True,
        insecure_http=True,
        allowed_hosts=hosts,
        ca_file=__file__,
        client_cert_file=__file__,
        client_key_file=__file__,
        proxy="http://proxy.example:3128",
    )
    assert (network.allowed_hosts, network.ca_file) == (tuple(hosts), __file__)


@pytest.mark.parametrize("given", [{"status": "200"}, {"body": "text"}, {"body": None}], ids=str)
def test_a_response_is_a_status_and_bytes(given):
    """A transport that hands back anything but a number and bytes is told so at once."""
    with pytest.raises(ConfigurationError):
        HttpResponse(**({"status": 200, "headers": {}, "body": b""} | given))


@pytest.mark.parametrize(
    "given",
    [{"type_may_be_absent": "no"}, {"markers": None}, {"markers": {5: ["a"]}}, {"foreign_claims": ["nonce"]}],
    ids=str,
)
def test_token_kinds_are_refused_when_they_are_made(given):
    """A table that is none, and a yes that is a string, are ConfigurationErrors."""
    with pytest.raises(ConfigurationError):
        TokenKinds(**given)


def test_configuration_cannot_be_changed_afterwards():
    """Neither the values that claims must have nor the tables of token kinds change once they were checked."""
    source = {"tid": ["a"]}
    configured = manager(claim_values=source)
    source["tid"].append("b")
    assert configured.claim_values == {"tid": ("a",)}
    for table in (configured.claim_values, configured.token_kinds.markers, configured.token_kinds.foreign_claims):
        for change in (table.clear, table.popitem, lambda t=table: t.update(a=1), lambda t=table: t.pop("a", None)):
            with pytest.raises(TypeError):
                change()
    inner = manager(claim_values={"realm": {"tenant": "a"}}, claim_in={"x": [["a"]]})
    assert inner.claim_in == {"x": (("a",),)}
    with pytest.raises(TypeError):
        inner.claim_values["realm"]["tenant"] = "b"


def test_frozen_tables_are_values():
    """A frozen table can be pickled, copied, compared and hashed."""
    table = FrozenDict({"a": 1})
    for twin in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):  # noqa: S301  # our own bytes
        assert (twin, hash(twin), type(twin)) == (table, hash(table), FrozenDict)
    kinds = TokenKinds()
    assert copy.deepcopy(kinds) == kinds


def test_files_may_be_paths(tmp_path):
    """A file is named by a string or a path; the network keeps the string."""
    file = tmp_path / "ca.pem"
    file.touch()
    assert Network(ca_file=file) == Network(ca_file=str(file))
    assert Network(client_cert_file=file, client_key_file=file).client_key_file == str(file)
