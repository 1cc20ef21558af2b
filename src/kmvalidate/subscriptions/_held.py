"""
The subscriptions of one application, as readers find them.

Rules kept here: a subscription that names a UUID is no other API's by its name and version; a range of versions is
looked at last. The only subscription of an application, which most have, stands for itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.subscriptions._records import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kmvalidate.apis import Api
    from kmvalidate.subscriptions._records import ApiKey, RangeKey

# A version as Choreo takes it: vX.Y or vX.Y.Z, with what semantic versions may have behind that.
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,9})\.[0-9]{1,10}(?:\.[0-9]{1,10}(?:[-+][0-9A-Za-z.+-]{1,64})?)?")


class Several(msgspec.Struct, gc=False):
    """Several subscriptions, or one to a range of versions; *ranges* has those, the newest of a range first."""

    by_key: dict[ApiKey, Subscription]
    ranges: dict[RangeKey, tuple[Subscription, ...]]

    def to(self, api: Api) -> Subscription | None:
        """Return the subscription to an API: by its UUID, else by name and version, else by a range of versions."""
        found = None if api.id is None else self.by_key.get(api.id)
        if found is None:
            found = self.by_key.get((api.organization, api.name, api.version))
        if found is None and self.ranges:
            key = _range_of(api)
            found = None if key is None else self.ranges.get(key, (None,))[0]
        return found

    def put(self, key: ApiKey, subscription: Subscription | None, time_of: Callable[[ApiKey], float]) -> None:
        """Put a subscription there; None for none. By its key it comes last: what is interrupted is made again."""
        before = self.by_key.get(key)
        for one in (before, subscription):
            if one is not None and one.range_key is not None:
                others = [other for other in self.ranges.get(one.range_key, ()) if other.key != key]
                those = others if one is not subscription else [*others, one]
                those.sort(key=lambda one: (time_of(one.key), repr(one.key)), reverse=True)
                set_or_drop(self.ranges, one.range_key, tuple(those) or None)
        set_or_drop(self.by_key, key, subscription)


#: What an application is subscribed to.
Held = Subscription | Several | None


def held_for(held: Held, api: Api) -> Subscription | None:
    """Return the subscription to an API among those that are held."""
    if not isinstance(held, Subscription):
        return None if held is None else held.to(api)
    if held.api is not None:
        return held if held.api == api.id else None
    is_it = held.api_name == api.name and held.api_version == api.version
    return held if is_it and held.api_organization == api.organization else None


def held_by_key(held: Held, key: ApiKey) -> Subscription | None:
    """Return the subscription of that key."""
    if isinstance(held, Several):
        return held.by_key.get(key)
    return held if held is not None and held.key == key else None


def all_held(held: Held) -> Iterable[Subscription]:
    """Return all subscriptions that are held."""
    if isinstance(held, Several):
        return held.by_key.values()
    return () if held is None else (held,)


def held_with(held: Held, key: ApiKey, subscription: Subscription | None, time_of: Callable[[ApiKey], float]) -> Held:
    """Return what is held when a subscription was put there, None for none."""
    if not isinstance(held, Several):
        is_only = held is None or held.key == key
        if is_only and (subscription is None or subscription.range_key is None):
            return subscription
        held = Several({one.key: one for one in all_held(held)}, {})
    held.put(key, subscription, time_of)
    if len(held.by_key) > 1 or held.ranges:
        return held
    return next(iter(held.by_key.values()), None)


def set_or_drop(where: dict[Any, Any], key: Any, value: Any) -> None:
    """Set what *key* has, or leave it with nothing for None."""
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value


def _range_of(api: Api) -> RangeKey | None:
    """Return the range of versions that an API lies in: its context without the version, and its major version."""
    version = _VERSION.fullmatch(api.version)
    if version is None:
        return None
    return ("range", api.organization, api.context.removesuffix(f"/{api.version}"), f"v{version[1]}")
