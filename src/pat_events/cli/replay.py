"""``pat-events replay``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from pat_events.cli.options import Json, time_of
from pat_events.cli.output import command, console, print_json, say, table
from pat_events.cli.usage import Command, Group
from pat_events.cli.watching import Timeout, watch
from pat_events.ops import replays as ops

if TYPE_CHECKING:
    from pat_events.transports.aws.archives import Replay

Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="As 'replay start' printed it.")
]
ArchiveName: TypeAlias = Annotated[
    str | None,
    typer.Option("--archive", metavar="NAME", help="The archive; BUS-archive without it."),
]
#: How often ``watch`` looks, in seconds. A replay goes on by minutes of its events.
EVERY_S: Final = 5.0
_TIME: Any = {"metavar": "TIME", "parser": time_of}

app = typer.Typer(
    cls=Group, no_args_is_help=True, help="Send events of a bus's archive to one rule again."
)


@app.command("start", cls=Command)
@command
def start(
    *,
    bus: Annotated[str, typer.Option("--bus", metavar="BUS", help="Name or ARN of the bus.")],
    rule: Annotated[
        str, typer.Option("--rule", metavar="RULE", help="The rule whose targets get them.")
    ],
    since: Annotated[
        datetime,
        typer.Option("--since", help="Of this time on: 2h or 1d ago, 2026-11-27T10:00Z.", **_TIME),
    ],
    until: Annotated[
        datetime,
        typer.Option("--until", help="Up to this time; leave the last 10 minutes out.", **_TIME),
    ],
    archive: ArchiveName = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Its name; bus, rule and time without it."),
    ] = None,
) -> None:
    """Start a replay, and print its name.

    The targets of that rule get the events of that time once more, in no order; no other rule
    does. They have the ids they had, and handlers see the replay's name as ctx.replay. It goes on
    by itself.

    Region, address and credentials are those of the environment: AWS_* and PAT_EVENTS_AWS_*.

    Example:
      pat-events replay start --bus pat-dev --rule email-received --since 3h --until 15m
      pat-events replay start --bus pat-dev --rule tenant --since 2026-11-27T10:00Z --until 1d
    """
    replay = ops.start(bus, rule, since, until, archive=archive, name=name, tell=say)
    say(f"replay {replay.name} is {replay.state}: 'pat-events replay watch' shows how far it is")
    typer.echo(replay.name)


@app.command("watch", cls=Command)
@command
def watch_replay(
    *,
    name: Name,
    timeout_s: Timeout = None,
    as_json: Json = False,
) -> None:
    """Show how far a replay has come, until it is over; looks every 5 seconds.

    A line for each change: its state, how much of its time is done, and the time of the event
    that was replayed last. Ctrl-C ends the watching, not the replay. Exit code 1 where it was
    cancelled, failed, or is not over within --timeout.

    Example:
      pat-events replay watch pat-dev-email-received-20261128T040752Z
    """
    look = partial(ops.latest, name)
    show = _show_json if as_json else _show
    watch(f"replay {name}", look, show, every_s=EVERY_S, timeout_s=timeout_s)


def _show(replay: Replay) -> None:
    last = "none yet" if replay.last_event is None else _written(replay.last_event)
    console.print(f"{replay.state:<10} {replay.progress:>4.0%}  last event {last}", soft_wrap=True)


def _show_json(replay: Replay) -> None:
    print_json(_as_json(replay))


@app.command("list", cls=Command)
@command
def list_replays(
    *,
    bus: Annotated[
        str | None, typer.Option("--bus", metavar="BUS", help="Only of this bus's archive.")
    ] = None,
    archive: ArchiveName = None,
    as_json: Json = False,
) -> None:
    """List the replays of the last 90 days, the latest first; AWS keeps them no longer.

    In JSON a replay is a line.

    Example:
      pat-events replay list --bus pat-dev
      pat-events replay list --json | jq -r 'select(.state == "RUNNING") | .name'
    """
    found = sorted(
        ops.replays(bus, archive=archive), key=lambda it: it.started or it.since, reverse=True
    )
    if as_json:
        for replay in found:
            _show_json(replay)
    elif not found:
        console.print("there are no replays")
    else:
        shown = table("name", "state", "done", "since", "until", "started", numbers=("done",))
        for it in found:
            times = (it.since, it.until, it.started)
            shown.add_row(it.name, it.state, f"{it.progress:.0%}", *map(_written, times))
        console.print(shown)


@app.command("cancel", cls=Command)
@command
def cancel(*, name: Name) -> None:
    """End a replay. What it has sent stays sent.

    Example:
      pat-events replay cancel pat-dev-email-received-20261128T040752Z
    """
    console.print(f"replay {name} is {ops.cancel(name)}", soft_wrap=True)


def _written(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _as_json(replay: Replay) -> dict[str, Any]:
    fields = asdict(replay) | {"progress": round(replay.progress, 4)}
    return {
        name: _written(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
