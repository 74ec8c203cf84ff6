"""``pat-events catalog``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- typer reads the annotations
from typing import Annotated

import typer

from pat_events.catalog.load import check_catalog
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import CATALOG_VARIABLE
from pat_events.cli.output import command, console, say
from pat_events.cli.usage import Command, Group
from pat_events.core.wording import counted
from pat_events.errors import CatalogError
from pat_events.settings import from_environment

app = typer.Typer(cls=Group, no_args_is_help=True, help="Look at the catalogue's file.")


@app.callback()
def _commands() -> None:
    """Keep a single command's name."""


@app.command("check", cls=Command)
@command
def check(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help=f"The catalogue; {CATALOG_VARIABLE} without it, then the packaged one.",
        ),
    ] = None,
) -> None:
    """Say what is wrong with a catalogue, before a plan; asks no broker and no AWS.

    Each problem is a line with its place, FILE:LINE, and all of them are told in one run: keys
    and values that are unknown or impossible, names that lead nowhere, entries that stand twice,
    and what the platform of terraform/ has no room for, such as two queues of one name on AWS.
    Exit code 1 if there is any. Whether the classes of its Python module fit, 'pat-events doctor'
    says.

    Example:
      pat-events catalog check my-catalog.yaml
      pat-events catalog check my-catalog.yaml && terraform plan
    """
    try:
        catalog = check_catalog(file or from_environment("catalog"))
    except CatalogError as error:
        typer.echo(str(error))
        say(f"{error.origin} has {counted(len(error.problems), 'problem')}")
        raise typer.Exit(FAILED) from error
    tables = {
        "topic": catalog.topics,
        "event": catalog.events,
        "rule": catalog.rules,
        "group": catalog.groups,
        "queue": catalog.queues,
        "schedule": catalog.schedules,
    }
    found = ", ".join(counted(len(table), noun) for noun, table in tables.items())
    console.print(f"{catalog.lines.origin}: {found}: fine", soft_wrap=True, markup=False)
