"""
Another process that takes turns with this one: JSON texts, one a line, both ways.

Rules kept here: it works only while somebody waits for its answer, so that turns never overlap. It ends when its
standard input does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Child:
    """A process, started when this is made."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own text
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, question: object) -> Any:
        """
        Return the answer to *question*.

        Raises:
            RuntimeError: It ended instead.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"a process that was asked something ended with status {self._process.wait()}")
        return json.loads(said)

    def end(self) -> None:
        """Let it end, and wait until it has."""
        self._process.communicate()


def answer(questions: Callable[[Any], object]) -> None:
    """Answer as a child does, until nothing is asked any more."""
    for line in sys.stdin:
        print(json.dumps(questions(json.loads(line))), flush=True)
