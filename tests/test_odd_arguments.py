"""What nobody means, given where a configuration, a token or a clock belongs: one of the three errors, or a refusal."""

import math
import threading
from unittest.mock import MagicMock, Mock

import pytest

from kmvalidate import (
    ClientIdInstead,
    ConfigurationError,
    JwtValidator,
    KeyManager,
    KeyManagerRegistry,
    Network,
    RemoteKeys,
    StaticKeys,
    TokenKinds,
    TokenValidator,
)
from kmvalidate.key_cache import KeyCache
from kmvalidate.ports import run
from kmvalidate.tokens import OpaqueToken, recognise
from kmvalidate.urls import issuer_of
from tests.fakes import KEYS, FakeTransport, SettableClock, WatchedPorts, published
from tests.signing import (
    NOW,
    NoNetwork,
    SetClock,
    dumps,
    good_claims,
    jwks,
    manager,
    reason,
    refusal,
    token,
    validator,
)


def registry(**changes):
    return KeyManagerRegistry([manager(**changes)], transport=NoNetwork())


@pytest.mark.parametrize("size", ["16k", None, -1, 0, True, math.nan, 1000.0, []], ids=repr)
@pytest.mark.parametrize("kind", [TokenValidator, JwtValidator])
def test_a_size_cap_is_a_whole_number(kind, size):
    """A cap on tokens that is no positive whole number is a ConfigurationError, and never no cap at all."""
    with pytest.raises(ConfigurationError):
        kind(registry(), max_token_bytes=size)


@pytest.mark.parametrize("given", [None, 5, "x", [], manager()], ids=lambda given: type(given).__name__)
@pytest.mark.parametrize("kind", [TokenValidator, JwtValidator])
def test_a_validator_is_made_of_a_registry(kind, given):
    """A validator of anything else is a ConfigurationError when it is made."""
    with pytest.raises(ConfigurationError, match="KeyManagerRegistry"):
        kind(given)


@pytest.mark.parametrize("given", [None, 5, manager(), ["Keycloak"]], ids=lambda given: type(given).__name__)
def test_a_registry_is_made_of_key_managers(given):
    """A registry of anything else, or of one key manager without a list, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        KeyManagerRegistry(given, transport=NoNetwork())


@pytest.mark.parametrize("given", [5, object(), FakeTransport], ids=repr)
def test_a_transport_sends(given):
    """A transport without a method send, or a class in place of one, is a ConfigurationError and not an outage."""
    with pytest.raises(ConfigurationError):
        KeyManagerRegistry([manager()], transport=given)


@pytest.mark.parametrize("kid", ["", 5, [], "x"], ids=repr)
def test_a_kid_is_given_to_pem_keys_only(kid):
    """A kid for a JWK Set, which has its own, or one that is no name, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        StaticKeys.from_pem(dumps(jwks("P-256")), kid=kid)


@pytest.mark.parametrize("path", [None, 5, "\0"], ids=repr)
def test_a_file_has_a_path(path):
    """What is no path is a ConfigurationError like a file that is not there."""
    with pytest.raises(ConfigurationError):
        StaticKeys.from_file(path)


@pytest.mark.parametrize("size", [1000.5, math.inf, True], ids=repr)
def test_a_document_cap_is_a_whole_number(size):
    """A cap on documents that is no whole number of bytes is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        RemoteKeys(max_bytes=size)


def test_values_nested_without_end_are_refused():
    """A claim value nested too deeply for JSON is a ConfigurationError."""
    nested: list = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ConfigurationError):
        manager(claim_values={"a": nested})


def test_an_issuer_that_is_no_url_needs_a_place_for_its_keys():
    """Without a URL to start from, the error names the key manager and what to give it."""
    with pytest.raises(ConfigurationError, match=r"'Legacy'.*jwks_url or a discovery_url"):
        KeyManager(name="Legacy", issuer="urn:legacy", audience="a", keys=RemoteKeys())


def test_every_waiver_is_said():
    """Each way to opt out of safety is a sentence of its own, and a safe configuration has none."""
    network = Network(insecure_http=True, private_addresses=True, proxy="http://proxy.example")
    lenient = manager(
        audience=ClientIdInstead("a"),
        keys=RemoteKeys(jwks_url=KEYS, network=network),
        token_kinds=TokenKinds(foreign_claims={}),
    )
    assert len(set(lenient.waivers())) == 5
    assert manager().waivers() == ()
    assert manager(token_kinds=TokenKinds(header_types={"at+jwt"})).waivers() == ()
    assert len(manager(token_kinds=TokenKinds(header_types={"rt+jwt"})).waivers()) == 1


class Pretender:
    """Says that it is a string."""

    @property
    def __class__(self):  # type: ignore[override]
        return str


@pytest.mark.parametrize("given", [Pretender(), Mock(spec=str), MagicMock(spec=str)], ids=lambda g: type(g).__name__)
def test_an_object_that_passes_for_a_string_is_refused(given):
    """A token that only says it is a string is malformed, and nothing of it is called."""
    assert reason(validator().authenticate, given) == "MALFORMED_TOKEN"


def test_the_word_bearer_is_pointed_out():
    """A token handed over with the scheme in front is refused with the hint to take it away."""
    assert "without the word Bearer" in refusal(validator().authenticate, f"Bearer {token()}").hint


def test_nothing_is_shown_to_rich():
    """What rich prints of a record holds neither the token nor its claims."""
    for record in (OpaqueToken("secret"), recognise(token()), validator().authenticate(token())):
        assert list(record.__rich_repr__()) == []


@pytest.mark.parametrize("claims", [{"exp": 1}, {"nbf": NOW + 9e9}, {"iat": NOW + 9e9}], ids=str)
def test_a_clock_that_tells_no_time_accepts_nothing(claims):
    """With a clock that returns NaN no token is good."""
    clock = SetClock()
    clock.wall = lambda: math.nan
    for changes in (claims, {}):
        assert reason(validator(clock=clock).authenticate, token(good_claims(**changes))) == "EXPIRED"


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example/.well-known/openid-configuration.evil.com",
        "https://idp.example/.well-known/oauth-authorization-server@evil.com",
        "https://idp.example/.well-known/openid-configuration:444/x",
    ],
)
def test_a_well_known_path_ends_with_a_slash(url):
    """What only starts like a well-known path stands for no other host; the URL is taken for the issuer itself."""
    assert issuer_of(url) == url


def test_a_caller_that_comes_between_shares_the_fetch():
    """A caller that saw no fetch, while another launched one and said so, waits for that one: no outage."""
    ports = WatchedPorts(FakeTransport(published("old")), SettableClock())
    keys = KeyCache(manager(keys=RemoteKeys(jwks_url=KEYS)), manager_flights())
    seen = run(keys.wait(ports))
    ports.clock.pass_s(20)
    ports.transport.answers = published("new")
    find, asked = keys._flights.find, threading.Event()

    def find_late(key, given):
        if asked.is_set():
            return find(key, given)
        asked.set()
        assert run(keys.newer(seen, "x", ports)) is not seen
        return None

    keys._flights.find = find_late
    assert run(keys.newer(seen, "x", ports)) is not seen


def manager_flights():
    """Return flights of their own."""
    from kmvalidate.flights import Flights  # noqa: PLC0415

    return Flights()
