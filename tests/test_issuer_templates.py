"""Issuers with a tenant in them: a template stands for exactly the tenants that are listed."""

import pytest

from kmvalidate import ConfigurationError, RemoteKeys
from tests.estate import LOW, Estate, count_signatures, issuer_of, pinned, remote, token_of, told
from tests.fakes import FakeTransport, answer, key_set, signed_by
from tests.signing import refusal

TEMPLATE = "https://login.example/{tenantid}/v2.0"
OLDER = "https://sts.example/{tenantid}/"
DOCUMENT = "https://login.example/common/v2.0/.well-known/openid-configuration"
KEYS = "https://login.example/common/keys"


def entra(*tenants, **changes):
    """Return a key manager of a template."""
    return pinned("entra", **({"issuer": TEMPLATE, "tenants": tenants} | changes))


def of(tenant, template=TEMPLATE):
    return signed_by("entra", iss=template.replace("{tenantid}", tenant))


@pytest.mark.parametrize(
    "tenant",
    [
        *(
            "",
            "{tenantid}",
            "*",
            ".*",
            "c",
            "A",
            "a ",
            " a",
            "a/",
            "a/../b",
            "a/v2.0/../b",
            "ab",
            "a\0",
            "%61",
            "\u0430",
        ),
        *("a,b", "('a', 'b')", "a/v2.0#", "common", "organizations", "consumers", "a?"),
    ],
    ids=ascii,
)
def test_only_listed_tenants_are_accepted(tenant):
    """A tenant that is not exactly a listed one is an unknown issuer, however it is spelt."""
    assert Estate(entra("a", "b")).verdicts(of("a"), of(tenant), of("b")) == ["entra", "UNKNOWN_ISSUER", "entra"]


def test_the_template_itself_is_no_issuer():
    """A token whose issuer is the template, or a part of it, is refused."""
    estate = Estate(entra("a"))
    for issuer in (TEMPLATE, "https://login.example/", "https://login.example//v2.0", "{tenantid}", "a"):
        assert estate.verdict(signed_by("entra", iss=issuer)) == "UNKNOWN_ISSUER"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": TEMPLATE},
        {"issuer": TEMPLATE, "tenants": ()},
        {"issuer": TEMPLATE, "tenants": []},
        {"extra_issuers": [TEMPLATE]},
        {"tenants": ["a"]},
        {"tenants": "a"},
        {"extra_issuers": ["https://x.example"], "tenants": ["a"]},
        {"issuer": TEMPLATE.replace("tenantid", "tenant"), "tenants": ["a"]},
        {"issuer": TEMPLATE.upper(), "tenants": ["a"]},
        {"issuer": TEMPLATE, "tenants": ["a", "{tenantid}"]},
        {"issuer": TEMPLATE, "tenants": ["a", ""]},
        {"issuer": TEMPLATE, "tenants": ["a", None]},
        {"issuer": TEMPLATE, "tenants": [5]},
        {"issuer": TEMPLATE, "tenants": None},
        {"issuer": TEMPLATE, "tenants": 5},
        {"issuer": TEMPLATE, "tenants": [["a"]]},
        {"extra_issuers": None},
        {"extra_issuers": [""]},
        {"extra_issuers": [5]},
        {"extra_issuers": 5},
    ],
    ids=str,
)
def test_a_template_and_its_tenants_go_together(changes):
    """A template without tenants, tenants without a template, and what is no name are a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        pinned("entra", **changes)


def test_a_template_says_where_its_keys_are():
    """Nothing can be discovered below a template: without an address of its own it is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=r"'entra'.*jwks_url or a discovery_url"):
        entra("a", keys=RemoteKeys())


def test_every_issuer_is_spelt_out():
    """The issuers of a key manager are exact strings, each once: its own, the extra ones, those of each tenant."""
    made = entra("a", "b", "a", extra_issuers=["https://x.example", OLDER, OLDER, TEMPLATE])
    tenants = [template.replace("{tenantid}", name) for template in (TEMPLATE, OLDER) for name in "ab"]
    assert made.issuers == ("https://x.example", *tenants)
    assert pinned("a", extra_issuers=issuer_of("a")).issuers == (issuer_of("a"),)
    assert entra("a").issuers == entra("a", extra_issuers="https://login.example/a/v2.0").issuers


