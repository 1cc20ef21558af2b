"""A list of what was revoked: by which identities tokens are found in it, and for how long."""

import math
from hashlib import sha256

import pytest

from kmvalidate.errors import ConfigurationError
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.revocation import ANY_KEY_MANAGER, RevocationList, signed_digest
from kmvalidate.strict_json import decode_base64url
from kmvalidate.verified import VerifiedToken
from tests.estate import Estate, pinned, token_of
from tests.signing import ABSENT, NOW, SetClock, b64, dumps, reason, refusal

ECDSA_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
IDP = {"key_manager": "idp"}
NAN = math.nan

#: Each way to revoke the token that `verified` makes, and another token that it says nothing about.
REVOKING = {
    "token id": (lambda revoked, **who: revoked.revoke_token_id("7f3a-11", **IDP | who), {"jti": "other"}),
    "token": (lambda revoked, **_: revoked.revoke_token(token_of("idp", "key")), {"tier": "other"}),
    "digest": (lambda revoked, **_: revoked.revoke_digest(signed_digest(token_of("idp", "key"))), {"tier": "other"}),
    "consumer key": (
        lambda revoked, **who: revoked.revoke_consumer_key("shop", **IDP | who, before=NOW),
        {"client_id": "other"},
    ),
    "subject": (lambda revoked, **who: revoked.revoke_subject("alice", **IDP | who, before=NOW), {"sub": "other"}),
    "client": (lambda revoked, **who: revoked.revoke_client("shop", **IDP | who), {"client_id": "other"}),
    "key": (lambda revoked, **who: revoked.revoke_key("key", **IDP | who), {"owner": "other"}),
    "issuer": (lambda revoked, **_: revoked.revoke_issuer("https://idp.example"), {"name": "other"}),
}
WAYS = [pytest.param(revoke, other, id=name) for name, (revoke, other) in REVOKING.items()]
SCOPED = [pytest.param(REVOKING[name][0], id=name) for name in REVOKING if name not in {"token", "digest", "issuer"}]


def verified(name="idp", organization=None, owner="key", **claims):
    """Return a verified token of the key manager of that name, and its digest."""
    bearer = token_of(name, owner, **claims)
    estate = Estate(pinned(name, owner, organization=organization))
    return estate.validator.authenticate(bearer, organization=organization), lambda: signed_digest(bearer)


def with_payload(**claims):
    """Return a token with these claims and no others, as if it were verified."""
    token, digest = verified()
    return VerifiedToken(token.expires_at, token.starts_at, token.backing, dumps(claims)), digest


@pytest.mark.parametrize(("revoke", "other"), WAYS)
def test_each_identity_refuses_its_tokens_and_no_others(revoke, other):
    """A token is refused by each of its identities once that is revoked, and a token that differs in it is not."""
    revoked = RevocationList()
    revoked.check(*verified())
    revoke(revoked)
    assert refusal(revoked.check, *verified()).key_manager == "idp"
    assert reason(revoked.check, *verified()) == "REVOKED"
    assert reason(revoked.check, *verified(**other)) == "GOOD"
    assert len(revoked) == 1


@pytest.mark.parametrize("revoke", SCOPED)
def test_another_key_managers_tokens_are_others(revoke):
    """What is revoked at one key manager is good at another one, with the very same names in it."""
    revoked = RevocationList()
    revoke(revoked)
    assert revoked.is_revoked(*verified())
    assert not revoked.is_revoked(*verified("other"))


@pytest.mark.parametrize("revoke", SCOPED)
def test_another_organizations_tokens_are_others(revoke):
    """Key managers of one name in two organizations, or in one and in all, have nothing to do with each other."""
    for revoked_in in (None, "acme", "umbrella"):
        revoked = RevocationList()
        revoke(revoked, organization=revoked_in)
        found = [whose for whose in (None, "acme", "umbrella") if revoked.is_revoked(*verified(organization=whose))]
        assert found == [revoked_in]


@pytest.mark.parametrize("revoke", SCOPED)
def test_any_key_manager_is_any_of_that_organization(revoke):
    """Who does not know the key manager revokes at all of one organization, and of no other."""
    revoked = RevocationList()
    revoke(revoked, key_manager=ANY_KEY_MANAGER, organization="acme")
    assert revoked.is_revoked(*verified("idp", "acme"))
    assert revoked.is_revoked(*verified("other", "acme"))
    assert not revoked.is_revoked(*verified("idp"))
    assert not revoked.is_revoked(*verified("idp", "umbrella"))


