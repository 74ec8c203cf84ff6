"""What docs/testing.md shows works when it is copied."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

# A run inside this process forgets what it imported, which generated classes do not survive.
import pat_events.events  # noqa: F401

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_page_shows_examples() -> None:
    assert len(EXAMPLES) >= 6


def test_every_example_runs(pytester, monkeypatch) -> None:
    monkeypatch.delenv("PAT_EVENTS_CATALOG", raising=False)
    modules = [
        example if "def test_" in example else "def test_it():\n" + indent(example, "    ")
        for example in EXAMPLES
    ]
    for number, module in enumerate(modules):
        pytester.path.joinpath(f"test_example_{number}.py").write_text(module, "utf-8")
    tests = sum(module.count("def test_") for module in modules)
    # Hypothesis takes a second to start.
    run = pytester.runpytest_inprocess("-q", "-p", "no:hypothesispytest")
    run.assert_outcomes(passed=tests)
