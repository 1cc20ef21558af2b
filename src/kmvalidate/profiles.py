"""
What is known of a kind of provider, beside what is configured.

Rules kept here: data, and plain functions of their arguments. A profile reads tokens that were verified, and says more
about tokens that were refused; whatever it says, it accepts nothing that would be refused without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.attributes import to_paths
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import UUID, FrozenDict, is_a, non_empty, number, to_name_set, to_names
from kmvalidate.rules import ACCESS_TOKENS, TokenKinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from kmvalidate.attributes import Paths


def _cannot_tell(_: Mapping[str, Any]) -> bool | None:
    return None


def _no_hint(_: Refused, __: Mapping[str, Any]) -> str | None:
    return None


def _frozen(table: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(table, Mapping):
        raise ConfigurationError("foreign_audiences map audiences to hints")
    to_names((*table, *table.values()))
    return FrozenDict(table)


def _in_lower_case(names: str | Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in to_name_set(names))


def _callable(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not callable(value):
        raise ConfigurationError(f"{field.name} is a function")


_OF_A_TENANT = re.compile(rf"https?://[^/]+/({UUID})(?:/|\Z)")
_TENANT_HINT = (
    "A key manager is configured for that tenant with another issuer. Entra ID has one for v1 tokens and one for v2: "
    "requestedAccessTokenVersion in the manifest of the API chooses, and providers.entra_id takes both."
)

_NO_MAY_BE_OUTAGE = (
    "This provider says so of every token, too, when the client that asks may not ask, or when it has a fault of its "
    "own."
)

#: What access tokens are called in answers: RFC 6749 section 7.1, RFC 9449, RFC 8693 section 3, and what servers say.
ACCESS_TOKEN_TYPES = frozenset(
    {
        *("bearer", "dpop", "jwt", "at+jwt", "access", "access_token"),
        "urn:ietf:params:oauth:token-type:access_token",
        "urn:ietf:params:oauth:token-type:jwt",
    }
)

_said = attrs.validators.optional(non_empty)


def _no_family(_: str) -> str | None:
    return None


@attrs.frozen(kw_only=True)
class AnswerRules:
    """
    What a provider's introspection answers mean (RFC 7662 section 2.2).

    Args:
        token_types: Values of ``token_type`` of access tokens, in any case; an answer need not have one.

        required_members: Members that an answer about an access token has, and others may lack.

        requires: The members, such as ``iss``, ``aud`` and ``exp``, without which an answer is not believed, where
            nothing else is configured. What it has is always checked. Where audiences are waived, ``aud`` is not
            required, but ``token_type`` is, unless *required_members* or *id_prefix* tell access tokens.

        id_prefix: What the ``jti`` of an access token begins with.

        errors_look_inactive: Whether its own faults come as ``active: false``, so that a "no" may be an outage.
    """

    token_types: frozenset[str] = attrs.field(default=ACCESS_TOKEN_TYPES, converter=_in_lower_case)
    required_members: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    requires: frozenset[str] = attrs.field(default=frozenset({"aud", "exp"}), converter=to_name_set)
    id_prefix: str = attrs.field(default="", validator=is_a(str))
    errors_look_inactive: bool = False

    def check(self, answer: Mapping[str, Any]) -> None:
        """
        Check that an answer is about an active access token.

        Raises:
            Refused: INACTIVE, it says so; WRONG_TOKEN_KIND, it is about a token of another kind.
        """
        if answer.get("active") is not True:
            hint = _NO_MAY_BE_OUTAGE if self.errors_look_inactive else None
            raise Refused(Reason.INACTIVE, claim="active", got=answer.get("active"), hint=hint)
        kind = answer.get("token_type")
        known = isinstance(kind, str) and kind.lower() in self.token_types
        if "token_type" in answer and not known:
            raise Refused(Reason.WRONG_TOKEN_KIND, claim="token_type", got=kind)
        for name in self.required_members:
            if answer.get(name) is None:
                raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, got="no such member")
        if self.id_prefix and not str(answer.get("jti")).startswith(self.id_prefix):
            raise Refused(Reason.WRONG_TOKEN_KIND, claim="jti", expected=f"{self.id_prefix}...", got=answer.get("jti"))


@attrs.frozen(kw_only=True)
class ProviderProfile:
    """
    What is known of a kind of provider. `kmvalidate.providers` has one for each; a plug-in brings its own.

    Args:
        kind: Its name in `kmvalidate.providers`.

        tenant_claims: Where a token names its tenant or organization; the first that is there counts.

        user_id_claims: Where a token has what stays the same for a user, for good; the first that is there counts.

        is_application: Tells from the claims of a token whether a client got it for itself, with no user behind it;
            None if they do not say.

        check: Checks what no other rule can say, and raises `Refused`; it is given those of *checked_claims* that the
            token has, and the names of all its claims.

        checked_claims: The claims whose values *check* depends on.

        key_owners: Further issuers, as templates with ``{tenantid}``, that the provider may label a key with which
            signs for that tenant.

        foreign_audiences: Audiences that are never those of an API of yours, unless configured, each with a hint.

        explain: Returns a hint for a refused token, given its claims, which nobody proved; None if it has none.

        family: Returns what the issuers of one installation have in common, so that a token of a neighbour is
            recognised; None for an issuer that it does not know.

        family_hint: What to say of an unknown issuer of the family of a configured one.

        opaque_hint: What to say of an opaque token.

        token_kinds: By what its access tokens are told; a key manager that is content with less says so in its waivers.

        open_to: Whose tokens are accepted, for a provider that issues them to everybody; part of the waivers.

        answers: What its introspection answers mean.

        requests_per_minute: How many requests it answers, None if it publishes no such limit.

    Raises:
        ConfigurationError: A value is of the wrong type.
    """

    kind: str = attrs.field(default="oidc", validator=non_empty)
    tenant_claims: Paths = attrs.field(default=(), converter=to_paths)
    user_id_claims: Paths = attrs.field(default=(("sub",),), converter=to_paths)
    is_application: Callable[[Mapping[str, Any]], bool | None] = attrs.field(default=_cannot_tell, validator=_callable)
    check: Callable[[Mapping[str, Any], AbstractSet[str]], None] | None = attrs.field(
        default=None, validator=attrs.validators.optional(_callable)
    )
    checked_claims: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    key_owners: tuple[str, ...] = attrs.field(default=(), converter=to_names)
    foreign_audiences: Mapping[str, str] = attrs.field(default=FrozenDict(), converter=_frozen)
    explain: Callable[[Refused, Mapping[str, Any]], str | None] = attrs.field(default=_no_hint, validator=_callable)
    family: Callable[[str], str | None] = attrs.field(default=_no_family, validator=_callable)
    family_hint: str | None = attrs.field(default=None, validator=_said)
    opaque_hint: str | None = attrs.field(default=None, validator=_said)
    token_kinds: TokenKinds = attrs.field(default=ACCESS_TOKENS, validator=is_a(TokenKinds), repr=False)
    open_to: str | None = attrs.field(default=None, validator=_said)
    answers: AnswerRules = attrs.field(default=AnswerRules(), validator=is_a(AnswerRules))
    requests_per_minute: int | None = attrs.field(
        default=None, validator=attrs.validators.optional([is_a(int), number(1)])
    )

    def check_claims(self, claims: Mapping[str, Any]) -> None:
        """
        Let *check* look at a claims set.

        Raises:
            Refused: It found something.
        """
        if self.check is not None:
            self.check({name: claims[name] for name in self.checked_claims if name in claims}, claims.keys())


def _tenant(issuer: str) -> str | None:
    found = _OF_A_TENANT.match(issuer)
    return found[1] if found else None


#: What is known of a provider of which nothing is known: that an issuer may have a tenant in it.
ANY_PROVIDER = ProviderProfile(family=_tenant, family_hint=_TENANT_HINT)
