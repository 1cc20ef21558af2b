"""
What must become of a call, foretold from plain data by the documented rules.

Rules kept here: nothing of the library; lists are gone through from end to end, and nothing is remembered.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.laws.calls_plans import ANY_METHOD, AUDIENCE, App, Asked, Bearer, Manager, Mapping, Sub

GOOD = "GOOD"
_ENVIRONMENT = "choreo:environment:"
_STATES = {
    **dict.fromkeys(["UNBLOCKED", "TIER_UPDATE_PENDING", "DELETE_PENDING", "CREATED"], GOOD),
    "BLOCKED": "SUBSCRIPTION_BLOCKED",
}


class No(Exception):
    """Why a call may not go through."""


def no(reason: str, *, unless: Any = False) -> None:
    if not unless:
        raise No(reason)


class State(NamedTuple):
    """
    What is so at one moment.

    Args:
        managers: The key managers.

        records: What the store of subscriptions holds; of two of one identity the later counts.

        revocations: What was revoked.

        now: The time, in seconds since the epoch.
    """

    managers: Any
    records: Any
    revocations: Any
    now: float


def foretell(state: State, bearer: Bearer | None, number: int, asked: Asked) -> str:
    """
    Return the reason for which a call is refused, or GOOD.

    Args:
        state: What is so.

        bearer: The token, None for none.

        number: Its number: what revocations call it by.

        asked: The call.
    """
    try:
        _decide(state, bearer, number, asked)
    except No as why:
        return str(why)
    return GOOD


def _decide(state: State, bearer: Bearer | None, number: int, asked: Asked) -> None:
    manager = None
    if bearer is not None:
        manager = _authenticate(state.managers, bearer, asked, state.now)
        no("REVOKED", unless=not any(_is_about(one, bearer, manager, number) for one in state.revocations))
    is_retired = asked.plan is not None and asked.plan.status == "RETIRED"
    is_open = asked.things != () and not is_retired and all(thing.auth_type == "NONE" for thing in asked.things)
    if manager is None and not is_open:
        raise No("MISSING_TOKEN")
    is_blocked = asked.plan is not None and asked.plan.status == "BLOCKED"
    no("API_BLOCKED", unless=not is_blocked)
    if not is_open and manager is not None and bearer is not None:
        _authorise(state.records, bearer, manager, asked)


# -- whether the token is good


def answers(managers: Any, issuer: str, organization: str | None) -> Manager | None:
    """Return who answers for an issuer: the organization's own first, and those that serve all unless overridden."""
    own = [one for one in managers if organization is not None and one.organization == organization]
    shared = [one for one in managers if one.organization is None]
    for one in own:
        if one.issuer == issuer:
            return one  # type: ignore[no-any-return]
    for one in shared:
        if one.issuer == issuer and one.name not in [other.name for other in own]:
            return one  # type: ignore[no-any-return]
    return None


def _authenticate(managers: Any, bearer: Bearer, asked: Asked, now: float) -> Manager:
    manager = answers(managers, bearer.issuer, asked.organization)
    if manager is None:
        raise No("UNKNOWN_ISSUER")
    within = asked.alone_within if asked.plan is None else asked.plan.key_managers
    no("WRONG_KEY_MANAGER", unless=within is None or manager.name in within)
    no("BAD_SIGNATURE", unless=not bearer.is_forged)
    claims = bearer.all()
    no("EXPIRED", unless=now < claims["exp"] + manager.leeway_s)
    no("NOT_YET_VALID", unless=claims.get("nbf", 0) <= now + manager.leeway_s)
    no("ISSUED_IN_THE_FUTURE", unless=claims.get("iat", 0) <= now + manager.leeway_s)
    _audience(claims, manager)
    client = claims.get("client_id" if "client_id" in claims else "azp", "none")
    no("INVALID_CLAIM", unless=isinstance(client, str) and client)
    no("INVALID_CLAIM", unless=_is_scopes(claims))
    return manager


def _audience(claims: Any, manager: Manager) -> None:
    named = claims.get("aud", [])
    named = [named] if isinstance(named, str) else named
    no("INVALID_CLAIM", unless=isinstance(named, list) and all(isinstance(one, str) for one in named))
    if manager.wants_audience:
        no("MISSING_CLAIM", unless="aud" in claims)
        no("WRONG_AUDIENCE", unless=AUDIENCE in named)


def _client_claim(claims: Any) -> Any:
    return claims["client_id"] if "client_id" in claims else claims.get("azp")


def _scope_claim(claims: Any) -> Any:
    return claims["scope"] if "scope" in claims else claims.get("scp", [])


def _is_scopes(claims: Any) -> bool:
    value = _scope_claim(claims)
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_about(revocation: Any, bearer: Bearer, manager: Manager, number: int) -> bool:
    kind, name, *more = revocation
    if kind == "token":
        return name == number  # type: ignore[no-any-return]
    if kind == "issuer":
        return bearer.get("iss") == name  # type: ignore[no-any-return]
    whose, organization, *before = more
    if organization != manager.organization or whose not in (manager.name, ANY_METHOD):
        return False
    names = {
        "token_id": [bearer.get("jti")],
        "key": [bearer.issuer],
        "subject": [bearer.get("sub"), bearer.get("entity_id")],
    }
    if name not in names.get(kind, [_client_claim(bearer.all())]):
        return False
    return not before or bearer.get("iat") is None or before[0] > bearer.get("iat")


