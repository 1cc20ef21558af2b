"""How the code is kept: small files, small functions, and a sentence on every test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kmvalidate

FILE_LINES = 300
FUNCTION_LINES = 25

HOUSE = Path(kmvalidate.__file__).parent
TESTS = Path(__file__).parent

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    """Yield the functions and methods of a file."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    """Return how many lines a function's body has, its docstring not counted."""
    body = function.body if ast.get_docstring(function) is None else function.body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_a_sentence(docstring: str | None) -> bool:
    """Return whether a docstring opens with one sentence, closed with a full stop."""
    first = " ".join((docstring or "").partition("\n\n")[0].split())
    return first.endswith(".") and not re.search(r"[.!?] [A-Z]", first)


@pytest.mark.parametrize("file", sorted(HOUSE.rglob("*.py")), ids=lambda file: str(file.relative_to(HOUSE)))
def test_source_stays_small(file: Path) -> None:
    """No source file has more than 300 lines, no function more than 25."""
    assert len(file.read_text("utf-8").splitlines()) <= FILE_LINES
    assert [f.name for f in functions(file) if body_lines(f) > FUNCTION_LINES] == []


@pytest.mark.parametrize("file", sorted(TESTS.rglob("test_*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_every_test_says_one_sentence(file: Path) -> None:
    """Each test's docstring is one sentence about what holds."""
    tests = [f for f in functions(file) if f.name.startswith("test_")]
    assert [f.name for f in tests if not is_a_sentence(ast.get_docstring(f))] == []
