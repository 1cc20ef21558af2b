"""
What a provider publishes, as a configuration that a person reads before it is used.

Rules kept here: nothing a document says is taken over unseen. Where it names another
issuer than the URL stands for, a person confirms that issuer; where its keys lie on another host, a person lists that
host, and until then nothing is fetched from there. What a document says is shown escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import attrs

from kmvalidate.adapters import blocking_transport
from kmvalidate.algorithms import DEFAULT_ALGORITHMS
from kmvalidate.discovery import (
    Exchange,
    allowed_origins,
    listed_form,
    named_issuer,
    offered_algorithms,
    plain_url,
)
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, shown
from kmvalidate.key_manager import KeyManager
from kmvalidate.key_sets import KeySet, Skipped, VerificationKey
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.ports import BlockingPorts, Network, SystemClock, run
from kmvalidate.urls import issuer_of, origin, well_known_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kmvalidate.ports import AsyncTransport, Clock, Ports, Transport


def discover(
    url: str,
    *,
    network: Network | None = None,
    transport: Transport | AsyncTransport | None = None,
    clock: Clock | None = None,
) -> Discovered:
    """
    Look at what a provider publishes, and return the configuration that follows from it.

    Args:
        url: An issuer, or the full URL of its discovery document (OpenID Connect Discovery section 4, RFC 8414
            section 3).

        network: How the provider may be reached, and which further hosts its keys may lie on.

        transport: What fetches; by default `kmvalidate.transport.RequestsTransport`.

        clock: What measures the deadline; by default this machine's clocks.

    Raises:
        KeyManagerUnavailable: There is no answer, or none that can be used.

        ConfigurationError: *url* or *network* cannot be right.
    """
    reach = network or Network()
    asked = issuer_of(url, insecure_http=reach.insecure_http)
    urls = (url,) if asked != url else well_known_urls(url, insecure_http=reach.insecure_http)
    ports = BlockingPorts(blocking_transport(transport, None), clock or SystemClock())
    return run(_look(asked, urls, reach, ports))


@attrs.frozen(kw_only=True)
class Discovered:
    """
    What a provider publishes. `discover` makes it; a person reads it (`report`) and takes it over (`key_manager`).

    Args:
        issuer: The issuer that the document names.

        asked_issuer: The issuer that the URL stands for.

        asked_urls: Where the document was looked for, in that order.

        discovery_url: Where it was found.

        jwks_uri: Where its keys lie.

        introspection_endpoint: Where it introspects tokens, None if it names no usable URL.

        foreign_hosts: The hosts of these two, where they are not the one that was asked: they are used only where
            `Network.allowed_hosts` lists them.

        algorithms: The algorithms that the document, its keys and this library have in common.

        keys: The usable keys; none where they were not fetched.

        skipped: The entries of the key set that are not used, and why.

        notes: What a person should look at.

        network: How the provider was reached.
    """

    issuer: str
    asked_issuer: str
    asked_urls: tuple[str, ...]
    discovery_url: str
    jwks_uri: str
    introspection_endpoint: str | None = None
    foreign_hosts: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    keys: tuple[VerificationKey, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    network: Network = attrs.field(factory=Network)

    @property
    def issuer_matches(self) -> bool:
        """Whether the document names exactly the issuer that the URL stands for."""
        return self.issuer == self.asked_issuer

    def key_manager(self, *, name: str, audience: Any, issuer: str | None = None, **rest: Any) -> KeyManager:
        """
        Return the configuration of this provider.

        Args:
            name: As for `KeyManager`, like *audience*.

            audience: Who its tokens must be meant for.

            issuer: The document's issuer, said again by a person; needed where it is not the one asked for.

            rest: Further arguments of `KeyManager`; they go before what was discovered.

        Raises:
            ConfigurationError: The issuer is not confirmed, its keys lie on a host that is not listed, or
                `KeyManager` refuses an argument.
        """
        if issuer != self.issuer and not (issuer is None and self.issuer_matches):
            raise ConfigurationError(f"the document names the issuer {shown(self.issuer)}: confirm it with issuer=")
        if host := self._unlisted_host():
            raise ConfigurationError(f"the keys lie on {host}: discover with that host among Network.allowed_hosts")
        keys = RemoteKeys(discovery_url=self.discovery_url if self._needs_url() else None, network=self.network)
        found: dict[str, Any] = {"keys": keys, "algorithms": self.algorithms}
        return KeyManager(name=name, issuer=self.issuer, audience=audience, **(found | rest))

    def as_python(self, *, name: str | None = None, audience: str = "...") -> str:
        """
        Return the Python text of that configuration, everything that a person has to confirm written out in it.

        Args:
            name: What to call it; by default its host.

            audience: Who its tokens are meant for; by default a placeholder that no token is meant for.
        """
        where = {"discovery_url": ascii(self.discovery_url)} if self._needs_url() else {}
        host = self._unlisted_host()
        listed: Any = (*self.network.allowed_hosts, host) if host else self.network.allowed_hosts
        if (network := attrs.evolve(self.network, allowed_hosts=listed)) != Network():
            where["network"] = network_text(network)
        lines = (
            f"name={name or urlsplit(self.discovery_url).netloc!a}",
            f"issuer={self.issuer!a}",
            f"audience={audience!a}",
            f"algorithms={self.algorithms!a}",
            f"keys=km.RemoteKeys({', '.join(f'{name}={value}' for name, value in where.items())})",
        )
        return "km.KeyManager(\n" + "".join(f"    {line},\n" for line in lines) + ")"

    def report(self) -> tuple[str, ...]:
        """Return everything as lines for a person, the Python text at their end."""
        facts = (
            ("issuer", ascii(self.issuer)),
            ("asked for", ascii(self.asked_issuer) + ("" if self.issuer_matches else "  NOT THE SAME")),
            ("found at", self.discovery_url),
            ("keys at", self.jwks_uri),
            ("introspection", self.introspection_endpoint or "-"),
            ("algorithms", " ".join(self.algorithms) or "-"),
        )
        return (
            *(f"{title:<15}{fact}" for title, fact in facts),
            *(f"{'key':<15}{shown(key.kid or 'no kid')}  {key.alg or 'any alg'}  {key.shape}" for key in self.keys),
            *(f"{'entry ' + str(skip.place):<15}{shown(skip.kid or 'no kid')}  {skip.why}" for skip in self.skipped),
            *(f"{'note':<15}{note}" for note in self.notes),
            *("", *self.as_python().splitlines()),
        )

    def _needs_url(self) -> bool:
        """Without its URL the document would be looked for where its issuer says, in the order asked before."""
        try:
            usual = well_known_urls(self.issuer, insecure_http=self.network.insecure_http)
        except ConfigurationError:
            return True
        return self.discovery_url != usual[0] and self.asked_urls != usual

    def _unlisted_host(self) -> str | None:
        place = urlsplit(self.jwks_uri)  # checked when it was found
        return None if origin(place) in allowed_origins((self.discovery_url,), self.network) else listed_form(place)


async def _look(asked: str, urls: tuple[str, ...], network: Network, ports: Ports) -> Discovered:
    limits = RemoteKeys(network=network)
    ends_at = ports.clock.monotonic() + limits.deadline_s
    exchange = Exchange(network=network, ends_at=ends_at, max_bytes=limits.max_bytes)
    found_at, document = await exchange.get_first(urls, ports)
    issuer, keys_at = named_issuer(document), plain_url(document, "jwks_uri", network)
    introspection = _optional_url(document, "introspection_endpoint", network)
    near = origin(keys_at) in allowed_origins((found_at,), network)
    key_set = (await exchange.get_keys(keys_at.geturl(), ports)).key_set if near else KeySet(())
    offered = offered_algorithms(document, key_set)
    found = Discovered(
        issuer=issuer,
        asked_issuer=asked,
        asked_urls=urls,
        discovery_url=found_at,
        jwks_uri=keys_at.geturl(),
        introspection_endpoint=introspection.geturl() if introspection else None,
        foreign_hosts=_foreign(found_at, network, keys_at, introspection),
        algorithms=tuple(name for name in offered if name in DEFAULT_ALGORITHMS),
        keys=key_set.keys,
        skipped=key_set.skipped,
        network=network,
    )
    return attrs.evolve(found, notes=tuple(_notes(found, document, offered)))


def _optional_url(document: dict[str, Any], name: str, network: Network) -> SplitResult | None:
    try:
        return plain_url(document, name, network)
    except KeyManagerUnavailable:
        return None


def _foreign(found_at: str, network: Network, *places: SplitResult | None) -> tuple[str, ...]:
    own = allowed_origins((found_at,), attrs.evolve(network, allowed_hosts=()))
    return tuple(dict.fromkeys(listed_form(place) for place in places if place and origin(place) not in own))


def _notes(found: Discovered, document: dict[str, Any], offered: list[str]) -> Iterator[str]:
    if not found.issuer_matches:
        yield "The document names another issuer than the one asked for: take it only if it is the one you mean."
    if found.foreign_hosts:
        yield f"On another host, used only where allowed_hosts lists it: {', '.join(found.foreign_hosts)}."
    if not found.keys:
        yield "The keys were not fetched: their host is not listed."
    if found.introspection_endpoint is None and "introspection_endpoint" in document:
        yield "The introspection endpoint is no URL that would be asked."
    if more := [name for name in offered if name not in DEFAULT_ALGORITHMS]:
        yield f"Accepted only where algorithms= names it: {', '.join(more)}."


def network_text(network: Network) -> str:
    """Return the Python text of what is not the default; of what its repr hides, an ellipsis to fill in."""
    fields = (field for field in attrs.fields(Network) if getattr(network, field.name) != field.default)
    said = (f"{field.name}={ascii(getattr(network, field.name)) if field.repr else '...'}" for field in fields)
    return f"km.Network({', '.join(said)})"
