"""
Which resource a call is about.

Rules kept here: of the resources that match, the most specific counts, and it is the same whatever their order. Paths
are compared exactly; but where a looser reader would come to a resource that is more specific (case ignored, a slash
more or less at the end, escapes decoded, HEAD taken for GET, the path cut at an encoded "?" or "#", names without what
follows a colon, dots and spaces at the end, or a suffix), nothing matches: such a call would get past the rules of the
one with the rights of the other. The work for one call is bounded by the number of resources, and grows with neither
the paths they could match nor the order they are tried in.
"""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from kmvalidate.apis._resource import ANY_METHOD
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import exact
from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kmvalidate.apis._paths import Reading
    from kmvalidate.apis._resource import Resource
    from kmvalidate.apis._templates import Segment, Template

#: Most operations that one call may have.
MAX_OPERATIONS = 1024

#: The methods whose resources a lenient server may serve instead: of HEAD it makes a GET (RFC 9110 section 9.3.2).
_READ_AS = {"HEAD": ("HEAD", "GET", ANY_METHOD)}

_NO_RESOURCE = Flaw("No resource of the API has this path.")
_READ_LOOSELY = Flaw(
    "A server that is lenient about case, escapes, or the ends of names and paths would read this as another resource."
)
_NO_OPERATIONS = Flaw("The call names no operations: a list of pairs of a type and a field's name is needed.")
_UNKNOWN_OPERATION = Flaw("One of the operations is no resource of the API.")


class Route(NamedTuple):
    """A method and a path, and the number of the resource that they are."""

    method: str
    template: Template
    number: int

    def takes(self, method: str) -> bool:
        """Tell whether calls with this method may be about it."""
        return self.method in (method, ANY_METHOD)


class Routes:
    """
    The resources of an API that have paths.

    Args:
        resources: They.

        ignore_methods: Whether any method will do, whatever the resources say: an API of WebSockets.

    Raises:
        ConfigurationError: Two of them match the same, and neither is the more specific.
    """

    __slots__ = ("_root", "_routes")

    def __init__(self, resources: Sequence[Resource], *, ignore_methods: bool = False) -> None:
        self._root = _Node()
        routes = [
            Route(ANY_METHOD if ignore_methods else resource.method, resource.template, number)
            for number, resource in enumerate(resources)
        ]
        _check_clear(routes, resources)
        self._routes = routes
        for route in routes:
            self._root.add(route)

    def find(self, method: str, reading: Reading) -> int | Flaw:
        """Return the number of the resource that a call is about, or why it is about nothing."""
        near = self._root.find(reading.loose)
        if reading.is_shorter:  # in the loose reading, nothing may be left of a parameter's value
            near += [route for route in self._routes if route.template.matches(reading)]
        methods = (method, ANY_METHOD)
        fitting = [route for route in near if route.method in methods and route.template.matches(reading)]
        if not fitting:
            return _why_none(near, reading)
        best = fitting[0] if len(fitting) == 1 else max(fitting, key=lambda route: _precedence(route, reading))
        loose = near + [route for other in reading.others() for route in self._root.find(other)]
        read_as = _READ_AS.get(method, methods)
        taken = max([_hold(route, method) for route in loose if route.method in read_as])
        return _READ_LOOSELY if taken > _hold(best, method) else best.number


def _hold(route: Route, method: str) -> tuple[object, bool]:
    """Return how specific a route is to a lenient server; of HEAD it may make a GET even where "*" takes the rest."""
    return route.template.rank, method in _READ_AS and route.method != ANY_METHOD


def _precedence(route: Route, reading: Reading) -> tuple[object, ...]:
    return route.template.rank, route.template.slash is reading.slash, route.method != ANY_METHOD


def _why_none(near: list[Route], reading: Reading) -> Flaw:
    strict = [route for route in near if route.template.matches(reading)]
    if strict:
        return Flaw(
            f"Resources with this path have other methods: {', '.join(sorted({one.method for one in strict}))}."
        )
    return _READ_LOOSELY if near else _NO_RESOURCE


def _check_clear(routes: list[Route], resources: Sequence[Resource]) -> None:
    known: dict[object, Route] = {}
    for route in routes:
        before = known.setdefault((route.method, route.template.shape), route)
        if before is not route:
            raise _unclear(resources[before.number], resources[route.number])
    mixed = [route for route in routes if any(segment.is_mixed for segment in route.template.segments)]
    for one, other in combinations(mixed, 2):
        if (one.takes(other.method) or other.takes(one.method)) and one.template.is_unclear_beside(other.template):
            raise _unclear(resources[one.number], resources[other.number])


def _unclear(one: Resource, other: Resource) -> ConfigurationError:
    return ConfigurationError(f"{one} and {other} match the same calls, and neither is the more specific")


class _Node:
    """What resources have in common that begin alike, in the loosest reading."""

    __slots__ = ("ends", "holes", "literals", "wilds")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.holes: dict[Segment, _Node] = {}
        self.ends: list[Route] = []
        self.wilds: list[Route] = []

    def add(self, route: Route) -> None:
        """Add a route below this node."""
        node = self
        for segment in route.template.loose:
            if len(segment) == 1:
                node = node.literals.setdefault(segment[0], _Node())
            else:
                node = node.holes.setdefault(segment, _Node())
        (node.wilds if route.template.wild else node.ends).append(route)

    def find(self, segments: Sequence[str]) -> list[Route]:
        """Return the routes that match; each node is looked at once at most."""
        nodes, found = [self], [*self.wilds]
        for text in segments:
            nodes = [below for node in nodes for below in node.below(text)]
            if not nodes:
                return found
            for node in nodes:
                found += node.wilds
        for node in nodes:
            found += node.ends
        return found

    def below(self, text: str) -> Iterator[_Node]:
        """Yield the nodes one segment further."""
        literal = self.literals.get(text)
        if literal is not None:
            yield literal
        for segment, node in self.holes.items():
            if segment.surrounds(text):
                yield node


class Operations:
    """
    The resources of an API of GraphQL.

    Args:
        resources: They.

    Raises:
        ConfigurationError: Two of them are the same.
    """

    __slots__ = ("_numbers",)

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._numbers: dict[tuple[str | None, str | None], int] = {}
        for number, resource in enumerate(resources):
            if self._numbers.setdefault((resource.method, resource.path), number) != number:
                raise ConfigurationError(f"{resource} is there twice")

    def find(self, operations: object) -> tuple[int, ...] | Flaw:
        """Return the numbers of the resources that operations are, in the API's order, or why they are none."""
        asked = _pairs(operations)
        if not asked:
            return _NO_OPERATIONS
        if not asked <= self._numbers.keys():
            return _UNKNOWN_OPERATION
        return tuple(number for pair, number in self._numbers.items() if pair in asked)


def _pairs(operations: Any) -> set[tuple[str | None, str | None]]:
    """Return operations as pairs of strings; none if they are anything else."""
    try:
        listed = list(islice(operations, MAX_OPERATIONS + 1))
        pairs = {(exact(kind), exact(name)) for kind, name in map(_pair, listed)}
    except Exception:  # noqa: BLE001  # whatever was handed over
        return set()
    return pairs if len(listed) <= MAX_OPERATIONS else set()


def _pair(pair: object) -> tuple[object, object] | list[object]:
    return pair if isinstance(pair, tuple | list) else []
