"""GitHub Actions, GitLab CI and Kubernetes: whoever runs something gets a token, so that ids say whose pass."""

import pytest

from kmvalidate import KeyManagerRegistry, RemoteKeys, StaticKeys, TokenValidator, providers
from kmvalidate.errors import ConfigurationError
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import NOW, SetClock, jwks, reason, refusal, token
from tests.vectors.support import load

GITHUB = "https://token.actions.githubusercontent.com"
KINDS = ("github_actions", "gitlab_ci", "kubernetes")
CLUSTER = "https://kubernetes.default.svc.cluster.local"


def decide(manager, claims, **header):
    """Return what becomes of claims signed with a key of the tests, whoever the issuer is."""
    made = token(claims, {"alg": "RS256", "kid": "RSA", **header}, "RS256")
    return reason(TokenValidator(KeyManagerRegistry([manager], clock=SetClock())).authenticate, made)


def sample(**changes):
    """Return the sample token of GitHub, at the time of the tests."""
    claims = load("samples/github-actions/id-token.claims.json")
    times = {"iat": NOW - 10, "nbf": NOW - 610, "exp": NOW + 290}
    return {**claims, **times, **changes}


def github(**arguments):
    """Return a key manager for the sample token, with the keys of the tests."""
    keys = StaticKeys.from_jwks(jwks("RSA"))
    return providers.github_actions(**{"audience": "https://github.com/octo-org", "keys": keys, **arguments})


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, "GOOD"),
        ({"repository_owner_ids": 65}, "GOOD"),
        ({"repository_owner_ids": ["1", "65"], "repository_ids": [74]}, "GOOD"),
        ({"repository_owner_ids": 6}, "CLAIM_MISMATCH"),
        ({"repository_owner_ids": 65, "repository_ids": 7}, "CLAIM_MISMATCH"),
        ({"repository_ids": 74, "claim_values": {"ref": "refs/heads/main"}}, "GOOD"),
        ({"repository_ids": 74, "claim_in": {"environment": ["test"]}}, "CLAIM_MISMATCH"),
        ({"repository_owner_ids": 6, "claim_in": {"environment": ["prod"]}}, "CLAIM_MISMATCH"),
    ],
)
def test_each_list_of_ids_restricts(arguments, found):
    """The sample token passes if each list that is given has its id, and what is demanded beside is demanded too."""
    assert decide(github(**arguments), sample(), typ="JWT", x5t="x") == found


@pytest.mark.parametrize(
    ("arguments", "open_to_all"),
    [
        ({}, True),
        ({"claim_values": {"ref": "refs/heads/main"}}, True),
        ({"repository_ids": 74}, False),
        ({"repository_owner_ids": "65"}, False),
        ({"claim_in": {"repository_owner_id": ["65"]}}, False),
        ({"claim_values": {"sub": "repo:octo-org/octo-repo:environment:prod"}}, False),
        ({"enterprise": "octo-inc"}, False),
        ({"issuer": "https://ghes.example/_services/token"}, False),
    ],
)
def test_it_is_said_aloud_if_everybody_gets_in(arguments, open_to_all):
    """Without a word on whose workflows are meant, those of all of GitHub are accepted, which is a waiver."""
    waivers = github(**arguments).waivers()
    assert ("a workflow of any repository on GitHub is accepted" in waivers) is open_to_all
    assert len(waivers) == open_to_all


@pytest.mark.parametrize(
    ("arguments", "issuer"),
    [
        ({}, GITHUB),
        ({"enterprise": "octo-inc"}, f"{GITHUB}/octo-inc"),
        ({"issuer": f"{GITHUB}/octo-inc"}, f"{GITHUB}/octo-inc"),
        ({"issuer": "https://token.actions.octo.ghe.com"}, "https://token.actions.octo.ghe.com"),
        ({"issuer": "https://ghes.example/_services/token"}, "https://ghes.example/_services/token"),
        (
            {"discovery_url": "https://ghes.example/_services/token/.well-known/openid-configuration"},
            "https://ghes.example/_services/token",
        ),
        ({"enterprise": "octo", "discovery_url": "https://in.example/doc"}, f"{GITHUB}/octo"),
    ],
)
def test_the_issuer_of_github_follows(arguments, issuer):
    """An enterprise or a server of one's own has an issuer of its own."""
    assert providers.github_actions(audience="a", **arguments).issuer == issuer


NO_IDS = ("octo-org", "65 ", "065", "", "٦٥", True, 6.5, None, -1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(({"repository_owner_ids": [wrong]}, "repository_owner_id: give ids") for wrong in NO_IDS),
        *(({"repository_ids": wrong}, "repository_id: give ids") for wrong in ("octo-org/octo-repo", [], (), 0, True)),
        *(({"enterprise": wrong}, "by its slug") for wrong in ("Octo", "", "a/b", "..", "a b", "-a", "octo\n", 5)),
        ({"enterprise": "octo", "issuer": GITHUB}, "not by both"),
        *(
            ({"issuer": wrong}, "the issuer of GitHub Actions is")
            for wrong in (f"{GITHUB}/", f"{GITHUB}/a/b", "https://github.com", f"{GITHUB}.evil.example", "")
        ),
        ({"discovery_url": "https://in.example/doc"}, "no issuer follows"),
    ],
)
def test_github_refuses_what_cannot_be_right(arguments, said):
    """Names in place of ids, empty lists and issuers of others are configuration errors."""
    with pytest.raises(ConfigurationError, match=said):
        providers.github_actions(audience="a", **arguments)


