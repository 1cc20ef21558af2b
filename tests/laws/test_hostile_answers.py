"""Whatever an introspection endpoint answers, a verdict or a documented error goes out, and never an unfounded yes."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmvalidate.profiles import ACCESS_TOKEN_TYPES
from kmvalidate.rules import FOREIGN_CLAIMS, MARKERS
from kmvalidate.strict_json import MAX_NUMBER_CHARS
from tests.introspecting.answering import asker, body_asker, good_answer, outcome
from tests.laws.strategies import (
    JSON_POOL,
    TELLING_POOL,
    anything,
    broken_documents,
    claim_values,
    documents,
    json_objects,
    piled_documents,
)
from tests.laws.test_claims_oracle import RULES, audience_is_good, demands_are_met, names_are_good, times_are_good
from tests.signing import ABSENT, AUDIENCE, ISSUER, NOW, changed

pytestmark = pytest.mark.law

#: The members that mean something.
NAMES = [
    *("active", "iss", "aud", "exp", "nbf", "iat", "sub", "jti", "client_id", "azp", "username", "scope", "scp"),
    *("token_type", "typ", "token_use", "tokenName", "purpose", "cnf", "nonce", "at_hash", "events", "org", "tier"),
]
KIND_POOL = [
    *("Bearer", "bearer", "DPoP", "Refresh", "refresh_token", "access_token", "access", "JWT", "N_A", "ID", "id"),
    *("al", NOW + 299, [AUDIENCE, ISSUER], f"{AUDIENCE} x", f"x {AUDIENCE}", ISSUER.upper()),
]
values = st.just(ABSENT) | st.sampled_from(KIND_POOL) | claim_values
changes = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)

REQUIRED = [None, (), ("iss", "exp"), ("token_type", "aud", "org")]
PLAIN = {"active": True}
BASES = [good_answer(), good_answer(org="acme", tier=1, iat=NOW - 1, exp=NOW + 50)]


def flat(value: object) -> list:
    return value if isinstance(value, list) else []


def kind_is_good(said: dict) -> bool:
    """A bearer token, no sign of another kind, and no binding that nobody checked."""
    kind = said.get("token_type", "Bearer")
    if type(kind) is not str or kind.lower() not in ACCESS_TOKEN_TYPES or kind.lower() == "dpop" or "cnf" in said:
        return False
    if any(name in said for name in FOREIGN_CLAIMS if name != "nonce"):
        return False
    markers = {**MARKERS, "token_use": {"access", "access_token"}}
    del markers["token_type"]
    if "nonce" in said and not any(name in said for name in ("scope", "scp", *markers)):
        return False
    there = [name for name in markers if name in said]
    return all(type(said[name]) is str and said[name].lower() in markers[name] for name in there)


def needed(rules: dict, requires: tuple | None) -> set:
    if requires is not None:
        return set(requires)
    return {"exp", "aud"} if "audience" not in rules else {"exp", "token_type"}


def grants(answer: dict, rules: dict, requires: tuple | None = None) -> bool:
    """Tell from the rules written out plainly whether an answer stands behind a token."""
    said = {name: value for name, value in answer.items() if value is not None}
    if said.get("active") is not True or not needed(rules, requires) <= said.keys():
        return False
    if said.get("iss", ISSUER) != ISSUER or type(said.get("username", "")) is not str:
        return False
    unnamed = "aud" not in said and "audience" not in rules
    timed = {"exp": 10**60, **said}
    return (
        kind_is_good(said)
        and times_are_good(timed, rules)
        and (unnamed or audience_is_good(said, rules))
        and names_are_good(said, rules)
        and demands_are_met(said, rules)
    )


def verdict(validator) -> str:
    """Return how asking ends, once all properties were read; the same when it is asked again."""
    first = outcome(validator)
    assert outcome(validator) == first
    return first[0]


def has_long_numbers(value: object) -> bool:
    """Tell whether a number is longer than the strict parser reads."""
    inner = value.values() if isinstance(value, dict) else flat(value)
    return (type(value) is int and len(str(value)) > MAX_NUMBER_CHARS) or any(map(has_long_numbers, inner))


def foretold(answer: dict, rules: dict, requires: tuple | None = None) -> str:
    if type(answer.get("active")) is not bool or has_long_numbers(answer):
        return "UNAVAILABLE"
    return "GOOD" if grants(answer, rules, requires) else "REFUSED"


def is_as_foretold(found: str, answer: dict, rules: dict, requires: tuple | None = None) -> bool:
    expected = foretold(answer, rules, requires)
    return found == expected or (expected == "REFUSED" and found not in {"GOOD", "UNAVAILABLE"})


class TestAnAnswerIsWhatTheRulesSay:
    """RFC 7662 section 2.2 and 4: what an answer says is checked like the claims of a JWT."""

    @pytest.mark.parametrize("name", NAMES)
    def test_every_value_of_the_table_in_every_member(self, name):
        """Every JSON type and every telling value in every member of a good answer gets the oracle's verdict."""
        for value in [ABSENT, *JSON_POOL, *TELLING_POOL, *KIND_POOL]:
            said = good_answer(**{name: value})
            assert is_as_foretold(outcome(asker(said))[0], said, {}), value

    @settings(max_examples=250)
    @example({"iss": []}, {"extra_issuers": ("b", "c", "d", "e", "f")}, None, BASES[0])
    @given(changes, st.sampled_from(RULES), st.sampled_from(REQUIRED), st.sampled_from([*BASES, PLAIN]))
    def test_any_changes_of_an_answer(self, change, rules, requires, base):
        """Any values in any members get the oracle's verdict, remembered or not, whatever is demanded."""
        said = changed(base, change)
        for ttl_s in (60, 0):
            found = verdict(asker(said, requires=requires, ttl_s=ttl_s, **rules))
            assert is_as_foretold(found, said, rules, requires), found

    @given(st.dictionaries(st.sampled_from(NAMES), claim_values))
    def test_any_answer_from_nothing(self, said):
        """Any answer at all gets the oracle's verdict."""
        assert is_as_foretold(verdict(asker(said)), said, {})

    @given(json_objects, st.booleans())
    def test_any_object(self, members, is_active):
        """Any JSON object gets the oracle's verdict, and so does any that says whether a token is active."""
        assert is_as_foretold(verdict(asker(members)), members, {})
        said = {**members, "active": is_active}
        assert is_as_foretold(verdict(asker(said)), said, {})


