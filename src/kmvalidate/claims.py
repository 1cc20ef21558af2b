"""
What the claims of a token must say.

Rules kept here: a claim has the type its specification gives it and no other; absence of a required
claim refuses; times are compared with the wall clock, which is an argument; the audience is configured or waived
aloud. Everything here is a plain function of its arguments, so that a remembered token is checked like a fresh one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.attributes import scope_set
from kmvalidate.audiences import ClientIdInstead
from kmvalidate.errors import Reason, Refused
from kmvalidate.fields import FrozenDict
from kmvalidate.profiles import ANY_PROVIDER, ProviderProfile
from kmvalidate.rules import ACCESS_TOKENS, TokenKinds
from kmvalidate.wanted import NO_NAMES, NamesWanted, as_text, as_texts, is_one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from kmvalidate.attributes import Paths
    from kmvalidate.audiences import Audience

#: Where the names are if nothing else is configured (RFC 9068 section 2.2.3.1, and `permissions` as Auth0 has them).
ROLE_CLAIMS = (("roles",),)
GROUP_CLAIMS = (("groups",),)
PERMISSION_CLAIMS = (("permissions",), ("entitlements",))

DEFAULT_LEEWAY_S = 60.0
MAX_LEEWAY_S = 300.0

#: The types that RFC 7519 section 4.1 gives registered claims, beside ``aud``.
STRINGS = ("iss", "sub", "jti")
NUMBERS = ("exp", "nbf", "iat")


@attrs.frozen(kw_only=True)
class ClaimRules:
    """The rules of one key manager. Its arguments are those of `KeyManager`, which documents them."""

    issuers: Collection[str]
    audience: Audience
    leeway_s: float = DEFAULT_LEEWAY_S
    max_age_s: float | None = None
    max_lifetime_s: float | None = None
    required_claims: tuple[str, ...] = ()
    claim_values: Mapping[str, Any] = attrs.field(default=FrozenDict())
    consumer_key_claims: tuple[str, ...] = ("client_id", "azp")
    scope_claims: tuple[str, ...] = ("scope", "scp")
    token_kinds: TokenKinds = ACCESS_TOKENS
    tenants: tuple[str, ...] = ()
    tenant_of: Mapping[str, str | None] = attrs.field(default=FrozenDict())
    claim_in: Mapping[str, tuple[Any, ...]] = attrs.field(default=FrozenDict())
    role_claims: Paths = ROLE_CLAIMS
    group_claims: Paths = GROUP_CLAIMS
    permission_claims: Paths = PERMISSION_CLAIMS
    names_wanted: NamesWanted = NO_NAMES
    profile: ProviderProfile = ANY_PROVIDER
    #: Whether a token may be too old, or valid for too long, although it has not expired.
    limits_age: bool = attrs.field(init=False, repr=False, eq=False)
    _demanding: bool = attrs.field(init=False, repr=False, eq=False)
    _texts: Mapping[str, frozenset[str]] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        demanding = bool(
            self.required_claims
            or self.claim_values
            or self.claim_in
            or self.tenant_of
            or self.token_kinds.is_demanding
            or self.profile.check
            or self.names_wanted.wants_names
        )
        object.__setattr__(self, "limits_age", self.max_age_s is not None or self.max_lifetime_s is not None)
        object.__setattr__(self, "_demanding", demanding)
        object.__setattr__(self, "_texts", as_texts(self.claim_in) if self.claim_in else self.claim_in)

    def check(self, claims: dict[str, Any], now: float, header_type: str | None = None) -> None:
        """
        Check everything a token says of itself.

        Args:
            claims: The claims set, its signature verified.

            now: Seconds since the epoch.

            header_type: Its ``typ`` header parameter, as `Header.type` has it.

        Raises:
            Refused: One of the rules is broken.
        """
        get = claims.get
        if get("iss") not in self.issuers:
            raise Refused(Reason.WRONG_ISSUER, claim="iss", expected=self.issuers, got=get("iss"))
        self.check_times(claims, now)
        self._check_audience(claims)
        if get("sub").__class__ is not str or get("jti").__class__ is not str:
            _check_strings(claims)
        self.consumer_key(claims)
        self._scope_value(claims)
        if self._demanding or "cnf" in claims or not self.token_kinds.telling_claims.isdisjoint(claims):
            self._check_rest(claims, header_type)

    def age_holds(self, claims: dict[str, Any], now: float) -> bool:
        """Tell whether claims that passed once are not too old at *now*, in seconds since the epoch."""
        return self.max_age_s is None or not now - claims["iat"] > self.max_age_s + self.leeway_s

    def accept(self, named: str | list[str]) -> bool:
        """Tell whether an ``aud`` of the right type is accepted, where it is not the client id that counts."""
        wanted: Any = self.audience
        if wanted.__class__ is not frozenset:  # it is waived
            return True
        return named in wanted if named.__class__ is str else not wanted.isdisjoint(named)

    def check_names(self, wanted: NamesWanted, claims: Mapping[str, Any]) -> None:
        """
        Check that a token has the roles, groups and permissions *wanted*.

        Raises:
            Refused: MISSING_ROLE, UNKNOWN_ROLES.
        """
        wanted.check_names(claims, roles=self.role_claims, groups=self.group_claims, permissions=self.permission_claims)

    def _check_rest(self, claims: dict[str, Any], header_type: str | None) -> None:
        self.token_kinds.check_claims(claims, header_type)
        self.profile.check_claims(claims)
        if "cnf" in claims:
            hint = "It is bound to a key (RFC 7800), not a bearer token."
            raise Refused(Reason.PROOF_REQUIRED, claim="cnf", hint=hint)
        self._check_demands(claims)
        self.check_names(self.names_wanted, claims)

    def check_times(self, claims: dict[str, Any], now: float) -> None:
        """
        Check ``exp``, ``nbf`` and ``iat`` (RFC 7519 section 4.1.4 to 4.1.6); the only rules that change with time.

        Raises:
            Refused: EXPIRED, NOT_YET_VALID, ISSUED_IN_THE_FUTURE, TOO_OLD, LIFETIME_TOO_LONG, or a claim is
                missing or no number.
        """
        expires, starts, issued = claims.get("exp"), claims.get("nbf"), claims.get("iat")
        if expires.__class__ is not int or starts.__class__ is not int or issued.__class__ is not int:
            _check_numbers(claims)
        leeway_s = self.leeway_s
        if expires is None:
            raise Refused(Reason.MISSING_CLAIM, claim="exp")
        if not now < expires + leeway_s:
            raise _late(Reason.EXPIRED, "exp", expires, now)
        if starts is not None and not starts <= now + leeway_s:
            raise _late(Reason.NOT_YET_VALID, "nbf", starts, now)
        if issued is not None and not issued <= now + leeway_s:
            raise _late(Reason.ISSUED_IN_THE_FUTURE, "iat", issued, now)
        if self.limits_age:
            self._check_age(claims, now)

    def _check_age(self, claims: dict[str, Any], now: float) -> None:
        issued, expires = claims.get("iat"), claims["exp"]
        if issued is None:
            raise Refused(Reason.MISSING_CLAIM, claim="iat", hint="Its age cannot be told without it.")
        if not self.age_holds(claims, now):
            raise Refused(
                Reason.TOO_OLD, claim="iat", expected=f"at most {self.max_age_s:g} s ago", got=_ago(issued, now)
            )
        if self.max_lifetime_s is not None and expires - issued > self.max_lifetime_s:
            lifetime = f"{expires - issued:.0f} s"
            raise Refused(Reason.LIFETIME_TOO_LONG, claim="exp", expected=f"{self.max_lifetime_s:g} s", got=lifetime)

    def _check_audience(self, claims: dict[str, Any]) -> None:
        named: Any = claims.get("aud")
        audience = self.audience
        if named.__class__ is str:
            named = [named]
        elif "aud" in claims and not _is_strings(named):
            raise Refused(Reason.INVALID_CLAIM, claim="aud", expected="a string or an array of strings", got=named)
        if isinstance(audience, frozenset):
            if named is None or audience.isdisjoint(named):
                raise _wrong_audience(audience, named)
        elif isinstance(audience, ClientIdInstead):
            self._check_client_id(audience.client_ids, claims)

    def check_foreign_audience(self, claims: dict[str, Any]) -> None:
        """
        Check that a token, whose signature nobody looked at yet, is not one that can only be for somebody else.

        Raises:
            Refused: WRONG_AUDIENCE.
        """
        foreign, audience = self.profile.foreign_audiences, self.audience
        if not foreign or not isinstance(audience, frozenset):
            return
        named: Any = claims.get("aud")
        named = [named] if isinstance(named, str) else named
        if _is_strings(named) and audience.isdisjoint(named):
            hint = next((foreign[name] for name in named if name in foreign), None)
            if hint is not None:
                raise Refused(Reason.WRONG_AUDIENCE, claim="aud", expected=audience, got=named, hint=hint)

    def _check_client_id(self, client_ids: frozenset[str], claims: dict[str, Any]) -> None:
        client_id = self.consumer_key(claims)
        if client_id not in client_ids:
            raise Refused(Reason.WRONG_AUDIENCE, claim="client id", expected=client_ids, got=client_id)

    def _check_demands(self, claims: dict[str, Any]) -> None:
        tenant = self.tenant_of.get(claims["iss"])
        if tenant is not None and claims.get("tid", tenant) != tenant:
            raise Refused(Reason.CLAIM_MISMATCH, claim="tid", expected=tenant, got=claims["tid"])
        for name in self.required_claims:
            if claims.get(name) is None:
                raise Refused(Reason.MISSING_CLAIM, claim=name)
        for name, value in self.claim_values.items():
            if name not in claims:
                raise Refused(Reason.MISSING_CLAIM, claim=name, expected=value)
            if as_text(claims[name]) != as_text(value):
                raise Refused(Reason.CLAIM_MISMATCH, claim=name, expected=value, got=claims[name])
        for name, choice in self.claim_in.items():
            if name not in claims:
                raise Refused(Reason.MISSING_CLAIM, claim=name, expected=choice)
            if not is_one_of(claims[name], self._texts[name]):
                raise Refused(Reason.CLAIM_MISMATCH, claim=name, expected=choice, got=claims[name])

    def consumer_key(self, claims: dict[str, Any]) -> str | None:
        """
        Return the client id of a claims set, None if no configured claim is there.

        Raises:
            Refused: INVALID_CLAIM, it is not a string or it is empty.
        """
        for name in self.consumer_key_claims:
            if name in claims:
                value = claims[name]
                if value.__class__ is not str or not value:
                    raise Refused(Reason.INVALID_CLAIM, claim=name, expected="a non-empty string", got=value)
                return value
        return None

    def scopes(self, claims: dict[str, Any]) -> frozenset[str]:
        """
        Return the scopes of a claims set: a string is split on U+0020 (RFC 6749 section 3.3), an array is not split.

        Raises:
            Refused: INVALID_CLAIM, the claim is neither a string nor an array of strings.
        """
        value = self._scope_value(claims)
        return scope_set(value) if isinstance(value, str) else frozenset(value) - {""}

    def _scope_value(self, claims: dict[str, Any]) -> str | list[str]:
        for name in self.scope_claims:
            if name in claims:
                value = claims[name]
                if value.__class__ is not str and not _is_strings(value):
                    raise Refused(
                        Reason.INVALID_CLAIM, claim=name, expected="a string or an array of strings", got=value
                    )
                return value  # type: ignore[no-any-return]
        return []


def _check_numbers(claims: dict[str, Any]) -> None:
    """RFC 7519 section 2, NumericDate: an integer or a finite float, never a bool or a string; null is neither."""
    for name in NUMBERS:
        value = claims.get(name)
        if name in claims and value.__class__ is not int and value.__class__ is not float:
            raise Refused(Reason.INVALID_CLAIM, claim=name, expected="a number of seconds", got=value)


def _check_strings(claims: dict[str, Any]) -> None:
    """RFC 7519 section 4.1.2 and 4.1.7; a claim that is null is there, and no string."""
    for name in STRINGS:
        if name in claims and claims[name].__class__ is not str:
            raise Refused(Reason.INVALID_CLAIM, claim=name, expected="a string", got=claims[name])


def _is_strings(value: Any) -> bool:
    if value.__class__ is not list:
        return False
    for member in value:  # noqa: SIM110  # a generator takes three times as long, and this is hot
        if member.__class__ is not str:
            return False
    return True


def _late(reason: Reason, claim: str, at: float, now: float) -> Refused:
    return Refused(reason, claim=claim, got=_ago(at, now))


def _ago(at: float, now: float) -> str:
    return f"{now - at:.0f} s ago" if at <= now else f"in {at - now:.0f} s"


def _wrong_audience(audience: frozenset[str], named: list[str] | None) -> Refused:
    if named is None:
        return Refused(Reason.MISSING_CLAIM, claim="aud", expected=audience)
    return Refused(Reason.WRONG_AUDIENCE, claim="aud", expected=audience, got=named)
