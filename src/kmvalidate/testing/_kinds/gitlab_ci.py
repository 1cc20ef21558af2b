"""
GitLab CI/CD, whose keys also sign the ID tokens of those who log in with GitLab.

Rules kept here: ids are strings, but for the runner's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._documents import DISCOVERY_PATH
from kmvalidate.testing._kind import LookAlike, ProviderKind

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Made = tuple[dict[str, Any], dict[str, Any]]

_KEYS = "/oauth/discovery/keys"


def _of_project(wish: Wish) -> dict[str, Any]:
    return {
        "namespace_id": "72",
        "namespace_path": "acme/shop",
        "project_id": "20",
        "project_path": "acme/shop/web",
        "project_visibility": "private",
        "user_id": "1",
        "user_login": wish.subject,
        "user_email": f"{wish.subject}@acme.example",
        "user_access_level": "developer",
    }


def _of_job() -> dict[str, Any]:
    return {
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "runner_id": 1,
        "runner_environment": "gitlab-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "ci_config_ref_uri": "gitlab.com/acme/shop/web//.gitlab-ci.yml@refs/heads/main",
    }


def _claims(wish: Wish) -> dict[str, Any]:
    return {
        **_of_project(wish),
        **_of_job(),
        "jti": wish.token_id,
        "iss": wish.issuer,
        "nbf": wish.issued_at - 5,
        **wish.times,
        "sub": "project_path:acme/shop/web:ref_type:branch:ref:main",
        "aud": wish.aud,
    }


def _id_token(wish: Wish, header: dict[str, Any], _: dict[str, Any]) -> Made:
    who = {"iss": wish.issuer, "sub": "1", "aud": wish.aud, **wish.times, "auth_time": wish.issued_at}
    return header, {**who, "name": "Al", "nickname": wish.subject, "groups_direct": ["acme"]}


def _job_token(wish: Wish, header: dict[str, Any], _: dict[str, Any]) -> Made:
    who = {"version": "0.1.0", "o": "1", "u": "1", "p": "k", "g": "20", "sub": "gid://gitlab/Ci::Build/302"}
    return header, {**who, "iss": wish.issuer, "aud": wish.aud, "jti": wish.token_id, **wish.times}


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    document = {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "userinfo_endpoint": f"{base}/oauth/userinfo",
        "jwks_uri": base + _KEYS,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
    }
    return {DISCOVERY_PATH: document}


def _manager(base: str, **options: Any) -> KeyManager:
    options.setdefault("namespace_ids", 72)
    return providers.gitlab_ci(base, **options)


KIND = ProviderKind(
    name="gitlab_ci",
    home="https://gitlab.com",
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "JWT"},
    claims=_claims,
    documents=_documents,
    jwks_path=_KEYS,
    manager=_manager,
    tells=frozenset(),
    always_application=True,
    look_alikes={
        "ID token": LookAlike(make=_id_token, reason=Reason.WRONG_TOKEN_KIND),
        "job token": LookAlike(make=_job_token, reason=Reason.WRONG_TOKEN_KIND),
    },
)
