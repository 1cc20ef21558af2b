"""
By what tokens are recognised that were revoked.

Rules kept here: an identity is a tuple of plain strings and never empty. A JWT is known by what was signed, as its
signature may have a second spelling. No message repeats a token.
"""

from __future__ import annotations

import re
from hashlib import sha256

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_number, to_moment, to_name

#: Organization, key manager (None for any of that organization), and the name that is unique there.
Identity = tuple[str | None, str | None, str]

_BEARER = re.compile(r"[!-~]+")
_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_DIGEST_BYTES = 32


@attrs.frozen
class AnyKeyManager:
    """Says aloud that something is revoked whichever key manager it comes from. See `ANY_KEY_MANAGER`."""


#: Whichever key manager of that organization: for those whose revocations do not say which, as those of WSO2.
ANY_KEY_MANAGER = AnyKeyManager()


def signed_digest(token: str) -> bytes:
    """
    Return what a bearer token is known by in a `RevocationList`: 32 bytes.

    Of a JWT, three segments between two dots, it is the SHA-256 of ``header.payload`` as they were signed: whoever can
    write the signature in a second way (of an ECDSA signature (r, s) there is (r, n - s)) has the same token still. Of
    any other token it is the SHA-256 of the whole.

    Args:
        token: The bearer token, in ASCII, as every token is that was verified.
    """
    signed = token.rpartition(".")[0]
    return sha256((signed if signed.count(".") == 1 else token).encode()).digest()


def digest_of(token: str) -> bytes:
    """
    Return the `signed_digest` of what a person took for a token.

    Raises:
        ConfigurationError: It can be none.
    """
    if not isinstance(token, str) or not _BEARER.fullmatch(token):
        raise ConfigurationError("a token is a string of printable ASCII, without spaces and the word Bearer")
    return signed_digest(token)


def checked_digest(digest: str | bytes) -> bytes:
    """
    Return a digest as bytes.

    Raises:
        ConfigurationError: It is neither 32 bytes nor 64 hexadecimal digits.
    """
    if isinstance(digest, bytes) and len(digest) == _DIGEST_BYTES:
        return bytes(digest)
    if isinstance(digest, str) and _HEX_DIGEST.fullmatch(digest):
        return bytes.fromhex(digest)
    raise ConfigurationError("a digest is 32 bytes or 64 hexadecimal digits, as SHA-256 has them")


def identity(organization: str | None, key_manager: str | AnyKeyManager, name: str, what: str) -> Identity:
    """
    Return what something is known by.

    Raises:
        ConfigurationError: A part of it is empty or of the wrong type.
    """
    whose = None if organization is None else to_name(organization, "organization")
    manager = None if isinstance(key_manager, AnyKeyManager) else to_name(key_manager, "key_manager")
    return whose, manager, to_name(name, what)


def checked_moment(before: float) -> float:
    """
    Return a moment before which tokens were issued, in seconds since the epoch.

    Raises:
        ConfigurationError: It is no number, or one of milliseconds, which would revoke whatever is ever issued.
    """
    return to_moment(before, "before is a number of seconds since the epoch, not of milliseconds")


def checked_end(expires_at: float | None) -> float:
    """
    Return when what is revoked expires, in seconds since the epoch; infinity where nobody knows.

    Raises:
        ConfigurationError: It is no number above 0.
    """
    if expires_at is None:
        return float("inf")
    if not is_number(expires_at) or not expires_at > 0:
        raise ConfigurationError("expires_at is a number of seconds since the epoch, None if it is not known")
    return expires_at
