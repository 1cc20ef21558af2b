"""
Why a token, or a call, is allowed or not: the same flow as always, with somebody who notes its steps.

Rules kept here: what is explained is what is done; there is no second way. A bad token is an answer here, not an error.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import KeyManagerUnavailable, Refusal, Refused
from kmvalidate.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kmvalidate.ports import Ports
    from kmvalidate.trace import Explanation
    from kmvalidate.verified import VerifiedToken


async def explained(
    flow: Callable[[Ports], Awaitable[VerifiedToken | None]], token: object, organization: str | None, ports: Ports
) -> Explanation:
    """
    Return what *flow* does, step by step.

    Args:
        flow: Decides about the token with the ports it is given, and returns what was proved of it.

        token: The token, to be left out of all that is shown.

        organization: The organization it is decided for.

        ports: The caller's.
    """
    traced: Any = copy.copy(ports)
    traced.trace = trace = Trace(ports.clock.monotonic, secret=token)
    try:
        verified = await flow(traced)
    except Refused as refused:
        trace.stop(refused.reason.sentence)
        return trace.finish(refusal=Refusal.of(refused), key_manager=refused.key_manager, organization=organization)
    except KeyManagerUnavailable as error:
        trace.stop(error.why)
        return trace.finish(unavailable=error.why, key_manager=error.key_manager, organization=organization)
    key_manager = None if verified is None else verified.key_manager
    return trace.finish(allowed=True, key_manager=key_manager, organization=organization)
