"""The key manager of a distributed API Manager, by its service URL: where it is asked, by whom, and about what."""

import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    ConfigurationError,
    FromEnvironment,
    Introspection,
    KeyManagerRegistry,
    Network,
    ReferenceTokens,
    TokenValidator,
    UserCredentials,
)
from kmvalidate.providers import wso2_is
from kmvalidate.testing import SimulatedProvider
from tests.asking import AskedTransport, Desk
from tests.estate import told
from tests.signing import AUDIENCE, NOW, static_keys

KM = "https://km:9443"
SERVICES = f"{KM}/services/"
UUID = "5a2b1c3d-0000-4e5f-8a6b-7c8d9e0f1a2b"
OPEN = Network(insecure_http=True, private_addresses=True)
HOW = Introspection(client=ClientSecretBasic("a", "b"), tokens=ANY_OPAQUE_TOKEN)


def made(service_url=SERVICES, **options):
    return wso2_is(
        **({"audience": AUDIENCE, "service_url": service_url, "username": "admin", "password": "pw"} | options)
    )


@pytest.mark.parametrize(
    ("options", "issuer", "endpoints"),
    [
        ({}, f"{KM}/oauth2/token", [f"{KM}/oauth2/introspect"]),
        ({"service_url": f"{KM}/services"}, f"{KM}/oauth2/token", [f"{KM}/oauth2/introspect"]),
        ({"tenant": "acme.com"}, f"{KM}/t/acme.com/oauth2/token", [f"{KM}/t/acme.com/oauth2/introspect"]),
        ({"issuer": "https://is.example"}, "https://is.example/oauth2/token", [f"{KM}/oauth2/introspect"]),
        (
            {"issuer": "https://is.example", "tenant": "a"},
            "https://is.example/t/a/oauth2/token",
            [f"{KM}/t/a/oauth2/introspect"],
        ),
        ({"issuer": "https://x.example/oauth2/token"}, "https://x.example/oauth2/token", [f"{KM}/oauth2/introspect"]),
        (
            {"discovery_url": "https://x.example/oauth2/token/.well-known/openid-configuration"},
            "https://x.example/oauth2/token",
            [f"{KM}/oauth2/introspect"],
        ),
        (
            {"service_url": [SERVICES, "https://km2:9443/services/"]},
            f"{KM}/oauth2/token",
            [f"{KM}/oauth2/introspect", "https://km2:9443/oauth2/introspect"],
        ),
        (
            {"service_url": f"{KM}/auth/services/", "tenant": "a"},
            f"{KM}/auth/t/a/oauth2/token",
            [f"{KM}/auth/t/a/oauth2/introspect"],
        ),
        (
            {"service_url": "http://km:9763/services/", "network": OPEN},
            "http://km:9763/oauth2/token",
            ["http://km:9763/oauth2/introspect"],
        ),
        ({"keys": static_keys("RSA")}, f"{KM}/oauth2/token", [f"{KM}/oauth2/introspect"]),
        ({"self_validate_jwt": False}, f"{KM}/oauth2/token", [f"{KM}/oauth2/introspect"]),
    ],
)
def test_where_it_is_asked_follows_from_the_service_url(options, issuer, endpoints):
    """The issuer and the introspection endpoints are derived as API Manager does, for a tenant too."""
    manager = made(**options)
    assert (manager.issuer, list(manager.introspection.endpoint)) == (issuer, endpoints)
    assert manager.introspection.client == UserCredentials("admin", "pw")
    (option,) = manager.introspection.tokens
    assert isinstance(option, ReferenceTokens)
    assert [option.pattern.matches(token) for token in (UUID, UUID.upper(), UUID + "0", "x" + UUID)] == [True] + [
        False
    ] * 3
    assert "'pw'" not in repr(manager)


