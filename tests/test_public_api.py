"""What a user gets from ``import kmvalidate``: every name, typed, and nothing heavy."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import kmvalidate

# Loaded only when something is fetched, served or consumed, never by the import.
HEAVY = {
    "HTTP client": ["requests", "urllib3", "httpx", "httpx2", "aiohttp", "http.client"],
    "framework": ["flask", "django", "starlette", "fastapi", "rest_framework"],
    "broker client": ["pika", "redis"],
    "OAuth client": ["authlib"],
    "event loop": ["asyncio"],
}

NEW_MODULES = """
import sys
before = set(sys.modules)
import kmvalidate
print(*sorted(set(sys.modules) - before))
"""


BLOCKING_USE = """
import sys
before = set(sys.modules)
import kmvalidate as km

class Transport:
    def send(self, request, /):
        raise OSError

keys = km.RemoteKeys(jwks_url="https://idp.example/keys")
manager = km.KeyManager(name="a", issuer="urn:a", audience="a", keys=keys)
registry = km.KeyManagerRegistry([manager], transport=Transport(), on_event=lambda event: None)
assert [health.usable for health in registry.warm()] == [False]
try:
    km.TokenValidator(registry).authenticate("a.b.c", organization="acme")
except km.Refused:
    print(*sorted(set(sys.modules) - before))
"""


def new_modules(program: str = NEW_MODULES) -> set[str]:
    """Return the modules that a program, by default ``import kmvalidate``, loads into a fresh interpreter."""
    fresh = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(fresh.stdout.split())


@pytest.mark.parametrize("name", kmvalidate.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name of `__all__` can be had from the package."""
    assert getattr(kmvalidate, name) is not None


def test_a_star_import_brings_every_public_name() -> None:
    """A star import brings what `__all__` promises, lazy names included."""
    names: dict[str, object] = {}
    exec("from kmvalidate import *", names)  # noqa: S102
    assert set(kmvalidate.__all__) == set(names) - {"__builtins__"}


def test_names_are_listed_once() -> None:
    """No public name stands twice in `__all__`."""
    assert sorted(set(kmvalidate.__all__)) == sorted(kmvalidate.__all__)


def test_dir_shows_every_public_name() -> None:
    """Completion in an editor or a shell sees the lazy names too."""
    assert set(kmvalidate.__all__) <= set(dir(kmvalidate))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Lazy loading leaves a misspelt name the error it is in any module."""
    with pytest.raises(AttributeError, match="KeyManger"):
        kmvalidate.KeyManger  # noqa: B018


def test_a_public_name_is_the_same_object_each_time() -> None:
    """A lazily loaded name is loaded once."""
    assert kmvalidate.TokenValidator is kmvalidate.TokenValidator


@pytest.mark.parametrize("kind", HEAVY)
def test_the_import_is_light(kind: str) -> None:
    """Importing the package loads no HTTP client, no framework and no broker client."""
    assert new_modules().isdisjoint(HEAVY[kind])


def test_the_import_loads_no_provider_and_nothing_for_tests() -> None:
    """Importing the package loads neither providers nor what tests are made of, but the list of its names."""
    rooms = {name.split(".")[1] for name in new_modules() if name.startswith("kmvalidate.")}
    assert rooms == {"homes"}


def test_blocking_callers_with_a_transport_load_none_of_ours() -> None:
    """Who validates without asyncio and brings a transport loads neither asyncio nor an HTTP client of ours."""
    loaded = new_modules(BLOCKING_USE)
    assert "kmvalidate.validator" in loaded
    assert loaded.isdisjoint({"asyncio", "requests", "urllib3", "httpx2", "httpcore2", "kmvalidate.transport"})
    assert loaded.isdisjoint({"kmvalidate.providers", "kmvalidate.testing", "kmvalidate.backend_jwt", "joserfc"})


def test_the_package_is_typed() -> None:
    """Type checkers find the marker of PEP 561."""
    assert Path(kmvalidate.__file__).with_name("py.typed").is_file()


def test_the_version_is_the_installed_one() -> None:
    """The version has one home, the package's metadata."""
    assert kmvalidate.__version__ == importlib.metadata.version("kmvalidate")
