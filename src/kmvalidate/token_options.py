"""
Which tokens a key manager is asked about: token handling options, as WSO2 API Manager calls them.

Rules kept here: a token goes to a key manager because its configuration claims it, never because nobody else does. A
pattern is matched against the whole of a token or a claim, in linear time; of several claims all must match. Options
that can claim the same token are found before there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import FrozenDict, is_async, to_names
from kmvalidate.patterns import Pattern
from kmvalidate.strict_json import Flaw, parse_object

_MOST = 100
#: What an opaque token is made of: the ``b64token`` of RFC 6750 section 2.1.
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="


def _pattern(value: str | Pattern) -> Pattern:
    return value if isinstance(value, Pattern) else Pattern(value)


@attrs.frozen
class ReferenceTokens:
    """
    Opaque tokens that match a pattern (WSO2: ``REFERENCE``).

    Args:
        pattern: A regular expression that the whole token must match (`Pattern`).
    """

    pattern: Pattern = attrs.field(converter=_pattern)


def _patterns(claims: Mapping[str, str | Pattern]) -> FrozenDict[str, Pattern]:
    if not isinstance(claims, Mapping) or not claims:
        raise ConfigurationError("JwtTokens maps claims to patterns, and at least one")
    to_names(claims)
    return FrozenDict({name: _pattern(pattern) for name, pattern in claims.items()})


@attrs.frozen
class JwtTokens:
    """
    JWTs with certain claims (WSO2: ``JWT``).

    Args:
        claims: Claims, one or more, with the pattern that the whole of each must match; all of them must be there, and
            be strings.
    """

    claims: Mapping[str, Pattern] = attrs.field(converter=_patterns)

    def match(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a claims set, which nobody proved, has what is asked for."""
        return all(
            isinstance(value := claims.get(name), str) and pattern.matches(value)
            for name, pattern in self.claims.items()
        )


def _plain_function(_: object, __: object, value: Any) -> None:
    if not callable(value) or is_async(value):
        raise ConfigurationError("CustomTokens takes a plain function of a token")


@attrs.frozen
class CustomTokens:
    """
    Tokens that a function of yours accepts (WSO2: ``CUSTOM``).

    Args:
        accepts: Is given an opaque token, and says with True that it belongs to the key manager; what it raises passes
            through, and grants nothing. It must neither log nor keep the token.
    """

    accepts: Callable[[str], bool] = attrs.field(validator=_plain_function, hash=False)  # some cannot be hashed


@attrs.frozen
class AnyOpaqueToken:
    """Says aloud that every opaque token goes to this key manager. See `ANY_OPAQUE_TOKEN`."""


#: Every opaque token, whatever it looks like. Where other key managers claim some as well, that is an overlap.
ANY_OPAQUE_TOKEN = AnyOpaqueToken()

TokenOption: TypeAlias = ReferenceTokens | JwtTokens | CustomTokens | AnyOpaqueToken
TokenOptions: TypeAlias = tuple[TokenOption, ...]

_TOO_MANY = f"a key manager has at most {_MOST} token handling options"
_KINDS = (ReferenceTokens, JwtTokens, CustomTokens, AnyOpaqueToken)


def to_token_options(value: str | Pattern | TokenOption | Iterable[str | Pattern | TokenOption]) -> TokenOptions:
    """
    Return token handling options as they are kept; a pattern stands for `ReferenceTokens` of it.

    Raises:
        ConfigurationError: Something else is among them, or there are more than a hundred.
    """
    several: Any = value if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else (value,)
    options = tuple(map(_option, several))
    if len(options) > _MOST:
        raise ConfigurationError(_TOO_MANY)
    return options


def _option(value: Any) -> TokenOption:
    if isinstance(value, str | Pattern):
        return ReferenceTokens(value)
    if not isinstance(value, _KINDS):
        raise ConfigurationError("tokens are patterns, ReferenceTokens, JwtTokens, CustomTokens or ANY_OPAQUE_TOKEN")
    return value


def claims_opaque(options: TokenOptions, token: str) -> bool:
    """Tell whether one of *options* claims an opaque token."""
    return any(_takes(option, token) for option in options)


def _takes(option: TokenOption, token: str) -> bool:
    if isinstance(option, ReferenceTokens):
        return option.pattern.matches(token)
    if isinstance(option, CustomTokens):
        return option.accepts(token) is True
    return isinstance(option, AnyOpaqueToken)


