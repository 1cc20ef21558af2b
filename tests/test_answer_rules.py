"""What introspection answers mean: which of them are about an active access token."""

import pytest

from kmvalidate import AnswerRules
from kmvalidate.errors import ConfigurationError
from tests.signing import reason, refusal

STRICT = AnswerRules(required_members=["iss", "aud"], id_prefix="AT.")


@pytest.mark.parametrize(
    "answer",
    [{"active": True}, {"active": True, "token_type": "Bearer"}, {"active": True, "token_type": "JWT", "jti": None}],
    ids=str,
)
def test_an_active_access_token_passes(answer):
    """An answer that says active, and of no other kind of token, passes."""
    assert reason(AnswerRules().check, answer) == "GOOD"


@pytest.mark.parametrize("active", [..., False, None, "true", "false", 1, "", [], [True], {"active": True}], ids=repr)
def test_only_true_is_active(active):
    """Nothing but the JSON value true means that a token is active."""
    answer = {"token_type": "Bearer"} if active is ... else {"active": active}
    assert reason(AnswerRules().check, answer) == "INACTIVE"


@pytest.mark.parametrize("kind", ["Refresh", "refresh_token", "REFRESH", None, 5, True, [], ["Bearer"], {}], ids=repr)
def test_another_kind_of_token_is_refused(kind):
    """An answer about a refresh token, or with a type that is no string, is about no access token."""
    refused = refusal(AnswerRules().check, {"active": True, "token_type": kind})
    assert (refused.reason.name, refused.claim) == ("WRONG_TOKEN_KIND", "token_type")


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"iss": ...}, "iss"),
        ({"aud": ...}, "aud"),
        ({"aud": None}, "aud"),
        ({"jti": ...}, "jti"),
        ({"jti": "ID.1"}, "jti"),
        ({"jti": "at.1"}, "jti"),
        ({"jti": None}, "jti"),
        ({"jti": ["AT.1"]}, "jti"),
        ({"jti": {"AT.": 1}}, "jti"),
        ({"token_type": "custom"}, "token_type"),
        ({"token_type": "JWT"}, None),
    ],
    ids=str,
)
def test_an_answer_has_what_access_tokens_have(change, claim):
    """Where answers about access tokens have certain members, one that lacks them is about another token."""
    answer = {"active": True, "iss": "https://a.example", "aud": "orders", "jti": "AT.1", **change}
    answer = {name: value for name, value in answer.items() if value is not ...}
    if claim is None:
        assert reason(STRICT.check, answer) == "GOOD"
        return
    refused = refusal(STRICT.check, answer)
    assert (refused.reason.name, refused.claim) == ("WRONG_TOKEN_KIND", claim)


@pytest.mark.parametrize(
    "kind",
    [*("Bearer", "BEARER", "DPoP", "JWT", "at+jwt", "Access_Token"), "urn:ietf:params:oauth:token-type:access_token"],
)
def test_access_tokens_have_many_names(kind):
    """What RFC 6749, RFC 9449, RFC 8693 and servers call an access token passes in any case."""
    assert reason(AnswerRules().check, {"active": True, "token_type": kind}) == "GOOD"


def test_types_are_configured():
    """The types that pass are those that are named, compared in lower case; none need be there."""
    rules = AnswerRules(token_types="Special")
    answers = ({"token_type": "sPECIAL"}, {"token_type": "Bearer"}, {})
    found = [reason(rules.check, {"active": True, **answer}) for answer in answers]
    assert found == ["GOOD", "WRONG_TOKEN_KIND", "GOOD"]


def test_a_no_may_be_an_outage():
    """The refusal says so where a provider answers its own faults with a no."""
    inactive = {"active": False}
    assert refusal(AnswerRules().check, inactive).hint is None
    assert "fault" in refusal(AnswerRules(errors_look_inactive=True).check, inactive).hint


@pytest.mark.parametrize(
    "given",
    [
        *({"token_types": None}, {"required_members": [5]}, {"required_members": ""}, {"requires": [5]}),
        *({"requires": None}, {"id_prefix": None}),
    ],
    ids=str,
)
def test_answer_rules_are_refused_when_they_are_made(given):
    """What is no name is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        AnswerRules(**given)
