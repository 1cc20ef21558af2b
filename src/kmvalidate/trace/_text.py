"""
Text that is safe to print.

Rules kept here: nothing that was read somewhere speaks to the terminal.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Return *text* whole, everything escaped that is not printable ASCII."""
    return "".join(c if " " <= c <= "~" else escaped(c) for c in text)


def escaped(text: str) -> str:
    """Return *text* whole, as `kmvalidate.errors.shown` escapes it: backslashes too."""
    return text.encode("unicode_escape").decode("ascii")
