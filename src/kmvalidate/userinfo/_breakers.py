"""
When a userinfo endpoint is left alone: by everybody, or by one user for whom it fails.

Rules kept here: what fails for one user, with however many tokens, is found out for that user alone. Of failures in a
row each user's count once for everybody, so that it takes several users to close the endpoint, and one answer to open
it. Who fails alone is left alone for longer than the others are: the turns to find out whether it is back are theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.asking import Breaker
from kmvalidate.generations import Generations
from kmvalidate.own_lock import OwnLock

if TYPE_CHECKING:
    #: Whom a token is about: its issuer, and its ``sub`` there.
    User = tuple[str, str]

_FAILURES = 3
_PAUSE_S = 1.0
_OWN_PAUSE_S = 5.0
_USERS = 1000  # those for whom it failed; of more the first are forgotten


class Breakers:
    """
    What is known of one endpoint's health.

    Args:
        probe_s: Seconds after which a call that finds out whether it is back counts as lost.
    """

    def __init__(self, probe_s: float) -> None:
        self._probe_s = probe_s
        self.of_all = Breaker(_FAILURES, _PAUSE_S, probe_s=probe_s)
        self._own: Generations[User, Breaker] = Generations(_USERS)
        self._making = OwnLock()

    def of(self, user: User) -> BreakerOf:
        """Return what keeps calls about *user* from being made, and is told how they end."""
        return BreakerOf(self, user)

    def own(self, user: User) -> Breaker | None:
        """Return what is known of *user* alone; None if it never failed for them."""
        return self._own.get(user)

    def made(self, user: User) -> Breaker:
        """Return what is known of *user* alone, from now on."""
        with self._making:
            own = self._own.get(user)
            if own is None:
                own = Breaker(_FAILURES, _OWN_PAUSE_S, probe_s=self._probe_s)
                self._own.put(user, own)
            return own


@attrs.frozen(eq=False)
class BreakerOf:
    """
    An endpoint's breaker, and that of one user, as one.

    Args:
        breakers: All of the endpoint's.

        user: The user.
    """

    breakers: Breakers
    user: User = attrs.field(repr=False)

    def wait_s(self, now: float, let_through_at: float | None = None) -> float:
        """Do what `Breaker.wait_s` does: the user's own first, so that who has to wait takes nobody's turn."""
        own, of_all = self.breakers.own(self.user), self.breakers.of_all
        if own is None:
            return of_all.wait_s(now, let_through_at)
        if own_s := own.wait_s(now, let_through_at):
            return max(own_s, of_all.left_s(now))
        if wait_s := of_all.wait_s(now, let_through_at):
            own.not_called(now)
            return wait_s
        return 0.0

    def not_called(self, let_through_at: float) -> None:
        """Do what `Breaker.not_called` does."""
        self.breakers.of_all.not_called(let_through_at)
        if own := self.breakers.own(self.user):
            own.not_called(let_through_at)

    def failed(self, now: float, began_at: float) -> None:
        """Do what `Breaker.failed` does."""
        self.breakers.made(self.user).failed(now, began_at)
        self.breakers.of_all.failed(now, began_at, whose=self.user)

    def succeeded(self) -> None:
        """Do what `Breaker.succeeded` does."""
        self.breakers.of_all.succeeded()
        if own := self.breakers.own(self.user):
            own.succeeded()
