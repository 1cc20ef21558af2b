"""What a child of a fork sends with: it was imported before, and no lock of another thread keeps it."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kmvalidate import KeyManagerRegistry, RemoteKeys
from kmvalidate.adapters import prepare
from kmvalidate.asyncio_ports import OnOwnLoop
from kmvalidate.transport import HttpxTransport, RequestsTransport
from tests.concurrency.callers import PATIENCE_S, Site
from tests.concurrency.forks import ends_well, forked
from tests.fakes import KEYS, FakeTransport, in_threads, key_set, signed_by
from tests.signing import manager

ROOT = Path(__file__).parents[1]

# The parent's first fetch is held where it imports something, or else where its request has come; a child that waits
# for an import of the parent's would hang, and dies.
SCRIPT = """
import os, signal, sys, threading
from importlib.machinery import SourceFileLoader
from kmvalidate import HttpxTransport, Network
from tests.concurrency.callers import Site, remote
from tests.fakes import key_set, signed_by
from tests.hostile import Peer
from tests.signing import dumps

under_way, go_on, parent, imported = threading.Event(), threading.Event(), os.getpid(), []
execute = SourceFileLoader.exec_module

def held(loader, module):
    if threading.current_thread().name in {"kmvalidate-fetch", "kmvalidate-send"} and os.getpid() == parent:
        imported.append(module.__name__)
        under_way.set()
        go_on.wait(60)
    execute(loader, module)

body = dumps(key_set("old"))

def play(call):
    call.read_request()
    if not under_way.is_set():
        under_way.set()
        go_on.wait(60)
    call.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)

bearer = signed_by("old")
transport = {"default": lambda: None, "httpx": HttpxTransport}[sys.argv[1]]()
SourceFileLoader.exec_module = held
with Peer(play) as peer:
    site = Site(transport, remote(url=peer.url(), network=Network(private_addresses=True, insecure_http=True)))
    caller = threading.Thread(target=site.says, args=(bearer,), daemon=True)
    caller.start()
    assert under_way.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os.write(1, site.says(bearer).encode())
        os._exit(0)
    os.waitpid(child, 0)
    go_on.set()
    caller.join(60)
    print("", site.says(bearer), *imported)
"""

IMPORTED = """
import sys
from kmvalidate import KeyManagerRegistry, RemoteKeys
from tests.fakes import KEYS
from tests.signing import manager

registry = KeyManagerRegistry([manager()])
print("requests" in sys.modules, end=" ")
registry.replace("configuration", manager(keys=RemoteKeys(jwks_url=KEYS)))
print("requests" in sys.modules)
"""


class Readied(FakeTransport):
    """A transport of somebody else with a method of that name."""

    def prepare(self):
        raise AssertionError("nobody asked for it")


class Prepared(RequestsTransport):
    """Counts how often it is made ready; its module is that of ours."""

    __module__ = RequestsTransport.__module__

    def __init__(self):
        super().__init__()
        self.times = 0

    def prepare(self):
        self.times += 1


class AsyncReadied(Readied):
    """An async one of somebody else."""

    async def send(self, request, /):
        return super().send(request)


def said_by(script: str, *arguments: str) -> str:
    """Return what a fresh interpreter that runs *script* says."""
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_transport_of_ours_is_made_ready_once_there_are_keys_to_fetch():
    """Our transports are made ready when a key manager with remote keys is registered, and not for pinned ones."""
    transport = Prepared()
    registry = KeyManagerRegistry([manager()], transport=transport)
    assert transport.times == 0
    registry.replace("configuration", manager(keys=RemoteKeys(jwks_url=KEYS)))
    assert transport.times == 1


def test_a_transport_of_ours_behind_an_adapter_is_made_ready():
    """The async transport of blocking callers is made ready too; whatever is not ours is left alone."""
    transport = Prepared()
    prepare(OnOwnLoop(transport))
    assert transport.times == 1
    for foreign in (Readied(), OnOwnLoop(Readied()), OnOwnLoop(AsyncReadied())):
        prepare(foreign)
    KeyManagerRegistry([manager(keys=RemoteKeys(jwks_url=KEYS))], transport=Readied())


@pytest.mark.parametrize("ours", [RequestsTransport, HttpxTransport])
def test_our_transports_can_be_made_ready(ours):
    """Either of ours is made ready as often as one likes."""
    transport = ours()
    assert [transport.prepare(), transport.prepare()] == [None, None]


def test_what_sends_is_imported_with_the_first_key_manager_that_needs_it():
    """A fresh process imports an HTTP client when remote keys are registered, and for pinned ones none."""
    assert said_by(IMPORTED) == "False True\n"


def test_two_callers_that_come_first_at_once_have_ports_that_work():
    """However many asyncio callers come first at once, each is served, and afterwards the ports stay what they are."""
    for _ in range(20):
        site, bearer, said = Site(FakeTransport({KEYS: key_set("old")})), signed_by("old"), []
        threads = in_threads(
            4, lambda site=site, bearer=bearer, said=said: said.append(asyncio.run(site.asays(bearer)))
        )
        for thread in threads:
            thread.join(PATIENCE_S)
        assert said == ["GOOD"] * 4
        assert site.registry.aports is site.registry.aports


def test_a_thread_that_makes_the_ports_keeps_no_other_one():
    """While one thread makes the ports of asyncio callers, another makes its own and goes on."""
    making, go_on, made = threading.Event(), threading.Event(), []

    class Slow(FakeTransport):
        @property
        def send(self):
            if threading.current_thread().name == "maker":
                making.set()
                assert go_on.wait(PATIENCE_S)
            return super().send

    registry = KeyManagerRegistry(transport=Slow())
    maker = threading.Thread(target=lambda: made.append(registry.aports), name="maker", daemon=True)
    maker.start()
    assert making.wait(PATIENCE_S)
    assert registry.aports.clock is registry.ports.clock
    go_on.set()
    maker.join(PATIENCE_S)
    assert [ports.clock for ports in made] == [registry.ports.clock]


if sys.platform == "linux":

    @pytest.mark.parametrize("transport", ["default", "httpx"])
    def test_a_fork_while_the_first_fetch_is_under_way(transport):
        """A child forked while its parent's first fetch is under way fetches for itself: nothing is left to import."""
        assert said_by(SCRIPT, transport) == "GOOD GOOD\n"

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_fork_while_the_asyncio_ports_are_made():
        """A child forked while another thread makes the ports of asyncio callers makes its own."""
        making, go_on, parent = threading.Event(), threading.Event(), os.getpid()

        class Slow(FakeTransport):
            @property
            def send(self):
                if threading.current_thread().name == "maker" and os.getpid() == parent:
                    making.set()
                    assert go_on.wait(PATIENCE_S)
                return super().send

        site, bearer = Site(Slow({KEYS: key_set("old")})), signed_by("old")
        maker = threading.Thread(target=lambda: site.registry.aports, name="maker", daemon=True)
        maker.start()
        assert making.wait(PATIENCE_S)
        try:
            assert ends_well(forked(lambda: asyncio.run(site.asays(bearer)) == "GOOD", among_threads=True))
        finally:
            go_on.set()
            maker.join(PATIENCE_S)
