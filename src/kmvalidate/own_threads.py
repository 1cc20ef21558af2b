"""
Work on threads of the library's own.

Rules kept here: each piece of work has a daemon thread to itself, so that none waits for another and none is lost in a
fork while it is idle. asyncio is imported for those who use it.
"""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> Future[T]:
    """
    Do *work* on a thread of its own, and return where its result, or what it raises, will be.

    It finds the caller's context variables there, as with `asyncio.to_thread`.
    """
    landed: Future[T] = Future()

    def job() -> None:
        try:
            landed.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            landed.set_exception(error)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(job,), daemon=True, name="kmvalidate-send").start()
    return landed


def on_own_loop(begin: Callable[[], Awaitable[T]]) -> T:
    """Await what *begin* returns, on a loop of its own, on a thread that has no other, and return its result."""
    import asyncio  # noqa: PLC0415  # many never need it

    async def awaited() -> T:
        return await begin()

    return in_thread(lambda: asyncio.run(awaited())).result()
