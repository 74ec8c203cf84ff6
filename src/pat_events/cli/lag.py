"""``pat-events lag``."""

from __future__ import annotations

from typing import Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, console, table
from pat_events.core.shown import one_line
from pat_events.errors import TransportError
from pat_events.ops import lag as ops


@command
def lag(
    *,
    groups: Annotated[
        list[str] | None, typer.Argument(metavar="GROUP", help="Names of consumer groups.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every group of the catalogue and of the cluster.")
    ] = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show how far consumer groups are behind, per partition.

    A dash means that the group has no position there yet; its lag is then all that is stored.
    Exit code 1 where the lag of a group could not be told.

    Example:
      pat-events lag email-processor
      pat-events lag --all
    """
    if bool(groups) == every:
        raise typer.BadParameter("name groups, or --all for every one of them")
    config, cluster = configure(bootstrap, catalog)
    found = ops.lag(cluster, load_catalog(config.catalog), None if every else groups)
    numbers = ("partition", "committed", "end", "lag")
    shown = table("group", "topic", *numbers, numbers=numbers)
    for name, rows in found.items():
        if isinstance(rows, TransportError):
            continue
        for row in rows:
            committed = "-" if row.committed is None else str(row.committed)
            shown.add_row(
                name, row.topic, str(row.partition), committed, str(row.end), str(row.lag)
            )
        shown.add_row(name, "all", "", "", "", str(sum(row.lag for row in rows)), style="bold")
    if shown.row_count:
        console.print(shown)
    untold = {name: rows for name, rows in found.items() if isinstance(rows, TransportError)}
    for name, why in untold.items():
        typer.echo(one_line(f"{name}: not told: {why}"), err=True)
    if untold:
        raise typer.Exit(FAILED)
