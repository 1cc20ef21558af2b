"""Tokens, users and callables that try to say what the generator says."""

import asyncio

import pytest

from kmvalidate.asyncio_ports import AsyncioPorts, OnThreads
from kmvalidate.backend_jwt import GATEWAY_FACTS, PROTECTED_CLAIMS, LegacyFormat
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.signing import SigningKey
from tests.backend_jwt.making import (
    bare,
    case,
    claims,
    generator,
    issue,
    key,
    payload,
    ports,
)
from tests.signing import ABSENT, NoNetwork, private_key, public_jwk, sign

D = "http://wso2.org/claims/"
RSA = key("RS256", certified=True)
IN_DIALECT = {
    "subscriber",
    "applicationid",
    "applicationname",
    "applicationtier",
    "apiname",
    "apicontext",
    "version",
    "tier",
    "keytype",
    "usertype",
    "enduser",
    "enduserTenantId",
    "applicationUUId",
    "applicationAttributes",
}
PROTECTED = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope", "scp"}
FACTS = {"api", "application", "key_type", "subscription", "key_manager", "organization"}
EVIL = dict.fromkeys(PROTECTED | FACTS, "evil")
EVIL_IN_DIALECT = {D + name: "evil" for name in IN_DIALECT}


def legacy(of, dialect="http://wso2.org/claims", **options):
    return payload(issue(generator(RSA, format=LegacyFormat(dialect=dialect), **options), of))


def callable_of(members):
    return lambda _: members


def test_the_names_are_those_that_are_documented():
    """The public sets of protected names are what these tests try."""
    assert (PROTECTED_CLAIMS, GATEWAY_FACTS) == (PROTECTED, FACTS)


@pytest.mark.parametrize("make", [case, bare])
def test_strict_claims_are_the_generators(make):
    """No claim of the user or of a callable takes the place of one of the generator's, nor of one that is missing."""
    honest = claims(make(), audience="b")
    assert claims(make(user_claims=EVIL), audience="b") == honest
    assert claims(make(), audience="b", custom_claims=callable_of(EVIL)) == honest


def test_strict_claims_are_not_the_tokens():
    """A token with claims that are called like facts of the gateway changes nothing in the backend JWT."""
    facts = dict.fromkeys(FACTS, "evil")
    assert claims(case(**facts)) == claims(case())
    assert claims(bare(**facts), audience="b") == claims(bare(), audience="b")


@pytest.mark.parametrize("name", sorted(PROTECTED | FACTS))
def test_no_claim_can_be_mapped_to_a_name_of_the_generator(name):
    """Mapping a claim of the token to a name that the generator writes is an error."""
    with pytest.raises(ConfigurationError, match=f"claims: {name} is written"):
        generator(claims={"upn": name})


@pytest.mark.parametrize("name", [D + "subscriber", "organizations", "iss", "aut", "jti"])
def test_no_claim_can_be_mapped_to_a_name_of_the_legacy_format(name):
    """Mapping a claim of the token to a name that the legacy format writes or restricts is an error."""
    with pytest.raises(ConfigurationError, match="is written"):
        generator(RSA, format=LegacyFormat(), claims={"upn": name})


@pytest.mark.parametrize("make", [case, bare])
def test_claims_in_the_dialect_are_the_gateways(make):
    """No claim in the dialect comes from the token, the user or a callable, be it known to the gateway or not."""
    honest = legacy(make())
    assert legacy(make(**EVIL_IN_DIALECT)) == honest
    assert legacy(make(user_claims=EVIL_IN_DIALECT | dict.fromkeys(PROTECTED, "evil"))) == honest
    assert legacy(make(), custom_claims=callable_of(EVIL_IN_DIALECT | dict.fromkeys(PROTECTED, "evil"))) == honest


def test_an_empty_dialect_has_names_that_tokens_use():
    """With an empty dialect, a claim ``tier`` of the token is still not the subscription's."""
    of = bare(tier="evil", subscriber="evil", version="evil")
    assert not {"tier", "subscriber", "version"} & legacy(of, dialect="").keys()


