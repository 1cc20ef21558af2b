"""
``kmvalidate explain``: what becomes of a token, step by step, and why.

Rules kept here: the token comes from standard input alone, and is never shown, however it is malformed. Whose tokens
are accepted is said by options, for one key manager, or by a module of the user, which is imported and so runs. Once
the token is read, what somebody else's code raises is told by its type and place: its words might repeat the token.
"""

from __future__ import annotations

import importlib
import operator
import sys
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

from kmvalidate.apis import ApiCall
from kmvalidate.audiences import ANY_AUDIENCE
from kmvalidate.cli._discover import UNAVAILABLE, complain, network_of
from kmvalidate.errors import ConfigurationError, KMValidateError
from kmvalidate.key_sources import StaticKeys
from kmvalidate.ports import Network
from kmvalidate.providers import load
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager

T = TypeVar("T")

_REFUSED = 1
_MAX_BYTES = 100_000
_DEFAULT_PROVIDER = "oidc"
_AD_HOC = (
    *("issuer", "audience", "any_audience", "provider", "jwks_file"),
    *("private_addresses", "insecure_http", "allowed_host", "ca_file"),
)


def run(arguments: argparse.Namespace) -> int:
    """
    Print what becomes of the token on standard input, or one line on stderr that says why that cannot be told.

    Returns:
        0 if it is accepted and the call allowed; 1 if not; 2 if an option or the input cannot be right; 3 if a key
        manager could not be asked.
    """
    try:
        validator, call = _validator(arguments), _call(arguments)
        explained = _guarded(validator.explain, _token(), call, organization=arguments.organization)
    except KMValidateError as error:
        return complain(error)
    print(explained.to_json() if arguments.json else explained)
    if explained.allowed:
        return 0
    return _REFUSED if explained.unavailable is None else UNAVAILABLE


def _validator(arguments: argparse.Namespace) -> TokenValidator:
    if arguments.misplaced:
        raise ConfigurationError("the token comes from standard input: others see what is on the command line")
    if arguments.config is None:
        return TokenValidator(KeyManagerRegistry([_manager(arguments)]))
    others = ["--" + name.replace("_", "-") for name in _AD_HOC if getattr(arguments, name)]
    if others:
        raise ConfigurationError(f"--config says whose tokens are accepted, and how: leave out {', '.join(others)}")
    found = _configured(arguments.config)
    if isinstance(found, KeyManagerRegistry):
        return TokenValidator(found)
    if not isinstance(found, TokenValidator):
        raise ConfigurationError("--config names a TokenValidator or a KeyManagerRegistry")
    return found


def _configured(name: str) -> object:
    """Return what ``MODULE:ATTRIBUTE`` names; the current directory is looked in too, as ``python -m`` does."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigurationError("--config is the name of a module, a colon, and a name in it")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return operator.attrgetter(attribute)(importlib.import_module(module))
    except KMValidateError:
        raise
    except Exception as error:
        raise ConfigurationError(f"--config: {type(error).__name__}: {error}") from error


def _manager(arguments: argparse.Namespace) -> KeyManager:
    if not arguments.issuer:
        raise ConfigurationError("say whose tokens are accepted: --issuer with --audience, or --config")
    if not arguments.audience and not arguments.any_audience:
        raise ConfigurationError("say who tokens must be meant for: --audience, or else --any-audience")
    audience = ANY_AUDIENCE if arguments.any_audience else arguments.audience
    first, *more = arguments.issuer
    options = {**_keys(arguments), **({"extra_issuers": more} if more else {})}
    provider = load(arguments.provider or _DEFAULT_PROVIDER)
    return _guarded(provider, issuer=first, audience=audience, **options)


def _keys(arguments: argparse.Namespace) -> dict[str, Any]:
    network = network_of(arguments)
    if arguments.jwks_file is None:
        return {"network": network}
    if network != Network():
        raise ConfigurationError("with --jwks-file nothing is fetched: leave out how the key manager may be reached")
    return {"keys": StaticKeys.from_file(arguments.jwks_file)}


def _call(arguments: argparse.Namespace) -> ApiCall | None:
    if not arguments.any_scope and not arguments.all_scope:
        return None
    return ApiCall(any_scope=arguments.any_scope, all_scopes=arguments.all_scope)


def _token() -> str:
    text = _decoded(_read())
    if text is None:
        raise ConfigurationError("standard input has something that is not UTF-8, and so no token")
    lines = text.strip().splitlines()
    if len(lines) > 1:
        raise ConfigurationError("standard input has several lines, and one token is looked at")
    words = text.split(maxsplit=1)
    if words and words[0].lower() == "bearer":
        del words[0]
    if not words:
        raise ConfigurationError("standard input has no token")
    return " ".join(words).strip()


def _read() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)  # there is no sys.stdin where it is closed
    if stream is not None and stream.isatty():
        print("Paste the token, press Enter, and then Ctrl-D (Windows: Ctrl-Z, Enter).", file=sys.stderr)
    try:
        raw: bytes = b"" if stream is None else stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError):
        raise ConfigurationError("standard input cannot be read") from None
    if len(raw) > _MAX_BYTES:
        raise ConfigurationError(f"standard input has more than {_MAX_BYTES} bytes, and no token is as long")
    return raw


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # it has the bytes in it, so nothing is raised from here
        return None


def _guarded(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Call a function that may run somebody else's code, so that nothing but an error of ours comes of it."""
    try:
        return function(*arguments, **options)
    except KMValidateError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever theirs raises
        place = traceback.extract_tb(error.__traceback__)[-1]
        trouble = f"{type(error).__name__} at {place.filename}:{place.lineno}"
    raise ConfigurationError(trouble)
