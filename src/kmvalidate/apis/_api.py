"""
An API, as a gateway deploys it, and what is asked for by calling it.

Rules kept here: asking an API for a call never raises, whatever is asked with; what matched nothing has no resources
and says why. Strings are plain ones, whose class makes nothing else of them.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.apis._deployment import Deployment, to_key_managers
from kmvalidate.apis._openapi import read_openapi
from kmvalidate.apis._resource import ANY_METHOD, Resource
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import to_name
from kmvalidate.generations import Generations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kmvalidate.demands import Demands

_numbers = count(1)


@attrs.frozen(eq=False)
class Target:
    """
    What calls are about. Two targets are never equal.

    Args:
        api: The API, None if scopes alone are asked for.

        resources: What is called: one resource, or several operations of GraphQL. Empty if nothing matched.

        organization: The organization it belongs to, None for none.

        key_managers: The names of those whose tokens it takes, in their order; None for all.

        is_kept: Whether each call of the same has this very target, so that a verdict may be remembered by its number.

        hint: Why nothing matched.

        number: Its number: another for each.
    """

    api: Api | None = attrs.field(repr=False)
    resources: tuple[Resource, ...]
    organization: str | None = None
    key_managers: tuple[str, ...] | None = None
    is_kept: bool = False
    hint: str | None = None
    number: int = attrs.field(init=False, factory=lambda: next(_numbers))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again, with a number of its own: a copy, or in another process."""
        fields = (field.name for field in attrs.fields(Target) if field.init)
        return (Target, tuple(getattr(self, name) for name in fields))

    def within(self, organization: str, kept: Generations[tuple[int, str], Target]) -> Target:
        """Return what calls in an organization are about: the one of *kept*, where this one is kept."""
        target = kept.get((self.number, organization))
        if target is None:
            target = attrs.evolve(self, organization=organization)
            if self.is_kept:
                kept.put((self.number, organization), target)
        return target


