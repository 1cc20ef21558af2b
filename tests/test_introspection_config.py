"""What an operator can configure of introspection, what is refused, and what stays when it is configured again."""

import math

import attrs
import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    ConfigurationError,
    CustomTokens,
    Introspection,
    IntrospectionStrategy,
    JwtTokens,
    Network,
    RemoteKeys,
    TlsClientAuth,
)
from tests.asking import Desk, asked, asked_of_all, strategy
from tests.estate import pinned
from tests.signing import ISSUER

NAN = float("nan")
OPEN = Network(insecure_http=True, private_addresses=True)

WRONG = [
    *(("client", value) for value in (None, 5, "", b"", [], {}, "gateway", ClientSecretBasic, ("gateway", "secret"))),
    *(("tokens", value) for value in (None, 5, "", b"", {}, [None], [""], {"x": "y"})),
    *(("unknown_issuers", value) for value in (None, 1, "yes", [])),
    *(("requires", value) for value in (5, "", [""], [None], [["aud"]])),
    *(("ttl_s", value) for value in (None, -1, 3601, NAN, math.inf, "60", True, [])),
    *(("inactive_ttl_s", value) for value in (None, -1, 301, NAN, "10", True)),
    *(("remember", value) for value in (None, 1, 0, -1, 2.5, "10", True, math.inf)),
    *(("remember_inactive", value) for value in (None, 0, -1, 2.5, True)),
    *(("at_once", value) for value in (None, 0, 1001, 1.5, True)),
    *(("waiting", value) for value in (None, -1, 100_001, 0.5, False)),
    *(("calls_per_minute", value) for value in (0, -1, 1_000_001, 1.5, True, "200", [])),
    *(("workers", value) for value in (None, 0, 10_001, 1.5, True)),
    *(("breaker_failures", value) for value in (None, 0, 1.5, True)),
    *(("max_backoff_s", value) for value in (None, 0, 601, NAN, True)),
    *(("deadline_s", value) for value in (None, 0, 0.05, 61, NAN, True)),
    *(("endpoint", value) for value in (None, 5, "", [""], [None])),
    *(
        ("endpoint", value)
        for value in ("http://a.example", "a.example", "https://u:p@a.example", "https://a.example/#x")
    ),
    *(
        ("endpoint", value)
        for value in ("https://a.example/ ", "https://", "ftp://a.example", ["https://a.example"] * 2)
    ),
    *(("signed", value) for value in (None, 1, "yes", [])),
    *(("token_type_hint", value) for value in ("", 5, b"", [], {}, "\ud800")),
    *(
        ("parameters", value)
        for value in (None, 5, "a=b", b"", [], [("a", "b")], {"a": 1}, {"": "b"}, {1: "b"}, {"a": ""})
    ),
    *(("parameters", {name: "x"}) for name in ("token", "token_type_hint", "client_id", "client_secret")),
    *(("parameters", {name: "x"}) for name in ("client_assertion", "client_assertion_type", "\udfff")),
    *(("network", value) for value in (5, "proxy", {}, [], True)),
    *(("max_bytes", value) for value in (None, 0, 999, 1e6, True)),
]


class Own(IntrospectionStrategy):
    """A strategy of the user's own."""

    async def ask(self, token, _, /):
        return {"active": True, "aud": "orders", "exp": 2e9, "sub": token}


@attrs.frozen(kw_only=True)
class At(Own):
    """One that says where it asks."""

    where: object


class Uncallable(IntrospectionStrategy):
    """One whose method is none."""

    ask = None


class Bent(Introspection):
    """An introspection that would ask in a way of its own."""

    def ask(self, _, __, /):
        raise AssertionError


class Client:
    """Who asks, told in a way of the user's own, which cannot be hashed."""

    __hash__ = None
    client_id = None

    def attach(self, **_):
        raise AssertionError


def short(value):
    return repr(value)[:30] if isinstance(value, str) else f"{repr(value)[:40]} {type(value).__name__}"


@pytest.mark.parametrize(("name", "value"), WRONG, ids=short)
def test_introspection_is_refused_when_it_is_made(name, value):
    """What cannot be right is a ConfigurationError when the key manager is made, not an accident with a token."""
    with pytest.raises(ConfigurationError) as caught:
        asked("a", introspection=strategy("a", **({"tokens": "x"} | {name: value})))
    assert "top-secret" not in str(caught.value)


