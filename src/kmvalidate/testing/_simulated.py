"""
Identity providers for tests: each kind with its own issuers, documents, keys and tokens.

Rules kept here: in process there is no socket, no thread and no sleep, and time passes when a test says so. Over HTTP
it is a real server on the loopback interface, which ends with `SimulatedProvider.close`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import Network, SystemClock
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import _kinds
from kmvalidate.testing._clients import GATEWAY
from kmvalidate.testing._faults import Failing
from kmvalidate.testing._introspection import TokenBook
from kmvalidate.testing._issuing import TokenIssuer
from kmvalidate.testing._keyring import Keyring
from kmvalidate.testing._kind import ProviderKind
from kmvalidate.testing._loopback import Asked, LoopbackServer
from kmvalidate.testing._serving import Serving
from kmvalidate.testing._throttle import Throttle
from kmvalidate.testing._virtual_clock import VirtualClock
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable
    from typing import Self

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Clock, HttpRequest, HttpResponse


class SimulatedProvider(TokenIssuer):
    """
    One identity provider, in process or over HTTP.

    In a test it is::

        idp = SimulatedProvider("keycloak", audience="orders")
        token = idp.token(scopes={"menu:read"}, expires_in_s=60)
        idp.validator().authenticate(token)

    Args:
        kind: The name of a built-in provider (`SimulatedProvider.kinds`), or a `ProviderKind` of your own.

        audience: Who its tokens are for, and its key managers are for; a name or several.

        algorithms: What it signs with; by default what its kind does.

        clock: What tells the time its tokens are issued at; by default a `VirtualClock` in process, and this machine's
            clock over HTTP.

        base: Where it is in process, if not at the usual place of its kind: an origin. So there may be two of a kind.

        http: Whether it is a server on a free port of 127.0.0.1, rather than a transport in process.

        client: The id and the secret of the client that may introspect tokens, by Basic or in the form, or with a token
            of its own from the token endpoint.

        requests_per_minute: How many requests of a minute of its clock are answered; the others are told to wait, with
            status 429. By default what its kind does.

    Attributes:
        kind: The `ProviderKind`.

        base: Where it is.

        clock: What tells the time.

        client: The id and the secret of its client.

    Raises:
        ConfigurationError: There is no such kind, an algorithm is unknown, or a number is out of range.
    """

    def __init__(
        self,
        kind: str | ProviderKind,
        *,
        audience: str | Iterable[str] = "orders",
        algorithms: Iterable[str] | None = None,
        clock: Clock | None = None,
        base: str | None = None,
        http: bool = False,
        client: tuple[str, str] = GATEWAY,
        requests_per_minute: int | None = None,
    ) -> None:
        self.kind = kind if isinstance(kind, ProviderKind) else _kinds.named(kind)
        self._audience = (audience,) if isinstance(audience, str) else tuple(audience)
        self._keys = Keyring(self.kind.algorithms if algorithms is None else algorithms)
        self.clock: Any = clock or (SystemClock() if http else VirtualClock())
        self.client = client
        self._book = TokenBook(self.clock)
        limit = self.kind.requests_per_minute if requests_per_minute is None else requests_per_minute
        self._throttle = Throttle(limit, self.clock)
        self._serving = Serving(
            kind=self.kind,
            keys=self._keys,
            book=self._book,
            client=client,
            clock=self.clock,
            throttle=self._throttle,
        )
        self._server = LoopbackServer(lambda asked: self._serving.answer(self.base, asked)) if http else None
        self.base = self._server.origin if self._server else base or self.kind.home

    @staticmethod
    def kinds() -> tuple[str, ...]:
        """Return the names of the kinds there are."""
        return tuple(_kinds.NAMES)

    @property
    def issuer(self) -> str:
        """The issuer of its usual tokens."""
        return self.kind.issuer(self.base, self.kind.versions[0])

    @property
    def hits(self) -> Counter[str]:
        """How often each path was asked for so far."""
        return self._serving.hits

    @property
    def throttled(self) -> int:
        """How many requests were told to wait so far."""
        return self._throttle.refused

    def key_manager(self, **options: Any) -> KeyManager:
        """
        Return a key manager for it, made by its provider in `kmvalidate.providers`.

        Args:
            options: Further arguments of that provider.
        """
        if self._server is not None:
            options.setdefault("network", Network(private_addresses=True, insecure_http=True))
        return self.kind.manager(self.base, **{"audience": self._audience, **options})

    def validator(self, **options: Any) -> TokenValidator:
        """
        Return a validator for its tokens alone.

        Args:
            options: Further arguments of its provider.
        """
        transport = None if self._server else self
        return TokenValidator(KeyManagerRegistry([self.key_manager(**options)], transport=transport, clock=self.clock))

    def fail(self, fault: str, at: str | None = None) -> None:
        """
        Answer badly from now on, until `recover`.

        Args:
            fault: One of `FAULTS`, or of `INTROSPECTION_FAULTS`, which nothing but the introspection endpoint has.

            at: How the paths end that have it, such as ``"/introspect"``; by default all have it.

        Raises:
            ConfigurationError: There is no such fault.
        """
        self._serving.failing = Failing(fault, at)

    def recover(self) -> None:
        """Answer well again."""
        self._serving.failing = Failing()

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Be a `Transport`: answer, or fail, as the provider would.

        Raises:
            KeyManagerUnavailable: It is not there, or has that fault.
        """
        place = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(path=place.path, method=request.method, headers=headers, body=request.body or b"")
        here = f"{place.scheme}://{place.netloc}" == self.base
        answered = self._serving.answer(self.base, asked) if here else None
        if answered is None:
            raise KeyManagerUnavailable("nobody answers")
        return answered

    def close(self) -> None:
        """Stop serving; closing again does nothing. Tokens can still be signed."""
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
