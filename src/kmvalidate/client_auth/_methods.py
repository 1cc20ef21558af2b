"""
How a request says who asks: the client authentication of OAuth 2.0, and what some servers take in its place.

Rules kept here: secrets are read for each request and stay out of reprs, errors and the frames that raise them. What a
header carries is base64 or checked, so that nothing in it can begin another header. A private key signs with an
algorithm that fits its type, never with a symmetric one or none, and never if it is weak. Cryptography is imported when
the first private key is read.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import attrs
from attrs.validators import optional

from kmvalidate.client_auth._attachments import Attachment, ClientAuthentication
from kmvalidate.client_auth._secrets import Secret, is_utf8, to_secret
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, shown
from kmvalidate.fields import is_a, is_async, number, to_names
from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.private_keys import PrivateKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2

_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 section 2.1
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 section 3.3


def _client_name(_: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value or not is_utf8(value):
        raise ConfigurationError(f"{field.name} is a non-empty string")


def _user_name(_: object, field: attrs.Attribute[str], value: str) -> None:
    if ":" in value:
        raise ConfigurationError(f"{field.name} has no colon (RFC 7617 section 2)")


def _basic(name: str, secret: str) -> Attachment:
    return Attachment({"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode("ascii")})


def _bearer(token: str) -> Attachment | None:
    return Attachment({"Authorization": f"Bearer {token}"}) if _B64TOKEN.fullmatch(token) else None


def _signing_key(secret: Secret, algorithm: str | None) -> PrivateKey | Flaw:
    from kmvalidate.private_keys import private_key  # noqa: PLC0415  # brings Authlib and cryptography

    return private_key(secret.read(), algorithm)


@attrs.frozen
class ClientSecretBasic:
    """
    A client id and secret in the header (RFC 6749 section 2.3.1).

    Args:
        client_id: The client's id.

        secret: Its secret, or where it is kept.

        form_encoded: Whether both are form-encoded first, as the RFC says. Some servers take them only as they are
            (RFC 7617); this matters for everything but letters, digits and ``-._~``.
    """

    client_id: str = attrs.field(validator=_client_name)
    secret: Secret = attrs.field(converter=to_secret)
    form_encoded: bool = attrs.field(default=True, kw_only=True, validator=is_a(bool))

    def __attrs_post_init__(self) -> None:
        if not self.form_encoded and ":" in self.client_id:
            raise ConfigurationError("client_id has no colon if it is not form-encoded (RFC 7617 section 2)")

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        if not self.form_encoded:
            return _basic(self.client_id, self.secret.read())
        return _basic(quote_plus(self.client_id), quote_plus(self.secret.read()))


@attrs.frozen
class ClientSecretPost:
    """
    A client id and secret in the form (RFC 6749 section 2.3.1).

    Args:
        client_id: The client's id.

        secret: Its secret, or where it is kept.
    """

    client_id: str = attrs.field(validator=_client_name)
    secret: Secret = attrs.field(converter=to_secret)

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        return Attachment(form={"client_id": self.client_id, "client_secret": self.secret.read()})


@attrs.frozen
class PrivateKeyJwt:
    """
    An assertion signed with the client's private key (RFC 7523 section 2.2).

    Args:
        client_id: The client's id.

        key: The private key, or where it is kept: PEM without a password, or a JWK as JSON.

        algorithm: What it signs with. By default what a JWK's ``alg`` says, or else RS256, the ES algorithm of the
            curve, or EdDSA.

        key_id: The ``kid`` of the assertions. By default that of a JWK.

        audience: Their ``aud``. By default the issuer.

        lifetime_s: Whole seconds for which they are valid.

    Raises:
        ConfigurationError: The key is weak, of no type that signs here, or does not fit the algorithm. A callable that
            fails when this is made is asked again at use.
    """

    client_id: str = attrs.field(validator=_client_name)
    key: Secret = attrs.field(converter=to_secret)
    algorithm: str | None = attrs.field(default=None, kw_only=True)
    key_id: str | None = attrs.field(default=None, kw_only=True, validator=optional(_client_name))
    audience: str | None = attrs.field(default=None, kw_only=True, validator=optional(_client_name))
    lifetime_s: int = attrs.field(default=60, kw_only=True, validator=[is_a(int), number(10, 600)])

    def __attrs_post_init__(self) -> None:
        from kmvalidate.private_keys import ALGORITHMS  # noqa: PLC0415  # brings Authlib and cryptography

        if self.algorithm is not None and self.algorithm not in ALGORITHMS:
            raise ConfigurationError(f"algorithm is one of {', '.join(ALGORITHMS)}")
        try:
            key = _signing_key(self.key, self.algorithm)
        except KeyManagerUnavailable:
            return  # nobody can tell yet
        if isinstance(key, Flaw):
            raise ConfigurationError(f"the private key cannot be used: {key}")

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        key = _signing_key(self.key, self.algorithm)
        if isinstance(key, Flaw):
            raise KeyManagerUnavailable(f"the private key of client {shown(self.client_id)} cannot be used: {key}")
        assertion = key.assertion(self._claims(issuer, int(now)), kid=self.key_id or key.kid)
        form = {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return Attachment(form=form)

    def _claims(self, issuer: str, now: int) -> dict[str, str | int]:
        """Return the claims of RFC 7523 section 3."""
        names = {"iss": self.client_id, "sub": self.client_id, "aud": self.audience or issuer}
        return {**names, "iat": now, "exp": now + self.lifetime_s, "jti": secrets.token_urlsafe(24)}


@attrs.frozen
class _ById:
    client_id: str = attrs.field(validator=_client_name)

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        return Attachment(form={"client_id": self.client_id})


@attrs.frozen
class TlsClientAuth(_ById):
    """The client's certificate, which the `Network` has, and its id in the form (RFC 8705 section 2)."""