@attrs.frozen(eq=False, init=False)
class ApiCall:
    """
    What is asked for: `Api.call` says which resource of an API; made by hand, it asks for scopes without any API.

    Args:
        any_scope: Scopes of which a token must have one: a name, or several, but not an empty list. None asks for none.

        all_scopes: Scopes of which it must have each, likewise. With neither, any good token will do.

        organization: The organization it belongs to, None for none.

        key_managers: The names of those whose tokens it takes, in their order; None for all.

        demands: What else it demands of a token, None for nothing.

    Raises:
        ConfigurationError: Something is empty or of another type.

    Attributes:
        target: What it is about.

        method: The method; None without one that is well-formed.

        path: The path that was matched, in its one spelling: this one is to be forwarded, not what came in. None if
            nothing matched.
    """

    target: Target
    method: str | None
    path: str | None

    def __init__(
        self,
        any_scope: str | Iterable[str] | None = None,
        all_scopes: str | Iterable[str] | None = None,
        *,
        organization: str | None = None,
        key_managers: str | Iterable[str] | None = None,
        demands: Demands | None = None,
    ) -> None:
        resource = Resource(ANY_METHOD, "/*", any_scope=any_scope, all_scopes=all_scopes, demands=demands)
        name = None if organization is None else to_name(organization, "organization")
        target = _target_of(resource, name, to_key_managers(key_managers))
        _fill(self, target, None, None)

    @property
    def api(self) -> Api | None:
        """The API; None if scopes alone are asked for."""
        return self.target.api

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What is called; empty if nothing matched."""
        return self.target.resources

    @property
    def organization(self) -> str | None:
        """The organization it belongs to, None for none."""
        return self.target.organization

    @property
    def key_managers(self) -> tuple[str, ...] | None:
        """The names of those whose tokens it takes, in their order; None for all."""
        return self.target.key_managers

    def in_organization(self, name: str) -> ApiCall:
        """
        Return this call within an organization.

        Args:
            name: The organization.

        Raises:
            ConfigurationError: The call belongs to another one, or it is no name.
        """
        name = to_name(name, "organization")
        if self.organization not in (None, name):
            raise ConfigurationError(f"the call belongs to the organization {self.organization!r}, not to {name!r}")
        if self.organization == name:
            return self
        kept = _inside if self.api is None else self.api._inside  # noqa: SLF001  # of this module
        return _call_of(self.target.within(name, kept), self.method, self.path)


def _call_of(target: Target, method: str | None, path: str | None) -> ApiCall:
    call = ApiCall.__new__(ApiCall)
    _fill(call, target, method, path)
    return call


def _fill(call: ApiCall, target: Target, method: str | None, path: str | None) -> None:
    put = object.__setattr__
    put(call, "target", target)
    put(call, "method", method)
    put(call, "path", path)


@lru_cache(maxsize=1024)
def _target_of(resource: Resource, organization: str | None, key_managers: tuple[str, ...] | None) -> Target:
    """Return a target without an API, the same one for the many calls that ask for the same."""
    return Target(None, (resource,), organization, key_managers, is_kept=True)


#: Makes a memory of targets within organizations: of an API, or of all calls without an API.
_make_inside: Callable[[], Generations[tuple[int, str], Target]] = partial(Generations, 1024)
_inside = _make_inside()


@attrs.frozen(eq=False)
class Api(Deployment):
    """
    An API, as a gateway deploys it. Two of them are never equal.

    Args:
        name: Its name.

        version: Its version.

        context: Where it is deployed, version included (WSO2: ``context``); ``/name/version`` unless it is given.

        id: Its UUID, None if it has none.

        provider: Who published it, None if that is not known.

        organization: The organization it belongs to, None for none.

        environment: The environment it is deployed in, None for none.

        key_managers: The names of those whose tokens it takes: the order is that in which they are asked. None for all,
            in the registry's order.

        audiences: Whom tokens for it may be meant for; empty if anybody.

        backend_audience: The audience of the JWTs that its backend is given, None for none.

        validate_subscriptions: Whether applications must be subscribed to it.

        is_default_version: Whether it is called also without a version.

        status: Where it is in its life: CREATED, PROTOTYPED, PUBLISHED, BLOCKED, DEPRECATED or RETIRED. A retired one
            has nothing to call.

        gateway_type: The keys that this deployment takes.

        kind: "HTTP", "GRAPHQL" or "WS" (WebSockets, where the method does not matter).

        resources: What can be called; nothing else can.

        demands: What it demands of a token for each of them, None for nothing.

    Raises:
        ConfigurationError: Something is missing, malformed, unknown or of another type; or two resources match the same
            calls, and neither is the more specific.
    """

    _targets: tuple[Target, ...] = attrs.field(init=False, repr=False)
    _plain: dict[tuple[str, str], ApiCall] = attrs.field(init=False, repr=False)
    _inside: Generations[tuple[int, str], Target] = attrs.field(init=False, repr=False, factory=_make_inside)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        targets = tuple(self._target((resource,), is_kept=True) for resource in self.resources)
        object.__setattr__(self, "_targets", targets)
        calls = {asked: self._call(*asked) for asked in self.plain_pairs()}  # each path is read once
        object.__setattr__(self, "_plain", {asked: call for asked, call in calls.items() if call.path == asked[1]})

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again: a copy, or in another process."""
        fields = {field.name: getattr(self, field.name) for field in attrs.fields(type(self)) if field.init}
        return (partial(type(self), **fields), ())

    @classmethod
    def from_openapi(
        cls, document: Mapping[str, Any] | str | bytes, *, wso2: bool | None = None, **changes: Any
    ) -> Api:
        """
        Return the API that an OpenAPI 3 document describes.

        Read are its title and version, ``x-wso2-basePath`` (the context), and of each operation what it asks of tokens:
        ``security``, its own or the document's, and WSO2's ``x-auth-type``, ``x-scope`` and
        ``x-wso2-disable-security``. The scopes of a requirement are asked for all together; in a document of WSO2 any
        of them will do. What this library could not ask for as the document says it is an error. References are not
        followed.

        Args:
            document: The document: a mapping, or its JSON text. Of YAML, hand over what ``yaml.safe_load`` returns.

            wso2: Whether it is a document of WSO2; None if that is told by its members ``x-wso2-...``.

            changes: Arguments of `Api`, in the place of what the document says.

        Raises:
            ConfigurationError: It is no OpenAPI 3 document, or asks for what cannot be asked for.
        """
        return cls(**{**read_openapi(document, wso2), **changes})

    def call(self, method: str, path: str, *, operations: Iterable[tuple[str, str]] | None = None) -> ApiCall:
        """
        Return what is asked for by calling this API. It never raises; if nothing matches, the call has no resources.

        Args:
            method: The method, as it came in.

            path: The path below the API's context, as it came in: encoded, without query and fragment.

            operations: Of GraphQL, each top-level field that the document asks for, as a pair of the operation's type
                and the field's name, not its alias: ``[("QUERY", "menu"), ("QUERY", "orders")]``. In any order. Each
                must be a resource. None for other APIs.
        """
        if type(method) is str and type(path) is str and operations is None:
            kept = self._plain.get((method, path))
            if kept is not None:
                return kept
        return self._call(method, path, operations)

    def _call(self, method: str, path: str, operations: object = None) -> ApiCall:
        match = self.match(method, path, operations)
        if len(match.numbers) == 1:
            return _call_of(self._targets[match.numbers[0]], match.method, match.path)
        resources = tuple(self.resources[number] for number in match.numbers)
        return _call_of(self._target(resources, hint=match.hint), match.method, match.path)

    def _target(self, resources: tuple[Resource, ...], *, is_kept: bool = False, hint: str | None = None) -> Target:
        return Target(self, resources, self.organization, self.key_managers, is_kept, hint)
