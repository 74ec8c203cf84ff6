"""What a shell offers when Tab is pressed: names of the catalogue. Asks no broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer  # noqa: TC002 -- typer reads the annotations

from pat_events.catalog.load import load_catalog
from pat_events.errors import ConfigError
from pat_events.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pat_events.catalog.model import Catalog


def events(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of events that begin like this."""
    return _names(context, incomplete, lambda catalog: catalog.events)


def groups(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of groups that begin like this."""
    return _names(context, incomplete, lambda catalog: catalog.groups)


def topics(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of topics that begin like this."""
    return _names(context, incomplete, lambda catalog: catalog.topics)


def dead_letter_topics(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of groups' dead-letter topics that begin like this."""
    return _names(context, incomplete, _dead_letter_topics)


def _dead_letter_topics(catalog: Catalog) -> list[str]:
    return [topic for group in catalog.groups for topic in catalog.dead_letter_topics(group)]


def _names(
    context: typer.Context, incomplete: str, of: Callable[[Catalog], Iterable[str]]
) -> list[str]:
    try:
        catalog = load_catalog(context.params.get("catalog") or from_environment("catalog"))
    except ConfigError:
        # The command itself will say it; here it would stand in the middle of a line.
        return []
    return [name for name in of(catalog) if name.startswith(incomplete)]