@pytest.mark.parametrize(("way", "name"), [("revoke_consumer_key", "shop"), ("revoke_subject", "alice")])
@pytest.mark.parametrize(
    ("issued", "is_gone"),
    [(NOW - 10, True), (NOW - 5.001, True), (NOW - 5, False), (NOW - 4.999, False), (NOW + 5, False), (ABSENT, True)],
)
def test_a_moment_refuses_what_was_issued_before(way, name, issued, is_gone):
    """A token issued before the moment, strictly, or at no moment at all is refused, and a later one is not."""
    revoked = RevocationList()
    getattr(revoked, way)(name, **IDP, before=NOW - 5)
    assert revoked.is_revoked(*verified(iat=issued, nbf=ABSENT)) is is_gone


@pytest.mark.parametrize("iat", ["1", True, False, None, [], {}, str(NOW + 100)], ids=repr)
def test_a_time_of_issue_that_is_no_number_is_none(iat):
    """A token whose iat is no number is refused as one without."""
    revoked = RevocationList()
    revoked.revoke_subject("alice", **IDP, before=1)
    assert revoked.is_revoked(*with_payload(sub="alice", iat=iat))
    assert not revoked.is_revoked(*with_payload(sub="bob", iat=iat))


@pytest.mark.parametrize("moments", [(NOW - 20, NOW), (NOW, NOW - 20), (NOW, 0), (NOW, NOW)])
def test_the_latest_moment_counts(moments):
    """An older moment never takes the place of a later one, whichever comes last."""
    revoked = RevocationList()
    for before in moments:
        revoked.revoke_consumer_key("shop", **IDP, before=before)
    assert revoked.is_revoked(*verified(iat=NOW - 1))
    assert len(revoked) == 1


@pytest.mark.parametrize("entity", ["alice", "bob"])
def test_a_subject_is_wso2s_entity_too(entity):
    """A token is a subject's if its sub or its entity_id says so."""
    revoked = RevocationList()
    revoked.revoke_subject(entity, **IDP, before=NOW)
    assert revoked.is_revoked(*verified(sub="alice", entity_id="bob"))
    assert not revoked.is_revoked(*verified(sub="carol", entity_id="carol"))


@pytest.mark.parametrize("entity", [None, 5, True, ["alice"], {"alice": 1}, ""], ids=repr)
def test_an_entity_that_is_no_string_is_nobody(entity):
    """An entity_id of another type neither matches anything nor keeps the sub from matching."""
    revoked = RevocationList()
    revoked.revoke_subject("alice", **IDP, before=NOW)
    assert not revoked.is_revoked(*verified(sub="bob", entity_id=entity))
    assert revoked.is_revoked(*verified(sub="alice", entity_id=entity))


def test_an_identity_that_is_missing_matches_nothing():
    """A token without the names that are revoked is not revoked by them."""
    revoked = RevocationList()
    for name in ("token id", "consumer key", "subject", "client", "key"):
        REVOKING[name][0](revoked)
    assert not revoked.is_revoked(*verified(owner="other", jti=ABSENT, sub=ABSENT, client_id=ABSENT))


def test_a_second_spelling_of_an_ecdsa_signature_is_revoked_too():
    """A JWT whose signature (r, s) is written as (r, n - s) verifies, and is revoked with the first."""
    bearer = token_of("idp")
    signed, _, signature = bearer.rpartition(".")
    raw = decode_base64url(signature)
    s = ECDSA_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{signed}.{b64(raw[:32] + s.to_bytes(32, 'big'))}"
    token = Estate(pinned("idp")).validator.authenticate(twin)
    revoked = RevocationList()
    revoked.revoke_token(bearer)
    assert twin != bearer
    assert revoked.is_revoked(token, lambda: signed_digest(twin))


@pytest.mark.parametrize(
    ("token", "signed"),
    [("opaque", "opaque"), ("a.b", "a.b"), ("a.b.c", "a.b"), ("a.b.", "a.b"), ("a.b.c.d", "a.b.c.d"), ("..", ".")],
)
def test_a_token_is_known_by_what_was_signed(token, signed):
    """Of three segments the first two count, of any other token the whole."""
    assert signed_digest(token) == sha256(signed.encode()).digest()


def test_the_digest_is_asked_for_only_if_there_are_digests():
    """Without any revoked token the digest of a token is never computed."""

    def unread():
        raise AssertionError

    revoked = RevocationList()
    for name in set(REVOKING) - {"token", "digest"}:
        REVOKING[name][0](revoked)
    token, _ = verified("other", owner="other", jti="other", client_id="other", sub="other")
    assert not revoked.is_revoked(token, unread)
    revoked.revoke_token("opaque")
    with pytest.raises(AssertionError):
        revoked.is_revoked(token, unread)


@pytest.mark.parametrize("digest", [signed_digest("x"), signed_digest("x").hex(), signed_digest("x").hex().upper()])
def test_a_digest_is_bytes_or_hexadecimal(digest):
    """A digest revokes its token in each of its spellings."""
    revoked = RevocationList()
    revoked.revoke_digest(digest)
    assert revoked.is_revoked(verified()[0], lambda: signed_digest("x"))


