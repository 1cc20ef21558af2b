"""Transports as they are brought, plain or async, for callers of both kinds; and none brought at all."""

import asyncio
import functools
import sys
from unittest.mock import AsyncMock, Mock

import pytest

from kmvalidate import ConfigurationError, HttpRequest, KeyManagerRegistry, RemoteKeys, TokenValidator, discover
from kmvalidate.adapters import asyncio_ports, blocking_transport
from kmvalidate.asyncio_ports import AsyncioPorts, OnOwnLoop, OnThreads
from kmvalidate.errors import Refused
from kmvalidate.ports import BlockingPorts
from kmvalidate.transport import HttpxTransport, RequestsTransport
from tests.fakes import KEYS, FakeTransport, SettableClock, key_set, published, signed_by
from tests.signing import ISSUER, NoNetwork, manager, reason


class Plain(FakeTransport):
    """A plain transport that knows the keys."""

    def __init__(self):
        super().__init__({KEYS: key_set("old")})


class Async(Plain):
    """An async one."""

    async def send(self, request, /):
        await asyncio.sleep(0)
        return super().send(request)


class Sending:
    """An object whose ``send`` is what it was given."""

    def __init__(self, send):
        self.send = send


class LaterCalled:
    async def __call__(self, request):
        """Would have to be awaited."""


async def later(_, request):
    """Would have to be awaited."""


ASYNC = {
    "method": Async(),
    "partial": Sending(functools.partial(later, None)),
    "object": Sending(LaterCalled()),
    "mock": Mock(send=AsyncMock()),
}
NO_TRANSPORTS = {
    "a number": 5,
    "a name": "requests",
    "nothing to send with": object(),
    "a class": Plain,
    "an async class": Async,
    "a send that cannot be called": Sending("send"),
    "a function": print,
    "False": False,
}


@pytest.fixture(params=["httpx2", "httpcore2"])
def without_httpx(request, monkeypatch):
    """Let httpx2 not be installed, or only in part, as it is where there are no sockets."""
    monkeypatch.setitem(sys.modules, request.param, None)


# Blocking callers


def test_blocking_callers_get_what_was_brought():
    """A plain transport is taken as it is, the one for blocking callers before the one for asyncio callers."""
    one, other = Plain(), Plain()
    assert blocking_transport(one, None) is one
    assert blocking_transport(one, other) is one
    assert blocking_transport(None, other) is other
    assert blocking_transport(one, Async()) is one


@pytest.mark.parametrize("kind", ASYNC)
def test_an_async_transport_is_known_by_its_send(kind):
    """Whatever makes ``send`` a coroutine function, blocking callers get the transport on loops of its own."""
    for brought in ((ASYNC[kind], None), (None, ASYNC[kind]), (ASYNC[kind], Plain())):
        adapted = blocking_transport(*brought)
        assert isinstance(adapted, OnOwnLoop)
        assert adapted.transport is ASYNC[kind]


def test_without_any_blocking_callers_get_requests():
    """Where nothing was brought, it is our own over requests, httpx2 or not."""
    assert isinstance(blocking_transport(None, None), RequestsTransport)


@pytest.mark.parametrize("given", NO_TRANSPORTS)
def test_what_is_no_transport_is_refused(given):
    """A class, or an object that cannot send, is refused wherever it is brought, and nothing is fetched with it."""
    wrong = NO_TRANSPORTS[given]
    for brought in ((wrong, None), (None, wrong), (Plain(), wrong), (wrong, Plain())):
        with pytest.raises(ConfigurationError, match="method send"):
            blocking_transport(*brought)
        with pytest.raises(ConfigurationError, match="method send"):
            KeyManagerRegistry([manager()], transport=brought[0], async_transport=brought[1])
    with pytest.raises(ConfigurationError, match="method send"):
        discover(ISSUER, transport=wrong)


def test_an_async_transport_that_hangs_is_given_up_at_its_deadline():
    """An async transport that never answers a blocking caller is cancelled when the request's deadline is over."""
    ended = []

    class Hanging:
        async def send(self, _, /):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append(asyncio.get_running_loop())

    with pytest.raises(TimeoutError):
        OnOwnLoop(Hanging()).send(HttpRequest(url=KEYS, deadline_s=0.01))
    assert [loop.is_closed() for loop in ended] == [True]


# Asyncio callers


def ports_of(chosen):
    background = BlockingPorts(Plain(), SettableClock())
    ports = asyncio_ports(chosen, background)
    assert isinstance(ports, AsyncioPorts)
    assert ports._background is background
    return ports._transport


@pytest.mark.parametrize("kind", ASYNC)
def test_asyncio_callers_get_an_async_transport_as_it_is(kind):
    """An async transport is taken as it is."""
    assert ports_of(ASYNC[kind]) is ASYNC[kind]


def test_asyncio_callers_get_a_plain_transport_on_threads():
    """A plain transport exchanges for asyncio callers on threads, httpx2 or not."""
    plain = Plain()
    adapted = ports_of(plain)
    assert isinstance(adapted, OnThreads)
    assert adapted._transport is plain


def test_without_any_asyncio_callers_get_httpx():
    """Where nothing was brought and httpx2 is there, it is our own over httpx2."""
    assert isinstance(ports_of(None), HttpxTransport)


