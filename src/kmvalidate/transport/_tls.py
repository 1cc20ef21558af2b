"""
With which certificates we trust and are trusted.

Rules kept here:

- The certificate is always verified and its host name checked, over TLS 1.2 or later; nothing here can turn that off.
- One `ssl.SSLContext` serves everybody with the same files. It is made again when a file has changed, so that a
  renewed client certificate needs no restart. Nothing is locked: two threads may make the same context, and one wins.
- By default the system's authorities are trusted, as an operating system's administrator expects it, and not those of
  certifi, as requests would have it: an authority of the company is known, one that was struck out is not. Where the
  system has none (slim containers, Python of python.org on a Mac), certifi's are.
- A file that cannot be used is the operator's fault, named by its setting.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import attrs

from kmvalidate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.ports import Network

T = TypeVar("T")

_KEPT = 64

# A file as it was when it was read: path, time of change, size.
_Stamp: TypeAlias = tuple[str, int, int]


@attrs.frozen
class _Files:
    ca: _Stamp | None
    cert: _Stamp | None
    key: _Stamp | None


class TlsContexts:
    """The TLS contexts made so far."""

    def __init__(self) -> None:
        self._made: dict[_Files, ssl.SSLContext] = {}

    def of(self, network: Network) -> ssl.SSLContext:
        """
        Return the context for *network*.

        Raises:
            ConfigurationError: One of its files is missing or of no use.
        """
        files = _stamped(network)
        context = self._made.get(files)
        if context is None:
            context = _context(files)
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[files] = context
        return context


def _stamped(network: Network) -> _Files:
    return _Files(
        _stamp("ca_file", network.ca_file),
        _stamp("client_cert_file", network.client_cert_file),
        _stamp("client_key_file", network.client_key_file),
    )


def _stamp(setting: str, path: str | None) -> _Stamp | None:
    if path is None:
        return None
    found = _tried(setting, Path(path).stat)
    return path, found.st_mtime_ns, found.st_size


def _context(files: _Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies, and checks the host name
    context.set_alpn_protocols(["http/1.1"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # What ssl.create_default_context() asks for since Python 3.13; here on every version.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    _trust(context, files.ca)
    if files.cert:
        _identify(context, files.cert[0], None if files.key is None else files.key[0])
    return context


def _trust(context: ssl.SSLContext, ca: _Stamp | None) -> None:
    if ca:
        _tried("ca_file", lambda: context.load_verify_locations(cafile=ca[0]))
        return
    context.load_default_certs()
    if not context.cert_store_stats()["x509_ca"] and not _system_directory():
        from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415  # certifi's; only needed here

        context.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)


def _system_directory() -> bool:
    # Certificates of a directory are read when one is needed: the context does not count them.
    directory = ssl.get_default_verify_paths().capath
    return directory is not None and any(Path(directory).iterdir())


def _identify(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    context.post_handshake_auth = True  # servers may ask for the certificate only once they know the path
    setting = "client_cert_file" if key is None else "client_cert_file and client_key_file"
    # A key under a password would have OpenSSL ask for it at the terminal.
    _tried(setting, lambda: context.load_cert_chain(cert, key, password=lambda: b""))


def _tried(setting: str, use: Callable[[], T]) -> T:
    try:
        return use()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        kind = type(error).__name__
    raise ConfigurationError(f"{setting} cannot be used ({kind})")
