"""Opaque tokens of django-oauth-toolkit, whose answers say little, asked about with Basic and with bearer tokens."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kmvalidate import (
    BearerToken,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    KeyManager,
    RemoteKeys,
    Status,
    UserCredentials,
)
from tests.e2e.django_toolkit.service import CLIENTS, DjangoToolkit
from tests.e2e.gateway import SettableClock
from tests.e2e.introspection_gates import TTL_S, Tapped, asked_django, asking, asking_django, reason
from tests.e2e.live import WAYS, Live, Way
from tests.e2e.opaque import ENDPOINT, opaque_token
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

INTROSPECT, TOKEN = "/o/introspect/", "/o/token/"
LIFE_S = 300
RENEWED_S = 0.8 * LIFE_S
YOUNG_S = 10
THREADS = 8
WAIT_S = 60

SECRETS = {client: secret for client, (_, secret) in CLIENTS.items()}


@pytest.fixture
def gate_of(way: Way, clock: SettableClock, django: DjangoToolkit) -> Callable[..., Live]:
    """Makes a gateway that asks django-oauth-toolkit in each way; the arguments are those of `asking_django`."""
    return lambda **how: Live(way, clock, [asking_django(django, **how)])


@pytest.fixture
def own_token(django: DjangoToolkit) -> Callable[..., ClientCredentials]:
    """Makes a client that asks with a token of its own."""

    def make(client: Any = None, scope: str | None = "introspection") -> ClientCredentials:
        who = client or ClientSecretBasic("rs", SECRETS["rs"])
        return ClientCredentials(who, token_endpoint=django.token_endpoint, scope=scope)

    return make


def test_a_client_token(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """Where an answer names no issuer it is that of the key manager, and what it names is known."""
    gate, token = gate_of(), django.token(scope="read write")
    django.reset()
    for _ in range(3):
        verified = gate.accept(token)
        assert (verified.key_manager, verified.issuer) == ("django", django.issuer)
        assert (verified.consumer_key, verified.scopes) == ("m2m", {"read", "write"})
        assert (verified.audience, verified.subject) == ((), None)
        assert verified.expires_at == verified.claims["exp"]
    assert (django.hits(INTROSPECT), django.hits("")) == (1, 1)


def test_a_user_token(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """The answer about a user's token has the user's name."""
    verified = gate_of().accept(django.user_tokens("read")["access_token"])
    assert (verified.claims["username"], verified.consumer_key, verified.scopes) == ("alice", "ropc", {"read"})


def test_what_answers_need_not_say(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """Without an audience an answer is believed where that was said aloud, and nowhere else."""
    token = django.token()
    for requires, missing in ((None, "aud"), (("exp", "aud"), "aud"), (("exp", "iss"), "iss"), ("sub", "sub")):
        refused = gate_of(requires=requires).refused(token)
        assert (refused.reason.name, refused.claim, refused.key_manager) == ("MISSING_CLAIM", missing, "django")
    gate = gate_of()
    gate.accept(token)
    waived = gate.registry.managers[0].waivers()
    assert "tokens are accepted of which introspection names no audience" in waived
    assert not any("when they expire" in said for said in waived)
    both = asking_django(django, requires=()).waivers()
    assert any("when they expire" in said for said in both)


@pytest.mark.parametrize("ended", [DjangoToolkit.revoke, DjangoToolkit.expire], ids=["revoked", "expired"])
def test_over(gate_of: Callable[..., Live], django: DjangoToolkit, clock: SettableClock, ended: Any) -> None:
    """A token that is over is good for as long as its answer is, and is then refused."""
    gate, token = gate_of(), django.token()
    gate.accept(token)
    ended(django, token)
    clock.advance(TTL_S - 1)
    gate.accept(token)
    clock.advance(1)
    assert (reason(gate, token), django.hits(INTROSPECT)) == ("INACTIVE", 2)


def test_no_access_tokens(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """A refresh token and one that nobody gave are not active."""
    gate = gate_of()
    for token in (django.user_tokens()["refresh_token"], "never-given"):
        assert reason(gate, token) == "INACTIVE"
    assert gate.health("django").introspection is Status.FRESH


@pytest.mark.parametrize("client", ["rs", "rs-odd"])
@pytest.mark.parametrize("method", [ClientSecretBasic, ClientSecretPost], ids=["basic", "post"])
def test_secrets(gate_of: Callable[..., Live], django: DjangoToolkit, client: str, method: Any) -> None:
    """A client with a secret is answered, whatever letters the secret is made of."""
    gate = gate_of(client=method(client, SECRETS[client]))
    assert gate.accept(django.token()).consumer_key == "m2m"


def test_as_they_are(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """A name and a password that need no encoding do; a secret that does is not taken as it is."""
    gate_of(client=UserCredentials("rs", SECRETS["rs"])).accept(django.token())
    plain = ClientSecretBasic("rs-odd", SECRETS["rs-odd"], form_encoded=False)
    assert "status 403" in str(gate_of(client=plain).unavailable(django.token()))


@pytest.mark.parametrize("client", ["Basic", "post", "bearer", "bearer without the scope"])
def test_a_wrong_client(gate_of: Callable[..., Live], django: DjangoToolkit, client: str) -> None:
    """Who may not ask is told nothing of the token, good or bad, and it is no token's fault."""
    kinds = {
        "Basic": lambda: ClientSecretBasic("rs", "wrong"),
        "post": lambda: ClientSecretPost("rs", "wrong"),
        "bearer": lambda: BearerToken("wrong"),
        "bearer without the scope": lambda: BearerToken(django.token("rs")),
    }
    gate, good = gate_of(client=kinds[client]()), django.token()
    for token in (good, "never-given"):
        unavailable = gate.unavailable(token)
        assert (unavailable.key_manager, "status 403" in str(unavailable)) == ("django", True)
        assert unavailable.retry_after_s >= 1
    assert gate.health("django").introspection is Status.STALE


