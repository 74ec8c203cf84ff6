"""``pat-events doctor``."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, Json, broker_named
from pat_events.cli.output import command, console, print_json
from pat_events.core.shown import printable
from pat_events.ops.aws_doctor import Wanted, examine_aws, settings_name_aws
from pat_events.ops.buses import BUSES
from pat_events.ops.doctor import Outcome, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            metavar="GROUP",
            help="Judge what this group's members need.",
            autocompletion=completion.groups,
        ),
    ] = None,
    publishes: Annotated[
        list[str] | None,
        typer.Option(
            "--publishes",
            metavar="EVENTTYPE",
            help="Judge what its publisher needs.",
            autocompletion=completion.events,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="TARGET", help=f"Judge what publishing there needs: {BUSES}."),
    ] = None,
    queues: Annotated[
        list[str] | None,
        typer.Option("--queue", metavar="QUEUE", help="Judge what consuming this queue needs."),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="Look at what Terraform made under this name (pat-dev): bus and queues.",
        ),
    ] = None,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Say what is wrong with configuration, schemas, connection, topics, buses and permissions.

    Name the service, by its group or by what it publishes, and only what it needs is asked for.
    Looks only, changes nothing. A question mark is something that could not be found out. Exit
    code 1 if anything is wrong. The configuration is PAT_EVENTS_BOOTSTRAP_SERVERS and the other
    PAT_EVENTS_* variables, named after the fields of pat_events.Config and
    pat_events.KafkaConfig. In JSON a check is a line, and its outcome "fine", "wrong" or "unknown".

    With --to, --queue or --platform, or where PAT_EVENTS_AWS_* name a region, it looks at AWS's
    side, and at Kafka only where a broker is named. Rights are tried by calls that AWS refuses for
    what is in them: nothing is sent, received or deleted.

    Example:
      pat-events doctor --bootstrap localhost:9092
      pat-events doctor --group email-processor
      pat-events doctor --json | jq -r 'select(.outcome != "fine") | .advice'
      pat-events doctor --publishes EmailReceived --publishes EmailDeleted
      pat-events doctor --queue pat-dev-email-processing --to eventbridge:pat-dev
      pat-events doctor --platform pat-dev
    """
    wrong = 0
    wanted = Wanted(to or (), queues or (), platform, publishes or ())
    asks_aws = wanted.anything or settings_name_aws()
    asks_kafka = not asks_aws or broker_named(bootstrap)
    checks: Iterator[Check] = examine(
        bootstrap, catalog, group, wanted.publishes, asks_kafka=asks_kafka
    )
    if asks_aws:
        checks = chain(checks, examine_aws(wanted, catalog))
    for check in checks:
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
