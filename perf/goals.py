"""What the measurements have to reach."""

# ruff: noqa: PLR2004 - the text beside each bound names it

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure; ``figure`` is where ``build/perf.json`` has it, joined by a dot.

    ``met`` must be false of what is not a number, too.
    """

    figure: str
    text: str
    met: Callable[[float], bool]


def goals(rate: int) -> list[Goal]:
    """Return the goals of a run that was asked for ``rate`` events/s end to end."""
    return [
        Goal("publish.ratio_to_raw", "≤ 3.5x", lambda ratio: ratio <= 3.5),
        Goal("consume.share_of_raw", "≥ 0.25", lambda share: share >= 0.25),
        Goal("consume.events_per_s", "≥ 100,000/s", lambda speed: speed >= 100_000),
        Goal("latency.rate_per_s", "rate ≥ 99 %", lambda held: held >= 0.99 * rate),
        Goal("latency.p99_ms", "p99 < 100 ms", lambda age_ms: age_ms < 100),
        Goal("errors", "0", lambda errors: errors == 0),
    ]


def missed(result: dict[str, Any], wanted: list[Goal]) -> list[str]:
    """Return the figures of ``result`` that miss their goal."""
    return [goal.figure for goal in wanted if not goal.met(_figure(result, goal.figure))]


def _figure(result: dict[str, Any], path: str) -> float:
    found: Any = result
    for name in path.split("."):
        found = found[name]
    return float(found)
