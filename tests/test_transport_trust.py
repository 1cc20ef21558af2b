"""The TLS contexts: whom they trust, what they ask for, and how many there are."""

import os
import socket
import ssl
from pathlib import Path

import pytest

from kmvalidate.errors import ConfigurationError
from kmvalidate.ports import Network
from kmvalidate.transport import _tls
from kmvalidate.transport._guard import Guard
from kmvalidate.transport._tls_channel import GuardedContext
from tests.hostile import HOST, Authority, Peer


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def leaf(authority):
    return authority.issue()


def test_old_tls_is_not_spoken(authority):
    """The context verifies, checks the host and speaks TLS 1.2 or later."""
    context = _tls.TlsContexts().of(Network(ca_file=authority.ca_file))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_context_that_is_shared_stays_as_it_is(authority, leaf):
    """A context offers HTTP/1.1 alone, whatever those who are given it set: other threads connect with it."""
    context = _tls.TlsContexts().of(Network(ca_file=authority.ca_file))
    GuardedContext(context, Guard(1, 1)).set_alpn_protocols(["h2"])
    server = leaf.server()
    server.set_alpn_protocols(["h2", "http/1.1"])
    with (
        Peer(lambda call: call.hang(), tls=server) as peer,
        socket.create_connection((HOST, peer.port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as tls,
    ):
        assert tls.selected_alpn_protocol() == "http/1.1"


def test_a_key_without_a_certificate_is_refused(leaf):
    """A client key without a certificate is the operator's fault."""
    with pytest.raises(ConfigurationError, match="client_cert_file"):
        _tls.TlsContexts().of(Network(client_key_file=leaf.key_file))


def test_a_context_is_made_once(authority):
    """Networks with the same files share a context, and others do not."""
    contexts = _tls.TlsContexts()
    first = contexts.of(Network(ca_file=authority.ca_file))
    assert contexts.of(Network(ca_file=authority.ca_file, private_addresses=True)) is first
    assert contexts.of(Network()) is not first


def test_a_renewed_file_is_read_again(authority, leaf):
    """A client certificate that was renewed is used without a restart."""
    contexts = _tls.TlsContexts()
    network = Network(ca_file=authority.ca_file, client_cert_file=leaf.cert_file, client_key_file=leaf.key_file)
    before = contexts.of(network)
    os.utime(leaf.cert_file, (1, 1))
    assert contexts.of(network) is not before


def test_contexts_do_not_pile_up(authority):
    """However often files change, the number of contexts stays bounded."""
    contexts = _tls.TlsContexts()
    for second in range(2 * _tls._KEPT):
        os.utime(authority.ca_file, (second, second))
        contexts.of(Network(ca_file=authority.ca_file))
    assert len(contexts._made) <= _tls._KEPT


@pytest.fixture
def system(monkeypatch, tmp_path):
    """A system whose authorities are those of the test: a file and a directory, both empty at first."""
    file, folder = tmp_path / "system.pem", tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    return file, folder


def authorities():
    return _tls.TlsContexts().of(Network()).cert_store_stats()["x509_ca"]


def test_the_systems_authorities_are_trusted(authority, system):
    """Without ca_file the system's authorities are trusted, and certifi's are not added."""
    system[0].write_bytes(Path(authority.ca_file).read_bytes())
    assert authorities() == 1


def test_the_systems_directory_is_trusted(authority, system):
    """A system that keeps its authorities in a directory has authorities: certifi's are not added."""
    (system[1] / "authority.pem").write_bytes(Path(authority.ca_file).read_bytes())
    assert authorities() == 0


@pytest.mark.parametrize("there", [True, False], ids=["empty directory", "no directory"])
def test_a_system_without_authorities_has_those_of_certifi(system, there):
    """A system that has no authorities of its own trusts those of certifi."""
    if not there:
        system[1].rmdir()
    assert authorities() > 50


@pytest.mark.parametrize("own", [False, True], ids=["the system's authorities", "a ca_file"])
def test_certificates_are_held_to_rfc_5280(own, tmp_path):
    """Every context verifies strictly, takes a listed certificate for an anchor, and checks the host name."""
    context = _tls.TlsContexts().of(Network(ca_file=Authority(tmp_path).ca_file if own else None))
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
