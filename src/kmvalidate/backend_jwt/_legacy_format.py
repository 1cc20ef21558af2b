"""
What can be set of the legacy format.

Rules kept here: what those gateways can be configured to, and nothing that would leave a JWT unsigned.
"""

from __future__ import annotations

from typing import Any

import attrs

from kmvalidate.backend_jwt._names import is_text
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_a, non_empty, number

_FLAVOURS = ("apim", "choreo-connect")
_UNSIGNED = (
    "signing_algorithm NONE would let anybody who reaches a backend write its JWTs; SHA256withRSA is the only one here"
)


def _one_of(*words: str | None) -> Any:
    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if value not in words:
            raise ConfigurationError(f"{field.name} is one of {', '.join(map(str, words))}")

    return check


def _check_algorithm(_: object, __: object, value: object) -> None:
    if isinstance(value, str) and value.upper() == "NONE":
        raise ConfigurationError(_UNSIGNED)
    if value != "SHA256withRSA":
        raise ConfigurationError("signing_algorithm is SHA256withRSA")


def _usual_kid(layout: LegacyFormat) -> str:
    return "apim" if layout.flavour == "apim" else "choreo"


def _usual_tenant(layout: LegacyFormat) -> str:
    return "-1234" if layout.flavour == "apim" else "0"


@attrs.frozen(kw_only=True)
class LegacyFormat:
    """
    JWTs as WSO2 API Manager and Choreo Connect write them.

    Where those gateways leave an order to chance, this one is kept: the header has ``typ``, ``alg``, ``x5t`` and
    ``kid``; the claims are ``iss``, ``iat``, ``exp``, those in the dialect (``subscriber``, ``applicationid``,
    ``applicationname``, ``applicationtier``, ``apiname``, ``apicontext``, ``version``, ``tier``, ``keytype``,
    ``usertype``, ``enduser``, ``enduserTenantId``, ``applicationUUId``, ``applicationAttributes``), ``sub``,
    ``organizations``, then the user's claims, the token's and a callable's, each in its own order, ``aud`` if there is
    one, and ``jti``. JSON without white space; slashes are not escaped. No claim of others has the name of one of the
    gateway's, in whatever letter case. The subject and the organizations can be excluded; ``enduser`` stays.

    Of an opaque token, the members of the introspection answer are not repeated, unless ``claims`` of the generator
    names them; the end user has the tenant's domain at the end, the application's attributes are a string of JSON, and
    a user claim of several values is a list.

    Args:
        flavour: ``apim`` or ``choreo-connect``. The latter names applications by their UUIDs, and has other defaults:
            a life of 3600 s, its own ``kid``, the tenant ``0``.

        dialect: What the names of claims begin with; a slash follows it. ``""`` and ``"/"`` are taken as they are.

        encoding: ``base64`` (``+`` and ``/``) or ``base64url``. Strict libraries take only the latter.

        padding: Whether base64 is padded with ``=`` (``enable_base64_padding``).

        hash: Of the certificate's thumbprint, ``SHA-1`` (``x5t``) or ``SHA-256`` (``x5t#S256``). What is encoded is the
            hash in hexadecimal digits, not its bytes.

        x5t_padding: Whether the thumbprint is padded (without ``encode_x5t_without_padding``).

        kid: How a key is called: ``apim`` (issuer and serial number of its certificate), ``choreo`` (its SHA-256), or
            None for headers without ``kid``; it is published as with ``apim`` then.

        end_user_audience: Whether ``aud`` lists the API's backend audience, as Choreo Connect does it: all claims of
            the token, ``sub`` and ``organizations`` too, give way to it. Where there is no audience they stay.

        tenant_id: The ``enduserTenantId``.

        tenant_domain: The domain after the ``@`` of end users, for opaque tokens.

        separator: What separates the values of a user claim, for opaque tokens.

        opaque_surplus_s: Whole seconds that are added to the life of JWTs for opaque tokens.

        signing_algorithm: ``SHA256withRSA``; ``NONE`` is not offered.

    Raises:
        ConfigurationError: One of them is something else.
    """

    flavour: str = attrs.field(default="apim", validator=_one_of(*_FLAVOURS))
    dialect: str = attrs.field(default="http://wso2.org/claims", validator=[is_a(str), is_text])
    encoding: str = attrs.field(default="base64", validator=_one_of("base64", "base64url"))
    padding: bool = attrs.field(default=False, validator=is_a(bool))
    hash: str = attrs.field(default="SHA-1", validator=_one_of("SHA-1", "SHA-256"))
    x5t_padding: bool = attrs.field(default=True, validator=is_a(bool))
    kid: str | None = attrs.field(
        default=attrs.Factory(_usual_kid, takes_self=True), validator=_one_of("apim", "choreo", None)
    )
    end_user_audience: bool = attrs.field(default=False, validator=is_a(bool))
    tenant_id: str = attrs.field(default=attrs.Factory(_usual_tenant, takes_self=True), validator=[non_empty, is_text])
    tenant_domain: str = attrs.field(default="carbon.super", validator=[non_empty, is_text])
    separator: str = attrs.field(default=",", validator=non_empty)
    opaque_surplus_s: int = attrs.field(default=60, validator=[is_a(int), number(0, 3600)])
    signing_algorithm: str = attrs.field(default="SHA256withRSA", validator=_check_algorithm)

    def __attrs_post_init__(self) -> None:
        if self.padding and self.encoding == "base64url":
            raise ConfigurationError("padding is for encoding base64; base64url has none (RFC 7515 section 2)")

    def in_dialect(self, name: str) -> str:
        """Return the name of a claim in the dialect."""
        return f"{self.dialect}{name}" if self.dialect in {"", "/"} else f"{self.dialect}/{name}"
