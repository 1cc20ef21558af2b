"""Which named provider a discovered one is taken for, and the call that is proposed."""

import ast
import re

import pytest

import kmvalidate as km
from kmvalidate import providers
from kmvalidate.discovered import Discovered
from kmvalidate.providers import _suggest

GUID = "2f4a9838-26b7-47ee-be60-ccc1fdec5953"
NOBODY = "00000000-0000-0000-0000-000000000000"
WELL_KNOWN = "/.well-known/openid-configuration"
LOGIN = "https://login.microsoftonline.com"
TEMPLATE = f"{LOGIN}/{{tenantid}}/v2.0"
COMMON = f"{LOGIN}/common/v2.0{WELL_KNOWN}"
CIAM = f"https://{GUID}.ciamlogin.com/{GUID}/v2.0"
EXTERNAL = f"entra_external_id(tenant='{GUID}'"
B2C = f"https://acme.b2clogin.com/{GUID}/v2.0/"
B2C_DOCUMENT = f"https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_in/v2.0{WELL_KNOWN}"
TFP = f"https://acme.b2clogin.com/tfp/{GUID}/b2c_1_in/v2.0/"
COGNITO = "amazonaws.com/eu-west-1_AbC123"
EKS = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
GKE = "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c"
GITHUB = "https://token.actions.githubusercontent.com"
AM = "https://am.example:443/am/oauth2/realms/root/realms/alpha"

