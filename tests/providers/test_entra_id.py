"""Entra ID with one tenant: both token versions, kinds of token, audiences, and what is read."""

import pytest

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, KeyManagerUnavailable
from kmvalidate.providers import entra_id
from kmvalidate.testing import SimulatedProvider
from tests.providers.microsoft import (
    API,
    CLIENT,
    NOW,
    OTHER,
    TENANT,
    V1_API,
    Azure,
    document_url,
    resigned,
    sample,
    signed,
    v1,
    v2,
)
from tests.signing import ABSENT, reason, refusal

GRAPH = "00000003-0000-0000-c000-000000000000"


def check(**options):
    """Return what authenticates for one tenant and one API."""
    return Azure(entra_id(**({"tenant": TENANT, "audience": API} | options))).authenticate


def test_the_v2_sample_is_accepted():
    """The published v2 token, signed anew, is accepted as it is and read as the claims reference says."""
    read = check()(resigned(sample("access-token-v2")))
    assert (read.issuer, read.consumer_key, read.scopes) == (v2(), API, {"access_as_user"})
    assert (read.tenant, read.is_application, read.roles, read.groups) == (TENANT, False, set(), set())


def test_the_v1_sample_is_accepted():
    """The published v1 token is accepted, its issuer repaired, under a key that is labelled with the v2 issuer."""
    document = sample("access-token-v1")
    azure = Azure(entra_id(OTHER, audience=V1_API), at=(OTHER,))
    assert reason(azure.authenticate, resigned(document)) == "UNKNOWN_ISSUER"  # a digit of its tenant is missing
    read = azure.authenticate(resigned(document, iss=v1(OTHER)))
    assert (read.issuer, read.consumer_key, read.scopes) == (v1(OTHER), CLIENT, {"user_impersonation"})
    assert (read.tenant, read.is_application) == (OTHER, False)
    assert list(azure.transport.hits) == [document_url("2.0", OTHER), f"{v2(OTHER)[:-5]}/discovery/v2.0/keys"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"ver": ABSENT}, "MISSING_CLAIM"),
        ({"ver": "3.0"}, "CLAIM_MISMATCH"),
        ({"ver": 2.0}, "CLAIM_MISMATCH"),
        ({"ver": ["1.0", "2.0"]}, "CLAIM_MISMATCH"),
        ({"tid": ABSENT}, "MISSING_CLAIM"),
        ({"tid": None}, "CLAIM_MISMATCH"),
        ({"tid": TENANT.upper()}, "CLAIM_MISMATCH"),
        ({"TID": TENANT}, "CLAIM_MISMATCH"),
        ({"azp": CLIENT, "appid": CLIENT}, "WRONG_TOKEN_KIND"),
        ({"azp": ABSENT, "appid": ABSENT}, "WRONG_TOKEN_KIND"),
        ({"azp": ABSENT, "appid": ABSENT, "nonce": "1"}, "WRONG_TOKEN_KIND"),
        ({"nonce": "1", "scp": ABSENT, "roles": ["r"]}, "GOOD"),
        ({"idtyp": "app", "xms_cc": ["cp1"]}, "GOOD"),
    ],
    ids=str,
)
def test_a_token_is_what_its_issuer_issues(version, claims, expected):
    """Version, client and tenant are those of the issuer, again and again, or the token is refused."""
    authenticate = check()
    for _ in range(3):
        assert reason(authenticate, signed(version)) == "GOOD"
        assert reason(authenticate, signed(version, **claims)) == expected


@pytest.mark.parametrize(("version", "other"), [("1.0", {"ver": "2.0"}), ("2.0", {"ver": "1.0"})])
def test_versions_do_not_mix(version, other):
    """A token of one issuer with the version of the other is refused, and so is one with the other's client claim."""
    claims = {"1.0": {"appid": ABSENT, "azp": CLIENT}, "2.0": {"azp": ABSENT, "appid": CLIENT}}[version]
    assert reason(check(), signed(version, **other)) == "CLAIM_MISMATCH"
    assert reason(check(), signed(version, **claims)) == "WRONG_TOKEN_KIND"
    assert reason(check(), signed(version, **claims, **other)) == "CLAIM_MISMATCH"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, False),
        ({"idtyp": "user", "scp": ABSENT}, False),
        ({"idtyp": "app"}, True),
        ({"scp": ABSENT, "oid": "o", "sub": "o"}, True),
        ({"scp": ABSENT, "oid": "o", "sub": "p"}, False),
        ({"oid": "o", "sub": "o"}, False),
        ({"scp": ABSENT, "oid": ABSENT}, None),
        ({"scp": ABSENT, "sub": ABSENT}, None),
        ({"scp": ABSENT, "sub": ABSENT, "oid": ABSENT, "idtyp": ["app"]}, None),
    ],
    ids=str,
)
def test_an_application_is_told_from_a_user(claims, expected):
    """What ``idtyp`` says counts, else a token without scopes is a client's own if its subject is the client."""
    assert check()(signed("2.0", **claims)).is_application is expected


def test_roles_are_no_scopes():
    """Roles are never read as scopes, and a token without ``scp`` has no scope at all, whatever else it has."""
    read = check()(signed("1.0", scp=ABSENT, roles=["Files.Read"], scope="a", wids=["w"], scopes=["b"]))
    assert (read.scopes, read.roles) == (frozenset(), {"Files.Read"})
    assert reason(check(any_role="a"), signed("2.0", scp="a")) == "MISSING_ROLE"


