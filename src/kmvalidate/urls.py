"""
Which URLs are fetched.

Rules kept here: a plain absolute https URL, without userinfo, fragment, backslash,
white space or control character, on the configured host and port or on a listed one. Issuers are not
URLs to this library: they are opaque strings, compared exactly.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from kmvalidate.errors import ConfigurationError

#: Where the discovery document of an issuer lies (OpenID Connect Discovery section 4).
OIDC_SUFFIX = "/.well-known/openid-configuration"
_OAUTH_INFIX = "/.well-known/oauth-authorization-server"

_PLAIN = re.compile(r"[!-~]{1,2048}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_NUMERIC_HOST = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)(\.(0[xX][0-9A-Fa-f]*|[0-9]+))*")
_DOTTED_QUAD = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")


def checked_url(url: object, *, insecure_http: bool = False, allow_query: bool = True) -> SplitResult:
    """
    Return *url* taken apart, if it is one this library would fetch.

    Args:
        url: The URL, as a person configured it or a discovery document named it.

        insecure_http: Whether ``http`` is accepted beside ``https``.

        allow_query: Whether a query is accepted (an issuer's discovery URL has none).

    Raises:
        ConfigurationError: It is anything but a plain absolute URL. The message does not repeat the URL.
    """
    if not isinstance(url, str) or not _PLAIN.fullmatch(url) or any(c in url for c in '\\#"<>^`{|}'):
        raise ConfigurationError("a URL is a string of printable ASCII without fragment, backslash or white space")
    parts = _split(url)
    if parts.scheme != "https" and not (insecure_http and parts.scheme == "http"):
        waived = "; Network(insecure_http=True) waives that" if parts.scheme == "http" else ""
        raise ConfigurationError(f"a URL starts with https:// (this one: {parts.scheme or 'no scheme'}){waived}")
    if "@" in parts.netloc or not _names_a_host(parts):
        raise ConfigurationError("a URL names a plain host and, at most, a port")
    if parts.query and not allow_query:
        raise ConfigurationError("this URL must not have a query")
    return parts


def origin(parts: SplitResult) -> tuple[str, int]:
    """Return the host in lower case and the port of a checked URL."""
    default = 443 if parts.scheme == "https" else 80
    return (parts.hostname or "").lower(), parts.port or default


def well_known_urls(issuer: str, *, insecure_http: bool = False) -> tuple[str, ...]:
    """
    Return the two places of an issuer's discovery document.

    The suffix form of OpenID Connect Discovery section 4, then the inserted form of RFC 8414 section 3.

    Raises:
        ConfigurationError: The issuer is not a plain URL.
    """
    parts = checked_url(issuer, insecure_http=insecure_http, allow_query=False)
    path = parts.path.removesuffix("/")
    root = f"{parts.scheme}://{parts.netloc}"
    return (f"{root}{path}{OIDC_SUFFIX}", f"{root}{_OAUTH_INFIX}{path}")


def issuer_of(well_known_url: str, *, insecure_http: bool = False) -> str:
    """
    Return the issuer whose discovery document lies at *well_known_url*; any other URL is taken for the issuer.

    Raises:
        ConfigurationError: It is not a plain URL.
    """
    parts = checked_url(well_known_url, insecure_http=insecure_http)
    root, path = f"{parts.scheme}://{parts.netloc}", parts.path
    for well_known in (OIDC_SUFFIX, _OAUTH_INFIX):
        if path.endswith(well_known):
            return root + path.removesuffix(well_known)
        if path.startswith(well_known + "/"):
            return root + path.removeprefix(well_known)
    return well_known_url


def is_proxy(url: object) -> bool:
    """Tell whether *url* is the ``http`` URL of a proxy, which may have credentials in it."""
    parts = _split(url) if isinstance(url, str) else SplitResult("", "", "", "", "")
    return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks it
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    return parts


def _names_a_host(parts: SplitResult) -> bool:
    host = parts.netloc.rpartition(":")[0] if _has_port(parts) else parts.netloc
    if not _HOST.fullmatch(host) or ".." in host:
        return False
    return not _NUMERIC_HOST.fullmatch(host) or bool(_DOTTED_QUAD.fullmatch(host))


def _has_port(parts: SplitResult) -> bool:
    return parts.port is not None
