"""What an error says, what it never says, and that it survives pickling and copying."""

import copy
import pickle

import pytest

from kmvalidate.errors import (
    ConfigurationError,
    KeyManagerUnavailable,
    KMValidateError,
    Reason,
    Refusal,
    Refused,
    shown,
)

ROUND_TRIPS = [
    pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickle"),  # noqa: S301  # our own bytes
    pytest.param(copy.copy, id="copy"),
    pytest.param(copy.deepcopy, id="deepcopy"),
]


@pytest.mark.parametrize("error", [Refused, KeyManagerUnavailable, ConfigurationError])
def test_every_error_has_one_base(error):
    """Whoever catches KMValidateError catches all three ways to fail."""
    assert issubclass(error, KMValidateError)
    assert issubclass(error, Exception)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_whole_row(reason):
    """A reason has a WSO2 code, the status of a refusal, one of RFC 6750's errors or none, and a sentence."""
    assert reason.code == 700_700 or 900_901 <= reason.code <= 900_914
    assert reason.status in {401, 403, 503}
    assert reason.error in {None, "invalid_token", "insufficient_scope"}
    assert reason.sentence.endswith(".")


@pytest.mark.parametrize("reason", Reason)
def test_an_error_of_rfc_6750_has_its_status(reason):
    """A token that is no good is a 401 and a lack of scope a 403, as RFC 6750 section 3.1 has it."""
    status_of = {"invalid_token": 401, "insufficient_scope": 403}
    assert reason.error is None or reason.status == status_of[reason.error]


def test_only_a_missing_token_is_a_401_without_an_error():
    """Who presented no token is told no error, as RFC 6750 section 3.1 asks for, and everybody else with a 401 is."""
    assert [reason for reason in Reason if reason.status == 401 and reason.error is None] == [Reason.MISSING_TOKEN]


def test_only_a_blocked_api_is_no_fault_of_the_caller():
    """The one reason with a server's status is that the API itself is blocked."""
    assert [reason for reason in Reason if reason.status >= 500] == [Reason.API_BLOCKED]


def test_reasons_are_not_merged():
    """No two reasons share a sentence, so that none is an alias of another."""
    assert len({reason.sentence for reason in Reason}) == len(Reason.__members__)


def test_a_refusal_tells_its_facts():
    """The message of a refusal has the sentence, the claim, what was expected, what was got, and the hint."""
    refused = Refused(Reason.WRONG_AUDIENCE, claim="aud", expected={"b", "a"}, got=["x", 5], hint="Look again.")
    expected = "The token was not issued for this audience. (claim aud, expected [a, b], got [x, int]) Look again."
    assert str(refused) == expected
    assert (refused.expected, refused.got) == ("[a, b]", "[x, int]")


def test_a_refusal_without_facts_is_one_sentence():
    """Without facts the message is the reason's sentence alone, and every fact is None."""
    refused = Refused(Reason.EXPIRED)
    assert str(refused) == Reason.EXPIRED.sentence
    facts = (refused.claim, refused.expected, refused.got, refused.hint, refused.key_manager)
    assert facts == (None, None, None, None, None)


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
@pytest.mark.parametrize("reason", [Reason.EXPIRED, Reason.WRONG_AUDIENCE])
def test_a_refusal_survives_a_round_trip(round_trip, reason):
    """A pickled or copied refusal has the same facts, message and type."""
    refused = Refused(reason, claim="aud", expected={"orders"}, got=["a", "b"], hint="Look.")
    refused.key_manager = "Keycloak"
    again = round_trip(refused)
    assert type(again) is Refused
    assert again is not refused
    assert again.__dict__ == refused.__dict__
    assert (str(again), again.args) == (str(refused), refused.args)


@pytest.mark.parametrize(
    ("hint", "told", "expected"),
    [(None, None, None), (None, "Look.", "Look."), ("First.", "Second.", "First."), ("First.", None, "First.")],
)
def test_a_refusal_is_told_more_later(hint, told, expected):
    """The key manager is added, and a hint where there is none; the message has it, pickled as well."""
    refused = Refused(Reason.WRONG_AUDIENCE, claim="aud", hint=hint)
    refused.told("Keycloak", told)
    assert (refused.key_manager, refused.hint) == ("Keycloak", expected)
    assert str(refused) == str(Refused(Reason.WRONG_AUDIENCE, claim="aud", hint=expected))
    assert str(pickle.loads(pickle.dumps(refused))) == str(refused)  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    ("name", "status"),
    [("INACTIVE", 401), ("MISSING_ROLE", 403), ("UNKNOWN_ROLES", 403), ("CLAIM_NOT_ALLOWED", 403)],
)
def test_a_lack_of_rights_is_no_bad_token(name, status):
    """A token that is good but may not do this is a 403, with WSO2's code for a lack of scopes; a dead one is a 401."""
    row = Reason[name]
    wso2 = {401: (900901, "invalid_token"), 403: (900910, "insufficient_scope")}
    assert (row.status, (row.code, row.error)) == (status, wso2[status])


