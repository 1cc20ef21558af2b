"""
The house has floors: a room sees only what lies below it.

A room is a module of `kmvalidate`, or a package with everything in it. Rooms of one row do not see each
other; a package's own modules may. Every import counts, also those inside functions and for types only.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kmvalidate

# From the ground up, each row with its floor. The rows of one floor are the steps of a stair.
FLOORS: list[tuple[str, set[str]]] = [
    ("0", {"errors", "homes", "own_lock", "own_threads", "weak_keys"}),
    ("0", {"fields", "generations"}),
    ("0", {"patterns"}),
    ("1", {"attributes", "audiences", "events", "strict_json", "urls"}),
    ("1", {"trace"}),
    ("1", {"ports"}),
    ("1", {"asyncio_ports", "notes", "private_keys"}),
    ("1", {"client_auth"}),
    ("1", {"rules", "token_options", "wanted"}),
    ("1", {"profiles"}),
    ("1", {"claims"}),
    ("1", {"tokens"}),
    ("1", {"verified"}),
    ("1", {"demands"}),
    ("1", {"key_sets"}),
    ("1", {"keys"}),
    ("1", {"key_documents"}),
    ("2", {"algorithms", "flights", "introspection", "key_sources", "layouts", "signatures", "transport"}),
    ("2", {"adapters", "apis", "manager_fields", "responses", "signing"}),
    ("2", {"key_manager", "subscriptions"}),
    ("2", {"discovery"}),
    ("3", {"asking", "cases", "discovered", "key_bars", "key_fetching", "revocation"}),
    ("3", {"key_snapshots"}),
    ("3", {"key_health"}),
    ("3", {"key_cache"}),
    ("4", {"key_finding"}),
    ("4", {"introspecting"}),
    ("5", {"issuer_state"}),
    ("5", {"layers"}),
    ("5", {"introspected", "opaque_routes", "routes"}),
    ("5", {"layer_changes"}),
    ("5", {"jwt_validator"}),
    ("5", {"memory"}),
    ("5", {"any_token"}),
    ("5", {"userinfo"}),
    ("6", {"backend_jwt", "chain", "registry"}),
    ("6", {"authorized", "authorizing_parts"}),
    ("7", {"authorizing", "explaining"}),
    ("7", {"providers", "validator"}),
    ("9", {"testing"}),
    ("10", {"cli"}),
    ("roof", {"__init__", "__main__"}),
]
LEVELS = {room: level for level, (_, rooms) in enumerate(FLOORS) for room in rooms}

# Who may import what is not ours: each library has one door into the house.
EVERYWHERE = set(LEVELS)
DOORS: dict[str, set[str]] = {
    "attrs": EVERYWHERE,
    "authlib": {"private_keys"},
    "cachetools": {"introspecting"},
    "cryptography": {"key_documents", "keys", "private_keys", "signatures", "signing"},
    "httpcore2": {"transport"},  # the core of httpx2, pinned by it
    "joserfc": {"private_keys", "testing"},
    "msgspec": {
        *("authorized", "authorizing", "backend_jwt", "cases", "introspecting", "layouts", "revocation", "routes"),
        *("strict_json", "subscriptions", "tokens", "userinfo", "verified"),
    },
    "pybase64": {"strict_json"},
    "requests": {"transport"},
    "urllib3": {"transport"},
}

# Private modules that another package sees all the same.
SHOWN = {
    # What to write in a configuration is for the one command that says it, and for nobody who imports the package.
    (("cli", "_discover"), ("providers", "_suggest")),
    # `Cloud` is public, and could come from the package.
    (("testing", "_kinds", "entra_id"), ("providers", "_entra_id")),
}

HOUSE = Path(kmvalidate.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))


def module_of(file: Path) -> tuple[str, ...]:
    """Return a file's module below `kmvalidate`: ``("transport", "blocking")``, ``("transport",)``."""
    parts = file.relative_to(HOUSE).with_suffix("").parts
    return parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts


MODULES = {module_of(file): file for file in FILES}


def imported(file: Path) -> Iterator[str]:
    """Yield every dotted name that a file imports, ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: relative imports hide which room is meant"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_module(dotted: str) -> tuple[str, ...]:
    """Return the module of ours that an imported name comes from."""
    parts = tuple(dotted.split(".")[1:])
    while parts and parts not in MODULES:
        parts = parts[:-1]
    return parts or ("__init__",)


def own_imports(file: Path) -> set[tuple[str, ...]]:
    """Return the modules of ours that a file imports."""
    return {own_module(name) for name in imported(file) if name.partition(".")[0] == "kmvalidate"}


def foreign_imports(file: Path) -> set[str]:
    """Return the libraries, neither ours nor Python's, that a file imports."""
    return {name.partition(".")[0] for name in imported(file)} - {"kmvalidate", "_typeshed"} - sys.stdlib_module_names


def test_the_table_names_every_room_and_no_other() -> None:
    """The table of floors and the package list the same rooms."""
    assert {module[0] for module in MODULES} == set(LEVELS)


@pytest.mark.parametrize("module", sorted(MODULES), ids=".".join)
def test_imports_go_down(module: tuple[str, ...]) -> None:
    """A module imports only from rooms below its own, and from its own package."""
    room = module[0]
    seen = {other[0] for other in own_imports(MODULES[module])} - {room}
    assert {other for other in seen if LEVELS[other] >= LEVELS[room]} == set()


def test_no_module_reaches_itself() -> None:
    """The graph of imports between modules, private ones included, has no cycle."""
    graph = {module: own_imports(file) - {module} for module, file in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES), ids=".".join)
def test_foreign_libraries_come_in_by_their_door(module: tuple[str, ...]) -> None:
    """A library that is not ours is imported only where it has its door."""
    strangers = {library for library in foreign_imports(MODULES[module]) if module[0] not in DOORS.get(library, set())}
    assert strangers == set()


def is_private_to_others(seen: tuple[str, ...], module: tuple[str, ...]) -> bool:
    """Return whether a name on the way to a module begins with an underscore, in a package that *module* is not in."""
    names = (place for place, name in enumerate(seen) if name.startswith("_") and not name.startswith("__"))
    return any(seen[:place] != module[:place] for place in names)


def test_private_modules_stay_in_their_package() -> None:
    """A module whose name begins with an underscore is imported within its own package only, but for a few."""
    pairs = {(module, seen) for module, file in MODULES.items() for seen in own_imports(file)}
    assert {(module, seen) for module, seen in pairs if is_private_to_others(seen, module)} == SHOWN
