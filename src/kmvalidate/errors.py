"""What the library raises, and whose fault it is.

    KMValidateError
    |-- Refused                 the caller's fault: this token, this call (401, 403; 503 for an API that is blocked)
    |-- KeyManagerUnavailable   ours or the provider's: nobody can tell right now (503)
    `-- ConfigurationError      the operator's: found when something is built or loaded

Rules kept here: an error carries facts (expected, got, hint) and never the token, a secret or key
material; what it shows of a claim is shortened and free of control characters, so that it can be logged.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

_SHOWN_CHARS = 120


class Reason(enum.Enum):
    """
    Why a token, or the call that it came with, was refused: one row a reason.

    A row holds the WSO2 error code (APIM's ``APISecurityConstants``), the HTTP status, the error code of
    RFC 6750 section 3.1 (None where it has none) and one sentence for a person.
    """

    MISSING_TOKEN = (900902, 401, None, "The call needs a token, and none was presented.")
    MALFORMED_TOKEN = (900901, 401, "invalid_token", "The token is not a well-formed compact JWT.")
    TOKEN_TOO_LARGE = (900901, 401, "invalid_token", "The token is larger than this gateway accepts.")
    UNSUPPORTED_TOKEN = (900901, 401, "invalid_token", "The token asks for processing that is not supported.")
    OPAQUE_TOKEN = (900901, 401, "invalid_token", "No key manager is configured for tokens of this shape.")
    UNKNOWN_ISSUER = (900901, 401, "invalid_token", "The token's issuer is not one of the configured key managers.")
    ALGORITHM_NOT_ALLOWED = (900901, 401, "invalid_token", "The token's signature algorithm is not allowed here.")
    UNKNOWN_KEY = (900901, 401, "invalid_token", "The token names a key that its issuer does not publish.")
    UNSUITABLE_KEY = (900901, 401, "invalid_token", "The issuer's key does not serve the token's algorithm.")
    AMBIGUOUS_KEY = (900901, 401, "invalid_token", "More than one of the issuer's keys could have signed the token.")
    BAD_SIGNATURE = (900901, 401, "invalid_token", "The signature does not verify under the issuer's key.")
    WRONG_ISSUER = (900901, 401, "invalid_token", "The token's issuer is not the one its key belongs to.")
    MISSING_CLAIM = (900901, 401, "invalid_token", "The token lacks a claim that is required.")
    INVALID_CLAIM = (900901, 401, "invalid_token", "A claim of the token has a type or form it must not have.")
    EXPIRED = (900901, 401, "invalid_token", "The token has expired.")
    NOT_YET_VALID = (900901, 401, "invalid_token", "The token is not valid yet.")
    ISSUED_IN_THE_FUTURE = (900901, 401, "invalid_token", "The token was issued in the future.")
    TOO_OLD = (900901, 401, "invalid_token", "The token was issued longer ago than is accepted.")
    LIFETIME_TOO_LONG = (900901, 401, "invalid_token", "The token is valid for longer than is accepted.")
    WRONG_AUDIENCE = (900901, 401, "invalid_token", "The token was not issued for this audience.")
    CLAIM_MISMATCH = (900901, 401, "invalid_token", "A claim of the token does not have the value it must have.")
    WRONG_TOKEN_KIND = (900901, 401, "invalid_token", "The token is not an access token.")
    PROOF_REQUIRED = (900901, 401, "invalid_token", "The token is bound to a key whose possession was not proved.")
    WRONG_KEY_MANAGER = (
        900901,
        401,
        "invalid_token",
        "The token's key manager is not one of those that are asked for.",
    )
    INACTIVE = (900901, 401, "invalid_token", "The key manager says that the token is not active.")
    REVOKED = (900901, 401, "invalid_token", "The token was revoked.")
    NO_MATCHING_RESOURCE = (900906, 403, None, "The API has no resource for this method and path.")
    API_BLOCKED = (700700, 503, None, "The API is blocked.")
    WRONG_ENVIRONMENT = (900912, 403, None, "The token is not for the environment of the API.")
    WRONG_TOKEN_TYPE = (
        900905,
        401,
        "invalid_token",
        "The resource takes tokens of users or of applications, and this one is of the other type.",
    )
    NOT_SUBSCRIBED = (900908, 403, None, "The token's application is not subscribed to the API.")
    SUBSCRIPTION_BLOCKED = (900907, 401, "invalid_token", "The subscription to the API is blocked.")
    SUBSCRIPTION_INACTIVE = (900909, 401, "invalid_token", "The subscription to the API is not active.")
    WRONG_KEY_TYPE = (900912, 403, None, "The token's key type is not that of the API's deployment.")
    INSUFFICIENT_SCOPE = (900910, 403, "insufficient_scope", "The token lacks a scope that the resource asks for.")
    AUDIENCE_NOT_ALLOWED = (900914, 403, None, "The token is not meant for the API.")
    FORBIDDEN = (900908, 403, None, "The call is not allowed.")
    MISSING_ROLE = (900910, 403, "insufficient_scope", "The token lacks a role, group or permission it must have here.")
    UNKNOWN_ROLES = (
        900910,
        403,
        "insufficient_scope",
        "Which roles, groups or permissions the token has is not known.",
    )
    CLAIM_NOT_ALLOWED = (
        900910,
        403,
        "insufficient_scope",
        "A claim of the token does not have a value it must have here.",
    )

    def __init__(self, code: int, status: int, error: str | None, sentence: str) -> None:
        self.code = code
        self.status = status
        self.error = error
        self.sentence = sentence


class KMValidateError(Exception):
    """The base of everything this library raises of its own accord."""


class Refused(KMValidateError):
    """
    The token is not accepted, and trying again with the same token will not help.

    Args:
        reason: The row of `Reason` that applies.

        claim: The claim or header parameter it is about, if it is about one.

        expected: What would have been accepted.

        got: What the token says instead. Unproved, and meant for people: shortened, control characters escaped.

        hint: What to try next, where the library has seen the mistake before.

        key_manager: The name of the key manager that answered for the token, once one was chosen.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        claim: str | None = None,
        expected: object = None,
        got: object = None,
        hint: str | None = None,
        key_manager: str | None = None,
    ) -> None:
        self.reason = reason
        self.claim = claim
        self.expected = None if expected is None else shown(expected)
        self.got = None if got is None else shown(got)
        self.hint = hint
        self.key_manager = key_manager
        super().__init__(_sentence(self))

    def told(self, key_manager: str, hint: str | None) -> None:
        """Add which key manager answered, and a hint if there is none yet."""
        self.key_manager = key_manager
        if self.hint is None and hint is not None:
            self.hint = hint
            self.args = (_sentence(self),)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_refused, (self.__dict__.copy(),))


