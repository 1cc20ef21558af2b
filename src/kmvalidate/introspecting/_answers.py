"""
From an introspection answer to claims that a key manager stands for.

Rules kept here: an answer is checked like a JWT: what it says must be right, and what it must say and does not refuses
the token. Nobody but the answer is believed: what a JWT says of itself may refuse it, and grants nothing. Members that
are null are not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.audiences import ANY_AUDIENCE
from kmvalidate.errors import KeyManagerUnavailable, Reason, Refused
from kmvalidate.rules import TokenKinds
from kmvalidate.strict_json import Flaw, parse_object
from kmvalidate.tokens import Jwt, parse_claims, parse_header, recognise
from kmvalidate.verified import read_claims

if TYPE_CHECKING:
    from kmvalidate.claims import ClaimRules
    from kmvalidate.introspecting._memory import Answered
    from kmvalidate.key_manager import KeyManager

_FOREVER = float("inf")
_MISSING_HINT = (
    "The introspection answer does not name it. If the provider never does, Introspection(requires=...) says what its "
    "answers have to name."
)
_TENANT_HINT = "The introspection answer does not name it, and without it nobody can tell which tenant the token is of."
_DPOP_HINT = "It is bound to a key (RFC 9449), not a bearer token."
_BOUND_HINT = "It is bound to a key (RFC 7800), not a bearer token."

#: The members of RFC 7662 section 2.2 that are strings, beside those that `ClaimRules` looks at.
_STRINGS = ("iss", "username")


def read_answer(answer: object) -> dict[str, Any]:
    """
    Return the members of an answer, without those that are null; ``active`` is among them, and is true or false.

    Raises:
        KeyManagerUnavailable: It is no answer.
    """
    members = parse_object(_as_json(answer))
    if isinstance(members, Flaw):
        raise KeyManagerUnavailable(f"introspection answer: {members}")
    return checked_answer(members)


def checked_answer(members: dict[str, Any]) -> dict[str, Any]:
    """Do what `read_answer` does, with members that were read strictly."""
    if not isinstance(members.get("active"), bool):
        raise KeyManagerUnavailable("introspection answer: it does not say whether the token is active")
    return {name: value for name, value in members.items() if value is not None}


def _as_json(answer: object) -> bytes:
    try:
        return json.dumps(dict(answer) if isinstance(answer, Mapping) else answer).encode()
    except (TypeError, ValueError, RecursionError):
        return b""


@attrs.frozen(eq=False)
class AnswerChecks:
    """
    What the answers about tokens of one key manager must say; `of` makes it.

    Args:
        rules: The rules for their claims, where they are named as RFC 7662 names them.

        without_audience: The same where an answer names no audience and need not.

        issuer: The issuer of tokens of which an answer names none; None if nobody can tell.

        requires: The members that they must have.

        kinds: By what the provider's own JWTs tell that they are access tokens.
    """

    rules: ClaimRules
    without_audience: ClaimRules
    issuer: str | None
    requires: tuple[str, ...]
    kinds: TokenKinds

    @classmethod
    def of(cls, manager: KeyManager, requires: frozenset[str] | None) -> AnswerChecks:
        """Return the checks for *manager*, whose answers must have *requires*, or what its kind of provider names."""
        rules = attrs.evolve(
            manager.claim_rules(),
            token_kinds=_kinds(manager.token_kinds),
            consumer_key_claims=_first("client_id", manager.consumer_key_claims),
            scope_claims=_first("scope", manager.scope_claims),
        )
        named = isinstance(rules.audience, frozenset)
        without = attrs.evolve(rules, audience=ANY_AUDIENCE) if named else rules
        needed = tuple(sorted(_needed(manager, requires)))
        return cls(rules, without, _usual_issuer(manager), needed, manager.token_kinds)

    def check_token(self, token: str) -> None:
        """
        Check that a token, if it is a JWT, does not itself say that it is of another kind, whatever is answered.

        Args:
            token: The token.

        Raises:
            Refused: It does, or its header or its payload cannot be read.
        """
        seen = recognise(token, len(token))
        if not isinstance(seen, Jwt):
            return
        header_type, claims = parse_header(seen).type, parse_claims(seen)
        self.kinds.check_header(header_type)
        self.kinds.check_claims(claims, header_type)
        if "cnf" in claims:
            raise Refused(Reason.PROOF_REQUIRED, claim="cnf", hint=_BOUND_HINT)

    def check(self, answer: dict[str, Any], now: float) -> str:
        """
        Check what an answer (`read_answer`) says of a token, and return its issuer.

        Args:
            answer: The answer.

            now: Seconds since the epoch.

        Raises:
            Refused: The token is not active, no access token, or one of the rules is broken.
        """
        self.rules.profile.answers.check(answer)
        if answer.get("token_type", "").lower() == "dpop":
            raise Refused(Reason.PROOF_REQUIRED, claim="token_type", hint=_DPOP_HINT)
        for name in self.requires:
            if name not in answer:
                raise Refused(Reason.MISSING_CLAIM, claim=name, hint=_MISSING_HINT)
        for name in _STRINGS:
            if not isinstance(answer.get(name, ""), str):
                raise Refused(Reason.INVALID_CLAIM, claim=name, expected="a string", got=answer[name])
        issuer = answer.get("iss", self.issuer)
        if issuer is None:
            raise Refused(Reason.MISSING_CLAIM, claim="iss", hint=_TENANT_HINT)
        claims = {"exp": _FOREVER, **answer, "iss": issuer}
        rules = self.rules if "aud" in answer else self.without_audience
        rules.check_foreign_audience(claims)
        rules.check(claims, now)
        return issuer  # type: ignore[no-any-return]

    def hold(self, answered: Answered, now: float) -> bool:
        """Tell whether what was found good is so at *now*, in seconds since the epoch: times are all that changes."""
        rules = self.rules
        if not (now < answered.expires_at + rules.leeway_s and answered.starts_at <= now + rules.leeway_s):
            return False
        return not rules.limits_age or rules.age_holds(read_claims(answered.payload), now)


def _first(name: str, others: tuple[str, ...]) -> tuple[str, ...]:
    return (name, *(other for other in others if other != name))


def _needed(manager: KeyManager, requires: frozenset[str] | None) -> frozenset[str]:
    """
    Return the members that answers must have.

    Where the audience is waived, nobody asks for ``aud``, by which refresh tokens are told that are active too. So
    ``token_type`` is asked for in its place, unless the kind of provider has other signs.
    """
    answers, waived = manager.profile.answers, not isinstance(manager.audience, frozenset)
    needed = answers.requires if requires is None else requires
    if requires is None and waived and "aud" in needed:
        has_signs = bool(answers.required_members or answers.id_prefix)
        needed = needed - {"aud"} | (set() if has_signs else {"token_type"})
    return needed | ({"iss", "exp"} & set(manager.required_claims))


def _kinds(kinds: TokenKinds) -> TokenKinds:
    """
    Return by which members an answer shows that it is about another kind of token; none has to be there.

    ``token_type`` is that of RFC 6749, which `AnswerRules` knows; Ory Hydra says ``access_token`` in ``token_use``.
    """
    markers = {name: values for name, values in kinds.markers.items() if name != "token_type"}
    if "token_use" in markers:
        markers["token_use"] |= {"access_token"}
    return TokenKinds(markers=markers, foreign_claims=kinds.foreign_claims)


def _usual_issuer(manager: KeyManager) -> str | None:
    if manager.tenants:
        return manager.issuers[0] if len(manager.issuers) == 1 else None
    return manager.issuer
