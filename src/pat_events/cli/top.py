"""``pat-events top``."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, print_json, table
from pat_events.cli.watching import look_again
from pat_events.ops import top as ops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.ops.top import Look, Row

_COLUMNS: Final = (
    "group",
    "state",
    "members",
    "lag",
    "behind for",
    "read/s",
    "written/s",
    "dead letters",
    "new",
)
_NUMBERS: Final = _COLUMNS[2:]
_STATE_MAX: Final = 60
_HOUR_S: Final = 3600


@command
def top(
    *,
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GROUP",
            help="Names of consumer groups; every one when there is none.",
            autocompletion=completion.groups,
        ),
    ] = None,
    every_s: Annotated[
        float, typer.Option("--every", min=0.1, metavar="S", help="Look again every S seconds.")
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look twice, S seconds apart, show that and end.")
    ] = False,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show how consumer groups do, until Ctrl-C: the one furthest behind first.

    Of any group of the cluster, whatever its clients are. "Behind for" is how long it takes to read
    what is there at this rate; a dash means that nothing is read. Dead letters are those in topics
    TOPIC.GROUP.dlq, and new ones those since the look before. Rates are those of commits, so they
    may go in steps.

    Example:
      pat-events top
      pat-events top email-processor --every 5
      pat-events top --once --json | jq -c 'select(.lag > 1000)'
    """
    config, cluster = configure(bootstrap, catalog)
    wanted = load_catalog(config.catalog)

    def look() -> Look:
        return ops.look(cluster, wanted, groups or None)

    before = look()
    if once:
        time.sleep(every_s)
        _show(ops.rows(look(), before), as_json=as_json)
        return
    _watch(before, look, every_s, as_json=as_json)


def _watch(before: Look, look: Callable[[], Look], every_s: float, *, as_json: bool) -> NoReturn:
    """Show it again and again: a block each in a pipe, in place of the last on a terminal."""
    now, earlier = before, None
    while True:
        if not as_json:
            # Only now: until there is an answer the last one stays to be read.
            console.clear()
            console.print(_written())
        _show(ops.rows(now, earlier), as_json=as_json)
        earlier, now = now, look_again(look, every_s)


def _written() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _show(rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        at = _written()
        for row in rows:
            print_json({"time": at, **asdict(row)})
        return
    shown = table(*_COLUMNS, numbers=_NUMBERS)
    for row in rows:
        shown.add_row(
            row.group,
            row.state[:_STATE_MAX],
            _number(row.members),
            _number(row.lag),
            _time(row.lag_s),
            _rate(row.read_rate),
            _rate(row.write_rate),
            str(row.letters),
            f"+{row.letters_more}" if row.letters_more else "",
            style="bold red" if row.letters_more else "",
        )
    console.print(shown)


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    if seconds >= _HOUR_S:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
