"""Organizations of Asgardeo whose key sets mix the keys of several issuers: keys count for one issuer, and no other."""

import asyncio
import itertools

import pytest

from kmvalidate import KeyManagerRegistry, Refused, TokenValidator
from kmvalidate.providers import asgardeo
from kmvalidate.testing import ProviderLaws
from kmvalidate.testing._kinds.asgardeo import SUB_ORGANIZATION
from tests.fakes import FakeTransport
from tests.signing import AUDIENCE, SetClock, good_claims, private_key, public_jwk, reason, refusal, token

HOME = "https://api.asgardeo.io/t/acme"
CHILD_ID = "12d1c4d2-2bb1-443b-aa4a-68f98a40d7c6"
OTHER_ID = "7e98b86f-63c7-41a1-8c56-c909a21a2615"
ROOT = f"{HOME}/oauth2/token"
CHILD = f"{HOME}/o/{CHILD_ID}/oauth2/token"
OTHER = f"{HOME}/o/{OTHER_ID}/oauth2/token"

#: The key set of each issuer, as kid and owner: those of sub-organizations have the keys of the root too.
MIXED = {
    ROOT: [("root-kid", "root")],
    CHILD: [("root-kid", "root"), ("child-kid", "child")],
    OTHER: [("root-kid", "root"), ("other-kid", "other")],
}


class TestSubOrganization(ProviderLaws):
    kind = SUB_ORGANIZATION


def jwks_of(issuer):
    return issuer.removesuffix("/token") + "/jwks"


def managers(*ids):
    """Return a key manager for the root and for each sub-organization."""
    children = (asgardeo("acme", sub_organization=one, audience=AUDIENCE, name=one) for one in ids)
    return [asgardeo("acme", audience=AUDIENCE, name="root"), *children]


class Mixed:
    """A validator over key sets that mix issuers."""

    def __init__(self, *known, key_sets=None):
        self.transport = FakeTransport()
        for issuer, keys in (key_sets or MIXED).items():
            jwks = {"keys": [public_jwk("RSA", owner, kid=kid, alg="RS256") for kid, owner in keys]}
            document = {"issuer": issuer, "jwks_uri": jwks_of(issuer)}
            self.transport.answers |= {
                f"{issuer}/.well-known/openid-configuration": document,
                jwks_of(issuer): jwks,
            }
        registry = KeyManagerRegistry(known, transport=self.transport, clock=SetClock())
        self.validator = TokenValidator(registry)

    def verdict(self, bearer):
        return reason(self.validator.authenticate, bearer)


def signed(issuer, owner, kid=None, **claims):
    """Return a good token of *issuer*, signed by *owner*."""
    header = {"alg": "RS256", "kid": kid or f"{owner}-kid", "typ": "at+jwt"}
    said = {"iss": issuer, "aut": "APPLICATION_USER", **claims}
    return token(good_claims(**said), header, "RS256", private_key("RSA", owner))


GOOD = {(ROOT, "root"), (CHILD, "child"), (CHILD, "root"), (OTHER, "other"), (OTHER, "root")}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_key_counts_for_the_issuers_that_publish_it(backwards):
    """Each issuer's tokens are verified with its own key set, whatever was verified before and with which keys."""
    mixed = Mixed(*managers(CHILD_ID, OTHER_ID))
    cases = list(itertools.product((ROOT, CHILD, OTHER), ("root", "child", "other")))
    for issuer, owner in [*cases, *cases][:: -1 if backwards else 1]:
        expected = "GOOD" if (issuer, owner) in GOOD else "UNKNOWN_KEY"
        assert mixed.verdict(signed(issuer, owner)) == expected, (issuer, owner)


def test_asyncio_callers_get_the_same_verdicts():
    """A sub-organization's key does not verify a token of the root for asyncio callers either."""
    mixed = Mixed(*managers(CHILD_ID))

    async def verdicts():
        good = await mixed.validator.aauthenticate(signed(CHILD, "child"))
        with pytest.raises(Refused, match="a key that its issuer does not publish"):
            await mixed.validator.aauthenticate(signed(ROOT, "child"))
        return good.issuer

    assert asyncio.run(verdicts()) == CHILD


def test_a_token_belongs_to_the_issuer_it_names():
    """A token of a sub-organization that the root's key signed is the sub-organization's."""
    read = Mixed(*managers(CHILD_ID)).validator.authenticate(signed(CHILD, "root", org_id=CHILD_ID))
    assert (read.key_manager, read.issuer, read.tenant) == (CHILD_ID, CHILD, CHILD_ID)


