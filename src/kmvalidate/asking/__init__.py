"""
Asking one endpoint of a provider about tokens, one after the other.

Rules kept here: who is asked, and about what, is said by those who ask. An endpoint that fails, or says that it is
asked too much, is left alone for a while.
"""

from __future__ import annotations

from kmvalidate.asking._breaker import Breaker
from kmvalidate.asking._lanes import Lane
from kmvalidate.asking._messages import Unanswered, form_request, media_type, told_of, unanswered
from kmvalidate.asking._turns import HeldBack, Seldom, Turn, Turns

__all__ = [
    "Breaker",
    "HeldBack",
    "Lane",
    "Seldom",
    "Turn",
    "Turns",
    "Unanswered",
    "form_request",
    "media_type",
    "told_of",
    "unanswered",
]