def test_both_forms_of_a_subject_pass():
    """Subjects with ids, which repositories made since July 2026 have, and those with names are subjects."""
    idp = SimulatedProvider("github_actions")
    read = {version: idp.validator().authenticate(idp.token(version=version)) for version in idp.kind.versions}
    assert read["ids"].subject == "repo:octo-org@65/octo-repo@74:environment:prod"
    assert read["names"].subject == "repo:octo-org/octo-repo:environment:prod"
    assert {(one.tenant, one.is_application, one.consumer_key) for one in read.values()} == {("65", True, None)}


@pytest.mark.parametrize(
    ("kind", "claims", "found", "hint"),
    [
        ("github_actions", {"aud": "https://github.com/octo-org"}, "WRONG_AUDIENCE", "core.getIDToken"),
        ("github_actions", {"repository_owner_id": "66"}, "CLAIM_MISMATCH", "gh api"),
        ("github_actions", {"exp": 1}, "EXPIRED", None),
        ("github_actions", {"repository": None, "repository_id": None}, "WRONG_TOKEN_KIND", "id-token: write"),
        ("github_actions", {"iss": f"{GITHUB}/octo-inc"}, "UNKNOWN_ISSUER", "enterprise="),
        ("github_actions", {"iss": "https://ghes.example/_services/token"}, "UNKNOWN_ISSUER", None),
        ("gitlab_ci", {"aud": "https://gitlab.com"}, "WRONG_AUDIENCE", "id_tokens"),
        ("gitlab_ci", {"namespace_id": "7"}, "CLAIM_MISMATCH", "subgroup"),
        ("gitlab_ci", {"exp": 1}, "EXPIRED", None),
        ("gitlab_ci", {"project_id": None}, "WRONG_TOKEN_KIND", "token of a user"),
        ("gitlab_ci", {"iss": "http://gitlab.com"}, "UNKNOWN_ISSUER", "URL of the instance"),
        ("gitlab_ci", {"iss": "gitlab.com"}, "UNKNOWN_ISSUER", "CI_JOB_JWT"),
        ("gitlab_ci", {"iss": "gitlab.example"}, "UNKNOWN_ISSUER", None),
        ("gitlab_ci", {"iss": "urn:x y"}, "UNKNOWN_ISSUER", None),
        ("kubernetes", {"aud": ["other"]}, "WRONG_AUDIENCE", "projected volume"),
        ("kubernetes", {"aud": ["https://kubernetes.default.svc"]}, "WRONG_AUDIENCE", "API server"),
        ("kubernetes", {"kubernetes.io": {"namespace": "test"}}, "CLAIM_MISMATCH", None),
        ("kubernetes", {"kubernetes.io": {"namespace": ["shop"]}}, "CLAIM_MISMATCH", None),
        ("kubernetes", {"kubernetes.io": "shop"}, "CLAIM_MISMATCH", None),
        ("kubernetes", {"kubernetes.io": {}}, "CLAIM_MISMATCH", None),
    ],
)
def test_what_is_wrong_is_said(kind, claims, found, hint):
    """Each mistake that people make with these issuers is refused, and the hint says what to do."""
    idp = SimulatedProvider(kind)
    refused = refusal(idp.validator().authenticate, idp.token(claims=claims))
    assert refused.reason.name == found
    assert hint in refused.hint if hint else refused.hint is None


def test_the_tokens_of_secrets_are_explained():
    """A token out of a secret has no end and is refused, and the hint says where bound ones come from."""
    idp = SimulatedProvider("kubernetes")
    refused = refusal(idp.validator().authenticate, idp.look_alike("token of a secret"))
    assert (refused.claim, "never ends" in refused.hint) == ("exp", True)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"namespace_ids": [72, 5], "project_ids": "20"}, "GOOD"),
        ({"project_ids": 21}, "CLAIM_MISMATCH"),
        ({"namespace_ids": 72, "project_ids": 21}, "CLAIM_MISMATCH"),
        ({"namespace_ids": None}, "GOOD"),
    ],
)
def test_ids_of_gitlab_may_be_numbers(arguments, found):
    """Tokens have ids as strings, and a person may give them as numbers."""
    idp = SimulatedProvider("gitlab_ci")
    assert reason(idp.validator(**arguments).authenticate, idp.token()) == found


