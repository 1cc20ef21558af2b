"""
Regular expressions that match in linear time, and of which it can be told whether two match the same.

Rules kept here: what two readers of regular expressions would read differently is refused.
"""

from __future__ import annotations

from kmvalidate.patterns._pattern import Pattern

__all__ = ["Pattern"]
