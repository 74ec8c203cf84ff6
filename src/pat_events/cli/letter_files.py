"""``pat-events dlq export`` and ``import``."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path  # noqa: TC003 -- typer reads it
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from pat_events.cli.letter_options import OF_A_TOPIC, Chosen, Topic, Why, choosing
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, print_json, say
from pat_events.cli.progress import progress
from pat_events.cli.streams import standard_input, unreadable
from pat_events.core.wording import counted
from pat_events.ops.letters import files

if TYPE_CHECKING:
    from pat_events.errors import PatEventsError


@command
@choosing(OF_A_TOPIC)
def export(
    *,
    topic: Topic,
    why: Why = "",
    chosen: Chosen,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Write dead letters to standard output, a line of JSON each: the whole record.

    Values and keys that are no text are in base64. 'dlq import' takes the lines back, into the
    dead-letter topic of any group. What is there now is written; nothing is changed, but that the
    group's audit topic is told who had what.

    Example:
      pat-events dlq export pat-emails.email-processor.dlq > letters.jsonl
      pat-events dlq export pat-emails.email-processor.dlq --cause rejected | jq .cause
      pat-events dlq export orders-dlt --since 1d > letters.jsonl
    """
    config, cluster = configure(bootstrap, catalog)
    count = 0
    with progress("reading letters") as tell:
        lines = files.export(
            cluster,
            topic,
            chosen.selection(config),
            why=why,
            config=config,
            tell=tell,
            unaudited=_say_unaudited,
        )
        for line in lines:
            print_json(line)
            count += 1
    say(f"{counted(count, 'letter')} of {topic}")


def _say_unaudited(why: PatEventsError) -> None:
    say(f"the audit topic was not told: {why}")


@command
def import_letters(
    *,
    topic: Topic,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="As 'dlq export' wrote it; '-' for standard input."),
    ],
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="Why, for those who read the audit topic.")
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Also letters that the topic holds already.")
    ] = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Write exported dead letters into a group's dead-letter topic, from where 'replay' takes them.

    Key, payload and headers are as they were, the event's id among them. The file is checked before
    anything is written. A letter that the topic holds is left out, so an import that was
    interrupted is begun anew. Their time is now: retention counts from it. They count as letters
    that were not replayed, whatever was replayed before the export.

    Example:
      pat-events dlq import pat-emails.email-processor.dlq letters.jsonl --why "purged too early"
    """
    config, cluster = configure(bootstrap, catalog)
    with ExitStack() as ends:
        opened = ends.enter_context(_opened(file))
        tell = ends.enter_context(progress("writing letters"))
        done = files.import_letters(
            cluster, topic, opened, why=why, again=again, config=config, tell=tell
        )
    say(f"{counted(done.written, 'letter')} of {done.read} written to {topic}")
    if done.written:
        say("these count as not replayed: 'dlq replay' sends them, replayed before or not")
    if done.there:
        say(f"{done.there} were there already; --again writes them once more")
    if done.of_others:
        say(
            f"{counted(done.of_others, 'letter')} in the file of another group: 'dlq replay' "
            "leaves these unless its --group names the group of the topic"
        )


def _opened(file: Path) -> BinaryIO:
    try:
        if str(file) != "-":
            return file.open("rb")
        spooled = cast("BinaryIO", TemporaryFile())  # noqa: SIM115 -- whoever gets it closes it
        shutil.copyfileobj(standard_input().buffer, spooled)
    except OSError as error:
        raise unreadable(file, error) from error
    return spooled
