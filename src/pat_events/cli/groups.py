"""``pat-events groups``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, console, say, table
from pat_events.cli.usage import Command, Group
from pat_events.core.wording import counted
from pat_events.ops import resetting as ops

if TYPE_CHECKING:
    from pat_events.ops.resetting import Reset, Target

app = typer.Typer(cls=Group, no_args_is_help=True, help="Change what groups have committed.")


@app.command("reset", cls=Command)
@command
def reset(
    *,
    group: Annotated[
        str,
        typer.Argument(
            metavar="GROUP",
            help="Name of a consumer group.",
            autocompletion=completion.groups,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="WHERE",
            help="earliest, latest, a time such as 2026-11-27T08:00Z, or an offset.",
        ),
    ],
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="Only this topic; may be repeated.",
            autocompletion=completion.topics,
        ),
    ] = None,
    partitions: Annotated[
        list[int] | None,
        typer.Option("--partition", min=0, metavar="N", help="Only this one; may be repeated."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it, instead of showing it.")] = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Set where a group goes on: back, to handle events again, or forward, to skip them.

    Shows what would change, and changes it with --apply only. Stop the group's members first:
    while there are any it is refused, for their next commit would undo it.

    A time stands for the first record of that time or later. An offset is the next to read, and
    needs one --topic and --partition. Counts are of offsets: events of other handlers and
    transaction markers are among them.

    Retry topics (TOPIC.GROUP.retry) are left as they are, unless one is named: "back" there is
    every letter that was ever replayed.

    Example:
      pat-events groups reset email-processor --to earliest
      pat-events groups reset email-processor --to 2026-11-27T08:00Z --apply
      pat-events groups reset email-processor --topic pat-emails --partition 2 --to 1042 --apply
    """
    target = _target(to)
    config, cluster = configure(bootstrap, catalog)
    found = ops.plan(
        cluster, load_catalog(config.catalog), group, target, topics or (), partitions or ()
    )
    _show(found)
    if apply:
        ops.apply(cluster, found)
    elif found.obstacle:
        say(found.obstacle)
    if not found.changes:
        console.print("nothing to do")
    else:
        console.print("done" if apply else "nothing changed; add --apply")


def _target(text: str) -> Target:
    if text in ("earliest", "latest"):
        return cast("Target", text)
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is none of earliest, latest, a time such as 2026-11-27T08:00Z, an offset",
            param_hint="--to",
        ) from None
    if moment.tzinfo is None:
        raise typer.BadParameter(
            f"of which time zone is {text!r}? Write {moment:%Y-%m-%dT%H:%M}Z for UTC, or +01:00 "
            "and the like at its end",
            param_hint="--to",
        )
    return moment


def _show(found: Reset) -> None:
    numbers = ("partition", "from", "to", "lag after", "again", "skipped")
    shown = table("topic", *numbers, numbers=numbers)
    for move in found.moves:
        before = "-" if move.before is None else str(move.before)
        counts = map(str, (move.after, move.lag, move.again, move.skipped))
        shown.add_row(move.topic, str(move.partition), before, *counts)
    console.print(shown)
    if again := sum(move.again for move in found.moves):
        console.print(
            f"up to {counted(again, 'event')} of those {found.group} had passed will be handled "
            "again",
            soft_wrap=True,
        )
    if skipped := sum(move.skipped for move in found.moves):
        console.print(
            f"up to {counted(skipped, 'event')} will be skipped: {found.group} never handles them",
            soft_wrap=True,
        )