# What is discovered, by issuer; and the call for it, without its audience. Further ones have a document or keys of
# their own.
BY_ISSUER = {
    "https://sso.example/realms/acme": "keycloak('https://sso.example/realms/acme'",
    "https://sso.example:8443/auth/realms/a%20b": "keycloak('https://sso.example:8443/auth/realms/a%20b'",
    f"{LOGIN}/{GUID}/v2.0": f"entra_id(tenant='{GUID}'",
    f"https://sts.windows.net/{GUID}/": f"entra_id(tenant='{GUID}'",
    "https://acme.okta.com/oauth2/default": "okta('https://acme.okta.com/oauth2/default'",
    "https://acme.oktapreview.com/oauth2/aus1": "okta('https://acme.oktapreview.com/oauth2/aus1'",
    "https://id.acme.example/oauth2/aus9o8wvkhockw9TL0h7": "okta('https://id.acme.example/oauth2/aus9o8wvkhockw9TL0h7'",
    "https://acme.okta.com": "okta('https://acme.okta.com/oauth2/default'",
    "https://api.asgardeo.io/t/acme/oauth2/token": "asgardeo(org='acme'",
    f"https://api.asgardeo.io/t/acme/o/{GUID}/oauth2/token": f"asgardeo(org='acme', sub_organization='{GUID}'",
    "https://is.example:9443/oauth2/token": "wso2_is('https://is.example:9443/oauth2/token'",
    "https://is.example:9443/t/acme.com/oauth2/token": "wso2_is('https://is.example:9443/t/acme.com/oauth2/token'",
    "https://acme.eu.auth0.com/": "auth0(domain='acme.eu.auth0.com'",
    "https://acme.auth0.com/": "auth0(domain='acme.auth0.com'",
    f"https://cognito-idp.eu-west-1.{COGNITO}": "cognito(pool='eu-west-1_AbC123', client_ids='...'",
    f"https://issuer-cognito-idp.eu-west-1.{COGNITO}": (
        f"cognito(issuer='https://issuer-cognito-idp.eu-west-1.{COGNITO}', client_ids='...'"
    ),
    "https://accounts.google.com": "google(",
    GITHUB: "github_actions(",
    f"{GITHUB}/octo-corp": "github_actions(enterprise='octo-corp'",
    "https://ghe.example/_services/token": "github_actions(issuer='https://ghe.example/_services/token'",
    "https://gitlab.com": "gitlab_ci(",
    EKS: f"kubernetes('{EKS}'",
    GKE: f"kubernetes('{GKE}'",
    f"https://auth.pingone.com.au/{GUID}/as": f"ping_one(environment='{GUID}', region='com.au'",
    f"https://auth.pingone.example/{GUID}/as": f"ping_one(issuer='https://auth.pingone.example/{GUID}/as'",
    AM: f"forgerock('{AM}'",
    "https://am.example/am/oauth2": "forgerock('https://am.example/am/oauth2'",
    "https://sts.acme.example/adfs": "adfs(host='sts.acme.example'",
}
BY_PLACE = [
    (f"https://login.microsoftonline.us/{GUID}/v2.0", {}, f"entra_id(tenant='{GUID}', discovery_url="),
    (TEMPLATE, {"document": COMMON}, f"entra_id(tenant=['{NOBODY}'], discovery_url='{COMMON}'"),
    (CIAM, {"document": f"https://acme.ciamlogin.com/{GUID}/v2.0{WELL_KNOWN}"}, f"{EXTERNAL}, tenant_name='acme'"),
    (CIAM, {"document": f"https://id.acme.example/{GUID}/v2.0{WELL_KNOWN}"}, f"{EXTERNAL}, discovery_url="),
    (B2C, {"document": B2C_DOCUMENT}, f"azure_ad_b2c(tenant='acme', tenant_id='{GUID}', policies='B2C_1_in'"),
    (TFP, {"document": B2C_DOCUMENT}, f"azure_ad_b2c(issuer='{TFP}', discovery_url='{B2C_DOCUMENT}'"),
    ("https://git.example", {"keys": "https://git.example/oauth/discovery/keys"}, "gitlab_ci('https://git.example'"),
    ("https://k8s.example", {"keys": "https://10.0.0.1:6443/openid/v1/jwks"}, "kubernetes('https://k8s.example'"),
    ("https://pf.example:9031", {"keys": "https://pf.example:9031/pf/JWKS"}, "ping_federate('https://pf.example:9031'"),
    ("https://id.example:8090", {"keys": "https://id.example:8090/oauth2/jwks"}, "thunder('https://id.example:8090'"),
    ("https://sts.example:444/adfs", {}, "adfs(discovery_url='https://sts.example:444/adfs/.well-known/"),
    (
        "https://sso.example/realms/acme",
        {"document": f"https://sso.internal/realms/acme{WELL_KNOWN}"},
        "keycloak('https://sso.example/realms/acme', audience='...', discovery_url='https://sso.internal/realms/acme",
    ),
]
NOBODYS = [
    "https://idp.example",
    "https://sso.example/realms/",
    "https://sso.example/realms/acme/",
    "https://sso.example/realms/acme/more",
    "https://sso.example/realms/a'b",
    "https://sso.example/realms/acme\n",
    "https://sso.example:99999/realms/acme",
    "ftp://sso.example/realms/acme",
    "https://user@sso.example/realms/acme",
    f"https://login.microsoftonline.com.evil.example/{GUID}/v2.0",
    f"https://evil.example/login.microsoftonline.com/{GUID}/v2.0",
    f"{LOGIN}/{GUID}/v2.0/",
    "https://acme.okta.com.evil.example/oauth2/v2",
    "https://acme-admin.okta.com",
    "https://acme.auth0.com",
    "https://evilauth0.com/",
    "https://evil.example/?.auth0.com/",
    "https://accounts.google.com.evil.example",
    "https://accountsXgoogle.com",
    f"https://evil.example/cognito-idp.eu-west-1.{COGNITO}",
    f"{GITHUB}.evil.example",
    "https://api.asgardeo.io.evil.example/t/acme",
]


def discovered(issuer, *, document=None, keys="https://keys.example/jwks", asked=None, network=None):
    """Return what would have been discovered of an issuer, at the usual place unless another is given."""
    return Discovered(
        issuer=issuer,
        asked_issuer=asked or issuer,
        asked_urls=(),
        discovery_url=document or issuer.removesuffix("/") + WELL_KNOWN,
        jwks_uri=keys,
        network=network or km.Network(),
    )


def built(text):
    """Return the key manager that a proposed text makes."""
    return eval(text, {"km": km, "providers": providers})  # noqa: S307  # a person would paste it


@pytest.mark.parametrize("issuer", NOBODYS, ids=ascii)
def test_what_only_looks_like_a_provider_is_taken_for_none(issuer):
    """Neither a host that has a vendor's name in it nor a path that goes on is taken for a provider."""
    found = discovered(issuer)
    assert (_suggest.suggest(found), _suggest.notes(found)) == (None, ())


@pytest.mark.parametrize("issuer", ["https://sso.example/realms/" + "a" * 100_000 + "!", "https://" + "a." * 50_000])
def test_long_urls_take_no_long_time(issuer):
    """A URL of a hundred thousand characters is looked at once by each pattern, and is nobody's."""
    assert _suggest.suggest(discovered(issuer)) is None