def test_a_bearer_token(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """A token that somebody else obtains is read for each request, and used as it is then."""
    kept = [django.token("rs", scope="introspection")]
    gate = gate_of(client=BearerToken(lambda: kept[0]))
    gate.accept(django.token())
    django.revoke(kept[0], "rs")
    assert "status 403" in str(gate.unavailable(django.token()))
    kept[0] = django.token("rs", scope="introspection")
    gate.accept(django.token())


@pytest.mark.parametrize("client", ["rs", "rs-odd"])
@pytest.mark.parametrize("method", [ClientSecretBasic, ClientSecretPost], ids=["basic", "post"])
def test_a_token_of_its_own(
    gate_of: Callable[..., Live], django: DjangoToolkit, own_token: Callable[..., Any], client: str, method: Any
) -> None:
    """A client that obtains its token obtains one for many requests."""
    tokens = [django.token() for _ in range(4)]
    django.reset()
    gate = gate_of(client=own_token(method(client, SECRETS[client])))
    for token in tokens:
        assert gate.accept(token).consumer_key == "m2m"
    assert reason(gate, "never-given") == "INACTIVE"
    assert (django.hits(TOKEN), django.hits(INTROSPECT)) == (1, 5)


def test_many_at_once(gate_of: Callable[..., Live], django: DjangoToolkit, own_token: Callable[..., Any]) -> None:
    """Threads that all come at once share one token of the client."""
    tokens = [django.token() for _ in range(THREADS)]
    django.reset()
    gate = gate_of(client=own_token(), deadline_s=WAIT_S)
    with ThreadPoolExecutor(THREADS) as pool:
        assert [verified.consumer_key for verified in pool.map(gate.accept, tokens)] == ["m2m"] * THREADS
    assert asked_django(django) == (1, THREADS)


@pytest.mark.parametrize("way", [WAYS["asyncio"], WAYS["asyncio over httpx"]], ids=["own", "httpx"])
def test_tasks_at_once(django: DjangoToolkit, way: Way, clock: SettableClock, own_token: Callable[..., Any]) -> None:
    """So do the tasks of an event loop."""
    tokens = [django.token() for _ in range(THREADS)]
    django.reset()
    gate = Live(way, clock, [asking_django(django, client=own_token(), deadline_s=WAIT_S)])

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(gate.validator.aauthenticate(token) for token in tokens))

    assert {verified.consumer_key for verified in asyncio.run(all_at_once())} == {"m2m"}
    assert asked_django(django) == (1, THREADS)


