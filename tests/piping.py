"""
The command ``kmvalidate explain``, with a token on its standard input.

Rules kept here: whatever the command prints is looked through for parts of the token.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kmvalidate.cli import main
from tests.signing import AUDIENCE, ISSUER, jwks, with_claims

LATER = 2**33
LEAK_CHARS = 16


class Ran(NamedTuple):
    """How the command ended, and what it printed."""

    code: int
    out: str
    err: str


class Command:
    """Runs the command with what is piped into it: a text, bytes, or a stream of bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, piped: str | bytes | io.BytesIO | None, *options: str) -> Ran:
        raw = piped.encode() if isinstance(piped, str) else piped
        stream = io.BytesIO(raw) if isinstance(raw, bytes) else raw
        self._monkeypatch.setattr(sys, "stdin", stream and io.TextIOWrapper(stream))
        code = main(["explain", *options])
        out, err = self._capsys.readouterr()
        if isinstance(raw, bytes):
            assert leaks(raw.decode("latin-1"), out + err) == []
        return Ran(code, out, err)


def leaks(token: str, text: str) -> list[str]:
    """Return the parts of a token that are in a text."""
    parts = (token[at : at + LEAK_CHARS] for at in range(len(token) - LEAK_CHARS + 1))
    return [part for part in parts if part in text]


def good(**claims: Any) -> str:
    """Return a token that is good for a long time."""
    return with_claims(exp=LATER, **claims)


def keys_file(folder: Path) -> str:
    """Return a new file with the keys of our issuer."""
    file = folder / "keys.json"
    file.write_text(json.dumps(jwks("P-256")))
    return str(file)


def pinned(folder: Path) -> tuple[str, ...]:
    """Return the options for a key manager whose keys lie in a file."""
    return ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks-file", keys_file(folder))
