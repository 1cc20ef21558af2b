"""What the documentation says of the code, compared with the code."""

import re
import runpy
from pathlib import Path

import attrs

import kmvalidate as km
from kmvalidate import memory

DOCS = Path(__file__).parent.parent / "docs"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \|(?: ([^|]*) \|)?", re.MULTILINE)


def section(page, title):
    """Return what stands under a heading, up to the next one of its level or a higher one."""
    level = title.split()[0]
    found = re.search(rf"^{title}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title!r}"
    return found[1]


def rows(title):
    """Return the first three cells of each row of the table under a heading of the page of keys."""
    return ROW.findall(section((DOCS / "keys.md").read_text("utf-8"), title))


def test_every_reason_is_explained_as_it_is_now():
    """The committed page of reasons is what its script would write now (``why_refused.py --write``)."""
    script = runpy.run_path(str(DOCS / "_ext" / "why_refused.py"))
    assert script["PAGE"].read_text("utf-8") == script["as_written_now"]()


def test_every_figure_is_told_with_its_default():
    """The page of keys lists every number among the arguments of RemoteKeys, and what it is unless it is set."""
    defaults = {field.name: field.default for field in attrs.fields(km.RemoteKeys)}
    figures = {name: default for name, default in defaults.items() if type(default) in {int, float}}
    assert {name: float(told) for name, told, _ in rows("### The figures")} == figures


def test_every_event_is_told_with_what_it_says():
    """The page of keys lists every event, and every field that it has beside the name and the organization."""
    common = set(attrs.fields_dict(km.Event))
    public = [
        kind
        for kind in (getattr(km, name) for name in km.__all__)
        if isinstance(kind, type) and issubclass(kind, km.Event)
    ]
    events = {kind.__name__: set(attrs.fields_dict(kind)) - common for kind in public if kind is not km.Event}
    told = {name: set(re.findall(r"`(\w+)`", says)) for name, _, says in rows("## Events")}
    assert told == events


def test_every_status_is_told():
    """The page of keys lists every status of a key manager."""
    assert {name for name, _, _ in rows("## Health")} == {status.name for status in km.Status}


def test_every_argument_has_its_words():
    """The pages name every argument of a key manager, of a registry and of a validator."""
    text = "".join(page.read_text("utf-8") for page in DOCS.glob("*.md") if page.name != "api.md")
    arguments = [field.name for field in attrs.fields(km.KeyManager) if field.init]
    for made in (km.KeyManagerRegistry, km.TokenValidator):
        arguments += made.__init__.__kwdefaults__
    assert [name for name in arguments if not re.search(rf"`{name}[`=]|\b{name}=", text)] == []


def test_the_limits_of_the_memory_are_told():
    """The page of remembered tokens says how many there are at most unless it is set, and how long each may be."""
    text = (DOCS / "memory.md").read_text("utf-8")
    assert f"; {memory.DEFAULT_REMEMBERED:,} unless set" in text
    assert f"more than {memory.MAX_REMEMBERED_CHARS:,} characters" in text