@attrs.frozen(kw_only=True)
class Refusal:
    """
    What a `Refused` says, as a value, which is false where a truth value is asked for.

    Args:
        reason: The row of `Reason` that applies.

        claim: As for `Refused`, like the others.

        expected: See there.

        got: See there.

        hint: See there.

        key_manager: See there.
    """

    reason: Reason
    claim: str | None = None
    expected: str | None = None
    got: str | None = None
    hint: str | None = None
    key_manager: str | None = None

    @classmethod
    def of(cls, refused: Refused) -> Refusal:
        """Return what *refused* says."""
        return cls(**{field.name: getattr(refused, field.name) for field in attrs.fields(cls)})

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return _sentence(self)


class KeyManagerUnavailable(KMValidateError):
    """
    Nobody can tell now whether the token is good: a key manager could not be asked (503).

    Args:
        why: What went wrong, for an operator.

        key_manager: The name of the key manager, where one is known.

        retry_after_s: Seconds after which asking again makes sense.

    Attributes:
        code: WSO2's error code for it.

        status: The HTTP status.
    """

    code = 900900
    status = 503

    def __init__(self, why: str, *, key_manager: str | None = None, retry_after_s: float = 1.0) -> None:
        self.why = why
        self.key_manager = key_manager
        self.retry_after_s = retry_after_s
        super().__init__(f"{key_manager}: {why}" if key_manager else why)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unavailable, (self.why, self.key_manager, self.retry_after_s))


class ConfigurationError(KMValidateError):
    """What the operator wrote cannot be right; raised when it is built or loaded, never for a token."""


def shown(value: object) -> str:
    """Return *value* as a person may read it in a log: one line, ASCII, at most 120 characters."""
    text = value if isinstance(value, str) else _flat(value)
    line = text.encode("unicode_escape").decode("ascii")
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."


def _flat(value: object) -> str:
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, list | tuple | set | frozenset):
        members = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        return "[" + ", ".join(m if isinstance(m, str) else type(m).__name__ for m in members[:10]) + "]"
    return type(value).__name__


def _sentence(said: Refused | Refusal) -> str:
    facts = (("claim", said.claim), ("expected", said.expected), ("got", said.got))
    details = ", ".join(f"{name} {fact}" for name, fact in facts if fact is not None)
    sentence = said.reason.sentence + (f" ({details})" if details else "")
    return sentence + (f" {said.hint}" if said.hint else "")


def _refused(facts: dict[str, Any]) -> Refused:
    refused = Refused(facts["reason"])
    refused.__dict__.update(facts)
    refused.args = (_sentence(refused),)
    return refused


def _unavailable(why: str, key_manager: str | None, retry_after_s: float) -> KeyManagerUnavailable:
    return KeyManagerUnavailable(why, key_manager=key_manager, retry_after_s=retry_after_s)
