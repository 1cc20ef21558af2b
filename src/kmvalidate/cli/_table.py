"""
Tables of plain text.

Rules kept here: no line is wider than asked for, none ends in white space, and nothing but ASCII is added.
"""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """
    Yield the lines of a table.

    Args:
        head: What the columns are called.

        rows: The cells, a row each; the last of a row is wrapped into what the others leave of *width*. A row with one
            cell only is a heading for those that follow.

        width: Most characters on a line.
    """
    whole = [row for row in rows if len(row) == len(head)]
    widths = [max(map(len, column)) for column in zip(head, *whole, strict=True)]
    widths[-1] = width - sum(widths[:-1]) - len(_GAP) * (len(head) - 1)
    yield _line(head, widths)
    yield _line(["-" * w for w in widths], widths)
    for row in rows:
        yield from _wrapped(row, widths) if len(row) == len(head) else _heading(row[0], width)


def _heading(said: str, width: int) -> Iterator[str]:
    yield ""
    yield from textwrap.wrap(said, width)


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = ([cell] for cell in row[:-1])
    for cells in itertools.zip_longest(*wrapped, textwrap.wrap(row[-1], widths[-1]), fillvalue=""):
        yield _line(cells, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
