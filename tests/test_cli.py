"""The command line: its commands, its exit codes, and its tables."""

import importlib
import importlib.metadata
import sys

import pytest

from kmvalidate.cli import _table, main


def test_the_version_is_the_installed_one(capsys, monkeypatch):
    """``--version`` prints the version of the package's metadata."""
    monkeypatch.setattr(importlib.metadata, "version", {"kmvalidate": "7.8.9"}.__getitem__)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "kmvalidate 7.8.9\n"


def test_no_command_shows_the_commands(capsys):
    """Without a command the help goes to stderr, with the exit code of wrong use."""
    assert main([]) == 2
    shown = capsys.readouterr()
    assert (shown.out, "demo" in shown.err, "discover" in shown.err) == ("", True, True)


@pytest.mark.parametrize("arguments", [["nonsense"], ["discover"], ["demo", "--fast"]], ids=" ".join)
def test_wrong_arguments_are_wrong_use(arguments, capsys):
    """Arguments that cannot be understood end with 2 and say so on stderr."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: kmvalidate")


def test_importing_the_main_module_runs_nothing(monkeypatch):
    """Only ``python -m kmvalidate`` runs a command; a tool that imports every module does not."""
    monkeypatch.delitem(sys.modules, "kmvalidate.__main__", raising=False)
    assert importlib.import_module("kmvalidate.__main__").main is main


def test_a_table_wraps_its_last_column():
    """Columns are as wide as their widest cell, and the last is wrapped into the rest."""
    assert list(_table.table(("a", "b"), [("long", "one two"), ("x", "")], 10)) == [
        "a     b",
        "----  ----",
        "long  one",
        "      two",
        "x",
    ]


def test_a_table_has_headings():
    """A row of one cell stands alone after an empty line, wrapped, and makes no column wider."""
    assert list(_table.table(("a", "b"), [("what follows",), ("x", "y")], 8)) == [
        "a  b",
        "-  -----",
        "",
        "what",
        "follows",
        "x  y",
    ]
