"""
A lock that no fork leaves locked.

Rules kept here: only writers take it, and only for moments without I/O; whoever reads takes a snapshot without a lock.
"""

from __future__ import annotations

import os
from threading import RLock


class OwnLock:
    """
    A lock of this process: a child that was forked while another thread held it has one of its own, which is free.

    Used as a context manager. A signal handler that comes in between on the same thread does not wait for ever.
    """

    __slots__ = ("_by_process",)

    def __init__(self) -> None:
        self._by_process: dict[int, RLock] = {}

    def __enter__(self) -> None:
        self._by_process.setdefault(os.getpid(), RLock()).acquire()

    def __exit__(self, *_: object) -> None:
        self._by_process[os.getpid()].release()
