"""
What the core may ask of the world, as values and one-method protocols.

Rules kept here: the core awaits nothing but ports. For blocking callers a port does its work and returns
without suspending, so that `run` drives the core with a single ``send`` and no event loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.fields import is_a, is_file, to_names, to_path
from kmvalidate.own_threads import on_own_loop
from kmvalidate.urls import checked_url, is_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from kmvalidate.trace import Trace

T = TypeVar("T")


def _check_host(host: str) -> None:
    try:
        named = checked_url(f"https://{host}", allow_query=False).netloc
    except ConfigurationError:
        named = ""
    if named != host:
        raise ConfigurationError("allowed_hosts are host names or addresses, each with a port if it has one of its own")


@attrs.frozen(kw_only=True)
class Network:
    """
    How the endpoints of one key manager may be reached.

    The defaults are the safe ones: https only, public addresses only, the system's certificate authorities.

    Args:
        private_addresses: Whether addresses that are not globally routable (loopback and private ranges) may be
            connected to. Link-local, multicast and unspecified addresses never are.

        insecure_http: Whether ``http`` URLs are fetched. For tests and for meshes that encrypt below us.

        allowed_hosts: Further hosts, ``"host"`` or ``"host:port"``, on which this key manager's documents and keys
            may lie, beside the host that was configured.

        ca_file: A file of PEM certificates to trust in place of the default ones.

        client_cert_file: A file with our PEM certificate chain, for servers that ask for one (mTLS).

        client_key_file: The file with its PEM private key, when that is a file of its own.

        proxy: The ``http`` URL of a proxy, which then does the connecting; its own address is not restricted. Proxies
            of the environment are never used.

    Raises:
        ConfigurationError: Something is of the wrong type, a file is not there, or a host is none.
    """

    private_addresses: bool = attrs.field(default=False, validator=is_a(bool))
    insecure_http: bool = attrs.field(default=False, validator=is_a(bool))
    allowed_hosts: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    ca_file: str | None = attrs.field(default=None, converter=to_path, validator=is_file)
    client_cert_file: str | None = attrs.field(default=None, converter=to_path, validator=is_file)
    client_key_file: str | None = attrs.field(default=None, converter=to_path, repr=False, validator=is_file)
    proxy: str | None = attrs.field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        for host in self.allowed_hosts:
            _check_host(host)
        if self.client_key_file is not None and self.client_cert_file is None:
            raise ConfigurationError("client_key_file is the key of a client_cert_file, which is missing")
        if self.proxy is not None and not is_proxy(self.proxy):
            raise ConfigurationError("proxy is the URL of an HTTP proxy and starts with http://")


@attrs.frozen(kw_only=True)
class HttpRequest:
    """
    One exchange that the library wants done.

    Args:
        method: ``GET`` or ``POST``.

        url: The absolute URL, already checked (`kmvalidate.urls`).

        headers: Header fields to send, beside the transport's own User-Agent and Accept-Encoding.

        body: The body to send; secret.

        deadline_s: Seconds for everything together: name look-up, connection, TLS, request, answer.

        max_bytes: Largest body accepted, in bytes.

        network: How that host may be reached.
    """

    method: str = "GET"
    url: str
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    deadline_s: float = 5.0
    max_bytes: int = 1_000_000
    network: Network = attrs.field(factory=Network)


@attrs.frozen(kw_only=True)
class HttpResponse:
    """
    What came back: any final status, redirects included, since nobody follows them.

    Args:
        status: The status code.

        headers: Header fields, names in lower case; of a repeated field the values joined by ``", "``.

        body: The whole body, at most `HttpRequest.max_bytes` long.
    """

    status: int = attrs.field(validator=is_a(int))
    headers: Mapping[str, str] = attrs.field(validator=is_a(Mapping))
    body: bytes = attrs.field(repr=False, validator=is_a(bytes))


class AnswerTooLarge(KeyManagerUnavailable):
    """An answer came, and was cut off since it has more bytes than were asked for: others may be smaller."""


class Transport(Protocol):
    """Something that does HTTP exchanges for blocking callers."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap.
        """
        ...  # pragma: no cover


class AsyncTransport(Protocol):
    """Something that does HTTP exchanges for asyncio callers."""

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange. It may be called from several event loops, one after the other and at the same time.

        Raises:
            KeyManagerUnavailable: There is no whole answer within the deadline and the cap.
        """
        ...  # pragma: no cover


class Clock(Protocol):
    """The two times a verdict may depend on, both in seconds."""

    def wall(self) -> float:
        """Return the time since the epoch: what claims are compared with."""
        ...  # pragma: no cover

    def monotonic(self) -> float:
        """Return a time that only moves forward: what ages and deadlines are measured with."""
        ...  # pragma: no cover


class SystemClock:
    """The clocks of this machine: `time.time` and `time.monotonic`."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class Ports(Protocol):
    """Everything the core awaits."""

    clock: Clock
    #: Whom the core tells step by step what it does; None for nobody, as nearly always.
    trace: Trace | None

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Do one HTTP exchange; see `Transport.send`."""
        ...  # pragma: no cover

    async def call(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Call somebody's function, plain or async, and return its result; what it raises passes through."""
        ...  # pragma: no cover

    async def join(self, landed: Future[T], deadline_s: float, /) -> T:
        """
        Wait for something under way elsewhere.

        Raises:
            TimeoutError: It did not come within *deadline_s* seconds.
        """
        ...  # pragma: no cover

    def spawn(self, job: Callable[[Ports], Coroutine[Any, Any, None]], /) -> None:
        """Let *job* run detached from the caller, with ports of its own."""
        ...  # pragma: no cover


class BlockingPorts:
    """
    Ports for callers without an event loop: each does its work before it returns.

    Args:
        transport: What does the HTTP exchanges.

        clock: What tells the time.
    """

    trace: Trace | None = None

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self.clock = clock
        self.transport = transport

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """See `Transport.send`."""
        return self.transport.send(request)

    async def call(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Call *function* on this thread; what it has to await is awaited on a loop of its own."""
        result = function(*arguments)
        if not hasattr(result, "__await__"):
            return result
        return on_own_loop(lambda: result)

    async def join(self, landed: Future[T], deadline_s: float, /) -> T:
        """Wait for *landed* by blocking this thread."""
        return landed.result(deadline_s)

    def spawn(self, job: Callable[[Ports], Coroutine[Any, Any, None]], /) -> None:
        """Run *job* on a daemon thread of its own: fetches are rare, and no idle thread is lost in a fork."""
        threading.Thread(target=lambda: run(job(self)), daemon=True, name="kmvalidate-fetch").start()


def run(core: Coroutine[Any, Any, T]) -> T:
    """
    Drive a coroutine whose ports all work without suspending, and return its result.

    Raises:
        AssertionError: The core suspended: a bug of this library, never of a configuration.
    """
    try:
        core.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    core.close()
    raise AssertionError("the core suspended in blocking mode")
