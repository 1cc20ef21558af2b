"""
The checks that a gateway makes.

Rules kept here: each asks one question of one case; what cannot be told is refused. Names, scopes and environments are
compared exactly. Where a call is for several resources at once, each of them must allow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate.apis import AuthType, GatewayType
from kmvalidate.chain._check import BuiltIn
from kmvalidate.errors import Reason, Refused
from kmvalidate.subscriptions import PRODUCTION, verdict_of

if TYPE_CHECKING:
    from kmvalidate.cases import Case

_OF_ENVIRONMENTS = "choreo:environment:"
#: The key type of clients of APIs that take them without a subscription, where nobody knows them (as in API Manager).
_UNKNOWN_KEY_TYPE = PRODUCTION


class ResourceCheck(BuiltIn):
    """Refuses calls to an API that is blocked (API_BLOCKED), and those for which it has no resource."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: API_BLOCKED, NO_MATCHING_RESOURCE.
        """
        if case.api is not None and case.api.is_blocked:
            raise _refused(Reason.API_BLOCKED, case)
        if not case.resources:
            raise _refused(Reason.NO_MATCHING_RESOURCE, case, hint=case.call.target.hint)


class KeyManagerCheck(BuiltIn):
    """Refuses tokens of key managers that are not enabled for the API; of these a `TokenValidator` verifies none."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: WRONG_KEY_MANAGER.
        """
        enabled = case.call.target.key_managers
        if enabled is not None and case.token.key_manager not in enabled:
            raise _refused(Reason.WRONG_KEY_MANAGER, case, expected=enabled, got=case.token.key_manager)


class EnvironmentCheck(BuiltIn):
    """
    Refuses tokens that are not for the environment of the API, as Choreo does.

    A key manager with ``environments`` stands behind calls in these alone; a token whose audiences name environments
    (``choreo:environment:...``) is good in these alone.
    """

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: WRONG_ENVIRONMENT.
        """
        environment = None if case.api is None else case.api.environment
        allowed = case.token.backing.environments
        if allowed is not None and environment not in allowed:
            raise _refused(Reason.WRONG_ENVIRONMENT, case, expected=allowed, got=environment or "none")
        named = [name for name in case.token.audience if name.startswith(_OF_ENVIRONMENTS)]
        if named and (environment is None or _OF_ENVIRONMENTS + environment not in named):
            raise _refused(Reason.WRONG_ENVIRONMENT, case, claim="aud", expected=environment, got=named)


class TokenTypeCheck(BuiltIn):
    """Refuses tokens of users where a resource takes those of applications, and the other way round."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: WRONG_TOKEN_TYPE; also of tokens that do not tell.
        """
        for resource in case.resources:
            wanted = resource.auth_type
            if wanted in _IS_APPLICATION and case.token.is_application is not _IS_APPLICATION[wanted]:
                raise _refused(Reason.WRONG_TOKEN_TYPE, case, expected=wanted.value)


_IS_APPLICATION = {AuthType.APPLICATION: True, AuthType.USER: False}


class SubscriptionCheck(BuiltIn):
    """Refuses clients whose application is not subscribed to an API that asks for it, or no longer."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: NOT_SUBSCRIBED, SUBSCRIPTION_BLOCKED, SUBSCRIPTION_INACTIVE.
        """
        if case.api is None or not case.api.validate_subscriptions:
            return
        subscription = case.grant.subscription
        if subscription is None or case.application is None:
            raise _refused(Reason.NOT_SUBSCRIBED, case, hint=_why_not_subscribed(case))
        reason = verdict_of(subscription.state, case.key_type)
        if reason is not None:
            raise _refused(reason, case, got=subscription.state)


class KeyTypeCheck(BuiltIn):
    """Refuses keys for production at a sandbox, and keys for the sandbox in production."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: WRONG_KEY_TYPE.
        """
        if case.api is None or case.api.gateway_type is GatewayType.HYBRID:
            return
        wanted = case.api.gateway_type.value
        is_unknown = case.key_type is None and not case.api.validate_subscriptions
        key_type = _UNKNOWN_KEY_TYPE if is_unknown else case.key_type
        if key_type != wanted:
            raise _refused(Reason.WRONG_KEY_TYPE, case, expected=wanted, got=key_type or "none")


class ScopeCheck(BuiltIn):
    """Refuses tokens without the scopes that a resource asks for: one of *any_scope*, each of *all_scopes*."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: INSUFFICIENT_SCOPE.
        """
        for resource in case.resources:
            any_of, all_of = resource.any_scope, resource.all_scopes
            if any_of is None and all_of is None:
                continue
            scopes = case.token.scopes
            if all_of is not None and not all_of <= scopes:
                raise _refused(Reason.INSUFFICIENT_SCOPE, case, expected=all_of, got=scopes)
            if any_of is not None and any_of.isdisjoint(scopes):
                raise _refused(Reason.INSUFFICIENT_SCOPE, case, expected=any_of, got=scopes)


class AudienceCheck(BuiltIn):
    """Refuses tokens that name none of the audiences of the API, where it has some."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: AUDIENCE_NOT_ALLOWED.
        """
        wanted = () if case.api is None else case.api.audiences
        if wanted and not set(wanted) & set(case.token.audience):
            raise _refused(Reason.AUDIENCE_NOT_ALLOWED, case, claim="aud", expected=wanted, got=case.token.audience)


class DemandsCheck(BuiltIn):
    """Refuses tokens that do not meet the `Demands` of the API or of a resource."""

    __slots__ = ()

    def check(self, case: Case, /) -> None:
        """
        See `Check.check`.

        Raises:
            Refused: MISSING_ROLE, UNKNOWN_ROLES, CLAIM_NOT_ALLOWED.
        """
        of_api = () if case.api is None else (case.api.demands,)
        for demands in (*of_api, *(resource.demands for resource in case.resources)):
            if demands is not None:
                demands.check(case.token)


#: The checks of a gateway, in their order.
DEFAULT_CHECKS = (
    ResourceCheck(),
    KeyManagerCheck(),
    EnvironmentCheck(),
    TokenTypeCheck(),
    SubscriptionCheck(),
    KeyTypeCheck(),
    ScopeCheck(),
    AudienceCheck(),
    DemandsCheck(),
)


def _refused(reason: Reason, case: Case, **facts: Any) -> Refused:
    return Refused(reason, key_manager=case.token.key_manager, **facts)


def _why_not_subscribed(case: Case) -> str:
    if case.token.consumer_key is None:
        return "The token names no client: its key manager's consumer_key_claims say where to look."
    if case.application is None:
        return "No application has this client's key at this key manager."
    return "The application has no subscription to this API."
