"""What people say of a tenant of Entra ID: its GUID, issuers, well-known URLs, clouds, and what cannot be right."""

import pytest

from kmvalidate import ConfigurationError, StaticKeys
from kmvalidate.providers import azure_ad, entra_id
from kmvalidate.providers._entra_id import PROFILE, Cloud
from tests.providers.microsoft import (
    API,
    CLIENT,
    OTHER,
    SUFFIX,
    TENANT,
    Azure,
    document_url,
    sample_keys,
    signed,
    v1,
    v2,
)
from tests.signing import reason, refusal


@pytest.mark.parametrize(
    ("place", "fetched"),
    [
        ({"discovery_url": document_url("2.0")}, "2.0"),
        ({"discovery_url": document_url("1.0")}, "1.0"),
        ({"discovery_url": document_url("1.0", TENANT.upper()), "tenant": TENANT}, None),
        ({"issuer": document_url("1.0")}, "1.0"),
        ({"issuer": v1()}, "1.0"),
        ({"issuer": v2()}, "2.0"),
        ({"issuer": v1(), "discovery_url": document_url("2.0")}, "2.0"),
        ({"issuer": v2("{tenantid}"), "tenant": TENANT.upper()}, "2.0"),
        ({"tenant": [TENANT, TENANT.upper()], "cloud": "public"}, "2.0"),
    ],
    ids=str,
)
def test_a_tenant_is_found_by_what_people_have(place, fetched):
    """Either issuer or well-known URL, with ``/v2.0`` or without, is enough, and tokens of both versions pass."""
    manager = entra_id(audience=API, **place)
    assert set(manager.issuers) == {v1(), v2()}
    if fetched:
        azure = Azure(manager)
        assert [reason(azure.authenticate, signed(version)) for version in ("1.0", "2.0")] == ["GOOD"] * 2
        assert document_url(fetched) in azure.transport.hits


def test_an_applications_own_keys_are_asked_for():
    """The client id of an application with keys of its own goes into the URL of the document, and tells its keys."""
    azure = Azure(entra_id(TENANT, audience=API, app_keys=CLIENT.upper()))
    asked = f"{document_url()}?appid={CLIENT}"
    keys = f"{v2()[:-5]}/discovery/v2.0/keys?appid={CLIENT}"
    azure.transport.answers |= {asked: {"issuer": v2(), "jwks_uri": keys}, keys: sample_keys("2.0")}
    assert reason(azure.authenticate, signed()) == "GOOD"
    assert set(azure.transport.hits) == {asked, keys}
    found = entra_id(audience=API, discovery_url=asked)
    assert found.keys == entra_id(TENANT, audience=API, app_keys=CLIENT).keys


@pytest.mark.parametrize(
    ("place", "authority", "older"),
    [
        ({"cloud": "us_government"}, "https://login.microsoftonline.us", "https://sts.windows.net"),
        ({"cloud": "china"}, "https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"),
        ({"cloud": Cloud("https://a.example", "https://b.example")}, "https://a.example", "https://b.example"),
        (
            {"discovery_url": f"https://login.microsoftonline.us/{TENANT}{SUFFIX}", "issuer": v1()},
            "https://login.microsoftonline.us",
            "https://sts.windows.net",
        ),
        (
            {"issuer": f"https://sts.chinacloudapi.cn/{TENANT}/"},
            "https://login.partner.microsoftonline.cn",
            "https://sts.chinacloudapi.cn",
        ),
    ],
    ids=str,
)
def test_each_cloud_has_its_own_issuers(place, authority, older):
    """A sovereign cloud is told by its name, its issuer or its document, and tokens of the public one do not pass."""
    manager = entra_id(TENANT, audience=API, **place)
    assert set(manager.issuers) == {f"{authority}/{TENANT}/v2.0", f"{older}/{TENANT}/"}
    assert manager.keys.discovery_url.startswith(f"{authority}/{TENANT}/")
    refused = refusal(Azure(manager).authenticate, signed("2.0"))
    assert (refused.reason.name, "a cloud that is not configured" in refused.hint) == ("UNKNOWN_ISSUER", True)


