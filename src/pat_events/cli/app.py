"""The commands together."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

import pat_events
from pat_events.cli import (
    bridge,
    catalog,
    consume,
    demo,
    dlq,
    doctor,
    groups,
    lag,
    publish,
    replay,
    run,
    topics,
)
from pat_events.cli.output import log_to_stderr, wrapped_help
from pat_events.cli.usage import Command, Group

app = typer.Typer(
    name="pat-events",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 -- typer hands it over like this
    if wanted:
        typer.echo(f"pat-events {pat_events.__version__}")
        raise typer.Exit


@app.callback()
@wrapped_help
def options(
    *,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="Show what happens; -vv shows all of it."),
    ] = 0,
    version: Annotated[  # noqa: ARG001 -- its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Events between services on Kafka: operate topics, groups and dead letters.

    Begin with [bold]pat-events demo[/bold], which needs nothing but this package. With
    [bold]pat-events --install-completion[/bold] your shell completes commands and names.

    Exit codes: 0 done, 1 failed with a sentence that says why, 2 wrong options, 3 stopped with
    handlers still at work, 4 topics differ (topics diff --exit-code), 130 interrupted, 143 ended by
    SIGTERM.
    """
    log_to_stderr([logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)])


app.command("demo", cls=Command)(demo.demo)
app.add_typer(catalog.app, name="catalog")
app.add_typer(topics.app, name="topics")
app.command("run", cls=Command)(run.run)
app.command("bridge", cls=Command)(bridge.bridge)
app.command("publish", cls=Command)(publish.publish)
app.command("consume", cls=Command)(consume.consume)
app.add_typer(dlq.app, name="dlq")
app.add_typer(replay.app, name="replay")
app.command("lag", cls=Command)(lag.lag)
app.add_typer(groups.app, name="groups")
app.command("doctor", cls=Command)(doctor.doctor)
