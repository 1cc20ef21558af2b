"""Google: ID tokens for an API are accepted from those who are named, and a browser's sign-in is not."""

import pytest

from kmvalidate import KeyManagerRegistry, Network, TokenKinds, TokenValidator, providers
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.providers._google import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import NOW, SetClock, good_header, jwks, reason, refusal, token
from tests.vectors.support import load

ISSUER = "https://accounts.google.com"
WELL_KNOWN = ISSUER + "/.well-known/openid-configuration"
API = "https://orders.example"
SERVICE = "robot@acme.iam.gserviceaccount.com"
GCLOUD = "32555940559.apps.googleusercontent.com"


def id_token(**claims):
    """Return the ID token of a service account, as the metadata server makes it, signed with a key of the tests."""
    who = {"azp": "1134567", "sub": "1134567", "email": SERVICE, "email_verified": True}
    said = {"aud": API, "iss": ISSUER, "iat": NOW - 10, "exp": NOW + 3590}
    return token({**who, **said, **claims}, good_header("RS256", typ="JWT"), "RS256")


def validator(**arguments):
    """Return a validator over the sample document, with the tests' keys where Google has its own."""
    document = load("samples/google/discovery-2024-02-02.json")
    transport = FakeTransport({WELL_KNOWN: document, document["jwks_uri"]: jwks("RSA")})
    manager = providers.google(audience=API, **arguments)
    return TokenValidator(KeyManagerRegistry([manager], transport=transport, clock=SetClock()))


def test_the_sample_document_leads_to_keys_on_another_host():
    """Google's keys lie on another host than its issuer, which needs no word."""
    read = validator().authenticate(id_token())
    assert (read.key_manager, read.consumer_key, read.subject) == ("Google", "1134567", "1134567")
    assert (read.is_application, read.tenant, read.scopes) == (True, None, frozenset())


def test_hosts_that_were_allowed_stay_allowed():
    """The host of the keys comes to those that a person listed."""
    manager = providers.google(audience=API, network=Network(allowed_hosts=["proxy.example"]))
    assert manager.keys.network.allowed_hosts == ("proxy.example", "www.googleapis.com")


def test_the_old_issuer_is_accepted():
    """Tokens that name the issuer as the old sample document does are accepted, and nothing else is."""
    old = load("samples/google/discovery-old.json")["issuer"]
    assert validator().authenticate(id_token(iss=old)).issuer == "accounts.google.com"
    for issuer in ("http://accounts.google.com", "https://accounts.google.com/", "google.com", "ACCOUNTS.google.com"):
        assert reason(validator().authenticate, id_token(iss=issuer)) == "UNKNOWN_ISSUER", issuer


@pytest.mark.parametrize("arguments", [{"issuer": WELL_KNOWN}, {"discovery_url": WELL_KNOWN}, {"issuer": ISSUER}, {}])
def test_the_issuer_is_known(arguments):
    """Without a word, or by its document, the issuer is Google's, and further ones can be listed."""
    manager = providers.google(audience=API, extra_issuers="https://a.example", **arguments)
    assert manager.issuers == (ISSUER, "accounts.google.com", "https://a.example")


def test_an_issuer_that_is_no_url_stands_alone():
    """An issuer without a scheme has no older form."""
    manager = providers.google(audience=API, issuer="accounts.google.com", discovery_url=WELL_KNOWN)
    assert manager.issuers == ("accounts.google.com",)


def test_sign_in_tokens_are_refused_unless_accepted_aloud():
    """The ID token of a browser's sign-in is refused with a hint; token kinds that allow it are one of the waivers."""
    for claim in ("nonce", "at_hash", "c_hash"):
        refused = refusal(validator().authenticate, id_token(**{claim: "MTIzNDU2"}))
        assert refused.reason is Reason.WRONG_TOKEN_KIND
        assert "browser's sign-in" in (refused.hint or "")
    aloud = {"token_kinds": TokenKinds(foreign_claims={"events": "a security event token"})}
    assert reason(validator(**aloud).authenticate, id_token(nonce="n-0S6", at_hash="MTIzNDU2")) == "GOOD"
    assert any("token_kinds" in said for said in providers.google(audience=API, **aloud).waivers())


OPEN = "everybody with a Google account is accepted"


@pytest.mark.parametrize(
    ("arguments", "is_open"),
    [
        ({}, True),
        ({"claim_in": {"azp": ["a"]}}, True),
        ({"required_claims": ["hd"]}, True),
        ({"hosted_domain": "acme.com"}, False),
        ({"hosted_domain": ["acme.com"], "claim_in": {"azp": ["a"]}}, False),
        ({"claim_in": {"email": [SERVICE]}}, False),
        ({"claim_in": {"sub": ["1134567"]}}, False),
        ({"claim_values": {"hd": "acme.com"}}, False),
    ],
)
def test_it_says_aloud_that_it_is_open_to_everybody(arguments, is_open):
    """Unless somebody is named, everybody with an account gets in, and that is one of the waivers."""
    assert (OPEN in providers.google(audience=API, **arguments).waivers()) is is_open