def claims_jwt(options: TokenOptions, claims: Mapping[str, Any]) -> bool:
    """Tell whether *options* leave a JWT to their key manager: all do but `JwtTokens` that none of them matches."""
    asked = [option for option in options if isinstance(option, JwtTokens)]
    return not asked or any(option.match(claims) for option in asked)


@lru_cache(maxsize=262_144)  # of ten thousand organizations some each
def overlap(some: TokenOptions, others: TokenOptions, *, jwts: bool) -> str | None:
    """
    Return which tokens both of two key managers claim, for a person; None if there are none.

    Args:
        some: The options of the one.

        others: Those of the other.

        jwts: Whether both take JWTs that nobody's issuer claims.
    """
    if jwts and (shared := _shared_jwts(some, others)):
        return shared
    pairs = ((one, other) for one in some for other in others)
    return next((said for one, other in pairs if (said := _shared(one, other))), None)


def _shared(one: TokenOption, other: TokenOption) -> str | None:
    if isinstance(one, JwtTokens) or isinstance(other, JwtTokens):
        return None
    if isinstance(one, AnyOpaqueToken) or isinstance(other, AnyOpaqueToken):
        return "one of them takes every opaque token"
    if isinstance(one, CustomTokens) or isinstance(other, CustomTokens):
        return "nobody can tell which tokens a function accepts"
    example = one.pattern.common(other.pattern, _ALPHABET)
    if example is None:
        return None
    if not example:
        return "both match the empty text, and a pattern of tokens matches none: + for *?"
    return f"both take opaque tokens such as {example}"


def _shared_jwts(some: TokenOptions, others: TokenOptions) -> str | None:
    """Two options differ if one claim has patterns that no value matches both of."""
    mine, theirs = ([o.claims for o in options if isinstance(o, JwtTokens)] or [{}] for options in (some, others))
    differ = all(
        any(one[name].common(other[name]) is None for name in one.keys() & other.keys())
        for one in mine
        for other in theirs
    )
    return None if differ else "both take the same JWTs of unknown issuers"


def token_options_from_wso2(token_format_string: str | None) -> TokenOptions:
    """
    Read the ``token_format_string`` of a WSO2 key manager: its token handling options, as JSON text.

    As in API Manager, none at all stand for every token, entries that are not enabled claim nothing, and so does
    ``CUSTOM``. Unlike there, all claims of a ``JWT`` entry must match, each as a whole.

    Args:
        token_format_string: The text, None or empty if the key manager has none.

    Raises:
        ConfigurationError: It is not such a text; a pattern is refused with its place.
    """
    if token_format_string is None or token_format_string == "":
        return (ANY_OPAQUE_TOKEN,)
    if not isinstance(token_format_string, str):
        raise ConfigurationError("token_format_string is JSON text")
    wrapped = parse_object(b'{"options":' + token_format_string.encode("utf-8", "surrogatepass") + b"}")
    entries = None if isinstance(wrapped, Flaw) else wrapped["options"]
    if not isinstance(entries, list) or len(wrapped) != 1:
        raise ConfigurationError("token_format_string is a JSON array of token handling options")
    if not entries:
        return (ANY_OPAQUE_TOKEN,)
    if len(entries) > _MOST:
        raise ConfigurationError(f"token_format_string: {_TOO_MANY}")
    read = (_from_wso2(place, entry) for place, entry in enumerate(entries, 1))
    return tuple(option for option in read if option is not None)


def _from_wso2(place: int, entry: Any) -> TokenOption | None:
    match entry:
        case {"enable": False}:
            return None
        case {"enable": enable} if enable is not True:
            pass
        case {"type": "CUSTOM"}:
            return None
        case {"type": "REFERENCE", "value": str(pattern)}:
            return _at(place, ReferenceTokens, pattern)
        case {"type": "JWT", "value": {"body": dict(claims)}}:
            return _at(place, JwtTokens, claims)
    raise ConfigurationError(f"token_format_string: entry {place} is no token handling option")


def _at(place: int, kind: Callable[[Any], TokenOption], value: Any) -> TokenOption:
    try:
        return kind(value)
    except ConfigurationError as flaw:
        raise ConfigurationError(f"token_format_string: entry {place}: {flaw}") from None
