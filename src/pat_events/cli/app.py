"""The commands together."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Annotated, Any, Final

import typer

import pat_events
from pat_events.cli.output import log_to_stderr, wrapped_help
from pat_events.cli.usage import Command, Group

# Where each is, in the order of the help. Each needs much that the others do not.
_HOMES: Final = {
    "demo": "demo:demo",
    "catalog": "catalog:app",
    "topics": "topics:app",
    "run": "run:run",
    "bridge": "bridge:bridge",
    "publish": "publish:publish",
    "consume": "consume:consume",
    "look": "look:look",
    "dlq": "dlq:app",
    "replay": "replay:app",
    "lag": "lag:lag",
    "top": "top:top",
    "groups": "groups:app",
    "doctor": "doctor:doctor",
}


class _Root(Group):
    """All commands; a module is imported when its command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 -- typer's or click's
        """Return their names."""
        return [*_HOMES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 -- as above
        """Return the command of this name, if there is one."""
        if cmd_name not in _HOMES:
            # What is near is looked for among those that are there.
            self.commands.update({name: _load(name) for name in _HOMES})
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands[cmd_name]


def _load(name: str) -> Any:  # noqa: ANN401 -- as above
    module, _, attribute = _HOMES[name].partition(":")
    found = getattr(import_module(f"pat_events.cli.{module}"), attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
        group: Any = typer.main.get_command(alone)
        return group.commands[name]
    alone.command(name, cls=Command)(found)
    return typer.main.get_command(alone)


app = typer.Typer(
    name="pat-events",
    cls=_Root,
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
    """Events between services on AWS: operate topics, queues, groups and dead letters.

    Begin with [bold]pat-events demo[/bold], which needs nothing but this package. With
    [bold]pat-events --install-completion[/bold] your shell completes commands and names.

    Exit codes: 0 done, 1 failed with a sentence that says why, 2 wrong options, 3 stopped with
    handlers still at work, 4 topics differ (topics diff --exit-code), 130 interrupted, 143 ended by
    SIGTERM.
    """
    log_to_stderr([logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)])
