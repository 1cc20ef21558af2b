"""
Discovery: an issuer's metadata document, and what of it may be used.

Rules kept here: the document names exactly the issuer that was configured (OpenID Connect Discovery section 4.3,
RFC 8414 section 3.3). Every URL in it that would be used is held to the rules of `kmvalidate.urls`, on a host that was
configured or listed; one that is not refuses the document. Nothing is followed, and nothing comes from a token.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError
from kmvalidate.key_sets import ALGORITHM_SHAPES
from kmvalidate.keys import MAX_KEYS, read_jwks
from kmvalidate.ports import AnswerTooLarge, HttpRequest, HttpResponse
from kmvalidate.strict_json import Flaw, parse_object
from kmvalidate.urls import checked_url, origin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

    from kmvalidate.key_sets import KeySet
    from kmvalidate.ports import Network, Ports

_OK = 200
_REDIRECT = 300
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_HTTPS_PORT = 443
_MAX_ISSUER_CHARS = 2048
_MAX_AGE = re.compile(r'(?i:(?:^|,)[ \t]*max-age="?)([0-9]+)"?[ \t]*(?:,|$)')


@attrs.frozen
class Published:
    """
    Keys as they came.

    Args:
        key_set: The keys.

        max_age_s: For how many seconds the answer says that they are fresh, None if it does not say.
    """

    key_set: KeySet
    max_age_s: float | None = None


@attrs.frozen(kw_only=True)
class Exchange:
    """
    How the documents of one key manager are fetched, all of them within one deadline.

    Args:
        network: How its hosts may be reached.

        ends_at: When the deadline is over, on the monotonic clock.

        max_bytes: Largest document accepted, in bytes.

        max_keys: Most entries accepted in a key set.
    """

    network: Network
    ends_at: float
    max_bytes: int
    max_keys: int = MAX_KEYS

    async def get(self, url: str, ports: Ports) -> HttpResponse:
        """
        Ask for *url*.

        Raises:
            KeyManagerUnavailable: No whole answer came in time, or one beyond the cap (`AnswerTooLarge`).

            ConfigurationError: The transport cannot send that request.
        """
        return await self.send(HttpRequest(url=url), ports)

    async def send(self, request: HttpRequest, ports: Ports) -> HttpResponse:
        """
        Do an exchange of one's own; how it is reached and for how long is the same.

        Raises:
            KeyManagerUnavailable: As `get` does.

            ConfigurationError: As `get` does.
        """
        left = self.ends_at - ports.clock.monotonic()
        if left <= 0:
            raise KeyManagerUnavailable("no time left for the next document")
        within = attrs.evolve(request, deadline_s=left, max_bytes=self.max_bytes, network=self.network)
        response = await _sent(within, ports)
        if len(response.body) > self.max_bytes:
            raise AnswerTooLarge(f"the answer has more than {self.max_bytes} bytes")
        return response

    async def get_keys(self, url: str, ports: Ports) -> Published:
        """
        Return the keys at *url*.

        Raises:
            KeyManagerUnavailable: There is no key set, or no key in it can be used.
        """
        response = await self.get(url, ports)
        document = as_object(response, "key set")
        try:
            return Published(read_jwks(document, max_keys=self.max_keys), max_age_s(response))
        except ConfigurationError as flaw:
            raise KeyManagerUnavailable(str(flaw)) from None

    async def get_first(self, urls: Iterable[str], ports: Ports) -> tuple[str, dict[str, Any]]:
        """
        Return the first metadata document that one of *urls* has, and where it was.

        Raises:
            KeyManagerUnavailable: None has one, or an answer is neither a document nor a clear no.
        """
        response = None
        for url in urls:
            response = await self.get(url, ports)
            if not _says_no(response.status):
                return url, as_object(response, "discovery document")
        status = "none" if response is None else response.status
        raise KeyManagerUnavailable(f"no discovery document (status {status})")


def _says_no(status: int) -> bool:
    """Tell whether a document is not at that place: some answer with a way to their login page instead of 404."""
    return _REDIRECT <= status < _SERVER_ERROR and status != _TOO_MANY_REQUESTS


async def _sent(request: HttpRequest, ports: Ports) -> HttpResponse:
    """A user's transport may raise and return anything; what is not ours to understand is not repeated."""
    try:
        response: object = await ports.send(request)
    except KMValidateError:
        raise
    except Exception as error:  # noqa: BLE001
        raise KeyManagerUnavailable(f"the transport raised {type(error).__name__}") from None
    if not isinstance(response, HttpResponse):
        raise KeyManagerUnavailable(f"the transport returned {type(response).__name__}, not an HttpResponse")
    return response


