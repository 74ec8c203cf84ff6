"""``pat-events dlq ... --queue``: dead letters of SQS."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.letter_options import OF_A_QUEUE, All, Chosen, choosing
from pat_events.cli.options import (  # noqa: TC001 -- typer reads them
    CatalogFile,
    DeadLetterQueue,
    ToQueue,
)
from pat_events.cli.output import command, console, event_types_if_any, print_json, say, table
from pat_events.cli.shown_records import (
    cause_facts,
    show_content,
    show_facts,
    show_stack,
    show_title,
    shown_time,
)
from pat_events.config import Config
from pat_events.core.dead_letter import read_cause
from pat_events.core.wording import counted
from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters import queues as ops
from pat_events.ops.letters import redriving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pat_events.ops.letters.queues import LetterFilter
    from pat_events.ops.letters.redriving import Redriven
    from pat_events.transports.aws.letter_queue import QueueLetter

_DAY_S: Final = 86_400
_COLUMNS: Final = ("letters", "in flight", "delayed", "kept for")
# How often somebody who waits is told, in seconds.
_TOLD_S: Final = 5.0


def list_queues(queues: Sequence[str], *, as_json: bool) -> None:
    """Print what is in these queues."""
    found = list(ops.counts(queues))
    if as_json:
        for each in found:
            print_json(asdict(each))
        return
    shown = table("queue", *_COLUMNS, numbers=_COLUMNS)
    for each in found:
        kept = f"{each.retention_s / _DAY_S:g} d"
        shown.add_row(each.queue, *map(str, (each.letters, each.in_flight, each.delayed)), kept)
    console.print(shown)
    for each in found:
        if each.moves_to is not None:
            say(
                f"{each.queue} gives up what was received {each.max_receives} times: its letters "
                f"are in {each.moves_to}"
            )


def show_letters(queue: str, chosen: Chosen, limit: int, config: Config) -> None:
    """Print letters of a queue, and give them back."""
    types = event_types_if_any(load_catalog(config.catalog))
    count = 0
    with closing(ops.show(queue, chosen.filter(config), limit=limit, config=config)) as letters:
        for letter in letters:
            count += 1
            _show(letter, record_as_json(types, letter.message))
    if not count:
        console.print(f"{queue} shows no such letters")


def _show(letter: QueueLetter, record: Mapping[str, Any]) -> None:
    message = letter.message
    facts = {
        "came from": letter.source or "unknown",
        "cause": letter.cause,
        "sent": shown_time(message.timestamp_ms),
        "received": f"{counted(message.receive_count, 'time')}, the first at "
        f"{shown_time(message.first_received_ms)}",
        "fifo group": message.group,
    }
    cause = read_cause(message.header_values)
    is_ours = bool(cause.reason)
    show_title(str(message.position))
    show_facts(
        {name: value for name, value in facts.items() if value is not None}
        | (cause_facts(cause) if is_ours else {})
    )
    if is_ours:
        show_stack(cause)
    show_content(record)


@command
@choosing(OF_A_QUEUE)
def redrive(
    *,
    queue: DeadLetterQueue,
    everything: All = False,
    chosen: Chosen,
    to: ToQueue = None,
    limit: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Most letters.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent where.")
    ] = False,
    catalog: CatalogFile = None,
) -> None:
    """Send dead letters of an SQS queue back to the queue that gave them up: all, or some.

    A letter is deleted once SQS has answered that its queue has it: whatever happens, none is
    lost, and one may be handled twice. Body and attributes stay as they are, and of a FIFO queue
    group and order. Ctrl-C finishes the call under way. What becomes a letter meanwhile is left.

    All letters are looked at, and those that are not meant given back: for other readers they
    are away meanwhile. This command does it, while it runs. AWS's own redrive of all that a queue
    holds, the console's "DLQ redrive" or StartMessageMoveTask, is 'dlq move'.

    --id may be a message's as well, and --since and --until are of when it was sent. Letters of a
    topic go back with 'dlq replay'.

    Example:
      pat-events dlq redrive --queue pat-dev-email-processing-dlq --dry-run
      pat-events dlq redrive --queue pat-dev-email-processing-dlq --all
      pat-events dlq redrive --queue pat-dev-email-processing-dlq --type EmailReceived --until 1h
      pat-events dlq redrive --queue pat-dev-undelivered --cause NO_PERMISSIONS --to-queue crm
    """
    config = Config.from_env(catalog=catalog)
    wanted = chosen.filter(config)
    if everything and wanted != ops.ANY:
        raise typer.BadParameter("--all is every letter: leave it out, or what chooses some")
    if dry_run:
        _dry_run(queue, wanted, to, limit, config)
        return
    if wanted == ops.ANY and not everything:
        raise typer.BadParameter(
            "nothing says which letters: choose some, or say --all; --dry-run shows what there is"
        )
    progress = _Progress()
    try:
        done = redriving.redrive(
            queue, wanted, to=to, limit=limit, config=config, tell=progress.tell
        )
    except BaseException:
        if progress.done.seen:
            say(f"before it stopped: {_summary(progress.done)}")
        raise
    console.print(_summary(done), soft_wrap=True)
    if done.sent == limit:
        say(f"{limit} is the most that --max lets it send: more letters may be there")
    if done.unseen:
        say(
            f"about {counted(done.unseen, 'letter')} were not looked at: of a FIFO queue those "
            "behind the first ten of a group that stay, or others have them"
        )
    if done.unknown_source:
        raise typer.Exit(FAILED)


def _dry_run(
    queue: str, wanted: LetterFilter, to: str | None, limit: int | None, config: Config
) -> None:
    redriving.check_target(queue, to)
    count = unknown_source = 0
    with closing(ops.show(queue, wanted, limit=limit, config=config)) as letters:
        for letter in letters:
            count += 1
            target = to or letter.source
            unknown_source += target is None
            does = f"would go to {target}" if target else "stays: where it came from is not known"
            console.print(f"{letter.message.position} {does}", soft_wrap=True)
    console.print(
        f"{counted(count, 'letter')}; nothing was sent{_stay(unknown_source)}", soft_wrap=True
    )
    if unknown_source:
        raise typer.Exit(FAILED)


class _Progress:
    """Tells somebody who waits, now and then."""

    def __init__(self) -> None:
        self.done = redriving.Redriven()
        self._told_at = time.monotonic()

    def tell(self, done: Redriven) -> None:
        self.done = done
        if sys.stderr.isatty() and time.monotonic() - self._told_at >= _TOLD_S:
            self._told_at = time.monotonic()
            say(f"so far: {_summary(done)}")


def _summary(done: Redriven) -> str:
    sent = f"{counted(done.sent, 'letter')} sent back of {done.seen} that were looked at"
    return sent + _stay(done.unknown_source)


def _stay(count: int) -> str:
    if not count:
        return ""
    return f"; {count} stay: where they came from is not known, name a queue with --to-queue"
