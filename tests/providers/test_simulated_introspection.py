"""`kmvalidate.testing.SimulatedProvider`: its opaque tokens, and what its introspection endpoint says of each token."""

import json
import re

import attrs
import pytest

from kmvalidate import ConfigurationError
from kmvalidate.testing import SigningKey, SimulatedProvider, VirtualClock, tampered
from kmvalidate.testing._kinds import asgardeo, oidc
from tests.providers.introspecting import INACTIVE, SIGNED, ask, basic, made, parts, send, told

PATHS = {
    "asgardeo": "/t/acme/oauth2/introspect",
    "forgerock": "/am/oauth2/realms/root/realms/alpha/introspect",
    "keycloak": "/realms/acme/protocol/openid-connect/token/introspect",
    "oidc": "/introspect",
    "okta": "/oauth2/default/v1/introspect",
    "ping_federate": "/as/introspect.oauth2",
    "ping_one": "/5a473c78-29c6-4ce3-ac6a-d41dd13e4fe8/as/introspect",
    "thunder": "/oauth2/introspect",
    "wso2_is": "/oauth2/introspect",
}
BASE64URL, JWT = r"[\w-]{%d}", r"[\w-]+\.[\w-]+\.[\w-]+"
UUID = r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}"
FORMS = {
    "asgardeo": UUID,
    "forgerock": BASE64URL % 27,
    "keycloak": JWT,
    "oidc": BASE64URL % 43,
    "okta": JWT,
    "ping_federate": r"[A-Za-z\d]{28}",
    "ping_one": JWT,
    "thunder": JWT,
    "wso2_is": UUID,
}
each_kind = pytest.mark.parametrize("kind", PATHS)


@pytest.fixture
def idp():
    return made()


@pytest.fixture(params=[False, True], ids=["in process", "over HTTP"])
def each(request):
    """A provider in process, and one over HTTP that sees the time of the first."""
    with made(http=request.param, clock=VirtualClock()) as provider:
        yield provider


@each_kind
def test_discovery_names_the_endpoint(kind):
    """The discovery documents of every kind that has an endpoint name it, and it answers there."""
    idp = made(kind)
    for path, document in idp.kind.published(idp.base, ("ES256",)).items():
        assert json.loads(send(idp, path, method="GET").body) == document
        assert document["introspection_endpoint"] == idp.base + PATHS[kind]
        assert ("introspection_signing_alg_values_supported" in document) == (kind in {"oidc", "forgerock"})
    assert ask(idp, "x").status == 200
    assert idp.hits[PATHS[kind]] == 1


@pytest.mark.parametrize("kind", sorted(set(SimulatedProvider.kinds()) - PATHS.keys()))
def test_others_have_no_endpoint(kind):
    """A kind without the endpoint has no opaque tokens, and nothing for clients is there."""
    idp = made(kind)
    for make in (idp.opaque_token, idp.refresh_token, idp.device_secret):
        with pytest.raises(ConfigurationError, match=f"{idp.kind.name} has no"):
            make()
    for path in ("/introspect", "/oauth2/introspect", "/oauth/introspect", "/token", "/oauth2/token"):
        assert send(idp, path, {"token": idp.token()}, **basic(*idp.client)).status == 404


@each_kind
def test_opaque_tokens_have_the_form_of_their_kind(kind):
    """Each kind has its own form, no two tokens are alike, and the endpoint says for whom and what they are."""
    idp = made(kind)
    token = idp.opaque_token(scopes={"b", "a"}, client_id="till", expires_in_s=60)
    assert re.fullmatch(FORMS[kind], token)
    assert token != idp.opaque_token()
    said = told(idp, token)
    assert (said["active"], said["client_id"], said["scope"]) == (True, "till", "a b")
    assert (said["token_type"], said["exp"]) == ("Bearer", int(idp.clock.wall()) + 60)


