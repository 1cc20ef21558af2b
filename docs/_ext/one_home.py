"""
Facts that live in the code, brought into the pages when they are built.

Rules kept here: a reason's code, status and sentence are written in `kmvalidate.errors.Reason` and nowhere else, and
docs/refusals.toml adds only what a person should look at. A reason without advice, advice without a reason and a
public name that no page documents are warnings, and the docs session makes warnings errors.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

import kmvalidate
from kmvalidate.errors import Reason

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).parent.parent

SECTION = """
## {name}

{sentence}

{advice}

:::{{list-table}}
:header-rows: 1

* - HTTP status
  - RFC 6750 error
  - WSO2 code
* - {status}
  - `{error}`
  - {code}
:::
"""


def reasons() -> str:
    """Return one section a reason, in the order of the table."""
    advice = tomllib.loads((HERE / "refusals.toml").read_text("utf-8"))
    for name in sorted(set(advice) ^ {reason.name for reason in Reason}):
        LOGGER.warning("%s is only in one of kmvalidate.errors.Reason and docs/refusals.toml", name)
    return "".join(section(reason, advice.get(reason.name, "")) for reason in Reason)


def section(reason: Reason, advice: str) -> str:
    """Return the section of one reason."""
    facts = {"name": reason.name, "sentence": reason.sentence, "advice": advice.strip()}
    return SECTION.format(status=reason.status, error=reason.error, code=reason.code, **facts)


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the reasons where a page asks for them, and see that the API page leaves nothing out."""
    del app
    if page == "why-refused":
        source[0] = source[0].replace("<!-- reasons -->", reasons())
    if page == "api":
        documented = set(re.findall(r"^\.\. auto\w+:: kmvalidate\.(\w+)", source[0], re.MULTILINE))
        for name in sorted(set(kmvalidate.__all__) - documented - {"__version__"}):
            LOGGER.warning("docs/api.md leaves out kmvalidate.%s", name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True}
