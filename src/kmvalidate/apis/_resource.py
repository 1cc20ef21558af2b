"""
A resource of an API, and what it asks of those who call it.

Rules kept here: scopes that are asked for are at least one; None asks for none. A resource that takes no token asks for
nothing that only a token has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.apis._templates import read_template
from kmvalidate.apis._words import OPERATION_TYPES, AuthType, plain
from kmvalidate.demands import Demands
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import exact, is_a, to_name_set, to_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.apis._templates import Template

#: Any method.
ANY_METHOD = "*"

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Z]{1,64}")
_FIELD_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,255}")
_NO_SCOPE = re.compile(r"[\s\x00-\x1f\x7f]")


def is_method(text: str) -> bool:
    """
    Tell whether *text* is a method: a token (RFC 9110 section 5.6.2) without lower-case letters.

    Methods are case-sensitive, but servers are known that take "get" for GET.
    """
    return text != ANY_METHOD and _METHOD.fullmatch(text) is not None


def to_scopes(scopes: str | Iterable[str] | None) -> frozenset[str] | None:
    """
    Return scopes that are asked for as a set; None asks for none.

    Raises:
        ConfigurationError: There are none in the list, or one that no token can have.
    """
    if scopes is None:
        return None
    wanted = to_name_set(map(plain, to_names(scopes)))
    if not wanted:
        raise ConfigurationError("scopes that are asked for are at least one; None asks for none")
    if any(map(_NO_SCOPE.search, wanted)):
        raise ConfigurationError("a scope has no spaces; several scopes are a list")
    return wanted


def is_demands(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Check, as an attrs validator, that the value is `Demands`: what a subclass asks for, none can tell beforehand."""
    if type(value) is not Demands:
        raise ConfigurationError(f"{field.name} are Demands, and of no subclass: a rule of your own is a check")


def _to_text(value: str) -> str:
    """Return a string without a class of its own; what is none fits nowhere."""
    return exact(value) or ""


def _to_path(value: str) -> str:
    """Return a path in its one spelling; the name of an operation stays as it is."""
    path = _to_text(value)
    return read_template(path).text if path.startswith("/") else path


@attrs.frozen
class Resource:
    """
    Something of an API that can be called: a method and a path, or an operation of GraphQL.

    Args:
        method: The method, in capital letters; "*" for any. Of GraphQL the type of the operation: QUERY, MUTATION,
            SUBSCRIPTION.

        path: The path below the API's context: ``/menu``; ``/orders/{id}``, where a parameter matches one segment that
            is not empty, and may have text beside it; ``/files/*``, which matches ``/files`` and all below. Of GraphQL
            the name of the operation's field.

        any_scope: Scopes of which a token must have one: a name, or several, but not an empty list. None asks for none.

        all_scopes: Scopes of which it must have each, likewise.

        auth_type: Whose tokens it takes.

        demands: What else it demands of a token, None for nothing.

    Raises:
        ConfigurationError: Something is malformed, of another type, or contradicts itself.
    """

    method: str = attrs.field(converter=_to_text)
    path: str = attrs.field(converter=_to_path)
    any_scope: frozenset[str] | None = attrs.field(default=None, converter=to_scopes, kw_only=True)
    all_scopes: frozenset[str] | None = attrs.field(default=None, converter=to_scopes, kw_only=True)
    auth_type: AuthType = attrs.field(default=AuthType.ANY, validator=is_a(AuthType), kw_only=True)
    demands: Demands | None = attrs.field(default=None, validator=attrs.validators.optional(is_demands), kw_only=True)
    _template: Template | None = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        _check_name(self.method, self.path)
        object.__setattr__(self, "_template", read_template(self.path) if self.path.startswith("/") else None)
        asks = (self.any_scope, self.all_scopes, self.demands)
        if self.auth_type is AuthType.NONE and any(one is not None for one in asks):
            raise ConfigurationError(f"{self} takes no token, so it asks for no scopes and demands nothing of one")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_operation(self) -> bool:
        """Whether it is an operation of GraphQL."""
        return self._template is None

    @property
    def template(self) -> Template:
        """What its paths look like; an operation of GraphQL has none."""
        assert self._template is not None  # noqa: S101  # an API has operations or paths, which it checked
        return self._template


def _check_name(method: str, path: str) -> None:
    if not path.startswith("/"):
        if method not in OPERATION_TYPES or not _FIELD_NAME.fullmatch(path):
            why = f"a path begins with a slash; an operation is one of {', '.join(OPERATION_TYPES)} and a field's name"
            raise ConfigurationError(f"{method} {path!r} is no resource: {why}")
    elif method != ANY_METHOD and not is_method(method):
        raise ConfigurationError(f"{method!r} is no method: a token in capital letters, or * for any")
