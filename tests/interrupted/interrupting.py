"""
Work that is interrupted at every place where a signal handler may raise.

Rules kept here: the places are those of CPython, which lets handlers run when a function begins, after a call, and
where a loop goes round; between two plain stores no handler comes.
"""

from __future__ import annotations

import dis
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BEFORE_HANDLERS = ("CALL", "RESUME", "JUMP_BACKWARD")


class Interruption(BaseException):
    """What the handler raises."""


def interruptions(make: Callable[[], Any], work: Callable[[Any], object], *files: str | None) -> Iterator[Any]:
    """
    Yield what *make* makes each time, after *work* with it was interrupted: at the first place, the second, and so on.

    Args:
        make: Makes what is worked with.

        work: The work; the last time it comes to its end.

        files: Where it is interrupted.
    """
    for number in count():
        made, before = make(), sys.gettrace()
        try:
            sys.settrace(_tracer(number, files))
            work(made)
        except Interruption:
            pass
        else:
            return
        finally:
            sys.settrace(before)
        yield made


def _tracer(number: int, files: tuple[str | None, ...]) -> Any:
    """Return what raises at the place of that number."""
    places = count()

    def reach() -> None:
        if next(places) == number:
            raise Interruption

    def enter(frame: Any, _: str, __: object) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes, last = True, ""

        def step(frame: Any, event: str, _: object) -> Any:
            nonlocal last
            if event == "opcode":
                before, last = last, dis.opname[frame.f_code.co_code[frame.f_lasti]]
                if before.startswith(_BEFORE_HANDLERS):
                    reach()
            return step

        reach()
        return step

    return enter
