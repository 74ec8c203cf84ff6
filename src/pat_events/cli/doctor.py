"""``pat-events doctor``."""

from __future__ import annotations

import typer
from rich.text import Text

from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile  # noqa: TC001 -- typer reads them
from pat_events.cli.output import command, console, printable
from pat_events.ops.doctor import Outcome, examine

_MARKS = {
    Outcome.FINE: ("✓", "green"),
    Outcome.WRONG: ("✗", "bold red"),
    Outcome.UNKNOWN: ("?", "yellow"),
}


@command
def doctor(bootstrap: Bootstrap = None, catalog: CatalogFile = None) -> None:
    """Say what is wrong with configuration, schemas, connection, topics and permissions.

    Looks only, changes nothing. A question mark is something that could not be found out. Exit
    code 1 if anything is wrong. The configuration is PAT_EVENTS_BOOTSTRAP_SERVERS and the other
    PAT_EVENTS_* variables, named after the fields of pat_events.Config.

    Example:
      pat-events doctor --bootstrap localhost:9092
    """
    wrong = 0
    for check in examine({"bootstrap_servers": bootstrap, "catalog": catalog}):
        mark, style = _MARKS[check.outcome]
        line = Text.assemble((mark, style), f" {check.name}: {printable(check.finding)}")
        console.print(line, soft_wrap=True)
        if check.advice:
            console.print(Text(f"  -> {check.advice}"), soft_wrap=True)
        wrong += check.outcome is Outcome.WRONG
    if wrong:
        raise typer.Exit(FAILED)
