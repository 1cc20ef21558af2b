"""Names that others choose: like the gateway's but for their letter case, renamed ones, and those that are left out."""

import json

import pytest

from kmvalidate.backend_jwt import GATEWAY_FACTS, PROTECTED_CLAIMS, LegacyFormat
from kmvalidate.errors import ConfigurationError
from tests.backend_jwt.making import bare, case, claims, generator, issue, key, opaque, part, payload

D = "http://wso2.org/claims/"
RSA = key("RS256", certified=True)
OWN = sorted(PROTECTED_CLAIMS | GATEWAY_FACTS)
DIALECT = [D + name for name in ("subscriber", "tier", "enduser", "applicationUUId", "enduserTenantId")]


def legacy(of=None, dialect="http://wso2.org/claims", **options):
    return payload(issue(generator(RSA, format=LegacyFormat(dialect=dialect), **options), of or case()))


def spelt(names):
    """Return claims whose names differ from *names* only as readers without letter cases do not see."""
    ways = (
        *(str.upper, str.title, str.swapcase),
        lambda name: name.replace("s", "\u017f").replace("k", "\u212a"),
        *(lambda name, other=other: name.replace("i", other) for other in ("\u0131", "\u0130", "i\u0307")),
        lambda name: name.upper().replace("I", "\u0130"),
    )
    return {way(name): "evil" for name in names for way in ways if way(name) not in names}


EVIL = spelt(OWN)
EVIL_LEGACY = spelt([*sorted(PROTECTED_CLAIMS), *DIALECT, "organizations", "aut", "tierInfo"])


def test_there_are_many_spellings():
    """What these tests try has the spellings that Go or Java takes for a claim of the gateway."""
    assert {"Sub", "AUD", "\u017fub", "Client_Id", "Key_Type", "API", "\u212aey_type"} <= EVIL.keys()
    assert {"\u0131ss", "\u0130ss", "cl\u0131ent_\u0131d", "CL\u0130ENT_\u0130D"} <= EVIL.keys()
    assert D.upper() + "ENDUSER" in EVIL_LEGACY


@pytest.mark.parametrize("make", [case, bare])
def test_no_spelling_of_a_claim_of_the_gateway_is_written(make):
    """Of the user or of a callable, no claim is written that differs from the gateway's only in letter case."""
    honest = claims(make(), audience="b")
    assert claims(make(user_claims=EVIL), audience="b") == honest
    assert claims(make(), audience="b", custom_claims=lambda _: EVIL) == honest


@pytest.mark.parametrize("make", [case, bare])
def test_no_spelling_of_a_legacy_claim_is_written(make):
    """In the legacy format neither, nor such a claim of the token, which repeats its other claims."""
    honest = legacy(make())
    assert legacy(make(**{name: value for name, value in EVIL_LEGACY.items() if name.isascii()})) == honest
    assert legacy(make(user_claims=EVIL_LEGACY)) == honest
    assert legacy(make(), custom_claims=lambda _: EVIL_LEGACY) == honest


def test_an_empty_dialect_has_no_spellings():
    """With an empty dialect, ``Tier`` is no claim of others, for ``tier`` is the gateway's."""
    evil = {"VERSION": "evil", "t\u0131er": "evil", "appl\u0130cationname": "evil"}
    found = legacy(case(Tier="evil", user_claims=evil), dialect="")
    assert (found["tier"], found["version"], found["applicationname"]) == ("Gold", "1.0.0", "Shop")
    assert "evil" not in found.values()


@pytest.mark.parametrize("name", ["Sub", "ISS", "Organization", "\u017fcope", "Client_ID", "API", "ap\u0131"])
def test_no_claim_is_renamed_to_a_spelling(name):
    """Naming a claim of the token like the gateway's but for letter case is an error, in both formats."""
    with pytest.raises(ConfigurationError, match="is written by the generator"):
        generator(claims={"dept": name})


@pytest.mark.parametrize("name", ["Sub", "Organizations", D + "EndUser", "AUT", "Scope"])
def test_no_claim_is_renamed_to_a_spelling_of_the_legacy_format(name):
    """Neither can a claim be named so in the legacy format; ``scp``, which it does not write itself, is free."""
    with pytest.raises(ConfigurationError, match="is written by the generator"):
        generator(RSA, format=LegacyFormat(), claims={"dept": name})
    assert legacy(case(dept="d"), claims={"dept": "scp"})["scp"] == "d"


def test_the_gateways_claims_come_last():
    """In the strict format a reader for which the last of two claims counts reads the gateway's."""
    jwt = issue(generator(custom_claims=lambda _: {"z": 1}), case(user_claims={"a": 1}))
    names = list(json.loads(part(jwt, 1)))
    assert names[:3] == ["a", "z", "iss"]
    assert names[-1] == "key_manager"


