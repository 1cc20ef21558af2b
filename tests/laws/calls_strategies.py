"""
What worlds of calls are made of: most of each is good, and a few things are odd.

Rules kept here: names are few, so that they meet; whatever is odd is odd alone or nearly so, so that each rule decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.laws.calls_plans import (
    ABSENT,
    ANY_METHOD,
    AUDIENCE,
    NOW,
    STATES,
    WILD,
    App,
    Asked,
    Bearer,
    Manager,
    Mapping,
    Plan,
    Sub,
    Thing,
    World,
)


def few_odd(draw: Any, most: int, **fields: tuple[Any, Any]) -> dict[str, Any]:
    """Return fields as they usually are, but for a few: each is its usual value and what it may be otherwise."""
    odd = draw(st.lists(st.sampled_from(sorted(fields)), max_size=most, unique=True))
    others = {
        name: other if isinstance(other, st.SearchStrategy) else st.sampled_from(other)
        for name, (_, other) in fields.items()
    }
    return {name: draw(others[name]) if name in odd else usual for name, (usual, _) in fields.items()}


organizations = st.sampled_from([None, None, None, "acme", "acme", "globex"])
demanded = st.sampled_from([("any_role", ("admin",)), ("claim_in", ("gold", "silver")), ("claim_values", "gold")])
scope_sets = st.sampled_from([None, ("read",), ("write",), ("read", "write"), ("READ",)])


@st.composite
def managers(draw: Any) -> tuple[Manager, ...]:
    """Return some key managers, the same names and issuers in several organizations."""
    who = [("a", "acme", "i"), ("a", "acme", "j"), ("b", None, "j"), ("b", "acme", "j"), ("c", "globex", "i")]
    others = draw(st.lists(st.sampled_from([*who, ("b", "globex", "k")]), max_size=3))
    return apart([draw(manager(*one)) for one in (("a", None, "i"), *others)])


@st.composite
def manager(draw: Any, name: str, organization: str | None, issuer: str) -> Manager:
    """Return a key manager of that name."""
    how = few_odd(
        draw,
        1,
        environments=(None, [("dev",), ("dev", "prod"), ()]),
        wants_audience=(True, [False]),
        tells_kind=(True, [False]),
        leeway_s=(0, [60]),
        is_self_contained=(False, [True]),
    )
    return Manager(name, organization, issuer, **how)


def apart(some: list[Manager]) -> tuple[Manager, ...]:
    """Leave out those that share a name or an issuer with an earlier one of their organization."""
    kept: list[Manager] = []
    for one in some:
        rivals = [other for other in kept if other.organization == one.organization]
        if all(other.name != one.name and other.issuer != one.issuer for other in rivals):
            kept.append(one)
    return tuple(kept)


audiences = [
    *(
        "shop",
        [AUDIENCE, "shop"],
        ["shop"],
        [AUDIENCE, "choreo:environment:dev"],
        "choreo:environment:dev",
        ABSENT,
        [],
        5,
    ),
    *([AUDIENCE, "choreo:environment:prod", "choreo:environment:dev"], [AUDIENCE, "choreo:environment:"]),
    *([AUDIENCE, "Choreo:environment:dev"], ["shop", AUDIENCE, "choreo:environment:DEV"], [AUDIENCE, 5]),
]
scope_claims = [
    *(" read  write", "read", ["read", "write"], ["read write"], "READ", "read\twrite", "", [], "write,read", ABSENT),
    *(None, 5, ["read", 5], "reads writer"),
]
_ORDERS = {"name": "orders", "version": "v1.2", "subscriptionTier": "Gold"}
subscribed = [
    *(
        [_ORDERS],
        [{"name": "menu"}, _ORDERS],
        [{"name": "orders", "version": "1.0"}],
        [{"name": "Orders", "version": "v1.2"}],
    ),
    *([], "orders", None, [5], [_ORDERS, None]),
]
said = st.fixed_dictionaries(
    {"id": st.sampled_from([7, "7", "seven", None]), "name": st.sampled_from(["Shop", "Shop", "", 5])},
    optional={"uuid": st.just("app-1")},
)


@st.composite
def bearers(draw: Any) -> Bearer:
    """Return a token, most likely a good one."""
    claims = few_odd(
        draw,
        2,
        aud=([AUDIENCE, "shop"], audiences),
        exp=(NOW + 300, [NOW, NOW - 30, NOW + 30]),
        nbf=(ABSENT, [NOW - 10, NOW + 30, NOW + 100]),
        iat=(NOW - 10, [ABSENT, NOW - 100, NOW + 30, NOW + 100]),
        sub=("alice", ["app-1", ABSENT]),
        scope=("read write", scope_claims),
        scp=(ABSENT, scope_claims),
        client_id=("x", ["y", "z", ABSENT, "X", "", 5]),
        azp=(ABSENT, ["x", "y", "", None]),
        roles=(["admin"], [["admins", "user"], ABSENT]),
        tier=("gold", ["silver", "Gold", ABSENT]),
        entity_id=(ABSENT, ["bob", "x"]),
        subscribedAPIs=(ABSENT, subscribed),
    )
    claims["jti"] = draw(st.sampled_from(["t1", "t2", ABSENT]))
    claims["aut"] = draw(st.sampled_from(["APPLICATION", "APPLICATION_USER", "application", ABSENT, 5]))
    if claims["subscribedAPIs"] is not ABSENT:
        claims["application"] = draw(said | st.sampled_from(["Shop", ABSENT]))
        claims["keytype"] = draw(st.sampled_from(["PRODUCTION", "SANDBOX", "production", ABSENT]))
    about = few_odd(draw, 1, issuer=("i", ["i", "i", "j", "j", "k"]), is_forged=(False, [False, False, True]))
    return Bearer(about["issuer"], (), about["is_forged"]).changed(**claims)


@st.composite
def things(draw: Any, method: str, path: str) -> Thing:
    """Return a resource there; what takes no token asks for nothing else."""
    asks = few_odd(
        draw,
        2,
        any_scope=(("read", "more"), scope_sets),
        all_scopes=(None, scope_sets),
        auth_type=("ANY", ["APPLICATION", "USER", "NONE"]),
        demands=(None, demanded),
    )
    return Thing(method, path, **(asks if asks["auth_type"] != "NONE" else {"auth_type": "NONE"}))


DEPLOYMENTS = ("HYBRID", "PRODUCTION", "SANDBOX")
_PLACES = {
    "HTTP": [("GET", "/menu"), ("GET", "/orders/{id}"), ("POST", "/menu")],
    "GRAPHQL": [("QUERY", "menu"), ("QUERY", "orders"), ("MUTATION", "menu")],
}


@st.composite
def plans(draw: Any) -> Plan:
    """Return an API."""
    how = few_odd(
        draw,
        3,
        id=("u1", ["u2", None, None]),
        organization=(None, ["acme", "globex"]),
        environment=(None, ["dev", "prod"]),
        key_managers=(None, [("a",), ("b", "a"), ("c",)]),
        audiences=((), [("shop",), ("other", "shop"), ("other",)]),
        deployed=(("HYBRID", True), [(one, other) for one in DEPLOYMENTS for other in (True, False)]),
        status=("PUBLISHED", ["DEPRECATED", "BLOCKED", "RETIRED"]),
        kind=("HTTP", ["GRAPHQL"]),
        demands=(None, demanded),
        name=("orders", ["menu"]),
        version=("v1.2", ["1.0", "v2.0.1"]),
        context=(None, ["/x/v1.2"]),
    )
    how["gateway_type"], how["validate_subscriptions"] = how.pop("deployed")
    how["context"] = how["context"] or f"/{how['name']}/{how['version']}"
    return Plan(**how, things=tuple(draw(things(*place)) for place in _PLACES[how["kind"]]))


@st.composite
def asked_of(draw: Any, plan: Plan) -> Asked:
    """Return a call of an API, or of scopes alone."""
    if draw(st.integers(0, 7)) == 7:
        alone = replace(draw(things(ANY_METHOD, WILD)), auth_type="ANY")
        return Asked(None, (alone,), draw(organizations), draw(st.sampled_from([None, None, ("a",), ("c", "b")])))
    count = draw(st.sampled_from([1, 1, 1, 1, 1, 0] if plan.kind == "HTTP" else [1, 2, 2, 3, 0]))
    first = draw(st.integers(0, len(plan.things) - 1))
    chosen = (plan.things * 2)[first : first + count]
    where = plan.organization or draw(organizations)
    return Asked(plan, tuple(one for one in plan.things if one in chosen), where)


applications = st.sampled_from(["app-1", "app-1", "app-2"])


@st.composite
def mappings(draw: Any) -> Mapping:
    """Return whose a client is."""
    whose, name, client = draw(organizations), draw(st.sampled_from("aab")), draw(st.sampled_from("xxy"))
    return Mapping(whose, name, client, draw(applications), draw(st.sampled_from(["PRODUCTION", "SANDBOX"])))


@st.composite
def subs(draw: Any) -> Sub:
    """Return a subscription: by UUID, by name and version, or to a range of versions."""
    how, whose = draw(st.sampled_from(["id", "id", "named", "named", "ranged"])), draw(organizations)
    which = few_odd(
        draw, 1, name=("orders", ["menu"]), version=("v1.2", ["1.0"]), api=("u1", ["u2"]), range=("v1", ["v2"])
    )
    state = draw(st.sampled_from([*["UNBLOCKED"] * 6, *STATES]))
    if how == "ranged":
        return Sub(draw(applications), None, None, (whose, f"/{which['name']}", which["range"]), state)
    named = (whose, which["name"], which["version"])
    return Sub(draw(applications), which["api"] if how == "id" else None, named, None, state)


@st.composite
def revocations(draw: Any) -> tuple[Any, ...]:
    """Return a revocation: its kind, what it names, whose; and before when, where it has that."""
    whose = (draw(st.sampled_from(["a", "a", "b", ANY_METHOD])), draw(organizations))
    kind = draw(st.sampled_from(["token_id", "consumer_key", "subject", "client", "key", "issuer", "token"]))
    if kind == "issuer":
        return kind, f"https://{draw(st.sampled_from('ijk'))}.example"
    if kind == "token":
        return kind, draw(st.integers(0, 9))
    names = {"token_id": ["t1", "t2"], "key": ["i", "j"], "subject": ["alice", "bob", "x"]}.get(kind, ["x", "y"])
    before = draw(st.sampled_from([NOW - 50, NOW - 10, NOW - 9.5, NOW]))
    return (kind, draw(st.sampled_from(names)), *whose, *([before] if kind in {"consumer_key", "subject"} else []))


#: What most worlds begin with: the client x is app-1's, which is subscribed to the API that most are.
BASE = (App("app-1"), App("app-2"), Mapping(None, "a", "x", "app-1"), Sub("app-1", "u1", (None, "orders", "v1.2")))


@st.composite
def worlds(draw: Any) -> World:
    """Return a world with a few of everything."""
    known = draw(st.lists(plans(), min_size=1, max_size=2))
    asked = draw(st.lists(st.sampled_from(known).flatmap(asked_of), min_size=3, max_size=6))
    left_out = draw(st.sampled_from([None, None, None, None, *BASE]))
    keys = draw(st.sampled_from(["PRODUCTION", "PRODUCTION", "SANDBOX"]))
    base = [replace(one, key_type=keys) if isinstance(one, Mapping) else one for one in BASE if one != left_out]
    more = st.lists(mappings(), max_size=2), st.lists(subs(), max_size=3)
    return World(
        draw(managers()),
        tuple(draw(st.lists(bearers(), min_size=2, max_size=5))),
        tuple(asked),
        (*base, *draw(more[0]), *draw(more[1])),
        tuple(draw(st.lists(revocations(), max_size=1))),
    )
