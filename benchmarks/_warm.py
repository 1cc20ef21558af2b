"""What comes again: a token that was verified before, and what recalling it is compared with."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from _tokens import AUDIENCE, ISSUER, signed

from kmvalidate import KeyManager, KeyManagerRegistry, StaticKeys, TokenValidator

if TYPE_CHECKING:
    from _tokens import Signed

KEY_MANAGER = "Keycloak"


def registry_of(jwks: dict[str, object]) -> KeyManagerRegistry:
    """Return a registry of one key manager with these keys, pinned."""
    keys = StaticKeys.from_jwks(jwks)
    return KeyManagerRegistry([KeyManager(name=KEY_MANAGER, issuer=ISSUER, audience=AUDIENCE, keys=keys)])


def validator_of(jwks: dict[str, object], **how: int) -> TokenValidator:
    """Return a validator of that key manager's tokens."""
    return TokenValidator(registry_of(jwks), **how)


class Fresh:
    """A token that comes as a string of its own each time, as from a request."""

    def __init__(self, token: Signed | None = None) -> None:
        self.token = token or signed("RS256")
        self.raw = self.token.token.encode()

    def floor(self) -> None:
        """Make that string, and hash it once."""
        sha256(self.raw.decode().encode()).digest()


class Warm(Fresh):
    """A validator that remembers a token, and that token."""

    def __init__(self) -> None:
        super().__init__()
        self.validator = validator_of(self.token.jwks)
        self.validator.authenticate(self.token.token)
        self.floor()
        self.call()

    def call(self) -> object:
        """Recall the token."""
        return self.validator.authenticate(self.raw.decode())
