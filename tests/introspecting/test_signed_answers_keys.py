"""The keys that verify signed introspection answers: the issuer's own."""

import pytest

from kmvalidate import RemoteKeys, StaticKeys
from tests.fakes import KEYS, ec_jwk, published
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, said
from tests.introspecting.asking_signed import OTHER, asking, header_of, raw, signed
from tests.signing import private_key


def fetching(*owners, **changes):
    asker = asking(None, keys=RemoteKeys(), of_manager={"algorithms": ("ES256",)})
    asker.answers |= published(*owners, **changes)
    asker.answers[ENDPOINT] = by("new")
    return asker


def by(owner, **claims):
    """Return an answer that *owner* signed, who is its kid."""
    return signed(header_of(kid=owner), key=private_key("P-256", owner), **claims)


def test_an_unknown_key_is_fetched_once():
    """A key id that is not known lets the keys be fetched once, and the new key is used; a flood of others is not."""
    asker = fetching("old")
    asker.answers[ENDPOINT] = by("old")
    assert asker.ask() == ACTIVE
    asker.clock.pass_s(60)
    asker.answers |= published("old", "new") | {ENDPOINT: by("new")}
    assert asker.ask() == ACTIVE
    assert asker.transport.hits[KEYS] == 2
    asker.answers[ENDPOINT] = by("never")
    for _ in range(5):
        assert "UNKNOWN_KEY" in asker.outage().why
    assert asker.transport.hits[KEYS] == 2


def test_keys_that_cannot_be_had_are_an_outage():
    """Without keys there is no answer, and the next one tries again."""
    asker = fetching("new")
    asker.answers[KEYS] = said({}, 500)
    assert asker.outage().is_outage
    asker.clock.pass_s(60)
    asker.answers[KEYS] = published("new")[KEYS]
    assert asker.ask() == ACTIVE


def test_other_issuers_and_types_fetch_no_keys():
    """What is not worth verifying does not let keys be fetched."""
    asker = fetching("new")
    for answer in (by("x", iss=OTHER), signed(header_of(typ="JWT")), signed(header_of(alg="HS256")), raw(b"x")):
        asker.answers[ENDPOINT] = answer
        asker.outage()
    assert asker.transport.hits == {ENDPOINT: 4}


TENANTS = {"issuer": "https://idp.example/{tenantid}", "tenants": ("acme", "other")}
ACME, STRANGER = "https://idp.example/acme", "https://idp.example/other"


@pytest.mark.parametrize(("owner", "is_good"), [(None, True), (ACME, True), (STRANGER, False), (OTHER, False)])
def test_the_key_of_another_tenant_signs_no_answer(owner, is_good):
    """A key that says which tenant it belongs to signs for no other one."""
    keys = StaticKeys.from_jwks({"keys": [ec_jwk("a") | ({} if owner is None else {"issuer": owner})]})
    asker = asking(by("a", iss=ACME), keys=keys, of_manager=TENANTS)
    if is_good:
        assert asker.ask() == ACTIVE
    else:
        assert asker.outage().why == "signed introspection answer: UNKNOWN_KEY"