@pytest.mark.parametrize(
    ("arguments", "waivers"),
    [
        ({}, ("a job of any project on gitlab.com is accepted",)),
        ({"claim_values": {"ref_protected": "true"}}, ("a job of any project on gitlab.com is accepted",)),
        ({"project_ids": 20}, ()),
        ({"claim_in": {"namespace_path": "acme"}}, ()),
        ({"issuer": "https://gitlab.acme.example"}, ()),
        ({"discovery_url": "https://gitlab.acme.example/.well-known/openid-configuration"}, ()),
    ],
)
def test_gitlab_says_aloud_if_everybody_gets_in(arguments, waivers):
    """The public instance without a word on whose jobs are meant is a waiver; an instance of one's own is not."""
    assert providers.gitlab_ci(audience="a", **arguments).waivers() == waivers


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"issuer": "https://gitlab.com/"}, "without a slash"),
        ({"project_ids": "acme/shop/web"}, "project_id: give ids"),
        ({"namespace_ids": []}, "namespace_id: give ids"),
        ({"discovery_url": "https://in.example/doc"}, "no issuer follows"),
    ],
)
def test_gitlab_refuses_what_cannot_be_right(arguments, said):
    """Paths in place of ids and an issuer with a slash are configuration errors."""
    with pytest.raises(ConfigurationError, match=said):
        providers.gitlab_ci(audience="a", **arguments)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"namespaces": None}, "GOOD"),
        ({"namespaces": ["test", "shop"]}, "GOOD"),
        ({"namespaces": "test"}, "CLAIM_MISMATCH"),
        ({"namespaces": None, "service_accounts": ["shop:alice", "test:x.y"]}, "GOOD"),
        ({"namespaces": None, "service_accounts": "shop:bob"}, "CLAIM_MISMATCH"),
        ({"service_accounts": "shop:alice"}, "GOOD"),
    ],
)
def test_namespaces_and_service_accounts_restrict(arguments, found):
    """A token passes if its namespace is one of those that are given, and its account one of those."""
    idp = SimulatedProvider("kubernetes")
    validator = idp.validator(**arguments)
    for version in idp.kind.versions * 2:
        assert reason(validator.authenticate, idp.token(version=version)) == found
    assert idp.validator(namespaces=None).authenticate(idp.token()).tenant == "shop"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(({"namespaces": wrong}, "namespaces: each is a plain name") for wrong in ("Shop", [], "a:b", "a/b", "-a")),
        *(({"service_accounts": wrong}, "NAMESPACE:NAME") for wrong in ("alice", "shop/alice", [], "shop:", ":a")),
        ({"service_accounts": "system:serviceaccount:shop:alice"}, "NAMESPACE:NAME"),
        ({"namespaces": [""]}, "non-empty"),
        ({"namespaces": "shop", "service_accounts": ["shop:a", "test:a"]}, "in one of the namespaces"),
        ({"issuer": None}, "issuer="),
    ],
)
def test_kubernetes_refuses_what_cannot_be_right(arguments, said):
    """Names that nothing in a cluster can have, and accounts outside the namespaces, are configuration errors."""
    with pytest.raises(ConfigurationError, match=said):
        providers.kubernetes(**{"issuer": CLUSTER, "audience": "a", **arguments})


def test_the_keys_of_a_cluster_may_need_no_document():
    """An API server that shows its document to nobody is configured with the place of its keys, or with the keys."""
    place = f"{CLUSTER}/openid/v1/jwks"
    manager = providers.kubernetes(CLUSTER, audience="a", jwks_url=place)
    assert manager.keys == RemoteKeys(jwks_url=place)
    claims = {"iss": CLUSTER, "aud": ["a"], "exp": NOW + 60, "kubernetes.io": {"namespace": "shop"}, "sub": "x"}
    transport = FakeTransport({place: jwks("RSA")})
    validator = TokenValidator(KeyManagerRegistry([manager], transport=transport, clock=SetClock()))
    assert validator.authenticate(token(claims, {"alg": "RS256", "kid": "RSA"}, "RS256")).tenant == "shop"
    keys = StaticKeys.from_jwks(jwks("RSA"))
    odd = providers.kubernetes("kubernetes/serviceaccount", audience="a", keys=keys, namespaces="shop")
    assert decide(odd, {**claims, "iss": odd.issuer}) == "GOOD"


@pytest.mark.parametrize("kind", KINDS)
def test_what_says_the_same_is_the_same(kind):
    """A configuration read again equals the one before, so that a registry keeps its keys."""
    idp = SimulatedProvider(kind)
    assert idp.key_manager() == idp.key_manager()
    assert hash(idp.key_manager()) == hash(idp.key_manager())


@pytest.mark.parametrize("kind", KINDS)
def test_over_http(kind):
    """Each is found over real HTTP: document, keys, tokens of each version, and its look-alikes are refused."""
    with SimulatedProvider(kind, http=True) as idp:
        validator = idp.validator()
        for version in idp.kind.versions:
            assert validator.authenticate(idp.token(version=version)).is_application
        assert set(idp.hits.values()) == {1}
        for name, look_alike in idp.kind.look_alikes.items():
            assert reason(validator.authenticate, idp.look_alike(name)) == look_alike.reason.name, name
