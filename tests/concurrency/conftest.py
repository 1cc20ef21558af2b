"""What holds for every test here: no thread and no event loop ends with an exception that nobody took."""

import gc
import logging
import sys
import threading

import pytest

from tests.concurrency.callers import Waiters

#: Where event loops and futures write what nobody took.
_LOGGERS = ("asyncio", "concurrent.futures", "kmvalidate.events")


class _Records(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record.getMessage())


@pytest.fixture(autouse=True, scope="module")
def _only_what_is_new():
    """Let the garbage collector look at what the tests of a module make, and at nothing older: it is asked often."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def unhandled(monkeypatch):
    """What threads and loops complained of; it stays empty."""
    kept = _Records()
    monkeypatch.setattr(threading, "excepthook", lambda args: kept.records.append(repr(args.exc_value)))
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(kept)
    yield kept.records
    gc.collect()  # a task whose exception nobody asked for complains when it goes
    for name in _LOGGERS:
        logging.getLogger(name).removeHandler(kept)
    assert kept.records == []


@pytest.fixture
def hasty():
    """Threads that take turns five hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def waiters(monkeypatch):
    """Counts who waits for a fetch."""
    return Waiters(monkeypatch)
