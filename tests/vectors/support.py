"""What the vector tests share: the files, and the library's own path from a token and a key to a verdict."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from kmvalidate import tokens
from kmvalidate.audiences import ANY_AUDIENCE
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.key_documents import read_keys
from kmvalidate.key_manager import DEFAULT_ALGORITHMS, KeyManager
from kmvalidate.key_sets import ALGORITHM_SHAPES, KeySet
from kmvalidate.key_sources import StaticKeys
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.signatures import verifier
from kmvalidate.tokens import Header, Jwt, parse_header, recognise
from kmvalidate.validator import TokenValidator

DATA = Path(__file__).parent / "data"
ALL_ALGORITHMS = tuple(ALGORITHM_SHAPES)
ISSUER = "joe"  # the issuer in the examples of RFC 7515

Case = tuple[dict[str, Any], dict[str, Any]]


class FixedClock:
    """A clock that stands still."""

    def __init__(self, now: float) -> None:
        self.now = now

    def wall(self) -> float:
        """Return the time of the test."""
        return self.now

    def monotonic(self) -> float:
        """Return the time of the test."""
        return self.now


def load(path: str) -> Any:
    """Return a JSON file of the vectors."""
    return json.loads((DATA / path).read_text("utf-8"))


def text(path: str) -> str:
    """Return a text file of the vectors."""
    return (DATA / path).read_text("utf-8")


def cases(name: str) -> Iterator[Case]:
    """Yield the cases of a Wycheproof file, each with its group."""
    for group in load(f"wycheproof/{name}_test.json")["testGroups"]:
        for case in group["tests"]:
            yield group, case


def labels(name: str) -> Counter[str]:
    """Return how many cases of a Wycheproof file have each label."""
    return Counter(case["result"] for _, case in cases(name))


def key_manager(keys: KeySet, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> KeyManager:
    """Return a key manager with these keys."""
    return KeyManager(
        name="Vectors", issuer=ISSUER, audience=ANY_AUDIENCE, keys=StaticKeys(keys), algorithms=algorithms
    )


def validator(keys: KeySet, *, now: float, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> TokenValidator:
    """Return a validator that knows one key manager with these keys, at a time that stands still."""
    return TokenValidator(KeyManagerRegistry([key_manager(keys, algorithms)], clock=FixedClock(now)))


def octets(segment: str) -> bytes:
    """Return what a base64url segment stands for."""
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def segment(content: bytes) -> str:
    """Return *content* as a base64url segment."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def take_apart(token: object) -> Jwt:
    """Recognise a token whose payload is no claims set: everything but reading that payload as JSON."""
    with mock.patch.object(tokens, "parse_object", return_value={}):
        jwt = recognise(token)
    if not isinstance(jwt, Jwt):
        raise Refused(Reason.OPAQUE_TOKEN)
    return jwt


def check(token: object, keys: KeySet, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> None:
    """Verify a token's signature the way `JwtValidator` does, whatever its payload is."""
    jwt = take_apart(token)
    header = parse_header(jwt)
    check_signature(header, jwt.signature, jwt.signing_input, keys, algorithms)


def check_signature(
    header: Header, signature: bytes, signed: bytes, keys: KeySet, algorithms: Iterable[str] = DEFAULT_ALGORITHMS
) -> None:
    """Choose the algorithm, the key and the verifier by the library's own rules, and verify."""
    shapes = key_manager(keys, algorithms).algorithm_shapes().get(header.alg, ())
    if not shapes:
        raise Refused(Reason.ALGORITHM_NOT_ALLOWED)
    key = keys.find(header, shapes)
    if key is None:
        raise Refused(Reason.UNKNOWN_KEY)
    if not verifier(header.alg, key)(signature, signed):
        raise Refused(Reason.BAD_SIGNATURE)


def verdict(token: object, document: object, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> Reason | str:
    """Return "verified", the reason why a token is refused, or "no usable key" in the key document."""
    try:
        keys = read_keys(document if isinstance(document, str) else json.dumps(document))
    except ConfigurationError:
        return "no usable key"
    try:
        check(token, keys, algorithms)
    except Refused as refused:
        return refused.reason
    return "verified"


def accepts(alg: str, case: dict[str, Any], keys: KeySet, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> bool:
    """Tell whether a raw signature of a Wycheproof case is accepted as *alg*."""
    header = Header(alg, None, None, None)
    try:
        check_signature(header, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]), keys, algorithms)
    except Refused:
        return False
    return True