@attrs.frozen
class PublicClient(_ById):
    """The id of a client without a secret, in the form (RFC 6749 section 2.1), which Okta takes."""


@attrs.frozen
class UserCredentials:
    """
    The name and password of a user in the header (RFC 7617): WSO2's administrator.

    Args:
        username: The user's name.

        password: The password, or where it is kept.
    """

    username: str = attrs.field(validator=[_client_name, _user_name])
    password: Secret = attrs.field(converter=to_secret)
    client_id: None = attrs.field(default=None, init=False, repr=False)

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        return _basic(self.username, self.password.read())


@attrs.frozen
class BearerToken:
    """
    An access token in the header (RFC 6750 section 2.1).

    Args:
        token: The token, or where it is kept.
    """

    token: Secret = attrs.field(converter=to_secret)
    client_id: None = attrs.field(default=None, init=False, repr=False)

    def attach(self, *, endpoint: str, issuer: str, now: float) -> Attachment:  # noqa: ARG002
        """See `ClientAuthentication.attach`."""
        attachment = _bearer(self.token.read())
        if attachment is None:
            raise KeyManagerUnavailable("the access token to ask with has characters that no token has")
        return attachment


def checked_client(value: Any) -> Any:
    """
    Return *value* if it says who asks: `ClientCredentials`, or anything with a callable ``attach``.

    Raises:
        ConfigurationError: It does neither, or its ``attach`` is async.
    """
    attach = getattr(value, "attach", None)
    if isinstance(value, ClientCredentials) or (
        callable(attach) and not is_async(attach) and not isinstance(value, type)
    ):
        return value
    raise ConfigurationError(
        "client is a client authentication such as ClientSecretBasic: it has a method attach that is not async"
    )


def _to_scope(value: str | Iterable[str] | None) -> str | None:
    """Return names of scopes as RFC 6749 section 3.3 writes them."""
    if value is None:
        return None
    names = value.split(" ") if isinstance(value, str) else to_names(value)
    if not names or not all(_SCOPE_TOKEN.fullmatch(name) for name in names):
        raise ConfigurationError(
            "scope is one or more names without spaces, quotes, backslashes and control characters"
        )
    return " ".join(names)


def _asking_client(_: object, field: attrs.Attribute[ClientAuthentication], value: object) -> None:
    if isinstance(value, BearerToken | UserCredentials | ClientCredentials):
        raise ConfigurationError(f"{field.name} is a client: ClientSecretBasic or another that has a client id")


@attrs.frozen
class ClientCredentials:
    """
    An access token that the client obtains for itself and renews (RFC 6749 section 4.4).

    Args:
        client: Who the client is.

        token_endpoint: Where it obtains tokens. By default the discovery document says so.

        scope: The scopes it asks for: one name, or several.
    """

    client: ClientAuthentication = attrs.field(converter=checked_client, validator=_asking_client)
    token_endpoint: str | None = attrs.field(default=None, kw_only=True, validator=optional(_client_name))
    scope: str | None = attrs.field(default=None, kw_only=True, converter=_to_scope)

    @property
    def client_id(self) -> str | None:
        """The client's id."""
        return self.client.client_id
