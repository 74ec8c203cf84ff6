"""``pat-events demo``."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path  # noqa: TC003 -- typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, broker_named, configure
from pat_events.cli.output import command, console, say, silence, table
from pat_events.core.shown import one_line
from pat_events.core.wording import counted
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pat_events.demo.run import Tally
    from pat_events.ops.letters.showing import StoredLetter
    from pat_events.telemetry.counts import ConsumerStats

# Where lines are kept, as in a CI log, one a second is enough.
_LINE_EVERY_S: Final = 1.0
_PLACES: Final = (
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "PAT_EVENTS_AWS_ENDPOINT_URL",
    "PAT_EVENTS_AWS_PROFILE",
)
_NO_PLACE: Final = (
    "no place is named: set AWS_ENDPOINT_URL to LocalStack's address, or AWS_PROFILE to use AWS "
    "itself. In a checkout 'make demo ARGS=--aws' starts LocalStack"
)

_Aws: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--aws",
        help="Over an EventBridge bus and SQS queues, where AWS_ENDPOINT_URL (LocalStack's) or "
        "AWS_PROFILE leads.",
    ),
]


@command
def demo(
    mail: Annotated[
        Path | None,
        typer.Option(
            "--mail",
            metavar="PATH",
            help="An mbox, a Maildir, a folder of .eml files or one of them; "
            "the mails of the package without it.",
        ),
    ] = None,
    bootstrap: Bootstrap = None,
    aws: _Aws = False,  # noqa: FBT002 -- an option, by its name
) -> None:
    """Send real e-mails through a processor and a validator, and look at what fails.

    Without a broker named, one runs inside this process: nothing else is needed. On a real one the
    demo makes topics and groups of its own and deletes them at its end. So it does with a bus, its
    rules and queues of AWS, and there it gives the dead letters back to a repaired processor.

    Example:
      pat-events demo
      pat-events demo --mail ~/Maildir
      pat-events demo --bootstrap localhost:9092
      AWS_PROFILE=dev pat-events demo --aws
    """
    if aws and bootstrap:
        raise typer.BadParameter("--aws and --bootstrap name two places: give one of them")
    from pat_events.demo.mail import read_mails, samples  # noqa: PLC0415 -- it alone needs it

    mails = samples() if mail is None else read_mails(mail)
    silence("pat_events.consumer")
    try:
        adds_up = _on_aws(mails) if aws else _on_kafka(mails, bootstrap)
    except KeyboardInterrupt:
        say("interrupted")
        raise
    if not adds_up:
        raise typer.Exit(FAILED)


def _on_kafka(mails: Iterable[bytes], bootstrap: str | None) -> bool:
    from pat_events.demo import run as walk  # noqa: PLC0415 -- as above
    from pat_events.demo import sites  # noqa: PLC0415

    named = broker_named(bootstrap)
    site = sites.on_cluster(*configure(bootstrap)) if named else sites.embedded()
    with site as place:
        where = place.cluster.kafka.bootstrap_servers if named else "a broker inside this process"
        console.print(
            f"Mails through {place.processor} and {place.validator}, on {where}", soft_wrap=True
        )
        with _progress() as report:
            tally = walk.run(place, mails, report)
        _close(tally, walk.LETTERS_SHOWN)
    return tally.adds_up


def _on_aws(mails: Iterable[bytes]) -> bool:
    from pat_events.config import Config  # noqa: PLC0415 -- as above
    from pat_events.demo import aws_run, aws_site  # noqa: PLC0415
    from pat_events.demo.run import LETTERS_SHOWN  # noqa: PLC0415
    from pat_events.demo.sites import PROCESSOR, VALIDATOR  # noqa: PLC0415
    from pat_events.transports.aws.config import AwsConfig  # noqa: PLC0415

    if not any(os.environ.get(name) for name in _PLACES):
        # What is only in a file may be anybody's account.
        raise ConfigError(_NO_PLACE)
    config, config_of_aws = Config.from_env(), AwsConfig.from_env()
    with aws_site.on_aws(config, config_of_aws) as place:
        console.print(
            f"Mails through {PROCESSOR} and {VALIDATOR}, on {place.address}", soft_wrap=True
        )
        with _progress() as report:
            tally, returned = aws_run.run(place, mails, report)
        _close(tally, LETTERS_SHOWN)
        if returned.given_back:
            sign = "=" if returned.adds_up else "≠"
            console.print(
                f"{counted(returned.given_back, 'dead letter')} given back to a repaired processor "
                f"{sign} {returned.handled} handled",
                soft_wrap=True,
            )
    return tally.adds_up and returned.adds_up


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Tally], None]]:
    """Yield what shows counts: bars on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        last = [time.monotonic()]

        def line(tally: Tally) -> None:
            now = time.monotonic()
            if now - last[0] >= _LINE_EVERY_S:
                last[0] = now
                console.print(
                    f"  published {tally.published}, processed {tally.processor.handled}, "
                    f"validated {tally.validator.handled}, "
                    f"dead letters {tally.processor.dead_lettered}"
                )

        yield line
        return
    columns = (TextColumn("  {task.description:<22}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        names = ("EmailReceived", "EmailProcessed", "EmailValidated", "dead letters")
        tasks = [bars.add_task(name, total=None) for name in names]

        def move(tally: Tally) -> None:
            first, second = tally.processor, tally.validator
            counts = (
                tally.published,
                first.handled,
                second.handled,
                first.dead_lettered + second.dead_lettered,
            )
            for task, count in zip(tasks, counts, strict=True):
                bars.update(task, completed=count, total=tally.published)

        yield move


def _close(tally: Tally, letters_shown: int) -> None:
    for letter in tally.letters:
        console.print(_panel(letter))
    dead_letters = tally.processor.dead_lettered + tally.validator.dead_lettered
    if dead_letters > letters_shown:
        console.print(f"... and {counted(dead_letters - letters_shown, 'dead letter')} more")
    columns = ("delivered", "skipped", "handled", "dead letters", "retried")
    closing = table("group", *columns, numbers=columns)
    closing.add_row(*_row("processor", tally.processor))
    closing.add_row(*_row("validator", tally.validator))
    console.print()
    console.print(closing)
    for reason in tally.refused[:letters_shown]:
        console.print(Text(f"not published: {one_line(reason)}"))
    console.print()
    console.print(_sum("published", tally.published, tally.processor))
    console.print(_sum("processed", tally.processor.handled, tally.validator))
    verdict = "It adds up" if tally.adds_up else "It does not add up"
    events = tally.published + tally.processor.handled + tally.validator.handled
    console.print(f"{verdict}: {counted(events, 'event')} in {tally.elapsed_s:.1f} s")


def _row(name: str, stats: ConsumerStats) -> list[str]:
    counts = (
        stats.delivered,
        stats.skipped,
        stats.handled,
        stats.dead_lettered,
        stats.retried,
    )
    return [name, *map(str, counts)]


def _sum(what: str, count: int, stats: ConsumerStats) -> str:
    sign = "=" if count == stats.handled + stats.dead_lettered else "≠"
    letters = counted(stats.dead_lettered, "dead letter")
    return f"{counted(count, 'mail')} {what} {sign} {stats.handled} handled + {letters}"


def _panel(letter: StoredLetter) -> Panel:
    cause, event = letter.cause, letter.record.get("event", {})
    lines = [
        f"{cause.error_class}: {cause.message}",
        f"caused by {cause.root_cause_class}",
        f"{cause.reason} after {counted(cause.attempts, 'attempt')} of {cause.handler}",
        f"came from {cause.origin}, kept at {letter.position}",
        f"subject: {event.get('subject', '')}",
    ]
    return Panel(
        Text("\n".join(map(one_line, lines))),
        title="dead letter",
        title_align="left",
        expand=False,
    )
