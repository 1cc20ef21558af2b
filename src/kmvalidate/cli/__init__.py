"""
The command line: ``kmvalidate demo``, ``kmvalidate discover URL``.

Rules kept here: answers go to stdout, complaints to stderr in one line; the exit code says how it went (0 as it should
be, 1 not as expected, 2 wrong use or configuration, 3 a key manager could not be asked). No token is ever printed. A
command's code is imported when the command is given.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code.

    Args:
        argv: The arguments, by default those of this process.

    Raises:
        SystemExit: The arguments cannot be understood (code 2), or help was asked for (code 0).
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return _PIPE_CLOSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kmvalidate", description="Validates bearer tokens of many key managers, the way an API gateway does."
    )
    parser.set_defaults(run=lambda _: _help(parser))
    parser.add_argument("--version", dest="run", action="store_const", const=_version, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_discover(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "show what becomes of good and bad tokens of five identity providers"
    note = "They run on this machine, over real HTTP; nothing leaves it. Exit code 0: all as expected, else 1."
    commands.add_parser("demo", help=about, description=f"{about.capitalize()}. {note}").set_defaults(run=_run_demo)


def _add_discover(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "show what a provider publishes, for a person to confirm"
    note = "Nothing is configured by it. Exit code 2: a URL or an option cannot be right; 3: no usable answer."
    command = commands.add_parser("discover", help=about, description=f"{about.capitalize()}. {note}")
    command.set_defaults(run=_run_discover)
    command.add_argument("url", metavar="URL", help="the issuer, or the URL of its discovery document")
    command.add_argument("--private-addresses", action="store_true", help="allow loopback and private addresses")
    command.add_argument("--insecure-http", action="store_true", help="allow http:// URLs")
    command.add_argument(
        "--allowed-host", metavar="HOST", action="append", default=[], help="a further host keys may lie on; repeatable"
    )
    command.add_argument("--ca-file", metavar="F", help="PEM certificates to trust in place of the system's")


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help(sys.stderr)
    return _USAGE


def _version(_: argparse.Namespace) -> int:
    from importlib import metadata  # noqa: PLC0415  # no other command needs it

    print(f"kmvalidate {metadata.version('kmvalidate')}")
    return 0


def _run_demo(_: argparse.Namespace) -> int:
    from kmvalidate.cli import _demo  # noqa: PLC0415  # brings an issuer and its keys

    return _demo.run()


def _run_discover(arguments: argparse.Namespace) -> int:
    from kmvalidate.cli import _discover  # noqa: PLC0415  # brings an HTTP client

    return _discover.run(arguments)


def _drop_stdout() -> None:
    """Nobody reads on: what is still buffered must not complain when the interpreter flushes it."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
