"""What an import costs: wall time inside a fresh interpreter, so that starting the interpreter is not in it."""

from __future__ import annotations

import subprocess
import sys

#: What this library is made of, imported at once.
DEPENDENCIES = """
import attrs, authlib.integrations.requests_client, cachetools, joserfc.jwt, msgspec, requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
"""
PACKAGE = "import kmvalidate"
NAMES = "from kmvalidate import TokenValidator, KeyManagerRegistry, KeyManager, StaticKeys"

_PROGRAM = "import time; began = time.perf_counter_ns()\n{}\nprint(time.perf_counter_ns() - began)"


def import_ms(statement: str) -> float:
    """Return the milliseconds *statement* takes in a fresh interpreter."""
    command = [sys.executable, "-c", _PROGRAM.format(statement)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own text
    return int(said) / 1e6


def imports_ms(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each statement above in each of *rounds* interleaved turns."""
    statements = (PACKAGE, NAMES, DEPENDENCIES)
    for statement in statements:
        import_ms(statement)  # the first time may compile
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        for statement in statements:
            times[statement].append(import_ms(statement))
    return times
