"""
What `explain` costs those who do not ask for it: measured in a process of its own, which prints it as JSON.

    python benchmarks/_unexplained.py ROUNDS

Rules kept here: the package is compared with a copy of itself from whose source every note for an explanation was
taken, in one process and in turns. In the one, `explain` was used before; of the other, all that explains was taken
away. A third copy, as it is, tells how much two equal ones differ.
"""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from typing import TYPE_CHECKING, Any

from _measure import median_ratio, turns
from _tokens import signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from _tokens import Signed

_COPIES = ("kmvalidate", "_warm", "_gateway")


def unexplained(rounds: int) -> dict[str, float]:
    """Return what a fresh process saw: for each kind of call, what it takes over one that cannot be explained."""
    command = [sys.executable, __file__, str(rounds)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own text
    figures: dict[str, float] = json.loads(said)
    return figures


class _WithoutNotes(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        match node.value:
            case ast.Call(func=ast.Name(id="note")):
                return ast.copy_location(ast.Pass(), node)
        return node


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return compile(_WithoutNotes().visit(ast.parse(self.get_data(path))), path, "exec", dont_inherit=True)


class _Finder:
    """Finds the modules of the package, and loads them without their notes."""

    @staticmethod
    def find_spec(name: str, path: Any, _: object = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name.partition(".")[0] == "kmvalidate" else None
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Loader(name, spec.origin)
        return spec


def _copy(token: Signed, *, is_explained: bool) -> dict[str, Callable[[], object]]:
    """Load the package once more, use it, and return the calls of that copy."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _COPIES]:
        del sys.modules[name]
    if not is_explained:
        sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
    gateway: Any = importlib.import_module("_gateway").Gateway(token)
    cold = importlib.import_module("_warm").validator_of(token.jwks, remember=0)
    calls = {"warm": gateway.call, "cold": partial(cold.authenticate, token.token), "decided": gateway.decide}
    for call in calls.values():
        call()
    if is_explained:
        _explain(gateway, cold, token)
    else:
        sys.meta_path.remove(_Finder)  # type: ignore[arg-type]
    return calls


def _explain(gateway: Any, cold: Any, token: Signed) -> None:
    for text in (token.token, *token.bad.values(), None):
        steps = [gateway.validator.explain(text, gateway.asked).steps, cold.explain(text).steps]
        assert all(steps), "nothing was explained"


def _measured(rounds: int) -> dict[str, float]:
    token = signed("RS256")
    copies = {
        "without": _copy(token, is_explained=False),
        "explained": _copy(token, is_explained=True),
        "equal": _copy(token, is_explained=True),
    }
    seen = {}
    for kind in copies["equal"]:
        times = turns({name: calls[kind] for name, calls in copies.items()}, rounds)
        seen[kind] = median_ratio(times["explained"], times["without"])
        seen[f"{kind} equal"] = median_ratio(times["equal"], times["explained"])
    return seen


if __name__ == "__main__":
    print(json.dumps(_measured(int(sys.argv[1]))))
