"""
``kmvalidate discover URL``: what a provider publishes, for a person to read before it is configured.

Rules kept here: what a provider says is shown in printable ASCII, so that no document speaks to the terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kmvalidate.discovered import discover
from kmvalidate.errors import ConfigurationError, KMValidateError
from kmvalidate.ports import Network

if TYPE_CHECKING:
    import argparse

_MISCONFIGURED = 2
_UNAVAILABLE = 3


def run(arguments: argparse.Namespace) -> int:
    """
    Print the report on ``arguments.url``, or one line on stderr that says why there is none.

    Returns:
        0; 2 if the URL or an option cannot be right; 3 if the provider gave no usable answer.
    """
    try:
        found = discover(arguments.url, network=_network(arguments))
    except KMValidateError as error:
        print(f"kmvalidate: {_printable(str(error))}", file=sys.stderr)
        return _MISCONFIGURED if isinstance(error, ConfigurationError) else _UNAVAILABLE
    for line in found.report():
        print(_printable(line))
    return 0


def _network(arguments: argparse.Namespace) -> Network:
    return Network(
        private_addresses=arguments.private_addresses,
        insecure_http=arguments.insecure_http,
        allowed_hosts=arguments.allowed_host,
        ca_file=arguments.ca_file,
    )


def _printable(line: str) -> str:
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in line)
