"""
A small OpenID provider for tests and demonstrations, over real HTTP on this machine.

Rules kept here: it publishes what a provider publishes (OpenID Connect Discovery section 3, RFC 7517 section 5) and
signs whatever a test asks for; by default that is an access token of RFC 9068's shape. Time is an argument.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from kmvalidate.ports import SystemClock
from kmvalidate.testing._documents import DISCOVERY_PATH, JWKS_PATH, answer, metadata
from kmvalidate.testing._keyring import Keyring, without_none
from kmvalidate.testing._loopback import LoopbackServer

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping
    from typing import Self

    from kmvalidate.ports import Clock
    from kmvalidate.testing._jose import SigningKey

_PAST_LIFETIME_S = 300


class LocalIssuer:
    """
    An issuer on a free port of 127.0.0.1 that serves its discovery document and its keys until it is closed.

    A key manager that is to reach it needs ``Network(private_addresses=True, insecure_http=True)``::

        with LocalIssuer() as idp:
            keys = RemoteKeys(network=Network(private_addresses=True, insecure_http=True))
            manager = KeyManager(name="Local", issuer=idp.issuer, audience="orders", keys=keys)
            TokenValidator(KeyManagerRegistry([manager])).authenticate(idp.token(sub="bob"))

    Args:
        audience: The ``aud`` of its tokens.

        algorithms: What it signs with, one key each; the first is what tokens get unless they ask for another.

        clock: What tells the time its tokens are issued at; by default this machine's clock.

    Attributes:
        issuer: Its address, ``http://127.0.0.1:PORT``: the ``iss`` of its tokens.

    Raises:
        ConfigurationError: An algorithm is unknown, or there is none.
    """

    def __init__(
        self,
        *,
        audience: str = "orders",
        algorithms: Iterable[str] = ("RS256", "ES256", "EdDSA"),
        clock: Clock | None = None,
    ) -> None:
        self._audience = audience
        self._keys = Keyring(algorithms)
        self._clock = clock or SystemClock()
        documents = {DISCOVERY_PATH: self._metadata, JWKS_PATH: self._jwks}
        self._server = LoopbackServer(lambda asked: answer(documents, asked))
        self.issuer = self._server.origin

    @property
    def hits(self) -> Counter[str]:
        """How often each path was asked for so far: ``idp.hits["/jwks"]``."""
        return self._server.hits

    def key(self, alg: str | None = None) -> SigningKey:
        """
        Return the key it signs with now.

        Args:
            alg: The algorithm, by default the issuer's first.

        Raises:
            ConfigurationError: It has no key for that algorithm.
        """
        return self._keys.key(alg)

    def rotate(self, *, keep_old: bool = False) -> None:
        """
        Make new keys and sign with those from now on.

        Args:
            keep_old: Whether the keys published so far stay published beside them.
        """
        self._keys.rotate(keep_old=keep_old)

    def token(
        self,
        *,
        header: Mapping[str, object] | None = None,
        alg: str | None = None,
        expires_in_s: float = 300,
        **claims: object,
    ) -> str:
        """
        Return a signed access token (RFC 9068).

        Args:
            header: Header parameters to set; one that is None is left out.

            alg: The algorithm, by default the issuer's first.

            expires_in_s: Seconds from now until it expires; negative for one that has expired.

            claims: Claims to set; one that is None is left out.

        Raises:
            ConfigurationError: It has no key for that algorithm.
        """
        key = self.key(alg)
        parameters = {"typ": "at+jwt", "alg": key.alg, "kid": key.kid} | dict(header or {})
        return self.sign(without_none(parameters), self.claims(expires_in_s=expires_in_s, **claims), key=key)

    def claims(self, *, expires_in_s: float = 300, **overrides: object) -> dict[str, object]:
        """
        Return the claims of an access token that nobody signed yet; for `sign`.

        Args:
            expires_in_s: Seconds from now until it expires; negative for one that has expired.

            overrides: Claims to set; one that is None is left out.
        """
        now = int(self._clock.wall())
        expires = now + expires_in_s
        claims = {"iss": self.issuer, "sub": "alice", "aud": self._audience, "client_id": "web-shop"}
        times = {"iat": now if expires > now else expires - _PAST_LIFETIME_S, "exp": expires}
        return without_none({**claims, **times, "jti": uuid.uuid4().hex, "scope": "menu:read", **overrides})

    def sign(
        self,
        header: Mapping[str, object],
        claims: Mapping[str, object] | bytes,
        *,
        key: SigningKey | bytes | None = None,
    ) -> str:
        """
        Return a token of exactly this header and these claims, hostile ones included.

        Args:
            header: The whole header.

            claims: The whole claims set, or the bytes of any payload.

            key: What signs, whatever the header says: a key, the issuer's or a stranger's, or the secret of an
                HMAC with SHA-256. By default the issuer's key for the header's ``alg``; nothing for ``none``.

        Raises:
            ConfigurationError: The header's ``alg`` chooses the key, and the issuer has none for it.
        """
        return self._keys.sign(header, claims, key)

    def close(self) -> None:
        """Stop serving; closing again does nothing. Tokens can still be signed."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _metadata(self) -> dict[str, object]:
        return metadata(self.issuer, self._keys.algorithms)

    def _jwks(self) -> dict[str, object]:
        return {"keys": [key.public_jwk for key in self._keys.published]}