@pytest.mark.parametrize("tenants", [("a",), ("a", "b"), ("a", "b", "c", "d"), ("a", "b", "c", "d", "e")], ids=len)
def test_extra_issuers_may_be_templates(tenants):
    """An extra template stands for the same tenants, an extra issuer without one for itself; few or many."""
    estate = Estate(entra(*tenants, extra_issuers=[OLDER, "https://x.example"]))
    assert {estate.verdict(of(tenant, template)) for tenant in tenants for template in (TEMPLATE, OLDER)} == {"entra"}
    assert estate.verdicts(signed_by("entra", iss="https://x.example"), of("z", OLDER)) == ["entra", "UNKNOWN_ISSUER"]


def test_a_tenant_may_be_used_twice_in_an_issuer():
    """Each place of the tenant in a template is the same tenant."""
    estate = Estate(entra("a", "b", issuer="https://{tenantid}.example/{tenantid}"))
    found = [estate.verdict(signed_by("entra", iss=f"https://{x}.example/{y}")) for x in "ab" for y in "ab"]
    assert found == ["entra", "UNKNOWN_ISSUER", "UNKNOWN_ISSUER", "entra"]


def test_a_verified_token_names_its_own_issuer():
    """The issuer of a verified token is the token's, never the template, also when tokens of others came before."""
    estate = Estate(entra("a", "b", extra_issuers=OLDER))
    for _ in range(2):
        for bearer, issuer in (
            (of("a"), "https://login.example/a/v2.0"),
            (of("b"), "https://login.example/b/v2.0"),
            (of("b", OLDER), "https://sts.example/b/"),
        ):
            verified = estate.validator.authenticate(bearer)
            assert (verified.issuer, verified.claims["iss"]) == (issuer, issuer)


def test_tenants_of_one_template_do_not_mix_with_others():
    """A tenant may have a key manager of its own in a higher layer, and only its tokens are verified by that."""
    estate = Estate(layers=["one", "two"])
    estate.registry.use("two", [entra("a", "b")])
    estate.registry.use("one", [pinned("own", issuer="https://login.example/a/v2.0")])
    own = signed_by("own", iss="https://login.example/a/v2.0")
    assert estate.verdicts(of("a"), of("b"), own) == ["UNKNOWN_KEY", "entra", "own"]


def test_two_templates_may_not_meet():
    """Two templates that have one tenant's issuer in common are refused, naming both and that issuer."""
    with pytest.raises(ConfigurationError, match=r"'entra' and 'second'.*https://login\.example/b/v2\.0"):
        Estate(entra("a", "b"), pinned("second", issuer=TEMPLATE, tenants=["b", "c"]))
    assert Estate(entra("a", "b"), pinned("second", issuer=TEMPLATE, tenants=["c"])).verdict(of("a")) == "entra"


def test_a_tenant_more_or_less_counts_at_once(monkeypatch):
    """A tenant taken from the list is refused from then on, remembered tokens included; the others are not."""
    counted = count_signatures(monkeypatch)
    estate = Estate(entra("a", "b"))
    assert estate.verdicts(of("a"), of("b")) == ["entra", "entra"]
    estate.registry.use(LOW, [entra("a")])
    assert estate.verdicts(of("a"), of("b")) == ["entra", "UNKNOWN_ISSUER"]
    assert len(counted) == 3


def published(issuer):
    document = {"issuer": issuer, "jwks_uri": KEYS}
    return FakeTransport({DOCUMENT: answer(document), KEYS: key_set("entra")})


ELSE = ["https://login.example/common/v2.0", "https://login.example/a/v2.0/", "https://login.example/b/v2.0", OLDER]


