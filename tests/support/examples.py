"""The examples of the documentation, as they can be copied from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE: Final = re.compile(r"(?:#|//) (\S+\.\w+)\b")


class Example(NamedTuple):
    """A fenced block; ``line`` is where its text begins."""

    page: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file it is meant to be, where its first line is a comment that names one."""
        named = _FILE.match(self.text)
        return named[1] if named else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def run(self, name: str = "example") -> dict[str, object]:
        """Run a block of Python and return its names; a traceback shows the page's line."""
        code = compile("\n" * (self.line - 1) + self.text, str(ROOT / self.page), "exec")
        names: dict[str, object] = {"__name__": name}
        exec(code, names)  # noqa: S102 - our own pages
        return names


def examples(page: str, *languages: str) -> list[Example]:
    """Return the blocks of a page in these languages, in their order."""
    text = (ROOT / page).read_text("utf-8")
    return [
        Example(page, text.count("\n", 0, block.start(2)) + 1, block[1], block[2])
        for block in _BLOCK.finditer(text)
        if block[1] in languages
    ]


def pages() -> list[str]:
    """Return the pages that may show examples."""
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