def test_misspelt_and_missing_arguments_are_type_errors():
    """Arguments that do not exist, or are not there, are refused as those of any function."""
    for arguments in ({}, {"clients": 5}, {"client": ClientSecretBasic("a", "b"), "token": "x"}):
        with pytest.raises(TypeError):
            Introspection(**arguments)
    with pytest.raises(TypeError):
        Introspection(ClientSecretBasic("a", "b"))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        *((value, "method ask") for value in (5, "", b"", [], {}, True, object(), ClientSecretBasic("a", "b"))),
        *(
            (value, "method ask")
            for value in (IntrospectionStrategy(tokens="x"), Uncallable(tokens="x"), Own, Introspection)
        ),
        (Bent(client=ClientSecretBasic("a", "b"), tokens="x"), "method ask"),
        (At(where=[], tokens="x"), "__hash__"),
        (strategy("a", "x", client=Client()), "__hash__"),
    ],
    ids=lambda value: type(value).__name__ + short(value)[:60].split(" at ")[0],
)
def test_a_key_manager_takes_a_strategy(value, why):
    """What does not say how to ask, or cannot be compared with what was configured before, is refused."""
    with pytest.raises(ConfigurationError, match=why):
        pinned("a", introspection=value)


def test_a_strategy_that_does_not_say_how_asks_nobody():
    """The strategy that others are made of cannot ask."""
    with pytest.raises(NotImplementedError):
        IntrospectionStrategy(tokens="x").ask("x", None)


def test_a_strategy_of_ones_own_is_asked():
    """A strategy of the user's own is asked in place of an endpoint, and its other copies are equal to it."""
    desk = Desk(asked("a", introspection=At(tokens="x.*", where="here")))
    assert desk.validator.authenticate("xy").claims["sub"] == "xy"
    assert (desk.asked(), At(where=1) == At(where=1), At(where=1) == At(where=2)) == ([], True, False)


@pytest.mark.parametrize("tokens", [[], JwtTokens({"iss": ".*"})], ids=["none", "JWTs"])
def test_introspection_says_of_which_tokens(tokens):
    """Introspection that would never be asked is refused; what is asked about JWTs needs to say nothing of others."""
    with pytest.raises(ConfigurationError, match="of which tokens"):
        asked("a", tokens)
    for some in ("x", CustomTokens(str.isdigit), ANY_OPAQUE_TOKEN, [tokens, "x"] if tokens else ["x"]):
        assert asked("a", some).introspection.tokens
    assert asked("a", tokens, unknown_issuers=True).introspection.unknown_issuers
    assert asked("a", tokens, self_validate_jwt=False).introspection is not None


@pytest.mark.parametrize("value", [None, 0, 1, "", "no", [], {}], ids=repr)
def test_whether_jwts_are_verified_here_is_said_with_a_bool(value):
    """What is neither True nor False is not taken for one of them."""
    with pytest.raises(ConfigurationError, match="self_validate_jwt"):
        asked("a", "x", self_validate_jwt=value)


