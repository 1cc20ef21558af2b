"""Who is asked while the configuration changes: nothing is granted, and nobody asked, that the new one would not."""

import pytest

from kmvalidate import JwtTokens
from tests.asking import INACTIVE, Desk, asked, asked_of_all, strategy
from tests.estate import HIGH, LOW, issuer_of
from tests.signing import b64, dumps, good_claims, good_header

JWT = f"{b64(dumps(good_header()))}.{b64(dumps(good_claims(iss=issuer_of('a'))))}.c2lnbmVk"

#: What the layer is put in place of while "a" is asked: what the token then gets, and who is asked in all.
CHANGES = {
    "removed": ([], "OPAQUE_TOKEN", ["a"]),
    "claims no more": ([asked("a", "y")], "OPAQUE_TOKEN", ["a"]),
    "another one's": ([asked("a", "y"), asked("b", "x")], "b", ["a", "b"]),
    "no longer asked": ([asked("a", introspection=None)], "OPAQUE_TOKEN", ["a"]),
    "moved": ([asked("a", "x", at="b")], "a", ["a", "b"]),
    "of an organization": ([asked("a", "x", organization="o")], "OPAQUE_TOKEN", ["a"]),
    "asked as somebody else": ([asked("a", introspection=strategy("a", "x", ttl_s=1))], "a", ["a", "a"]),
    "with other rules": ([asked("a", "x", audience="other")], "WRONG_AUDIENCE", ["a", "a"]),
    "beside others": ([asked("a", "x"), asked("b", "y")], "a", ["a"]),
    "after others": ([asked("b", "x"), asked("a", "x")], "b", ["a", "b"]),
    "before others": ([asked("a", "x"), asked("b", "x")], "a", ["a"]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("said", ["active", "inactive", "nothing"])
@pytest.mark.parametrize("way", ["verdict", "averdict"])
def test_a_change_while_somebody_is_asked_counts_at_once(change, said, way):
    """What a key manager says counts if it would still be asked; else the one of the new configuration is, if any."""
    managers, verdict, hosts = CHANGES[change]
    desk = Desk(asked("a", "x"), overlapping_tokens=True)
    if hosts[-1] != "a" and said != "active":
        desk.transport.answers["a"] = INACTIVE if said == "inactive" else {}
    desk.transport.meanwhile.append(lambda: desk.registry.use(LOW, managers))
    assert (getattr(desk, way)("x"), desk.asked()) == (verdict, hosts)
    assert desk.verdict("x") == verdict
    assert set(desk.asked()) <= {hosts[-1]}


def test_a_refusal_of_who_is_asked_no_more_does_not_count():
    """That the former key manager calls a token inactive, or fails, is not what the caller hears of the new one."""
    for said in (INACTIVE, {}):
        desk = Desk(asked("a", "x"))
        desk.transport.answers["a"] = said
        desk.transport.meanwhile.append(lambda desk=desk: desk.registry.use(LOW, []))
        assert desk.verdict("x") == "OPAQUE_TOKEN"


def test_where_everything_changes_all_the_time_nothing_is_granted():
    """A token is asked about three times while its key manager is replaced each time, and then nobody can tell."""
    desk = Desk(asked("a", "x"))
    for ttl_s in range(1, 9):
        new = asked("a", introspection=strategy("a", "x", ttl_s=ttl_s))
        desk.transport.meanwhile.append(lambda new=new: desk.registry.replace(LOW, new))
    assert (desk.verdict("x"), desk.asked()) == ("UNAVAILABLE", ["a"] * 3)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (asked("a", "x"), "UNKNOWN_KEY"),
        (asked_of_all("a", JwtTokens({"sub": "bob"})), "OPAQUE_TOKEN"),
        (asked_of_all("a", at="b"), "UNKNOWN_ISSUER"),
        (asked_of_all("a", audience="other"), "WRONG_AUDIENCE"),
        (asked_of_all("b", at="a"), "b"),
    ],
)
def test_a_jwt_that_is_asked_about_follows_the_new_configuration(after, verdict):
    """A JWT is granted only by the key manager that answers for its issuer when the answer is there."""
    desk = Desk(asked_of_all("a"))
    desk.transport.meanwhile.append(lambda: desk.registry.use(LOW, [after]))
    assert desk.verdict(JWT) == verdict


def test_key_managers_that_are_asked_for_hold_for_the_new_configuration_too():
    """A list of key managers that narrows the choice narrows it after a change as well."""
    for names, found, hosts in ((["a"], "WRONG_KEY_MANAGER", ["a"]), (["a", "b"], "b", ["a", "b"])):
        desk = Desk(asked("a", "x"))
        desk.transport.meanwhile.append(lambda desk=desk: desk.registry.use(LOW, [asked("b", "x")]))
        assert (desk.verdict("x", None, names), desk.asked()) == (found, hosts)
    desk = Desk(asked_of_all("a"))
    desk.transport.meanwhile.append(lambda: desk.registry.use(LOW, [asked_of_all("b", at="a")]))
    assert (desk.verdict(JWT, None, ["a"]), desk.asked()) == ("WRONG_KEY_MANAGER", ["a"])


def test_a_layer_above_counts_while_somebody_is_asked():
    """An override that comes meanwhile ends the claim of what it overrides."""
    desk = Desk(asked("a", "x"))
    desk.transport.meanwhile.append(lambda: desk.registry.add(HIGH, asked("high", "y", at="a")))
    assert (desk.verdict("x"), desk.asked()) == ("OPAQUE_TOKEN", ["a"])


@pytest.mark.parametrize("after", ["own", "shared"])
def test_what_an_organization_was_granted_is_nobody_elses(after):
    """What is verified for an organization that gets key managers meanwhile is remembered for it alone."""
    own = asked("own", "x" if after == "own" else "y", organization="o")
    shared = asked("all", "y") if after == "own" else asked("all", "x")
    hiding = [asked("first", "x"), asked("first", "y", at="own", organization="o"), shared]
    desk = Desk(asked("start", "x"), overlapping_tokens=True)
    desk.transport.meanwhile.append(lambda: desk.registry.use(LOW, [own, shared] if after == "own" else hiding))
    assert desk.verdict("x", "o") == ("own" if after == "own" else "all")
    assert [desk.verdict("x"), desk.verdict("x", "p")] == (["OPAQUE_TOKEN"] if after == "own" else ["first"]) * 2


def test_an_answer_that_names_an_overridden_issuer_grants_nothing():
    """A key manager stands for no issuer that another one answers for, not in its answers either."""
    desk = Desk(asked("a", "x", extra_issuers=[issuer_of("b"), issuer_of("c")]))
    desk.transport.answers["a"] = {"active": True, "aud": "orders", "exp": 2e9, "iss": issuer_of("b")}
    assert desk.verdict("x") == "a"
    desk.registry.add(HIGH, asked("b", "y"))
    assert desk.verdict("x") == "WRONG_ISSUER"
    desk.forget()
    assert [desk.verdict("x"), desk.verdict("x")] == ["WRONG_ISSUER"] * 2
    desk.transport.answers["a"]["iss"] = issuer_of("c")
    desk.forget()
    assert desk.verdict("x") == "a"
