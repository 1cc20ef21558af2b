"""
What makes backend JWTs, and publishes the keys that they verify under.

Rules kept here: each JWT gets an id of its own, and its times just before it is signed. Keys are swapped whole, and
read without a lock; what a key signed that is published no more is not issued. What a signer or a callable of somebody
else raises passes through, and nothing is issued.
"""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING, Any, AnyStr

import msgspec

from kmvalidate.backend_jwt._content import Content, plain_members
from kmvalidate.backend_jwt._headers import replaced
from kmvalidate.backend_jwt._issued import BackendJwt, Stamp, life
from kmvalidate.backend_jwt._legacy import LegacyWriter
from kmvalidate.backend_jwt._legacy_format import LegacyFormat
from kmvalidate.backend_jwt._published import PublishedKeys, discovery_document
from kmvalidate.backend_jwt._settings import Configured, Settings
from kmvalidate.backend_jwt._strict import StrictFormat, StrictWriter
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kmvalidate.backend_jwt._published import Writer
    from kmvalidate.cases import Case
    from kmvalidate.ports import Ports
    from kmvalidate.signing import SigningKey
    from kmvalidate.userinfo import UserInfo

#: The header in which backends look for their JWT.
DEFAULT_HEADER = "X-JWT-Assertion"

#: Seconds for which backends may keep the published keys.
JWKS_CACHE_S = 300

_JWKS_PATH = "/.well-known/jwks.json"
_TRIES = 3


