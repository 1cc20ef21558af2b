"""
``kmvalidate discover URL``: what a provider publishes, for a person to read before it is configured.

Rules kept here: what a provider says is shown in printable ASCII, so that no document speaks to the terminal. What is
proposed for a provider by its name goes before what is proposed for any.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from kmvalidate.discovered import discover
from kmvalidate.errors import ConfigurationError, KMValidateError
from kmvalidate.ports import Network
from kmvalidate.providers import _suggest
from kmvalidate.trace import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kmvalidate.discovered import Discovered

_MISCONFIGURED = 2
UNAVAILABLE = 3


def run(arguments: argparse.Namespace) -> int:
    """
    Print the report on ``arguments.url``, or one line on stderr that says why there is none.

    Returns:
        0; 2 if the URL or an option cannot be right; 3 if the provider gave no usable answer.
    """
    try:
        found = discover(arguments.url, network=network_of(arguments))
    except KMValidateError as error:
        return complain(error)
    for line in _report(found):
        print(printable(line))
    return 0


def complain(error: KMValidateError) -> int:
    """Print one line on stderr that says what is wrong, and return the exit code for it."""
    print(f"kmvalidate: {printable(str(error))}", file=sys.stderr)
    return _MISCONFIGURED if isinstance(error, ConfigurationError) else UNAVAILABLE


def network_of(arguments: argparse.Namespace) -> Network:
    """Return how endpoints may be reached, as the options of a command say."""
    return Network(
        private_addresses=arguments.private_addresses,
        insecure_http=arguments.insecure_http,
        allowed_hosts=arguments.allowed_host,
        ca_file=arguments.ca_file,
    )


def _report(found: Discovered) -> Iterator[str]:
    noted = attrs.evolve(found, notes=(*found.notes, *_suggest.notes(found)))
    lines, of_any = noted.report(), len(noted.as_python().splitlines())
    suggested = _suggest.suggest(found)
    yield from lines[:-of_any]
    if suggested is not None:
        yield from ("# By its URLs it is one that is known by name:", suggested, "")
        yield "# Or with nothing but what it publishes:"
    yield from lines[-of_any:]
