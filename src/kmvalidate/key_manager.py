"""
What an operator configures: key managers.

Rules kept here: frozen data, checked when it is made. Configuration fails closed: no
algorithms, no audience, an unknown name are errors. Opting out of safety is said aloud. Nothing here fetches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.algorithms import DEFAULT_ALGORITHMS, shapes_of, to_algorithms
from kmvalidate.attributes import to_paths
from kmvalidate.audiences import AnyAudience, Audience, ClientIdInstead, to_audience
from kmvalidate.claims import (
    DEFAULT_LEEWAY_S,
    GROUP_CLAIMS,
    MAX_LEEWAY_S,
    PERMISSION_CLAIMS,
    ROLE_CLAIMS,
    ClaimRules,
)
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import FrozenDict, is_a, non_empty, number, to_names
from kmvalidate.introspection import Introspection, IntrospectionStrategy
from kmvalidate.key_sources import RemoteKeys, StaticKeys
from kmvalidate.manager_fields import NO_KEYS, TENANT, check_strategy, expanded, to_environments, to_keys
from kmvalidate.ports import Network
from kmvalidate.profiles import ANY_PROVIDER, ProviderProfile
from kmvalidate.rules import ACCESS_TOKENS, TokenKinds
from kmvalidate.token_options import JwtTokens
from kmvalidate.urls import well_known_urls
from kmvalidate.wanted import NamesWanted, as_text, json_choices, json_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.attributes import Paths

_FEW = 4
_NO_TENANTS: FrozenDict[str, str | None] = FrozenDict()


@attrs.frozen(kw_only=True, cache_hash=True)
class KeyManager(NamesWanted):
    """
    One key manager (identity provider) and the rules for its JWTs.

    Args:
        name: What people call it; unique in its organization.

        issuer: The ``iss`` of its tokens, exactly. With ``{tenantid}`` in it, a template for *tenants*; that is then
            what its discovery document names.

        audience: Who tokens must be meant for: a name or several, one of which ``aud`` must hold; or, said aloud,
            `ANY_AUDIENCE` or `ClientIdInstead`.

        keys: `RemoteKeys`, `StaticKeys`, or several `StaticKeys`; None if it is asked about each of its tokens.

        organization: The organization whose tokens it stands behind, None if it serves all of them.

        extra_issuers: Further ``iss`` values that its tokens may have, exactly or as templates.

        tenants: Every value that ``{tenantid}`` may stand for; there is no "any".

        algorithms: The signature algorithms accepted, by their JOSE names; never HS* or none.

        leeway_s: Seconds by which its clock and ours may differ, 0 to 300.

        max_age_s: Seconds since ``iat`` after which a token is refused, None for no such limit.

        max_lifetime_s: Most seconds between ``iat`` and ``exp``, None for no such limit.

        required_claims: Claims a token must have, beside ``iss``, ``exp`` and the audience.

        claim_values: Claims that must have exactly this value.

        claim_in: Claims that must have one of these values, or be an array that holds one.

        consumer_key_claims: Where the client id is; the first that is there counts.

        scope_claims: Where the scopes are; the first that is there counts.

        role_claims: Where the roles are: the names of claims, and for one inside an object the names that lead there as
            a tuple; those of all of them count.

        group_claims: Where the groups are, likewise.

        permission_claims: Where the permissions are, likewise.

        any_role: Roles of which its tokens must have one; like *all_roles*, *any_group*, *all_groups*,
            *any_permission* and *all_permissions* as for `Demands`.

        token_kinds: Which kinds of token pass as access tokens.

        profile: What is known of its kind of provider.

        environments: The environments for whose APIs its tokens are good, None for all; none at all for an empty list
            (Choreo's ``environments``).

        introspection: How it is asked about opaque tokens, and which are its own; None if it is not.

        self_validate_jwt: Whether its JWTs are verified here, with its keys (WSO2: ``self_validate_jwt``); if not, it
            is asked about them.

    Raises:
        ConfigurationError: Something is missing, unknown, out of range or contradicts itself.
    """

    name: str = attrs.field(validator=non_empty)
    issuer: str = attrs.field(validator=non_empty)
    audience: Audience = attrs.field(converter=to_audience)
    keys: RemoteKeys | StaticKeys = attrs.field(default=None, converter=to_keys)
    organization: str | None = attrs.field(default=None, validator=attrs.validators.optional(non_empty))
    extra_issuers: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    tenants: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    algorithms: tuple[str, ...] = attrs.field(default=DEFAULT_ALGORITHMS, converter=to_algorithms)
    leeway_s: float = attrs.field(default=DEFAULT_LEEWAY_S, validator=number(0, MAX_LEEWAY_S))
    max_age_s: float | None = attrs.field(default=None, validator=attrs.validators.optional(number(1)))
    max_lifetime_s: float | None = attrs.field(default=None, validator=attrs.validators.optional(number(1)))
    required_claims: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    claim_values: Mapping[str, Any] = attrs.field(default=FrozenDict(), converter=json_values, eq=as_text)
    claim_in: Mapping[str, tuple[Any, ...]] = attrs.field(default=FrozenDict(), converter=json_choices, eq=as_text)
    consumer_key_claims: tuple[str, ...] = attrs.field(default=("client_id", "azp"), converter=to_names)
    scope_claims: tuple[str, ...] = attrs.field(default=("scope", "scp"), converter=to_names)
    role_claims: Paths = attrs.field(default=ROLE_CLAIMS, converter=to_paths)
    group_claims: Paths = attrs.field(default=GROUP_CLAIMS, converter=to_paths)
    permission_claims: Paths = attrs.field(default=PERMISSION_CLAIMS, converter=to_paths)
    token_kinds: TokenKinds = attrs.field(default=ACCESS_TOKENS, validator=is_a(TokenKinds))
    profile: ProviderProfile = attrs.field(default=ANY_PROVIDER, validator=is_a(ProviderProfile), repr=False)
    environments: frozenset[str] | None = attrs.field(default=None, converter=to_environments)
    introspection: IntrospectionStrategy | None = attrs.field(default=None, validator=check_strategy)
    self_validate_jwt: bool = attrs.field(default=True, validator=is_a(bool))
    issuers: tuple[str, ...] = attrs.field(init=False, repr=False, eq=False)
    tenant_of: Mapping[str, str | None] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        issuers = expanded((self.issuer, *self.extra_issuers), self.tenants)
        object.__setattr__(self, "issuers", tuple(issuers))
        object.__setattr__(self, "tenant_of", FrozenDict(issuers) if self.tenants else _NO_TENANTS)
        if isinstance(self.keys, RemoteKeys) and self.keys.jwks_url is None:
            self._check_discovery("give its keys a jwks_url or a discovery_url")
        if self.introspection is not None:
            self._check_introspection(self.introspection)
        elif not self.self_validate_jwt:
            raise ConfigurationError(f"{self.name!r}: self_validate_jwt=False needs introspection=")
        if self.keys is NO_KEYS and (self.self_validate_jwt or getattr(self.introspection, "signed", False)):
            raise ConfigurationError(f"{self.name!r}: keys= are needed: RemoteKeys() fetches what its issuer publishes")

    def _check_discovery(self, hint: str) -> None:
        try:
            self.discovery_urls()
        except ConfigurationError as flaw:
            why = f"nothing can be discovered at the issuer of {self.name!r} ({flaw})"
            raise ConfigurationError(f"{why}; {hint}") from None

    def _check_introspection(self, strategy: IntrospectionStrategy) -> None:
        claims_some = any(not isinstance(option, JwtTokens) for option in strategy.tokens)
        if self.self_validate_jwt and not (claims_some or strategy.unknown_issuers):
            why = "introspection of which tokens? tokens= says it: a pattern, or ANY_OPAQUE_TOKEN"
            raise ConfigurationError(f"{self.name!r}: {why}")
        if isinstance(strategy, Introspection):
            strategy.check_with(self.introspection_network)
            if strategy.needs_discovery:
                self._check_discovery("give its introspection an endpoint, and the client a token_endpoint")

    def discovery_urls(self) -> tuple[str, ...]:
        """
        Return where its discovery document may lie, in the order in which they are asked.

        Raises:
            ConfigurationError: The issuer is no URL to build them from.
        """
        if isinstance(self.keys, RemoteKeys):
            return self.keys.discovery_urls(self.issuer)
        return well_known_urls(self.issuer, insecure_http=self.introspection_network.insecure_http)

    @property
    def introspection_network(self) -> Network:
        """How its introspection endpoints may be reached: as it says, or as its keys may be."""
        own: Network | None = getattr(self.introspection, "network", None)
        return own or (self.keys.network if isinstance(self.keys, RemoteKeys) else Network())

    @property
    def document_issuers(self) -> tuple[str, ...]:
        """What its discovery document may name: its issuer; of a template with one tenant also what that stands for."""
        names = (self.issuer, *(self.issuer.replace(TENANT, tenant) for tenant in self.tenants))
        return names if len(self.tenants) == 1 else names[:1]

    def owners(self, issuer: str) -> frozenset[str] | None:
        """
        Return the issuers to which a key that verifies tokens of *issuer* may belong; None if keys belong to nobody.

        They are those of the same tenant: Entra ID labels with the one what signs for the other too.
        """
        if not self.tenants:
            return None
        tenant = self.tenant_of.get(issuer)
        if tenant is None:
            return frozenset((issuer,))
        templates = (one for one in (self.issuer, *self.extra_issuers, *self.profile.key_owners) if TENANT in one)
        return frozenset(template.replace(TENANT, tenant) for template in templates)

    @property
    def identity(self) -> dict[str, Any]:
        """Who it is, as events and health say it."""
        return {"key_manager": self.name, "organization": self.organization}

    def claim_rules(self) -> ClaimRules:
        """Return the part of the rules that is about claims."""
        names = [field.name for field in attrs.fields(ClaimRules) if field.init]
        values = {name: getattr(self, name) for name in names if name != "names_wanted"}
        if self.wants_names:
            values["names_wanted"] = NamesWanted(**{f.name: getattr(self, f.name) for f in attrs.fields(NamesWanted)})
        if len(self.issuers) > _FEW:
            values["issuers"] = frozenset(self.issuers)
        return ClaimRules(**values)

    @property
    def _is_lenient(self) -> bool:
        return not self.token_kinds.asks_all_of(self.profile.token_kinds)

    def waivers(self) -> tuple[str, ...]:
        """Return what of safety this configuration opts out of, a sentence each; none for a safe one."""
        said = (
            (isinstance(self.audience, AnyAudience), "tokens are accepted whatever audience they name"),
            (isinstance(self.audience, ClientIdInstead), "the client id is checked in place of the audience"),
            (self.profile.open_to is not None, f"{self.profile.open_to} is accepted"),
            (self._is_lenient, "tokens that show signs of another kind are accepted (token_kinds)"),
            *self._introspection_waivers(),
            *_network_waivers("keys", self.keys.network if isinstance(self.keys, RemoteKeys) else Network()),
        )
        return tuple(sentence for waived, sentence in said if waived)

    def _introspection_waivers(self) -> tuple[tuple[bool, str], ...]:
        strategy = self.introspection
        if strategy is None:
            return ()
        required = self.profile.answers.requires if strategy.requires is None else strategy.requires
        no_audience = isinstance(self.audience, frozenset) and "aud" not in required
        network = getattr(strategy, "network", None) or Network()
        return (
            (no_audience, "tokens are accepted of which introspection names no audience"),
            ("exp" not in required, "tokens are accepted of which introspection does not say when they expire"),
            (strategy.unknown_issuers, "it is asked about JWTs of unknown issuers, which are other people's"),
            *_network_waivers("introspection", network),
        )

    def algorithm_shapes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the key shapes for which tokens of each allowed algorithm are accepted."""
        return shapes_of(self.algorithms)


def _network_waivers(what: str, network: Network) -> tuple[tuple[bool, str], ...]:
    proxied = "a proxy connects for us, so addresses are its business"
    return (
        (network.proxy is not None, proxied if what == "keys" else f"{what}: {proxied}"),
        (network.insecure_http, f"{what} may be fetched over http, where anybody on the way can replace them"),
        (network.private_addresses, f"{what} may be fetched from private and loopback addresses"),
    )
