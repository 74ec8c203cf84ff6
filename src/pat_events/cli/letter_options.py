"""Options that say which dead letters are meant, of a topic or of a queue of SQS."""

from __future__ import annotations

import functools
import inspect
import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_type_hints

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import time_of
from pat_events.errors import ConfigError, UnknownEventError
from pat_events.ops.letters.queues import LetterFilter
from pat_events.ops.letters.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.config import Config

_TIME: Final[Any] = {"metavar": "TIME", "parser": time_of}
_OFFSETS: Final = re.compile(r"(\d{1,19})(?:(-)(\d{1,19})?)?", re.ASCII)
_LAST: Final = 2**63 - 1


def offsets_of(text: str) -> range:
    """Return the offsets somebody wrote: one as in ``41``, or from one on, as in ``41-99``."""
    found = _OFFSETS.fullmatch(text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no offset: write one (41), or a range (41-99, 41-)")
    first = int(found[1])
    last = int(found[3]) if found[3] else _LAST if found[2] else first
    if last < first:
        raise typer.BadParameter(f"{text!r} holds no offset: write the lower one first")
    return range(first, last + 1)


Topic: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TOPIC",
        help="As 'dlq list' names it.",
        autocompletion=completion.dead_letter_topics,
    ),
]
All: TypeAlias = Annotated[
    bool, typer.Option("--all", help="Every letter: nothing else chooses some.")
]
Why: TypeAlias = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="Why, for those who read the audit topic.")
]
EventType: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--type", metavar="EVENTTYPE", help="Only these events.", autocompletion=completion.events
    ),
]
Ids: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="Only this event, by its id. May be repeated.",
    ),
]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        help="Only what failed last then or later: 2h ago.",
        **_TIME,
    ),
]
Until: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        help="Only what failed last before: 10m ago.",
        **_TIME,
    ),
]
Causes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--cause",
        metavar="WORD",
        help="Only what has this reason, class of error or handler. May be repeated.",
    ),
]
Keys: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="Only records of this key. May be repeated."),
]
Handler: TypeAlias = Annotated[
    str | None, typer.Option("--handler", metavar="NAME", help="Only what this handler gave up.")
]
Partition: TypeAlias = Annotated[
    int | None, typer.Option("--partition", min=0, metavar="N", help="Only this partition.")
]
Offsets: TypeAlias = Annotated[
    range | None,
    typer.Option(
        "--offset",
        metavar="N[-M]",
        parser=offsets_of,
        help="Only the letter at this offset of --partition, or those of a range.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which letters the options name: each field is one, with its help."""

    event_type: EventType = None
    ids: Ids = None
    keys: Keys = None
    since: Since = None
    until: Until = None
    causes: Causes = None
    handler: Handler = None
    partition: Partition = None
    offsets: Offsets = None

    def selection(self, config: Config) -> Selection:
        """Return which letters of a topic are meant, with types as events have them.

        Raises:
            BadParameter: the catalogue has no such event, or no letter could meet this.
        """
        full_name = self._full_name(config)
        try:
            return Selection(
                causes=frozenset(self.causes or ()),
                event_type=full_name,
                ids=frozenset(self.ids or ()),
                keys=frozenset(key.encode(errors="surrogateescape") for key in self.keys or ()),
                since=self.since,
                until=self.until,
                partition=self.partition,
                offsets=self.offsets,
                handler=self.handler,
            )
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error

    def filter(self, config: Config) -> LetterFilter:
        """Return which letters of a queue are meant, with types as events have them.

        Raises:
            BadParameter: the catalogue has no such event, or a queue knows nothing of this.
        """
        topics_own = (getattr(self, name) for name in OF_A_TOPIC if name not in OF_A_QUEUE)
        if any(it is not None and it != [] for it in topics_own):
            raise typer.BadParameter(
                "--key, --handler, --partition and --offset are a topic's, a queue has none of them"
            )
        return LetterFilter(
            causes=frozenset(self.causes or ()),
            event_type=self._full_name(config),
            ids=frozenset(self.ids or ()),
            since=self.since,
            until=self.until,
        )

    def _full_name(self, config: Config) -> str | None:
        if self.event_type is None:
            return None
        catalog = load_catalog(config.catalog)
        try:
            return catalog.event(self.event_type).full_name
        except UnknownEventError as error:
            raise typer.BadParameter(str(error)) from error


#: What chooses letters of a topic, and of a queue.
OF_A_TOPIC: Final = tuple(it.name for it in fields(Chosen))
OF_A_QUEUE: Final = ("event_type", "ids", "since", "until", "causes")


def choosing(
    names: Sequence[str],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options in the place of its parameter ``chosen``, which holds them."""

    def given(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def choose(**options: Any) -> None:  # noqa: ANN401 -- typer gives each what it is
            chosen = Chosen(**{name: options.pop(name) for name in names})
            function(**options, chosen=chosen)

        parameters: list[inspect.Parameter] = []
        signature = inspect.signature(function, eval_str=True)
        for parameter in signature.parameters.values():
            parameters += _options(names) if parameter.name == "chosen" else [parameter]
        # What typer reads, and with it the types of the options.
        choose.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        choose.__annotations__ = {it.name: it.annotation for it in parameters}
        return choose

    return given


def _options(names: Sequence[str]) -> list[inspect.Parameter]:
    types = get_type_hints(Chosen, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(it, kind, default=None, annotation=types[it]) for it in names]
