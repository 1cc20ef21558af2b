"""Entra ID with several tenants: one key set serves them all, and none of them the others."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable, StaticKeys
from kmvalidate.providers import entra_id
from tests.providers.microsoft import (
    API,
    OTHER,
    PERSONAL,
    PERSONAL_KID,
    STRANGER,
    TENANT,
    Azure,
    document_url,
    sample_keys,
    signed,
    v1,
    v2,
)
from tests.signing import ABSENT, reason, refusal

VERSIONS = ("1.0", "2.0")
ISSUER = {"1.0": v1, "2.0": v2}


def several(*tenants, labels=None, **options):
    """Return what authenticates for several tenants, by the documents that all tenants have in common."""
    listed = tenants or (TENANT, OTHER)
    return Azure(entra_id(listed, audience=API, **options), at=("organizations", "common"), labels=labels).authenticate


def of(tenant, version="2.0", /, **claims):
    return signed(version, **({"iss": ISSUER[version](tenant), "tid": tenant} | claims))


@pytest.mark.parametrize("version", VERSIONS)
def test_listed_tenants_are_accepted(version):
    """Tokens of each listed tenant pass and name it; all of them cost one document and one key set."""
    azure = Azure(entra_id([TENANT, OTHER.upper()], audience=API), at=["organizations"])
    for tenant in (TENANT, OTHER, TENANT):
        read = azure.authenticate(of(tenant, version))
        assert (read.tenant, read.issuer) == (tenant, ISSUER[version](tenant))
    assert set(azure.transport.hits.values()) == {1}
    assert document_url("2.0", "organizations") in azure.transport.hits


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tenant", [STRANGER, PERSONAL, "{tenantid}", "common", "organizations", TENANT.upper(), ""])
def test_a_foreign_tenant_is_refused(version, tenant):
    """A good signature over the issuer of a tenant that is not listed is refused, its own ``tid`` or a listed one."""
    authenticate = several()
    for tid in (tenant, TENANT):
        assert reason(authenticate, of(tenant, version, tid=tid)) == "UNKNOWN_ISSUER"


def test_a_foreign_tenant_is_explained():
    """The hint for a tenant that is not listed says where it would be, and which versions are accepted."""
    assert "is listed in tenant=" in refusal(several(), of(STRANGER)).hint
    assert "is listed in tenant=" in refusal(several(TENANT), of(STRANGER, "1.0")).hint
    only_new = refusal(several(versions="2.0"), of(OTHER, "1.0"))
    assert (only_new.reason.name, "requestedAccessTokenVersion" in only_new.hint) == ("UNKNOWN_ISSUER", True)
    assert refusal(several(), of(TENANT, iss="https://idp.example")).hint is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"tid": ABSENT}, "MISSING_CLAIM"),
        ({"tid": None}, "CLAIM_MISMATCH"),
        ({"tid": OTHER}, "CLAIM_MISMATCH"),
        ({"tid": STRANGER}, "CLAIM_MISMATCH"),
        ({"tid": [TENANT, OTHER]}, "CLAIM_MISMATCH"),
        ({"tid": f"{TENANT} "}, "CLAIM_MISMATCH"),
        ({"tID": OTHER}, "CLAIM_MISMATCH"),
        ({"TID": TENANT, "tid": ABSENT}, "CLAIM_MISMATCH"),
    ],
    ids=str,
)
def test_a_token_is_of_the_tenant_of_its_issuer(version, claims, expected):
    """A token without its tenant, with another one or with two is refused, however many good ones came before."""
    authenticate = several()
    for _ in range(3):
        assert reason(authenticate, of(TENANT, version)) == "GOOD"
        assert reason(authenticate, of(TENANT, version, **claims)) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_of_personal_accounts_signs_for_no_tenant(version):
    """A key of the common key set that is labelled for personal accounts verifies no token of a listed tenant."""
    authenticate = several()
    refused = refusal(authenticate, of(TENANT, version, kid=PERSONAL_KID))
    assert (refused.reason.name, "personal accounts" in refused.hint) == ("UNKNOWN_KEY", True)


def test_personal_accounts_are_listed_like_a_tenant():
    """With the tenant of personal accounts on the list its keys are fetched and verify its tokens, and no others."""
    azure = Azure(entra_id([TENANT, PERSONAL], audience=API), at=["common"])
    assert reason(azure.authenticate, of(PERSONAL, kid=PERSONAL_KID)) == "GOOD"
    assert reason(azure.authenticate, of(TENANT, kid=PERSONAL_KID)) == "UNKNOWN_KEY"
    assert reason(azure.authenticate, of(TENANT)) == "GOOD"
    assert document_url("2.0", "common") in azure.transport.hits


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("label", "own"),
    [(v2(OTHER), "GOOD"), (v1(OTHER), "GOOD"), (f"https://login.microsoftonline.us/{OTHER}/v2.0", "UNKNOWN_KEY")],
)
def test_a_key_of_one_tenant_signs_for_no_other(version, label, own):
    """A key that is labelled for tenant B and signs a token of tenant A is refused, also once B's tokens were good."""
    authenticate = several(labels={PERSONAL_KID: label})
    for _ in range(3):
        assert reason(authenticate, of(OTHER, version, kid=PERSONAL_KID)) == own
        assert reason(authenticate, of(TENANT, version, kid=PERSONAL_KID)) == "UNKNOWN_KEY"
        assert reason(authenticate, of(TENANT, version)) == "GOOD"