class TestNeverAnUnfoundedYes:
    """Whatever else an answer says, each of these alone refuses the token."""

    @given(changes, st.sampled_from([ABSENT, *JSON_POOL]).filter(lambda value: value is not True))
    def test_what_is_not_active_is_not_granted(self, change, active):
        """An answer without the JSON value true never grants."""
        said = changed(good_answer(), {**change, "active": active})
        assert verdict(asker(said)) != "GOOD"

    @given(changes, st.integers(max_value=NOW - 60) | st.floats(-1e300, NOW - 60))
    def test_what_is_past_is_not_granted(self, change, ends):
        """An answer about a token that has expired, beyond the leeway, never grants."""
        assert verdict(asker(changed(good_answer(), {**change, "exp": ends}))) != "GOOD"

    @given(changes, claim_values.filter(lambda value: value != AUDIENCE and AUDIENCE not in flat(value)))
    def test_what_is_for_others_is_not_granted(self, change, audience):
        """An answer whose audience, if it is there, is none of ours never grants, whether one is required or not."""
        said = changed(good_answer(), {**change, "aud": audience})
        assert audience is None or verdict(asker(said, requires="exp")) != "GOOD"

    @given(changes, claim_values.filter(lambda value: value not in (ISSUER, None)), st.sampled_from([0, 8]))
    def test_what_is_foreign_is_not_granted(self, change, issuer, others):
        """An answer that names another issuer never grants, however many issuers there are."""
        said = changed(good_answer(), {**change, "iss": issuer})
        names = [f"https://{number}.example" for number in range(others)]
        assert verdict(asker(said, extra_issuers=names)) != "GOOD"


class TestWhateverComes:
    """Only documented errors leave, whatever comes as an answer."""

    @given(documents | broken_documents() | piled_documents | st.binary(max_size=80))
    def test_any_bytes_as_a_body(self, raw):
        """Any bytes with status 200 end in a verdict or an outage; without a JSON object in an outage."""
        found = verdict(body_asker(raw))
        assert found in {"UNAVAILABLE", "INACTIVE", "MISSING_CLAIM", "WRONG_TOKEN_KIND"}

    @given(changes, st.binary(max_size=4))
    def test_any_answer_as_a_body(self, change, rest):
        """An answer over HTTP gets the oracle's verdict, and with anything behind it that is no blank it is none."""
        said = changed(good_answer(), change)
        raw = json.dumps(said).encode()
        assert is_as_foretold(verdict(body_asker(raw)), said, {})
        assert not rest.strip(b" \t\r\n") or verdict(body_asker(raw + rest)) == "UNAVAILABLE"

    @given(st.sampled_from(NAMES), claim_values)
    def test_a_member_given_twice(self, name, value):
        """An answer that gives a member twice is no answer, whichever of the two would do."""
        said = json.dumps(good_answer(**{name: ABSENT}))
        twice = "".join(f", {json.dumps(name)}: {json.dumps(member)}" for member in (good_answer().get(name, 1), value))
        assert verdict(body_asker(f"{said[:-1]}{twice}}}".encode())) == "UNAVAILABLE"

    @given(anything)
    def test_anything_from_a_strategy(self, said):
        """Anything at all that a strategy of an operator's own returns ends in an outage or a refusal."""
        assert verdict(asker(said)) != "GOOD"
