"""What introspection is configured with: not shown, not changed, kept if it is configured again, and what it waives."""

import copy

import attrs
import pytest

from kmvalidate import (
    ANY_AUDIENCE,
    ANY_OPAQUE_TOKEN,
    BearerToken,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    FromEnvironment,
    KeyManager,
    Network,
    UserCredentials,
)
from tests.asking import Desk, asked, strategy
from tests.estate import LOW, pinned, remote

SECRET = "top-secret-password"
OPEN = Network(insecure_http=True, private_addresses=True)


def test_what_is_configured_is_not_shown(monkeypatch):
    """No secret and no parameter is in what a key manager, its introspection or its waivers look like."""
    monkeypatch.setenv("GATEWAY_SECRET", SECRET)
    kinds = (ClientSecretBasic, ClientSecretPost, UserCredentials)
    clients = [kind("gateway", secret) for kind in kinds for secret in (SECRET, FromEnvironment("GATEWAY_SECRET"))]
    for client in (*clients, BearerToken(SECRET), ClientCredentials(clients[0])):
        made = asked("a", introspection=strategy("a", "x", client=client, parameters={"api_key": SECRET}))
        assert SECRET not in repr(made) + str(made) + repr(made.introspection) + repr(made.waivers())


def test_what_is_configured_is_not_changed():
    """What a configuration was made of does not change it, nor does anybody else."""
    parameters = {"api_key": "a"}
    made = asked("a", introspection=strategy("a", "x", parameters=parameters))
    parameters["api_key"] = "b"
    assert made.introspection.parameters == {"api_key": "a"}
    assert copy.deepcopy(made) == made
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.introspection.tokens = ()
    with pytest.raises(TypeError):
        made.introspection.parameters["a"] = "b"


#: What "a" is configured with again, and whether its answers are kept.
AGAIN = {
    "nothing else": ({}, True),
    "the same": ({"ttl_s": 60, "endpoint": ["https://a.example/ask"], "tokens": ["x"], "parameters": {}}, True),
    "the same client": ({"client": ClientSecretBasic("gateway", SECRET)}, True),
    "another secret": ({"client": ClientSecretBasic("gateway", "another password")}, False),
    "another source": ({"client": ClientSecretBasic("gateway", lambda: SECRET)}, False),
    "another way": ({"client": ClientSecretPost("gateway", SECRET)}, False),
    "another spelling": ({"client": ClientSecretBasic("gateway", SECRET, form_encoded=False)}, False),
    "another pattern": ({"tokens": "x|y"}, False),
    "another time": ({"ttl_s": 59}, False),
    "another endpoint": ({"endpoint": "https://a.example/other"}, False),
    "other needs": ({"requires": "aud"}, False),
    "other parameters": ({"parameters": {"a": "b"}}, False),
    "another network": ({"network": OPEN}, False),
    "more workers": ({"workers": 2}, False),
}


@pytest.mark.parametrize("again", AGAIN)
def test_an_equal_configuration_keeps_what_was_answered(again):
    """A layer put in place anew keeps the answers of an equal key manager; whatever differs ends them."""
    changes, is_kept = AGAIN[again]
    first, second = (asked("a", introspection=strategy("a", **({"tokens": "x"} | more))) for more in ({}, changes))
    assert ((first == second), not is_kept or hash(first) == hash(second)) == (is_kept, True)
    for remember in (0, 100):
        desk = Desk(first, remember=remember)
        assert desk.verdict("x") == "a"
        desk.registry.use(LOW, [second])
        assert (desk.verdict("x"), len(desk.asked())) == ("a", 1 if is_kept else 2)


NO_AUD = "tokens are accepted of which introspection names no audience"
NO_EXP = "tokens are accepted of which introspection does not say when they expire"
UNKNOWN = "it is asked about JWTs of unknown issuers, which are other people's"
HTTP = "introspection may be fetched over http, where anybody on the way can replace them"
PRIVATE = "introspection may be fetched from private and loopback addresses"
PROXY = "introspection: a proxy connects for us, so addresses are its business"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"tokens": ANY_OPAQUE_TOKEN}, ()),
        ({"requires": ["aud", "exp", "sub"]}, ()),
        ({"requires": "exp"}, (NO_AUD,)),
        ({"requires": "aud"}, (NO_EXP,)),
        ({"requires": []}, (NO_AUD, NO_EXP)),
        ({"unknown_issuers": True, "tokens": ANY_OPAQUE_TOKEN}, (UNKNOWN,)),
        ({"network": OPEN}, (HTTP, PRIVATE)),
        ({"network": Network(proxy="http://proxy.example:3128")}, (PROXY,)),
    ],
)
def test_what_is_waived_is_said(changes, said):
    """Each thing that introspection opts out of is a sentence of the key manager's waivers, once."""
    how = strategy("a", **({"tokens": "x"} | changes))
    assert asked("a", introspection=how).waivers() == said
    no_audience = asked("a", introspection=how, audience=ANY_AUDIENCE).waivers()
    assert set(no_audience) - set(said) == {"tokens are accepted whatever audience they name"}
    assert NO_AUD not in no_audience


def test_where_nobody_is_asked_nothing_is_waived():
    """A key manager without introspection says nothing about it."""
    keys = pinned("a").keys
    assert remote("a").waivers() == KeyManager(name="a", issuer="b", audience="c", keys=keys).waivers() == ()
