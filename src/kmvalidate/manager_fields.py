"""
What the fields of a key manager may hold.

Rules kept here: whatever cannot be right is a configuration error when the key manager is made. A template of issuers
stands for exactly the tenants that are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import to_name_set
from kmvalidate.introspection import Introspection, IntrospectionStrategy
from kmvalidate.key_sets import KeySet
from kmvalidate.key_sources import RemoteKeys, StaticKeys

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What stands for a tenant in a template of issuers.
TENANT = "{tenantid}"

#: The keys of a key manager that has none: it is asked about each of its tokens.
NO_KEYS = StaticKeys(KeySet(()))


def to_keys(keys: RemoteKeys | StaticKeys | Iterable[StaticKeys] | None) -> RemoteKeys | StaticKeys:
    """Return keys as one source, an attrs converter."""
    if keys is None:
        return NO_KEYS
    return keys if isinstance(keys, RemoteKeys | StaticKeys) else StaticKeys.joined(keys)


def check_strategy(_: object, __: object, value: Any) -> None:
    """Check, as an attrs validator, that somebody can be asked in that way, and that two such ways can be compared."""
    if value is None:
        return
    ask = getattr(type(value), "ask", None)
    asks_by_itself = ask is not IntrospectionStrategy.ask and callable(ask)
    if not isinstance(value, IntrospectionStrategy) or asks_by_itself is isinstance(value, Introspection):
        raise ConfigurationError("introspection is an Introspection, or a strategy of your own with a method ask")
    is_compared = "__eq__" in vars(type(value)) or not getattr(value, "__dict__", None)
    if not is_compared or not _is_hashable(value):
        why = "is compared with what was configured before: attrs.frozen, or __eq__ and __hash__ of its own"
        raise ConfigurationError(f"introspection, and who asks, {why}")


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def expanded(issuers: tuple[str, ...], tenants: tuple[str, ...]) -> dict[str, str | None]:
    """Return every issuer there is, each with its tenant: a template stands for exactly its tenants."""
    templates = [issuer for issuer in issuers if TENANT in issuer]
    if bool(templates) != bool(tenants):
        raise ConfigurationError(f"tenants and {TENANT} in an issuer go together: each needs the other")
    if any(TENANT in tenant for tenant in tenants):
        raise ConfigurationError("tenants are names, not templates")
    exact: dict[str, str | None] = {issuer: None for issuer in issuers if TENANT not in issuer}
    return exact | {issuer.replace(TENANT, tenant): tenant for issuer in templates for tenant in tenants}


def to_environments(value: str | Iterable[str] | None) -> frozenset[str] | None:
    """
    Return the names of environments as a set; None stays None, which is not the same as none at all.

    Raises:
        ConfigurationError: They are no names.
    """
    if isinstance(value, Mapping):
        raise ConfigurationError("environments are names, in a list")
    return None if value is None else to_name_set(value)
