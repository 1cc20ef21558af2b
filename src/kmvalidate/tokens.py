"""
A token's first stations: a string, a `Jwt` or an `OpaqueToken`.

Rules kept here: a token is taken apart once, strictly, and that one object both routes and
is verified. Compact JWS only (RFC 7515 section 3.1); JWE and the JSON serialisations are refused. What nobody has
proved yet has no attribute that could pass for proved. No repr shows a token.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.strict_json import Flaw, decode_base64url, encode_base64url, parse_object

DEFAULT_MAX_TOKEN_BYTES = 16 * 1024

_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_JWE_DOTS = 4
_JWE_HINT = (
    "It is encrypted (JWE), and none is decrypted here; Auth0 gives such tokens to clients that name no audience."
)
_BEARER_HINT = " (hand over the token alone, without the word Bearer)"


def shows_nothing(_: object) -> list[tuple[str, Any]]:
    """Show nothing to rich, which would show every field of a record, and with them the token."""
    return []


class OpaqueToken(msgspec.Struct, frozen=True, gc=False):
    """A token that only its key manager can read. Nothing is proved of it."""

    text: str

    def __repr__(self) -> str:
        return "OpaqueToken(...)"

    __rich_repr__ = shows_nothing


class Jwt(msgspec.Struct, frozen=True, gc=False):
    """A compact JWS, taken apart. Nothing is proved of it."""

    header_segment: str
    signing_input: bytes
    signature: bytes
    unverified_payload: bytes

    def __repr__(self) -> str:
        return "Jwt(...)"

    __rich_repr__ = shows_nothing


class Header(msgspec.Struct, frozen=True, gc=False):
    """
    The JOSE header parameters that are looked at; all others are ignored, those that carry keys above all.

    ``type`` is ``typ`` in lower case without its ``application/`` (RFC 7515 section 4.1.9).
    """

    alg: str
    kid: str | None
    x5t_s256: str | None
    type: str | None

    @property
    def key_name(self) -> str:
        """What the token calls its key, for a person to read."""
        names = (name for name in (self.kid, self.x5t_s256) if name is not None)
        return next(names, "no kid")


def checked_max_bytes(value: int) -> int:
    """
    Return the largest token size to look at, in bytes.

    Raises:
        ConfigurationError: It is not a whole number of at least 1.
    """
    if value.__class__ is not int or value < 1:
        raise ConfigurationError("max_token_bytes is a whole number of bytes, at least 1")
    return value


def recognise(token: Any, max_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> Jwt | OpaqueToken:
    """
    Tell what a bearer string is, and take it apart if it is a JWT. Nothing is proved by it.

    Args:
        token: The bearer string, without the word ``Bearer``.

        max_bytes: The largest token looked at, in bytes.

    Raises:
        Refused: It is not a string, too large, or neither a JWT nor an opaque token (RFC 6750's ``b64token``).
    """
    if type(token) is not str or len(token) > max_bytes or not token.isascii():
        token = _checked(token, max_bytes)
    text: str = token
    signed, _, signature_segment = text.rpartition(".")
    header_segment, dot, payload_segment = signed.partition(".")
    if not dot or "." in payload_segment:
        return _opaque(text)
    payload, signature = decode_base64url(payload_segment), decode_base64url(signature_segment)
    if payload is None or signature is None:
        raise _not_base64url(signature_segment)
    return Jwt(header_segment, signed.encode(), signature, payload)


def text_of(jwt: Jwt) -> str:
    """Return a JWT as it came: its parts have one spelling each."""
    return f"{jwt.signing_input.decode()}.{encode_base64url(jwt.signature)}"


def parse_claims(jwt: Jwt) -> dict[str, Any]:
    """
    Return the claims set of *jwt*, read strictly. Nothing is proved of it.

    Raises:
        Refused: The payload is not a JSON object.
    """
    claims = parse_object(jwt.unverified_payload)
    if isinstance(claims, Flaw):
        raise _malformed(f"its payload: {claims}")
    return claims


def parse_header(jwt: Jwt) -> Header:
    """
    Return the header of *jwt*, read strictly.

    Raises:
        Refused: It is not a JSON object, a parameter we look at has the wrong type, or it asks for processing
            that is not supported: ``crit``, ``b64`` (RFC 7797 section 7), a nested token.
    """
    raw = decode_base64url(jwt.header_segment)
    members = Flaw("not canonical base64url") if raw is None else parse_object(raw)
    if isinstance(members, Flaw):
        raise _malformed(f"its header: {members}{_BEARER_HINT if ' ' in jwt.header_segment else ''}")
    for name in ("crit", "b64"):
        if name in members:
            raise Refused(Reason.UNSUPPORTED_TOKEN, claim=name, expected="no such header parameter")
    if media_type(members.get("cty")) == "jwt":
        raise Refused(Reason.UNSUPPORTED_TOKEN, claim="cty", expected="a token that is not nested", got="JWT")
    return Header(
        _text(members, "alg") or "",
        _text(members, "kid"),
        _text(members, "x5t#S256"),
        media_type(_text(members, "typ")),
    )


def media_type(value: object) -> str | None:
    """Return a ``typ`` or ``cty`` as it is compared: lower case, without ``application/``; None if it has none."""
    return value.lower().removeprefix("application/") if isinstance(value, str) else None


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None and name not in members:
        return None
    if not isinstance(value, str):
        raise Refused(Reason.MALFORMED_TOKEN, claim=name, expected="a string", got=type(value).__name__)
    return value


def _checked(token: object, max_bytes: int) -> str:
    if not issubclass(type(token), str):  # isinstance would ask the object
        raise Refused(Reason.MALFORMED_TOKEN, expected="a string", got="something else")
    text = str.__str__(cast("str", token))  # of a subclass, as frameworks have them: a plain string
    if len(text) > max_bytes:
        raise Refused(Reason.TOKEN_TOO_LARGE, expected=f"at most {max_bytes} bytes", got=f"{len(text)} characters")
    if not text.isascii():
        raise _malformed("it is not ASCII")
    return text


def _opaque(text: str) -> OpaqueToken:
    if text.count(".") == _JWE_DOTS and text.startswith("eyJ"):
        raise Refused(Reason.UNSUPPORTED_TOKEN, hint=_JWE_HINT)
    if not _B64TOKEN.fullmatch(text):
        raise _malformed("it has characters no bearer token has")
    return OpaqueToken(text)


def _not_base64url(signature_segment: str) -> Refused:
    if not signature_segment:
        return Refused(Reason.ALGORITHM_NOT_ALLOWED, expected="a signature", hint="The token is not signed.")
    return _malformed("its payload and signature are not canonical base64url")


def _malformed(why: str) -> Refused:
    return Refused(Reason.MALFORMED_TOKEN, hint=f"Not well-formed: {why}.")
