"""What an API, or a key manager, demands of a token beyond that it is good."""

import copy
import pickle

import attrs
import pytest

from kmvalidate import Demands, KeyManagerRegistry, ProviderProfile, TokenValidator
from kmvalidate.errors import ConfigurationError, Reason
from tests.signing import ISSUER, NoNetwork, SetClock, good_claims, manager, reason, refusal, token, validator

NAN = float("nan")
LOOP: list = []
LOOP.append(LOOP)

#: A name that is demanded, and the claim that has such names.
KINDS = {"role": "roles", "group": "groups", "permission": "permissions"}
ANY = [(f"any_{one}", claim) for one, claim in KINDS.items()]
ALL = [(f"all_{claim}", claim) for claim in KINDS.values()]

WRONG = [
    *((name, value) for name, _ in (*ANY, *ALL) for value in ([], set(), "", [""], [5], [None], 5, b"admin", True)),
    *(("claim_values", value) for value in (None, ["x"], "x", 5, {"x": {1, 2}}, {5: "x"}, {"": "x"}, {"x": {1: 2}})),
    *(("claim_values", value) for value in ({"x": NAN}, {"x": b"x"}, {"x": LOOP}, {"x": object()}, {"x": [{2: 1}]})),
    *(("claim_in", value) for value in (None, ["x"], "x", 5, {"x": []}, {"x": ()}, {"x": 5}, {"x": None}, {5: ["x"]})),
    *(("claim_in", value) for value in ({"": ["x"]}, {"x": [NAN]}, {"x": [{1, 2}]}, {"x": True}, {"x": [LOOP]})),
    *(("claim_in", value) for value in ({"a": ["x"], "b": []}, {"x": {}}, {"x": [object()]}, {"x": iter(())})),
    *(("claim_in", value) for value in ({"x": b"ab"}, {"x": {"a": 1}}, [("x", ["a"])])),
]

JSON = [None, True, False, 0, 1, "1", "", "true", [], [1], [True], [[1]], {}, {"a": 1}, {"a": True}, [{"a": 1}], [None]]


def verified(*, by=None, **claims):
    """Return a token with these claims, verified by a key manager."""
    return validator(by or manager()).authenticate(token(good_claims(**claims)))


def verdict(demands, **claims):
    return reason(Demands(**demands).check, verified(**claims))


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:30])
def test_what_no_token_can_have_is_refused_when_it_is_made(name, value):
    """A demand that is no name, or no JSON, is a ConfigurationError of demands and of key managers."""
    with pytest.raises(ConfigurationError):
        Demands(**{name: value})
    with pytest.raises(ConfigurationError):
        manager(**{name: value})


@pytest.mark.parametrize(
    "empty",
    [{}, {"any_role": ()}, {"all_groups": []}, {"claim_values": {}}, {"claim_in": {}, "all_roles": set()}],
    ids=str,
)
def test_demands_demand_something(empty):
    """Demands that every token meets are a ConfigurationError: who wrote them meant something else."""
    with pytest.raises(ConfigurationError, match=r"demand something|at least one"):
        Demands(**empty)


@pytest.mark.parametrize(("name", "claim"), [*ANY, *ALL])
def test_one_name_may_be_written_alone(name, claim):
    """A bare string is one name and not its letters: neither ``a`` nor an array of letters is admin."""
    demands = Demands(**{name: "admin"})
    assert {Demands(**{name: given}) for given in (["admin"], ("admin",), {"admin"}, iter(["admin"]))} == {demands}
    assert reason(demands.check, verified(**{claim: ["cook", "admin"]})) == "GOOD"
    for letters in ("a", list("admin"), "ADMIN", "admin ", "administrator", ["adm", "in"], [], ["Admin"]):
        assert reason(demands.check, verified(**{claim: letters})) == "MISSING_ROLE"


@pytest.mark.parametrize(("name", "claim"), ANY)
def test_one_of_several_is_enough(name, claim):
    """With any_ a token needs one of the names, and others of its own do not matter."""
    for have, expected in ((["a"], "GOOD"), (["b", "x"], "GOOD"), (["x"], "MISSING_ROLE"), ([], "MISSING_ROLE")):
        assert verdict({name: {"a", "b"}}, **{claim: have}) == expected


@pytest.mark.parametrize(("name", "claim"), ALL)
def test_each_of_several_is_needed(name, claim):
    """With all_ a token needs every one of the names."""
    for have, expected in ((["b", "a", "x"], "GOOD"), (["a"], "MISSING_ROLE"), ("b", "MISSING_ROLE")):
        assert verdict({name: {"a", "b"}}, **{claim: have}) == expected