@pytest.mark.parametrize("what", ["client", "key", "issuer"])
def test_what_an_operator_revoked_can_be_taken_back(what):
    """A client, key or issuer is good again once reinstated, which tells whether it was revoked."""
    names = {"client": ("shop", IDP), "key": ("key", IDP), "issuer": ("https://idp.example", {})}
    name, who = names[what]
    revoked = RevocationList()
    reinstate = getattr(revoked, f"reinstate_{what}")
    assert reinstate(name, **who) is False
    assert revoked.version is None
    getattr(revoked, f"revoke_{what}")(name, **who)
    before = revoked.version
    assert reinstate(name, **who) is True
    assert not revoked.is_revoked(*verified())
    assert revoked.version not in {None, before}


def test_a_reinstated_client_keeps_its_moment():
    """Taking back the revocation of a client leaves the moment before which its tokens are revoked."""
    revoked = RevocationList()
    revoked.revoke_consumer_key("shop", **IDP, before=NOW - 5)
    revoked.revoke_client("shop", **IDP)
    revoked.reinstate_client("shop", **IDP)
    assert revoked.is_revoked(*verified(iat=NOW - 6))
    assert not revoked.is_revoked(*verified(iat=NOW - 5))


WRONG_NAMES = ["", None, 5, b"x", ["x"], True]


@pytest.mark.parametrize("wrong", WRONG_NAMES, ids=repr)
@pytest.mark.parametrize(
    "call",
    ["revoke_token_id", "revoke_client", "revoke_key", "reinstate_client", "reinstate_key", "revoke_issuer"],
)
def test_names_are_non_empty_strings(call, wrong):
    """An empty name, or one of another type, is a ConfigurationError and changes nothing."""
    revoked = RevocationList()
    who = {} if call == "revoke_issuer" else IDP
    with pytest.raises(ConfigurationError):
        getattr(revoked, call)(wrong, **who)
    for more in ({"key_manager": wrong}, {"key_manager": "idp", "organization": wrong or 5}) if who else ():
        with pytest.raises(ConfigurationError):
            getattr(revoked, call)("x", **more)
    assert (len(revoked), revoked.version) == (0, None)


@pytest.mark.parametrize("before", [NAN, math.inf, -1, NOW * 1000, "1", None, True, b"1"], ids=repr)
def test_a_moment_is_in_seconds(before):
    """A moment that is no number, or one in milliseconds, is a ConfigurationError: it could never be taken back."""
    revoked = RevocationList()
    for revoke in (revoked.revoke_consumer_key, revoked.revoke_subject):
        with pytest.raises(ConfigurationError, match="milliseconds"):
            revoke("x", **IDP, before=before)
    assert (len(revoked), revoked.version) == (0, None)


@pytest.mark.parametrize("expires_at", [NAN, 0, -1, -math.inf, "1", True, False, b"1"], ids=repr)
def test_an_end_is_a_time(expires_at):
    """An expiry that is no time is a ConfigurationError, zero among them, which some send for an unknown one."""
    revoked = RevocationList()
    with pytest.raises(ConfigurationError, match="expires_at"):
        revoked.revoke_token("x", expires_at=expires_at)
    assert len(revoked) == 0


SECRET = "Bearer secret"


@pytest.mark.parametrize(
    "token", [SECRET, "secret\n", " secret", "schlüssel", "\ud800", "", None, 5, b"secret"], ids=ascii
)
def test_what_can_be_no_token_is_refused(token):
    """What is no bearer string is a ConfigurationError that does not repeat it, lest nothing be revoked unnoticed."""
    with pytest.raises(ConfigurationError) as caught:
        RevocationList().revoke_token(token)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "digest", ["", "00", "0" * 63, "0" * 65, "g" * 64, " " * 64, b"x", b"0" * 64, None, 5], ids=repr
)
def test_what_is_no_digest_is_refused(digest):
    """A digest of another length or alphabet is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="digest"):
        RevocationList().revoke_digest(digest)


def test_names_are_kept_as_plain_strings():
    """A string of a class that hashes as it likes is found as the text that it is."""

    class Odd(str):
        __slots__ = ()

        def __hash__(self):
            return 0

    revoked = RevocationList(SetClock())
    revoked.revoke_token_id(Odd("7f3a-11"), key_manager=Odd("idp"))
    revoked.revoke_issuer(Odd("https://other.example"))
    assert revoked.is_revoked(*verified())
    assert revoked.is_revoked(*verified("other"))


@pytest.mark.parametrize("wrong", [[], "list", RevocationList, 0], ids=repr)
def test_a_registry_takes_lists_of_revocations_alone(wrong):
    """What is no list of revocations is refused when a registry is made; one that is given is the registry's."""
    with pytest.raises(ConfigurationError, match="RevocationList"):
        KeyManagerRegistry(revocations=wrong)
    given = RevocationList()
    assert KeyManagerRegistry(revocations=given).revocations is given
