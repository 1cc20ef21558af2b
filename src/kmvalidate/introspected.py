"""
Tokens whose key manager was asked about them, as verified tokens.

Rules kept here: a remembered one is good for as long as its answer is, and as long as the same key manager would be
asked about it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import Reason, Refused
from kmvalidate.revocation import signed_digest
from kmvalidate.tokens import Jwt, parse_claims, recognise
from kmvalidate.verified import Backing, VerifiedToken

#: The names of the key managers that are asked for, in that order; None for any.
Within = tuple[str, ...] | None

if TYPE_CHECKING:
    from kmvalidate.introspecting import AnswerChecks, Answered, Round
    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.layers import Table
    from kmvalidate.ports import Clock, Ports
    from kmvalidate.revocation import RevocationList


class Introspected(Backing, gc=False, eq=False):
    """The key manager that was asked about a token, what it answered and when, and how the token came to it."""

    checks: AnswerChecks
    answered: Answered
    round: Round
    table: int
    within: Within
    whose: str | None

    @property
    def answers(self) -> object:
        """Another object once everything that the key manager answered about tokens was forgotten."""
        return self.round

    def stands(self, table: Table, organization: str | None, within: Within, clock: Clock) -> bool:
        """
        Tell whether it would be found good if it were verified now.

        Args:
            table: Who answers for whom now.

            organization: The organization it is verified for.

            within: The key managers that are asked for now.

            clock: What tells the time.
        """
        return (
            table.number == self.table
            and table.whose(organization) == self.whose
            and within == self.within
            and not self.round.is_over
            and clock.monotonic() < self.answered.good_until
            and self.checks.hold(self.answered, clock.wall())
        )


async def introspect(
    token: str, state: IssuerState, table: Table, *, organization: str | None, within: Within, ports: Ports
) -> VerifiedToken:
    """
    Return what a key manager says of a token it stands behind.

    Args:
        token: The token.

        state: The key manager, chosen with *table* and *within*.

        table: Who answers for whom.

        organization: The organization it is verified for.

        within: The key managers that are asked for, None for any.

        ports: The caller's.

    Raises:
        Refused: The key manager does not stand behind it.
        KeyManagerUnavailable: It cannot be asked now.
    """
    introspector: Any = state.introspector
    manager, begun_in = state.manager, introspector.round
    answered = await introspector.answer(token, ports)
    if table.find(organization, answered.issuer) is not state:  # overridden, for this one of its issuers
        raise Refused(Reason.WRONG_ISSUER, claim="iss", got=answered.issuer)
    who = (manager.name, manager.organization, answered.issuer, None, manager.environments, introspector.checks.rules)
    came = (table.number, within, table.whose(organization))
    backing = Introspected(*who, introspector.checks, answered, begun_in, *came)
    return VerifiedToken(answered.expires_at, answered.starts_at, backing, answered.payload)


def is_forgotten(verified: VerifiedToken) -> bool:
    """Tell whether everything that the key manager answered was forgotten since it was asked."""
    backing: Any = verified.backing
    return backing.round.is_over  # type: ignore[no-any-return]


def refuse_revoked(verified: VerifiedToken, token: str, revocations: RevocationList) -> None:
    """
    Refuse an introspected token that was revoked: by what its key manager says of it or, of a JWT, by what it says.

    Nobody proved the latter; but it is what a revocation names, where the answer leaves it out, and it only refuses.

    Args:
        verified: The token.

        token: The token as it came.

        revocations: What was revoked.

    Raises:
        Refused: REVOKED.
    """
    digest = partial(signed_digest, token)
    seen = recognise(token, len(token)) if revocations.version is not None else None
    if isinstance(seen, Jwt):
        parse_claims(seen)  # they are some: else it would not have come here
        itself = VerifiedToken(verified.expires_at, verified.starts_at, verified.backing, seen.unverified_payload)
        revocations.check(itself, digest)
    revocations.check(verified, digest)  # last: it notes on the token that it was not revoked
