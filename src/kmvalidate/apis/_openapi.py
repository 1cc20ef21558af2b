"""
The resources of an API as an OpenAPI 3 document describes them.

Rules kept here: a document is read as a whole or not at all. What it asks for is asked for, neither more nor less; what
scopes cannot say is an error that names the operation, so that no operation asks for less than its document says. Only
an operation itself, and only aloud, says that it takes no token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kmvalidate.apis._resource import ANY_METHOD, Resource
from kmvalidate.apis._words import AuthType
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import exact, to_name_set
from kmvalidate.strict_json import Flaw, parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Members = Mapping[str, Any]

_VERSION = re.compile(r"3\.[0-2]\.[0-9]{1,3}")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_FURTHER = "additionalOperations"
_WITH_SCOPES = ("oauth2", "openIdConnect")
#: What operations say, and a path cannot say for all of its own.
_OF_OPERATIONS = ("security", "x-auth-type", "x-scope", "x-wso2-disable-security")
#: What an operation's security is if it takes no token.
_NOTHING: tuple[object, ...] = ([], ())


def read_openapi(document: Mapping[str, Any] | str | bytes, wso2: bool | None = None) -> dict[str, Any]:  # noqa: FBT001
    """
    Return the arguments of `Api` that an OpenAPI 3 document gives.

    Args:
        document: The document.

        wso2: Whether it is one of WSO2; None if its members tell.

    Raises:
        ConfigurationError: It is none, or asks for what a `Resource` cannot.
    """
    members = _read(document)
    if "swagger" in members or not _VERSION.fullmatch(exact(members.get("openapi")) or ""):
        raise ConfigurationError("the document is not OpenAPI 3.0, 3.1 or 3.2")
    if not isinstance(wso2, bool | None):
        raise ConfigurationError("wso2 is true or false, or None")
    info = _object(members.get("info"), "info")
    arguments = {"name": info.get("title"), "version": info.get("version"), "resources": _resources(members, wso2)}
    if "x-wso2-basePath" in members:
        arguments["context"] = _text(members["x-wso2-basePath"], "x-wso2-basePath")
    return arguments


def _read(document: object) -> Members:
    if isinstance(document, str | bytes):
        parsed = parse_document(document)
        if isinstance(parsed, Flaw):
            raise ConfigurationError(
                f"the OpenAPI document is {parsed}; of YAML, hand over what yaml.safe_load returns"
            )
        return parsed
    return _object(document, "the OpenAPI document")


def _object(value: object, what: str) -> Members:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{what} is an object")
    if "$ref" in value:  # what it leads to may ask for more
        raise ConfigurationError(f"{what}: references are not followed")
    return value


def _text(value: object, what: str) -> str:
    text = exact(value)
    if not text:
        raise ConfigurationError(f"{what} is a non-empty string")
    return text


def _resources(document: Members, wso2: bool | None) -> list[Resource]:  # noqa: FBT001
    schemes = _Schemes(document, wso2)
    resources = []
    for method, path, operation in _operations(document):
        try:
            resources.append(Resource(method, path, **schemes.asked(operation)))
        except ConfigurationError as flaw:
            raise ConfigurationError(f"{method} {path}: {flaw}") from None
    return resources


def _operations(document: Members) -> Iterator[tuple[str, str, Members]]:
    for path, item in _object(document.get("paths"), "paths").items():
        if isinstance(path, str) and path.startswith("x-"):
            continue
        _check_keys(path, _object(item, f"paths: {path}"))
        named = [(method.upper(), item[method]) for method in _METHODS if method in item]
        for method, operation in (*named, *_further(path, item)):
            yield method, path, _object(operation, f"{method} {path}")


def _further(path: object, item: Members) -> list[tuple[str, Any]]:
    """Return the operations of a path with methods that have no member of their own (OpenAPI 3.2)."""
    what = f"{path}: {_FURTHER}"
    operations = [(exact(method) or "", one) for method, one in _object(item.get(_FURTHER, {}), what).items()]
    for method, _ in operations:
        if method == ANY_METHOD or method.lower() in _METHODS:
            raise ConfigurationError(f"{what} are of further methods, and {method} is none of them")
    return operations


def _check_keys(path: object, item: Members) -> None:
    """Check that a path says nothing that would be overlooked, although it is about who may call it."""
    for key in (exact(one) or "" for one in item):
        if key in _OF_OPERATIONS or (key not in _METHODS and key.lower() in _METHODS):
            raise ConfigurationError(f"{path}: {key} is no member of a path; operations are in small letters")


class _Schemes:
    """
    What a document's security requirements mean.

    Args:
        document: The document.

        wso2: Whether it is one of WSO2; None if its members tell.
    """

    def __init__(self, document: Members, wso2: bool | None) -> None:  # noqa: FBT001
        components = _object(document.get("components", {}), "components")
        self._schemes = _object(components.get("securitySchemes", {}), "securitySchemes")
        self._document = document
        self._is_wso2 = any(str(name).startswith("x-wso2-") for name in document) if wso2 is None else wso2

    def asked(self, operation: Members) -> dict[str, Any]:
        """Return what an operation asks for, as arguments of `Resource`."""
        own = "security" in operation
        auth_type = _auth_type(operation)
        scopes = self._scopes(operation if own else self._document)
        if auth_type is AuthType.NONE and not own:
            scopes = {}  # the document's are for the others
        named = _x_scope(operation)
        if named is None:
            return {"auth_type": auth_type, **scopes}
        same = ("any_scope", "all_scopes") if len(named) == 1 else ("any_scope",)
        if scopes and not any(scopes == {asked: named} for asked in same):
            raise ConfigurationError("x-scope and security ask for different scopes")
        return {"auth_type": auth_type, "any_scope": named}

    def _scopes(self, members: Members) -> dict[str, frozenset[str]]:
        """Return the scopes that requirements ask for. Each requirement is an alternative, and they all must be."""
        requirements = _list(members.get("security", []), "security")
        if len(requirements) > 1 and not all(requirements):
            raise ConfigurationError("security that is optional says nothing about those who have a token")
        alternatives = {scopes for one in requirements for scopes in self._alternatives(one)}
        if alternatives <= {frozenset()}:
            return {}
        if len(alternatives) == 1:
            return {"all_scopes": alternatives.pop()}
        if any(len(scopes) != 1 for scopes in alternatives):
            raise ConfigurationError("security has alternatives that are not one scope each: no scopes say that")
        return {"any_scope": frozenset().union(*alternatives)}

    def _alternatives(self, requirement: object) -> set[frozenset[str]]:
        """Return the sets of which a requirement asks for one whole; in documents of WSO2 any scope will do."""
        named = _object(requirement, "a security requirement")
        if len(named) > 1:
            raise ConfigurationError("security asks for several credentials at once")
        for name, listed in named.items():
            scopes = _list(listed, f"security: {name}")
            self._check_scheme(name, scopes)
            if scopes and self._is_wso2:
                return {frozenset([scope]) for scope in to_name_set(scopes)}
            return {to_name_set(scopes)}
        return {frozenset()}

    def _check_scheme(self, name: str, scopes: Sequence[object]) -> None:
        scheme = _object(self._schemes.get(name), f"the security scheme {name}")
        is_bearer = scheme.get("type") == "http" and str(scheme.get("scheme")).lower() == "bearer"
        if not is_bearer and scheme.get("type") not in _WITH_SCOPES:
            raise ConfigurationError(f"the security scheme {name} is not oauth2, openIdConnect, or http with bearer")
        if is_bearer and scopes:
            raise ConfigurationError(f"the security scheme {name} has no scopes")


def _list(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"{what} is a list")
    return value


def _auth_type(operation: Members) -> AuthType:
    is_disabled = operation.get("x-wso2-disable-security", False)
    said = operation.get("x-auth-type", "None" if is_disabled or operation.get("security") in _NOTHING else "Any")
    auth_type = AuthType.from_wso2(said)
    if not isinstance(is_disabled, bool) or (is_disabled and auth_type is not AuthType.NONE):
        raise ConfigurationError("x-wso2-disable-security is true or false, and true only where x-auth-type is None")
    return auth_type


def _x_scope(operation: Members) -> frozenset[str] | None:
    """Return the scopes that older documents of WSO2 name, with commas between them."""
    if "x-scope" not in operation:
        return None
    return to_name_set(scope.strip() for scope in _text(operation["x-scope"], "x-scope").split(","))