@pytest.mark.parametrize("claims", [sample("groups-overage.claims"), {"hasgroups": True}])
def test_too_many_groups_are_unknown(claims):
    """Where the groups did not fit into the token they are unknown, not none; the roles are known still."""
    read = check()(signed("2.0", roles=["r"], **claims))
    assert (read.groups, read.roles) == (None, {"r"})
    assert reason(check(any_group="g"), signed("2.0", **claims)) == "UNKNOWN_ROLES"
    assert check(any_group="g")(signed("2.0", groups=["g", "h"])).groups == {"g", "h"}


@pytest.mark.parametrize(
    ("audience", "accepted"),
    [
        (API, [API, f"api://{API}"]),
        (f"api://{API}", [API, f"api://{API}"]),
        (API.upper(), [API, f"api://{API}", API.upper()]),
        (["api://orders", "https://orders.example/"], ["api://orders", "https://orders.example/"]),
        (f"api://{TENANT}/orders", [f"api://{TENANT}/orders"]),
    ],
    ids=str,
)
def test_a_client_id_stands_for_its_uri(audience, accepted):
    """A client id is accepted as GUID and as ``api://GUID``, and every other audience as it is written."""
    authenticate = check(audience=audience)
    for form in (API, API.upper(), f"api://{API}", f"api://{API}/", f"api://{TENANT}/orders", "api://orders", CLIENT):
        assert reason(authenticate, signed("1.0", aud=form)) == ("GOOD" if form in accepted else "WRONG_AUDIENCE")
    assert "a slash at the end" in refusal(authenticate, signed("1.0", aud="https://orders.example")).hint


def test_an_audience_may_be_waived():
    """A waiver is kept as it is: any audience, or the client id in its place."""
    assert reason(check(audience=ANY_AUDIENCE), signed("2.0", aud="x")) == "GOOD"
    by_client = check(audience=ClientIdInstead(CLIENT))
    assert [reason(by_client, signed(version, aud="x")) for version in ("1.0", "2.0")] == ["GOOD", "WRONG_AUDIENCE"]


@pytest.mark.parametrize(
    "audience", [GRAPH, GRAPH.replace("3", "2"), "https://graph.microsoft.com", "https://graph.windows.net/"]
)
def test_a_graph_token_is_explained_before_its_key_is_looked_for(audience):
    """A token for Graph is refused for its audience without a request, and told apart where audiences are waived."""
    azure = Azure(entra_id(TENANT, audience=API))
    refused = refusal(azure.authenticate, signed("1.0", aud=audience, kid="unknown"))
    assert (refused.reason.name, not azure.transport.hits) == ("WRONG_AUDIENCE", True)
    assert "a scope of your own API" in refused.hint
    spoilt = signed("1.0", aud=audience)[:-8] + "AAAAAAAA"
    assert "a scope of your own API" in refusal(check(audience=ANY_AUDIENCE), spoilt).hint
    assert reason(check(audience=audience), signed("1.0", aud=audience)) == "GOOD"


def test_hints_say_what_to_do():
    """An ID token, an unknown key and an opaque token are explained; a bad signature of an own token is not."""
    assert "ID token" in refusal(check(), signed("2.0", azp=ABSENT)).hint
    assert "app_keys=" in refusal(check(), signed("2.0", kid="own-key-of-an-app")).hint
    assert "refresh token" in refusal(check(), "0.AXYAv4j5cvGGr0GRqy180BHbR1vc").hint
    assert refusal(check(), signed()[:-8] + "AAAAAAAA").hint is None
    assert refusal(check(audience=ANY_AUDIENCE), signed(aud=["a"])[:-8] + "AAAAAAAA").hint is None
    assert refusal(check(), signed("2.0", exp=NOW - 300)).hint is None


def test_only_listed_versions_are_accepted():
    """With one version listed tokens of the other are of an unknown issuer, and the hint names the setting."""
    for versions, bearer, hint in (("1.0", signed("2.0"), "Only v1"), (["2.0"], signed("1.0"), "Only v2")):
        refused = refusal(check(versions=versions), bearer)
        assert (refused.reason.name, refused.hint[:7]) == ("UNKNOWN_ISSUER", hint)
        assert "requestedAccessTokenVersion" in refused.hint
    assert reason(check(versions="2.0"), signed("2.0")) == "GOOD"
    azure = Azure(entra_id(TENANT, audience=API, versions="1.0"))
    assert reason(azure.authenticate, signed("1.0")) == "GOOD"
    assert document_url("1.0") in azure.transport.hits


def test_each_version_may_have_a_key_manager_of_its_own():
    """Two key managers of one tenant stand beside each other if each accepts one version."""
    managers = [entra_id(TENANT, audience=API, versions=one, name=f"v{one}") for one in ("1.0", "2.0")]
    azure = Azure(*managers)
    assert [azure.authenticate(signed(one)).key_manager for one in ("1.0", "2.0")] == ["v1.0", "v2.0"]


def test_over_http():
    """A simulated tenant on loopback: both versions pass, and while it is down nobody can tell."""
    with SimulatedProvider("entra_id", http=True) as idp:
        validator, cold = idp.validator(), idp.validator()
        for version in ("1.0", "2.0"):
            assert validator.authenticate(idp.token(version=version)).issuer == idp.kind.issuer(idp.base, version)
        idp.fail("down")
        with pytest.raises(KeyManagerUnavailable):
            cold.authenticate(idp.token())
