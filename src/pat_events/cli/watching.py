"""Commands that watch what goes on by itself somewhere else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias, TypeVar

import typer

from pat_events.cli.exit_codes import FAILED
from pat_events.cli.output import say
from pat_events.errors import TopicMissingError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable


class Watched(Protocol):
    """How far it has come."""

    @property
    def state(self) -> str:
        """The service's word for it."""

    @property
    def reason(self) -> str:
        """Why it is in this state; empty where nobody says."""

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""

    @property
    def completed(self) -> bool:
        """Whether all of it was done."""


T = TypeVar("T")
W = TypeVar("W", bound=Watched)

Timeout: TypeAlias = Annotated[
    float | None,
    typer.Option("--timeout", min=0.0, metavar="S", help="Watch no longer than S seconds."),
]


def watch(
    what: str,
    look: Callable[[], W],
    show: Callable[[W], None],
    *,
    every_s: float,
    timeout_s: float | None,
) -> None:
    """Show each change until it is over; through an outage too, once something was seen.

    Args:
        what: What it is, for sentences.
        look: Returns how far it has come.
        show: Shows what has changed.
        every_s: How long to wait before the next look, in seconds.
        timeout_s: How long to watch, in seconds; until it is over when None.

    Raises:
        Exit: not all of it was done, or not within ``timeout_s``; the sentence was said.
        TransportError: nothing could be seen at all.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    shown: W | None = None
    while shown is None or not shown.over:
        if shown is not None:
            if deadline is not None and time.monotonic() >= deadline:
                say(f"{what} is not over after {timeout_s:g} s: it goes on, and can be watched")
                raise typer.Exit(FAILED)
            time.sleep(every_s)
        try:
            seen = look()
        except TransportError as error:
            if shown is None or isinstance(error, TopicMissingError):
                raise
            say(str(error))
            continue
        if seen != shown:
            show(seen)
        shown = seen
    if not shown.completed:
        say(f"{what} is {shown.state}: {shown.reason or 'AWS gives no reason'}")
        raise typer.Exit(FAILED)


def look_again(look: Callable[[], T], every_s: float) -> T:
    """Return the next look at what never is over, after ``every_s`` seconds; through an outage."""
    while True:
        time.sleep(every_s)
        try:
            return look()
        except TransportError as error:
            say(str(error))  # Brokers come back.