@pytest.mark.parametrize("ended", [DjangoToolkit.revoke, DjangoToolkit.expire], ids=["revoked", "expired"])
def test_its_own_token_ends(
    way: Way, clock: SettableClock, django: DjangoToolkit, own_token: Callable[..., Any], ended: Any
) -> None:
    """A token of the client that is refused is replaced within the same request, unless it was just obtained."""
    tapped = Tapped.of(way)
    gate = Live(tapped, clock, [asking_django(django, client=own_token())])
    gate.accept(django.token())
    (bearer,) = tapped.bearers()
    ended(django, bearer, **({"client": "rs"} if ended is DjangoToolkit.revoke else {}))
    tokens = [django.token() for _ in range(2)]
    django.reset()
    assert "status 403" in str(gate.unavailable(tokens[0]))
    assert (django.hits(TOKEN), django.hits(INTROSPECT)) == (0, 1)
    clock.advance(YOUNG_S)
    for token in tokens:
        assert gate.accept(token).consumer_key == "m2m"
    assert (django.hits(TOKEN), django.hits(INTROSPECT)) == (1, 4)
    assert len(tapped.bearers()) == 2


def test_its_own_token_is_renewed(
    way: Way, clock: SettableClock, django: DjangoToolkit, own_token: Callable[..., Any]
) -> None:
    """A token of the client is renewed before its time is over, without a request that fails."""
    tapped = Tapped.of(way)
    gate = Live(tapped, clock, [asking_django(django, client=own_token())])
    tokens = [django.token() for _ in range(3)]
    django.reset()
    for token, wait_s in zip(tokens, (0, RENEWED_S - 1, 1), strict=True):
        clock.advance(wait_s)
        gate.accept(token)
    assert (django.hits(TOKEN), django.hits(INTROSPECT), len(tapped.bearers())) == (2, 3, 2)


@pytest.mark.parametrize("wrong", ["no scope", "secret"])
def test_its_own_token_does_not_open(
    gate_of: Callable[..., Live], django: DjangoToolkit, own_token: Callable[..., Any], wrong: str
) -> None:
    """A client without the scope, or with a wrong secret, is told nothing, and does not ask for tokens all the time."""
    client = own_token(scope="read") if wrong == "no scope" else own_token(ClientSecretBasic("rs", "wrong"))
    gate, tokens = gate_of(client=client), [django.token() for _ in range(3)]
    django.reset()
    for token in tokens:
        assert gate.unavailable(token).key_manager == "django"
    assert (django.hits(TOKEN), django.hits(INTROSPECT)) == ((1, 3) if wrong == "no scope" else (3, 0))
    assert gate.health("django").introspection is Status.STALE


def test_endpoints_are_discovered(way: Way, clock: SettableClock, django: DjangoToolkit) -> None:
    """Both endpoints are found where RFC 8414 looks for the document, which is read once."""
    client = ClientCredentials(ClientSecretBasic("rs", SECRETS["rs"]), scope="introspection")
    gate = Live(way, clock, [asking_django(django, client=client, endpoint=())])
    tokens = [django.token() for _ in range(2)]
    django.reset()
    for token in tokens:
        assert gate.accept(token).issuer == django.issuer
    assert django.hits("/.well-known/oauth-authorization-server/o") == 1
    assert (django.hits(TOKEN), django.hits(INTROSPECT)) == (1, 2)


def test_beside_another_provider(way: Way, clock: SettableClock, django: DjangoToolkit, root: Issuer) -> None:
    """Two kinds of provider are told by what their tokens look like, and each is asked about its own alone."""
    managers: list[KeyManager] = [
        asking_django(django, tokens="[A-Za-z0-9]{30}"),
        asking(root, tokens="[A-Za-z0-9_-]{43}"),
    ]
    gate, theirs, ours = Live(way, clock, managers), opaque_token(root), django.token()
    assert (gate.accept(theirs).key_manager, django.hits(INTROSPECT)) == ("root", 0)
    assert (gate.accept(ours).key_manager, root.hits(ENDPOINT)) == ("django", 1)
    assert reason(gate, "x" * 31) == "OPAQUE_TOKEN"
    assert (django.hits(INTROSPECT), root.hits(ENDPOINT)) == (1, 1)


def test_keys_that_nobody_publishes(gate_of: Callable[..., Live], django: DjangoToolkit) -> None:
    """A key manager whose JWTs would be verified here is asked about opaque tokens without a look at its keys."""
    gate = gate_of(manager={"keys": RemoteKeys(network=django.network), "self_validate_jwt": True})
    token = django.token()
    django.reset()
    assert gate.accept(token).key_manager == "django"
    assert django.hits("") == 1
