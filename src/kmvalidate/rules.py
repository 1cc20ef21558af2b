"""
Which kind of token a JWT is.

Rules kept here: one key signs many kinds of token, so a kind is accepted because it is known, never because nothing
speaks against it (RFC 8725 section 3.11 and 3.12, RFC 9068 section 4). ID tokens, refresh tokens, logout tokens, DPoP
proofs, request objects, introspection answers and backend JWTs are not access tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import FrozenDict, is_a, to_name_set, to_names

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER_TYPES = frozenset({"jwt", "at+jwt"})

#: Claims that tell a kind, with the values that mean an access token (compared in lower case).
MARKERS = {
    "typ": frozenset({"bearer", "jwt", "at+jwt"}),  # Keycloak: ID, Refresh, Offline, Logout ...
    "token_use": frozenset({"access"}),  # Cognito: id
    "token_type": frozenset({"bearer", "access", "access_token", "jwt", "at+jwt"}),  # WSO2: refresh_token, InternalKey
    "tokenName": frozenset({"access_token"}),  # ForgeRock: refresh_token, id_token
    "purpose": frozenset({"access_token"}),  # Curity: id
}

#: Claims that only other kinds of token have; for `nonce` see `ACCESS_SIGNS`.
FOREIGN_CLAIMS = {
    "nonce": "an ID token",
    "at_hash": "an ID token",
    "c_hash": "an ID token",
    "s_hash": "an ID token",
    "sub_jwk": "a self-issued ID token",
    "events": "a logout or security event token",
    "token_introspection": "an introspection answer",
    "htm": "a DPoP proof",
    "htu": "a DPoP proof",
    "response_type": "a request object",
    "redirect_uri": "a request object",
    "status_list": "a status list",
    "vp": "a presentation",
    "vc": "a credential",
    "http://wso2.org/claims/apicontext": "a backend JWT",
    "http://wso2.org/claims/subscriber": "a backend JWT",
}

#: Claims that no ID token has. Some providers copy the ``nonce`` into access tokens, which have one of these as well,
#: or ``at+jwt`` as their type. A ``client_id`` is no such sign: Zitadel puts it into ID tokens too.
ACCESS_SIGNS = frozenset({"scope", "scp"})

_KIND_TYPES = {
    "rt+jwt": "a refresh token",
    "logout+jwt": "a logout token",
    "secevent+jwt": "a security event token",
    "token-introspection+jwt": "an introspection answer",
    "oauth-id-jag+jwt": "an identity assertion grant",
    "txntoken+jwt": "a transaction token",
    "statuslist+jwt": "a status list",
    "entity-statement+jwt": "a federation statement",
    "dpop+jwt": "a DPoP proof",
    "oauth-authz-req+jwt": "a request object",
}


def _markers(markers: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    _check_table(markers)
    return FrozenDict({name: to_name_set(values) for name, values in markers.items()})


def _check_table(table: object) -> None:
    if not isinstance(table, Mapping):
        raise ConfigurationError("markers, foreign_claims and prefixes map the names of claims")
    to_names(table)


def _frozen(table: Mapping[str, str]) -> Mapping[str, str]:
    _check_table(table)
    to_names(table.values())
    return FrozenDict(table)


@attrs.frozen(kw_only=True)
class TokenKinds:
    """
    The kinds of token that pass as access tokens.

    Args:
        header_types: Accepted ``typ`` header parameters, in lower case and without ``application/``.

        type_may_be_absent: Whether a token without ``typ`` passes.

        markers: Claims that tell the kind, each with the values (lower case) that pass; a token need not have them.

        required_markers: Names out of *markers* that a token must have.

        foreign_claims: Claims whose mere presence shows another kind, each with the name of that kind.

        required_signs: Claims that no other kind has; a token must have one of them.

        prefixes: Claims that a token must have, each with what it must begin with.

        telling_types: Header types that tell an access token by themselves: with one of them a token needs none of
            the required markers and signs.

    Raises:
        ConfigurationError: A required marker is not among the markers, or a telling type not among the header types.
    """

    header_types: frozenset[str] = attrs.field(default=HEADER_TYPES, converter=to_name_set)
    type_may_be_absent: bool = attrs.field(default=True, validator=is_a(bool))
    markers: Mapping[str, frozenset[str]] = attrs.field(default=MARKERS, converter=_markers)
    required_markers: frozenset[str] = attrs.field(default=frozenset(), converter=to_name_set)
    foreign_claims: Mapping[str, str] = attrs.field(default=FOREIGN_CLAIMS, converter=_frozen)
    required_signs: frozenset[str] = attrs.field(default=frozenset(), converter=to_name_set)
    prefixes: Mapping[str, str] = attrs.field(default=FrozenDict(), converter=_frozen)
    telling_types: frozenset[str] = attrs.field(default=frozenset(), converter=to_name_set)

    #: Whether a token with nothing in it may be refused.
    is_demanding: bool = attrs.field(init=False, repr=False, eq=False)
    #: The claims by which a kind is told; a token with none of them needs no further look.
    telling_claims: frozenset[str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not self.required_markers <= set(self.markers):
            raise ConfigurationError("token kinds: a required marker is not one of the markers")
        if not self.telling_types <= self.header_types:
            raise ConfigurationError("token kinds: a telling type is not one of the header types")
        object.__setattr__(self, "telling_claims", frozenset(self.markers) | frozenset(self.foreign_claims))
        object.__setattr__(self, "is_demanding", bool(self.required_markers or self.required_signs or self.prefixes))

    def asks_all_of(self, usual: TokenKinds) -> bool:
        """Tell whether whatever *usual* refuses is refused, or says ``at+jwt`` in its header."""
        is_told = self.header_types <= {"at+jwt"} and not self.type_may_be_absent
        return (
            self.header_types <= usual.header_types
            and self.type_may_be_absent <= usual.type_may_be_absent
            and self.prefixes.items() >= usual.prefixes.items()
            and (is_told or self._marks_all_of(usual))
        )

    def _marks_all_of(self, usual: TokenKinds) -> bool:
        if not self.foreign_claims.keys() >= usual.foreign_claims.keys():
            return False
        if not all(name in self.markers and self.markers[name] <= usual.markers[name] for name in usual.markers):
            return False
        if not (usual.required_markers or usual.required_signs):
            return True
        signs = bool(self.required_signs) and self.required_signs <= usual.required_signs
        return (
            self.telling_types <= usual.telling_types
            and self.required_markers >= usual.required_markers
            and (signs or not usual.required_signs)
        )

    def check_header(self, header_type: str | None) -> None:
        """
        Check the ``typ`` header parameter.

        Raises:
            Refused: WRONG_TOKEN_KIND.
        """
        accepted = self.type_may_be_absent if header_type is None else header_type in self.header_types
        if not accepted:
            kind = _KIND_TYPES.get(header_type or "")
            hint = f"It is {kind}." if kind else None
            raise Refused(
                Reason.WRONG_TOKEN_KIND,
                claim="typ",
                expected=self.header_types,
                got="no typ" if header_type is None else header_type,
                hint=hint,
            )

    def check_claims(self, claims: dict[str, Any], header_type: str | None = None) -> None:
        """
        Check the claims that tell a token's kind, given its ``typ`` header parameter.

        Raises:
            Refused: WRONG_TOKEN_KIND.
        """
        for name, kind in self.foreign_claims.items():
            if name in claims and not (name == "nonce" and self._shows_access(claims, header_type)):
                raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, hint=f"It is {kind}.")
        for name, accepted in self.markers.items():
            if name in claims:
                _check_marker(name, claims[name], accepted)
        for name, prefix in self.prefixes.items():
            _check_prefix(name, claims.get(name), prefix)
        if self.is_demanding and header_type not in self.telling_types:
            self._check_required(claims)

    def _check_required(self, claims: dict[str, Any]) -> None:
        for name in self.required_markers:
            if name not in claims:
                expected = self.markers[name]
                raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, expected=expected, got="no such claim")
        if self.required_signs and self.required_signs.isdisjoint(claims):
            raise Refused(Reason.WRONG_TOKEN_KIND, expected=self.required_signs, got="none of these claims")

    def _shows_access(self, claims: dict[str, Any], header_type: str | None) -> bool:
        signs = ACCESS_SIGNS | self.required_signs | set(self.markers)
        return header_type == "at+jwt" or not signs.isdisjoint(claims)


def _check_marker(name: str, value: object, accepted: frozenset[str]) -> None:
    if not isinstance(value, str) or value.lower() not in accepted:
        raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, expected=accepted, got=value)


def _check_prefix(name: str, value: object, prefix: str) -> None:
    if not isinstance(value, str) or not value.startswith(prefix):
        raise Refused(Reason.WRONG_TOKEN_KIND, claim=name, expected=f"{prefix}...", got=value)


#: The generic rule: ``typ`` absent, ``JWT`` or ``at+jwt``, and no sign of another kind.
ACCESS_TOKENS = TokenKinds()

#: RFC 9068 to the letter: the header must say ``at+jwt``.
RFC9068_ACCESS_TOKENS = TokenKinds(header_types=frozenset({"at+jwt"}), type_may_be_absent=False)