def test_wso2_says_of_opaque_tokens_no_issuer_and_no_audience():
    """Answers of WSO2 have the members of the real ones: of a user's token, a client's and a sub-organization's."""
    usual = {"active", "aut", "nbf", "scope", "token_type", "exp", "iat", "client_id"}
    for kind, name in (("wso2_is", "bob@carbon.super"), ("asgardeo", "CUSTOMER-DEFAULT/bob@acme")):
        idp = made(kind)
        said = told(idp, idp.opaque_token(subject="bob"))
        assert (said.keys(), said["aut"], said["username"]) == (usual | {"username"}, "APPLICATION_USER", name)
        own = told(idp, idp.opaque_token(application=True))
        assert (own.keys(), own["aut"]) == (usual, "APPLICATION")
    branch = made(asgardeo.SUB_ORGANIZATION)
    said = told(branch, branch.opaque_token(subject="bob"))
    assert (said["org_id"], said["username"]) == (parts(branch.token())[1]["org_id"], f"bob@{said['org_id']}")


def test_the_others_say_what_the_real_ones_say():
    """Answers about opaque tokens have the members that each product has, and Keycloak's lightweight token has few."""
    am = made("forgerock")
    said = told(am, am.opaque_token(subject="bob"))
    assert (said["user_id"], said["realm"], said["iss"], "aud" in said) == ("bob", "/alpha", am.issuer, False)
    ping = made("ping_federate")
    assert told(ping, ping.opaque_token(subject="bob", roles=["a"]))["roles"] == ["a"]
    keycloak = made("keycloak")
    light = keycloak.opaque_token(subject="bob", roles=["a"])
    assert {"sub", "aud", "realm_access"}.isdisjoint(parts(light)[1])
    said = told(keycloak, light)
    assert (said["sub"], said["aud"], "a" in said["realm_access"]["roles"]) == ("bob", "orders", True)
    assert said["username"] == "al"


def test_members_of_an_answer_can_be_set_and_left_out(idp):
    """What a test asks for replaces what the endpoint would say, hostile values included, and None leaves it out."""
    said = told(idp, idp.opaque_token(answer={"active": "true", "exp": [], "sub": None, "x": 1}))
    assert (said["active"], said["exp"], "sub" in said, said["x"]) == ("true", [], False, 1)


def test_tokens_are_active_until_they_expire_or_are_revoked(each):
    """A token is active until its time is over or it is revoked, and what was never issued never was."""
    first, second, jwt = each.opaque_token(expires_in_s=60), each.opaque_token(), each.token(expires_in_s=60)
    each.clock.advance(59)
    assert [told(each, token)["active"] for token in (first, second, jwt)] == [True, True, True]
    each.clock.advance(1)
    each.revoke(second)
    each.revoke("never issued")
    assert [told(each, token) for token in (first, second, jwt, "x")] == [INACTIVE] * 4
    assert told(each, each.opaque_token(expires_in_s=-1)) == INACTIVE
    assert each.hits["/introspect"] == 8


@each_kind
def test_signed_tokens_are_introspected_too(kind):
    """Whatever the provider signed is active with what it says itself, tokens of other kinds included."""
    idp = made(kind)
    for version in idp.kind.versions:
        said = told(idp, idp.token(version=version, scopes={"b", "a"}, subject="bob", client_id="till"))
        assert (said["active"], said["scope"], said["client_id"]) == (True, "a b", "till"), version
        assert said["token_type"] == "Bearer"
    for name in idp.look_alikes:
        assert told(idp, idp.look_alike(name))["active"] is True, name


def test_answers_about_signed_tokens_follow_their_claims():
    """Claims that a test sets or leaves out are so in the answer, in Okta's and WSO2's own names too."""
    okta, wso2, oidc = made("okta"), made("wso2_is"), made()
    said = told(okta, okta.token(claims={"cid": "x", "scp": ["c", 7]}, subject="bob"))
    assert (said["client_id"], said["scope"], said["username"], "scp" in said) == ("x", "c 7", "bob", False)
    assert said["jti"].startswith("AT.")
    assert "scope" not in told(okta, okta.token(claims={"scp": None}))
    said = told(wso2, wso2.token(version="5", claims={"azp": 7, "scope": None}))
    assert (said["client_id"], "scope" in said, said["iss"]) == (7, False, wso2.issuer)
    assert told(oidc, oidc.token(claims={"exp": 1})) == INACTIVE
    assert told(oidc, oidc.token(claims={"exp": "soon"}))["exp"] == "soon"


