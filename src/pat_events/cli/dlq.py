"""``pat-events dlq``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pat_events.catalog.load import load_catalog
from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.cli import (
    completion,
    letter_edit,
    letter_files,
    letter_purge,
    letter_replay,
    queue_letters,
    queue_moves,
)
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.letter_options import OF_A_TOPIC, Chosen, choosing
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, event_types_if_any, print_json, say, table
from pat_events.cli.progress import progress
from pat_events.cli.shown_records import (
    cause_facts,
    show_content,
    show_facts,
    show_stack,
    show_title,
    shown_time,
)
from pat_events.cli.usage import Command, Group
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.ops.letters import listing, showing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.listing import DeadLetterTopic
    from pat_events.ops.letters.selection import Selection
    from pat_events.ops.letters.showing import StoredLetter

# Causes of one topic that are shown.
_GROUPS_MAX: Final = 10

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Look at dead letters, keep them in files, and have them handled again.",
)


@app.command("list", cls=Command)
@command
def list_letters(
    *,
    topics: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC",
            help="All dead-letter topics without it.",
            autocompletion=completion.dead_letter_topics,
        ),
    ] = None,
    queues: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            metavar="QUEUE",
            help="Instead, this dead-letter queue of SQS by name, URL or ARN; may be repeated.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Read every letter, and not only the last ones."),
    ] = False,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """List dead letters by cause and handler, topic by topic; or count those of queues of SQS.

    Of a topic the last letters are read, so that the answer is there at once: 5,000 of all topics
    together. With --exact every letter is. Of a queue SQS tells how many letters there are, about,
    and that without a receive.

    Exit code 1 where a dead-letter topic of the catalogue may not be seen: it may hold some. In
    JSON a topic is a line; "groups" are of those letters that were "read", and "complete" is false
    where these are not all.

    Example:
      pat-events dlq list --bootstrap localhost:9092
      pat-events dlq list pat-emails.email-processor.dlq --exact
      pat-events dlq list --json | jq -c 'select(.letters > 0)'
      pat-events dlq list --queue pat-dev-email-processing-dlq --queue pat-dev-undelivered
    """
    if queues:
        if topics or exact:
            raise typer.BadParameter("TOPIC and --exact are for topics, --queue is for queues")
        queue_letters.list_queues(queues, as_json=as_json)
        return
    config, cluster = configure(bootstrap, catalog)
    chosen = load_catalog(config.catalog)
    with progress("reading letters") as tell:
        found = listing.list_topics(cluster, chosen, topics or (), exact=exact, tell=tell)
    if as_json:
        for topic in found.seen:
            print_json(asdict(topic))
    else:
        _show_counts(found.seen)
    if found.unseen:
        typer.echo(
            f"not permitted to see {', '.join(found.unseen)}: grant Describe and Read on what is "
            "there",
            err=True,
        )
        raise typer.Exit(FAILED)


def _show_counts(found: Sequence[DeadLetterTopic]) -> None:
    if not found:
        console.print(f"there is no topic that ends in {DEAD_LETTER_SUFFIX}")
        return
    shown = table("topic", "letters", numbers=("letters",))
    for topic in found:
        shown.add_row(topic.topic, str(topic.letters))
    console.print(shown)
    for topic in found:
        if topic.groups:
            _show_groups(topic)
    if not all(topic.complete for topic in found):
        say("not all letters were read: --exact reads every one")


def _show_groups(topic: DeadLetterTopic) -> None:
    part = "" if topic.complete else f", the last {topic.read} of {topic.letters}"
    console.print()
    show_title(f"{topic.topic}{part}")
    columns = ("letters", "reason", "error", "handler", "first failed", "last failed")
    shown = table(*columns, numbers=("letters",))
    for group in topic.groups[:_GROUPS_MAX]:
        error = group.error_class.rpartition(".")[2]
        times = (_second(group.first_failed_ms), _second(group.last_failed_ms))
        reason = group.reason or "unknown"
        shown.add_row(str(group.letters), reason, error, group.handler, *times)
    more = topic.groups[_GROUPS_MAX:]
    if more:
        rest = f"and {counted(len(more), 'more cause')}: --json has them"
        shown.add_row(str(sum(group.letters for group in more)), rest)
    console.print(shown)


def _second(milliseconds: int) -> str:
    return shown_time(milliseconds).partition(".")[0]


@app.command("show", cls=Command)
@command
@choosing(OF_A_TOPIC)
def show(
    *,
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            help="As 'dlq list' names it.",
            autocompletion=completion.dead_letter_topics,
        ),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            metavar="QUEUE",
            help="Instead, this dead-letter queue of SQS by name, URL or ARN.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--max", min=1, metavar="N", help="Most letters.")] = 10,
    chosen: Chosen,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show dead letters: the cause, where they came from, their headers and the event.

    Long headers are cut. 'pat-events consume' prints the same records whole, as JSON for programs.

    SQS shows a message to nobody who does not receive it. So --queue takes letters for a moment,
    and gives them back; the number of their receives grows, with which a dead-letter queue does
    nothing. A queue that moves messages away by that number is refused. Of
    a queue --id may be a message's, and --since and --until are of when it was sent.

    Example:
      pat-events dlq show pat-emails.email-processor.dlq
      pat-events dlq show pat-emails.email-processor.dlq --partition 0 --offset 41
      pat-events dlq show pat-emails.email-processor.dlq --cause ConnectionError --since 2h
      pat-events dlq show --queue pat-dev-email-processing-dlq --type EmailReceived --since 1d
    """
    if (topic is None) == (queue is None):
        raise typer.BadParameter("name a TOPIC, or a queue of SQS with --queue")
    if queue is not None:
        queue_letters.show_letters(queue, chosen, limit, Config.from_env(catalog=catalog))
    elif topic is not None:
        config, cluster = configure(bootstrap, catalog)
        _show_letters(cluster, config, topic, chosen.selection(config), limit)


def _show_letters(
    cluster: Cluster, config: Config, topic: str, selection: Selection, limit: int
) -> None:
    types = event_types_if_any(load_catalog(config.catalog))
    count = 0
    for letter in showing.show(cluster, types, topic, selection, limit=limit):
        count += 1
        _show(letter)
    if not count:
        such = "" if selection.is_everything else "such "
        console.print(f"{topic} holds no {such}dead letters", soft_wrap=True)


def _show(letter: StoredLetter) -> None:
    cause, record = letter.cause, letter.record
    show_title(str(letter.position))
    show_facts({**cause_facts(cause), "key": str(record["key"])})
    show_stack(cause)
    show_content(record)


app.command("replay", cls=Command)(letter_replay.replay_letters)
app.command("export", cls=Command)(letter_files.export)
app.command("import", cls=Command)(letter_files.import_letters)
app.command("purge", cls=Command)(letter_purge.purge)
app.command("edit", cls=Command)(letter_edit.edit)
app.command("redrive", cls=Command)(queue_letters.redrive)
app.add_typer(queue_moves.app, name="move")
