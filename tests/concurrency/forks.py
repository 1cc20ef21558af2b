"""
Children of a fork: what they do, and that they come to their end.

Rules kept here: a child that hangs says where and ends by itself; none outlives its test.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

from tests.concurrency.callers import PATIENCE_S

_GOOD, _BAD, _RAISED = 0, 2, 3
_STDERR = 2
_WELL = signal.SIGUSR1


def forked(work: Callable[[], Any], *, among_threads: bool = False) -> int:
    """
    Fork, run *work* in the child, and return the child's process id; `ends_well` tells whether *work* returned a true.

    With *among_threads* a child that is well ends by a signal: what measures coverage saves nothing then, which it
    could not where it was forked while another thread held its lock.
    """
    child = os.fork()
    if child == 0:
        code = _RAISED
        try:
            faulthandler.register(signal.SIGALRM, file=_STDERR, chain=True)  # says where it hangs; then the child dies
            signal.alarm(int(PATIENCE_S / 2))
            code = _GOOD if work() else _BAD
            if among_threads and code == _GOOD:
                os.kill(os.getpid(), _WELL)
        except BaseException:  # noqa: BLE001  # nothing of the parent's must run on in the child
            os.write(_STDERR, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return child


def ends_well(*children: int) -> bool:
    """Wait for *children*, and return whether all of them did what they should."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return all(code in {_GOOD, -_WELL} for code in codes)