def test_a_v1_token_passes_under_a_v2_label_of_its_tenant():
    """A key labelled with the v2 issuer of a tenant, or with the template, verifies v1 tokens of that tenant."""
    authenticate = several(labels={PERSONAL_KID: v2(TENANT)})
    assert reason(authenticate, of(TENANT, "1.0", kid=PERSONAL_KID)) == "GOOD"
    assert reason(authenticate, of(OTHER, "1.0", kid=PERSONAL_KID)) == "UNKNOWN_KEY"
    assert reason(authenticate, of(OTHER, "1.0")) == "GOOD"


def test_one_tenant_is_as_strict_as_several():
    """With one tenant keys that are labelled for another verify nothing, under its own documents as under common."""
    for at in ({}, {"discovery_url": document_url("2.0", "common")}):
        azure = Azure(entra_id(TENANT, audience=API, **at), at=[TENANT, "common"])
        assert reason(azure.authenticate, of(TENANT)) == "GOOD"
        assert reason(azure.authenticate, of(TENANT, kid=PERSONAL_KID)) == "UNKNOWN_KEY"
        assert reason(azure.authenticate, of(OTHER)) == "UNKNOWN_ISSUER"


def test_the_document_of_one_tenant_serves_no_other():
    """A tenant's key manager does not take the document of another tenant for its own."""
    azure = Azure(entra_id(TENANT, audience=API, discovery_url=document_url("2.0", "contoso.com")), at=[OTHER])
    azure.transport.answers[document_url("2.0", "contoso.com")] = azure.transport.answers[document_url("2.0", OTHER)]
    with pytest.raises(KeyManagerUnavailable, match="its issuer is not the configured one"):
        azure.authenticate(of(TENANT))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_common_documents_of_either_version_lead_to_keys(version):
    """The well-known URLs of ``common``, with ``/v2.0`` and without, serve the tenants that are listed."""
    manager = entra_id([TENANT, OTHER], audience=API, discovery_url=document_url(version, "common"))
    azure = Azure(manager, at=["common"])
    assert [reason(azure.authenticate, of(OTHER, each)) for each in VERSIONS] == ["GOOD"] * 2
    assert document_url(version, "common") in azure.transport.hits


def test_the_sample_sets_are_pinned_as_they_are():
    """Both published key sets, pinned, serve every listed tenant; nothing needs the network."""
    for version in VERSIONS:
        keys = StaticKeys.from_jwks(sample_keys(version))
        azure = Azure(entra_id([TENANT, OTHER], audience=API, keys=keys))
        assert [reason(azure.authenticate, of(OTHER, each)) for each in VERSIONS] == ["GOOD"] * 2
        assert not azure.transport.hits


@pytest.mark.parametrize(
    "options",
    [
        {"tenant": [TENANT, "contoso.com"]},
        {"tenant": [TENANT, ""]},
        {"tenant": [TENANT, 5]},
        {"tenant": ["organizations"]},
        {"tenant": [TENANT, "{tenantid}"]},
        {"tenant": ["*"]},
        {"tenant": [TENANT, OTHER], "discovery_url": document_url()},
        {"discovery_url": document_url("2.0", "organizations")},
        {"issuer": v2("{tenantid}")},
    ],
    ids=str,
)
def test_there_is_no_any_tenant(options):
    """A tenant that is not named by its GUID, or no tenant at all, is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        entra_id(audience=API, **options)
