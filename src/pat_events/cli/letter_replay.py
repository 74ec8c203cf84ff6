"""``pat-events dlq replay``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path  # noqa: TC003 -- typer reads it
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.letter_options import OF_A_TOPIC, All, Chosen, Why, choosing
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, console, say, table
from pat_events.cli.progress import progress
from pat_events.cli.shown_records import shown_time
from pat_events.cli.streams import read_input
from pat_events.core.wording import counted
from pat_events.ops.letters.replay_walk import QUARANTINED_AFTER, Replayed, ReplayOptions
from pat_events.ops.letters.replaying import dry_run, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.ops.letters.histogram import Histogram

_BAR: Final = 40
# Why letters stay, and what takes them.
_STAYS: Final = {
    "older": "older than another one of the same event",
    "quarantined": f"replayed {QUARANTINED_AFTER} times or more; --include-quarantined takes them",
    "without_value": "too large for a letter, and gone or altered where they came from",
    "too_large": "larger than max.message.bytes of the retry topic",
    "of_others": (
        "of another group, or of a topic that this group does not read; "
        "--group takes what is in its own dead-letter topic"
    ),
}


@command
@choosing(OF_A_TOPIC)
def replay_letters(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC|GROUP",
            help="A dead-letter topic, or a group: all of its.",
            autocompletion=completion.dead_letter_topics,
        ),
    ],
    why: Why = "",
    everything: All = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent, by cause and by hour.")
    ] = False,
    chosen: Chosen,
    id_file: Annotated[
        Path | None,
        typer.Option(
            "--id-file", metavar="FILE", help="Only these events: an id a line; - for the input."
        ),
    ] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, metavar="N", help="Most letters a second.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Most letters.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also letters that were replayed before.")
    ] = False,
    include_quarantined: Annotated[
        bool,
        typer.Option(
            "--include-quarantined",
            help=f"Also letters of events that were replayed {QUARANTINED_AFTER} times or more.",
        ),
    ] = False,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="GROUP",
            help="Of another program's TOPIC, or of letters of another group, whose they are.",
        ),
    ] = None,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Hand dead letters to the group that gave them up once more: all, or some.

    They go to its retry topic, TOPIC.GROUP.retry, which no other group reads. The event's id, key,
    payload and headers are as they were. The letters stay where they are.

    A letter that is in the retry topic is not sent again unless --again says so. So Ctrl-C, or
    whatever else ends it, loses and doubles nothing: the same command goes on with the rest. What
    becomes a letter meanwhile is left.

    It sends unless --dry-run is given: what takes nothing away needs no second word, as 'dlq purge'
    needs --apply and 'dlq edit' --allow-edit.

    One replay of a group runs at a time. Who, when, why and how many is in the topic
    GROUP.audit. Exit code 1 where something that was meant stays, or nothing was.

    Letters of a queue of SQS go back with 'dlq redrive'.

    Example:
      pat-events dlq replay email-processor --cause ConnectionError --dry-run
      pat-events dlq replay email-processor --cause ConnectionError --why "mail API is back"
      pat-events dlq replay pat-emails.email-processor.dlq --all --rate 50 --why "fixed in 1.4.2"
    """
    chosen = replace(chosen, ids=[*(chosen.ids or ()), *_ids_of(id_file)])
    config, cluster = configure(bootstrap, catalog)
    selection = chosen.selection(config)
    if everything and not selection.is_everything:
        raise typer.BadParameter("--all is every letter: leave it out, or what chooses some")
    options = ReplayOptions(
        group=group,
        everything=everything,
        again=again,
        include_quarantined=include_quarantined,
        rate=rate,
        limit=limit,
    )
    if dry:
        with progress("reading letters") as shown:
            tell = _Progress(shown).tell
            done, histogram = dry_run(cluster, name, selection, options, config=config, tell=tell)
        _show_histogram(histogram)
        console.print(f"{counted(done.sent, 'letter')} would be sent; nothing was")
    else:
        done = _replay(partial(replay, cluster, name, selection, options, why=why, config=config))
        console.print(_summary(done), soft_wrap=True)
    _show_rest(done, limit)


def _replay(send: Callable[..., Replayed]) -> Replayed:
    with progress("replaying letters") as shown:
        so_far = _Progress(shown)
        try:
            return send(tell=so_far.tell)
        except BaseException:
            if so_far.done.run:
                say(f"before it stopped: {_summary(so_far.done)}")
                say("the same command goes on with the rest, and sends none of these again")
            raise


def _ids_of(path: Path | None) -> list[str]:
    """Return the ids that a file names.

    Raises:
        BadParameter: it names none: that must not mean all.
        ConfigError: it cannot be read.
    """
    if path is None:
        return []
    found = read_input(path).removeprefix("\ufeff").split()
    if not found:
        raise typer.BadParameter(f"{path} holds no id")
    return found


class _Progress:
    """Knows how far it is, for whoever is told when it ends early."""

    def __init__(self, shown: Callable[[int, int], None]) -> None:
        self._shown = shown
        self.done = Replayed()

    def tell(self, done: Replayed) -> None:
        self.done = done
        self._shown(done.read, done.total)


def _summary(done: Replayed) -> str:
    return f"{counted(done.sent, 'letter')} replayed of {done.read} that were looked at"


def _show_rest(done: Replayed, limit: int | None) -> None:
    """Say what was not sent, and end with an exit code where that is to be looked at."""
    if done.before:
        say(f"{counted(done.before, 'letter')} had been replayed before: --again sends them again")
    for name, why in _STAYS.items():
        if count := getattr(done, name):
            say(f"not sent: {counted(count, 'letter')} {why}")
    if done.sent == limit:
        say(f"{limit} is the most that --max lets it send: more letters may be there")
    if not done.meant:
        say(f"no letter is meant, of {done.read} that were looked at")
    if done.stay or not done.meant:
        raise typer.Exit(FAILED)


def _show_histogram(histogram: Histogram) -> None:
    causes = table("letters", "reason", "error", "handler", numbers=("letters",))
    for each in histogram.causes():
        error = each.error_class.rpartition(".")[2]
        causes.add_row(str(each.letters), each.reason or "unknown", error, each.handler)
    hours = histogram.hours()
    shown = table("letters", "failed last", "", numbers=("letters",))
    most = max(hours.values(), default=0)
    for begin_ms, count in hours.items():
        shown.add_row(str(count), shown_time(begin_ms)[:13] + "h", "#" * -(-_BAR * count // most))
    if hours:
        console.print(causes)
        console.print(shown)
