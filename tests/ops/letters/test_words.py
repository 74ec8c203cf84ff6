"""Whoever calls from Python is not told of options: those are the command line's to name."""

import ast
import re
from pathlib import Path

from pat_events.ops import letters

OF_A_COMMAND_LINE = re.compile(r"pat-events |(^|\s)--[a-z]")


def test_no_text_names_a_command_or_an_option():
    found = [
        f"{path.name}:{node.lineno}: {node.value}"
        for path in sorted(Path(letters.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if OF_A_COMMAND_LINE.search(node.value)
    ]
    assert found == []
