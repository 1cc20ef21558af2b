"""How the documentation is built: Sphinx with MyST pages and the Furo theme."""

import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from kmvalidate import apis, authorized, backend_jwt, cases, claims, subscriptions, verified

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

# A msgspec record evaluates its annotations when autodoc asks for its signature; these are imported for types only.
verified.ClaimRules = claims.ClaimRules
for module in (authorized, cases):
    module.VerifiedToken, module.ApiCall, module.Mapping = verified.VerifiedToken, apis.ApiCall, Mapping
authorized.BackendJwt, cases.Grant = backend_jwt.BackendJwt, subscriptions.Grant

project = "kmvalidate"
author = "the kmvalidate authors"
copyright = "the kmvalidate authors"  # noqa: A001
release = version = metadata.version("kmvalidate")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "one_home",  # docs/_ext/one_home.py
]
exclude_patterns = ["_build", "adr/template.md"]
html_theme = "furo"
html_title = "kmvalidate"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

default_role = "py:obj"  # `KeyManager` in a docstring is a link
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
napoleon_attr_annotations = True