def test_without_any_and_without_httpx_asyncio_callers_share_the_blocking_one(without_httpx):
    """Where httpx2 is missing, asyncio callers get the transport of blocking callers, on threads."""
    background = BlockingPorts(Plain(), SettableClock())
    adapted = asyncio_ports(None, background)._transport
    assert isinstance(adapted, OnThreads)
    assert adapted._transport is background.transport


# Registries


def test_a_registry_without_transports_has_our_own(without_httpx):
    """A registry for which nothing was brought has requests for both, where httpx2 is missing."""
    registry = KeyManagerRegistry()
    assert isinstance(registry.ports.transport, RequestsTransport)
    assert registry.aports._transport._transport is registry.ports.transport


def test_a_registry_with_httpx_has_it_for_asyncio_callers():
    """With httpx2 there, a registry for which nothing was brought has it for asyncio callers, made once."""
    registry = KeyManagerRegistry()
    assert isinstance(registry.aports._transport, HttpxTransport)
    assert registry.aports is registry.aports


def test_without_httpx_asyncio_callers_are_served_all_the_same(without_httpx):
    """Where httpx2 is missing or not whole, asyncio callers have keys fetched as blocking ones do."""
    owner, clock = manager(keys=RemoteKeys(jwks_url=KEYS)), SettableClock()
    registry = KeyManagerRegistry([owner], clock=clock)
    registry.ports = BlockingPorts(Plain(), clock)
    verified = asyncio.run(TokenValidator(registry).aauthenticate(signed_by("old")))
    assert verified.key_manager == "Test"
    with pytest.raises(ConfigurationError, match=r"kmvalidate\[async\]"):
        HttpxTransport()


@pytest.mark.parametrize(
    ("brought", "used"),
    [
        ({"transport": Plain}, "transport"),
        ({"transport": Async}, "transport"),
        ({"async_transport": Plain}, "async_transport"),
        ({"async_transport": Async}, "async_transport"),
        ({"transport": Plain, "async_transport": Async}, "transport"),
        ({"transport": Async, "async_transport": Plain}, "transport"),
    ],
    ids=lambda given: (
        "-".join(f"{name}:{kind.__name__}" for name, kind in given.items()) if isinstance(given, dict) else given
    ),
)
@pytest.mark.parametrize("caller", ["blocking", "blocking on a loop", "asyncio"])
def test_callers_of_both_kinds_are_served_by_whatever_was_brought(brought, used, caller):
    """Callers of every kind have keys fetched once, with what was brought for blocking callers, or else the other."""
    made = {name: kind() for name, kind in brought.items()}
    owner = manager(keys=RemoteKeys(jwks_url=KEYS))
    validator = TokenValidator(KeyManagerRegistry([owner], clock=SettableClock(), **made))

    async def on_a_loop():
        return validator.authenticate(signed_by("old")).key_manager

    async def awaiting():
        return (await validator.aauthenticate(signed_by("old"))).key_manager

    callers = {
        "blocking": lambda: validator.authenticate(signed_by("old")).key_manager,
        "blocking on a loop": lambda: asyncio.run(on_a_loop()),
        "asyncio": lambda: asyncio.run(awaiting()),
    }
    assert [callers[caller]() for _ in range(2)] == ["Test"] * 2
    assert {name: sum(transport.hits.values()) for name, transport in made.items()} == {
        **dict.fromkeys(made, 0),
        used: 1,
    }


def test_what_was_brought_for_asyncio_callers_does_their_own_exchanges():
    """Of two transports the async one is what asyncio callers send with, and of one that one is."""
    plain, other = Plain(), Async()
    assert KeyManagerRegistry(transport=plain, async_transport=other).aports._transport is other
    assert KeyManagerRegistry(transport=plain).aports._transport._transport is plain
    assert KeyManagerRegistry(async_transport=other).aports._transport is other


def test_discovery_takes_an_async_transport():
    """A person who has an async transport looks at a provider with it."""
    transport = Async()
    transport.answers = published("old")
    assert discover(ISSUER, transport=transport, clock=SettableClock()).keys[0].kid == "old"


def test_a_transport_that_only_pretends_to_be_plain_is_an_outage():
    """A plain function that returns a coroutine cannot be known before: what it returned is told, and not used."""
    returned = []

    def send(_):
        returned.append(later(None, None))
        return returned[-1]

    owner = manager(keys=RemoteKeys(jwks_url=KEYS))
    registry = KeyManagerRegistry([owner], transport=Sending(send), clock=SettableClock())
    assert registry.warm()[0].why == "the transport returned coroutine, not an HttpResponse"
    for coroutine in returned:
        coroutine.close()


def test_pinned_keys_need_no_transport():
    """A registry of pinned keys verifies for callers of both kinds and sends nothing."""
    validator = TokenValidator(KeyManagerRegistry([manager()], transport=NoNetwork(), clock=SettableClock()))
    assert reason(validator.authenticate, signed_by("old")) == "UNKNOWN_KEY"
    with pytest.raises(Refused) as caught:
        asyncio.run(validator.aauthenticate(signed_by("old")))
    assert caught.value.reason.name == "UNKNOWN_KEY"
