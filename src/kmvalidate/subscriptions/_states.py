"""
The states of a subscription, and what each means for a call (WSO2's subscription states).

Rules kept here: states are compared exactly, letter case included; a state that is not known here is not active.
"""

from __future__ import annotations

from kmvalidate.errors import Reason
from kmvalidate.subscriptions._records import SANDBOX

#: The states that let calls pass.
PASSING_STATES = frozenset({"UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED"})
#: The state that lets nothing pass, and the one that lets only calls with sandbox keys pass.
BLOCKED, PROD_ONLY_BLOCKED = "BLOCKED", "PROD_ONLY_BLOCKED"


def verdict_of(state: str, key_type: str | None) -> Reason | None:
    """
    Return why a subscription in that state does not let a call pass, None if it does.

    Args:
        state: The state, as WSO2 writes it.

        key_type: The key type of the client's consumer key; None counts as ``PRODUCTION``.
    """
    if state in PASSING_STATES or (state == PROD_ONLY_BLOCKED and key_type == SANDBOX):
        return None
    is_blocked = state in {BLOCKED, PROD_ONLY_BLOCKED}
    return Reason.SUBSCRIPTION_BLOCKED if is_blocked else Reason.SUBSCRIPTION_INACTIVE