def test_demands_are_added_up():
    """A token must meet every demand; what one of them asks for is no substitute for another."""
    demands = {"any_role": "a", "all_groups": ["g", "h"], "claim_values": {"tier": "gold"}}
    good = {"roles": ["a"], "groups": ["g", "h"], "tier": "gold"}
    assert verdict(demands, **good) == "GOOD"
    for name, reasons in (("roles", "MISSING_ROLE"), ("groups", "MISSING_ROLE"), ("tier", "CLAIM_NOT_ALLOWED")):
        assert verdict(demands, **{**good, name: ...}) == reasons
    assert verdict({"any_role": "a"}, groups=["a"], permissions=["a"]) == "MISSING_ROLE"
    assert verdict({"any_role": "a", "all_roles": "b"}, roles=["b"]) == "MISSING_ROLE"


@pytest.mark.parametrize(
    "roles", [None, True, 5, [5], [["a"]], {"a": False}, {"a": {}}, [{"a": 1}], ["a", None], {"a": None}], ids=repr
)
def test_odd_roles_meet_no_demand(roles):
    """Roles in a form they do not have are unknown, and no role is found in them."""
    assert verdict({"any_role": "a"}, roles=roles) == "UNKNOWN_ROLES"
    assert verdict({"all_roles": "a"}, roles=roles) == "UNKNOWN_ROLES"
    assert reason(validator(any_role="a").authenticate, token(good_claims(roles=roles))) == "UNKNOWN_ROLES"


@pytest.mark.parametrize("sign", [{"_claim_names": {"groups": "s"}}, {"hasgroups": True}, {"_claim_names": 5}], ids=str)
def test_an_overage_meets_no_demand(sign):
    """Groups that were too many for the token are unknown: neither granted nor taken for none."""
    for claims in (sign, {**sign, "groups": ["a"]}):
        refused = refusal(Demands(any_group="a").check, verified(**claims))
        assert (refused.reason, refused.claim, refused.expected) == (Reason.UNKNOWN_ROLES, "groups", "[a]")
        assert "too many" in refused.hint
        assert verdict({"any_role": "a"}, roles="a", **sign) == (
            "UNKNOWN_ROLES" if sign.get("_claim_names") == 5 else "GOOD"
        )


@pytest.mark.parametrize("got", JSON, ids=repr)
@pytest.mark.parametrize("wanted", JSON, ids=repr)
def test_a_claim_equals_nothing_but_itself(wanted, got):
    """A value is compared with its type at every depth, and one of several also with the members of an array."""
    same = repr(wanted) == repr(got)
    member = isinstance(got, list) and repr(wanted) in map(repr, got)
    assert verdict({"claim_values": {"x": wanted}}, x=got) == ("GOOD" if same else "CLAIM_NOT_ALLOWED")
    expected = "GOOD" if same or member else "CLAIM_NOT_ALLOWED"
    for choice in ([wanted], (wanted, "other"), ["other", wanted, 7.5]):
        assert verdict({"claim_in": {"x": choice}}, x=got) == expected


def test_one_string_may_be_written_alone():
    """A single value that is a string needs no list around it, and is not searched in."""
    assert Demands(claim_in={"x": "acme"}) == Demands(claim_in={"x": ["acme"]})
    for got in ("a", "", "acm", ["a"], "acme "):
        assert verdict({"claim_in": {"x": "acme"}}, x=got) == "CLAIM_NOT_ALLOWED"


@pytest.mark.parametrize("demand", [{"claim_values": {"x": None}}, {"claim_in": {"x": [None]}}], ids=str)
def test_a_claim_that_is_not_there_is_not_null(demand):
    """A claim that is demanded to be null must be there and be null."""
    assert (verdict(demand, x=None), verdict(demand)) == ("GOOD", "CLAIM_NOT_ALLOWED")


@pytest.mark.parametrize(
    "got", [10**63, -(2**64), 1e308, 0.1, [[["deep"] * 9] * 9] * 9, "\u2028\\", "😀" * 99], ids=ascii
)
def test_any_claim_can_be_compared(got):
    """A claim of any size and depth is compared, and nothing but a verdict comes of it."""
    for demand in ({"claim_values": {"x": "a"}}, {"claim_in": {"x": ["a", 1, [None]]}}):
        assert verdict(demand, x=got) == "CLAIM_NOT_ALLOWED"
    assert verdict({"claim_in": {"x": [got]}, "claim_values": {"x": got}}, x=got) == "GOOD"


def test_a_refusal_says_what_was_demanded():
    """An unmet demand is a 403 that names claim, demand, what was got, and the key manager."""
    read = verified(roles=["b", "c"], tier="tin")
    refused = refusal(Demands(all_roles=["a", "b"]).check, read)
    facts = (refused.reason.status, refused.claim, refused.expected, refused.got, refused.key_manager)
    assert facts == (403, "roles", "[a, b]", "[b, c]", "Test")
    refused = refusal(Demands(claim_in={"tier": ["gold", "iron"]}).check, read)
    facts = (refused.reason.status, refused.claim, refused.expected, refused.got, refused.key_manager)
    assert facts == (403, "tier", "[gold, iron]", "tin", "Test")
    assert refusal(Demands(claim_values={"x": 1}).check, read).got == "no such claim"


