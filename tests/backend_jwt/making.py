"""
Cases, keys and generators for the tests of backend JWTs.

Rules kept here: tokens are verified before they are in a case; what is read from a JWT is read by hand, never by the
library under test; time, and the bytes that ids are made of, are set.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from typing import Any

from kmvalidate.apis import Api, ApiCall, Resource
from kmvalidate.backend_jwt import BackendJwt, BackendJwtGenerator
from kmvalidate.cases import Case
from kmvalidate.ports import BlockingPorts, run
from kmvalidate.rules import TokenKinds
from kmvalidate.signing import SigningKey
from kmvalidate.subscriptions import NO_GRANT, Application, Grant, Subscription
from tests.introspecting.scenes import key_manager
from tests.signing import (
    AUDIENCE,
    KEY_OF,
    NOW,
    NoNetwork,
    SetClock,
    changed,
    good_claims,
    private_key,
    token,
    validator,
)
from tests.signing_keys.making import certificate, in_der, in_pem
from tests.test_private_keys import pem

#: What ids are made of, and the UUID that it makes.
RANDOM = bytes(range(16))
UUID = "00010203-0405-4607-8809-0a0b0c0d0e0f"

API = Api(
    "orders",
    "1.0.0",
    id="3f1c9d52",
    backend_audience="orders-backend",
    resources=[Resource("GET", "/menu")],
)
CALL = API.call("GET", "/menu")
APPLICATION = Application(
    id="5d0f4c1e", name="Shop", owner="bob", tier="10PerMin", number=7, attributes={"team": "blue"}
)
SUBSCRIPTION = Subscription(application="5d0f4c1e", api="3f1c9d52", policy="Gold")
GRANT = Grant(application=APPLICATION, key_type="SANDBOX", subscription=SUBSCRIPTION)


def key(alg: str = "ES256", owner: str = "idp", *, certified: bool = False, **options: Any) -> SigningKey:
    """Return a key that signs with *alg*, with a certificate of its own if it is to be *certified*."""
    shape = KEY_OF[alg]
    if certified:
        options["certificate"] = in_pem(certificate(shape, owner))
    return SigningKey.from_pem(pem(private_key(shape, owner)), algorithm=alg, **options)


def der(alg: str = "RS256", owner: str = "idp") -> bytes:
    """Return the certificate that `key` gives that key."""
    return in_der(certificate(KEY_OF[alg], owner))


def verified(now: float = NOW, **claims: Any) -> Any:
    """Return a good token with these claims, verified at *now*; claims of other kinds of token are let pass."""
    manager = {"token_kinds": TokenKinds(foreign_claims={}, markers={})}
    return validator(clock=SetClock(now), **manager).authenticate(token(good_claims(**claims)))


def opaque(**answer: Any) -> Any:
    """Return a token that its key manager said this of."""
    usual = {"active": True, "aud": AUDIENCE, "exp": NOW + 3600, "sub": "alice", "client_id": "shop"}
    manager = key_manager(lambda *_: changed(usual, answer), requires=())
    return validator(manager).authenticate("opaque")


def case(
    verified_token: Any = None,
    grant: Grant = GRANT,
    call: ApiCall = CALL,
    user_claims: Any = None,
    **claims: Any,
) -> Case:
    """Return a case of a token, by default of a good one with these *claims*."""
    return Case(verified_token or verified(**claims), call, NOW, grant, user_claims)


def bare(**claims: Any) -> Case:
    """Return a case of which nothing is known but the token."""
    return case(grant=NO_GRANT, call=ApiCall(), **claims)


def ports(now: float = NOW) -> BlockingPorts:
    return BlockingPorts(NoNetwork(), SetClock(now))


def generator(keys: Any = None, **options: Any) -> BackendJwtGenerator:
    """Return a generator whose ids are all the same."""
    return BackendJwtGenerator(keys or key(), **{"_random": lambda count: RANDOM[:count], **options})


def issue(made: BackendJwtGenerator, of: Case, now: float = NOW) -> BackendJwt:
    return run(made.issue(of, ports(now)))


def part(jwt: BackendJwt, number: int) -> bytes:
    """Return one part of a JWT, whichever alphabet it is in."""
    text = jwt.text.split(".")[number]
    text += "=" * (-len(text) % 4)
    return urlsafe_b64decode(text) if {"-", "_"} & {*text} else b64decode(text, validate=True)


def header(jwt: BackendJwt) -> dict[str, Any]:
    return json.loads(part(jwt, 0))


def payload(jwt: BackendJwt) -> dict[str, Any]:
    """Return the claims of a JWT, none of which is there twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(part(jwt, 1), object_pairs_hook=once)


def claims(of: Case | None = None, now: float = NOW, **options: Any) -> dict[str, Any]:
    """Return the claims of the JWT that a generator with these *options* makes."""
    return payload(issue(generator(**options), of or case(), now))
