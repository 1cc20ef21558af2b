"""Backend JWTs that another process signs, which dies, comes back, and holds another key."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmvalidate import BackendJwtGenerator, SigningKey
from tests.e2e.calling import BACKEND, Gate, Service, each_caller, known, orders, service, subscribed
from tests.e2e.gateway import SettableClock
from tests.e2e.live import Way
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

SIGN_S = 30
THREADS = 6
each_function = pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])


def new_key(file: Path) -> str:
    """Write a new key to *file*, and return its path."""
    key = generate_private_key(SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(file)


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Service]:
    with service("signer", new_key(tmp_path / "key.pem")) as running:
        yield running


class Asking:
    """Has a signer sign, plain or async, and counts how often."""

    def __init__(self, signer: Service, *, is_async: bool) -> None:
        self.asked = 0
        self._signer = signer
        sign: Callable[[bytes], Any] = self._asigned if is_async else self._signed
        self.key = SigningKey.from_signer(sign, public_key=signer.ask("/key").json(), algorithm="ES256", ecdsa="der")

    def _signed(self, data: bytes) -> bytes:
        self.asked += 1
        return self._signer.ask("/sign", data=data).content

    async def _asigned(self, data: bytes) -> bytes:
        self.asked += 1
        async with httpx.AsyncClient(trust_env=False, timeout=SIGN_S) as client:
            return (await client.post(self._signer.url + "/sign", content=data)).content


@pytest.fixture
def asking(signer: Service, is_async: bool) -> Asking:
    return Asking(signer, is_async=is_async)


@pytest.fixture
def gate(way: Way, clock: SettableClock, root: Issuer, asking: Asking) -> Gate:
    """A gateway whose backend JWTs are signed elsewhere."""
    generator = BackendJwtGenerator(asking.key)
    return Gate(way, clock, [known(root)], subscriptions=subscribed(), backend_jwt=generator)


def verified(asking: Asking, token: str | None) -> dict[str, Any]:
    """Return the claims of a backend JWT that is signed as it should be."""
    key = jwt.PyJWK(asking.key.public_jwk(), algorithm="ES256")
    return jwt.decode(token or "", key, algorithms=["ES256"], audience=BACKEND)


@each_function
@each_caller
def test_a_signer(gate: Gate, asking: Asking, root: Issuer) -> None:
    """What another process signs verifies, and it is asked once for a token and an API."""
    token, call = root.token("ES256"), orders().call("GET", "/menu")
    first = gate.allow(token, call).backend_jwt
    assert verified(asking, first)["client_id"] == "m2m"
    assert (gate.allow(token, call).backend_jwt, asking.asked) == (first, 1)
    assert verified(asking, gate.allow(root.token("opaque"), call).backend_jwt)["client_id"] == "m2m"
    assert asking.asked == 2


@each_function
@each_caller
def test_it_dies_and_comes_back(gate: Gate, asking: Asking, signer: Service, root: Issuer) -> None:
    """While a signer is dead no call that needs it goes through, those with a JWT go on, and then all do again."""
    call = orders().call("GET", "/menu")
    known_token, token = root.token("ES256"), root.token("ES256")
    before = gate.allow(known_token, call).backend_jwt
    signer.kill()
    for _ in range(2):
        with pytest.raises((requests.ConnectionError, httpx.TransportError)) as caught:
            gate.allow(token, call)
        assert token not in str(caught.value)
        assert gate.allow(known_token, call).backend_jwt == before
        assert gate.why(token, orders().call("POST", "/menu")) == "INSUFFICIENT_SCOPE"
    signer.start()
    assert verified(asking, gate.allow(token, call).backend_jwt)["client_id"] == "m2m"


@each_function
@each_caller
def test_it_holds_another_key(gate: Gate, asking: Asking, signer: Service, root: Issuer, tmp_path: Path) -> None:
    """What is signed with another key than the published one never goes out, and neither does the call."""
    call, token = orders().call("GET", "/menu"), root.token("opaque")
    signer.kill()
    new_key(tmp_path / "key.pem")
    signer.start()
    for _ in range(2):
        assert "does not verify" in gate.cannot_tell(token, call).why
    assert "does not verify" in (gate.explain(token, call).unavailable or "")
    key = Asking(signer, is_async=False)
    gate.validator._backend_jwts.use_keys([key.key])
    assert verified(key, gate.allow(token, call).backend_jwt)["client_id"] == "m2m"


@each_function
@each_caller
def test_it_dies_among_callers(gate: Gate, asking: Asking, signer: Service, root: Issuer) -> None:
    """However many wait when a signer dies, each has a JWT that verifies, or the signer's error."""
    call = orders().call("GET", "/menu")
    tokens = [root.token("ES256") for _ in range(THREADS * 6)]
    outcomes: list[tuple[str, str | None]] = []
    enough = threading.Event()

    def flow(place: int) -> None:
        for token in tokens[place::THREADS]:
            try:
                outcomes.append(("signed", gate.allow(token, call).backend_jwt))
            except (requests.RequestException, httpx.TransportError) as error:
                outcomes.append(("failed", type(error).__name__))
            if len(outcomes) >= THREADS:
                enough.set()

    threads = [threading.Thread(target=flow, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    assert enough.wait(SIGN_S)
    signer.kill()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(tokens)
    assert {name for name, _ in outcomes} == {"signed", "failed"}
    assert {verified(asking, said)["client_id"] for name, said in outcomes if name == "signed"} == {"m2m"}