def test_scopes_come_from_the_token_alone():
    """A user claim that is called like a scope claim gives a token without scopes none."""
    of = bare(scope=ABSENT, client_id=ABSENT, user_claims={"scope": "admin", "scp": ["admin"], "azp": "x"})
    assert not {"scope", "scp", "azp", "client_id"} & (legacy(of).keys() | claims(of, audience="b").keys())


class Odd:
    """Something that JSON has not."""


CIRCLE: dict = {}
CIRCLE["circle"] = CIRCLE
DEEP: dict = {}
for _ in range(5000):
    DEEP = {"deep": DEEP}

NOT_JSON = [
    {"a": "\ud800"},
    {"\ud800": 1},
    {"a": Odd()},
    {"a": b"raw"},
    {"a": {1, 2}},
    {"a": float("nan")},
    {"a": float("inf")},
    {"a": 10**80},
    {1: "a", "1": "b"},
    {("a", "b"): 1},
    CIRCLE,
    DEEP,
    ["a"],
    "a",
    7,
    None,
]


@pytest.mark.parametrize("members", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_json_cannot_say_is_an_error(members):
    """Claims of a callable that are no JSON object are an error, and nothing is issued."""
    with pytest.raises(ConfigurationError, match="custom_claims: "):
        claims(custom_claims=callable_of(members))


@pytest.mark.parametrize("members", NOT_JSON[:-1], ids=range(len(NOT_JSON) - 1))
def test_user_claims_are_json(members):
    """Claims of the user that are no JSON object are an error, and nothing is issued."""
    with pytest.raises(ConfigurationError, match="user claims: "):
        claims(case(user_claims=members))


def test_errors_have_nothing_of_the_claims():
    """What the error says, and what led to it, has nothing of the claims."""
    with pytest.raises(ConfigurationError) as caught:
        claims(custom_claims=callable_of({"secret": "\ud800"}))
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


async def a_claim(of):
    await asyncio.sleep(0)
    return {"who": of.token.subject}


async def a_signature(signed):
    await asyncio.sleep(0)
    return sign("ES256", signed, private_key("P-256"))


def aissue(made, of):
    return asyncio.run(made.issue(of, AsyncioPorts(OnThreads(NoNetwork()), ports())))


@pytest.mark.parametrize("custom", [a_claim, lambda of: {"who": of.token.subject}], ids=["async", "plain"])
@pytest.mark.parametrize("signer", [a_signature, lambda signed: sign("ES256", signed)], ids=["async", "plain"])
@pytest.mark.parametrize("issued", [issue, aissue])
def test_functions_of_any_colour(custom, signer, issued):
    """Signers and callables, plain or async, serve blocking and asyncio callers."""
    signing = SigningKey.from_signer(signer, public_key=public_jwk("P-256"), algorithm="ES256")
    jwt = issued(generator(signing, custom_claims=custom), case())
    assert payload(jwt)["who"] == "alice"
    assert jwt.key_id == "P-256"


class OutOfOrderError(Exception):
    """What somebody's function raises."""


def out_of_order(_):
    raise OutOfOrderError


@pytest.mark.parametrize("issued", [issue, aissue])
def test_what_a_function_raises_passes_through(issued):
    """What a signer or a callable raises reaches the caller as it is, and nothing is issued."""
    signing = SigningKey.from_signer(out_of_order, public_key=public_jwk("P-256"), algorithm="ES256")
    for made in (generator(signing), generator(custom_claims=out_of_order)):
        with pytest.raises(OutOfOrderError):
            issued(made, case())


def test_a_wrong_signature_is_not_issued():
    """A signer whose signatures do not verify issues nothing."""
    wrong = SigningKey.from_signer(lambda _: bytes(64), public_key=public_jwk("P-256"), algorithm="ES256")
    with pytest.raises(KeyManagerUnavailable):
        issue(generator(wrong), case())
