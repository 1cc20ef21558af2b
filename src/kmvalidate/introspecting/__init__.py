"""
Introspection at work: asking key managers about tokens, and remembering what they answer.

Rules kept here: what is asked, of whom and how often comes from the configuration alone.
"""

from __future__ import annotations

from kmvalidate.introspecting._answers import AnswerChecks
from kmvalidate.introspecting._introspector import Introspector
from kmvalidate.introspecting._memory import MAX_KEPT_BYTES, Answered, Round

__all__ = ["MAX_KEPT_BYTES", "AnswerChecks", "Answered", "Introspector", "Round"]
