"""``pat-events lag``."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeAlias, TypeVar

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, print_json, table
from pat_events.cli.watching import look_again
from pat_events.core.shown import one_line
from pat_events.core.wording import counted
from pat_events.errors import TransportError
from pat_events.ops import lag as ops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pat_events.catalog.model import Catalog
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.lag import PartitionLag
    from pat_events.transports.kafka.membership import Member, Membership

_Line: TypeAlias = dict[str, Any]
T = TypeVar("T")

_NUMBERS: Final = ("partition", "committed", "end", "lag")
_COLUMNS: Final = ("group", "topic", *_NUMBERS)
_MEMBER: Final = ("client", "host", "member")
# What differs from member to member: the last part of a UUID.
_SHORT: Final = 12
_NOWHERE: Final = dict.fromkeys(("topic", *_NUMBERS))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found: lines by group; ``who`` is None where nobody asked."""

    at: datetime
    lines: Mapping[str, Sequence[_Line]]
    who: Mapping[str, Membership] | None
    untold: Sequence[str]


@command
def lag(
    *,
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GROUP", help="Names of consumer groups.", autocompletion=completion.groups
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every group of the catalogue and of the cluster.")
    ] = False,
    members: Annotated[
        bool, typer.Option("--members", help="Also who reads each partition, and from which host.")
    ] = False,
    watch_s: Annotated[
        float | None,
        typer.Option(
            "--watch", min=0.1, metavar="S", help="Look again every S seconds, until Ctrl-C."
        ),
    ] = None,
    as_json: Json = False,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show how far consumer groups are behind, per partition.

    A dash means that there is none: no position of the group yet, whose lag is then all that is
    stored; with --members nobody who reads the partition, or a member that has none to read.
    Exit code 1 where something of a group could not be told. In JSON a partition is a line.

    With --watch a terminal is drawn again; a pipe gets one block after the other, each with its
    time. A cluster that does not answer meanwhile is asked again.

    Example:
      pat-events lag email-processor --members
      pat-events lag --all --watch 5
      pat-events lag --all --json | jq -c 'select(.lag > 1000)'
    """
    if bool(groups) == every:
        raise typer.BadParameter("name groups, or --all for every one of them")
    config, cluster = configure(bootstrap, catalog)
    wanted = load_catalog(config.catalog)

    def look() -> _Seen:
        return _look(cluster, wanted, None if every else groups, members=members)

    seen = look()
    if watch_s is not None:
        _watch(seen, look, watch_s, as_json=as_json)
    _show(seen, as_json=as_json)
    if seen.untold:
        raise typer.Exit(FAILED)


def _look(
    cluster: Cluster, catalog: Catalog, groups: Sequence[str] | None, *, members: bool
) -> _Seen:
    found = ops.lag(cluster, catalog, groups)
    told = _told(found)
    who = ops.memberships(cluster, told) if members else {}
    lines = {name: list(_lines(name, rows, _told(who).get(name))) for name, rows in told.items()}
    untold = [*_untold(found), *_untold(who)]
    return _Seen(datetime.now(UTC), lines, _told(who) if members else None, untold)


def _watch(seen: _Seen, look: Callable[[], _Seen], every_s: float, *, as_json: bool) -> NoReturn:
    """Show it again and again: a block each in a pipe, in place of the last on a terminal."""
    while True:
        if not as_json:
            # Only now: until there is an answer the last one stays to be read.
            console.clear()
            console.print(_written(seen.at))
        _show(seen, as_json=as_json)
        if not as_json:
            console.print()
        seen = look_again(look, every_s)


def _show(seen: _Seen, *, as_json: bool) -> None:
    if as_json:
        for line in itertools.chain.from_iterable(seen.lines.values()):
            print_json({"time": _written(seen.at), **line})
    elif seen.lines:
        _print_table(seen.lines, seen.who)
    for sentence in seen.untold:
        typer.echo(sentence, err=True)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _told(found: Mapping[str, T | TransportError]) -> dict[str, T]:
    return {name: it for name, it in found.items() if not isinstance(it, TransportError)}


def _untold(found: Mapping[str, T | TransportError]) -> Iterator[str]:
    for name, why in found.items():
        if isinstance(why, TransportError):
            yield one_line(f"{name}: not told: {why}")


def _lines(name: str, rows: Sequence[PartitionLag], who: Membership | None) -> Iterator[_Line]:
    """Yield what is known of each partition, then the members that read none of these."""
    if who is None:
        yield from ({"group": name, **asdict(row)} for row in rows)
        return
    listed = {(row.topic, row.partition) for row in rows}
    for row in rows:
        reader = who.reader((row.topic, row.partition))
        yield {"group": name, **asdict(row), "state": who.state, **_described(reader)}
    for member in who.members:
        if not member.partitions & listed:
            yield {"group": name, **_NOWHERE, "state": who.state, **_described(member)}


def _described(member: Member | None) -> _Line:
    if member is None:
        return dict.fromkeys(("client", "host", "instance", "member"))
    return {
        "client": member.client,
        "host": member.host,
        "instance": member.instance,
        "member": member.id,
    }


def _print_table(
    groups: Mapping[str, Sequence[_Line]], who: Mapping[str, Membership] | None
) -> None:
    columns = _COLUMNS if who is None else (*_COLUMNS, *_MEMBER)
    shown = table(*columns, numbers=_NUMBERS)
    for name, lines in groups.items():
        for line in lines:
            cells = [_short(line) if it == "member" else line.get(it) for it in columns]
            shown.add_row(*("-" if cell is None else str(cell) for cell in cells))
        total = [name, "all", "", "", "", str(sum(line["lag"] or 0 for line in lines))]
        if who is not None:
            total += [_summary(who.get(name)), "", ""]
        shown.add_row(*total, style="bold")
    console.print(shown)


def _short(line: _Line) -> str | None:
    """Tell members of one client and host apart; all of the id is in JSON."""
    return line.get("instance") or (line.get("member") or "")[-_SHORT:] or None


def _summary(who: Membership | None) -> str:
    if who is None:
        return ""
    if who.state == "dead":
        return "no such group"
    return f"{who.state}, {counted(len(who.members), 'member')}"
