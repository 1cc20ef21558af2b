"""
Facts that live in the code, compared with the pages when they are built.

Rules kept here: a page that is not what the code says is a warning, and the docs session makes warnings errors. That is
docs/why-refused.md when it should be written again (why_refused.py beside this), and a public name that docs/api.md
leaves out.
"""

import re
from typing import Any

import why_refused
from sphinx.application import Sphinx
from sphinx.util import logging

import kmvalidate
from kmvalidate import providers, testing

LOGGER = logging.getLogger(__name__)


def compare(app: Sphinx, page: str, source: list[str]) -> None:
    """See that the reasons are the present ones, and that the API page leaves nothing out."""
    del app
    if page == "why-refused" and not why_refused.is_current():
        LOGGER.warning("docs/why-refused.md is not up to date: python docs/_ext/why_refused.py --write")
    if page == "api":
        documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: ([\w.]+)", source[0], re.MULTILINE))
        for name in sorted(public() - documented):
            LOGGER.warning("docs/api.md leaves out %s", name)


def public() -> set[str]:
    """Return the full names of everything public."""
    modules = (kmvalidate, providers, testing)
    return {f"{module.__name__}.{name}" for module in modules for name in module.__all__ if name != "__version__"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", compare)
    return {"parallel_read_safe": True}