@pytest.mark.parametrize(
    "url",
    [
        *(
            None,
            "",
            [],
            (),
            5,
            b"",
            {},
            True,
            [""],
            [None],
            [SERVICES, None],
            [SERVICES, SERVICES],
            [SERVICES, f"{KM}/services"],
        ),
        *(KM, f"{KM}/", "km:9443/services/", "/services/", f"{KM}/service/", f"{KM}/SERVICES/", f"{KM}/xservices/"),
        *(
            f"{KM}/services/x",
            f"{KM}//services/",
            f"{KM}/services//",
            f"{SERVICES}?",
            f"{SERVICES}?a=b",
            f"{SERVICES}#x",
        ),
        *(f"{SERVICES} ", "http://km:9443/services/", "https://u:p@km:9443/services/", "https:///services/"),
        *("https://km:x/services/", "local://services/", f"{KM}/a?b/services/", "https://${host}:9443/services/"),
    ],
    ids=repr,
)
def test_what_is_no_service_url_is_refused(url):
    """What is not the https URL of the services of one server each is a ConfigurationError."""
    with pytest.raises(ConfigurationError) as caught:
        made(url)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        *({name: None} for name in ("service_url", "username", "password")),
        {"service_url": None, "issuer": KM},
        {"service_url": None, "username": None, "issuer": KM},
        {"username": None, "password": None},
        *({"username": value} for value in (5, "", b"admin", [], {}, "a:b", "\ud800")),
        *({"password": value} for value in (5, "", b"pw", [], {}, "\ud800")),
        {"introspection": HOW},
        {"introspection": 5},
        *({"tenant": value} for value in ("", 5, "carbon.super", "a/b", "ACME")),
        {"tenant": "a", "issuer": "https://x.example/oauth2/token"},
        *({"issuer": value} for value in ("", 5, f"{KM}/oauth2")),
        {"network": OPEN, "keys": static_keys("RSA")},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(options):
    """A service URL, a name and a password go together, and leave nothing else to say how it is asked."""
    with pytest.raises(ConfigurationError) as caught:
        made(**options)
    assert "pw" not in str(caught.value)


def test_without_a_service_url_nothing_is_asked():
    """Without any of the three the key manager is not asked, or as introspection= says."""
    assert wso2_is(KM, audience=AUDIENCE).introspection is None
    assert wso2_is(KM, audience=AUDIENCE, introspection=HOW).introspection is HOW


def test_migrated_opaque_tokens_are_introspected_there(monkeypatch):
    """An opaque token of such a deployment is good while its key manager says so, and JWTs are verified beside it."""
    monkeypatch.setenv("KM_PASSWORD", "admin-password")
    with SimulatedProvider("wso2_is", base=KM, audience=AUDIENCE, client=("admin", "admin-password")) as idp:
        manager = made(password=FromEnvironment("KM_PASSWORD"))
        check = TokenValidator(KeyManagerRegistry([manager], transport=idp, clock=idp.clock)).authenticate
        opaque, gone = idp.opaque_token(scopes={"menu:read"}), idp.opaque_token()
        idp.revoke(gone)
        assert check(opaque).scopes == {"menu:read"}
        assert [told(check, token) for token in (opaque, gone, idp.token())] == ["WSO2 IS", "INACTIVE", "WSO2 IS"]
        assert [told(check, token) for token in (opaque.upper(), "x")] == ["OPAQUE_TOKEN"] * 2
        assert idp.hits["/oauth2/introspect"] == 2


def test_a_wrong_password_is_an_outage():
    """Where the administrator's password is wrong nobody can tell whether a token is good."""
    with SimulatedProvider("wso2_is", base=KM, audience=AUDIENCE, client=("admin", "other")) as idp:
        check = TokenValidator(KeyManagerRegistry([made()], transport=idp, clock=idp.clock)).authenticate
        assert told(check, idp.opaque_token()) == "UNAVAILABLE"


def test_several_servers_are_one_key_manager():
    """Of several service URLs the second is asked where the first one does not answer, below the tenant's path."""
    said = {"active": True, "exp": NOW + 300, "token_type": "Bearer", "client_id": "shop", "aut": "APPLICATION"}
    urls, seen = [SERVICES, "https://km2:9443/services/"], []

    class Transport(AskedTransport):
        def send(self, request, /):
            seen.append(request.url)
            return super().send(request)

    desk = Desk(made(urls, tenant="acme.com"))
    desk.registry.ports.transport = transport = Transport()
    transport.answers |= {"km": {}, "km2": said}
    assert desk.verdict(UUID) == "WSO2 IS"
    assert seen == [f"{host}/t/acme.com/oauth2/introspect" for host in (KM, "https://km2:9443")]