def test_spellings_of_one_name_are_one_claim():
    """Two claims of others that differ only in letter case are one, of whom counts before the other."""
    of = case(user_claims={"Mail": "user", "phone": "1"}, email="token")
    options = {"claims": {"email": "mail"}, "custom_claims": lambda _: {"PHONE": "2"}}
    found = claims(of, **options)
    assert {name: found.get(name) for name in ("mail", "Mail", "phone", "PHONE")} == {
        "mail": "token",
        "Mail": None,
        "phone": None,
        "PHONE": "2",
    }


@pytest.mark.parametrize("name", ["id", "Id", "\u0131d", "\u0130d", "\u0130D"])
def test_a_lookalike_of_a_renamed_claim_is_that_claim(name):
    """No claim of the token or the user stands beside one that was renamed, under a name that reads the same."""
    for of in (case(trusted="cook", user_claims={name: "evil"}), case(trusted="cook", **{name: "evil"})):
        for found in (legacy(of, claims={"trusted": "id"}), claims(of, claims={"trusted": "id"})):
            assert (found["id"], "evil" in found.values()) == ("cook", False)


@pytest.mark.parametrize("name", ["roles", "Roles"])
def test_a_renamed_claim_comes_from_nothing_else(name):
    """Where the token lacks the claim that is renamed, neither the user nor a claim of that name stands in for it."""
    mapped = {"trusted": "roles"}
    user = {name: ["admin"]}
    assert not {"roles", "Roles"} & claims(case(user_claims=user), claims=mapped).keys()
    for of in (case(user_claims=user), case(**user), case(opaque(**user), user_claims=user)):
        assert not {"roles", "Roles"} & legacy(of, claims=mapped).keys()
    for of in (case(trusted="cook", user_claims=user), case(trusted="cook", **user)):
        assert (legacy(of, claims=mapped)["roles"], name == "Roles" and name in legacy(of, claims=mapped)) == (
            "cook",
            False,
        )


def test_a_callable_may_say_a_renamed_claim():
    """What a callable of the operator says of such a name counts, with the claim and without it."""
    options = {"claims": {"trusted": "roles"}, "custom_claims": lambda _: {"roles": "callable"}}
    for of in (case(), case(trusted="cook"), case(user_claims={"roles": "evil"})):
        assert claims(of, **options)["roles"] == legacy(of, **options)["roles"] == "callable"


@pytest.mark.parametrize("excluded", [["sub", "scope", "client_id"], ["SUB", "Scope", "Client_Id"]])
def test_who_calls_can_be_left_out(excluded):
    """Subject, scopes and client are left out if they are excluded, and nothing else is, nor comes in their place."""
    gone = {"sub", "scope", "client_id"}
    evil = dict.fromkeys(gone, "evil")
    assert claims().keys() - claims(case(user_claims=evil), excluded_claims=excluded).keys() == gone
    assert not gone & claims(excluded_claims=excluded, custom_claims=lambda _: evil).keys()
    of = case(organizations=["acme"], user_claims=evil)
    left = legacy(of, excluded_claims=[*excluded, "organizations"])
    assert legacy(of).keys() - left.keys() == gone | {"organizations"}
    assert left[D + "enduser"] == "alice"


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "nbf", "iat", "jti", "Iss", *sorted(GATEWAY_FACTS)])
def test_what_is_always_written_cannot_be_excluded(name):
    """Excluding a claim that the format writes in any case is an error and no promise that is not kept."""
    with pytest.raises(ConfigurationError, match=f"excluded_claims: {name} is always written"):
        generator(excluded_claims=["email", name])


@pytest.mark.parametrize("name", ["iss", "jti", "EXP", D + "enduser", D + "Tier", D + "t\u0131er"])
def test_what_the_legacy_format_always_writes_cannot_be_excluded(name):
    """In the legacy format neither, the claims in the dialect included; what else a token has can be."""
    with pytest.raises(ConfigurationError, match=r"excluded_claims: .* is always written"):
        generator(RSA, format=LegacyFormat(), excluded_claims=name)
    assert "azp" not in legacy(case(azp="a"), excluded_claims=("azp", "tier", "application"))


def test_exclusion_knows_no_letter_cases():
    """A name that is excluded is left out in each spelling, and so is what it names in another."""
    assert not {"Phone", "phone"} & claims(case(user_claims={"Phone": "1"}), excluded_claims="phone").keys()
    assert "ema\u0131l" not in claims(case(user_claims={"ema\u0131l": "1"}), excluded_claims="EMAIL")
    assert "client_id" not in claims(excluded_claims="cl\u0131ent_\u0130d")


def test_the_scope_of_a_token_stays_beside_a_forged_one():
    """A claim that differs from the token's own scope only in letter case goes, and the scope stays."""
    found = legacy(case(Scope="admin", SCP="admin"))
    assert (found["scope"], {"Scope", "SCP"} & found.keys()) == ("menu:read menu:write", set())
