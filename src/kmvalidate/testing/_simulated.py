"""
Identity providers for tests: each kind with its own issuers, documents, keys and tokens.

Rules kept here: in process there is no socket, no thread and no sleep, and time passes when a test says so. Over HTTP
it is a real server on the loopback interface, which ends with `SimulatedProvider.close`.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.ports import Network, SystemClock
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import _kinds
from kmvalidate.testing._documents import answer
from kmvalidate.testing._faults import FAULTS
from kmvalidate.testing._keyring import Keyring, without_none
from kmvalidate.testing._kind import ProviderKind, Wish
from kmvalidate.testing._loopback import LoopbackServer
from kmvalidate.testing._virtual_clock import VirtualClock
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.ports import Clock, HttpRequest, HttpResponse
    from kmvalidate.testing._jose import SigningKey

_PAST_LIFETIME_S = 300


class SimulatedProvider:
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

    Attributes:
        kind: The `ProviderKind`.

        base: Where it is.

        clock: What tells the time.

    Raises:
        ConfigurationError: There is no such kind, or an algorithm is unknown.
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
    ) -> None:
        self.kind = kind if isinstance(kind, ProviderKind) else _kinds.named(kind)
        self._audience = (audience,) if isinstance(audience, str) else tuple(audience)
        self._keys = Keyring(self.kind.algorithms if algorithms is None else algorithms)
        self.clock: Any = clock or (SystemClock() if http else VirtualClock())
        self._fault: str | None = None
        self._hits: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._server = LoopbackServer(self._answer) if http else None
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
        with self._counting:
            return self._hits.copy()

    @property
    def look_alikes(self) -> tuple[str, ...]:
        """The names of its tokens that are no access tokens."""
        return tuple(self.kind.look_alikes)

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

    def token(
        self,
        *,
        version: str | None = None,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        key: SigningKey | bytes | None = None,
        **wishes: Any,
    ) -> str:
        """
        Return a signed access token of exactly the provider's shape.

        Args:
            version: Which version or profile, by default the usual one.

            header: Header parameters to set; one that is None is left out.

            claims: Claims to set; one that is None is left out.

            key: What signs, by default the provider's key.

            wishes: ``scopes``, ``roles``, ``subject``, ``client_id``, ``audience``, ``expires_in_s`` (negative for one
                that has expired), ``application`` (whether the client got it for itself).

        Raises:
            ConfigurationError: There is no such version or wish.
        """
        wish = self._wish(version, **wishes)
        return self._signed(self.kind.header(wish), self.kind.claims(wish), header, claims, key)

    def look_alike(self, name: str, *, version: str | None = None, **wishes: Any) -> str:
        """
        Return a token of another kind, signed with the provider's key.

        Args:
            name: One of `look_alikes`.

            version: As for `token`.

            wishes: As for `token`.

        Raises:
            ConfigurationError: There is none of that name.
        """
        if name not in self.kind.look_alikes:
            raise ConfigurationError(f"the look-alikes of {self.kind.name} are {', '.join(self.look_alikes) or 'none'}")
        wish = self._wish(version, **wishes)
        made = self.kind.look_alikes[name].make(wish, self.kind.header(wish), self.kind.claims(wish))
        return self._signed(*made, None, None, None)

    def key(self, alg: str | None = None) -> SigningKey:
        """
        Return the key it signs with now, for attacks on it and for neighbours that share it.

        Args:
            alg: The algorithm, by default the usual one.

        Raises:
            ConfigurationError: It has no key for that algorithm.
        """
        return self._keys.key(alg)

    def rotate(self, *, overlap: bool = True) -> None:
        """
        Make new keys and sign with those from now on.

        Args:
            overlap: Whether the keys published so far stay published beside them.
        """
        self._keys.rotate(keep_old=overlap)

    def fail(self, fault: str) -> None:
        """
        Answer badly from now on, until `recover`.

        Args:
            fault: One of `FAULTS`.

        Raises:
            ConfigurationError: There is no such fault.
        """
        if fault not in FAULTS:
            raise ConfigurationError(f"a fault is one of {', '.join(FAULTS)}")
        self._fault = fault

    def recover(self) -> None:
        """Answer well again."""
        self._fault = None

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Be a `Transport`: answer, or fail, as the provider would.

        Raises:
            KeyManagerUnavailable: It is not there, or has that fault.
        """
        place = urlsplit(request.url)
        answered = self._answer(place.path) if f"{place.scheme}://{place.netloc}" == self.base else None
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

    def _answer(self, path: str) -> HttpResponse | None:
        with self._counting:
            self._hits[path] += 1
        published = self.kind.published(self.base, self._keys.algorithms)
        documents: dict[str, Any] = {at: lambda found=found: found for at, found in published.items()}
        keys = [self.kind.jwk(self.base, key.public_jwk) for key in self._keys.published]
        documents[self.kind.jwks_path] = lambda: {"keys": keys}
        return FAULTS[self._fault](answer(documents, path)) if self._fault else answer(documents, path)

    def _wish(
        self,
        version: str | None,
        *,
        scopes: Iterable[str] = ("menu:read",),
        roles: Iterable[str] = (),
        subject: str | None = None,
        client_id: str = "web-shop",
        audience: str | Iterable[str] | None = None,
        expires_in_s: float = 300,
        application: bool = False,
    ) -> Wish:
        named = self.kind.versions[0] if version is None else version
        if named not in self.kind.versions:
            raise ConfigurationError(f"the token versions of {self.kind.name} are {', '.join(self.kind.versions)}")
        now = int(self.clock.wall())
        wanted = self._audience if audience is None else audience
        return Wish(
            base=self.base,
            version=named,
            issuer=self.kind.issuer(self.base, named),
            audience=(wanted,) if isinstance(wanted, str) else tuple(wanted),
            subject=subject or (client_id if application else "alice"),
            client_id=client_id,
            scopes=tuple(sorted(scopes)),
            roles=tuple(sorted(roles)),
            application=application,
            issued_at=now if expires_in_s > 0 else now + int(expires_in_s) - _PAST_LIFETIME_S,
            expires_at=now + int(expires_in_s),
            token_id=uuid.uuid4().hex,
        )

    def _signed(
        self,
        header: dict[str, Any],
        claims: dict[str, Any],
        own_header: Mapping[str, object] | None,
        own_claims: Mapping[str, object] | None,
        key: SigningKey | bytes | None,
    ) -> str:
        usual = self.key()
        named = {**header, "alg": usual.alg, "kid": usual.kid, **(own_header or {})}
        return self._keys.sign(without_none(named), without_none({**claims, **(own_claims or {})}), key)