def max_age_s(response: HttpResponse) -> float | None:
    """Return the ``max-age`` of an answer's Cache-Control in seconds (RFC 9111 section 5.2.2.1), None without one."""
    said = response.headers.get("cache-control")
    found = _MAX_AGE.search(said) if isinstance(said, str) else None
    return float(found[1]) if found else None


def as_object(response: HttpResponse, what: str) -> dict[str, Any]:
    """
    Return the JSON object an answer holds; its status is 200, whatever its media type.

    Raises:
        KeyManagerUnavailable: It holds none.
    """
    if response.status != _OK:
        raise KeyManagerUnavailable(f"{what}: status {response.status}")
    document = parse_object(response.body)
    if isinstance(document, Flaw):
        raise KeyManagerUnavailable(f"{what}: {document}")
    return document


def jwks_uri(document: dict[str, Any], issuers: tuple[str, ...], found_at: str, network: Network) -> str:
    """
    Return where the keys of an issuer lie: on the host of the issuer or of its document, or on a listed one.

    Args:
        document: Its metadata.

        issuers: The issuer that was configured, in each way in which its document may name it.

        found_at: The URL at which the document was found.

        network: How they may be reached, and which further hosts are listed.

    Raises:
        KeyManagerUnavailable: The document is another issuer's, or names no URL that may be used.
    """
    check_named(document, issuers)
    return usable_url(document, "jwks_uri", allowed_origins((*issuers, found_at), network), network)


def check_named(document: dict[str, Any], issuers: tuple[str, ...]) -> None:
    """
    Check that a document is that of one of *issuers*.

    Raises:
        KeyManagerUnavailable: It names another one, or none.
    """
    if document.get("issuer") not in issuers:
        raise KeyManagerUnavailable("discovery document: its issuer is not the configured one")


def usable_url(document: dict[str, Any], name: str, allowed: frozenset[tuple[str, int]], network: Network) -> str:
    """
    Return the URL that *document* has under *name*, if it may be used.

    Raises:
        KeyManagerUnavailable: It has none, or one that may not be used.
    """
    parts = plain_url(document, name, network)
    if origin(parts) not in allowed:
        raise KeyManagerUnavailable(f"discovery document: {name} is on a host that was not configured")
    return parts.geturl()


def plain_url(document: dict[str, Any], name: str, network: Network) -> SplitResult:
    """
    Return the URL that *document* has under *name*, taken apart, whatever its host.

    Raises:
        KeyManagerUnavailable: It has none, or none that would be fetched from any host.
    """
    try:
        return checked_url(document.get(name), insecure_http=network.insecure_http)
    except ConfigurationError as flaw:
        raise KeyManagerUnavailable(f"discovery document: {name}: {flaw}") from None


def named_issuer(document: dict[str, Any]) -> str:
    """
    Return the issuer that *document* names, whoever that is.

    Raises:
        KeyManagerUnavailable: It names none.
    """
    match document.get("issuer"):
        case str(issuer) if 0 < len(issuer) <= _MAX_ISSUER_CHARS:
            return issuer
    raise KeyManagerUnavailable("discovery document: it names no issuer")


def offered_algorithms(document: dict[str, Any], key_set: KeySet) -> list[str]:
    """
    Return the algorithms that an issuer signs with, as far as its document and its keys tell, if there are keys.

    What it signs ID tokens with is the nearest it says of its access tokens.
    """
    said = document.get("id_token_signing_alg_values_supported")
    names = [name for name in ALGORITHM_SHAPES if not isinstance(said, list) or name in said]
    keys = key_set.keys
    return [
        name for name in names if not keys or any(k.serves(name) and k.shape in ALGORITHM_SHAPES[name] for k in keys)
    ]


def listed_form(place: SplitResult) -> str:
    """Return the host of a checked URL as `Network.allowed_hosts` lists it."""
    name, port = origin(place)
    host = f"[{name}]" if ":" in name else name
    return host if port == _HTTPS_PORT else f"{host}:{port}"


def allowed_origins(urls: Iterable[str], network: Network) -> frozenset[tuple[str, int]]:
    """Return the hosts and ports of those of *urls* that are URLs, and those that *network* lists."""
    listed = (f"https://{host}" for host in network.allowed_hosts)
    return frozenset(place for url in (*urls, *listed) if (place := _origin(url, network)))


def _origin(url: str, network: Network) -> tuple[str, int] | None:
    try:
        return origin(checked_url(url, insecure_http=network.insecure_http))
    except ConfigurationError:  # an issuer need not be a URL
        return None
