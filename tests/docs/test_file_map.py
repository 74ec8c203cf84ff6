"""docs/DESIGN.md has a map of the package's files; a reader trusts it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pat_events

ROOT = Path(__file__).parents[2]
PACKAGE = Path(pat_events.__file__).parent


def mapped():
    """Return the modules that the map names, and its rooms, as paths inside the package."""
    design = (ROOT / "docs" / "DESIGN.md").read_text("utf-8")
    text = re.search(r"## File map.*?```\n(.*?)```", design, re.DOTALL)[1]
    found, top = [], ""
    for line in re.sub(r"\([^()]*\)", "", text).splitlines():
        names = re.split(r"[\s·,]+", line)
        first = names.pop(0)
        if first:  # Otherwise the line goes on with the room of the one before.
            top = first if first.endswith("/") else ""
            found.append(first)
        room = top
        for name in filter(None, names):
            if name.endswith(":"):
                room = top + name[:-1]
            found.append(room if name.endswith(":") else room + name)
    return found


def test_the_map_names_every_module_and_room_and_nothing_else():
    rooms = {path.parent.relative_to(PACKAGE).as_posix() + "/" for path in PACKAGE.rglob("*/*.py")}
    modules = {
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for path in PACKAGE.rglob("*.py")
        if not path.stem.startswith("__") and path.parent.name != "events"
    }
    named = mapped()
    assert sorted((modules | rooms).difference(named)) == [], "it lacks these"
    assert sorted(set(named) - modules - rooms) == [], "these are nowhere else"
    twice = [it for it, count in Counter(named).items() if count > 1 and it in modules]
    assert twice == [], "these stand twice"