@pytest.mark.parametrize(("issuer", "call"), BY_ISSUER.items(), ids=BY_ISSUER)
def test_a_provider_is_told_by_its_issuer(issuer, call):
    """The issuer of each kind of provider leads to the function of that kind, with what it needs to know."""
    text = _suggest.suggest(discovered(issuer))
    audience = "" if "client_ids" in call else "audience='...'"
    separator = ", " if audience and not call.endswith("(") else ""
    assert text == f"providers.{call}{separator}{audience})"


@pytest.mark.parametrize(("issuer", "where", "call"), BY_PLACE, ids=[call for _, _, call in BY_PLACE])
def test_a_provider_is_told_by_its_places(issuer, where, call):
    """Where an issuer does not tell enough, the URLs of the document and of the keys do."""
    assert _suggest.suggest(discovered(issuer, **where)).startswith(f"providers.{call}")


@pytest.mark.parametrize(
    ("issuer", "where"),
    [*((issuer, {}) for issuer in BY_ISSUER), *((issuer, where) for issuer, where, _ in BY_PLACE)],
)
def test_the_call_makes_a_key_manager_of_that_issuer(issuer, where):
    """The proposed text runs, and the key manager it makes answers for the issuer that was found, with its name."""
    text = _suggest.suggest(discovered(issuer, **where))
    manager = built(text)
    provider = re.match(r"providers\.(\w+)\(", text)[1]
    assert manager.profile.kind == provider
    if provider == "adfs":  # its document names the issuer of ID tokens
        assert manager.issuer == issuer.replace("https:", "http:") + "/services/trust"
    elif "{tenantid}" in issuer:
        assert issuer.replace("{tenantid}", NOBODY) in manager.issuers
    else:
        assert (
            issuer.rstrip("/") + "/oauth2/default" if issuer == "https://acme.okta.com" else issuer
        ) in manager.issuers


def test_the_network_is_proposed_as_it_was(tmp_path):
    """How the provider was reached is part of the call; what is secret in it is left to be filled in."""
    (tmp_path / "ca.pem").touch()
    network = km.Network(private_addresses=True, insecure_http=True, ca_file=tmp_path / "ca.pem")
    issuer = "http://127.0.0.1:8080/realms/acme"
    manager = built(_suggest.suggest(discovered(issuer, network=network)))
    assert (manager.issuer, manager.keys.network) == (issuer, network)
    proxied = _suggest.suggest(discovered(issuer, network=km.Network(insecure_http=True, proxy="http://u:pw@proxy")))
    assert proxied.endswith("network=km.Network(insecure_http=True, proxy=...))")


def test_what_a_document_says_is_a_literal():
    """A URL with quotes in it stays one string in the proposed text."""
    issuer, document = "https://sso.example/realms/acme", "https://sso.example/a?'\"\\, x=(',x)"
    found = discovered(issuer, document=document)
    assert _suggest.suggest(found) is None  # not a URL that a provider would take
    place = "https://sso.example/a?x='+evil+'"
    call = ast.parse(_suggest.suggest(discovered(issuer, document=place)), mode="eval").body
    assert [ast.literal_eval(one) for one in (*call.args, *(word.value for word in call.keywords))] == [
        issuer,
        "...",
        place,
    ]


@pytest.mark.parametrize(
    ("issuer", "more", "words"),
    [
        ("https://acme.okta.com", {}, "custom authorization server"),
        (TEMPLATE, {"asked": f"{LOGIN}/common/v2.0", "document": COMMON}, "list those whose tokens are accepted"),
        ("https://acme.eu.auth0.com/", {"asked": "https://acme.eu.auth0.com"}, "The slash at the end"),
        ("https://idp.example/", {"asked": "https://idp.example"}, "The slash at the end"),
        ("https://accounts.google.com", {}, "everybody with a Google account"),
        (GITHUB, {}, "say whom you accept"),
    ],
    ids=["Okta org server", "Entra common", "Auth0 without slash", "any without slash", "Google", "GitHub"],
)
def test_typical_mistakes_are_noted(issuer, more, words):
    """A person is told what usually goes wrong with a provider that was found so."""
    (note,) = _suggest.notes(discovered(issuer, **more))
    assert words in note


@pytest.mark.parametrize("issuer", ["https://sso.example/realms/acme", f"{LOGIN}/{GUID}/v2.0", "https://idp.example"])
def test_nothing_is_noted_where_nothing_is_odd(issuer):
    """A provider that was asked for as it should be has no notes."""
    assert _suggest.notes(discovered(issuer)) == ()
