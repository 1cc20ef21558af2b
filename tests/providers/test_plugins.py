"""Providers by name: those that come with the library, and those of other packages, found by their entry points."""

import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import kmvalidate
from kmvalidate import ConfigurationError, KeyManager, providers
from kmvalidate.providers._built_in import BUILT_IN

PLUGIN = """
from kmvalidate import KeyManager, RemoteKeys

def acme(issuer="https://acme.example", *, audience, name="Acme", **options):
    return KeyManager(name=name, issuer=issuer, audience=audience, keys=RemoteKeys(), **options)

NOTHING = 5
"""

USED = """
import sys
before = set(sys.modules)
{program}
print(*sorted(set(sys.modules) - before))
"""


class Site:
    """A directory of installed packages."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.modules = set()

    def install(self, package, source, *points):
        """Install a package of one module, whose entry points are written ``name = object``."""
        (self.place / f"{package}.py").write_text(source, "utf-8")
        self.modules.add(package)
        about = self.place / f"{package}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", "utf-8")
        lines = "\n".join(point.replace("= ", f"= {package}:") for point in points)
        (about / "entry_points.txt").write_text(f"[kmvalidate.providers]\n{lines}\n", "utf-8")
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty directory of packages that Python finds."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Site(tmp_path)
    yield made
    for name in made.modules:
        sys.modules.pop(name, None)


def loaded_by(program, place=None):
    """Return the modules that a fresh interpreter loads for a program."""
    path = [f"import sys; sys.path.insert(0, {str(place)!r})"] if place else []
    source = "\n".join([*path, USED.format(program=program)])
    fresh = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    return set(fresh.stdout.split())


def test_a_plugin_is_loaded_by_its_name(site):
    """The function that an entry point names is the provider of that name, and makes key managers."""
    site.install("acme_kmvalidate", PLUGIN, "acme = acme")
    provider = providers.load("acme")
    manager = provider(audience="orders", organization="x")
    assert isinstance(manager, KeyManager)
    assert (manager.name, manager.issuer, manager.organization) == ("Acme", "https://acme.example", "x")
    assert providers.load("acme") is provider


def test_a_plugin_is_not_imported_before_it_is_loaded(site):
    """Neither the names of all providers nor another one imports a plug-in, and loading imports that one alone."""
    for name in ("acme", "other"):
        site.install(f"{name}_kmvalidate", PLUGIN, f"{name} = acme")
    assert {"acme", "other"} <= set(providers.names())
    providers.load("oidc")
    assert {"acme_kmvalidate", "other_kmvalidate"}.isdisjoint(sys.modules)
    providers.load("acme")
    assert "acme_kmvalidate" in sys.modules
    assert "other_kmvalidate" not in sys.modules


def test_a_plugin_never_takes_the_place_of_a_built_in(site):
    """A plug-in with the name of a provider of the library is never imported under it, and the name is listed once."""
    site.install("evil_kmvalidate", "raise SystemExit", "keycloak = acme", "oidc = acme")
    assert providers.load("keycloak") is providers.keycloak
    assert providers.load("keycloak").__module__ == "kmvalidate.providers._keycloak"
    assert providers.load("oidc").__module__ == "kmvalidate.providers._oidc"
    assert "evil_kmvalidate" not in sys.modules
    assert providers.names().count("keycloak") == 1


def test_a_name_that_two_packages_have_is_nobodys(site):
    """Two packages with one name are told, and neither is imported, whichever Python would find first."""
    for package in ("one_kmvalidate", "two_kmvalidate"):
        site.install(package, PLUGIN, "acme = acme")
    with pytest.raises(ConfigurationError, match="several packages have provider named 'acme'"):
        providers.load("acme")
    assert {"one_kmvalidate", "two_kmvalidate"}.isdisjoint(sys.modules)
    assert providers.names().count("acme") == 1


@pytest.mark.parametrize("error", ["RuntimeError", "ImportError", "KeyError", "SyntaxError", "AssertionError"])
def test_a_plugin_that_cannot_be_imported_is_told(site, error):
    """Whatever a plug-in raises while it is imported is a ConfigurationError that names the plug-in and the cause."""
    site.install("broken_kmvalidate", f"raise {error}('secret')", "broken = acme")
    with pytest.raises(ConfigurationError, match=f"'broken' cannot be imported: {error}$") as caught:
        providers.load("broken")
    assert type(caught.value.__cause__).__name__ == error


@pytest.mark.parametrize("point", ["acme = missing", "acme = acme.missing"])
def test_an_entry_point_that_leads_nowhere_is_told(site, point):
    """An entry point whose object is not there is a ConfigurationError."""
    site.install("acme_kmvalidate", PLUGIN, point)
    with pytest.raises(ConfigurationError, match="'acme' cannot be imported: AttributeError"):
        providers.load("acme")


def test_a_plugin_is_a_function(site):
    """An entry point that names something that cannot be called is a ConfigurationError."""
    site.install("acme_kmvalidate", PLUGIN, "acme = NOTHING")
    with pytest.raises(ConfigurationError, match="'acme' is no function"):
        providers.load("acme")


@pytest.mark.parametrize("name", ["acme", "", "Keycloak", "_keycloak", "load", "names", "Provider", "keycloak ", "os"])
def test_a_name_that_nobody_has_is_told_with_those_there_are(name):
    """A provider that is not there is a ConfigurationError that lists the names."""
    with pytest.raises(ConfigurationError, match=r"known: .*keycloak.*oidc"):
        providers.load(name)


def test_names_are_those_of_the_library_and_of_plugins(site):
    """The names are in order, and those of plug-ins are among them as soon as they are installed."""
    before = providers.names()
    assert set(BUILT_IN) <= set(before)
    site.install("acme_kmvalidate", PLUGIN, "acme = acme", "zeta = acme")
    assert providers.names() == tuple(sorted({*before, "acme", "zeta"}))


def test_a_group_of_another_name_is_not_looked_at(site):
    """Entry points of other groups are no providers."""
    site.install("acme_kmvalidate", PLUGIN, "acme = acme")
    points = site.place / "acme_kmvalidate-1.0.dist-info" / "entry_points.txt"
    points.write_text("[kmvalidate.provider]\nacme = acme_kmvalidate:acme\n", "utf-8")
    importlib.invalidate_caches()
    assert "acme" not in providers.names()


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_provider_of_the_library_is_there(name):
    """Each built-in provider is a function of that name, the same by attribute and by name, with words on it."""
    provider = getattr(providers, name)
    assert providers.load(name) is provider
    assert provider.__doc__
    assert name in providers.__all__


def test_the_names_of_the_package_are_the_table():
    """The public names of the package are its providers, what they take and what finds them."""
    assert set(providers.__all__) == {*BUILT_IN, "Cloud", "Provider", "load", "names"} == set(dir(providers))
    assert sorted(providers.__all__, key=lambda name: (name.islower(), name)) == providers.__all__
    with pytest.raises(AttributeError, match="keyclock"):
        providers.keyclock  # noqa: B018


def test_nothing_is_imported_before_it_is_used():
    """Importing the library loads no provider, importing the providers loads none of them, and using one loads one."""
    inside = "kmvalidate.providers"
    assert not [name for name in loaded_by("import kmvalidate") if name.startswith(inside)]
    loaded = loaded_by("from kmvalidate import providers")
    assert {name for name in loaded if name.startswith(inside)} == {inside, f"{inside}._built_in"}
    assert "importlib.metadata" not in loaded
    loaded = loaded_by("from kmvalidate import providers; providers.keycloak")
    made = {name for name in loaded if name.startswith(inside)}
    assert f"{inside}._keycloak" in made
    assert {f"{inside}._{other}" for other in ("oidc", "okta", "plugins", "entra_id", "auth0")}.isdisjoint(made)


def test_names_and_plugins_load_no_built_in(site):
    """Listing the names imports no provider, and loading a plug-in imports no built-in one."""
    site.install("acme_kmvalidate", PLUGIN, "acme = acme")
    loaded = loaded_by("from kmvalidate import providers; providers.names()", site.place)
    assert "acme_kmvalidate" not in loaded
    assert "kmvalidate.key_manager" not in loaded
    loaded = loaded_by("from kmvalidate import providers; providers.load('acme')", site.place)
    assert "acme_kmvalidate" in loaded
    assert not {f"kmvalidate.providers.{module}" for module in BUILT_IN.values()} & loaded


def test_the_library_needs_no_entry_points_of_its_own():
    """The built-in providers are there without the package's metadata saying so."""
    own = [
        point for point in importlib.metadata.entry_points(group="kmvalidate.providers") if "kmvalidate" in point.value
    ]
    assert own == []
    assert kmvalidate.providers is providers
