"""
The format for everybody who is not bound to an older one: a compact JWS as RFC 7515, 7519 and 8725 want it.

Rules kept here: own type, own issuer, an audience always; the user is told apart by key manager, since a subject is
unique only there. The generator's own claims come last. Scopes are a set: what is none (RFC 6749 section 3.3), for it
has white space in it, would be read as two, and is left out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from kmvalidate.attributes import is_scope
from kmvalidate.backend_jwt._content import GATEWAY_FACTS, PROTECTED_CLAIMS, to_json, user_claims
from kmvalidate.backend_jwt._names import folded
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import non_empty, require
from kmvalidate.strict_json import encode_base64url
from kmvalidate.tokens import media_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.apis import Api
    from kmvalidate.backend_jwt._content import Content
    from kmvalidate.backend_jwt._issued import Stamp
    from kmvalidate.cases import Case
    from kmvalidate.signing import SigningKey

DEFAULT_ISSUER = "urn:kmvalidate:gateway"


# RFC 6838 section 4.2, without the part before the slash or with the usual one (RFC 7515 section 4.1.9)
_MEDIA_TYPE = re.compile(r"(?:application/)?[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}", re.ASCII | re.IGNORECASE)


def _check_type(_: object, __: object, value: str) -> None:
    require(_MEDIA_TYPE.fullmatch(value) is not None, "typ is the name of a media type, without parameters")
    require(media_type(value) != "at+jwt", "typ at+jwt is that of access tokens (RFC 9068); a backend JWT is none")


@attrs.frozen(kw_only=True)
class StrictFormat:
    """
    JWTs as the standards want them; what `BackendJwtGenerator` makes by default.

    The header has ``typ``, ``alg``, ``kid`` and, of a key with a certificate, ``x5t#S256``. After the claims of others,
    if there are any, come these, each left out where nothing is known:

    - ``iss``, ``sub`` (the token's; that of a client itself, if opaque, may have none), ``aud`` (the API's
      `backend_audience`), ``iat``, ``exp``, ``jti`` (128 random bits in hexadecimal digits), ``client_id`` (the
      consumer key), ``scope`` (sorted, with spaces between; without what is no scope, RFC 6749 section 3.3);
    - ``api``: an object of ``id``, ``name``, ``version``, ``context``;
    - ``application``: an object of ``id``, ``name``, ``tier``, ``owner``;
    - ``subscription``: an object of ``tier``;
    - ``key_type``: ``PRODUCTION`` or ``SANDBOX``;
    - ``key_manager``: an object of ``name`` and ``issuer``. ``sub`` is unique only within that issuer;
    - ``organization``: the call's.

    Args:
        typ: The header's ``typ``. Some libraries take no other than ``JWT``; backends that take this one know that it
            is no access token.

    Raises:
        ConfigurationError: It is no media type, or that of access tokens.
    """

    typ: str = attrs.field(default="backend+jwt", validator=[non_empty, _check_type])


class _Claims(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """The first of the claims that the generator writes itself, in their order: those that differ between tokens."""

    iss: str
    sub: str | None = None
    aud: str | tuple[str, ...]
    iat: int
    exp: int
    jti: str
    client_id: str | None = None
    scope: str | None = None


class StrictWriter:
    """
    Writes JWTs in the strict format.

    Args:
        layout: The format.

        content: What goes in.
    """

    issuer = DEFAULT_ISSUER
    ttl_s = 300
    surplus_s = 0
    _written = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"}) | GATEWAY_FACTS
    _reserved = folded(PROTECTED_CLAIMS | GATEWAY_FACTS)
    segment = staticmethod(encode_base64url)

    def __init__(self, layout: StrictFormat, content: Content) -> None:
        self._typ, self._content = layout.typ, content
        content.check_names(self._reserved, self._written)
        self._maps = bool(content.claims)
        self._tells_subject = content.tells("sub")
        self._tells_client = content.tells("client_id")
        self._tells_scope = content.tells("scope")

    def key_id(self, key: SigningKey) -> str:
        """Return the ``kid`` under which a key is published."""
        return key.kid

    def header(self, key: SigningKey) -> dict[str, str]:
        """Return the header of what a key signs."""
        header = {"typ": self._typ, "alg": key.algorithm, "kid": key.kid}
        return header if key.x5t_s256 is None else header | {"x5t#S256": key.x5t_s256}

    def surplus_of(self, _: Case) -> int:
        """Return the seconds by which a JWT of such a case lives longer than others: none."""
        return 0

    def payload(self, case: Case, custom: Mapping[str, Any] | None, stamp: Stamp) -> bytes:
        """
        Return the claims of a JWT as JSON.

        Raises:
            ConfigurationError: The API has no backend audience, or something is said in what is no text.
        """
        own = b"%b,%b" % (to_json(self._own(case, stamp))[:-1], _facts_of(case))
        if not (custom or self._maps or case.user_claims):
            return own
        others = self._others(case, custom)
        return b"%b,%b" % (to_json(others)[:-1], own[1:]) if others else own

    def _others(self, case: Case, custom: Mapping[str, Any] | None) -> dict[str, Any]:
        content = self._content
        of_token = content.mapped(case.token.claims) if content.claims else {}
        return content.others(user_claims(case), of_token, custom, self._reserved)

    def _own(self, case: Case, stamp: Stamp) -> _Claims:
        token, api = case.token, case.call.target.api
        named = None if api is None else api.backend_audience
        return _Claims(
            iss=self._content.issuer,
            sub=(self._tells_subject and token.subject) or None,
            aud=self._audience(api) if named is None else named,
            iat=stamp.issued_at,
            exp=stamp.expires_at,
            jti=stamp.random.hex(),
            client_id=token.consumer_key if self._tells_client else None,
            scope=_joined(token.scopes) if self._tells_scope else None,
        )

    def _audience(self, api: Api | None) -> str | tuple[str, ...]:
        named = self._content.audience_of(api)
        if not named:
            whose = "a call without an API" if api is None else f"{api.name} {api.version}"
            raise ConfigurationError(f"{whose} has no backend_audience, and the generator has no audience")
        return named[0] if len(named) == 1 else named


def _facts_of(case: Case) -> bytes:
    """Return the rest of the claims that the generator writes itself: the same for many tokens."""
    target, grant, backing = case.call.target, case.grant, case.token.backing
    one, subscription = grant.application, grant.subscription
    application = None if one is None else (one.id, one.name, one.tier, one.owner)  # not all that it has
    tier = None if subscription is None else (subscription.policy,)
    where = (backing.key_manager, backing.issuer, target.organization)
    return _facts(target.api, application, tier, grant.key_type, where)


@lru_cache(maxsize=1024)
def _facts(
    api: Api | None,
    application: tuple[str | None, ...] | None,
    subscription: tuple[str | None] | None,
    key_type: str | None,
    where: tuple[str, str, str | None],
) -> bytes:
    *key_manager, organization = where
    of_api = None if api is None else (api.id, api.name, api.version, api.context)
    facts = {
        "api": of_api and _members(of_api, "id", "name", "version", "context"),
        "application": application and _members(application, "id", "name", "tier", "owner"),
        "subscription": None if subscription is None else _members(subscription, "tier"),
        "key_type": key_type,
        "key_manager": _members(tuple(key_manager), "name", "issuer"),
        "organization": organization,
    }
    return to_json(_known(facts))[1:]


def _members(values: tuple[str | None, ...], *names: str) -> dict[str, Any]:
    return _known(dict(zip(names, values, strict=True)))


def _known(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@lru_cache(maxsize=256)
def _joined(scopes: frozenset[str]) -> str | None:
    return " ".join(sorted(filter(is_scope, scopes))) or None