def test_jwts_need_keys_or_introspection():
    """Where JWTs are verified here, or answers are signed, there are keys, and else introspection."""
    for arguments, why in (
        ({"keys": None}, "keys= are needed"),
        ({"keys": None, "introspection": None}, "keys= are needed"),
        ({"introspection": None, "self_validate_jwt": False}, "needs introspection="),
        ({"keys": None, "introspection": None, "self_validate_jwt": False}, "needs introspection="),
        ({"keys": None, "self_validate_jwt": False, "introspection": strategy("a", signed=True)}, "keys= are needed"),
        ({"keys": []}, "StaticKeys"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            asked("a", "x", **arguments)
    without = asked_of_all("a")
    with pytest.raises(ConfigurationError, match="keys= are needed"):
        attrs.evolve(without, self_validate_jwt=True, introspection=strategy("a", "x"))
    assert attrs.evolve(without, leeway_s=5).keys is without.keys
    assert asked("a", "x", introspection=strategy("a", "x", signed=True)).introspection.signed


def test_where_to_ask_is_known_or_can_be_discovered():
    """Without an endpoint there is a discovery document: at the issuer, or where the keys say it is."""
    how = strategy("a", "x", endpoint=())
    with pytest.raises(ConfigurationError, match=r"nothing can be discovered.*give its introspection an endpoint"):
        asked("a", issuer="urn:a", introspection=how)
    document = RemoteKeys(discovery_url="https://b.example/doc")
    assert asked("a", issuer="urn:a", keys=document, introspection=how).discovery_urls() == ("https://b.example/doc",)
    both = (
        f"{ISSUER}/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server/realms/acme",
    )
    assert asked_of_all("a", issuer=ISSUER, introspection=how).discovery_urls() == both
    plain = {"issuer": "http://a.example", "introspection": strategy("a", "x", endpoint=(), network=OPEN)}
    assert asked_of_all("a", **plain).discovery_urls()[0].startswith("http://a.example/")
    with pytest.raises(ConfigurationError, match="nothing can be discovered"):
        asked_of_all("a", issuer="http://a.example", introspection=how)


def test_where_to_obtain_a_bearer_token_is_known_or_can_be_discovered():
    """A client that obtains tokens knows its endpoint, or there is a document that names it."""
    obtains = strategy("a", "x", client=ClientCredentials(ClientSecretPost("a", "b")))
    with pytest.raises(ConfigurationError, match=r"nothing can be discovered.*token_endpoint"):
        asked("a", issuer="urn:a", introspection=obtains)
    assert asked_of_all("a", issuer=ISSUER, introspection=obtains).introspection is obtains
    known = attrs.evolve(obtains, client=attrs.evolve(obtains.client, token_endpoint="https://a.example/token"))
    assert asked("a", issuer="urn:a", introspection=known).introspection is known


@pytest.mark.parametrize("tokens", ["x", ["x", "y"], CustomTokens(str.isdigit)], ids=["one", "two", "a function"])
def test_which_jwts_of_unknown_issuers_is_said(tokens):
    """Options that say nothing of JWTs do not stand for all of them."""
    with pytest.raises(ConfigurationError, match="unknown_issuers: which JWTs"):
        strategy("a", tokens, unknown_issuers=True)
    for some in ([tokens, JwtTokens({"iss": ".*"})], [tokens, ANY_OPAQUE_TOKEN], []):
        several = [one for one in some if not isinstance(one, list)]
        assert strategy("a", several, unknown_issuers=True).unknown_issuers


def test_every_worker_has_a_call():
    """A limit is divided among no more workers than it has calls."""
    with pytest.raises(ConfigurationError, match="calls_per_minute"):
        strategy("a", "x", calls_per_minute=3, workers=4)
    assert strategy("a", "x", calls_per_minute=4, workers=4).workers == 4


class Careless(IntrospectionStrategy):
    """A strategy whose own attributes are not compared."""

    def __init__(self, where, **options):
        super().__init__(**options)
        object.__setattr__(self, "where", where)

    def ask(self, token, ports):
        raise AssertionError(token, ports, self.where)


def test_a_strategy_of_ones_own_is_compared_as_a_whole():
    """A strategy with attributes that make it no other strategy would pass for unchanged when they change."""
    with pytest.raises(ConfigurationError, match=r"attrs\.frozen"):
        asked("a", introspection=Careless("https://old.example", tokens="x"))


@pytest.mark.parametrize("requires", [b"", {}, b"aud", {"aud": 1}, [""], 5], ids=repr)
def test_what_answers_must_have_is_named(requires):
    """What names no members is refused, rather than waiving all of them."""
    with pytest.raises(ConfigurationError):
        strategy("a", "x", requires=requires)


def test_endpoints_are_reached_as_the_network_says():
    """The network of the introspection counts, or else that of the keys, for the token endpoint too."""
    http = strategy("a", "x", endpoint="http://a.example/ask")
    at = ClientCredentials(ClientSecretPost("a", "b"), token_endpoint="http://a.example/token")
    for how in (http, strategy("a", "x", client=at)):
        for keys in (RemoteKeys(jwks_url="https://a.example/k"), pinned("a").keys):
            with pytest.raises(ConfigurationError, match="https://"):
                asked("a", keys=keys, introspection=how)
            assert asked("a", keys=keys, introspection=attrs.evolve(how, network=OPEN)).introspection.network is OPEN
        keys = RemoteKeys(jwks_url="https://a.example/k", network=OPEN)
        assert asked("a", keys=keys, introspection=how).introspection_network is OPEN
        with pytest.raises(ConfigurationError, match="https://"):
            asked("a", keys=keys, introspection=attrs.evolve(how, network=Network()))


def test_a_certificate_is_needed_to_show_one(tmp_path):
    """TlsClientAuth, also of a client that obtains tokens, asks for a network that has a certificate."""
    file = tmp_path / "client.pem"
    file.write_text("a certificate and its key", "utf-8")
    network = Network(client_cert_file=file)
    for client in (TlsClientAuth("gateway"), ClientCredentials(TlsClientAuth("gateway"))):
        with pytest.raises(ConfigurationError, match="client_cert_file"):
            asked("a", introspection=strategy("a", "x", client=client))
        for more in ({"network": network}, {}):
            keys = RemoteKeys(jwks_url="https://a.example/k", network=Network() if more else network)
            made = asked("a", keys=keys, introspection=strategy("a", "x", client=client, **more))
            assert made.introspection.needs_certificate
    assert not asked("a", "x").introspection.needs_certificate
