"""Backend JWTs at a backend that is another process, and verifies them with two libraries over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from kmvalidate import BackendJwtGenerator, SigningKey
from tests.e2e.calling import (
    API_ID,
    BACKEND,
    HEADER,
    JWKS,
    Documents,
    Gate,
    Service,
    each_caller,
    each_kind,
    known,
    orders,
    service,
    subscribed,
    subscription,
)
from tests.e2e.gateway import SettableClock, claims_of, header_of
from tests.e2e.live import Way
from tests.e2e.provider import OIDC, Issuer

pytestmark = pytest.mark.e2e

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")


@pytest.fixture
def documents() -> Iterator[Documents]:
    with Documents() as served:
        yield served


@pytest.fixture
def behind(
    way: Way, clock: SettableClock, root: Issuer, documents: Documents
) -> Iterator[Callable[..., tuple[Gate, Service]]]:
    """Makes a gateway that signs with some keys, and a backend that has fetched them."""
    running: list[Service] = []

    def make(*keys: SigningKey, **how: Any) -> tuple[Gate, Service]:
        documents.generator = BackendJwtGenerator(keys, **{"issuer": documents.url, **how})
        gate = Gate(way, clock, [known(root)], subscriptions=subscribed(), backend_jwt=documents.generator)
        running.append(Service("backend", documents.url, BACKEND).start())
        return gate, running[-1]

    yield make
    for one in running:
        one.kill()


def called(backend: Service, jwt: str | None) -> tuple[int, Any]:
    """Return the status and the JSON with which *backend* answers a call with *jwt*."""
    answer = backend.ask("/menu", headers={} if jwt is None else {HEADER: jwt})
    return answer.status_code, answer.json()


@each_kind
@each_caller
def test_a_backend(behind: Callable[..., tuple[Gate, Service]], root: Issuer, documents: Documents, kind: str) -> None:
    """A backend that finds the keys by discovery verifies what it gets, and learns who calls what."""
    gate, backend = behind(SigningKey.generate())
    token, call = root.user_token(kind, sub="bob", scope="read write"), orders().call("GET", "/menu")
    allowed = gate.allow(token, call)
    status, said = called(backend, allowed.backend_headers[HEADER])
    assert (status, said["header"]["typ"], said["header"]["alg"]) == (200, "backend+jwt", "ES256")
    claims = said["claims"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (documents.url, BACKEND, "bob")
    assert (claims["client_id"], claims["scope"], claims["key_type"]) == ("web", "read write", "PRODUCTION")
    assert claims["api"] == {"id": API_ID, "name": "orders", "version": "1.0.0", "context": "/orders/1.0.0"}
    assert claims["application"] == {
        "id": "app-web",
        "name": "Application of web",
        "tier": "Silver",
        "owner": "olga",
    }
    assert (claims["subscription"], claims["key_manager"]) == ({"tier": "Gold"}, {"name": "root", "issuer": root.url})
    assert allowed.token is not None
    assert claims["iat"] < claims["exp"] <= allowed.token.expires_at
    assert gate.allow(token, call).backend_jwt == allowed.backend_jwt
    assert documents.hits == {OIDC: 1, JWKS: 2}  # once for each library


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@each_caller
def test_algorithms(behind: Callable[..., tuple[Gate, Service]], root: Issuer, algorithm: str) -> None:
    """A backend that goes by the discovery document verifies what is signed with any algorithm."""
    gate, backend = behind(SigningKey.generate(algorithm))
    jwt = gate.allow(root.token("ES256"), orders().call("GET", "/menu")).backend_jwt
    status, said = called(backend, jwt)
    assert (status, said["header"]["alg"], said["claims"]["client_id"]) == (200, algorithm, "m2m")


@each_caller
def test_not_for_this_backend(behind: Callable[..., tuple[Gate, Service]], root: Issuer, documents: Documents) -> None:
    """A backend refuses a JWT for another API's backend, one of another gateway, and the access token itself."""
    gate, backend = behind(SigningKey.generate())
    token = root.token("ES256")
    for jwt in (
        gate.allow(token, orders(backend_audience="urn:backend:other").call("GET", "/menu")).backend_jwt,
        token,
        None,
    ):
        assert called(backend, jwt)[0] == 401
    stranger = BackendJwtGenerator(SigningKey.generate(), issuer=documents.url)
    other = Gate(gate.way, gate.clock, [known(root)], subscriptions=subscribed(), backend_jwt=stranger)
    assert called(backend, other.allow(token, orders().call("GET", "/menu")).backend_jwt)[0] == 401
    assert called(backend, gate.allow(token, orders().call("GET", "/menu")).backend_jwt)[0] == 200


@each_caller
def test_it_is_no_access_token(behind: Callable[..., tuple[Gate, Service]], root: Issuer) -> None:
    """What the gateway made for a backend does not open the gateway."""
    gate, _ = behind(SigningKey.generate())
    call = orders().call("GET", "/menu")
    jwt = gate.allow(root.token("ES256"), call).backend_jwt
    assert gate.why(jwt, call) == "WRONG_TOKEN_KIND"


@each_caller
def test_no_longer_than_the_token(behind: Callable[..., tuple[Gate, Service]], root: Issuer) -> None:
    """A backend JWT ends with its access token, and another is made when a tenth of its life is left."""
    gate, backend = behind(SigningKey.generate())
    call = orders().call("GET", "/menu")
    token = root.token("opaque:ttl200")
    allowed = gate.allow(token, call)
    assert allowed.token is not None
    assert allowed.backend_jwt is not None
    made = claims_of(allowed.backend_jwt)
    assert made["exp"] == allowed.token.expires_at
    life_s = made["exp"] - made["iat"]
    gate.clock.set_wall(made["exp"] - life_s * 0.1 - 1)
    assert gate.allow(token, call).backend_jwt == allowed.backend_jwt
    gate.clock.set_wall(made["exp"] - life_s * 0.1 + 1)
    renewed = gate.allow(token, call).backend_jwt
    assert renewed is not None
    assert claims_of(renewed)["jti"] != made["jti"]
    assert claims_of(renewed)["exp"] == made["exp"]
    assert called(backend, allowed.backend_jwt)[0] == 200


