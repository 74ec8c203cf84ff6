"""What people and programs get to see: tables, JSON lines, one sentence for an error."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import logging
import sys
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pat_events.cli.exit_codes import FAILED, INTERRUPTED, NOT_DRAINED
from pat_events.cli.streams import discard_output
from pat_events.core.shown import one_line, printable
from pat_events.errors import CatalogError, NotDrainedError, PatEventsError
from pat_events.ops.event_classes import event_types

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TypeAlias

    from rich.console import RenderableType

    _ExcInfo: TypeAlias = (
        tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    )

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog

P = ParamSpec("P")
R = TypeVar("R")

# Into a file or a pipe, lines are as long as they are.
_PIPE_WIDTH: Final = 10_000

_CLIENT_LOGS: Final = ("pat_events.kafka", "pat_events.kafka.client")

console: Final = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


class _Printable(logging.Formatter):
    """Logs repeat what handlers raised, and that what strangers wrote: it begins no line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 -- logging's name
        return "  " + printable(super().formatException(ei)).replace("\n", "\n  ")


def log_to_stderr(level: int) -> None:
    """Send logs to standard error, with this level for the package's own."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("pat_events").setLevel(level)
    # The client reports each refused connection.
    silence(*_CLIENT_LOGS)


def silence(*names: str) -> None:
    """Show nothing of these logs, unless -v was given: the command says it once, at its end."""
    if not logging.getLogger("pat_events").isEnabledFor(logging.INFO):
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)


def log_like_a_service() -> None:
    """Also show what the client reports: for commands that go on through an outage."""
    for name in _CLIENT_LOGS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn this package's errors into one sentence and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except NotDrainedError as error:
            say_error(error)
            raise typer.Exit(NOT_DRAINED) from error
        except PatEventsError as error:
            say_error(error)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has gone, such as 'head'.
            discard_output()
            raise typer.Exit(FAILED) from None

    return wrapped_help(guarded)


def wrapped_help(function: Callable[P, R]) -> Callable[P, R]:
    """Make a docstring help: paragraphs that wrap, the example as it stands."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    # typer keeps the lines of a paragraph that begins with a backspace.
    function.__doc__ = "\n\n".join(
        f"\b\n{paragraph}" if paragraph.startswith("Example:") else paragraph.replace("\n", " ")
        for paragraph in paragraphs
    )
    return function


def say(text: str) -> None:
    """Write a sentence to standard error."""
    # Where not even that can be written there is nobody to tell, and no reason to end.
    with contextlib.suppress(OSError):
        sys.stderr.write(f"pat-events: {printable(text)}\n")


def event_types_if_any(catalog: Catalog) -> EventTypes | None:
    """Return the events of a catalogue; where its module is not to be had, say so."""
    try:
        return event_types(catalog)
    except CatalogError as error:
        say(f"{error}")
        say(
            f"records are shown as bytes; for events run this where {catalog.python_module} is, or "
            "install it"
        )
        return None


def say_error(error: BaseException) -> None:
    """Write an error to standard error; the traceback as well where logs are shown."""
    say(str(error))
    logging.getLogger("pat_events").debug("traceback", exc_info=error)


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever JSON can hold
    """Write one line of JSON at once."""
    # Within JSON the escapes are what the characters mean.
    line = one_line(json.dumps(value, ensure_ascii=False))
    try:
        line.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        line = json.dumps(value)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class _Table(Table):
    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:  # noqa: ANN401 -- rich's
        """Add a row; text is shown as it is, in one line and without markup."""
        shown = [Text(one_line(cell)) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*shown, **options)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; the columns in ``numbers`` are set to the right.

    Text in its cells may be of any origin: a group may be called anything.
    """
    made = _Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made
