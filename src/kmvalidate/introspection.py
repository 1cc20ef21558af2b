"""
How a key manager is asked about tokens, as an operator configures it.

Rules kept here: frozen data, checked when it is made. Nothing here asks anybody. Secrets are never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.client_auth import ClientCredentials, TlsClientAuth, checked_client
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import FrozenDict, is_a, non_empty, number, to_name_set, to_names
from kmvalidate.ports import Network
from kmvalidate.token_options import AnyOpaqueToken, JwtTokens, TokenOptions, to_token_options
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from kmvalidate.client_auth import ClientAuthentication
    from kmvalidate.ports import Ports

_HALF = re.compile("[\ud800-\udfff]")
_OWN_PARAMETERS = frozenset(
    ("token", "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type")
)


def _required(names: str | Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(names, bytes | Mapping):  # an empty one would waive everything
        raise ConfigurationError("requires= names members of an answer")
    return None if names is None else to_name_set(names)


@attrs.frozen(kw_only=True)
class IntrospectionStrategy:
    """
    Which tokens a key manager is asked about, and how often. `Introspection` asks by RFC 7662.

    A subclass of your own asks in another way: with a method ``ask(token, ports)``, plain or async, that returns an
    answer as RFC 7662 section 2.2 has it, and raises `KeyManagerUnavailable` if it has none. An async one awaits
    nothing but *ports*. It is called on a thread of the library's own, once for all who wait for the same token.

    Args:
        tokens: The opaque tokens that belong to the key manager: a pattern for the whole of them, or token handling
            options. Its own JWTs are not among them; `JwtTokens` narrows those that it is asked about.

        unknown_issuers: Whether it is also asked about JWTs whose issuer is none of the configured ones: those that
            *tokens* name (`JwtTokens`), or all where there are no tokens, or `ANY_OPAQUE_TOKEN`. WSO2 API Manager does
            that by itself; it sends foreign tokens to a key manager.

        requires: The members without which an answer is not believed; by default what its kind of provider names, and
            else ``aud`` and ``exp``. What an answer has is always checked. Where servers say of refresh tokens, too,
            that they are active, access tokens are mostly told by ``aud`` or ``token_type``: require one of them.

        ttl_s: Seconds for which an answer is remembered at most, 0 for not at all; never beyond the token's ``exp``. So
            long may a token be used that was revoked.

        inactive_ttl_s: Seconds for which it is remembered that a token is not active.

        remember: How many active tokens are remembered at most.

        remember_inactive: How many tokens that are not active are remembered at most.

        at_once: How many tokens that were never seen may be asked about at a time; as many again that are known.

        waiting: How many may wait for their turn.

        calls_per_minute: How many calls the provider answers in a minute; by default what its kind publishes, if it
            does. Tokens that were never seen leave room for those that are known.

        workers: Among how many processes these calls are divided.

        breaker_failures: How many calls in a row must fail before nobody is asked for a while.

        max_backoff_s: Seconds of the longest such while.

        deadline_s: Seconds one answer may take, everything included.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    tokens: TokenOptions = attrs.field(default=(), converter=to_token_options)
    unknown_issuers: bool = attrs.field(default=False, validator=is_a(bool))
    requires: frozenset[str] | None = attrs.field(default=None, converter=_required)
    ttl_s: float = attrs.field(default=60.0, validator=number(0, 3600))
    inactive_ttl_s: float = attrs.field(default=10.0, validator=number(0, 300))
    remember: int = attrs.field(default=20_000, validator=[is_a(int), number(2)])
    remember_inactive: int = attrs.field(default=10_000, validator=[is_a(int), number(1)])
    at_once: int = attrs.field(default=32, validator=[is_a(int), number(1, 1000)])
    waiting: int = attrs.field(default=1000, validator=[is_a(int), number(0, 100_000)])
    calls_per_minute: int | None = attrs.field(
        default=None, validator=attrs.validators.optional([is_a(int), number(1, 1_000_000)])
    )
    workers: int = attrs.field(default=1, validator=[is_a(int), number(1, 10_000)])
    breaker_failures: int = attrs.field(default=5, validator=[is_a(int), number(1)])
    max_backoff_s: float = attrs.field(default=30.0, validator=number(1, 600))
    deadline_s: float = attrs.field(default=5.0, validator=number(0.1, 60))

    def __attrs_post_init__(self) -> None:
        takes_jwts = any(isinstance(option, JwtTokens | AnyOpaqueToken) for option in self.tokens)
        if self.unknown_issuers and self.tokens and not takes_jwts:
            raise ConfigurationError('unknown_issuers: which JWTs? tokens=JwtTokens({"iss": "..."}) says it')
        if self.calls_per_minute is not None and self.workers > self.calls_per_minute:
            raise ConfigurationError("calls_per_minute: each of the workers makes one call at the least")

    def ask(self, token: str, ports: Ports, /) -> Any:
        """
        Return the answer about *token*, or an awaitable of it.

        Args:
            token: The token; it goes nowhere but to the provider.

            ports: What reaches the world.

        Raises:
            KeyManagerUnavailable: There is no answer.
        """
        raise NotImplementedError


