"""Forks of a process with real connections: a child uses none that its parent had."""

import asyncio
import sys
import threading
from functools import partial

import pytest

from kmvalidate import Network
from tests.concurrency.callers import PATIENCE_S, Crowd, Site, fetch_threads_end, remote
from tests.concurrency.forks import ends_well, forked
from tests.fakes import key_set, signed_by
from tests.hostile import Peer
from tests.signing import dumps
from tests.transports import KINDS

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
LOOPBACK = Network(private_addresses=True, insecure_http=True)
SOFT_S = 600.0


class Provider:
    """A server that would keep its connections alive, with a document at each path: the keys of that name."""

    def __init__(self):
        self.connected, self.asked = threading.Semaphore(0), []
        self.let_go = threading.Event()
        self.let_go.set()

    def __call__(self, call):
        """Answer every request that comes over one connection."""
        self.connected.release()
        while request := call.read_request():
            path = request.split(b" ")[1].decode()
            self.asked.append((call, path))
            assert self.let_go.wait(PATIENCE_S)
            body = dumps(key_set(path.strip("/")))
            head = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\nContent-Length: %d\r\n\r\n"
            call.send(head % len(body) + body)
            call.request = b""

    @property
    def connections(self):
        """How many connections have carried a request, and how many requests there were."""
        asked = list(self.asked)
        return len({id(call) for call, _ in asked}), len(asked)


@pytest.fixture
def provider():
    return Provider()


@pytest.fixture
def peer(provider):
    with Peer(provider) as peer:
        yield peer
        provider.let_go.set()


def issuer(name):
    return f"https://{name}.example"


def site_of(peer, kind):
    names = ("a", "b", "c")
    managers = [remote(name, issuer(name), peer.url("/" + name), network=LOOPBACK) for name in names]
    return Site(KINDS[kind](), *managers)


def serves(site, name):
    """Tell whether tokens of that issuer are good, and those that another issuer's key signed are not."""
    others = {"a", "b", "c"} - {name}
    wrong = {site.says(signed_by(other, iss=issuer(name))) for other in others}
    good = [site.says(signed_by(name, iss=issuer(name))), asyncio.run(site.asays(signed_by(name, iss=issuer(name))))]
    return good == ["GOOD"] * 2 and wrong == {"UNKNOWN_KEY"}


if sys.platform == "linux":

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_fetch_of_each_process_has_a_connection_of_its_own(kind, peer, provider):
        """Parent and children that fetch at the same time never share a connection, nor each other's documents."""
        site = site_of(peer, kind)
        assert serves(site, "a")
        children = [forked(lambda: serves(site, "b") and serves(site, "c")) for _ in range(4)]
        assert serves(site, "b")
        assert serves(site, "c")
        assert ends_well(*children)
        assert provider.connections == (3 + 4 * 2, 3 + 4 * 2)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_fork_while_a_connection_waits_for_its_answer(kind, peer, provider, waiters):
        """A child forked while its parent waits for an answer takes neither that answer nor that connection."""
        site, callers = site_of(peer, kind), Crowd()
        provider.let_go.clear()
        callers.start(partial(site.says, signed_by("a", iss=issuer("a"))))
        waiters.come(1)
        assert provider.connected.acquire(timeout=PATIENCE_S)
        children = [forked(partial(serves, site, name)) for name in ("a", "b")]
        for _ in children:
            assert provider.connected.acquire(timeout=PATIENCE_S)
        provider.let_go.set()
        assert ends_well(*children)
        assert callers.done() == ["GOOD"]
        assert provider.connections == (3, 3)

    @pytest.mark.parametrize("kind", KINDS)
    def test_preloaded_workers_refresh_over_connections_of_their_own(kind, peer, provider):
        """Workers of a warmed parent ask nobody until their keys are due, and then each asks once for itself."""
        site = site_of(peer, kind)
        assert all(health.usable for health in site.registry.warm())
        fetch_threads_end()
        assert provider.connections == (3, 3)

        def serve():
            return all(serves(site, name) for name in ("a", "b", "c"))

        assert ends_well(*(forked(serve) for _ in range(4)))
        assert provider.connections == (3, 3)

        def refresh():
            site.clock.pass_s(1.1 * SOFT_S)
            served = site.says(signed_by("a", iss=issuer("a"))) == "GOOD"
            fetch_threads_end()
            return served and serves(site, "a")

        assert ends_well(*(forked(refresh) for _ in range(4)))
        assert provider.connections == (7, 7)