def test_what_it_did_not_sign_is_not_active(idp):
    """A stranger's token, a changed one and an unsigned one are unknown; its own key may be given by hand."""
    strangers = [idp.token(key=SigningKey.make("ES256", "x")), idp.token(header={"alg": "HS256"}, key=b"secret")]
    forged = [tampered(idp.token(), sub="root"), idp.token(header={"alg": "none"})]
    assert [told(idp, token) for token in strangers + forged] == [INACTIVE] * 4
    assert told(idp, idp.token(key=idp.key()))["active"] is True


@each_kind
def test_refresh_tokens_are_active(kind):
    """A refresh token answers active, and looks as much like an access token as each product lets it."""
    idp = made(kind)
    said = told(idp, idp.refresh_token())
    assert said.pop("active") is True
    types = {"asgardeo": "Refresh", "wso2_is": "Refresh", "keycloak": "Refresh", "okta": "Bearer", "thunder": "Bearer"}
    assert said.get("token_type") == types.get(kind, None if kind == "ping_federate" else "refresh_token")
    if kind == "okta":
        assert said.keys() == {"token_type", "scope", "client_id", "username", "exp", "sub", "device_id"}
    assert ("client_id" in said) == (kind not in {"thunder", "ping_federate"})
    assert "aut" not in said


def test_refresh_tokens_may_be_signed():
    """Refresh tokens that are signed are told by what their headers or claims say."""
    wso2, idp = made("wso2_is"), made()
    assert told(wso2, wso2.look_alike("refresh token"))["token_type"] == "Refresh"
    assert told(wso2, wso2.look_alike("old refresh token", version="5"))["token_type"] == "Refresh"
    assert told(idp, idp.look_alike("refresh token"))["token_type"] == "refresh_token"


def test_okta_has_device_secrets():
    """A device secret of Okta is active, and neither for an audience nor named like an access token."""
    okta = made("okta")
    said = told(okta, okta.device_secret(subject="bob"))
    assert (said["active"], said["sub"]) == (True, "bob")
    assert {"aud", "jti"}.isdisjoint(said)
    okta.revoke(secret := okta.device_secret())
    assert told(okta, secret) == INACTIVE


@each_kind
def test_answers_are_signed_where_the_real_ones_are(kind):
    """Asked for a signed answer, those that have them sign it with their key, for the client; others answer as ever."""
    idp = made(kind)
    token = idp.opaque_token()
    answer = ask(idp, token, accept=SIGNED)
    if kind not in {"oidc", "forgerock"}:
        assert json.loads(answer.body) == told(idp, token)
        return
    assert (answer.status, answer.headers["content-type"]) == (200, SIGNED)
    header, claims = parts(answer.body.decode())
    assert header == {"typ": "token-introspection+jwt", "alg": "ES256", "kid": "ES256-1"}
    assert claims.pop("token_introspection") == told(idp, token)
    assert claims == {"iss": idp.issuer, "aud": idp.client[0], "iat": int(idp.clock.wall())}
    assert parts(ask(idp, "x", accept=SIGNED).body.decode())[1]["token_introspection"] == INACTIVE


def test_a_kind_of_ones_own_needs_a_path_alone():
    """A kind that names no more than a path has opaque tokens, whose answers are the claims of signed ones."""
    kind = attrs.evolve(oidc.KIND, introspection_path="/ask", signed_answers=False)
    idp = made(kind)
    said = told(idp, idp.opaque_token(subject="bob"))
    assert (said["sub"], said["aud"], said["username"], said["iss"]) == ("bob", "orders", "bob", idp.issuer)
    assert "username" not in told(idp, idp.opaque_token(application=True))
