"""
What happens to key managers and their keys, as values for logs, metrics and alarms.

Rules kept here: an event names a key manager and key ids, never a token, a secret or key material. Who listens decides
nothing: what a listener raises is logged by its type and changes no verdict.
"""

from __future__ import annotations

import enum
import logging
from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import is_async

if TYPE_CHECKING:
    from collections.abc import Callable

    #: What is told of events: a plain function, called on whatever thread they happen; it must not block.
    Listener = Callable[["Event"], object]

_log = logging.getLogger("kmvalidate.events")


@attrs.frozen(kw_only=True)
class Event:
    """
    Something happened to a key manager.

    Args:
        key_manager: Its name.

        organization: Its organization, None for one that serves all.
    """

    key_manager: str
    organization: str | None = None


@attrs.frozen(kw_only=True)
class KeyManagerAdded(Event):
    """
    It answers for tokens from now on: it was added, or nothing overrides it any more.

    Args:
        layer: The layer it is configured in.
    """

    layer: str


@attrs.frozen(kw_only=True)
class KeyManagerRemoved(Event):
    """
    It answers for no token from now on: it was removed, replaced or overridden.

    Args:
        layer: The layer it was configured in.
    """

    layer: str


@attrs.frozen(kw_only=True)
class KeysFetched(Event):
    """
    Its keys were fetched, or read from their files again.

    Args:
        added: The ids of keys that were not there before; of a key without one, its thumbprint (RFC 7638).

        removed: The ids of those that are no longer there. An id that now stands for another key is in both.

        fresh_for_s: Seconds until they are due again.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    fresh_for_s: float


@attrs.frozen(kw_only=True)
class KeysNotFetched(Event):
    """
    A fetch failed; the keys there were are used until their hard limit.

    Args:
        why: What went wrong.

        failures: How many fetches in a row have failed.

        retry_in_s: Seconds in which no other is tried.
    """

    why: str
    failures: int
    retry_in_s: float


@attrs.frozen(kw_only=True)
class KeysExpired(Event):
    """Its keys reached their hard limit: its tokens get `KeyManagerUnavailable` until there are new ones."""


@attrs.frozen(kw_only=True)
class KeysDropped(Event):
    """
    Somebody dropped keys.

    Args:
        key_id: The one that was dropped, None if all were.
    """

    key_id: str | None = None


@attrs.frozen(kw_only=True)
class KeyManagerUnreachable(Event):
    """
    So many fetches in a row have failed that it counts as unreachable.

    Args:
        why: What went wrong with the last one.
    """

    why: str


@attrs.frozen(kw_only=True)
class KeyManagerReachable(Event):
    """It counted as unreachable, and answers again."""


@attrs.frozen(kw_only=True)
class IntrospectionFailed(Event):
    """
    It was asked about a token, and gave no answer.

    Args:
        why: What went wrong.

        failures: How many calls in a row have failed, as far as they tell of others.
    """

    why: str
    failures: int


@attrs.frozen(kw_only=True)
class IntrospectionUnreachable(Event):
    """
    So many calls in a row have failed that it is not asked for a while: `KeyManagerUnavailable` for its opaque tokens.

    Args:
        why: What went wrong with the last one.

        retry_in_s: Seconds until it is asked again.
    """

    why: str
    retry_in_s: float


@attrs.frozen(kw_only=True)
class IntrospectionReachable(Event):
    """It was not asked for a while, and answers again."""


@attrs.frozen(kw_only=True)
class IntrospectionHeldBack(Event):
    """
    It was not asked about a token, so as not to be asked too much; told once in a minute.

    Args:
        why: What is used up.
    """

    why: str


class Status(enum.Enum):
    """How the keys of a key manager, or its introspection, are."""

    UNFETCHED = "unfetched"
    FRESH = "fresh"
    STALE = "stale"
    UNREACHABLE = "unreachable"


@attrs.frozen(kw_only=True)
class Health:
    """
    How a key manager and its keys are, at one moment.

    Args:
        key_manager: Its name.

        organization: Its organization, None for one that serves all.

        issuer: Its issuer, as configured.

        status: ``FRESH``; ``STALE``, the keys are due; ``UNREACHABLE``, so many fetches in a row have failed, or one
            while there were no keys that may be used; ``UNFETCHED``, nobody has needed them yet.

        usable: Whether there are keys that may be used now, whatever the status; where it is asked about all of its
            tokens, whether anybody is asked.

        key_ids: Their ids; of a key without one, its thumbprint (RFC 7638).

        stale_since: Since when they are due, in seconds since the epoch; None if they are not.

        failures: How many fetches in a row have failed.

        why: What went wrong with the last one, None if nothing did.

        introspection: How asking about tokens goes: ``UNFETCHED``, nobody did yet; ``FRESH``, the last one was
            answered; ``STALE``, it was not; ``UNREACHABLE``, nobody is asked for a while. None where there is none.
    """

    key_manager: str
    organization: str | None
    issuer: str
    status: Status
    usable: bool
    key_ids: tuple[str, ...] = ()
    stale_since: float | None = None
    failures: int = 0
    why: str | None = None
    introspection: Status | None = None


def tell(listener: Listener | None, event: Event) -> None:
    """Tell *listener*, if there is one, and whatever it does with it."""
    if listener is None:
        return
    try:
        listener(event)
    except Exception as error:  # noqa: BLE001  # it is not ours
        _log.error("the listener raised %s for %s", type(error).__name__, type(event).__name__)


def checked_listener(listener: Listener | None) -> Listener | None:
    """
    Return *listener* if it can be told.

    Raises:
        ConfigurationError: It is not callable, or a coroutine function, which nobody would await.
    """
    if listener is not None and (not callable(listener) or is_async(listener)):
        raise ConfigurationError("on_event is a plain function of one event")
    return listener
