"""
GitLab CI/CD: the ID tokens of jobs (``id_tokens:``), which are made to be shown to others.

Rules kept here: every job of every project gets a token for any audience it asks for, so that the audience restricts
nobody; ids do. Only tokens of jobs have a ``project_id``: GitLab signs those of its users with the same keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import always, further_issuers, host_of, key_manager, lacks_signs, placed
from kmvalidate.providers._github_actions import claims_of_ids, demanded
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options
    from kmvalidate.providers._github_actions import Ids

_PUBLIC = "https://gitlab.com"
_BARE_HOST = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")

#: Claims that say whose job it is; who demands one of them does not accept everybody's.
_WHO = frozenset(
    {
        *("sub", "project_id", "project_path", "namespace_id", "namespace_path", "user_id", "ci_config_ref_uri"),
    }
)

_AUDIENCE_HINT = "A job says itself for whom its token is: `id_tokens: NAME: aud: ...` in .gitlab-ci.yml."
_ID_HINT = "The namespace of a project is the group it is directly in; each subgroup has an id of its own."
_KIND_HINT = "It is a token of a user, or the one with which a job talks to GitLab; `id_tokens:` makes the right one."
_ISSUER_HINT = "The issuer of id_tokens is the URL of the instance; CI_JOB_JWT, which had only its host, is gone."

KINDS = TokenKinds(required_signs={"project_id"})


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.WRONG_AUDIENCE:
        return _AUDIENCE_HINT
    if lacks_signs(refused):
        return _KIND_HINT
    return _ID_HINT if refused.reason is Reason.CLAIM_MISMATCH and refused.claim == "namespace_id" else None


def _family(issuer: str) -> str | None:
    return issuer if _BARE_HOST.fullmatch(issuer) else host_of(issuer) or None


PROFILE = ProviderProfile(
    kind="gitlab_ci",
    token_kinds=KINDS,
    tenant_claims=("namespace_id",),
    is_application=always,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
)

#: Where nothing says whose jobs are meant.
OPEN = attrs.evolve(PROFILE, open_to="a job of any project on gitlab.com")


def gitlab_ci(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    namespace_ids: Ids | None = None,
    project_ids: Ids | None = None,
    name: str = "GitLab CI",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of GitLab CI/CD. A token is accepted if each of the lists that are given has its id.

    Args:
        issuer: The URL of the instance, without a slash at its end; by default ``https://gitlab.com``. Or the URL of
            the discovery document.

        audience: Who tokens must be meant for; any job can ask for any audience.

        namespace_ids: The ids of the groups and users directly in which the projects are.

        project_ids: The ids of the projects whose jobs are accepted.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``. With *claim_in* or *claim_values* jobs are
            restricted further: ``ref_protected``, ``environment``, ``ci_config_ref_uri``.

    Raises:
        ConfigurationError: An id is no number, the issuer ends with a slash, or `KeyManager` refuses an argument.
    """
    if issuer is None and discovery_url is None:
        issuer = _PUBLIC
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    if found.endswith("/"):
        raise ConfigurationError("the issuer of GitLab is the URL of the instance, without a slash at its end")
    ids = claims_of_ids(namespace_id=namespace_ids, project_id=project_ids)
    is_open = _PUBLIC in (found, *further_issuers(options)) and not ids and _WHO.isdisjoint(demanded(options))
    known = {
        "algorithms": ("RS256",),
        "consumer_key_claims": (),
        "scope_claims": (),
        "claim_in": ids,
        "profile": OPEN if is_open else PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)
