"""
The format of WSO2 API Manager and Choreo Connect, for backends that read it already.

Rules kept here: byte for byte what those gateways write, with four exceptions. Unsigned JWTs are not made; none lives
longer than its access token; a name that the gateway writes, in whatever letter case, never comes from a token or a
user, not even where the gateway has nothing to write; and each call gets one, also that of an opaque token without a
user.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kmvalidate.backend_jwt._content import to_json, user_claims
from kmvalidate.backend_jwt._names import folded
from kmvalidate.errors import ConfigurationError
from kmvalidate.introspected import Introspected
from kmvalidate.strict_json import Flaw, encode_base64url, parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.backend_jwt._content import Content
    from kmvalidate.backend_jwt._issued import Stamp
    from kmvalidate.backend_jwt._legacy_format import LegacyFormat
    from kmvalidate.cases import Case
    from kmvalidate.signing import SigningKey

#: Claims of the token that are never repeated.
_REGISTERED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_RESTRICTED = _REGISTERED | {"application", "tierInfo", "subscribedAPIs", "aut"}
_OF_TOKEN = ("sub", "organizations")
_IN_DIALECT = (
    "subscriber",
    "applicationid",
    "applicationname",
    "applicationtier",
    "apiname",
    "apicontext",
    "version",
    "tier",
    "keytype",
    "usertype",
    "enduser",
    "enduserTenantId",
    "applicationUUId",
    "applicationAttributes",
)


class LegacyWriter:
    """
    Writes JWTs in the legacy format.

    Args:
        layout: The format.

        content: What goes in.
    """

    issuer = "wso2.org/products/am"

    def __init__(self, layout: LegacyFormat, content: Content) -> None:
        self._layout, self._content = layout, content
        self.ttl_s = 900 if layout.flavour == "apim" else 3600
        self.surplus_s = layout.opaque_surplus_s
        in_dialect = frozenset(layout.in_dialect(name) for name in _IN_DIALECT)
        self._reserved = folded(_RESTRICTED | in_dialect | {"organizations"})
        content.check_names(self._reserved, _REGISTERED | in_dialect)

    def key_id(self, key: SigningKey) -> str:
        """
        Return the ``kid`` under which a key is published.

        Raises:
            ConfigurationError: The key is not one for this format.
        """
        if key.algorithm != "RS256" or key.certificate_der is None:
            raise ConfigurationError("the legacy format is signed by an RSA key with RS256 and a certificate")
        return key.legacy_kid_choreo() if self._layout.kid == "choreo" else key.legacy_kid_apim()

    def header(self, key: SigningKey) -> dict[str, str]:
        """Return the header of what a key signs: ``typ``, ``alg``, the thumbprint, and then the ``kid`` if any."""
        layout = self._layout
        member = "x5t" if layout.hash == "SHA-1" else "x5t#S256"
        thumbprint = key.legacy_thumbprint("sha1" if member == "x5t" else "sha256", layout.x5t_padding)
        header = {"typ": "JWT", "alg": "RS256", member: thumbprint}
        return header if layout.kid is None else header | {"kid": self.key_id(key)}

    def segment(self, raw: bytes) -> str:
        """Return *raw* in the alphabet of the format."""
        if self._layout.encoding == "base64url":
            return encode_base64url(raw)
        text = b64encode(raw).decode("ascii")
        return text if self._layout.padding else text.rstrip("=")

    def surplus_of(self, case: Case) -> int:
        """Return the seconds by which a JWT of such a case lives longer than others."""
        return self.surplus_s if _is_opaque(case) else 0

    def payload(self, case: Case, custom: Mapping[str, Any] | None, stamp: Stamp) -> bytes:
        """
        Return the claims of a JWT as JSON: first those that the gateway writes, then the others, ``jti`` at the end.

        Args:
            case: Whose call it is.

            custom: The claims of a callable.

            stamp: Its times and its id.
        """
        claims: dict[str, Any] = {"iss": self._content.issuer, "iat": stamp.issued_at, "exp": stamp.expires_at}
        claims |= self._standard(case)
        audience = self._content.audience_of(case.api) if self._layout.end_user_audience else ()
        of_token = {} if audience else dict(case.token.claims)
        claims |= {name: of_token[name] for name in _OF_TOKEN if of_token.get(name) and self._content.tells(name)}
        claims |= self._others(case, of_token, custom)
        if audience:
            claims["aud"] = list(audience)
        claims["jti"] = str(UUID(bytes=stamp.random, version=4))
        return to_json(claims)

    def _standard(self, case: Case) -> dict[str, Any]:
        """Return the claims in the dialect, in the order of `_IN_DIALECT`, without those that are empty."""
        values = (*self._of_application(case), *self._of_api(case), *self._of_user(case), *self._of_attributes(case))
        named = zip(_IN_DIALECT, values, strict=True)
        return {self._layout.in_dialect(name): value for name, value in named if value}

    def _of_application(self, case: Case) -> tuple[str | None, ...]:
        application = case.application
        if application is None:
            return (None,) * 4
        number = "" if application.number is None else str(application.number)
        its_id = number if self._layout.flavour == "apim" else application.id
        return application.owner, its_id, application.name, application.tier

    def _of_api(self, case: Case) -> tuple[str | None, ...]:
        api, subscription = case.api, case.grant.subscription
        described = (None,) * 3 if api is None else (api.name, api.context, api.version)
        return *described, None if subscription is None else subscription.policy

    def _of_user(self, case: Case) -> tuple[str | None, ...]:
        name = case.token.subject
        if _is_opaque(case):
            name = _with_tenant(case.token.claims.get("username") or name, self._layout.tenant_domain)
        return case.key_type or "PRODUCTION", "Application_User", name, self._layout.tenant_id

    def _of_attributes(self, case: Case) -> tuple[Any, ...]:
        application = case.application
        if application is None:
            return None, None
        attributes = dict(application.attributes)
        return application.id, to_json(attributes).decode() if attributes and _is_opaque(case) else attributes

    def _others(self, case: Case, of_token: dict[str, Any], custom: Mapping[str, Any] | None) -> dict[str, Any]:
        mapped, of_user = self._content.mapped(of_token), user_claims(case)
        if _is_opaque(case):
            of_user = {name: self._split(value) for name, value in of_user.items()}
            return self._content.others(of_user, mapped, custom, self._reserved)
        others = self._content.others(of_user, self._content.unnamed(of_token) | mapped, custom, self._reserved)
        parsed = {name: _parsed(value) for name, value in others.items()}
        return {name: value for name, value in parsed.items() if not isinstance(value, Flaw)}

    def _split(self, value: Any) -> Any:
        """Return the several values that a string holds, as a list."""
        separator = self._layout.separator
        if not isinstance(value, str) or separator not in value:
            return value
        return [part for part in value.split(separator) if part.strip()]


def _is_opaque(case: Case) -> bool:
    return isinstance(case.token.backing, Introspected)


def _with_tenant(name: str | None, tenant_domain: str) -> str | None:
    return name if not name or name.endswith(f"@{tenant_domain}") else f"{name}@{tenant_domain}"


def _parsed(value: Any) -> Any:
    """Return a string that looks like an object or a list as what it looks like; a `Flaw` if it is none."""
    if not isinstance(value, str):
        return value
    if value.startswith("{") and value.endswith("}"):
        return _read(value, dict)
    return _read(value, list) if '["' in value and '"]' in value else value


def _read(text: str, kind: type) -> Any:
    # read inside an object, as it will stand: so its depth counts from there, and "{}, {}" is no object
    members = parse_object(f'{{"":{text}}}'.encode())
    if isinstance(members, Flaw) or len(members) != 1 or not isinstance(members[""], kind):
        return Flaw("not what it looks like")
    return members[""]
