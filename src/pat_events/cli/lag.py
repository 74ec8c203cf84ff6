"""``pat-events lag``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, print_json, table
from pat_events.core.shown import one_line
from pat_events.errors import TransportError
from pat_events.ops import lag as ops

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.ops.lag import PartitionLag


@command
def lag(
    *,
    groups: Annotated[
        list[str] | None, typer.Argument(metavar="GROUP", help="Names of consumer groups.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every group of the catalogue and of the cluster.")
    ] = False,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show how far consumer groups are behind, per partition.

    A dash means that the group has no position there yet; its lag is then all that is stored.
    Exit code 1 where the lag of a group could not be told. In JSON a partition is a line.

    Example:
      pat-events lag email-processor
      pat-events lag --all
      pat-events lag --all --json | jq -c 'select(.lag > 1000)'
    """
    if bool(groups) == every:
        raise typer.BadParameter("name groups, or --all for every one of them")
    config, cluster = configure(bootstrap, catalog)
    found = ops.lag(cluster, load_catalog(config.catalog), None if every else groups)
    told = {name: rows for name, rows in found.items() if not isinstance(rows, TransportError)}
    if as_json:
        _print_lines(told)
    elif told:
        _print_table(told)
    for name, why in found.items():
        if isinstance(why, TransportError):
            typer.echo(one_line(f"{name}: not told: {why}"), err=True)
    if len(told) < len(found):
        raise typer.Exit(FAILED)


def _print_lines(told: Mapping[str, Sequence[PartitionLag]]) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for name, rows in told.items():
        for row in rows:
            print_json({"time": now, "group": name, **asdict(row)})


def _print_table(told: Mapping[str, Sequence[PartitionLag]]) -> None:
    numbers = ("partition", "committed", "end", "lag")
    shown = table("group", "topic", *numbers, numbers=numbers)
    for name, rows in told.items():
        for row in rows:
            committed = "-" if row.committed is None else str(row.committed)
            shown.add_row(
                name, row.topic, str(row.partition), committed, str(row.end), str(row.lag)
            )
        shown.add_row(name, "all", "", "", "", str(sum(row.lag for row in rows)), style="bold")
    console.print(shown)
