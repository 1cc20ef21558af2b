"""
Keys as values, and the choice of the one key that may verify a token.

Rules kept here: a key is looked up in the set of the already matched issuer and nowhere
else; ``kid`` is an opaque string, compared exactly, and a given but unknown one never falls back to trying all;
without ``kid`` (and ``x5t#S256``) exactly one key must fit the algorithm. A PEM key without kid serves tokens that
carry one only when it is that issuer's sole key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from kmvalidate.tokens import Header

#: The key shapes an algorithm is defined for: the curve is fixed by the algorithm (RFC 7518 section 3.4, RFC 9864).
ALGORITHM_SHAPES: dict[str, tuple[str, ...]] = {
    "RS256": ("RSA",),
    "RS384": ("RSA",),
    "RS512": ("RSA",),
    "PS256": ("RSA",),
    "PS384": ("RSA",),
    "PS512": ("RSA",),
    "ES256": ("P-256",),
    "ES384": ("P-384",),
    "ES512": ("P-521",),
    "ES256K": ("secp256k1",),
    "EdDSA": ("Ed25519", "Ed448"),
    "Ed25519": ("Ed25519",),
    "Ed448": ("Ed448",),
}


@attrs.frozen(kw_only=True)
class VerificationKey:
    """
    One public key.

    Args:
        kid: Its key id, None if it has none.

        alg: The one algorithm it serves, None if it serves all that its shape allows.

        shape: ``RSA``, or the name of its curve.

        x5t_s256: The SHA-256 thumbprint of its certificate, None if there is none.

        thumbprint: Its RFC 7638 thumbprint: equal for equal key material, whatever kid and alg say.

        is_pem: Whether it came as PEM, where nobody could give it a kid.

        issuer: The issuer whose tokens it signs where one key set serves many, as Entra ID says it; None if it does
            not say, or for all of them.

        public_key: The key object of ``cryptography``.
    """

    kid: str | None
    alg: str | None
    shape: str
    x5t_s256: str | None
    thumbprint: str
    is_pem: bool = False
    issuer: str | None = None
    public_key: Any = attrs.field(repr=False, eq=False)

    @property
    def name(self) -> str:
        """What people call it: its key id, or else its thumbprint."""
        return self.kid or self.thumbprint

    def serves(self, alg: str) -> bool:
        """Tell whether this key's own ``alg`` lets it verify tokens signed with *alg* (RFC 7517 section 4.4)."""
        return self.alg is None or _full_name(self.alg, self.shape) == _full_name(alg, self.shape)


@attrs.frozen
class Skipped:
    """
    An entry of a key set that was not used, or not wholly.

    Args:
        place: Its place in the array, from 0.

        kid: Its key id, if that is a string.

        why: The reason, without any value of the entry.

        key_used: Whether the key itself is used, only some of its members ignored.
    """

    place: int
    kid: str | None
    why: str
    key_used: bool = False


@attrs.frozen
class KeySet:
    """The keys of one issuer at one time; never changed, only replaced."""

    keys: tuple[VerificationKey, ...]
    skipped: tuple[Skipped, ...] = ()

    @classmethod
    def of(cls, keys: Iterable[VerificationKey], skipped: Iterable[Skipped] = ()) -> KeySet:
        """Return a set of *keys*; those equal in kid, alg and key material count as one."""
        return cls(tuple(dict.fromkeys(keys)), tuple(skipped))

    @classmethod
    def joined(cls, sets: Iterable[KeySet]) -> KeySet:
        """Return one set with everything in *sets*."""
        together = tuple(sets)
        keys = (key for one in together for key in one.keys)
        return cls.of(keys, (skip for one in together for skip in one.skipped))

    @property
    def names(self) -> tuple[str, ...]:
        """What people call its keys."""
        return tuple(key.name for key in self.keys)

    def without(self, thumbprints: AbstractSet[str]) -> KeySet:
        """Return the set without the keys whose thumbprint is one of *thumbprints*; itself if it has none."""
        left = tuple(key for key in self.keys if key.thumbprint not in thumbprints)
        return self if len(left) == len(self.keys) else KeySet(left, self.skipped)

    def find(
        self, header: Header, shapes: tuple[str, ...], owners: AbstractSet[str] | None = None
    ) -> VerificationKey | None:
        """
        Return the one key that may verify a token with this header, None if the set does not have it.

        Args:
            header: The header; its algorithm is one that is allowed.

            shapes: The key shapes for which it is allowed.

            owners: The issuers to which a key for this token may belong, where keys may be for one of several only.

        Raises:
            Refused: UNSUITABLE_KEY, the key it names is not for that algorithm; AMBIGUOUS_KEY, several are.
        """
        named = tuple(
            key for key in self._named(header) if owners is None or key.issuer is None or key.issuer in owners
        )
        fitting = {key.thumbprint: key for key in named if key.shape in shapes and key.serves(header.alg)}
        if len(fitting) > 1:
            raise Refused(Reason.AMBIGUOUS_KEY, claim="kid", got=header.key_name)
        if fitting:
            return next(iter(fitting.values()))
        if named and (header.kid is not None or header.x5t_s256 is not None):
            serves = {key.alg or key.shape for key in named}
            raise Refused(Reason.UNSUITABLE_KEY, claim="alg", expected=serves, got=header.alg)
        return None

    def _named(self, header: Header) -> tuple[VerificationKey, ...]:
        sole = self.keys[0] if len(self.keys) == 1 else None
        if (header.kid is None and header.x5t_s256 is None) or (sole and sole.is_pem and sole.kid is None):
            return self.keys
        if header.kid is not None:
            return tuple(key for key in self.keys if key.kid == header.kid)
        return tuple(key for key in self.keys if key.x5t_s256 == header.x5t_s256)


def _full_name(alg: str, shape: str) -> str:
    """RFC 9864: EdDSA with an Ed25519 key and Ed25519 are one algorithm under two names."""
    return shape if alg == "EdDSA" else alg
