"""What the documentation says of the code, compared with the code."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "docs" / "_ext" / "why_refused.py"


def test_every_reason_is_explained_as_it_is_now():
    """The committed page of reasons is what its script would write now (``why_refused.py --write``)."""
    script = runpy.run_path(str(SCRIPT))
    assert script["PAGE"].read_text("utf-8") == script["as_written_now"]()