def _urls(value: str | Iterable[str]) -> tuple[str, ...]:
    urls = to_names(value)
    if len(set(urls)) != len(urls):
        raise ConfigurationError("each endpoint is named once")
    return urls


def _sendable(*texts: str) -> None:
    if any(map(_HALF.search, texts)):
        raise ConfigurationError("parameters and token_type_hint are text without halves of surrogate pairs")


def _check_sendable(_: object, __: object, value: str) -> None:
    _sendable(value)


_hint_rules: Any = attrs.validators.optional([non_empty, _check_sendable])


def _parameters(value: Mapping[str, str]) -> FrozenDict[str, str]:
    if not isinstance(value, Mapping):
        raise ConfigurationError("parameters map names to strings")
    _sendable(*to_names((*value, *value.values())))
    if _OWN_PARAMETERS & value.keys():
        raise ConfigurationError(f"parameters are none of {', '.join(sorted(_OWN_PARAMETERS))}")
    return FrozenDict(value)


@attrs.frozen(kw_only=True)
class Introspection(IntrospectionStrategy):
    """
    Asks an introspection endpoint (RFC 7662): what an answer says is what its key manager stands for.

    Args:
        client: Who asks: `ClientSecretBasic`, `ClientSecretPost`, `PrivateKeyJwt`, `TlsClientAuth`, `PublicClient`,
            `ClientCredentials`, `BearerToken` or `UserCredentials`.

        endpoint: Its URL, or those of several that are the same key manager: they are asked in this order, and one that
            failed is asked last for a while. By default what the discovery document says.

        signed: Whether answers are JWTs that are signed by the issuer (RFC 9701); others are then not accepted.

        token_type_hint: The hint that is sent (RFC 7662 section 2.1), None for none.

        parameters: Further parameters to send.

        network: How the endpoints may be reached; by default as the keys may be.

        max_bytes: Largest answer accepted, in bytes.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    client: ClientAuthentication | ClientCredentials = attrs.field(converter=checked_client)
    endpoint: tuple[str, ...] = attrs.field(default=(), converter=_urls)
    signed: bool = attrs.field(default=False, validator=is_a(bool))
    token_type_hint: str | None = attrs.field(default="access_token", validator=_hint_rules)
    parameters: Mapping[str, str] = attrs.field(default=FrozenDict(), converter=_parameters, repr=False)
    network: Network | None = attrs.field(default=None, validator=attrs.validators.optional(is_a(Network)))
    max_bytes: int = attrs.field(default=100_000, validator=[is_a(int), number(1000)])

    def check_with(self, network: Network) -> None:
        """
        Check what depends on how the provider may be reached.

        Raises:
            ConfigurationError: An endpoint is no URL that would be asked there, or a client certificate is missing.
        """
        token_endpoint = getattr(self.client, "token_endpoint", None)
        for url in (*self.endpoint, *([token_endpoint] if token_endpoint else [])):
            checked_url(url, insecure_http=network.insecure_http)
        if self.needs_certificate and network.client_cert_file is None:
            raise ConfigurationError("TlsClientAuth: the network names no client_cert_file to show")

    @property
    def needs_discovery(self) -> bool:
        """Whether something has to be looked up in the discovery document."""
        obtains = isinstance(self.client, ClientCredentials) and self.client.token_endpoint is None
        return obtains or not self.endpoint

    @property
    def needs_certificate(self) -> bool:
        """Whether who asks is told by a TLS certificate (RFC 8705)."""
        return isinstance(getattr(self.client, "client", self.client), TlsClientAuth)
