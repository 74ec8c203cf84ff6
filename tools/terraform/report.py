"""What the stages found: lines for a person, figures for ``build/terraform.json``."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.terraform.workspace import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT / "build" / "terraform.json"


@dataclass
class Stage:
    """One stage: faults (none: it passed), a closing line and figures by dotted name."""

    name: str
    faults: list[str] = field(default_factory=list)
    summary: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0

    def say(self, text: str) -> None:
        """Tell a person how far the stage is."""
        print(f"[{self.name}] {text}", flush=True)

    def fault(self, text: str) -> None:
        """Note and tell what is wrong."""
        self.faults.append(text)
        self.say(f"FAULT {text}")

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Tell how long a part took."""
        start = time.perf_counter()
        yield
        self.say(f"{what} ({time.perf_counter() - start:.0f} s)")

    @property
    def line(self) -> str:
        """The stage in one line."""
        verdict = f"{len(self.faults)} fault(s)" if self.faults else "ok"
        return f"{self.name:<10} {verdict:<11} {self.took_s:5.0f} s  {self.summary}"


def write(stages: list[Stage]) -> None:
    """Write the figures of the stages that ran, dotted names as nested objects."""
    figures: dict[str, Any] = {}
    for stage in stages:
        for name, value in stage.figures.items():
            group, dot, leaf = name.partition(".")
            if dot:
                figures.setdefault(group, {})[leaf] = value
            else:
                figures[name] = value
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
