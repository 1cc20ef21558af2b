"""The checks of a gateway against a naive oracle: they allow what it allows, and give its reason."""

from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.apis import Api, AuthType, GatewayType, Resource
from kmvalidate.chain import ValidatorChain
from kmvalidate.subscriptions import Grant, Subscription
from tests.chain.making import APP, TELLING, case, verdict
from tests.signing import ABSENT

SCOPES = ("a", "b", "A", "a:b")
STATES = ("UNBLOCKED", "CREATED", "BLOCKED", "PROD_ONLY_BLOCKED", "ON_HOLD", "unblocked")
some_scopes = st.none() | st.frozensets(st.sampled_from(SCOPES), min_size=1)
key_types = st.sampled_from([None, "PRODUCTION", "SANDBOX"])

worlds = st.fixed_dictionaries({
    "status": st.sampled_from(["PUBLISHED"] * 5 + ["BLOCKED", "RETIRED"]),
    "path": st.sampled_from(["/menu"] * 5 + ["/Menu"]),
    "enabled": st.sampled_from([None, ("Test",), ("Other", "Test"), ("Other",)]),
    "environment": st.sampled_from([None, "dev", "prod"]),
    "environments": st.sampled_from([None, None, (), ("dev",), ("dev", "prod")]),
    "named": st.sampled_from([(), (), ("dev",), ("prod", "dev")]),
    "auth_type": st.sampled_from([AuthType.ANY, AuthType.ANY, AuthType.USER, AuthType.APPLICATION]),
    "aut": st.sampled_from([ABSENT, "APPLICATION", "APPLICATION_USER"]),
    "asks": st.booleans(),
    "state": st.none() | st.sampled_from(STATES),
    "key_type": key_types,
    "gateway": st.sampled_from(list(GatewayType)),
    "any_scope": some_scopes,
    "all_scopes": some_scopes,
    "has": st.frozensets(st.sampled_from(SCOPES)),
    "audiences": st.sampled_from([(), (), ("orders",), ("x",), ("x", "orders")]),
})  # fmt: skip


def judged(world):
    """Return the verdict of the chain."""
    menu = Resource(
        *("GET", "/menu"),
        any_scope=world["any_scope"],
        all_scopes=world["all_scopes"],
        auth_type=world["auth_type"],
    )
    api = Api(
        *("orders", "1.0.0"),
        resources=[menu],
        status=world["status"],
        key_managers=world["enabled"],
        environment=world["environment"],
        validate_subscriptions=world["asks"],
        gateway_type=world["gateway"],
        audiences=world["audiences"],
    )
    state = world["state"]
    known = Grant(
        application=None if state is None else APP,
        key_type=world["key_type"],
        subscription=None if state is None else Subscription(application=APP.id, api="x", state=state),
    )
    aud = ["orders", *(f"choreo:environment:{name}" for name in world["named"])]
    options = {"profile": TELLING, "environments": world["environments"]}
    scope = " ".join(sorted(world["has"])) or ABSENT
    return verdict(
        ValidatorChain(), case(api.call("GET", world["path"]), known, options, aud=aud, aut=world["aut"], scope=scope)
    )


def of_subscription(world):
    if not world["asks"]:
        return None
    state, key_type = world["state"], world["key_type"]
    if state is None:
        return "NOT_SUBSCRIBED"
    if state == "BLOCKED" or (state == "PROD_ONLY_BLOCKED" and key_type != "SANDBOX"):
        return "SUBSCRIPTION_BLOCKED"
    return "SUBSCRIPTION_INACTIVE" if state in {"ON_HOLD", "unblocked"} else None


def expected(world):
    """Return what a person who read the rules would say, by asking one question after the other."""
    types = {AuthType.USER: "APPLICATION_USER", AuthType.APPLICATION: "APPLICATION"}
    key_type = world["key_type"] or (None if world["asks"] else "PRODUCTION")
    any_of, all_of, has = world["any_scope"], world["all_scopes"], world["has"]
    questions = (
        ("API_BLOCKED", world["status"] == "BLOCKED"),
        ("NO_MATCHING_RESOURCE", world["status"] == "RETIRED" or world["path"] != "/menu"),
        ("WRONG_KEY_MANAGER", world["enabled"] == ("Other",)),
        ("WRONG_ENVIRONMENT", world["environments"] is not None and world["environment"] not in world["environments"]),
        ("WRONG_ENVIRONMENT", world["named"] and world["environment"] not in world["named"]),
        ("WRONG_TOKEN_TYPE", world["auth_type"] in types and world["aut"] != types[world["auth_type"]]),
        (of_subscription(world), of_subscription(world)),
        ("WRONG_KEY_TYPE", world["gateway"] is not GatewayType.HYBRID and key_type != world["gateway"].value),
        ("INSUFFICIENT_SCOPE", all_of is not None and all_of - has),
        ("INSUFFICIENT_SCOPE", any_of is not None and not any_of & has),
        ("AUDIENCE_NOT_ALLOWED", world["audiences"] == ("x",)),
    )
    return next((name for name, is_so in questions if is_so), "GOOD")


@given(worlds)
def test_the_chain_is_the_oracle(world):
    """A call is allowed if a naive reading of the rules allows it, and else refused for its first reason."""
    assert judged(world) == expected(world)


@given(worlds, st.sampled_from(SCOPES))
def test_another_scope_refuses_nothing(world, scope):
    """A scope more never turns an allowed call into a refused one, nor a scope less the other way round."""
    more, less = world | {"has": world["has"] | {scope}}, world | {"has": world["has"] - {scope}}
    assert judged(less) != "GOOD" or judged(more) == "GOOD"


@given(worlds)
def test_a_subscription_refuses_nothing(world):
    """Being subscribed never turns an allowed call into a refused one, nor not being so the other way round."""
    assert judged(world | {"state": None}) != "GOOD" or judged(world | {"state": "UNBLOCKED"}) == "GOOD"
