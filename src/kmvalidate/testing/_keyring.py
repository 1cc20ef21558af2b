"""
The keys of an issuer made for tests: those it signs with, and those it publishes.

Rules kept here: whatever a test asks for is signed, hostile headers included.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.testing._jose import SigningKey, as_json, compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Keyring:
    """
    One signing key for each algorithm, and what was published so far.

    Args:
        algorithms: What it signs with; the first is the usual one.

    Raises:
        ConfigurationError: An algorithm is unknown, or there is none.
    """

    def __init__(self, algorithms: Iterable[str]) -> None:
        self.algorithms = tuple(algorithms)
        if not self.algorithms:
            raise ConfigurationError("an issuer signs with at least one algorithm")
        self._rotations = 0
        self.published: tuple[SigningKey, ...] = ()
        self.rotate(keep_old=False)

    def rotate(self, *, keep_old: bool) -> None:
        """Make new keys; those published so far stay so if *keep_old*."""
        self._rotations += 1
        self._keys = {alg: SigningKey.make(alg, f"{alg}-{self._rotations}") for alg in self.algorithms}
        self.published = (*self._keys.values(), *(self.published if keep_old else ()))

    def key(self, alg: str | None = None) -> SigningKey:
        """
        Return the key that signs now, for the first algorithm unless another is named.

        Raises:
            ConfigurationError: There is none for that algorithm.
        """
        wanted = self.algorithms[0] if alg is None else alg
        if wanted not in self._keys:
            raise ConfigurationError(f"this issuer signs with {', '.join(self.algorithms)} only")
        return self._keys[wanted]

    def sign(
        self, header: Mapping[str, object], claims: Mapping[str, object] | bytes, key: SigningKey | bytes | None = None
    ) -> str:
        """
        Return a token of exactly this header and these claims.

        Args:
            header: The whole header.

            claims: The whole claims set, or the bytes of any payload.

            key: What signs: a key, or the secret of an HMAC with SHA-256; by default the key for the header's ``alg``.

        Raises:
            ConfigurationError: The header's ``alg`` chooses the key, and there is none for it.
        """
        payload = claims if isinstance(claims, bytes) else as_json(claims)
        return compact(header, payload, self._signer(header, key))

    def _signer(self, header: Mapping[str, object], key: SigningKey | bytes | None) -> Callable[[bytes], bytes]:
        if isinstance(key, bytes):
            return lambda message: hmac.digest(key, message, "sha256")
        if key is None and header.get("alg") == "none":
            return lambda _: b""
        return (key or self.key(str(header.get("alg")))).sign


def without_none(members: Mapping[str, object]) -> dict[str, object]:
    """Return *members* without those that are None."""
    return {name: value for name, value in members.items() if value is not None}
