"""
Everything that is checked, one session each; ``nox -l`` lists them.

Rules kept here: what is tested is always the installed package, never src/; each fact is read where it
is written (the Pythons from the classifiers, the tools from the dependency groups of pyproject.toml).
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"  # the first that never takes a pyenv shim without a Python for an interpreter
nox.options.default_venv_backend = "virtualenv"  # its pip is new whatever pip the machine has
nox.options.sessions = ["tests", "ruff", "mypy"]
nox.options.error_on_missing_interpreters = False  # a missing Python is skipped, and said so, on every machine
nox.options.download_python = "never"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
OLDEST_NODE = (20, 12)  # what oidc-provider, the server of the end-to-end tests, runs on; fast-jwt takes it too


def group(*names: str) -> tuple[str, ...]:
    """Return the requirements of dependency groups; pip reads groups itself only since 25.1."""
    return nox.project.dependency_groups(PYPROJECT, *names)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The whole suite but tests/e2e, with every branch of the package covered."""
    session.install(".", *group("tests"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:  # a selection of tests cannot cover everything
        session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The suite with the oldest version of every direct dependency, on the oldest Python."""
    session.install(*group("lowest"))
    python = str(Path(session.bin) / "python")
    session.run("uv", "pip", "install", "--python", python, "--resolution", "lowest-direct", ".", *group("tests"))
    session.run("uv", "pip", "list", "--python", python)
    session.run("pytest", *session.posargs)


@nox.session
def ruff(session: nox.Session) -> None:
    """Lint and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def mypy(session: nox.Session) -> None:
    """Types, strictly: src, this file and the API as its users type it."""
    session.install(".", *group("types"))
    session.run("mypy")


@nox.session
def pyright(session: nox.Session) -> None:
    """Types, read by the other checker."""
    session.install(".", *group("types"))
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, every warning an error, and every Python example in it run."""
    session.install(".", *group("docs"))
    session.run("python", "docs/run_examples.py")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build both distributions, look into them, and run the suite of the sdist against the wheel."""
    session.install(*group("dist", "tests"))
    built = Path(session.create_tmp()) / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built))
    session.run("twine", "check", "--strict", *(str(file) for file in built.iterdir()))
    (wheel_file,) = built.glob("*.whl")
    (sdist_file,) = built.glob("*.tar.gz")
    check_wheel(session, wheel_file)
    session.install(str(wheel_file))
    session.install("--force-reinstall", "--no-deps", str(wheel_file))  # in a reused environment too, this very build
    with tempfile.TemporaryDirectory() as unpacked:
        tree = unpack_without_src(sdist_file, Path(unpacked))
        with session.chdir(tree):
            session.run("pytest", "-p", "no:cacheprovider", *session.posargs)


def check_wheel(session: nox.Session, file: Path) -> None:
    """Refuse a wheel that lacks its typing marker, its licence or its command, or holds anything else."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        info = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
    if not {"kmvalidate/py.typed", f"{info}/licenses/LICENSE"} <= set(names):
        session.error("the wheel lacks py.typed or its licence")
    if {name.partition("/")[0] for name in names} != {"kmvalidate", info}:
        session.error("the wheel holds more than the package")
    if "License-Expression: Apache-2.0" not in metadata or "kmvalidate = kmvalidate.cli:main" not in commands:
        session.error("the wheel's metadata lacks the licence or the command")


def unpack_without_src(sdist: Path, into: Path) -> Path:
    """Unpack an sdist and take its src/ away, so that only the installed wheel can be tested."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (tree,) = into.iterdir()
    shutil.rmtree(tree / "src")
    return tree


@nox.session
def e2e(session: nox.Session) -> None:
    """The package against real authorization servers over real HTTP; installs Node.js if there is none."""
    session.install(".", *group("e2e"))
    if not node_is_here():
        session.install(*group("node"))
    session.run("pytest", "tests/e2e", *session.posargs)


def node_is_here() -> bool:
    """Return whether this machine has npm and a Node.js that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    numbers = said.strip().removeprefix("v").split(".")[:2]
    return all(n.isdecimal() for n in numbers) and tuple(map(int, numbers)) >= OLDEST_NODE


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Speed against the peers, as ratios within one run; fails when one is beyond its limit; needs Node.js as e2e."""
    session.install(".", *group("benchmarks"))
    if not node_is_here():
        session.install(*group("node"))
    session.run("python", "benchmarks/run.py", *session.posargs)
