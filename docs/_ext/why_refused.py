"""
The page docs/why-refused.md, written from the two homes of its facts.

    python docs/_ext/why_refused.py            # tell whether the page is what would be written now
    python docs/_ext/why_refused.py --write    # write it

Rules kept here: a reason's code, status and sentence are written in `kmvalidate.errors.Reason` and nowhere else, and
docs/refusals.toml adds only what a person should look at. The page is committed, so that it can be read without being
built; what stands above its marker is written by hand, everything below it by this script.
"""

import sys
import tomllib
from pathlib import Path

from kmvalidate.errors import Reason

DOCS = Path(__file__).parent.parent
PAGE = DOCS / "why-refused.md"
MARKER = "<!-- Written by docs/_ext/why_refused.py from here on; edit docs/refusals.toml instead. -->\n"

SECTION = """
## {name}

{sentence}

{advice}

| HTTP status | RFC 6750 error | WSO2 code |
| --- | --- | --- |
| {status} | {error} | {code} |
"""


def as_written_now() -> str:
    """Return the whole page as it should be; a reason without advice, or advice without a reason, is an error."""
    advice = tomllib.loads((DOCS / "refusals.toml").read_text("utf-8"))
    if lonely := sorted(set(advice) ^ {reason.name for reason in Reason}):
        raise ValueError(f"only in one of kmvalidate.errors.Reason and docs/refusals.toml: {', '.join(lonely)}")
    by_hand, marker, _ = PAGE.read_text("utf-8").partition(MARKER)
    if not marker:
        raise ValueError(f"{PAGE.name} has no marker")
    return by_hand + marker + "".join(section(reason, advice[reason.name]) for reason in Reason)


def section(reason: Reason, advice: str) -> str:
    """Return the section of one reason."""
    facts = {"name": reason.name, "sentence": reason.sentence, "advice": advice.strip()}
    error = "none" if reason.error is None else f"`{reason.error}`"
    return SECTION.format(status=reason.status, error=error, code=reason.code, **facts)


def is_current() -> bool:
    """Tell whether the page says what it should."""
    return PAGE.read_text("utf-8") == as_written_now()


def main() -> int:
    """Write the page if asked to; return 1 if it is not what it should be."""
    if "--write" in sys.argv[1:]:
        PAGE.write_text(as_written_now(), "utf-8")
    if is_current():
        return 0
    print(f"docs/{PAGE.name} is not up to date: python docs/_ext/why_refused.py --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