@each_caller
def test_it_says_what_is_known_now(behind: Callable[..., tuple[Gate, Service]], root: Issuer) -> None:
    """A backend is told of a changed subscription from the next call on."""
    gate, backend = behind(SigningKey.generate())
    token, call = root.token("ES256"), orders().call("GET", "/menu")
    store: Any = gate.validator._subscriptions
    tiers = []
    for policy in ("Gold", "Bronze"):
        store.put(subscription("m2m", policy=policy))
        tiers.append(called(backend, gate.allow(token, call).backend_jwt)[1]["claims"]["subscription"]["tier"])
    assert tiers == ["Gold", "Bronze"]


@each_caller
def test_custom_claims(behind: Callable[..., tuple[Gate, Service]], root: Issuer) -> None:
    """A function of one's own tells the backend more, but not who calls and what they may do."""

    async def custom(case: Any) -> dict[str, Any]:
        return {"tenant": case.token.claims["tenant"], "sub": "root", "scope": "admin", "api": "mine", "exp": 1}

    gate, backend = behind(SigningKey.generate(), custom_claims=custom, claims={"tenant": "at", "gty": "how"})
    status, said = called(backend, gate.allow(root.token("ES256"), orders().call("GET", "/menu")).backend_jwt)
    claims = said["claims"]
    assert (status, claims["tenant"], claims["at"], claims["sub"]) == (200, "root", "root", "m2m")
    assert (claims["scope"], claims["api"]["id"]) == ("read", API_ID)


class Traffic:
    """Calls that flow all the time, from new and known tokens, on threads of their own."""

    def __init__(self, gate: Gate, backend: Service, tokens: list[str]) -> None:
        self.seen: list[tuple[int, str, Any]] = []
        self._gate, self._backend, self._tokens = gate, backend, tokens
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._flow, args=(place,)) for place in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def so_far(self) -> int:
        """Return how many calls were answered."""
        return len(self.seen)

    def goes_on(self, calls: int = 40) -> None:
        """Wait for some more calls that begin after now; a thread that ended with an error ends the test."""
        target = self.so_far() + calls + len(self._threads)
        while self.so_far() < target:
            assert all(thread.is_alive() for thread in self._threads)
            self._over.wait(0.005)

    def _flow(self, place: int) -> None:
        call, count = orders().call("GET", "/menu"), place
        while not self._over.is_set():
            count += 1
            jwt = self._gate.allow(self._tokens[count % len(self._tokens)], call).backend_jwt
            assert jwt is not None
            status, said = called(self._backend, jwt)
            self.seen.append((status, header_of(jwt)["kid"], said))


@each_caller
def test_rotation(behind: Callable[..., tuple[Gate, Service]], root: Issuer, documents: Documents) -> None:
    """A key that is changed in steps is noticed by no backend, though calls flow and it fetches keys only when due."""
    old, new = SigningKey.generate(kid="old"), SigningKey.generate("EdDSA", kid="new")
    gate, backend = behind(old)
    generator = documents.generator
    assert generator is not None
    tokens = [root.token(kind) for kind in ("ES256", "opaque") * 4]
    with Traffic(gate, backend, tokens) as traffic:
        traffic.goes_on()
        generator.use_keys([old, new])
        traffic.goes_on()
        assert backend.ask("/refetch", data=b"").ok
        generator.use_keys([new, old])
        tokens += [root.token(kind) for kind in ("ES256", "opaque")]
        traffic.goes_on()
        assert {"old", "new"} == {kid for _, kid, _ in traffic.seen}
        generator.use_keys([new])
        traffic.goes_on()
        without_old = traffic.so_far()
        assert backend.ask("/refetch", data=b"").ok
        traffic.goes_on()
    assert [said for status, _, said in traffic.seen if status != 200] == []
    assert {kid for _, kid, _ in traffic.seen[without_old:]} == {"new"}
    assert documents.hits == {OIDC: 3, JWKS: 6}  # never for a key that is not known


@each_caller
def test_a_hasty_rotation(behind: Callable[..., tuple[Gate, Service]], root: Issuer, documents: Documents) -> None:
    """A key that is changed at once is noticed by a backend, until it fetches the keys again."""
    gate, backend = behind(SigningKey.generate(kid="old"))
    token, call = root.token("ES256"), orders().call("GET", "/menu")
    before = gate.allow(token, call).backend_jwt
    assert documents.generator is not None
    documents.generator.use_keys(SigningKey.generate(kid="new"))
    after = gate.allow(token, call).backend_jwt
    assert after is not None
    assert header_of(after)["kid"] == "new"
    assert [called(backend, jwt)[0] for jwt in (before, after)] == [200, 401]
    assert backend.ask("/refetch", data=b"").ok
    assert [called(backend, jwt)[0] for jwt in (before, after)] == [401, 200]


def test_a_service_ends(documents: Documents) -> None:
    """A backend that is killed answers nobody, so that a test that kills one proves something."""
    documents.generator = BackendJwtGenerator(SigningKey.generate(), issuer=documents.url)
    with service("backend", documents.url, BACKEND) as backend:
        assert called(backend, None)[0] == 401
        backend.kill()
        with pytest.raises(OSError, match="127"):
            called(backend, None)
