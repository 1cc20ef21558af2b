"""
How an API is deployed, and which of its resources a call names.

Rules kept here: everything is checked when it is made. Whatever a call is made with, it names resources, or there is a
reason why it names none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from kmvalidate.apis._matching import Operations, Routes
from kmvalidate.apis._paths import Reading, read_path
from kmvalidate.apis._resource import ANY_METHOD, Resource, is_demands, is_method
from kmvalidate.apis._words import KINDS, STATUSES, GatewayType, perhaps_plain, plain
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import exact, is_a, non_empty, to_names
from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from kmvalidate.demands import Demands

_optional = attrs.validators.optional

#: Methods that most calls have.
_USUAL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_NOT_GRAPHQL = Flaw("Operations are for APIs of the kind GRAPHQL.")


class Match(NamedTuple):
    """
    What a call names.

    Args:
        numbers: The numbers of the resources: where they are in the list.

        method: The method, None if it is none.

        path: The path in its one spelling, None if there is no resource.

        hint: Why there is none.
    """

    numbers: tuple[int, ...] = ()
    method: str | None = None
    path: str | None = None
    hint: str | None = None


def to_key_managers(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """
    Return the names of key managers in their order; None for all.

    Raises:
        ConfigurationError: The list is empty, names one twice, or something else than names.
    """
    named = None if names is None else _to_names(names)
    if named is not None and (not named or len({*named}) < len(named)):
        raise ConfigurationError("key_managers are at least one, each named once; None is all of them")
    return named


def _to_names(names: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(map(plain, to_names(names)))


def _one_of(*words: str) -> Any:
    def check(_: object, field: attrs.Attribute[str], value: object) -> None:
        if not isinstance(value, str) or value not in words:
            raise ConfigurationError(f"{field.name} is one of {', '.join(words)}")

    return check


def _is_context(_: object, __: object, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value.startswith("/")):
        raise ConfigurationError("context is a path: it begins with a slash")


def _to_resources(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    listed = tuple(resources) if isinstance(resources, Iterable) else (resources,)
    if not all(isinstance(resource, Resource) for resource in listed):
        raise ConfigurationError("resources are a list of Resource")
    return listed


@attrs.frozen(eq=False)
class Deployment:
    """How an API is deployed. `Api` takes and documents its fields."""

    name: str = attrs.field(converter=plain, validator=non_empty)
    version: str = attrs.field(converter=plain, validator=non_empty)
    context: str = attrs.field(default=None, converter=perhaps_plain, validator=_is_context, kw_only=True)
    id: str | None = attrs.field(default=None, converter=perhaps_plain, validator=_optional(non_empty), kw_only=True)
    provider: str | None = attrs.field(
        default=None, converter=perhaps_plain, validator=_optional(non_empty), kw_only=True
    )
    organization: str | None = attrs.field(
        default=None, converter=perhaps_plain, validator=_optional(non_empty), kw_only=True
    )
    environment: str | None = attrs.field(
        default=None, converter=perhaps_plain, validator=_optional(non_empty), kw_only=True
    )
    key_managers: tuple[str, ...] | None = attrs.field(default=None, converter=to_key_managers, kw_only=True)
    audiences: tuple[str, ...] = attrs.field(default=(), converter=_to_names, kw_only=True)
    backend_audience: str | None = attrs.field(
        default=None, converter=perhaps_plain, validator=_optional(non_empty), kw_only=True
    )
    validate_subscriptions: bool = attrs.field(default=True, validator=is_a(bool), kw_only=True)
    is_default_version: bool = attrs.field(default=False, validator=is_a(bool), kw_only=True)
    status: str = attrs.field(default="PUBLISHED", converter=plain, validator=_one_of(*STATUSES), kw_only=True)
    gateway_type: GatewayType = attrs.field(default=GatewayType.HYBRID, validator=is_a(GatewayType), kw_only=True)
    kind: str = attrs.field(default="HTTP", converter=plain, validator=_one_of(*KINDS), kw_only=True)
    resources: tuple[Resource, ...] = attrs.field(default=(), converter=_to_resources, repr=False, kw_only=True)
    demands: Demands | None = attrs.field(default=None, validator=_optional(is_demands), kw_only=True)
    _found: Routes | Operations = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.context is None:
            object.__setattr__(self, "context", f"/{self.name}/{self.version}")
        has_operations = self.kind == "GRAPHQL"
        strange = ", ".join(str(one) for one in self.resources if one.is_operation is not has_operations)
        if strange:
            raise ConfigurationError(f"{strange}: operations are for APIs of the kind GRAPHQL, paths for others")
        by_path = not has_operations and Routes(self.resources, ignore_methods=self.kind == "WS")
        object.__setattr__(self, "_found", by_path or Operations(self.resources))

    @property
    def is_blocked(self) -> bool:
        """Whether it is blocked (WSO2's lifecycle state BLOCKED): nobody may call it."""
        return self.status == "BLOCKED"

    def match(self, method: object, path: object, operations: object) -> Match:
        """Return what a call names, whatever it is made with."""
        verb, text = exact(method), exact(path)
        if verb is None or not is_method(verb):
            return Match(hint="The method is none: it is a token in capital letters.")
        reading = Flaw("it is no string") if text is None else read_path(text)
        if isinstance(reading, Flaw):
            return Match(method=verb, hint=f"The path cannot be matched: {reading}.")
        found = self._find(verb, reading, operations)
        return Match((), verb, None, str(found)) if isinstance(found, Flaw) else Match(found, verb, reading.path)

    def plain_pairs(self) -> list[tuple[str, str]]:
        """Return the methods and paths of calls that may be found without reading their paths each time."""
        named = {one.method for one in self.resources if one.method != ANY_METHOD}
        methods = dict.fromkeys((*_USUAL_METHODS, *sorted(named)))
        paths = [one.path for one in self.resources if not one.is_operation and one.template.is_plain]
        return [(method, path) for path in paths for method in methods]

    def _find(self, method: str, reading: Reading, operations: object) -> tuple[int, ...] | Flaw:
        if self.status == "RETIRED":
            return Flaw("The API is retired.")
        if isinstance(self._found, Operations):
            return self._found.find(operations)
        found = self._found.find(method, reading) if operations is None else _NOT_GRAPHQL
        return found if isinstance(found, Flaw) else (found,)
