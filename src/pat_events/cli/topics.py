"""``pat-events topics``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, console
from pat_events.cli.usage import Command, Group
from pat_events.core.wording import counted
from pat_events.ops import topics as ops

if TYPE_CHECKING:
    from pathlib import Path

    from pat_events.ops.cluster import Cluster

app = typer.Typer(
    cls=Group, no_args_is_help=True, help="Compare the cluster's topics with the catalogue."
)

Replication: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--replication",
        min=1,
        metavar="N",
        help="Replicas of new topics; 3, or all brokers, without it.",
    ),
]


@app.command("diff", cls=Command)
@command
def diff(
    bootstrap: Bootstrap = None, catalog: CatalogFile = None, replication: Replication = None
) -> None:
    """Show what apply would do; changes nothing.

    Example:
      pat-events topics diff --bootstrap localhost:9092
    """
    _, plan = _plan(bootstrap, catalog, replication)
    _show(plan, grow=False)


@app.command("apply", cls=Command)
@command
def apply(
    *,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
    replication: Replication = None,
    grow: Annotated[
        bool,
        typer.Option(
            "--grow",
            help="Add partitions to existing topics: keys move, so events of one key from before "
            "and after are in no order.",
        ),
    ] = False,
) -> None:
    """Create the catalogue's topics and dead-letter topics; raise what is too small.

    Nothing is ever lowered or deleted, and a second run finds nothing to do.

    Example:
      pat-events topics apply --bootstrap localhost:9092
      pat-events topics apply --catalog my-catalog.yaml --replication 3
    """
    cluster, plan = _plan(bootstrap, catalog, replication)
    _show(plan, grow=grow)
    if plan.creations or plan.changes or (grow and plan.growths):
        ops.apply(cluster, plan, grow=grow)
        console.print("done")


def _plan(
    bootstrap: str | None, catalog: Path | None, replication: int | None
) -> tuple[Cluster, ops.TopicPlan]:
    config, cluster = configure(bootstrap, catalog)
    return cluster, ops.diff(cluster, load_catalog(config.catalog), replication)


def _show(plan: ops.TopicPlan, *, grow: bool) -> None:
    for spec in plan.creations:
        settings = ", ".join(f"{name}={value}" for name, value in spec.settings.items())
        console.print(
            f"[green]+[/green] {spec.name}: {counted(spec.partitions, 'partition')}, "
            f"{counted(spec.replication, 'replica')}, {settings}",
            soft_wrap=True,
        )
    for growth in plan.growths:
        hint = "" if grow else "; left as it is without --grow"
        console.print(
            f"[yellow]![/yellow] {growth.topic}: {counted(growth.partitions, 'partition')}, the "
            f"catalogue says {growth.wanted}; adding some moves keys, which breaks their "
            f"order{hint}",
            soft_wrap=True,
        )
    for change in plan.changes:
        console.print(
            f"[yellow]~[/yellow] {change.topic}: {change.setting} {change.value} -> "
            f"{change.wanted}",
            soft_wrap=True,
        )
    for sentence in plan.kept:
        console.print(f"  {sentence}", soft_wrap=True)
    if plan.empty:
        console.print("nothing to do")
