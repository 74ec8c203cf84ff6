"""``pat-events perf``."""

from __future__ import annotations

import typer  # noqa: TC002 -- it reads the annotations

from pat_events.cli.output import command
from pat_events.ops.perf import become_perf


@command
def perf(context: typer.Context) -> None:
    """Run the benchmarks; needs a checkout of the repository.

    Everything after the command is handed to 'python -m perf', --help included.

    Example:
      pat-events perf --help
    """
    become_perf(context.args)
