"""The messages that docs/troubleshooting.md explains are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.support.examples import ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
# Words of other programs, and what readers type.
NOT_OURS = re.compile(
    r"Detected incompatible|Couldn't build|No module named|pat-events |kafka-consumer"
)
VALUE = re.compile(r"%[-.\d]*[sdrg]")
# A shorter piece between two values is in too many messages to prove anything.
ENOUGH = 10
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| seen")
]
MESSAGES = [each for row in ROWS for each in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


@cache
def texts():
    """Every text in the source, with a mark where a value is put in."""
    found = []
    for path in (ROOT / "src/pat_events").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "\0" for p in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"\{\w+\}", "\0", VALUE.sub("\0", node.value)))
    return "\n".join(found)


def test_the_page_explains_many_messages():
    assert len(MESSAGES) > 40


@pytest.mark.parametrize("message", [each for each in MESSAGES if not NOT_OURS.search(each)])
def test_a_message_on_the_page_is_one_of_the_code(message):
    # The code has the header's name in a constant.
    pieces = [piece.strip(" ;:") for piece in message.replace("ce_type", "...").split("...")]
    unknown = [piece for piece in pieces if len(piece) >= ENOUGH and piece not in texts()]
    assert unknown == []
