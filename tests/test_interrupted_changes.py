"""
Changes that signal handlers interrupt, tried in a process of its own.

Where CPython 3.12 has once traced single instructions, it does so for every tracer that comes later: under coverage,
whatever ran after these tests would run at a fraction of its speed.
"""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def test_changes_hold_wherever_they_are_interrupted():
    """The tests of interrupted changes pass, and there are some."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(TESTS / "interrupted")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=TESTS.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