def test_the_parent_counts_only_while_it_is_published():
    """A sub-organization that publishes only its own key is not signed for by the root."""
    mixed = Mixed(*managers(CHILD_ID), key_sets={**MIXED, CHILD: [("child-kid", "child")]})
    assert mixed.verdict(signed(ROOT, "root")) == "GOOD"
    assert mixed.verdict(signed(CHILD, "child")) == "GOOD"
    assert mixed.verdict(signed(CHILD, "root")) == "UNKNOWN_KEY"


@pytest.mark.parametrize("first", [ROOT, CHILD])
def test_one_key_id_may_stand_for_two_keys(first):
    """Where root and sub-organization use one key id for different keys, each token is verified with its issuer's."""
    same = {ROOT: [("same", "root")], CHILD: [("same", "child")]}
    mixed = Mixed(*managers(CHILD_ID), key_sets=same)
    owner = {ROOT: "root", CHILD: "child"}
    issuers = sorted(owner, key=lambda issuer: issuer != first)
    for issuer in [*issuers, *issuers]:
        other = "child" if issuer == ROOT else "root"
        assert mixed.verdict(signed(issuer, other, "same")) == "BAD_SIGNATURE"
        assert mixed.verdict(signed(issuer, owner[issuer], "same")) == "GOOD"


def test_a_key_id_that_is_there_twice_is_nobodys():
    """Where one key set has two keys under one key id, no token that names it is accepted, and the others are."""
    twice = {ROOT: [("same", "root")], CHILD: [("same", "root"), ("same", "child"), ("child-kid", "child")]}
    mixed = Mixed(*managers(CHILD_ID), key_sets=twice)
    assert mixed.verdict(signed(ROOT, "root", "same")) == "GOOD"
    assert mixed.verdict(signed(CHILD, "root", "same")) == "AMBIGUOUS_KEY"
    assert mixed.verdict(signed(CHILD, "child", "same")) == "AMBIGUOUS_KEY"
    assert mixed.verdict(signed(CHILD, "child")) == "GOOD"


@pytest.mark.parametrize("owner", ["root", "child"])
def test_a_sub_organization_that_nobody_configured_is_unknown(owner):
    """Its tokens are refused without a fetch, whoever signed them, with a hint to configure it."""
    mixed = Mixed(*managers())
    found = refusal(mixed.validator.authenticate, signed(CHILD, owner))
    assert found.reason.name == "UNKNOWN_ISSUER"
    assert "sub_organization=" in found.hint
    assert not mixed.transport.requests


def test_the_root_is_not_known_by_its_sub_organization():
    """Where only a sub-organization is configured, tokens of the root and of its other children are refused."""
    mixed = Mixed(*managers(CHILD_ID)[1:])
    assert mixed.verdict(signed(CHILD, "root")) == "GOOD"
    assert mixed.verdict(signed(ROOT, "root")) == "UNKNOWN_ISSUER"
    assert mixed.verdict(signed(OTHER, "root")) == "UNKNOWN_ISSUER"


def test_key_sets_are_fetched_from_each_issuers_own_place():
    """The root's tokens cause no fetch of a sub-organization's keys, nor the other way round."""
    mixed = Mixed(*managers(CHILD_ID))
    assert mixed.verdict(signed(ROOT, "child")) == "UNKNOWN_KEY"
    assert not [url for url in mixed.transport.hits if CHILD_ID in url]
    assert mixed.verdict(signed(CHILD, "child")) == "GOOD"
    assert mixed.transport.hits[jwks_of(CHILD)] == 1


def test_tokens_of_the_root_can_be_held_to_one_organization():
    """A token of the root about a sub-organization's user is accepted, unless organizations are demanded."""
    root, *_ = managers()
    held = asgardeo("acme", audience=AUDIENCE, claim_in={"org_id": [OTHER_ID]})
    bearer = signed(ROOT, "root", org_id=CHILD_ID)
    assert Mixed(root).validator.authenticate(bearer).tenant == CHILD_ID
    assert Mixed(held).verdict(bearer) == "CLAIM_MISMATCH"
    assert Mixed(held).verdict(signed(ROOT, "root", org_id=OTHER_ID)) == "GOOD"