class BackendJwtGenerator(Configured):
    """
    Makes the JWTs that tell backends who calls.

    Claims of others never get a name that the generator writes itself (`StrictFormat` and `LegacyFormat` list them),
    and neither the user's claims nor a callable's get one that says who calls and what they may do
    (`PROTECTED_CLAIMS`). Of one name, a callable's claim counts before the token's, and the token's before the user's.
    Names that differ only in letter case, or in the dot of an i, count as one.

    Args:
        keys: The signing key, or several: the first one signs, all are published. See `use_keys`.

        format: How a JWT is written.

        issuer: Its ``iss``; by default ``urn:kmvalidate:gateway``, in the legacy format ``wso2.org/products/am``. A URL
            if backends are to find the keys by discovery. It is never accepted as the issuer of an access token.

        header: The name of the header field for backends.

        ttl_s: For how many whole seconds one lives at most, 10 to 86400; it never lives longer than the access token,
            but for one that has expired and still counts within its key manager's leeway: then for a second or two. By
            default 300, in the legacy format 900 or 3600.

        audience: The ``aud`` where an API has no `backend_audience`.

        claims: Claims of the token that are repeated, each with its name in the backend JWT; one inside an object is
            named by a tuple. In the legacy format all are repeated, and these renamed. Such a name comes from nothing
            else, but from a callable.

        excluded_claims: Names, as in the backend JWT, of claims of the token or the user that are left out: also
            ``sub``, ``scope``, ``client_id`` and ``organizations``, but nothing else that is written in any case.

        custom_claims: Returns further claims for a `Case`; plain or async. What it returns should depend on the token,
            the API and what is known of the client, for JWTs are used again for other calls with the same.

        user_claims: How the user's claims are fetched (`UserInfo`); whoever issues does it, and puts them in the case.

        jwks_cache_s: Whole seconds for which backends may keep the published keys: the ``max-age`` to serve them with.

    Attributes:
        version: Another object after each change of keys, put there once the change is to be seen. Read it only.

    Raises:
        ConfigurationError: Something is of the wrong type, a key is not for the format, or two keys have one ``kid``.
    """

    def __init__(
        self,
        keys: SigningKey | Iterable[SigningKey],
        *,
        format: StrictFormat | LegacyFormat | None = None,  # noqa: A002  # what everybody calls it
        issuer: str | None = None,
        header: str = DEFAULT_HEADER,
        ttl_s: int | None = None,
        audience: str | Iterable[str] | None = None,
        claims: Mapping[Any, str] | None = None,
        excluded_claims: str | Iterable[str] = (),
        custom_claims: Callable[[Case], Any] | None = None,
        user_claims: UserInfo | None = None,
        jwks_cache_s: int = JWKS_CACHE_S,
        _random: Callable[[int], bytes] = urandom,
    ) -> None:
        self._format: Any = StrictFormat() if format is None else format
        usual: Any = _writer_type(self._format)
        named: str = usual.issuer if issuer is None else issuer
        self._content = Content(issuer=named, audience=audience, claims=claims, excluded_claims=excluded_claims)
        self._writer: Writer = usual(self._format, self._content)
        self._settings = Settings(
            header=header,
            ttl_s=self._writer.ttl_s if ttl_s is None else ttl_s,
            jwks_cache_s=jwks_cache_s,
            custom_claims=custom_claims,
            user_claims=user_claims,
        )
        self._random = _random
        self._swapping = OwnLock()
        self._known: dict[str, str] = {}  # the thumbprint of every key that was ever published, by its kid
        self.use_keys(keys)

    @property
    def issuer(self) -> str:
        """The ``iss`` of what is made."""
        return self._content.issuer

    async def issue(self, case: Case, ports: Ports) -> BackendJwt:
        """
        Return a backend JWT for a call that is allowed.

        Args:
            case: The call, and what is known of it.

            ports: The caller's.

        Raises:
            ConfigurationError: The API has no backend audience, or a callable returned what JSON cannot say.
            KeyManagerUnavailable: A signer returned no signature, or keys were dropped each time while one signed.
        """
        custom = None
        if self._settings.custom_claims is not None:
            custom = plain_members(await ports.call(self._settings.custom_claims, case), "custom_claims")
        for _ in range(_TRIES):
            published = self._published
            unsigned, stamp = self._unsigned(published, case, custom, ports.clock.wall())
            signature = await published.signing.sign(unsigned.encode(), ports)
            if self._is_published(published.key_id, published.signing.thumbprint):
                return self._signed(published, unsigned, signature, stamp)
        raise KeyManagerUnavailable("the keys of the backend JWTs change all the time")

    def issue_now(self, case: Case, now: float) -> BackendJwt | None:
        """
        Do what `issue` does, where nothing has to be awaited; None where something has.

        Args:
            case: The call, and what is known of it.

            now: Seconds since the epoch.

        Raises:
            ConfigurationError: The API has no backend audience.
        """
        published = self._published
        sign = published.signing.sign_now
        if sign is None or self._settings.custom_claims is not None:
            return None
        unsigned, stamp = self._unsigned(published, case, None, now)
        signature = sign(unsigned.encode())
        return self._signed(published, unsigned, signature, stamp) if published is self._published else None

    def _signed(self, published: PublishedKeys, unsigned: str, signature: bytes, stamp: Stamp) -> BackendJwt:
        text = f"{unsigned}.{self._writer.segment(signature)}"
        thumbprint = published.signing.thumbprint
        return BackendJwt(text, stamp.expires_at, stamp.renew_at, published.key_id, thumbprint)

    def _unsigned(
        self, published: PublishedKeys, case: Case, custom: Mapping[str, Any] | None, now: float
    ) -> tuple[str, Stamp]:
        writer = self._writer
        ttl_s = self._settings.ttl_s + writer.surplus_of(case)
        stamp = Stamp(*life(now, ttl_s, case.token.expires_at), self._random(16))
        return f"{published.header}.{writer.segment(writer.payload(case, custom, stamp))}", stamp

    def is_current(self, jwt: BackendJwt, now: float) -> bool:
        """
        Tell whether a JWT that was issued earlier may be used again at *now*, in seconds since the epoch.

        It may until a tenth of its life is left, as long as the key that signed it is published.
        """
        return now < jwt.renew_at and self._is_published(jwt.key_id, jwt.thumbprint)

    def _is_published(self, key_id: str, thumbprint: str) -> bool:
        return self._published.thumbprints.get(key_id) == thumbprint

    def use_keys(self, keys: SigningKey | Iterable[SigningKey]) -> None:
        """
        Use these keys from now on: the first one signs, all are published.

        No backend notices a change of keys that is made in steps, each on every gateway before the next:

        1. ``use_keys([old, new])``: the next key is published, and the old one signs.
        2. Wait until every backend has fetched the keys again (`jwks_cache_s`).
        3. ``use_keys([new, old])``: the next key signs.
        4. Wait until nothing that the old one signed is good any more (`overlap_s`).
        5. ``use_keys([new])``.

        Where the next key signs with another algorithm, backends that take the algorithms from the discovery document
        have to fetch that again as well in step 2.

        A key that leaked is left out at once: what it signed is then no longer current here (`is_current`), nor is what
        it is signing just then issued, and backends refuse it once they fetch the keys again.

        Raises:
            ConfigurationError: As when the generator is made, or a ``kid`` was ever that of another key here. Then
                nothing changes.
        """
        later = PublishedKeys.of(keys, self._writer)
        with self._swapping:
            self._known = later.names_after(self._known)
            self._published = later
            self.version: object = later

    @property
    def overlap_s(self) -> int:
        """Seconds for which a key stays published after its last signature: a JWT's longest life and `jwks_cache_s`."""
        return self.ttl_s + self._writer.surplus_s + self.jwks_cache_s

    def jwks(self) -> dict[str, Any]:
        """Return the JWK Set (RFC 7517 section 5) of the public keys, to be served to backends."""
        return msgspec.json.decode(self._published.document)  # type: ignore[no-any-return]

    def jwks_json(self) -> bytes:
        """Return `jwks` as JSON, to be served as ``application/jwk-set+json`` for `jwks_cache_s` seconds."""
        return self._published.document

    def discovery(self, base_url: str, *, jwks_path: str = _JWKS_PATH, insecure_http: bool = False) -> dict[str, Any]:
        """
        Return the discovery document (OpenID Connect Discovery section 4.2) with which backends find the keys.

        It is to be served at the issuer's URL with ``/.well-known/openid-configuration`` after it.

        Args:
            base_url: The URL under which backends reach the gateway.

            jwks_path: Where the JWK Set is served below it.

            insecure_http: Whether both URLs may begin with ``http``.

        Raises:
            ConfigurationError: The issuer is no URL, or one of the others is none.
        """
        algorithms = self._published.algorithms
        return discovery_document(self.issuer, base_url, jwks_path, algorithms, insecure_http=insecure_http)

    def replace_header(
        self, headers: Iterable[tuple[AnyStr, AnyStr]], jwt: str | BackendJwt | None
    ) -> list[tuple[AnyStr, AnyStr]]:
        """
        Return the header fields of a call as its backend gets them: the JWT at the end, and no other in its place.

        Whatever the client sent under that name is removed, in every spelling a server may take for it: signs count as
        one, and letter cases as none. So is each field whose name is none (RFC 9110 section 5.1), or whose value has
        CR, LF or NUL in it (section 5.5), behind which the next server may read a field of its own. The name is removed
        from ``Connection`` and ``Proxy-Connection``, with which the client could have it dropped on the way.

        Args:
            headers: The fields as the client sent them, or as they are to be sent; each a name and a value, both
                strings or, as in ASGI, both bytes. What is returned is the same; of bytes, our name in lower case.

            jwt: The JWT, as text too; None to remove only.

        Raises:
            ConfigurationError: The fields or the JWT are something else.
        """
        return replaced(headers, self.header, jwt.text if isinstance(jwt, BackendJwt) else jwt)

    def __repr__(self) -> str:
        return (
            f"BackendJwtGenerator(issuer={self.issuer!r}, format={self._format!r}, keys={list(self._published.jwks)})"
        )


def _writer_type(layout: object) -> type[StrictWriter | LegacyWriter]:
    if isinstance(layout, LegacyFormat):
        return LegacyWriter
    if isinstance(layout, StrictFormat):
        return StrictWriter
    raise ConfigurationError("format is a StrictFormat or a LegacyFormat")
