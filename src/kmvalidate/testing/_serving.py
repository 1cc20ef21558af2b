"""
What a simulated provider answers to whom.

Rules kept here: every request is counted, then held to the limit, and whatever would be right is then spoilt by the
fault there is. There is no socket here.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from kmvalidate.testing._documents import answer, json_answer
from kmvalidate.testing._faults import Failing
from kmvalidate.testing._introspection import Endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.ports import Clock, HttpResponse
    from kmvalidate.testing._introspection import TokenBook
    from kmvalidate.testing._keyring import Keyring
    from kmvalidate.testing._kind import ProviderKind
    from kmvalidate.testing._loopback import Asked
    from kmvalidate.testing._throttle import Throttle

    Members = dict[str, Any]


class Serving:
    """
    The answers of one provider.

    Args:
        kind: Its kind.

        keys: Its keys.

        book: Its tokens.

        client: The id and the secret of its client.

        clock: What tells the time.

        throttle: How much it may be asked.

    Attributes:
        failing: Its fault.
    """

    def __init__(
        self,
        *,
        kind: ProviderKind,
        keys: Keyring,
        book: TokenBook,
        client: tuple[str, str],
        clock: Clock,
        throttle: Throttle,
    ) -> None:
        self._kind, self._keys, self._clock, self._throttle = kind, keys, clock, throttle
        self._endpoints = Endpoints(client, book, clock, kind.new_token)
        self._hits: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.failing = Failing()

    @property
    def hits(self) -> Counter[str]:
        """How often each path was asked for so far; a copy."""
        with self._counting:
            return self._hits.copy()

    def answer(self, base: str, asked: Asked) -> HttpResponse | None:
        """Return the answer of the provider at *base*; None for none."""
        with self._counting:
            self._hits[asked.path] += 1
            wait_s = self._throttle.wait_s()
        if wait_s:
            return json_answer(429, {"error": "too_many_requests"}, retry_after=str(wait_s))
        introspected = asked.path == self._kind.introspection_path
        right = self._introspected(base, asked) if introspected else self._other(base, asked)
        return self.failing.response(asked.path, right, introspected=introspected)

    def _introspected(self, base: str, asked: Asked) -> HttpResponse:
        def sign(said: Members, client_id: str) -> str:
            key, issuer = self._keys.key(), self._kind.issuer(base, self._kind.versions[0])
            claims = {"iss": issuer, "aud": client_id, "iat": int(self._clock.wall()), "token_introspection": said}
            return self._keys.sign({"typ": "token-introspection+jwt", "alg": key.alg, "kid": key.kid}, claims)

        def change(right: Members) -> Members:
            return self.failing.members(asked.path, right)

        return self._endpoints.introspect(asked, change, sign if self._kind.signed_answers else None)

    def _other(self, base: str, asked: Asked) -> HttpResponse:
        published = self._kind.published(base, self._keys.algorithms)
        if asked.path in self._token_paths(base, published):
            return self._endpoints.grant(asked)
        documents: dict[str, Any] = {at: lambda found=found: found for at, found in published.items()}
        keys = [self._kind.jwk(base, key.public_jwk) for key in self._keys.published]
        documents[self._kind.jwks_path] = lambda: {"keys": keys}
        return answer(documents, asked)

    def _token_paths(self, base: str, published: Mapping[str, Members]) -> set[str]:
        """Return where tokens are given to its client: nowhere if the client can do nothing with them."""
        if self._kind.introspection_path is None:
            return set()
        return {str(document.get("token_endpoint")).removeprefix(base) for document in published.values()}
