"""``pat-events doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, Json  # noqa: TC001 -- typer reads them
from pat_events.cli.output import command, console, print_json
from pat_events.core.shown import printable
from pat_events.ops.doctor import Outcome, examine

if TYPE_CHECKING:
    from pat_events.ops.doctor import Check

_MARKS = {
    Outcome.FINE: ("✓", "green"),
    Outcome.WRONG: ("✗", "bold red"),
    Outcome.UNKNOWN: ("?", "yellow"),
}


@command
def doctor(
    *,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="NAME",
            help="Judge what this group's members need.",
            autocompletion=completion.groups,
        ),
    ] = None,
    publishes: Annotated[
        list[str] | None,
        typer.Option(
            "--publishes",
            metavar="EVENT",
            help="Judge what its publisher needs.",
            autocompletion=completion.events,
        ),
    ] = None,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Say what is wrong with configuration, schemas, connection, topics and permissions.

    Name the service, by its group or by what it publishes, and only what it needs is asked for.
    Looks only, changes nothing. A question mark is something that could not be found out. Exit
    code 1 if anything is wrong. The configuration is PAT_EVENTS_BOOTSTRAP_SERVERS and the other
    PAT_EVENTS_* variables, named after the fields of pat_events.Config and
    pat_events.KafkaConfig. In JSON a check is a line, and its outcome "fine", "wrong" or "unknown".

    Example:
      pat-events doctor --bootstrap localhost:9092
      pat-events doctor --group email-processor
      pat-events doctor --json | jq -r 'select(.outcome != "fine") | .advice'
      pat-events doctor --publishes EmailReceived --publishes EmailDeleted
    """
    wrong = 0
    for check in examine(bootstrap, catalog, group, publishes or ()):
        if as_json:
            print_json({**asdict(check), "outcome": check.outcome.value})
        else:
            _show(check)
        wrong += check.outcome is Outcome.WRONG
    if wrong:
        raise typer.Exit(FAILED)


def _show(check: Check) -> None:
    mark, style = _MARKS[check.outcome]
    line = Text.assemble((mark, style), f" {check.name}: {printable(check.finding)}")
    console.print(line, soft_wrap=True)
    if check.advice:
        console.print(Text(f"  -> {check.advice}"), soft_wrap=True)
