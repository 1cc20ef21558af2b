"""
The command line: ``kmvalidate demo``, ``kmvalidate discover URL``, ``kmvalidate explain``.

Rules kept here: answers go to stdout, complaints to stderr in one line; the exit code says how it went (0 as it should
be, 1 not as expected, 2 wrong use or configuration, 3 a key manager could not be asked). No token is ever printed, nor
taken from an argument, where others see it. A command's code is imported when the command is given.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_PIPE_CLOSED = 141  # 128 + SIGPIPE
_LONG_WORD = re.compile(r"[^\s',]{24,}")  # no option and no command is as long


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


class _Parser(argparse.ArgumentParser):
    """Complains of wrong arguments without repeating what may be a token."""

    def error(self, message: str) -> NoReturn:
        super().error(_LONG_WORD.sub("(not shown)", message))


def _parser() -> _Parser:
    parser = _Parser(
        prog="kmvalidate", description="Validates bearer tokens of many key managers, the way an API gateway does."
    )
    parser.set_defaults(run=lambda _: _help(parser))
    parser.add_argument("--version", dest="run", action="store_const", const=_version, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_discover(commands)
    _add_explain(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[_Parser]) -> None:
    about = "show what becomes of good and bad tokens of five identity providers"
    note = "They run on this machine, over real HTTP; nothing leaves it. Exit code 0: all as expected, else 1."
    commands.add_parser("demo", help=about, description=f"{about.capitalize()}. {note}").set_defaults(run=_run_demo)


def _add_discover(commands: argparse._SubParsersAction[_Parser]) -> None:
    about = "show what a provider publishes, for a person to confirm"
    note = "Nothing is configured by it. Exit code 2: a URL or an option cannot be right; 3: no usable answer."
    command = commands.add_parser("discover", help=about, description=f"{about.capitalize()}. {note}")
    command.set_defaults(run=_run_discover)
    command.add_argument("url", metavar="URL", help="the issuer, or the URL of its discovery document")
    _add_network(command)


def _add_explain(commands: argparse._SubParsersAction[_Parser]) -> None:
    about = "show what becomes of the token on standard input, and why"
    note = "Exit code 0: allowed; 1: refused; 2: wrong use or configuration; 3: a key manager could not be asked."
    command = commands.add_parser("explain", help=about, description=f"{about.capitalize()}. {note}")
    command.set_defaults(run=_run_explain)
    command.add_argument("misplaced", nargs="*", help=argparse.SUPPRESS)
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    _add_managers(command.add_argument_group("whose tokens are accepted"))
    _add_network(command.add_argument_group("how that key manager may be reached"))
    call = command.add_argument_group("what is asked for")
    call.add_argument("--any-scope", metavar="S", action="append", help="a scope, one of which is needed; repeatable")
    call.add_argument("--all-scope", metavar="S", action="append", help="a scope that is needed; repeatable")
    call.add_argument("--organization", metavar="O", help="the organization whose key managers count too")


def _add_managers(command: argparse._ArgumentGroup) -> None:
    command.add_argument(
        "--config", metavar="MODULE:ATTRIBUTE", help="a TokenValidator or a registry of yours; this runs that module"
    )
    command.add_argument(
        "--issuer", metavar="URL", action="append", help="the iss of its tokens; repeatable, the first one has the keys"
    )
    audience = command.add_mutually_exclusive_group()
    audience.add_argument(
        "--audience", metavar="NAME", action="append", help="who they must be meant for; repeatable, one of them counts"
    )
    audience.add_argument("--any-audience", action="store_true", help="accept them whoever they are meant for")
    command.add_argument("--provider", metavar="KIND", help="its kind, as in kmvalidate.providers; by default oidc")
    command.add_argument("--jwks-file", metavar="F", help="its keys (JWKS or PEM), which are then not fetched")


def _add_network(command: argparse._ActionsContainer) -> None:
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


def _run_explain(arguments: argparse.Namespace) -> int:
    from kmvalidate.cli import _explain  # noqa: PLC0415  # brings the validator

    return _explain.run(arguments)


def _drop_stdout() -> None:
    """Nobody reads on: what is still buffered must not complain when the interpreter flushes it."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
