"""Seeds of simulated schedules: how many, where they begin, and what is told of one that fails.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many are one test.
CHUNK: Final = 100
_FIRST: Final = int(os.environ.get("PAT_EVENTS_SIMULATION_SEED", "1"))


def wanted(default: int) -> int:
    """Return how many schedules there are to be."""
    return int(os.environ.get("PAT_EVENTS_SIMULATION_SCHEDULES", str(default)))


def in_chunks(schedules: int) -> pytest.MarkDecorator:
    """Give a test the ``seeds`` of so many schedules, a chunk at a time."""
    end = _FIRST + schedules
    chunks = [range(first, min(first + CHUNK, end)) for first in range(_FIRST, end, CHUNK)]
    return pytest.mark.parametrize("seeds", chunks, ids=[str(each.start) for each in chunks])


def run_each(
    make: Callable[[int], Any],
    seeds: range,
    file: str,
    note: Callable[[Any], None] = lambda _: None,
) -> None:
    """Run the schedule of each seed; the first that has trouble fails the test of this file."""
    for seed in seeds:
        schedule = make(seed)
        schedule.run()
        note(schedule)
        if schedule.trouble:
            problems = "\n  ".join(schedule.trouble[:5])
            pytest.fail(
                f"schedule {seed}:\n  {problems}\nagain: PAT_EVENTS_SIMULATION_SEED={seed} "
                f"PAT_EVENTS_SIMULATION_SCHEDULES=1 pytest {file}",
                pytrace=False,
            )
