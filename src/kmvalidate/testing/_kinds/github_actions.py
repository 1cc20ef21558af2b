"""
GitHub Actions. Versions: subjects with names and ids, as repositories made since 15 July 2026 have them, and with names
alone.

Rules kept here: every claim about the workflow is a string. Over HTTP it is a server of one's own.
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

_HOME = "https://token.actions.githubusercontent.com"
_OWNER_ID, _REPOSITORY_ID = "65", "74"
_KEYS = "/.well-known/jwks"


def _issuer(base: str, _: str = "") -> str:
    return base if base == _HOME else f"{base}/_services/token"


def _of_repository() -> dict[str, Any]:
    return {
        "repository": "octo-org/octo-repo",
        "repository_owner": "octo-org",
        "repository_id": _REPOSITORY_ID,
        "repository_owner_id": _OWNER_ID,
        "repository_visibility": "private",
    }


def _of_run(wish: Wish) -> dict[str, Any]:
    return {
        "environment": "prod",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "true",
        "sha": "b0f6a0b1b5d3c9a1f5c1a4b0c5b7c1b5a6b7c8d9",
        "run_id": "1234567890",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": wish.subject,
        "actor_id": "12",
        "workflow": "deploy",
        "workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
    }


def _claims(wish: Wish) -> dict[str, Any]:
    named = f"octo-org@{_OWNER_ID}/octo-repo@{_REPOSITORY_ID}" if wish.version == "ids" else "octo-org/octo-repo"
    return {
        "jti": wish.token_id,
        "sub": f"repo:{named}:environment:prod",
        "aud": wish.aud,
        **_of_repository(),
        **_of_run(wish),
        "iss": wish.issuer,
        "nbf": wish.issued_at - 600,
        **wish.times,
    }


def _runtime_token(wish: Wish, header: dict[str, Any], claims: dict[str, Any]) -> Made:
    own = {"scp": "Actions.Results:123:456", "oidc_sub": claims["sub"], "IdentityTypeClaim": "System:ServiceIdentity"}
    return header, {"iss": wish.issuer, "aud": wish.aud, **wish.times, "jti": wish.token_id, **own}


def _documents(base: str, algorithms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    document = {
        "issuer": _issuer(base),
        "jwks_uri": base + _KEYS,
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf", "ref", "repository", "repository_id"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "scopes_supported": ["openid"],
    }
    return {_issuer(base).removeprefix(base) + DISCOVERY_PATH: document}


def _jwk(_: str, jwk: dict[str, Any]) -> dict[str, Any]:
    return {**jwk, "x5t": jwk["kid"]}


def _manager(base: str, **options: Any) -> KeyManager:
    options.setdefault("repository_owner_ids", int(_OWNER_ID))
    return providers.github_actions(issuer=None if base == _HOME else _issuer(base), **options)


KIND = ProviderKind(
    name="github_actions",
    home=_HOME,
    versions=("ids", "names"),
    issuer=_issuer,
    header=lambda _: {"typ": "JWT", "x5t": "78167F727DEC5D801DD1C8784C704A1C880EC0E1"},
    claims=_claims,
    documents=_documents,
    jwks_path=_KEYS,
    jwk=_jwk,
    manager=_manager,
    tells=frozenset(),
    always_application=True,
    look_alikes={"runtime token": LookAlike(make=_runtime_token, reason=Reason.WRONG_TOKEN_KIND)},
)
