"""``pat-events topics``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.exit_codes import DIFFERS
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, print_json
from pat_events.cli.usage import Command, Group
from pat_events.core.wording import counted
from pat_events.ops import topics as ops

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    *,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help=f"End with {DIFFERS} where apply would have work to do."),
    ] = False,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
    replication: Replication = None,
) -> None:
    """Show what apply would do; changes nothing.

    In JSON a difference is a line; its action is "create", "grow" (with --grow only), "set", or
    "keep" for what is left as it is.

    Example:
      pat-events topics diff --bootstrap localhost:9092
      pat-events topics diff --exit-code || echo "run apply"
      pat-events topics diff --json | jq -r 'select(.action == "create") | .topic'
    """
    _, plan = _plan(bootstrap, catalog, replication)
    if as_json:
        for line in _lines(plan):
            print_json(line)
    else:
        _show(plan, grow=False)
    if exit_code and not plan.empty:
        raise typer.Exit(DIFFERS)


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
    """Create the catalogue's topics and those of its groups; raise what is too small.

    Each group has for each topic it reads one for its dead letters (TOPIC.GROUP.dlq) and one in
    which it handles them again (TOPIC.GROUP.retry), and one that tells who did what with
    dead letters (GROUP.audit).

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
    for kept in plan.kept:
        console.print(f"  {kept.reason}", soft_wrap=True)
    if plan.empty:
        console.print("nothing to do")


def _lines(plan: ops.TopicPlan) -> Iterator[dict[str, Any]]:
    for spec in plan.creations:
        yield {
            "action": "create",
            "topic": spec.name,
            "partitions": spec.partitions,
            "replication": spec.replication,
            "settings": dict(spec.settings),
        }
    for action, differences in (("grow", plan.growths), ("set", plan.changes), ("keep", plan.kept)):
        for difference in differences:
            yield {"action": action, **asdict(difference)}