@pytest.mark.parametrize("tenants", ["a", "ab"])
@pytest.mark.parametrize("named", [*ELSE, None, "", 5, [TEMPLATE], {TEMPLATE: 1}], ids=str)
def test_the_document_of_a_template_names_the_template(named, tenants):
    """A discovery document that names anything but the template gives no keys."""
    manager = entra(*tenants, keys=RemoteKeys(discovery_url=DOCUMENT), extra_issuers=OLDER)
    estate = Estate(manager, transport=published(named))
    assert (estate.verdict(of("a")), estate.transport.hits[KEYS]) == ("UNAVAILABLE", 0)
    assert Estate(manager, transport=published(TEMPLATE)).verdict(of("a")) == "entra"


def test_the_document_of_a_single_tenant_may_name_that_tenant():
    """Where a template stands for one tenant its document may name that one's issuer; for several it never does."""
    own = "https://login.example/a/v2.0"
    for tenants, issuers, expected in (("a", (TEMPLATE, own), "entra"), ("ab", (TEMPLATE,), "UNAVAILABLE")):
        manager = entra(*tenants, keys=RemoteKeys(discovery_url=DOCUMENT))
        assert manager.document_issuers == issuers
        assert Estate(manager, transport=published(own)).verdict(of("a")) == expected
    assert pinned("a").document_issuers == (issuer_of("a"),)


def test_an_exact_issuer_beside_extra_templates_is_the_documents():
    """An issuer that is no template is what its document names, whatever its extra issuers stand for."""
    manager = pinned("entra", issuer="https://login.example/x", extra_issuers=OLDER, tenants=["a"])
    assert set(manager.document_issuers) == {"https://login.example/x"}


def test_tenants_share_one_fetch():
    """Whichever tenant comes first, the keys of the template are fetched once, and reported once."""
    keys = RemoteKeys(discovery_url=DOCUMENT)
    estate = Estate(entra(*"abcdefgh", keys=keys), transport=published(TEMPLATE))
    assert {estate.verdict(of(tenant)) for tenant in "abcdefgh"} == {"entra"}
    assert estate.transport.hits == {DOCUMENT: 1, KEYS: 1}
    assert [(health.issuer, health.usable) for health in estate.registry.health()] == [(TEMPLATE, True)]


def test_hundreds_of_tenants():
    """With hundreds of tenants each is told apart, and one that is not among them is refused."""
    tenants = [f"tenant-{number}" for number in range(400)]
    estate = Estate(entra(*tenants, extra_issuers=OLDER))
    assert {estate.verdict(of(tenant)) for tenant in tenants[::13]} == {"entra"}
    assert {estate.verdict(of(tenant, OLDER)) for tenant in tenants[::17]} == {"entra"}
    assert estate.verdicts(of("tenant-400"), of("tenant-")) == ["UNKNOWN_ISSUER"] * 2
    assert estate.validator.authenticate(of("tenant-7")).issuer == "https://login.example/tenant-7/v2.0"


def test_many_issuers_do_not_blur_a_check_of_the_issuer():
    """The issuer is compared with the key manager's own list again when the claims are checked."""
    for tenants in (("a",), tuple("abcdefgh")):
        rules = entra(*tenants).claim_rules()
        assert refusal(rules.check, {"iss": TEMPLATE}, 0).reason.name == "WRONG_ISSUER"
        assert refusal(rules.check, {"iss": "https://login.example/a/v2.0"}, 0).reason.name == "MISSING_CLAIM"


def test_a_template_that_serves_an_organization():
    """A template of an organization is seen in it alone."""
    estate = Estate(entra("a", organization="acme"))
    assert [estate.verdict(of("a"), who) for who in ("acme", None, "b")] == [
        "entra",
        "UNKNOWN_ISSUER",
        "UNKNOWN_ISSUER",
    ]


def test_asyncio_callers_get_the_same():
    """A tenant's token is verified and an unlisted one refused for asyncio callers as well."""
    estate = Estate(entra("a"), remote("b"))
    check = estate.validator.aauthenticate
    assert [told(check, bearer) for bearer in (of("a"), of("b"), token_of("x"))] == ["entra"] + ["UNKNOWN_ISSUER"] * 2