def test_a_refusal_as_a_value_says_the_same():
    """A `Refusal` of a `Refused` has each of its facts and its message, and is false."""
    facts = {"claim": "aud", "expected": {"orders"}, "got": ["a", "b"], "hint": "Look.", "key_manager": "Okta"}
    refused = Refused(Reason.WRONG_AUDIENCE, **facts)
    refusal = Refusal.of(refused)
    assert {name: getattr(refusal, name) for name in ("reason", *facts)} == refused.__dict__
    assert str(refusal) == str(refused)
    assert bool(refusal) is False


def test_refusals_as_values_are_compared_by_what_they_say():
    """Two of them are equal if and only if all their facts are, and `match` finds one by its reason."""
    one, same = (Refusal.of(Refused(Reason.EXPIRED, claim="exp")) for _ in range(2))
    assert one == same
    assert one != Refusal.of(Refused(Reason.EXPIRED, claim="nbf"))
    match one:
        case Refusal(reason=Reason.EXPIRED, claim=claim):
            assert claim == "exp"
        case _:
            raise AssertionError


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
def test_a_refusal_as_a_value_survives_a_round_trip(round_trip):
    """A pickled or copied `Refusal` is equal to what it was made of."""
    refusal = Refusal(reason=Reason.NOT_SUBSCRIBED, got="shop")
    assert round_trip(refusal) == refusal


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
def test_unavailability_survives_a_round_trip(round_trip):
    """A pickled or copied KeyManagerUnavailable has the same facts and message."""
    again = round_trip(KeyManagerUnavailable("no answer", key_manager="Okta", retry_after_s=7.5))
    assert (again.why, again.key_manager, again.retry_after_s) == ("no answer", "Okta", 7.5)
    assert str(again) == "Okta: no answer"


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
def test_a_configuration_error_survives_a_round_trip(round_trip):
    """A pickled or copied ConfigurationError says the same."""
    assert str(round_trip(ConfigurationError("two key managers are named 'A'"))) == "two key managers are named 'A'"


def test_unavailability_needs_no_name():
    """Without a key manager the message is the cause alone, and a retry is due in a second."""
    error = KeyManagerUnavailable("no answer")
    assert (str(error), error.key_manager, error.retry_after_s) == ("no answer", None, 1.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\nb\r\x00\x1b[31m", r"a\nb\r\x00\x1b[31m"),
        ("schlüssel\u2028\ud800\U0001f600", r"schl\xfcssel\u2028\ud800\U0001f600"),
        (None, "None"),
        (True, "True"),
        (5, "5"),
        (1.5, "1.5"),
        (["a", "b"], "[a, b]"),
        (("a", 1, None, {"b": 2}), "[a, int, NoneType, dict]"),
        ({"b", "a"}, "[a, b]"),
        (frozenset({"b", "a"}), "[a, b]"),
        ({"secret": "value"}, "dict"),
        (b"bytes", "bytes"),
        (object(), "object"),
        (["x"] * 50, "[" + ", ".join(["x"] * 10) + "]"),
        (["a\n"], r"[a\n]"),
    ],
    ids=repr,
)
def test_what_is_shown_is_one_plain_line(value, expected):
    """A value is shown as one ASCII line without control characters, an object by its type alone."""
    assert shown(value) == expected


@pytest.mark.parametrize(
    "value",
    ["a" * 121, "a" * 10_000_000, "\n" * 61, "\U0001f600" * 100, ["a" * 200], 10**63, list("abc") * 99],
    ids=["121", "10 MB", "escapes", "emoji", "list", "number", "long list"],
)
def test_what_is_shown_is_short(value):
    """A shown value never has more than 120 characters, however long the value is."""
    assert len(shown(value)) <= 120


def test_what_is_cut_says_so():
    """Exactly 120 characters are shown whole, and one more ends in three dots."""
    assert shown("a" * 120) == "a" * 120
    assert shown("a" * 121) == "a" * 117 + "..."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -(10**400), {1, "a"}, [[["deep"]]]], ids=repr)
def test_odd_values_are_shown_too(value):
    """Values that no claim can have are shown without an exception."""
    assert shown(value).isascii()