def test_a_document_may_lie_elsewhere():
    """A document at a mirror, or at the v1 issuer, leads to keys on the cloud's own host."""
    url = f"{v1()[:-1]}{SUFFIX}"
    azure = Azure(entra_id(audience=API, discovery_url=url))
    azure.transport.answers[url] = azure.transport.answers[document_url("1.0")]
    assert reason(azure.authenticate, signed("1.0")) == "GOOD"
    mirror = f"https://mirror.example/{TENANT}/v2.0{SUFFIX}"
    assert entra_id(audience=API, discovery_url=mirror).issuers == entra_id(TENANT, audience=API).issuers


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "tenant= names the tenants"),
        ({"tenant": ()}, "tenant= names the tenants"),
        ({"tenant": "contoso.onmicrosoft.com"}, "tokens name no domain"),
        ({"tenant": "common"}, "many tenants"),
        ({"tenant": f"{TENANT}/.."}, "GUID"),
        ({"tenant": 5}, "names"),
        ({"issuer": v2("organizations")}, "many tenants"),
        ({"issuer": v2("{tenantid}")}, "tenant= names the tenants"),
        ({"issuer": v2() + "/"}, "issuer: the issuers of Entra ID are"),
        ({"issuer": v1()[:-1]}, "issuer: the issuers of Entra ID are"),
        ({"issuer": f"https://me@sts.windows.net/{TENANT}/"}, "issuer: the issuers of Entra ID are"),
        ({"issuer": f"https://sts.example/{TENANT}/"}, "the issuers of that cloud are"),
        ({"issuer": f"https://sts.windows.net/{TENANT}/v2.0"}, "the issuers of that cloud are"),
        ({"issuer": 5}, "issuer: the issuers of Entra ID are"),
        ({"issuer": v2(), "cloud": "china"}, "the issuers of that cloud are"),
        ({"issuer": v2(), "tenant": OTHER}, "different tenants"),
        ({"issuer": v2(), "tenant": [TENANT, OTHER]}, "different tenants"),
        ({"issuer": v2(), "discovery_url": document_url("2.0", OTHER)}, "different tenants"),
        ({"discovery_url": document_url("2.0", "common")}, "tenant= names the tenants"),
        ({"discovery_url": document_url("2.0", "..")}, "discovery_url: "),
        ({"discovery_url": v2()}, "discovery_url: "),
        ({"tenant": TENANT, "discovery_url": document_url(), "cloud": "china"}, "another cloud"),
        ({"tenant": TENANT, "cloud": "germany"}, "public, us_government, china"),
        ({"tenant": TENANT, "cloud": 5}, "public, us_government, china"),
        ({"tenant": TENANT, "versions": ()}, r"1\.0, 2\.0 or both"),
        ({"tenant": TENANT, "versions": ["2"]}, r"1\.0, 2\.0 or both"),
        ({"issuer": v2(), "versions": "1.0"}, "not among versions="),
        ({"discovery_url": document_url("1.0"), "versions": "2.0"}, "not among versions="),
        ({"tenant": TENANT, "app_keys": "shop"}, "an application with keys of its own"),
        ({"discovery_url": f"{document_url()}?appid={CLIENT}", "app_keys": CLIENT}, "in one place"),
        ({"tenant": TENANT, "audience": ()}, "at least one name"),
        ({"tenant": TENANT, "keys": StaticKeys.from_jwks(sample_keys("1.0")), "app_keys": CLIENT}, "say themselves"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_told(options, match):
    """A tenant that is none, arguments that contradict each other and malformed places are a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=match):
        entra_id(**({"audience": API} | options))


@pytest.mark.parametrize("origin", ["https://a.example/", "https://a.example?x", "a.example", "https://a@b", None])
def test_a_cloud_is_two_origins(origin):
    """A cloud is made of schemes and hosts, nothing before or after them."""
    for both in ((origin, "https://b.example"), ("https://b.example", origin)):
        with pytest.raises(ConfigurationError):
            Cloud(*both)


def test_it_is_known_by_both_names_and_equal_to_itself():
    """The old name is the same function, and the same facts make the same key manager."""
    assert azure_ad is entra_id
    assert entra_id(TENANT, audience=API) == entra_id(issuer=v2(), audience=[API])
    made = entra_id(TENANT, audience=API)
    assert (made.name, made.leeway_s, made.algorithms) == ("Entra ID", 300, ("RS256",))


def test_pinned_keys_need_no_document():
    """With pinned keys nothing is fetched."""
    azure = Azure(entra_id(TENANT, audience=API, keys=StaticKeys.from_jwks(sample_keys("1.0"))))
    assert [reason(azure.authenticate, signed(one)) for one in ("1.0", "2.0")] == ["GOOD"] * 2
    assert not azure.transport.hits


@pytest.mark.parametrize("issuer", ["", "urn:x", "https://idp.example", "https://a/b/c", v2("common"), "x" * 9000])
def test_other_issuers_are_no_neighbours(issuer):
    """An issuer that has not the form of Entra's is of no family."""
    assert PROFILE.family(issuer) is None
