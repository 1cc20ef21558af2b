"""
What happens to a gateway, as plain data: configurations, tokens, and issuers that follow a script.

Rules kept here: nothing of the library; both the world that is tried and the oracle that foretells it read this.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ISSUERS = ("https://a.example", "https://b.example", "https://c.example")
DISCOVERED = ISSUERS[0]  # the one whose keys are found by its discovery document; of the others the URL is configured
ORGANIZATIONS = (None, "acme", "umbrella")
LAYERS = ("control-plane", "configuration")
SHAPE_OF = {"ES256": "P-256", "ES384": "P-384"}
DEADLINE_S = 5
OWNERS = 6

#: Ways in which an exchange goes wrong.
OUTAGES = ("503", "garbage", "no keys", "raises", "hangs")

#: A key as it is published: its kid, whose it is, and its curve.
Entry = tuple[str | None, str, str]


@dataclass(frozen=True)
class Plan:
    """A key manager as it is configured; with *pinned* keys it fetches nothing."""

    name: str
    organization: str | None
    issuers: tuple[str, ...]
    audience: str = "orders"
    leeway_s: int = 60
    max_age_s: int | None = None
    pinned: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Bearer:
    """A token as it is made: who signed it, with which key, and what it says."""

    issuer: str
    kid: str | None
    owner: str
    expires: int
    starts: int
    issued: int
    audience: str = "orders"
    alg: str = "ES256"
    is_tampered: bool = False
    subject: str = "alice"


@dataclass
class Server:
    """An issuer: what it publishes now, and how it fails."""

    issuer: str
    entries: list[Entry] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)
    outage: str | None = None
    max_age_s: int | None = None
    delay_s: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        if not self.entries:
            self.add()

    def _owner(self) -> str:
        self.made += 1
        return f"{self.issuer[8]}{self.made % OWNERS}"

    def add(self, shape: str = "P-256") -> None:
        """Publish another key; the kids of all issuers are alike."""
        owner = self._owner()
        self.entries.append((f"k{self.made}", owner, shape))

    def drop(self, place: int) -> None:
        """Publish one of the keys no more."""
        if self.entries:
            self.gone.append(self.entries.pop(place % len(self.entries)))

    def bring_back(self) -> None:
        """Publish a key again that was gone."""
        if self.gone:
            self.entries.append(self.gone.pop())

    def replace(self, place: int, shape: str = "P-256") -> None:
        """Publish another key under the same kid."""
        if self.entries:
            place %= len(self.entries)
            self.gone.append(self.entries[place])
            self.entries[place] = (self.entries[place][0], self._owner(), shape)

    def double(self, place: int) -> None:
        """Publish a second key under a kid that there is."""
        if self.entries:
            self.entries.append((self.entries[place % len(self.entries)][0], self._owner(), "P-256"))

    def rename(self, place: int) -> None:
        """Publish a key under another kid as well."""
        if self.entries:
            self.made += 1
            self.entries.append((f"k{self.made}", *self.entries[place % len(self.entries)][1:]))

    def empty(self) -> None:
        """Publish nothing."""
        self.gone += self.entries
        self.entries = []

    def took_s(self) -> int:
        """Return how long an exchange takes that begins now."""
        return DEADLINE_S if self.outage == "hangs" else self.delay_s


def servers() -> dict[str, Server]:
    """Return all issuers, each with one key."""
    return {issuer: Server(issuer) for issuer in ISSUERS}


def remote(name: str, organization: str | None, issuer: str, **changes: object) -> Plan:
    """Return a key manager that fetches its keys."""
    return Plan(name, organization, (issuer,), **changes)  # type: ignore[arg-type]