def test_the_profile_explains_an_unmet_demand():
    """What is known of the kind of provider is said of an unmet demand, and never in place of another hint."""
    profile = ProviderProfile(explain=lambda refused, claims: f"Look at {refused.claim} of {claims['sub']}.")
    read = verified(by=manager(profile=profile), groups=5)
    assert refusal(Demands(any_role="a").check, read).hint == "Look at roles of alice."
    assert "form" in refusal(Demands(any_group="a").check, read).hint


def test_each_key_manager_says_where_its_roles_are():
    """The same demands look for roles where the key manager of the token has them, and nowhere else."""
    other = "https://idp.example/realms/other"
    managers = [manager(), manager(name="Other", issuer=other, role_claims=[("realm_access", "roles")])]
    check = TokenValidator(KeyManagerRegistry(managers, transport=NoNetwork(), clock=SetClock())).authenticate
    demands = Demands(any_role="admin")
    nested = {"realm_access": {"roles": ["admin"]}}
    for issuer, claims, expected in (
        (ISSUER, {"roles": ["admin"]}, "GOOD"),
        (ISSUER, nested, "MISSING_ROLE"),
        (other, {"roles": ["admin"]}, "MISSING_ROLE"),
        (other, nested, "GOOD"),
    ):
        for _ in range(2):
            read = check(token(good_claims(iss=issuer, **claims)))
            assert reason(demands.check, read) == expected
    refused = refusal(demands.check, check(token(good_claims(iss=other))))
    assert refused.key_manager == "Other"


def test_a_key_manager_demands_the_same_of_all_its_tokens():
    """What a key manager demands is checked for each of its tokens, remembered or not."""
    check = validator(any_role="a", all_groups=["g"], any_permission="p", claim_in={"tier": ["gold", 1]}).authenticate
    good = {"roles": ["a"], "groups": ["g"], "permissions": ["p"], "tier": "gold"}
    for _ in range(3):
        assert reason(check, token(good_claims(**good))) == "GOOD"
        assert reason(check, token(good_claims(**{**good, "tier": ["x", 1]}))) == "GOOD"
        for change, expected in (
            ({"roles": ["b"]}, "MISSING_ROLE"),
            ({"groups": ...}, "MISSING_ROLE"),
            ({"permissions": ["P"]}, "MISSING_ROLE"),
            ({"hasgroups": True}, "UNKNOWN_ROLES"),
            ({"tier": "tin"}, "CLAIM_MISMATCH"),
            ({"tier": True}, "CLAIM_MISMATCH"),
            ({"tier": 1.0}, "CLAIM_MISMATCH"),
            ({"tier": [["gold"]]}, "CLAIM_MISMATCH"),
            ({"tier": None}, "CLAIM_MISMATCH"),
            ({"tier": ...}, "MISSING_CLAIM"),
        ):
            assert reason(check, token(good_claims(**{**good, **change}))) == expected


def test_a_demand_comes_after_everything_else():
    """A token that is not good is refused for that, whatever roles it has or lacks."""
    check = validator(any_role="a").authenticate
    for change, expected in (
        ({"exp": 1}, "EXPIRED"),
        ({"aud": "x"}, "WRONG_AUDIENCE"),
        ({"cnf": {}}, "PROOF_REQUIRED"),
    ):
        assert reason(check, token(good_claims(roles=[], **change))) == expected


def test_demands_are_values():
    """Demands can be compared, copied, evolved and pickled, stay as they were made, and tell 1 from true."""
    source = {"x": [1, {"a": [2]}]}
    made = Demands(any_role={"a", "b"}, claim_values=source, claim_in={"y": [[1], "z"]})
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), attrs.evolve(made)):  # noqa: S301
        assert twin == made
        assert (twin.claim_values, twin.claim_in) == (made.claim_values, made.claim_in)
    source["x"][1]["a"].append(3)
    assert made == Demands(any_role={"b", "a"}, claim_values={"x": [1, {"a": [2]}]}, claim_in={"y": ["z", [1]]})
    with pytest.raises(TypeError):
        made.claim_values["x"][1]["a"] = ()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.any_role = frozenset()
    assert Demands(claim_values={"x": 1}) != Demands(claim_values={"x": True})
    assert Demands(claim_in={"x": [1]}) != Demands(claim_in={"x": [1.0]})
    assert hash(made) == hash(attrs.evolve(made))


def test_a_key_manager_stays_a_value():
    """A key manager with demands can be evolved, and one that demands something else is another."""
    made = manager(any_role="a", claim_in={"x": [1, ["y"]]}, claim_values={"z": {"a": [1]}})
    assert attrs.evolve(made) == made
    for change in ({"any_role": "b"}, {"claim_in": {"x": [True, ["y"]]}}, {"role_claims": "r"}, {"all_groups": "g"}):
        assert attrs.evolve(made, **change) != made
