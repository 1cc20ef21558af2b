"""
Measure this library against its peers and its limits; the exit status is 1 if a limit is not kept.

    python benchmarks/run.py [--quick] [--no-threads] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import platform
import sys
import warnings

from _call_gates import CALL_GATES
from _gates import GATES, QUICK, THOROUGH, Effort
from _live_gates import LIVE_GATES
from _memories import memories
from _store_gates import STORE_GATES
from _tables import table
from _tokens import signed

_TABLE, _MEMORIES = "table", "memories"
_ALL = GATES | LIVE_GATES | CALL_GATES | STORE_GATES


def main() -> int:
    """Print the table and a line for each gate; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a first impression")
    parser.add_argument("--no-threads", action="store_true", help="leave out what needs two free cores to be judged")
    parser.add_argument(
        "--only", action="append", choices=(_TABLE, _MEMORIES, *_ALL), help="measure this only; may be repeated"
    )
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # some peers warn of the name EdDSA (RFC 9864), which providers still use
    chosen = asked.only or [_TABLE, *(name for name in _ALL if not (asked.no_threads and "threads" in name))]
    effort = QUICK if asked.quick else THOROUGH
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}", end="; ")
    print(f"an RS256 token of {len(signed('RS256').token)} bytes\n")
    if _TABLE in chosen:
        for line in table(effort.table_rounds):
            print(line, flush=True)
        print()
    if _MEMORIES in chosen:
        for line in memories(effort.table_rounds):
            print(line, flush=True)
        print()
    return _judge([name for name in _ALL if name in chosen], effort)


def _judge(names: list[str], effort: Effort) -> int:
    failed = 0
    for name in names:
        passed, line = _ALL[name].judge(name, effort)
        failed += not passed
        print(line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
