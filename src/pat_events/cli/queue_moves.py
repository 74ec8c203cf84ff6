"""``pat-events dlq move``: dead letters of SQS, all of a queue, moved by SQS itself."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pat_events.cli.options import DeadLetterQueue, Json, ToQueue  # noqa: TC001 -- typer reads them
from pat_events.cli.output import command, console, print_json, say
from pat_events.cli.usage import Command, Group
from pat_events.cli.watching import Timeout, watch
from pat_events.core.wording import counted
from pat_events.ops.letters import queue_moves as ops

if TYPE_CHECKING:
    from pat_events.transports.aws.queue_moves import Move

#: How often ``watch`` looks, in seconds.
EVERY_S: Final = 2.0

app = typer.Typer(
    cls=Group, no_args_is_help=True, help="AWS's own redrive: SQS moves all letters of a queue."
)


@app.command("start", cls=Command)
@command
def start(
    *,
    queue: DeadLetterQueue,
    to: ToQueue = None,
    per_s: Annotated[
        int | None,
        typer.Option("--rate", min=1, metavar="N", help="Most letters a second, up to 500."),
    ] = None,
) -> None:
    """Have SQS move all letters of a dead-letter queue to the queues that gave them up.

    It is what AWS calls a redrive, StartMessageMoveTask: it goes on by itself, and takes what
    becomes a letter meanwhile as well. SQS moves the letters of queues alone: chosen ones, and
    those of a bus, go back with 'dlq redrive'.

    Example:
      pat-events dlq move start --queue pat-dev-email-processing-dlq
      pat-events dlq move watch --queue pat-dev-email-processing-dlq
    """
    ops.start(queue, to=to, per_s=per_s)
    say("SQS moves the letters: 'pat-events dlq move watch' shows how far it is")


@app.command("watch", cls=Command)
@command
def watch_move(*, queue: DeadLetterQueue, timeout_s: Timeout = None, as_json: Json = False) -> None:
    """Show how far the last move of a queue has come, until it is over; looks every 2 seconds.

    A line for each change; the counts are SQS's, and about. Ctrl-C ends the watching, not the
    move. Exit code 1 where it was cancelled, failed, or is not over within --timeout.

    Example:
      pat-events dlq move watch --queue pat-dev-email-processing-dlq
    """
    look = partial(ops.latest, queue)
    show = _show_json if as_json else _show
    watch(f"the move of {queue}", look, show, every_s=EVERY_S, timeout_s=timeout_s)


@app.command("cancel", cls=Command)
@command
def cancel(*, queue: DeadLetterQueue) -> None:
    """End the move of a queue that is under way. What was moved stays where it is.

    Example:
      pat-events dlq move cancel --queue pat-dev-email-processing-dlq
    """
    moved = ops.cancel(queue)
    console.print(f"cancelled after about {counted(moved, 'letter')}", soft_wrap=True)


def _show(move: Move) -> None:
    of = "" if move.messages is None else f" of about {move.messages}"
    console.print(f"{move.state:<10} {move.moved}{of} moved", soft_wrap=True)


def _show_json(move: Move) -> None:
    started = None if move.started is None else f"{move.started:%Y-%m-%dT%H:%M:%SZ}"
    print_json({**asdict(move), "started": started})