def test_a_hosted_domain_lets_its_users_in():
    """With a hosted domain its users are accepted, and consumers, other domains and service accounts refused."""
    known = validator(hosted_domain=["acme.com", "acme.de"])
    user = {"email": "al@acme.de", "azp": "web.apps.googleusercontent.com", "sub": "7"}
    read = known.authenticate(id_token(**user, hd="acme.de"))
    assert (read.tenant, read.is_application) == ("acme.de", False)
    assert reason(known.authenticate, id_token(**user)) == "MISSING_CLAIM"
    assert reason(known.authenticate, id_token(**user, hd="evil.example")) == "CLAIM_MISMATCH"
    assert reason(known.authenticate, id_token()) == "MISSING_CLAIM"


@pytest.mark.parametrize(
    "domain", [[], "", "acme", "Acme.com", "https://acme.com", "acme.com/", "a b.com", 7, "a..com"]
)
def test_a_hosted_domain_is_a_domain(domain):
    """What is no domain in lower case is an error."""
    with pytest.raises(ConfigurationError):
        providers.google(audience=API, hosted_domain=domain)


@pytest.mark.parametrize("demand", [{"claim_in": {"hd": ["b.com"]}}, {"claim_values": {"hd": "b.com"}}])
def test_hosted_domains_are_named_once(demand):
    """Two lists of hosted domains are an error: neither quietly replaces the other."""
    with pytest.raises(ConfigurationError, match="not by both"):
        providers.google(audience=API, hosted_domain="acme.com", **demand)


def test_an_address_counts_only_if_it_is_verified():
    """Where addresses are named, Google must have verified them."""
    known = validator(claim_in={"email": [SERVICE]})
    assert reason(known.authenticate, id_token()) == "GOOD"
    assert reason(known.authenticate, id_token(email_verified=False)) == "CLAIM_MISMATCH"
    assert reason(known.authenticate, id_token(email="al@gmail.com")) == "CLAIM_MISMATCH"


@pytest.mark.parametrize("claims", [{"claim_in": 7}, {"claim_values": ["email"]}, {"claim_in": {"hd": []}}])
def test_wrong_demands_are_configuration_errors(claims):
    """Demands that are no table, or allow nothing, are errors of the configuration."""
    with pytest.raises(ConfigurationError):
        providers.google(audience=API, **claims)


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"email": SERVICE, "email_verified": True}, True),
        ({"email": "7-compute@developer.gserviceaccount.com", "email_verified": True}, True),
        ({"email": SERVICE, "email_verified": False}, None),
        ({"email": SERVICE}, None),
        ({"email": "al@gmail.com", "email_verified": True}, False),
        ({"email": "al@evilgserviceaccount.com", "email_verified": True}, False),
        ({"azp": "1134567", "sub": "1134567"}, True),
        ({"azp": "web.apps.googleusercontent.com", "sub": "7"}, None),
        ({"email": 7}, None),
        ({}, None),
    ],
)
def test_service_accounts_are_told_from_users(claims, found):
    """A service account has an address of its own kind, or, without one, is its own client."""
    assert PROFILE.is_application(claims) is found


def test_audiences_are_explained():
    """Another audience says where it comes from, and gcloud's own token how to get one for an API."""
    for audience in ("https://billing.example", [API + "/"]):
        refused = refusal(validator().authenticate, id_token(aud=audience))
        assert refused.reason is Reason.WRONG_AUDIENCE
        assert "what the client named" in (refused.hint or "")
    assert "--audiences" in str(refusal(validator().authenticate, id_token(aud=GCLOUD)))
    late = refusal(validator().authenticate, id_token(exp=NOW - 300))
    assert (late.reason, late.hint) == (Reason.EXPIRED, None)


@pytest.mark.parametrize(
    "issuer", ["https://securetoken.google.com/acme", "https://cloud.google.com/iap", SERVICE, ISSUER + "/o"]
)
def test_other_issuers_of_google_are_explained(issuer):
    """Firebase, IAP and what a service account signs itself are told that they are something else."""
    refused = refusal(validator().authenticate, id_token(iss=issuer))
    assert refused.reason is Reason.UNKNOWN_ISSUER
    assert "Google has further issuers" in (refused.hint or "")


def test_strangers_are_not_explained():
    """An issuer that only looks like one of Google's gets no hint."""
    for issuer in ("https://accounts.google.com.evil.example", "https://evilgoogle.com", "google.com", "urn:x"):
        assert refusal(validator().authenticate, id_token(iss=issuer)).hint is None, issuer


def test_access_tokens_of_google_are_explained():
    """Google's access tokens are opaque, and the hint says to send an ID token."""
    refused = refusal(validator().authenticate, "ya29.a0AfH6SMBx-3Kq")
    assert refused.reason is Reason.OPAQUE_TOKEN
    assert "send an ID token" in (refused.hint or "")


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, ["x"]])
def test_hostile_claims_are_explained_or_not(odd):
    """Claims of any type get a hint or none, and never an error."""
    claims = dict.fromkeys(("email", "azp", "sub", "aud", "email_verified"), odd)
    assert PROFILE.explain(Refused(Reason.EXPIRED, claim="exp"), claims) is None
    assert PROFILE.is_application(claims) in {True, None}


def test_it_serves_over_http():
    """A simulated Google over real HTTP serves both forms of the issuer, in lower-case loopback addresses too."""
    with SimulatedProvider("google", http=True) as idp:
        for version in idp.kind.versions:
            token_of = idp.token(version=version)
            assert idp.validator().authenticate(token_of).issuer == idp.kind.issuer(idp.base, version)
        assert reason(idp.validator().authenticate, idp.look_alike("sign-in with a nonce")) == "WRONG_TOKEN_KIND"