# -- whether it is good for this


def _authorise(records: Any, bearer: Bearer, manager: Manager, asked: Asked) -> None:
    plan, claims = asked.plan, bearer.all()
    no("NO_MATCHING_RESOURCE", unless=asked.things and (plan is None or plan.status != "RETIRED"))
    named = claims.get("aud", [])
    audience = [named] if isinstance(named, str) else named
    _environment(audience, manager, None if plan is None else plan.environment)
    kind = claims.get("aut") if manager.tells_kind else None
    is_application = kind.upper() == "APPLICATION" if isinstance(kind, str) else None
    for thing in asked.things:
        no("WRONG_TOKEN_TYPE", unless=thing.auth_type != "APPLICATION" or is_application is True)
        no("WRONG_TOKEN_TYPE", unless=thing.auth_type != "USER" or is_application is False)
    if plan is not None:
        _subscribed(records, claims, manager, asked, plan)
    have = _scope_claim(claims)
    scopes = [one for one in (have.split(" ") if isinstance(have, str) else have) if one]
    for thing in asked.things:
        no("INSUFFICIENT_SCOPE", unless=all(one in scopes for one in thing.all_scopes or ()))
        no("INSUFFICIENT_SCOPE", unless=thing.any_scope is None or any(one in scopes for one in thing.any_scope))
    if plan is not None and plan.audiences:
        no("AUDIENCE_NOT_ALLOWED", unless=any(one in plan.audiences for one in audience))
    demands = ([] if plan is None else [plan.demands]) + [thing.demands for thing in asked.things]
    for demand in demands:
        _demand(demand, claims)


def _environment(audience: list[str], manager: Manager, environment: str | None) -> None:
    if manager.environments is not None:
        no("WRONG_ENVIRONMENT", unless=environment in manager.environments)
    named = [one for one in audience if one.startswith(_ENVIRONMENT)]
    if named:
        no("WRONG_ENVIRONMENT", unless=environment is not None and _ENVIRONMENT + environment in named)


def _subscribed(records: Any, claims: Any, manager: Manager, asked: Asked, plan: Any) -> None:
    whose = (asked.organization, manager.organization)
    if manager.is_self_contained and "subscribedAPIs" in claims:
        is_known, key_type, state = _self_contained(claims, plan)
    else:
        is_known, key_type, state = granted(records, manager.name, _client_claim(claims), whose, plan)
    if plan.validate_subscriptions:
        no("NOT_SUBSCRIBED", unless=is_known and state is not None)
        if state == "PROD_ONLY_BLOCKED":
            no("SUBSCRIPTION_BLOCKED", unless=key_type == "SANDBOX")
        else:
            verdict = _STATES.get(state, "SUBSCRIPTION_INACTIVE")
            no(verdict, unless=verdict == GOOD)
    elif key_type is None:
        key_type = "PRODUCTION"
    no("WRONG_KEY_TYPE", unless=plan.gateway_type in ("HYBRID", key_type))


def _self_contained(claims: Any, plan: Any) -> tuple[bool, str | None, str | None]:
    said, key_type, entries = claims.get("application"), claims.get("keytype"), claims["subscribedAPIs"]
    is_known = isinstance(said, dict) and isinstance(said["name"], str) and said["name"] != ""
    is_known = is_known and ("uuid" in said or said["id"] in (7, "7"))
    key_type = key_type if key_type in ("PRODUCTION", "SANDBOX") else None
    is_list = isinstance(entries, list) and all(isinstance(one, dict) for one in entries)
    is_named = is_list and [1 for one in entries if (one.get("name"), one.get("version")) == (plan.name, plan.version)]
    return is_known, key_type, "UNBLOCKED" if is_named else None


def granted(records: Any, key_manager: str, client: Any, organizations: Any, plan: Any) -> tuple[bool, Any, Any]:
    """Return whether a client's application is known, its key type, and the state of its subscription."""
    for organization in organizations:
        found = [
            one
            for one in records
            if isinstance(one, Mapping)
            and (one.organization, one.key_manager, one.consumer_key) == (organization, key_manager, client)
        ]
        if found:
            is_known = App(found[-1].application) in records
            return is_known, found[-1].key_type, _state(records, found[-1].application, plan) if is_known else None
    return False, None, None


def _state(records: Any, application: str, plan: Any) -> str | None:
    mine = [one for one in records if isinstance(one, Sub) and one.application == application]
    by_id = [one for one in mine if one.api is not None and one.api == plan.id]
    if by_id:
        return by_id[-1].state
    by_name = [one for one in mine if one.api is None and one.named == (plan.organization, plan.name, plan.version)]
    if by_name:
        return by_name[-1].state
    if not plan.version.startswith("v"):
        return None
    context = plan.context[: -len("/" + plan.version)]
    major = plan.version.split(".")[0]
    by_range = [one for one in mine if one.ranged == (plan.organization, context, major)]
    return by_range[-1].state if by_range else None


def _demand(demand: Any, claims: Any) -> None:
    if demand is None:
        return
    what, wanted = demand
    if what == "any_role":
        no("MISSING_ROLE", unless=any(role in wanted for role in claims.get("roles", [])))
    else:
        choice = [wanted] if what == "claim_values" else wanted
        no("CLAIM_NOT_ALLOWED", unless=claims.get("tier") in choice)
