"""
Run every ``python`` block of the README and the pages, page by page, as a reader would.

Rules kept here: the blocks of one page share a namespace and run in order, and the tests they define are called, those
of classes too; nothing is fetched but from this machine; the files that examples mention lie in a folder made for the
run. A block that is to be read only is fenced as ``py``.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return the pages that may hold examples."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_page(page: Path) -> int:
    """Run the blocks of one page and return how many there were; a failing one names its line."""
    text = page.read_text("utf-8")
    namespace: dict[str, object] = {"__name__": "example"}
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], page, "exec"), namespace)  # noqa: S102
    for test in [*tests_in(namespace), *tests_of_classes(namespace)]:
        test()
    return len(blocks)


def tests_in(namespace: dict[str, object]) -> Iterator[Callable[[], object]]:
    """Yield the tests among these names."""
    for name, value in namespace.items():
        if name.startswith("test_") and callable(value):
            yield value


def tests_of_classes(namespace: dict[str, object]) -> Iterator[Callable[[], object]]:
    """Yield the tests of the test classes among these names, each of an object of its own."""
    for name, value in namespace.items():
        if name.startswith("Test") and isinstance(value, type):
            yield from (getattr(value(), test) for test in dir(value) if test.startswith("test_"))


def main() -> int:
    """Run all pages in a folder with the files that they mention."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for mentioned in ("legacy.pem", "2025.pem", "2026.pem"):
            Path(mentioned).write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        for mentioned in ("corporate-ca.pem", "us.pem", "us.key"):
            Path(mentioned).touch()
        ran = {page: run_page(page) for page in pages()}
        os.chdir(ROOT)
    print(*(f"{count:3} {page.relative_to(ROOT)}" for page, count in ran.items() if count), sep="\n")
    return 0 if ran[ROOT / "README.md"] else 1


if __name__ == "__main__":
    sys.exit(main())
