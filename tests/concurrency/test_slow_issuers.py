"""Forty issuers that do not answer, beside a healthy one whose tokens do not wait for them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from kmvalidate import Network
from tests.concurrency.callers import PATIENCE_S, Crowd, Site, all_of, fetch_threads_end, remote
from tests.fakes import FakeTransport, key_set, signed_by
from tests.hostile import Peer
from tests.signing import dumps

SLOW = [f"https://slow-{number}.example" for number in range(40)]
HEALTHY = "https://healthy.example"
LOOPBACK = Network(private_addresses=True, insecure_http=True)


class ManyIssuers:
    """A transport on which forty issuers hang until they are let go, and another one answers."""

    def __init__(self):
        self.hanging, self.let_go = threading.Semaphore(0), threading.Event()

    def send(self, request, /):
        if not request.url.startswith(HEALTHY):
            self.hanging.release()
            assert self.let_go.wait(PATIENCE_S)
        return FakeTransport({request.url: key_set("old")}).send(request)

    def all_hang(self):
        for _ in SLOW:
            assert self.hanging.acquire(timeout=PATIENCE_S)


class NoExecutor(ThreadPoolExecutor):
    """A default executor that nothing may be given to."""

    def __init__(self):
        super().__init__(1)
        self.given = []

    def submit(self, work, /, *_, **__):
        self.given.append(work)
        raise AssertionError("the default executor was used")


@pytest.fixture
def idps():
    transport = ManyIssuers()
    yield transport
    transport.let_go.set()
    fetch_threads_end()


def site_of(transport):
    return Site(transport, *(remote(issuer, issuer, issuer + "/keys") for issuer in [*SLOW, HEALTHY]))


def good(issuer, turn=0):
    return signed_by("old", iss=issuer, jti=str(turn))


async def with_no_executor(work):
    """Run *work* on a loop whose default executor takes nothing."""
    executor = NoExecutor()
    asyncio.get_running_loop().set_default_executor(executor)
    try:
        async with asyncio.timeout(PATIENCE_S):
            result = await work
    finally:
        executor.shutdown()
    assert executor.given == []
    return result


def test_tasks_of_a_healthy_issuer_do_not_wait(idps):
    """While forty issuers hang with a waiting task each, tasks and plain calls of another issuer are answered."""
    site = site_of(idps)

    async def serve():
        stuck = [asyncio.create_task(site.asays(good(issuer))) for issuer in SLOW]
        await asyncio.sleep(0)
        idps.all_hang()
        answers = [await site.asays(good(HEALTHY, turn)) for turn in range(3)]
        answers += [site.says(good(HEALTHY, turn)) for turn in range(3, 6)]
        assert not any(task.done() for task in stuck)
        idps.let_go.set()
        return answers + await asyncio.gather(*stuck)

    assert asyncio.run(with_no_executor(serve())) == ["GOOD"] * 46


def test_threads_of_a_healthy_issuer_do_not_wait(idps):
    """While forty issuers hang with a waiting thread each, plain calls and tasks of another issuer are answered."""
    site, stuck = site_of(idps), Crowd()
    stuck.start(*(partial(site.says, good(issuer)) for issuer in SLOW))
    idps.all_hang()
    healthy = Crowd()
    healthy.start(*(partial(site.says, good(HEALTHY, turn)) for turn in range(4)))
    healthy.start(all_of(lambda: [site.asays(good(HEALTHY, turn)) for turn in range(4, 8)]))
    assert sorted(map(str, healthy.done())) == ["GOOD"] * 4 + [str(["GOOD"] * 4)]
    assert stuck.results == []
    idps.let_go.set()
    assert stuck.done() == ["GOOD"] * 40


def test_a_remembered_key_serves_while_its_refresh_hangs(idps):
    """Tokens of issuers whose keys are here are answered while the refreshes of all of them hang."""
    site = site_of(idps)
    idps.let_go.set()
    assert all(health.usable for health in site.registry.warm())
    for _ in SLOW:
        assert idps.hanging.acquire(timeout=PATIENCE_S)
    idps.let_go.clear()
    site.clock.pass_s(700)
    answers = [site.says(good(issuer)) for issuer in SLOW]
    idps.all_hang()
    answers += asyncio.run(with_no_executor(asyncio.wait_for(_all(site), PATIENCE_S)))
    assert answers == ["GOOD"] * 80


async def _all(site):
    return await asyncio.gather(*(site.asays(good(issuer, 1)) for issuer in SLOW))


def test_health_is_told_while_issuers_hang(idps):
    """Health is read without waiting for a fetch under way, and changes are made without it."""
    site, stuck = site_of(idps), Crowd()
    stuck.start(site.registry.warm)
    for _ in range(31):  # of thirty-two at a time, one may be the healthy one's
        assert idps.hanging.acquire(timeout=PATIENCE_S)
    assert len(site.registry.health()) == 41
    site.registry.remove("configuration", SLOW[0])
    site.registry.drop_keys(SLOW[1])
    assert site.says(good(SLOW[0])) == "UNKNOWN_ISSUER"
    assert stuck.results == []
    idps.let_go.set()
    stuck.done()


def test_a_healthy_server_beside_forty_that_hang():
    """Over real connections: forty servers have been asked and say nothing, and the tokens of another are answered."""
    body, asked, let_go = dumps(key_set("old")), threading.Semaphore(0), threading.Event()

    def play(call):
        if b"/slow" in call.read_request():
            asked.release()
            assert let_go.wait(PATIENCE_S)
        call.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with Peer(play) as peer:
        slow = [remote(issuer, issuer, peer.url("/slow"), network=LOOPBACK) for issuer in SLOW]
        site = Site(None, *slow, remote(HEALTHY, HEALTHY, peer.url("/healthy"), network=LOOPBACK))

        async def serve():
            stuck = [asyncio.create_task(site.asays(good(issuer))) for issuer in SLOW]
            await asyncio.sleep(0)
            for _ in SLOW:
                assert asked.acquire(timeout=PATIENCE_S)
            answers = [await site.asays(good(HEALTHY)), site.says(good(HEALTHY, 1))]
            assert not any(task.done() for task in stuck)
            let_go.set()
            return answers + await asyncio.gather(*stuck)

        try:
            assert asyncio.run(with_no_executor(serve())) == ["GOOD"] * 42
        finally:
            let_go.set()
            fetch_threads_end()
